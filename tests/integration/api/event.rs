//! The WebSocket: replay and what happens, without a gap or a double; slow subscribers; the node's end.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reelmill::api::{Advance, Tiding};
use reelmill::store::JobId;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::client::{Running, settings};

type Socket = WebSocketStream<TcpStream>;

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

async fn subscribe(api: &Running, query: &str) -> Socket {
    subscribe_over(TcpStream::connect(api.address).await.unwrap(), query).await
}

async fn subscribe_over(stream: TcpStream, query: &str) -> Socket {
    let request = format!("ws://localhost/api/v1/events/ws{query}").into_client_request().unwrap();
    client_async(request, stream).await.unwrap().0
}

/// Returns the next text as JSON, or what the node says in closing.
async fn next(socket: &mut Socket) -> Result<Value, (u16, String)> {
    loop {
        match timeout(PATIENCE, socket.next()).await.unwrap() {
            Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(Some(frame)))) => return Err((frame.code.into(), frame.reason.to_string())),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn sequences(socket: &mut Socket, count: usize) -> Vec<i64> {
    let mut found = Vec::new();
    while found.len() < count {
        found.extend(next(socket).await.unwrap()["sequence"].as_i64());
    }
    found
}

fn progress(fraction: f64) -> Tiding {
    let advance = Advance { phase: "encoding".to_owned(), fraction: Some(fraction), eta_seconds: Some(3.0) };
    Tiding::Progress { job_id: JobId(7), institution: "22".to_owned(), class_ids: vec!["c-1".to_owned()], advance }
}

#[test]
fn what_is_recorded_comes_first_and_then_what_happens_without_a_gap_or_a_double() {
    let api = Running::start();
    for _ in 0..500 {
        api.node.record("22", "{}");
    }
    api.runtime.block_on(async {
        let mut socket = subscribe(&api, "?after=100").await;
        // More than the node's channel holds, and while the replay runs.
        for _ in 0..200 {
            api.node.happen("22");
        }
        assert_eq!(sequences(&mut socket, 600).await, (101..=700).collect::<Vec<_>>());
        api.node.tell(progress(0.5));
        let told = next(&mut socket).await.unwrap();
        assert_eq!((&told["type"], &told["fraction"]), (&"progress".into(), &0.5.into()));
        // Told out of order, one of them twice, and one recorded without a word.
        let (one, two) = (api.node.record("22", "{}"), api.node.record("7", "{}"));
        for event in [&two, &one, &two] {
            api.node.tell(Tiding::Event(event.clone()));
        }
        api.node.record("22", "{}");
        api.node.happen("22");
        assert_eq!(sequences(&mut socket, 4).await, [701, 702, 703, 704]);
    });
}

#[test]
fn without_a_cursor_only_what_happens_is_told_and_of_one_institution_where_that_is_asked() {
    let api = Running::start();
    api.node.record("22", "{}");
    api.runtime.block_on(async {
        let mut all = subscribe(&api, "").await;
        let mut ours = subscribe(&api, "?institution_id=22").await;
        all.send(Message::text("a subscriber has nothing to say, and may")).await.unwrap();
        while api.node.subscribers() < 2 {
            tokio::task::yield_now().await;
        }
        // Both have asked where they begin once they answer a ping.
        for socket in [&mut all, &mut ours] {
            socket.send(Message::Ping(Vec::new().into())).await.unwrap();
            assert!(matches!(timeout(PATIENCE, socket.next()).await.unwrap(), Some(Ok(Message::Pong(_)))));
        }
        for institution in ["22", "7", "22"] {
            api.node.happen(institution);
        }
        assert_eq!(sequences(&mut all, 3).await, [2, 3, 4]);
        assert_eq!(sequences(&mut ours, 2).await, [2, 4]);
    });
}

#[test]
fn a_cursor_before_what_is_kept_is_told_what_it_missed() {
    let api = Running::start();
    for _ in 0..10 {
        api.node.record("22", "{}");
    }
    api.node.forget_up_to(5);
    api.runtime.block_on(async {
        let mut socket = subscribe(&api, "?after=2").await;
        let gap = next(&mut socket).await.unwrap();
        assert_eq!((&gap["type"], &gap["after"], &gap["oldest"]), (&"gap".into(), &2.into(), &6.into()));
        assert_eq!(sequences(&mut socket, 5).await, [6, 7, 8, 9, 10]);
        let mut whole = subscribe(&api, "?after=5").await;
        assert_eq!(sequences(&mut whole, 5).await, [6, 7, 8, 9, 10]);
    });
}

#[test]
fn a_cursor_ahead_of_the_node_and_one_before_events_that_are_all_gone_are_told_and_go_on_from_now() {
    let api = Running::start();
    for _ in 0..10 {
        api.node.record("22", "{}");
    }
    let ahead = api.get("/api/v1/events?after=9223372036854775807").json();
    assert_eq!((&ahead["gap"], &ahead["latest"], &ahead["next"]), (&true.into(), &10.into(), &Value::Null));
    assert_eq!(api.get("/api/v1/events?after=4").json()["gap"], false);
    api.runtime.block_on(async {
        for after in [11, i64::MAX] {
            let mut socket = subscribe(&api, &format!("?after={after}")).await;
            let gap = next(&mut socket).await.unwrap();
            assert_eq!((&gap["type"], &gap["after"]), (&"gap".into(), &after.into()));
            let oldest = gap["oldest"].as_i64().unwrap();
            assert_eq!(api.node.happen("22"), oldest);
            assert_eq!(sequences(&mut socket, 1).await, [oldest]);
        }
    });
    api.node.forget_up_to(12);
    assert_eq!(api.get("/api/v1/events?after=4").json()["gap"], true);
    assert_eq!(api.get("/api/v1/events").json()["gap"], false, "nobody has asked for what is gone");
    api.runtime.block_on(async {
        let mut socket = subscribe(&api, "?after=4").await;
        let gap = next(&mut socket).await.unwrap();
        assert_eq!((&gap["type"], &gap["after"], &gap["oldest"]), (&"gap".into(), &4.into(), &13.into()));
    });
}

#[test]
fn a_subscriber_that_is_kept_busy_over_a_slow_line_is_asked_before_it_is_given_up() {
    let mut settings = settings();
    settings.limits.ping_time = Duration::from_millis(500);
    let api = Running::with(settings);
    api.runtime.block_on(async {
        // What waits between the two is read in much less time than a question has.
        let line = TcpSocket::new_v4().unwrap();
        line.set_recv_buffer_size(64 << 10).unwrap();
        let mut socket = subscribe_over(line.connect(api.address).await.unwrap(), "?after=0").await;
        let data = format!("{{\"text\":\"{}\"}}", "x".repeat(1_000_000));
        for _ in 0..60 {
            api.node.record("22", &data);
        }
        let first = api.node.happen("22");
        // All together they take longer than three questions.
        for sequence in 1..=first {
            timeout(Duration::from_millis(40), std::future::pending::<()>()).await.unwrap_err();
            assert_eq!(sequences(&mut socket, 1).await, [sequence]);
        }
        // It answers each question while it listens, and is there still.
        let asked = timeout(Duration::from_secs(2), next(&mut socket)).await;
        assert!(asked.is_err(), "nothing but questions: {asked:?}");
        let last = api.node.happen("22");
        assert_eq!(sequences(&mut socket, 1).await, [last]);
    });
}

#[test]
fn a_subscriber_that_answers_nothing_is_given_up_after_two_questions() {
    let mut settings = settings();
    settings.limits.ping_time = Duration::from_millis(50);
    let api = Running::with(settings);
    api.runtime.block_on(async {
        let _socket = subscribe(&api, "?after=0").await;
        while api.node.subscribers() == 0 {
            tokio::task::yield_now().await;
        }
        let gone = async {
            while api.node.subscribers() > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, gone).await.unwrap();
    });
}

#[test]
fn a2_a_subscriber_that_does_not_read_is_sent_away_and_loses_nothing_for_good() {
    let api = Running::start();
    api.runtime.block_on(async {
        let mut socket = subscribe(&api, "?after=0").await;
        let first = api.node.happen("22");
        assert_eq!(sequences(&mut socket, 1).await, [first]);
        // Far more than the system's buffers and the queue hold together.
        let data = format!("{{\"text\":\"{}\"}}", "x".repeat(100_000));
        let mut last = first;
        while api.node.subscribers() > 0 {
            let event = api.node.record("22", &data);
            last = event.sequence;
            api.node.tell(Tiding::Event(event));
            tokio::task::yield_now().await;
            assert!(last < 20_000, "it was never sent away");
        }
        let mut heard = first;
        let (code, reason) = loop {
            match next(&mut socket).await {
                Ok(event) => {
                    assert_eq!(event["sequence"], heard + 1);
                    heard += 1;
                }
                Err(farewell) => break farewell,
            }
        };
        assert_eq!((code, reason.contains("after=")), (1013, true), "{reason}");
        drop(socket);
        let mut again = subscribe(&api, &format!("?after={heard}")).await;
        let count = usize::try_from(last - heard).unwrap();
        assert_eq!(sequences(&mut again, count).await, (heard + 1..=last).collect::<Vec<_>>());
    });
}

#[test]
fn there_are_as_many_subscribers_as_there_are_seats_and_all_are_told_when_the_node_ends() {
    let mut settings = settings();
    settings.limits.subscribers_max = 1;
    let mut api = Running::with(settings);
    let mut socket = api.runtime.block_on(subscribe(&api, "?after=0"));
    let upgrade =
        ["upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="];
    let ask = |headers: &[&str]| {
        let lines: Vec<&str> = upgrade.iter().chain(headers).copied().collect();
        let text = format!("GET /api/v1/events/ws HTTP/1.1\r\nhost: localhost\r\n{}\r\n\r\n", lines.join("\r\n"));
        api.raw(text.as_bytes())
    };
    let told = ask(&["connection: upgrade"]);
    assert_eq!((told.status, told.code().as_str(), told.header("retry-after")), (429, "API_BUSY", Some("1")));
    assert_eq!(ask(&["connection: upgrade", "origin: https://evil.example"]).code(), "API_ORIGIN");
    assert_eq!(api.get("/api/v1/events/ws").code(), "API_REQUEST");
    let farewell = api.runtime.spawn(async move { next(&mut socket).await });
    api.end().unwrap();
    let farewell = api.runtime.block_on(farewell).unwrap();
    assert_eq!(farewell.unwrap_err().0, 1001);
}
