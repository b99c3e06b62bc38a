//! The sender with targets that do as they are told, in a time that passes only when everybody waits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep};

use super::{Refused, Sender, Sending, Target};
use crate::clock::Clock;
use crate::event::EventType;
use crate::store::{Event, FILE_NAME, NewEvent, Options, Store, StoreError, Undelivered};

/// When the tests begin, in Unix milliseconds.
const BEGAN: i64 = 1_760_000_000_000;
const HOUR: i64 = 3_600_000;

/// Follows the runtime's time, and can be set forward.
#[derive(Debug)]
struct PausedClock {
    began: Instant,
    ahead: AtomicI64,
}

impl Clock for PausedClock {
    fn now_milliseconds(&self) -> i64 {
        let passed = i64::try_from(self.began.elapsed().as_millis()).unwrap();
        BEGAN + passed + self.ahead.load(Ordering::SeqCst)
    }
}

/// One attempt: when it began, in milliseconds since the beginning, and of which event.
type Try = (i64, String);
type Script = Box<dyn Fn(&Event, usize) -> (Duration, Result<(), Refused>) + Send + Sync>;

/// A target that answers by a script, which is told how many times it saw the event before.
struct Fake {
    clock: Arc<PausedClock>,
    script: Script,
    tries: watch::Sender<Vec<Try>>,
    seen: Mutex<HashMap<String, usize>>,
    together: AtomicUsize,
    together_max: AtomicUsize,
}

impl Target for Fake {
    fn name(&self) -> &str {
        "fake"
    }

    fn send<'a>(&'a self, event: &'a Event) -> Sending<'a> {
        Box::pin(async move {
            let before = {
                let mut seen = self.seen.lock().unwrap();
                let count = seen.entry(event.event_id.clone()).or_default();
                *count += 1;
                *count - 1
            };
            let (takes, result) = (self.script)(event, before);
            let now = self.clock.now_milliseconds() - BEGAN;
            self.tries.send_modify(|tries| tries.push((now, event.event_id.clone())));
            let together = self.together.fetch_add(1, Ordering::SeqCst) + 1;
            self.together_max.fetch_max(together, Ordering::SeqCst);
            sleep(takes).await;
            self.together.fetch_sub(1, Ordering::SeqCst);
            result
        })
    }

    /// The first letter of the class.
    fn door(&self, event: &Event) -> String {
        event.class_id.as_deref().unwrap_or_default().chars().take(1).collect()
    }
}

/// A store, a fake and a sender between them.
struct Post {
    store: Arc<Store>,
    clock: Arc<PausedClock>,
    fake: Arc<Fake>,
    wake: Arc<Notify>,
    given_up: Arc<Mutex<Vec<String>>>,
    /// What is to be written with the next that is given up cannot be.
    is_refused: Arc<AtomicBool>,
    _folder: TempDir,
}

impl Post {
    fn new(script: impl Fn(&Event, usize) -> (Duration, Result<(), Refused>) + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { backup_every: None, ..Options::default() };
        let store = Arc::new(Store::open(&folder.path().join(FILE_NAME), &options).unwrap());
        let clock = Arc::new(PausedClock { began: Instant::now(), ahead: AtomicI64::new(0) });
        let fake = Fake {
            clock: Arc::clone(&clock),
            script: Box::new(script),
            tries: watch::Sender::new(Vec::new()),
            seen: Mutex::default(),
            together: AtomicUsize::new(0),
            together_max: AtomicUsize::new(0),
        };
        let wake = Arc::new(Notify::new());
        Self {
            store,
            clock,
            fake: Arc::new(fake),
            wake,
            given_up: Arc::default(),
            is_refused: Arc::default(),
            _folder: folder,
        }
    }

