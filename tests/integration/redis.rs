//! Messages come out of a real Redis, whatever becomes of it and of those who read: each row of the fault list ends as it
//! says. What takes the messages here only writes down what came.

mod bridge;
mod claim;
mod odd;
mod outage;
mod target;
mod tls;

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use reelmill::booking::consumer::{Consumer, Delivery, Intake, Settings, Status, Verdict, Verdicts};
use reelmill::booking::{Channel, Invalid};
use reelmill::redis_server::RedisServer;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use url::Url;

use crate::support::redis::Redis;

/// Whatever is to happen soon has happened by then, on a machine that does many other things.
const SOON: Duration = Duration::from_secs(20);

/// What a test's intake does with a delivery.
#[derive(Clone, Copy)]
enum Answer {
    Keep,
    Refuse,
    /// Not durable.
    Fail,
    /// Kept, after this time.
    Slow(Duration),
}

/// Says what to do with a delivery, by its body and by how many came before it.
type Script = Box<dyn Fn(&str, usize) -> Answer + Send + Sync>;

/// Writes down what came, in order.
struct Recorder {
    came: Mutex<Vec<Delivery>>,
    kept: Mutex<Vec<Delivery>>,
    script: Script,
}

impl Recorder {
    async fn answer(&self, delivery: Delivery) -> Result<Verdict, String> {
        let before = {
            let mut came = self.came.lock().unwrap();
            came.push(delivery.clone());
            came.len() - 1
        };
        match (self.script)(&String::from_utf8_lossy(&delivery.body), before) {
            Answer::Fail => return Err("the disk is full".to_owned()),
            Answer::Refuse => {
                let field = "class_id".to_owned();
                let invalid = Invalid { field, rule: "a text", got: "7".to_owned(), class: None };
                return Ok(Verdict::Refused { invalid, sequence: 0 });
            }
            Answer::Slow(time) => tokio::time::sleep(time).await,
            Answer::Keep => {}
        }
        let class = self.class(&delivery.body, delivery.channel);
        self.kept.lock().unwrap().push(delivery);
        Ok(class.map_or(Verdict::Kept, |_| Verdict::Booked { sequence: 1, lives: Duration::from_secs(3600) }))
    }
}

impl Intake for Recorder {
    fn take(&self, deliveries: Vec<Delivery>) -> Verdicts<'_> {
        Box::pin(async move {
            let mut verdicts = Vec::new();
            for delivery in deliveries {
                verdicts.push(self.answer(delivery).await);
            }
            verdicts
        })
    }

    fn class(&self, body: &[u8], channel: Channel) -> Option<String> {
        let json: serde_json::Value = serde_json::from_slice(body).ok()?;
        json["class_id"].as_str().filter(|_| channel == Channel::Bookings).map(str::to_owned)
    }
}

/// A node's reading side; ended with this value, as a kill would end it.
struct Node {
    recorder: Arc<Recorder>,
    status: Arc<Status>,
    stop: watch::Sender<bool>,
    runtime: Option<Runtime>,
    task: tokio::task::JoinHandle<()>,
}

impl Node {
    /// Starts one that keeps whatever comes.
    fn start(url: &str, name: &str) -> Self {
        Self::scripted(url, name, |_, _| Answer::Keep)
    }

    fn scripted(url: &str, name: &str, script: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        let recorder =
            Arc::new(Recorder { came: Mutex::default(), kept: Mutex::default(), script: Box::new(script) });
        let status = Arc::new(Status::default());
        let runtime = Runtime::new().unwrap();
        let (stop, stopped) = watch::channel(false);
        let intake: Arc<dyn Intake> = Arc::clone(&recorder) as Arc<dyn Intake>;
        let consumer = Consumer::new(settings(url, name), intake, Arc::clone(&status));
        let task = runtime.spawn(consumer.run(stopped));
        Self { recorder, status, stop, runtime: Some(runtime), task }
    }

    /// Waits until it reads.
    fn reading(self) -> Self {
        until("it reads", SOON, || self.status.is_connected() && self.status.nodes() > 0);
        self
    }

    /// Ends it in order, and returns when it has ended.
    fn stop(mut self) {
        self.stop.send_replace(true);
        until("it ends", SOON, || self.task.is_finished());
        self.runtime.take().unwrap().shutdown_background();
    }

    /// Returns the bodies that were kept of a channel, in order.
    fn kept(&self, channel: Channel) -> Vec<String> {
        let kept = self.recorder.kept.lock().unwrap();
        let bodies = kept.iter().filter(|delivery| delivery.channel == channel);
        bodies.map(|delivery| String::from_utf8_lossy(&delivery.body).into_owned()).collect()
    }

    fn bookings(&self) -> Vec<String> {
        self.kept(Channel::Bookings)
    }

