//! What each route answers.

use reelmill::booking::Channel;

use super::client::{Running, settings};

const BOOKING: &str =
    r#"{"class_id":"c-1029","institution_id":"22","record_id":6666,"video_url":"http://origin/6666.flv"}"#;

#[test]
fn a_booking_is_taken_once_and_found_by_its_class() {
    let api = Running::start();
    let first = api.ask("POST /api/v1/bookings", &["idempotency-key: k-1"], BOOKING);
    assert_eq!((first.status, first.code().as_str()), (202, "none"));
    assert_eq!(first.header("location"), Some("/api/v1/bookings/c-1029?institution_id=22"));
    let taken = first.json();
    assert_eq!((&taken["outcome"], &taken["was_there"]), (&"booked".into(), &false.into()), "{taken}");
    let booking = &taken["booking"];
    assert_eq!(booking["class_id"], "c-1029");
    assert_eq!(booking["state"], "downloading");
    assert_eq!(booking["start_time"], 1_760_000_000);
    assert_eq!(booking["updated_at"], "2025-10-09T08:53:20.250Z");

    assert_eq!(api.ask("POST /api/v1/bookings", &[], BOOKING).status, 200);
    let found = api.get("/api/v1/bookings/c-1029?institution_id=22");
    assert_eq!((found.status, &found.json()), (200, booking));
    assert_eq!(api.get("/api/v1/bookings/c-1029").code(), "API_NOT_FOUND");
    let order = api.node.orders().remove(0);
    assert_eq!((order.channel, order.idempotency_key.as_deref()), (Channel::Bookings, Some("k-1")));
    assert_eq!(order.body, BOOKING.as_bytes());
}

