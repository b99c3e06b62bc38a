//! Webhooks and callbacks over real sockets, to receivers that are right, wrong, slow and gone. What depends on hours is in
//! the sender's own tests, under a time that they make.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reelmill::clock::{Clock, NodeClock};
use reelmill::download::{Dialer, Guard, Timeouts, Tls, system_resolver};
use reelmill::event::EventType;
use reelmill::notify::{CALLBACK, Callback, Poster, Secrets, Sender, Target, WEBHOOK, Webhook};
use reelmill::store::{FILE_NAME, NewEvent, Options, Store, StoreError, Transaction};
use tempfile::TempDir;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use url::Url;

use crate::support::clip::scratch;
use crate::support::receiver::{Heard, Receiver, Say};

/// Of 32 bytes, as Standard Webhooks writes them.
const NODE_KEY: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// The institution 22's own.
const SCHOOL_KEY: &str = "the school's own key, in plain text";
/// Shorter than in the field: a receiver that says nothing is to fail its attempt within the test.
const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(5), header: Duration::from_secs(2) };
const LOOPBACK: &[&str] = &["127.0.0.0/8"];

/// A store and what sends from it.
struct Post {
    runtime: Runtime,
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
    given_up: Arc<Mutex<Vec<String>>>,
    _folder: TempDir,
}

impl Post {
    fn new() -> Self {
        let folder = scratch();
        let options = Options { backup_every: None, ..Options::default() };
        let store = Arc::new(Store::open(&folder.path().join(FILE_NAME), &options).unwrap());
        Self {
            runtime: Runtime::new().unwrap(),
            store,
            clock: Arc::new(NodeClock::start()),
            wake: Arc::default(),
            given_up: Arc::default(),
            _folder: folder,
        }
    }

    fn poster(&self, allowed: &[&str]) -> Poster {
        let guard = Guard::new(allowed.iter().map(|text| text.parse().unwrap()).collect());
        let dialer = Dialer { guard, resolve: system_resolver(), tls: Tls::default(), timeouts: TIMEOUTS };
        let secrets = Secrets::parse(Some(NODE_KEY), Some(&format!("22 {SCHOOL_KEY}"))).unwrap();
        Poster { dialer, secrets, clock: Arc::clone(&self.clock) }
    }

    /// Starts a sender to the webhook at `url` and to callbacks.
    fn start(&self, url: &str, allowed: &[&str]) -> Running<'_> {
        let webhook = Webhook::new(self.poster(allowed), Url::parse(url).unwrap());
        let given_up = Arc::clone(&self.given_up);
        let sender = Sender {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            targets: vec![Arc::new(webhook) as Arc<dyn Target>, Arc::new(Callback::new(self.poster(allowed)))],
            wake: Arc::clone(&self.wake),
            on_given_up: Arc::new(move |_, told| {
                let line = format!("{} {}: {}", told.event.event_id, told.target, told.why);
                let given_up = Arc::clone(&given_up);
                Ok(Box::new(move || given_up.lock().unwrap().push(line)))
            }),
        };
        let (stop, stopped) = watch::channel(false);
        Running { post: self, stop, task: Some(self.runtime.spawn(sender.run(stopped))) }
    }

    /// Records events `class-number` of the institution for a target, in this order.
    fn record(&self, names: &[&str], target: &str, callback_url: Option<&str>) {
        let time_milliseconds = self.clock.now_milliseconds();
        let events = names.iter().map(|name| NewEvent {
            event_id: (*name).to_owned(),
            event_type: EventType::BookingReady,
            institution: "22".to_owned(),
            class_id: name.split('-').next().map(str::to_owned),
            order_key: name.split('-').next().unwrap().to_owned(),
            time_milliseconds,
            data: format!("{{\"path\":\"/{name}\"}}"),
            callback_url: callback_url.map(str::to_owned),
            targets: vec![target.to_owned()],
        });
        let events: Vec<_> = events.collect();
        let record = move |tx: &Transaction<'_>| {
            events.iter().try_for_each(|event| tx.outbox().append(event, None).map(drop))
        };
        self.store.write::<_, StoreError, _>(record).unwrap();
        self.wake.notify_one();
    }

    fn left(&self, target: &str) -> u64 {
        self.store.read::<_, StoreError, _>(|reading| reading.outbox().undelivered(target)).unwrap().count
    }
}

/// A sender at work, which ends with this value.
struct Running<'a> {
    post: &'a Post,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Running<'_> {
    /// Ends it, so that what was answered is written down.
    fn end(mut self) {
        self.stop.send_replace(true);
        self.post.runtime.block_on(self.task.take().unwrap()).unwrap();
    }
}

fn ids(heard: &[Heard]) -> Vec<&str> {
    heard.iter().map(|heard| heard.header("webhook-id")).collect()
}

/// Answers the first request so and takes all others.
fn once(first: Say) -> impl Fn(&Heard) -> Say + Send + Sync {
    move |heard| if heard.index == 0 { first.clone() } else { Say::status(204) }
}

/// What receivers are told, and how to check a signature.
const DOCUMENT: &str = include_str!("../../docs/webhooks.md");