    fn control(&self) -> Vec<String> {
        self.kept(Channel::Control)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn settings(url: &str, name: &str) -> Settings {
    Settings {
        server: RedisServer::at(&Url::parse(url).unwrap(), None).unwrap(),
        node_id: name.to_owned(),
        bookings_stream: "reelmill:bookings".to_owned(),
        control_stream: "reelmill:control".to_owned(),
        dead_stream: "reelmill:dead".to_owned(),
        bookings_channel: "class:booking".to_owned(),
        results_channel: "class:transcoding".to_owned(),
    }
}

/// Waits until something is so, and fails the test where it takes longer than that.
fn until(what: &str, patience: Duration, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < patience, "after {patience:?}: not yet {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn book(redis: &Redis, body: &str) -> String {
    redis.words(&["XADD", "reelmill:bookings", "*", "message", body])
}

fn tell(redis: &Redis, body: &str) -> String {
    redis.words(&["XADD", "reelmill:control", "*", "message", body])
}

fn publish(redis: &Redis, channel: &str, body: &str) {
    redis.words(&["PUBLISH", channel, body]);
}

/// Waits until a Redis that was started again has read what it kept.
fn ready(redis: &Redis) {
    until("it is ready", SOON, || redis.command("PING") == "PONG");
}

/// Returns how many entries a group has read and not acknowledged.
fn pending(redis: &Redis, stream: &str, group: &str) -> u64 {
    redis.command(&format!("XPENDING {stream} {group}")).lines().next().unwrap().parse().unwrap()
}

fn sorted(mut bodies: Vec<String>) -> Vec<String> {
    bodies.sort();
    bodies
}

/// Returns that many different bookings.
fn bodies(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{{\"class_id\":\"c-{number:05}\"}}")).collect()
}

#[test]
fn a_booking_reaches_one_node_and_a_control_message_every_node() {
    let redis = Redis::start("");
    let nodes = [Node::start(&redis.url(), "a").reading(), Node::start(&redis.url(), "b").reading()];
    let bodies = bodies(20);
    for body in &bodies {
        book(&redis, body);
    }
    tell(&redis, "over");
    until("all is there", SOON, || {
        let bookings: usize = nodes.iter().map(|node| node.bookings().len()).sum();
        bookings == bodies.len() && nodes.iter().all(|node| node.control() == ["over"])
    });
    let all = nodes.iter().flat_map(Node::bookings).collect();
    assert_eq!(sorted(all), bodies);
    for (stream, group) in [("bookings", "reelmill"), ("control", "a"), ("control", "b")] {
        until("it is acknowledged", SOON, || pending(&redis, &format!("reelmill:{stream}"), group) == 0);
    }
    until("they know of each other", SOON, || nodes.iter().all(|node| node.status.nodes() == 2));
    assert!(!nodes[0].status.is_only_node());
}

#[test]
fn a_booking_waits_for_the_first_node_and_an_old_end_is_not_for_a_new_node() {
    let redis = Redis::start("");
    book(&redis, "early");
    tell(&redis, "old");
    let node = Node::start(&redis.url(), "a").reading();
    tell(&redis, "new");
    until("both are there", SOON, || node.bookings() == ["early"] && node.control() == ["new"]);
}

#[test]
fn ten_thousand_bookings_come_in_order_and_are_all_acknowledged() {
    let redis = Redis::start("");
    let node = Node::start(&redis.url(), "a").reading();
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let bodies = bodies(10_000);
    for some in bodies.chunks(1000) {
        let mut pipe = redis::pipe();
        for body in some {
            pipe.cmd("XADD").arg("reelmill:bookings").arg("*").arg("message").arg(body).ignore();
        }
        pipe.exec(&mut connection).unwrap();
    }
    until("all are acknowledged", SOON, || node.status.kept() == 10_000);
    assert_eq!(node.bookings(), bodies);
    assert_eq!(pending(&redis, "reelmill:bookings", "reelmill"), 0);
}

#[test]
fn a_node_that_is_stopped_acknowledges_what_it_has_and_says_goodbye() {
    let redis = Redis::start("");
    let node = Node::scripted(&redis.url(), "a", |_, _| Answer::Slow(Duration::from_millis(300))).reading();
    book(&redis, "in hand");
    until("it is in hand", SOON, || !node.recorder.came.lock().unwrap().is_empty());
    let recorder = Arc::clone(&node.recorder);
    node.stop();
    assert_eq!(recorder.kept.lock().unwrap().len(), 1);
    assert_eq!(pending(&redis, "reelmill:bookings", "reelmill"), 0);
    let absent = "return redis.call('ZSCORE', KEYS[1], 'a') < tostring(redis.call('TIME')[1] - 29)";
    assert_eq!(redis.words(&["EVAL", absent, "1", "reelmill:nodes"]), "1");
    assert_eq!(redis.command("EXISTS reelmill:bridge"), "0");
}

#[test]
fn a_redis_that_may_lose_what_it_has_is_told_of() {
    let redis = Redis::start("");
    redis.command("CONFIG SET maxmemory-policy allkeys-lru");
    let node = Node::start(&redis.url(), "a").reading();
    let advice = node.status.advice().unwrap();
    assert!(advice.contains("appendonly is no") && advice.contains("allkeys-lru, not noeviction"), "{advice}");
    assert_eq!(node.status.complaint(), None);
}