    /// Records events `class-number` for the fake, in this order.
    async fn record(&self, names: &[&str]) {
        let now = self.clock.now_milliseconds();
        let events: Vec<_> = names.iter().map(|name| new(name, now)).collect();
        let record = move |tx: &crate::store::Transaction<'_>| {
            events.iter().try_for_each(|event| tx.outbox().append(event, None).map(drop))
        };
        // Blocks also the test's time, which would else go on while the disk is waited for.
        let store = Arc::clone(&self.store);
        spawn_blocking(move || store.write::<_, StoreError, _>(record)).await.unwrap().unwrap();
    }

    fn start(&self) -> (watch::Sender<bool>, JoinHandle<()>) {
        let (given_up, is_refused) = (Arc::clone(&self.given_up), Arc::clone(&self.is_refused));
        let sender = Sender {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            targets: vec![Arc::clone(&self.fake) as Arc<dyn Target>],
            wake: Arc::clone(&self.wake),
            on_given_up: Arc::new(move |tx, told| {
                let alarm = new(&format!("alarm-{}", told.event.event_id), BEGAN);
                tx.outbox().append(&NewEvent { targets: Vec::new(), ..alarm }, None)?;
                if is_refused.swap(false, Ordering::SeqCst) {
                    return Err(StoreError::Busy("this once".to_owned()));
                }
                let (given_up, line) =
                    (Arc::clone(&given_up), format!("{} {}: {}", told.event.event_id, told.target, told.why));
                Ok(Box::new(move || given_up.lock().unwrap().push(line)))
            }),
        };
        let (stop, stopped) = watch::channel(false);
        (stop, tokio::spawn(sender.run(stopped)))
    }

    /// Waits until the attempts satisfy `wanted`.
    async fn until(&self, wanted: impl Fn(&[Try]) -> bool) {
        self.fake.tries.subscribe().wait_for(|tries| wanted(tries)).await.unwrap();
    }

    /// Runs until that many attempts were made, and ends the sender.
    async fn run_until(&self, count: usize) -> Vec<Try> {
        let (stop, task) = self.start();
        self.until(|tries| tries.len() >= count).await;
        stop.send_replace(true);
        task.await.unwrap();
        self.fake.tries.borrow().clone()
    }

    fn left(&self) -> u64 {
        let left: Result<Undelivered, StoreError> = self.store.read(|reading| reading.outbox().undelivered("fake"));
        left.unwrap().count
    }
}

fn new(name: &str, now: i64) -> NewEvent {
    let (class, _) = name.split_once('-').unwrap();
    let event_type = if class == "alarm" { EventType::Alarm } else { EventType::BookingReady };
    NewEvent {
        event_id: name.to_owned(),
        event_type,
        institution: String::new(),
        class_id: Some(class.to_owned()),
        order_key: class.to_owned(),
        time_milliseconds: now,
        data: "{}".to_owned(),
        callback_url: None,
        targets: vec!["fake".to_owned()],
    }
}

const AT_ONCE: Duration = Duration::ZERO;

fn names<'a>(tries: &'a [Try], class: &str) -> Vec<&'a str> {
    tries.iter().map(|(_, name)| name.as_str()).filter(|name| name.split('-').next() == Some(class)).collect()
}