/// Checks a signature as a receiver would, with nothing of ours but the document.
fn is_genuine(key: &str, words: [&str; 3], body: &str) -> bool {
    const RUN: &str = "
import sys
secret, *words = sys.argv[1:]
headers = dict(zip(['webhook-id', 'webhook-timestamp', 'webhook-signature'], words))
sys.exit(0 if is_genuine(secret, headers, sys.stdin.buffer.read()) else 3)";
    let check = DOCUMENT.split("```python").nth(1).unwrap().split("```").next().unwrap();
    let mut command = Command::new("python3");
    command.args(["-c", &format!("{check}{RUN}"), key]).args(words).stdin(Stdio::piped());
    let mut python = command.spawn().unwrap();
    python.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    match python.wait().unwrap().code() {
        Some(0) => true,
        Some(3) => false,
        other => panic!("the document's check ended with {other:?}"),
    }
}

fn is_signed(heard: &Heard, key: &str) -> bool {
    let words = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| heard.header(name));
    is_genuine(key, words, &heard.body)
}

#[test]
fn the_document_s_own_example_is_genuine() {
    let example = DOCUMENT.split("```").nth(1).unwrap();
    let (head, body) = example.split_once("\n\n").unwrap();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
    let words = ["webhook-id:", "webhook-timestamp:", "webhook-signature:"].map(field);
    assert!(is_genuine(NODE_KEY, words, body.trim()));
    assert!(!is_genuine(NODE_KEY, words, &body.trim().replace("17", "18")));
}

#[test]
fn an_event_is_posted_in_its_envelope_and_signed_so_that_others_can_tell() {
    let (post, receiver) = (Post::new(), Receiver::start(|_| Say::status(200)));
    let running = post.start(&receiver.url("/hook?of=school"), LOOPBACK);
    post.record(&["x-1"], WEBHOOK, None);
    let heard = receiver.until(1).remove(0);
    running.end();
    assert_eq!(heard.line, "POST /hook?of=school HTTP/1.1");
    assert_eq!((heard.header("content-type"), heard.header("webhook-id")), ("application/json", "x-1"));
    let document = heard.document();
    let keys: Vec<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["class_id", "data", "event_id", "institution_id", "sequence", "time", "type"]);
    assert_eq!((&document["type"], &document["sequence"]), (&"booking.ready".into(), &1.into()));
    assert_eq!(document["data"], serde_json::json!({"path": "/x-1"}));
    let age = post.clock.now_milliseconds() / 1000 - heard.header("webhook-timestamp").parse::<i64>().unwrap();
    assert!((0..30).contains(&age), "{age}");
    assert!(is_signed(&heard, NODE_KEY) && is_signed(&heard, SCHOOL_KEY));
    assert!(!is_signed(&heard, "another key, which nobody signed with"));
    assert_eq!(post.left(WEBHOOK), 0);
}

#[test]
fn a_callback_goes_to_the_class_s_own_address_and_is_signed_by_its_institution_alone() {
    let post = Post::new();
    let (receiver, webhook) = (Receiver::start(|_| Say::status(200)), Receiver::start(|_| Say::status(200)));
    let running = post.start(&webhook.url("/"), LOOPBACK);
    post.record(&["x-1"], CALLBACK, Some(&receiver.url("/of/x")));
    let heard = receiver.until(1).remove(0);
    running.end();
    assert_eq!(heard.line, "POST /of/x HTTP/1.1");
    assert!(is_signed(&heard, SCHOOL_KEY) && !is_signed(&heard, NODE_KEY));
    assert!(!heard.header("webhook-signature").contains(' ') && webhook.heard().is_empty());
}

#[test]
fn n1_a_receiver_that_was_down_hears_everything_once_it_is_back() {
    let post = Post::new();
    // A port that is ours, and that nobody listens at yet.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    let running = post.start(&url, LOOPBACK);
    post.record(&["x-1", "x-2", "y-1"], WEBHOOK, None);
    let attempts = || {
        let due = |reading: &reelmill::store::Reading<'_>| reading.outbox().due(WEBHOOK, i64::MAX, 10);
        post.store.read::<_, StoreError, _>(due).unwrap().iter().map(|due| due.attempt).min()
    };
    while attempts() < Some(1) {
        std::thread::yield_now();
    }
    let listener = {
        let _inside = post.runtime.enter();
        socket.listen(16).unwrap().into_std().unwrap()
    };
    listener.set_nonblocking(false).unwrap();
    let receiver = Receiver::on(listener, |_| Say::status(200));
    let heard = receiver.until(3);
    running.end();
    let of_x: Vec<_> = ids(&heard).into_iter().filter(|id| id.starts_with('x')).collect();
    assert_eq!((of_x, heard.len(), post.left(WEBHOOK)), (vec!["x-1", "x-2"], 3, 0));
}

