//! A node that lives in memory: it remembers what it was told, and answers by what a test put into it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use reelmill::api::{
    Advance, Answer, ApiError, BookingFilter, BookingView, Check, Events, Health, JobFilter, JobView, Node, Order,
    Page, Pin, Taken, Tiding,
};
use reelmill::booking::{ClassKey, Invalid};
use reelmill::cache::{
    CacheError, EntryState, EntryView, Eviction, Held, Holder, HolderKind, Key, Limits, Stat, Tally, Why,
};
use reelmill::event::EventType;
use reelmill::store::{Event, Job, JobId, JobKind, JobState};
use serde_json::Value;
use tokio::sync::broadcast;

/// The node.
pub(crate) struct Fake {
    state: Mutex<State>,
    tidings: broadcast::Sender<Arc<Tiding>>,
}

#[derive(Default)]
struct State {
    orders: Vec<Order>,
    bookings: BTreeMap<(String, String), BookingView>,
    answers: BTreeMap<String, Vec<u8>>,
    events: Vec<Event>,
    forgotten: i64,
    pins: Vec<(String, String)>,
    held: bool,
    is_draining: bool,
    panics: bool,
    stands_still: bool,
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        // Few, so that subscribers lag behind in tests.
        Arc::new(Self {
            state: Mutex::new(State { held: true, ..State::default() }),
            tidings: broadcast::channel(8).0,
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Returns the messages that came.
    pub(crate) fn orders(&self) -> Vec<Order> {
        self.with(|state| state.orders.clone())
    }

    /// Makes the node end.
    pub(crate) fn drain(&self) {
        self.with(|state| state.is_draining = true);
    }

    /// Makes everything that is asked about jobs panic.
    pub(crate) fn break_jobs(&self) {
        self.with(|state| state.panics = true);
    }

    /// Makes everything that is asked about jobs take for ever.
    pub(crate) fn stop_jobs(&self) {
        self.with(|state| state.stands_still = true);
    }

    /// Records an event without telling of it.
    pub(crate) fn record(&self, institution: &str, data: &str) -> Event {
        self.with(|state| {
            let sequence = state.events.last().map_or(1, |event| event.sequence + 1);
            let event = Event {
                sequence,
                event_id: format!("event-{sequence}"),
                event_type: EventType::BookingReady,
                institution: institution.to_owned(),
                class_id: Some("c-1".to_owned()),
                job_id: None,
                time_milliseconds: 1_760_000_000_000 + sequence,
                data: data.to_owned(),
                callback_url: None,
            };
            state.events.push(event.clone());
            event
        })
    }

    /// Records an event and tells of it.
    pub(crate) fn happen(&self, institution: &str) -> i64 {
        let event = self.record(institution, r#"{"record_id":"6666"}"#);
        let sequence = event.sequence;
        self.tell(Tiding::Event(event));
        sequence
    }

    /// Tells of something.
    pub(crate) fn tell(&self, tiding: Tiding) {
        let _ = self.tidings.send(Arc::new(tiding));
    }

    /// Forgets the events up to that sequence.
    pub(crate) fn forget_up_to(&self, sequence: i64) {
        self.with(|state| {
            state.events.retain(|event| event.sequence > sequence);
            state.forgotten = sequence;
        });
    }

    /// Returns how many subscribe.
    pub(crate) fn subscribers(&self) -> usize {
        self.tidings.receiver_count()
    }

    fn taken(&self, order: &Order) -> Taken {
        let Ok(message) = serde_json::from_slice::<Value>(&order.body) else {
            return Taken::Invalid(Invalid {
                field: "message".to_owned(),
                rule: "it must be a JSON object",
                got: "something else".to_owned(),
                class: None,
            });
        };
        let named = message["institution_id"].as_str().map(ToOwned::to_owned);
        if order.institution.is_some() && named.is_some() && named != order.institution {
            return Taken::Foreign;
        }
        let class = ClassKey {
            institution: named.or_else(|| order.institution.clone()).unwrap_or_default(),
            class_id: message["class_id"].as_str().unwrap_or_default().to_owned(),
        };
        let key = (class.institution.clone(), class.class_id.clone());
        self.with(|state| {
            if let Some(name) = &order.idempotency_key
                && state.answers.insert(name.clone(), order.body.clone()).is_some_and(|first| first != order.body)
            {
                return Taken::KeyReused;
            }
            match message["cmd"].as_str() {
                Some("transcoding") => Taken::Noted { is_known: false },
                Some("over" | "cancel") => {
                    let booking = state.bookings.get_mut(&key);
                    let was_live = booking.as_ref().is_some_and(|booking| booking.state == "downloading");
                    let booking = booking.map(|booking| {
                        booking.state = "cancelled";
                        booking.clone()
                    });
                    Taken::Ended { booking, was_live }
                }
                _ => {
                    let was_there = state.bookings.contains_key(&key);
                    let id = i64::try_from(state.bookings.len()).unwrap() + 1;
                    let booking = state.bookings.entry(key).or_insert_with(|| view(id, class)).clone();
                    Taken::Booked { booking, was_there }
                }
            }
        })
    }
}

fn view(id: i64, class: ClassKey) -> BookingView {
    BookingView {
        id,
        class,
        sequence: 1,
        state: "downloading",
        code: None,
        error: String::new(),
        reason: String::new(),
        record: "6666".to_owned(),
        resolution: Some("720P".to_owned()),
        path: None,
        url: "http://origin/6666.flv".to_owned(),
        eta_seconds: Some(2.5),
        accepted_milliseconds: 1_760_000_000_000,
        updated_milliseconds: 1_760_000_000_250,
        start_milliseconds: Some(1_760_000_000_000),
        end_milliseconds: None,
    }
}

fn job(id: i64) -> JobView {
    let job = Job {
        id: JobId(id),
        institution: "22".to_owned(),
        kind: JobKind::Transcode,
        key: format!("22/{id}_720P"),
        state: JobState::Held,
        priority: 50,
        deadline_milliseconds: None,
        attempt: 3,
        lease_number: 3,
        lease_owner: None,
        lease_until_milliseconds: None,
        phase: "encoding".to_owned(),
        failure: None,
        input: r#"{"secret":"hunter2"}"#.to_owned(),
        output: None,
        parent: None,
        needs: None,
        start_milliseconds: None,
        predicted_milliseconds: 0,
        not_before_milliseconds: 0,
        recoveries: 0,
        created_milliseconds: 0,
        updated_milliseconds: 0,
    };
    JobView { job, advance: Some(Advance { phase: "proving".to_owned(), fraction: Some(0.5), eta_seconds: None }) }
}

fn entry(key: &str) -> EntryView {
    let key = Key::parse(key).unwrap();
    EntryView {
        path: key.path(),
        key,
        state: EntryState::Ready,
        bytes: 7,
        sha256: None,
        url: String::new(),
        created_milliseconds: 0,
        used_milliseconds: 0,
        sequence: 1,
        holders: Vec::new(),
        goes_after: Some(0),
        note: String::new(),
    }
}

fn done<T: Send + 'static>(value: T) -> Answer<'static, T> {
    Box::pin(async { Ok(value) })
}

fn pages<T>(items: impl Iterator<Item = T>, limit: u32, cursor: impl Fn(&T) -> String) -> Page<T> {
    let mut items: Vec<T> = items.take(limit as usize + 1).collect();
    let has_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| has_more).map(cursor);
    Page { items, next }
}

impl Node for Fake {
    fn take(&self, order: Order) -> Answer<'_, Taken> {
        let taken = self.taken(&order);
        self.with(|state| state.orders.push(order));
        done(taken)
    }

    fn booking(&self, class: ClassKey) -> Answer<'_, Option<BookingView>> {
        done(self.with(|state| state.bookings.get(&(class.institution, class.class_id)).cloned()))
    }