#[tokio::test(start_paused = true)]
async fn n1_a_class_keeps_its_order_while_another_one_goes_on() {
    let post = Post::new(|event, before| {
        let fails = event.event_id == "x-1" && before < 3;
        (AT_ONCE, if fails { Err(Refused::later("500")) } else { Ok(()) })
    });
    post.record(&["x-1", "y-1", "x-2", "y-2"]).await;
    let tries = post.run_until(7).await;
    assert_eq!(names(&tries, "x"), ["x-1", "x-1", "x-1", "x-1", "x-2"]);
    assert_eq!(names(&tries, "y"), ["y-1", "y-2"]);
    let last_of_y = tries.iter().rposition(|(_, name)| name == "y-2").unwrap();
    let second_of_x = tries.iter().position(|(at, name)| name == "x-1" && *at > 0).unwrap();
    assert!(last_of_y < second_of_x, "{tries:?}");
    assert_eq!(post.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn n1_after_ten_minutes_of_outage_everything_is_told_once_in_order_and_within_a_minute() {
    const OUTAGE: i64 = 600_000;
    let clock: Arc<Mutex<Option<Arc<PausedClock>>>> = Arc::default();
    let known = Arc::clone(&clock);
    let post = Post::new(move |_, _| {
        let now = known.lock().unwrap().as_ref().unwrap().now_milliseconds() - BEGAN;
        (AT_ONCE, if now < OUTAGE { Err(Refused::later("down")) } else { Ok(()) })
    });
    *clock.lock().unwrap() = Some(Arc::clone(&post.clock));
    post.record(&["x-1", "x-2", "y-1", "x-3", "y-2", "z-1"]).await;
    let (stop, task) = post.start();
    let is_back = |tries: &[Try]| tries.iter().filter(|(at, _)| *at >= OUTAGE).count() >= 6;
    post.until(is_back).await;
    stop.send_replace(true);
    task.await.unwrap();
    let tries = post.fake.tries.borrow().clone();
    let (during, after): (Vec<Try>, Vec<Try>) = tries.into_iter().partition(|(at, _)| *at < OUTAGE);
    assert!(during.len() < 3 * 25, "{} attempts at a closed door", during.len());
    assert_eq!(names(&after, "x"), ["x-1", "x-2", "x-3"]);
    assert_eq!((names(&after, "y"), names(&after, "z")), (vec!["y-1", "y-2"], vec!["z-1"]));
    assert!(after.iter().all(|(at, _)| *at <= OUTAGE + 61_000), "{after:?}");
    assert_eq!(post.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_taken_for_three_days_is_given_up_and_the_next_one_goes() {
    let post = Post::new(|event, _| {
        (AT_ONCE, if event.event_id.ends_with("-1") { Err(Refused::later("down")) } else { Ok(()) })
    });
    post.record(&["x-1", "alarm-1"]).await;
    let (stop, task) = post.start();
    post.until(|tries| tries.len() == 2).await;
    post.clock.ahead.store(72 * HOUR, Ordering::SeqCst);
    post.record(&["x-2"]).await;
    post.until(|tries| tries.iter().any(|(_, name)| name == "x-2")).await;
    post.until(|tries| names(tries, "alarm").len() == 2).await;
    stop.send_replace(true);
    task.await.unwrap();
    assert_eq!(names(&post.fake.tries.borrow(), "x"), ["x-1", "x-1", "x-2"]);
    let given_up = post.given_up.lock().unwrap().clone();
    assert_eq!(given_up, ["x-1 fake: not taken for 72 hours: down"], "an alarm raises no alarm");
    assert_eq!(post.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_not_tried_again() {
    let post = Post::new(|event, _| {
        let never = || Refused::Never { why: "gone".to_owned() };
        (AT_ONCE, if event.event_id == "x-1" { Err(never()) } else { Ok(()) })
    });
    post.record(&["x-1", "x-2"]).await;
    assert_eq!(names(&post.run_until(2).await, "x"), ["x-1", "x-2"]);
    assert_eq!((post.given_up.lock().unwrap().clone(), post.left()), (vec!["x-1 fake: gone".to_owned()], 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_refusal_means_is_written_with_it_or_neither_is_and_then_it_comes_again() {
    let post = Post::new(|_, _| (AT_ONCE, Err(Refused::Never { why: "gone".to_owned() })));
    post.record(&["x-1"]).await;
    post.is_refused.store(true, Ordering::SeqCst);
    let (stop, task) = post.start();
    let recorded = || post.store.read(|reading| reading.outbox().after(0, 9)).unwrap().len();
    post.until(|tries| tries.len() == 1).await;
    while post.is_refused.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    assert_eq!((post.left(), recorded(), post.given_up.lock().unwrap().len()), (1, 1, 0));
    while post.given_up.lock().unwrap().is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!((post.left(), recorded()), (0, 2));
    stop.send_replace(true);
    task.await.unwrap();
    assert_eq!((post.fake.tries.borrow().len(), post.given_up.lock().unwrap().len()), (1, 1), "it is sent once");
}

#[tokio::test(start_paused = true)]
async fn eight_are_sent_together_and_of_one_class_one() {
    let post = Post::new(|_, _| (Duration::from_secs(1), Ok(())));
    let classes: Vec<String> = (0..20).map(|number| format!("c{number}-1")).collect();
    post.record(&classes.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let tries = post.run_until(20).await;
    assert_eq!(post.fake.together_max.load(Ordering::SeqCst), 8);
    assert!(tries.iter().all(|(at, _)| *at <= 3000), "{tries:?}");
    let post = Post::new(|_, _| (Duration::from_secs(1), Ok(())));
    post.record(&["x-1", "x-2", "x-3"]).await;
    post.run_until(3).await;
    assert_eq!(post.fake.together_max.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_closed_door_keeps_nobody_from_the_others() {
    let post = Post::new(|event, _| {
        let is_dead = event.class_id.as_deref().is_some_and(|class| class.starts_with('d'));
        if is_dead { (Duration::from_secs(20), Err(Refused::later("silence"))) } else { (AT_ONCE, Ok(())) }
    });
    let dead: Vec<String> = (0..100).map(|number| format!("d{number}-1")).collect();
    post.record(&dead.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (stop, task) = post.start();
    // The first eight find out that it is closed.
    post.until(|tries| tries.iter().any(|(at, _)| *at >= 20_000)).await;
    let now = post.clock.now_milliseconds() - BEGAN;
    post.record(&["x-1", "x-2", "y-1"]).await;
    post.wake.notify_one();
    post.until(|tries| names(tries, "x").len() + names(tries, "y").len() == 3).await;
    let tries = post.fake.tries.borrow().clone();
    assert!(tries.iter().filter(|(_, name)| !name.starts_with('d')).all(|(at, _)| *at <= now + 1000), "{tries:?}");
    assert_eq!(post.fake.together_max.load(Ordering::SeqCst), 8);
    stop.send_replace(true);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn many_closed_doors_leave_half_of_the_places_to_the_open_ones() {
    let post = Post::new(|event, _| {
        let is_dead = event.class_id.as_deref().is_some_and(|class| class.starts_with(char::is_uppercase));
        if is_dead { (Duration::from_secs(20), Err(Refused::later("silence"))) } else { (AT_ONCE, Ok(())) }
    });
    let dead: Vec<String> = ('A'..='Z').flat_map(|door| [1, 2].map(|class| format!("{door}{class}-1"))).collect();
    post.record(&dead.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (stop, task) = post.start();
    // By then each door was found closed.
    post.until(|tries| tries.iter().any(|(at, _)| *at >= 200_000)).await;
    let now = post.clock.now_milliseconds() - BEGAN;
    post.record(&["x-1", "x-2", "y-1"]).await;
    post.wake.notify_one();
    post.until(|tries| names(tries, "x").len() + names(tries, "y").len() == 3).await;
    let tries = post.fake.tries.borrow().clone();
    let open = tries.iter().filter(|(_, name)| name.starts_with(char::is_lowercase));
    assert!(open.clone().all(|(at, _)| *at <= now + 1000), "{:?}", open.collect::<Vec<_>>());
    stop.send_replace(true);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_an_end_and_one_that_panics_are_failed_attempts() {
    let post = Post::new(|event, before| match (event.event_id.as_str(), before) {
        ("x-1", 0) => (Duration::from_hours(1), Ok(())),
        ("y-1", 0) => panic!("a target's own fault"),
        _ => (AT_ONCE, Ok(())),
    });
    post.record(&["x-1", "y-1"]).await;
    let (stop, task) = post.start();
    post.until(|tries| names(tries, "x").len() == 2 && names(tries, "y").len() == 1).await;
    stop.send_replace(true);
    task.await.unwrap();
    let second = post.fake.tries.borrow().iter().filter(|(_, name)| name == "x-1").nth(1).unwrap().0;
    assert!((30_000..=31_100).contains(&second), "{second}");
    assert_eq!(post.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_ring_is_heard_at_once_and_a_missed_one_costs_a_second() {
    let post = Post::new(|_, _| (AT_ONCE, Ok(())));
    let (stop, task) = post.start();
    post.record(&["x-1"]).await;
    post.wake.notify_one();
    post.until(|tries| tries.len() == 1).await;
    assert_eq!(post.fake.tries.borrow()[0].0, 0);
    let recorded = post.clock.now_milliseconds() - BEGAN;
    post.record(&["y-1"]).await;
    post.until(|tries| tries.len() == 2).await;
    assert!(post.fake.tries.borrow()[1].0 <= recorded + 1000);
    stop.send_replace(true);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_at_the_end_is_written_down_and_the_rest_told_after_the_start() {
    let post = Post::new(|event, before| {
        let is_slow = event.event_id == "y-1" && before == 0;
        (if is_slow { Duration::from_secs(10) } else { Duration::from_secs(1) }, Ok(()))
    });
    post.record(&["x-1", "x-2", "y-1"]).await;
    let tries = post.run_until(2).await;
    assert_eq!((names(&tries, "x"), names(&tries, "y")), (vec!["x-1"], vec!["y-1"]));
    assert_eq!(post.left(), 2);
    let tries = post.run_until(4).await;
    assert_eq!((names(&tries, "x"), names(&tries, "y")), (vec!["x-1", "x-2"], vec!["y-1", "y-1"]));
    assert_eq!(post.left(), 0);
}