#[test]
fn a_message_that_is_none_and_a_key_of_another_message_are_refused() {
    let api = Running::start();
    let told = api.ask("POST /api/v1/bookings", &[], "{");
    assert_eq!((told.status, told.code().as_str()), (400, "MSG_INVALID"));
    assert_eq!(told.json()["field"], "message");
    assert_eq!(api.ask("POST /api/v1/bookings", &["idempotency-key: k"], BOOKING).status, 202);
    assert_eq!(api.ask("POST /api/v1/bookings", &["idempotency-key: k"], BOOKING).status, 200);
    let told = api.ask("POST /api/v1/bookings", &["idempotency-key: k"], r#"{"class_id":"c-2"}"#);
    assert_eq!((told.status, told.code().as_str()), (409, "API_KEY_REUSED"));
    for headers in [vec!["idempotency-key:"], vec!["idempotency-key: a", "idempotency-key: a"]] {
        assert_eq!(api.ask("POST /api/v1/bookings", &headers, BOOKING).code(), "API_REQUEST", "{headers:?}");
    }
}

#[test]
fn a3_a_class_that_ends_twice_is_told_so_and_nothing_else() {
    let api = Running::start();
    api.ask("POST /api/v1/bookings", &[], BOOKING);
    let over = r#"{"cmd":"over","class_id":"c-1029","institution_id":"22"}"#;
    for was_live in [true, false] {
        let told = api.ask("POST /api/v1/control", &[], over);
        assert_eq!((told.status, &told.json()["was_live"]), (200, &was_live.into()));
    }
    let told = api.ask("DELETE /api/v1/bookings/c-1029?institution_id=22", &[], "");
    assert_eq!((told.status, &told.json()["outcome"]), (200, &"ended".into()));
    let cancel = api.node.orders().pop().unwrap();
    assert_eq!(cancel.body, br#"{"cmd":"cancel","class_id":"c-1029","institution_id":"22"}"#);
    assert_eq!(cancel.channel, Channel::Control);
    let result = r#"{"cmd":"transcoding","record_id":6666,"video_resolution":"720P","result":"sucess"}"#;
    assert_eq!(api.ask("POST /api/v1/control", &[], result).json()["is_known"], false);
}

#[test]
fn lists_come_in_pages_with_a_cursor_to_go_on_behind() {
    let api = Running::start();
    for class in ["c-1", "c-2", "c-3"] {
        api.ask("POST /api/v1/bookings", &[], &format!(r#"{{"class_id":"{class}","institution_id":"22"}}"#));
    }
    let first = api.get("/api/v1/bookings?limit=2").json();
    assert_eq!((first["items"].as_array().unwrap().len(), &first["next"]), (2, &"2".into()));
    let rest = api.get("/api/v1/bookings?limit=2&after=2").json();
    assert_eq!((rest["items"].as_array().unwrap().len(), rest["next"].is_null()), (1, true));
    assert_eq!(api.get("/api/v1/bookings?state=ready").json()["items"].as_array().unwrap().len(), 0);
    let files = api.get("/api/v1/cache/files?limit=1").json();
    assert_eq!((&files["items"][0]["path"], &files["next"]), (&"22/6666/6666.flv".into(), &"22/6666".into()));
    assert_eq!(api.get("/api/v1/cache/files?limit=1&after=22%2F6666").json()["next"], "22/6666_720P");
    assert_eq!(api.get("/api/v1/jobs?limit=3").json()["next"], serde_json::Value::Null);
    for query in
        ["limit=0", "limit=201", "limit=x", "limit=-1", "after=x", "after=-1", "state=sleeping", "limit=1&limit=2"]
    {
        let told = api.get(&format!("/api/v1/bookings?{query}"));
        assert_eq!((told.status, told.code().as_str()), (400, "API_REQUEST"), "{query}");
    }
    for path in ["jobs?kind=x", "jobs?state=x", "jobs/x", "cache/files?after=..", "events?after=x"] {
        assert_eq!(api.get(&format!("/api/v1/{path}")).code(), "API_REQUEST", "{path}");
    }
}

#[test]
fn jobs_are_told_without_what_their_executor_alone_needs_and_begin_anew_once() {
    let api = Running::start();
    let told = api.get("/api/v1/jobs/1");
    let job = told.json();
    assert_eq!((&job["state"], &job["phase"], &job["fraction"]), (&"held".into(), &"proving".into(), &0.5.into()));
    assert!(!told.text().contains("hunter2"), "{job}");
    assert_eq!(api.get("/api/v1/jobs/9").code(), "API_NOT_FOUND");
    assert_eq!(api.ask("POST /api/v1/jobs/1/retry", &[], "").status, 200);
    let again = api.ask("POST /api/v1/jobs/1/retry", &[], "");
    assert_eq!((again.status, again.code().as_str()), (409, "API_STATE"));
    assert_eq!(api.ask("POST /api/v1/jobs/9/retry", &[], "").code(), "API_NOT_FOUND");
    assert_eq!(api.ask("POST /api/v1/jobs/retry?kind=transcode", &[], "").json()["retried"], 3);
    assert_eq!(api.ask("POST /api/v1/jobs/2/cancel", &[], "").status, 200);
    assert_eq!(api.ask("POST /api/v1/jobs/3/cancel", &[], "").code(), "API_STATE");
}

#[test]
fn files_of_the_cache_are_kept_and_let_go_by_their_names() {
    let api = Running::start();
    let stat = api.get("/api/v1/cache");
    assert_eq!(stat.json()["all"]["files"], 2);
    assert!(!stat.text().contains("/var/"), "{stat:?}");
    for key in ["22%2F6666_720P", "6666_720P?institution_id=22", "22%2F6666_720P?institution_id=22"] {
        assert_eq!(api.get(&format!("/api/v1/cache/files/{key}")).json()["key"], "22/6666_720P", "{key}");
    }
    assert_eq!(api.get("/api/v1/cache/files/22%2F6666?institution_id=7").code(), "API_REQUEST");
    let pin =
        api.ask("POST /api/v1/cache/files/6666/pin?name=ann&for_seconds=60&institution_id=22", &[], "").json();
    assert_eq!((&pin["name"], &pin["until"]), (&"ann".into(), &"2025-10-09T08:54:20.000Z".into()));
    let unpin = |name| {
        let told = api.ask(&format!("POST /api/v1/cache/files/22%2F6666/unpin?name={name}"), &[], "");
        told.json()["was_pinned"].clone()
    };
    assert_eq!((unpin("ann"), unpin("bob")), (true.into(), false.into()));
    assert_eq!(api.ask("POST /api/v1/cache/files/6666/pin?name=", &[], "").code(), "API_REQUEST");
    let evict = |key| {
        let told = api.ask(&format!("DELETE /api/v1/cache/files/22%2F{key}"), &[], "");
        (told.status, told.code())
    };
    assert_eq!(evict("1"), (200, "none".to_owned()));
    assert_eq!(evict("6666"), (409, "CACHE_HELD".to_owned()));
    assert_eq!(evict("6667"), (404, "CACHE_MISSING".to_owned()));
    assert_eq!(evict("6668"), (503, "CACHE_DIR_NOT_MOUNTED".to_owned()));
    assert_eq!(evict("%2e%2e"), (400, "CACHE_KEY".to_owned()));
}

#[test]
fn events_are_replayed_behind_a_cursor_and_what_is_kept_is_told() {
    let api = Running::start();
    for institution in ["22", "7", "22", "22"] {
        api.node.happen(institution);
    }
    api.node.forget_up_to(1);
    let page = api.get("/api/v1/events?limit=2&institution_id=22").json();
    assert_eq!((&page["oldest"], &page["latest"], &page["next"]), (&2.into(), &4.into(), &serde_json::Value::Null));
    let event = &page["items"][0];
    assert_eq!((&event["sequence"], &event["type"]), (&3.into(), &"booking.ready".into()));
    assert_eq!((&event["time"], &event["data"]["record_id"]), (&"2025-10-09T08:53:20.003Z".into(), &"6666".into()));
    assert!(event.get("job_id").is_none(), "{event}");
    assert_eq!(api.get("/api/v1/events?limit=1&after=2").json()["next"], "3");
}

#[test]
fn how_the_node_is_is_told_to_those_who_restart_and_those_who_send() {
    let api = Running::start();
    assert_eq!((api.get("/healthz").status, api.get("/healthz").text().as_str()), (200, "ok\n"));
    assert_eq!(api.get("/readyz").json()["checks"][0]["name"], "database");
    let metrics = api.get("/metrics");
    assert_eq!((metrics.text().as_str(), metrics.status), ("reelmill_up 1\n", 200));
    api.node.drain();
    let ready = api.get("/readyz");
    assert_eq!((ready.status, &ready.json()["draining"]), (503, &true.into()));
    let refused = api.ask("POST /api/v1/bookings", &[], BOOKING);
    assert_eq!((refused.status, refused.code().as_str()), (503, "API_DRAINING"));
    assert_eq!((refused.header("retry-after"), api.node.orders().len()), (Some("1"), 0));
    assert_eq!(api.get("/api/v1/bookings").status, 200);
    assert_eq!(api.get("/healthz").status, 200);
}

#[test]
fn a_fault_of_ours_is_told_without_its_words_and_a_node_that_stands_still_is_not_waited_for() {
    let mut settings = settings();
    settings.limits.request_time = std::time::Duration::from_millis(50);
    let api = Running::with(settings);
    api.node.stop_jobs();
    let told = api.get("/api/v1/jobs/1");
    assert_eq!((told.status, told.code().as_str(), &told.json()["retryable"]), (408, "API_TIMEOUT", &true.into()));
    api.node.break_jobs();
    let told = api.get("/api/v1/jobs/1");
    assert_eq!((told.status, told.code().as_str()), (500, "API_INTERNAL"));
    assert_eq!(api.get("/healthz").status, 200);
}

#[test]
fn a_request_keeps_its_id_and_gets_one_otherwise() {
    let api = Running::start();
    let told = api.ask("GET /api/v1/bookings/none", &["x-request-id: mine-1"], "");
    assert_eq!((told.header("x-request-id"), &told.json()["request_id"]), (Some("mine-1"), &"mine-1".into()));
    let made = api.get("/healthz");
    assert_eq!(made.header("x-request-id").map(str::len), Some(16));
}
