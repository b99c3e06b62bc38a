//! The rules by which a class's way is decided, through both doors that Redis has: the streams, and the channels of the systems
//! in the field. What comes of it is read where those who are told read it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use reelmill::event::EventType;
use serde_json::{Value, json};

use super::{booking, origin, publish, rendition, xadd};
use crate::support::oracle_node::check;
use crate::support::origin::Origin;
use crate::support::receiver::{Receiver, Say};
use crate::support::redis::Redis;
use crate::support::worker::{SOON, Settings, Worker, until};

/// By which door messages come.
#[derive(Clone, Copy, Debug)]
enum Way {
    Stream,
    Channel,
}

/// A node that asks another system, and what is around it.
struct Stage {
    redis: Redis,
    origin: Origin,
    worker: Worker,
    /// The other system: it takes every request and answers as the test says.
    cloud: Receiver,
    way: Way,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Stage {
    fn set(way: Way, providers: &str, more: &[(&str, &str)]) -> Self {
        let redis = Redis::on_port();
        let heard = listen(&redis);
        let settings = Settings::of("a").redis(&redis).with("transcode.providers", providers);
        let cloud = Receiver::start(|_| Say::status(202));
        let settings = settings.with("oss.url", &format!("'{}'", cloud.url("/transcode")));
        let settings = more.iter().fold(settings, |settings, (key, value)| settings.with(key, value));
        let worker = Worker::start(settings);
        let stage = Self { redis, origin: origin(), worker, cloud, way, heard };
        until("the bridge listens", SOON, || {
            (stage.redis.command("PUBSUB NUMSUB class:booking") == "class:booking\n1").then_some(())
        });
        stage
    }

    fn book(&self, body: &Value) {
        match self.way {
            Way::Stream => xadd(&self.redis, "reelmill:bookings", body),
            Way::Channel => publish(&self.redis, "class:booking", body),
        }
    }

    fn result(&self, record: &str, result: &str, more: &Value) {
        let mut body =
            json!({ "cmd": "transcoding", "record_id": record, "video_resolution": "480P", "result": result });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        match self.way {
            Way::Stream => xadd(&self.redis, "reelmill:control", &body),
            Way::Channel => publish(&self.redis, "class:transcoding", &body),
        }
    }

    /// Books what must be made, and waits until somebody was asked for it.
    fn book_rendition(&self, class: &str, record: &str) {
        self.book(&rendition(class, record, "480P", &self.origin));
        self.until_state(class, "transcoding");
    }

    fn until_state(&self, class: &str, state: &str) {
        until(&format!("{class} is {state}"), SOON, || {
            let is_so = self.worker.booking(class)["state"] == state;
            is_so.then_some(())
        });
    }

    fn failed(&self, class: &str, code: u16) -> Value {
        let event = self.worker.until_told(class, "booking.failed");
        assert_eq!(event["data"]["code"], code, "{event}");
        event
    }

    fn requests(&self, record: &str) -> Vec<Value> {
        let events = self.worker.events().into_iter();
        events
            .filter(|event| event["type"] == "transcode.requested" && event["data"]["record_id"] == record)
            .collect()
    }

    /// Everything holds, and the stream and the channel tell what the interface does: all of it once, each class's in order.
    fn end(self) {
        check(&[&self.worker]);
        let own: Vec<Value> = self.worker.events();
        let own: Vec<Value> =
            own.into_iter().filter(|event| event["type"] != EventType::JobChanged.name()).collect();
        let in_stream = || {
            let mut asking = redis::Client::open(self.redis.url()).unwrap().get_connection().unwrap();
            let range = redis::cmd("XRANGE").arg("reelmill:events").arg("-").arg("+").to_owned();
            let entries: Vec<(String, Vec<String>)> = range.query(&mut asking).unwrap();
            let read = |(_, fields): (_, Vec<String>)| serde_json::from_str(&fields[1]).unwrap();
            let all: Vec<Value> = entries.into_iter().map(read).collect();
            (all.len() >= own.len()).then_some(all)
        };
        let streamed = until("all is in the stream", SOON, in_stream);
        let heard = until("all is on the channel", SOON, || {
            let heard = self.heard.lock().unwrap();
            (heard.len() >= own.len()).then(|| heard.clone())
        });
        let requests = own.iter().filter(|event| event["type"] == "transcode.requested");
        let requests = requests.filter(|event| event["data"]["provider"] == "oss").count();
        assert_eq!(self.cloud.until(requests).len(), requests, "each request goes to the other system once");
        for told in [streamed, heard] {
            assert_eq!(by_class(&told), by_class(&own));
        }
    }
}

/// Returns what is published of events from now on.
fn listen(redis: &Redis) -> Arc<Mutex<Vec<Value>>> {
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let (heard, (listens, waits)) = (Arc::<Mutex<Vec<Value>>>::default(), mpsc::sync_channel(1));
    let shared = Arc::clone(&heard);
    // Not joined: it ends with Redis.
    thread::spawn(move || {
        let mut listening = connection.as_pubsub();
        listening.subscribe("class:event").unwrap();
        listens.send(()).unwrap();
        while let Ok(message) = listening.get_message() {
            let text: String = message.get_payload().unwrap();
            shared.lock().unwrap().push(serde_json::from_str(&text).unwrap());
        }
    });
    waits.recv().unwrap();
    heard
}

/// Returns the events of each class, in order; those of no class by their names.
fn by_class(events: &[Value]) -> BTreeMap<String, Vec<&Value>> {
    let mut all: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for event in events {
        let class = event["class_id"].as_str().unwrap_or_else(|| event["event_id"].as_str().unwrap());
        all.entry(class.to_owned()).or_default().push(event);
    }
    all
}

fn both(providers: &str, more: &[(&str, &str)], test: impl Fn(&Stage)) {
    for way in [Way::Stream, Way::Channel] {
        let stage = Stage::set(way, providers, more);
        test(&stage);
        stage.end();
    }
}

#[test]
fn a_class_gets_what_its_booking_lists_and_a_legacy_class_the_recording_as_it_is() {
    both("['oss']", &[], |stage| {
        stage.book(&booking("c-1", "1", &stage.origin));
        let mut listed = rendition("c-2", "2", "480P", &stage.origin);
        listed["video_url_list"] = json!({ "480p": stage.origin.url("/listed.flv") });
        listed["institution_id"] = 22.into();
        stage.book(&listed);
        let legacy = stage.worker.until_told("c-1", "booking.ready");
        assert_eq!(legacy["data"]["path"], stage.worker.root().join("1/1.flv").to_str().unwrap());
        let listed = stage.worker.until_told("c-2", "booking.ready");
        assert_eq!(listed["data"]["path"], stage.worker.root().join("22/2/2_480P.flv").to_str().unwrap());
        assert_eq!((super::asked(&stage.origin, "/2.flv"), stage.requests("2").len()), (0, 0));
    });
}

#[test]
fn classes_wait_for_one_request_and_a_success_serves_them_all() {
    both("['oss']", &[], |stage| {
        stage.book_rendition("c-1", "1");
        stage.book_rendition("c-2", "1");
        assert_eq!(stage.requests("1").len(), 1);
        // A failure of somebody else's, and of an attempt that nobody made, says nothing.
        stage.result("1", "fail", &json!({ "type": "ecs" }));
        stage.result("1", "fail", &json!({ "type": "oss", "attempt": 7 }));
        let made = json!({ "type": "oss", "transcode_video_url": stage.origin.url("/made.flv") });
        stage.result("1", "sucess", &made);
        for class in ["c-1", "c-2"] {
            let ready = stage.worker.until_told(class, "booking.ready");
            assert_eq!(ready["data"]["path"], stage.worker.root().join("1/1_480P.flv").to_str().unwrap());
        }
        // What is in the cache needs no word of anybody, and raises no alarm.
        stage.book(&rendition("c-3", "1", "480P", &stage.origin));
        stage.worker.until_told("c-3", "booking.ready");
        assert!(!stage.worker.events().iter().any(|event| event["type"] == "alarm"), "{}", stage.worker.log());
    });
}

#[test]
fn a_success_on_record_is_fetched_with_a_501_as_a_warning_and_one_without_an_address_fails_with_it() {
    both("['oss']", &[], |stage| {
        stage.book_rendition("c-1", "1");
        stage.worker.post("/api/v1/control", r#"{"cmd":"cancel","class_id":"c-1"}"#);
        stage.until_state("c-1", "cancelled");
        stage.result("1", "success", &json!({ "type": "oss", "transcode_video_url": stage.origin.url("/1.flv") }));
        stage.worker.until_event("the success", |event| event["type"] == "transcode.succeeded");
        stage.book(&rendition("c-2", "1", "480P", &stage.origin));
        stage.worker.until_told("c-2", "booking.ready");
        assert_eq!(stage.worker.until_alarm("URL_MISSING")["data"]["code"], 501);
        stage.book_rendition("c-3", "3");
        stage.result("3", "success", &json!({ "type": "oss" }));
        stage.failed("c-3", 501);
        stage.book(&rendition("c-4", "3", "480P", &stage.origin));
        stage.failed("c-4", 501);
    });
}

#[test]
fn a_failure_goes_to_the_next_provider_and_that_of_the_last_fails_the_classes_with_208() {
    both("['oss', 'local']", &[], |stage| {
        stage.book_rendition("c-1", "1");
        stage.result("1", "fail", &json!({ "type": "oss", "attempt": 1 }));
        stage.worker.until_told("c-1", "booking.ready");
        let asked: Vec<Value> = stage.requests("1").iter().map(|event| event["data"]["provider"].clone()).collect();
        assert_eq!(asked, ["oss", "local"]);
    });
    both("['oss']", &[], |stage| {
        stage.book_rendition("c-1", "1");
        stage.result("1", "fail", &json!({}));
        stage.failed("c-1", 208);
        stage.book_rendition("c-2", "1");
        assert_eq!(stage.requests("1").last().unwrap()["data"]["attempt"], 2);
        stage.result("1", "fail", &json!({ "type": "oss", "attempt": 2 }));
        stage.failed("c-2", 208);
    });
}

#[test]
fn a_deadline_goes_to_the_next_provider_with_a_warning_and_that_of_the_last_fails_the_classes_with_207() {
    let short = [("booking.transcoding_timeout", "'1s'")];
    both("['oss', 'local']", &short, |stage| {
        stage.book_rendition("c-1", "1");
        assert_eq!(stage.worker.until_alarm("PROVIDER_TIMED_OUT")["data"]["code"], 207);
        stage.worker.until_told("c-1", "booking.ready");
    });
    both("['oss']", &short, |stage| {
        stage.book_rendition("c-1", "1");
        stage.failed("c-1", 207);
        stage.book(&rendition("c-2", "1", "480P", &stage.origin));
        stage.failed("c-2", 207);
        assert_eq!(stage.requests("1").len(), 1, "nobody is asked again so soon");
        // A late success is kept, and nobody is called twice.
        stage.result("1", "success", &json!({ "type": "oss", "transcode_video_url": stage.origin.url("/1.flv") }));
        stage.worker.until_event("the success", |event| event["type"] == "transcode.succeeded");
        stage.book(&rendition("c-3", "1", "480P", &stage.origin));
        stage.worker.until_told("c-3", "booking.ready");
    });
}

#[test]
fn a_rendition_that_timed_out_is_asked_for_again_after_a_while() {
    let soon = [("booking.transcoding_timeout", "'1s'"), ("booking.retry_after_timeout", "'0s'")];
    both("['oss']", &soon, |stage| {
        stage.book_rendition("c-1", "1");
        stage.failed("c-1", 207);
        stage.book_rendition("c-2", "1");
        stage.failed("c-2", 207);
        assert_eq!(stage.requests("1").len(), 2);
    });
}

#[test]
fn b7_a_result_that_nobody_asked_for_is_an_alarm_and_no_more() {
    both("['oss']", &[], |stage| {
        stage.result("9", "success", &json!({ "type": "oss", "transcode_video_url": stage.origin.url("/9.flv") }));
        stage.worker.until_alarm("UNKNOWN_RESULT");
        stage.result("9", "fail", &json!({}));
        until("they are acknowledged", SOON, || {
            (super::pending(&stage.redis, "reelmill:control", "a") == 0).then_some(())
        });
        // The class comes as if nothing had been said.
        stage.book_rendition("c-1", "9");
        stage.result("9", "fail", &json!({}));
        stage.failed("c-1", 208);
        let alarms = stage.worker.events().into_iter().filter(|event| event["type"] == "alarm");
        assert_eq!(alarms.count(), 1, "those of a minute are one");
    });
}

#[test]
fn a_class_waits_no_longer_than_all_may_and_never_past_its_own_end() {
    both("['oss']", &[("booking.timeout", "'3s'")], |stage| {
        stage.book_rendition("c-1", "1");
        assert!(stage.failed("c-1", 207)["data"]["reason"].as_str().unwrap().contains("too long"));
        let mut late = rendition("c-2", "2", "480P", &stage.origin);
        late["end_time"] = 1_760_003_600.into();
        stage.book(&late);
        assert!(stage.failed("c-2", 207)["data"]["reason"].as_str().unwrap().contains("ended"));
    });
}