    fn bookings(&self, filter: BookingFilter, after: i64, limit: u32) -> Answer<'_, Page<BookingView>> {
        let mut found: Vec<BookingView> = self.with(|state| state.bookings.values().cloned().collect());
        found.sort_by_key(|view| view.id);
        let is_asked = |view: &BookingView| {
            view.id > after
                && filter.institution.as_ref().is_none_or(|asked| *asked == view.class.institution)
                && filter.state.is_none_or(|asked| asked == view.state)
        };
        done(pages(found.into_iter().filter(is_asked), limit, |view| view.id.to_string()))
    }

    fn job(&self, id: JobId) -> Answer<'_, Option<JobView>> {
        if self.with(|state| state.panics) {
            panic!("a fault in the node, at /var/secret");
        }
        if self.with(|state| state.stands_still) {
            return Box::pin(std::future::pending());
        }
        done((1..=3).contains(&id.0).then(|| job(id.0)))
    }

    fn jobs(&self, filter: JobFilter, after: i64, limit: u32) -> Answer<'_, Page<JobView>> {
        let ours = filter.institution.is_none_or(|institution| institution == "22");
        done(pages((after + 1..=3).filter(|_| ours).map(job), limit, |view| view.job.id.to_string()))
    }

    fn retry(&self, _: JobId) -> Answer<'_, Option<bool>> {
        done(Some(self.with(|state| std::mem::take(&mut state.held))))
    }

    fn retry_all(&self, filter: JobFilter) -> Answer<'_, u64> {
        done(if filter.kind == Some(JobKind::Fetch) { 0 } else { 3 })
    }

    fn cancel_job(&self, id: JobId) -> Answer<'_, Option<bool>> {
        done(Some(id.0 != 3))
    }

    fn cache_stat(&self) -> Answer<'_, Stat> {
        let none = Tally::default();
        done(Stat {
            root: "/var/secret".into(),
            limits: Limits { bytes_max: 100, count_max: 10, free_bytes_min: 1 },
            all: Tally { files: 2, bytes: 14 },
            held: none,
            evictable: none,
            evict_failed: none,
            quarantined: none,
            unproven: none,
            work: none,
            disk: None,
            owner: Some(1),
        })
    }

    fn cache_files(
        &self,
        institution: Option<String>,
        after: Option<Key>,
        limit: u32,
    ) -> Answer<'_, Page<EntryView>> {
        let files = ["22/6666", "22/6666_720P", "7/6666"].map(entry).into_iter();
        let is_asked = |view: &EntryView| {
            institution.as_ref().is_none_or(|asked| asked == view.key.institution())
                && after.as_ref().is_none_or(|after| view.key > *after)
        };
        done(pages(files.filter(is_asked).collect::<Vec<_>>().into_iter(), limit, |view| view.key.to_string()))
    }

    fn cache_why(&self, key: Key) -> Answer<'_, Why> {
        done(Why { key, entry: None, evicted: None, next: vec![entry("22/6666"), entry("7/6666")] })
    }

    fn pin(&self, pin: Pin) -> Answer<'_, Held> {
        self.with(|state| state.pins.push((pin.key.to_string(), pin.name.clone())));
        let until = pin.for_milliseconds.map(|length| 1_760_000_000_000 + i64::try_from(length).unwrap());
        done(Held {
            holder: Holder { kind: HolderKind::Pin, name: pin.name },
            since_milliseconds: 1_760_000_000_000,
            until_milliseconds: until,
        })
    }

    fn unpin(&self, key: Key, name: String) -> Answer<'_, bool> {
        done(self.with(|state| state.pins.contains(&(key.to_string(), name))))
    }

    fn evict(&self, key: Key, reason: String) -> Answer<'_, Eviction> {
        let error = match key.to_string().as_str() {
            "22/6666" => CacheError::Held { key: key.to_string(), holder: "pin ann".to_owned() },
            "22/6667" => CacheError::Missing(key.to_string()),
            "22/6668" => CacheError::NotMounted { root: "/var/secret".into(), why: "it is gone".to_owned() },
            _ => {
                return done(Eviction { key, bytes: 7, reason, used_milliseconds: 0, time_milliseconds: 0 });
            }
        };
        Box::pin(async { Err(ApiError::node(error)) })
    }

    fn events(&self, institution: Option<String>, after: i64, limit: u32) -> Answer<'_, Events> {
        done(self.with(|state| {
            let is_asked = |event: &&Event| {
                event.sequence > after && institution.as_ref().is_none_or(|asked| *asked == event.institution)
            };
            let found = state.events.iter().filter(is_asked).cloned();
            let Page { items, next } = pages(found, limit, |event| event.sequence.to_string());
            let last = state.events.last().map_or(state.forgotten, |event| event.sequence);
            let bounds = (last > 0).then_some((state.forgotten + 1, last));
            Events { events: items, has_more: next.is_some(), bounds }
        }))
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<Tiding>> {
        self.tidings.subscribe()
    }

    fn health(&self) -> Health {
        let check = Check { name: "database", is_ok: true, detail: "well".to_owned() };
        Health { checks: vec![check], is_draining: self.with(|state| state.is_draining) }
    }

    fn metrics(&self) -> String {
        "reelmill_up 1\n".to_owned()
    }
}