#[test]
fn n1_an_attempt_that_failed_is_made_again_under_the_same_id_and_in_order() {
    let failures = [Say::status(500), Say::Silence, Say::Nothing, Say::status(404)];
    for first in failures {
        let (post, receiver) = (Post::new(), Receiver::start(once(first.clone())));
        let running = post.start(&receiver.url("/"), LOOPBACK);
        post.record(&["x-1", "x-2"], WEBHOOK, None);
        let heard = receiver.until(3);
        running.end();
        assert_eq!(ids(&heard), ["x-1", "x-1", "x-2"], "{first:?}");
        assert_eq!(heard[0].body, heard[1].body);
        assert!(heard[1].at - heard[0].at >= Duration::from_millis(500), "{first:?}");
        assert!(heard.iter().all(|heard| is_signed(heard, NODE_KEY)));
        assert_eq!(post.left(WEBHOOK), 0);
    }
}

#[test]
fn n1_an_answer_that_breaks_off_after_its_head_has_taken_the_event() {
    let (post, receiver) = (Post::new(), Receiver::start(|_| Say::Torn(200)));
    let running = post.start(&receiver.url("/"), LOOPBACK);
    post.record(&["x-1", "x-2"], WEBHOOK, None);
    let heard = receiver.until(2);
    running.end();
    assert_eq!((ids(&heard), post.left(WEBHOOK)), (vec!["x-1", "x-2"], 0));
}

#[test]
fn n1_a_class_whose_event_is_refused_keeps_no_other_class_waiting() {
    let refuses_x = |heard: &Heard| Say::status(if heard.header("webhook-id") == "x-1" { 500 } else { 200 });
    let (post, receiver) = (Post::new(), Receiver::start(refuses_x));
    let running = post.start(&receiver.url("/"), LOOPBACK);
    post.record(&["x-1", "x-2", "y-1", "y-2", "y-3"], WEBHOOK, None);
    let heard = receiver.until(6);
    running.end();
    let of_y: Vec<_> = ids(&heard).into_iter().filter(|id| id.starts_with('y')).collect();
    assert_eq!(of_y, ["y-1", "y-2", "y-3"]);
    assert_eq!((post.left(WEBHOOK), ids(&receiver.heard()).contains(&"x-2")), (2, false));
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Receiver::start(|_| Say::status(200));
    let lines: &'static str = format!("location: {}\r\n", other.url("/")).leak();
    let (post, receiver) = (Post::new(), Receiver::start(once(Say::Status(307, lines, String::new()))));
    let running = post.start(&receiver.url("/"), LOOPBACK);
    post.record(&["x-1"], WEBHOOK, None);
    receiver.until(2);
    running.end();
    assert!(other.heard().is_empty(), "{:?}", other.heard());
}

#[test]
fn a_receiver_may_ask_for_a_longer_wait() {
    let busy = Say::Status(503, "retry-after: 2\r\n", "closed for lunch".to_owned());
    let (post, receiver) = (Post::new(), Receiver::start(once(busy)));
    let running = post.start(&receiver.url("/"), LOOPBACK);
    post.record(&["x-1"], WEBHOOK, None);
    let heard = receiver.until(2);
    running.end();
    assert!(heard[1].at - heard[0].at >= Duration::from_millis(1900), "{heard:?}");
}

#[test]
fn a_receiver_that_is_gone_for_good_is_not_asked_again() {
    let (post, receiver) = (Post::new(), Receiver::start(once(Say::status(410))));
    let running = post.start(&receiver.url("/"), LOOPBACK);
    post.record(&["x-1", "x-2"], WEBHOOK, None);
    assert_eq!(ids(&receiver.until(2)), ["x-1", "x-2"]);
    running.end();
    assert_eq!(*post.given_up.lock().unwrap(), ["x-1 webhook: the receiver is gone (status 410)"]);
    assert_eq!(post.left(WEBHOOK), 0);
}

#[test]
fn an_address_inside_is_dialled_only_where_that_is_allowed() {
    let (post, receiver) = (Post::new(), Receiver::start(|_| Say::status(200)));
    let running = post.start(&receiver.url("/"), &[]);
    let cases =
        [Some(receiver.url("/")), Some("ftp://school.example/".to_owned()), Some("no url".to_owned()), None];
    post.record(&["w-1"], WEBHOOK, None);
    for (index, url) in cases.iter().enumerate() {
        post.record(&[&format!("c{index}-1")], CALLBACK, url.as_deref());
    }
    while post.left(CALLBACK) > 0 || post.given_up.lock().unwrap().len() < cases.len() {
        std::thread::yield_now();
    }
    running.end();
    let mut given_up = post.given_up.lock().unwrap().clone();
    given_up.sort();
    assert_eq!(
        given_up,
        [
            "c0-1 callback: 127.0.0.1 is this host itself",
            "c1-1 callback: \"ftp\" addresses are not fetched",
            "c2-1 callback: the class's address cannot be read",
            "c3-1 callback: the class named no address",
        ]
    );
    assert!(receiver.heard().is_empty(), "{:?}", receiver.heard());
    // The operator can mend the configuration, and then everything is told.
    let running = post.start(&receiver.url("/"), LOOPBACK);
    assert_eq!(ids(&receiver.until(1)), ["w-1"]);
    running.end();
    assert_eq!(post.left(WEBHOOK), 0);
}
