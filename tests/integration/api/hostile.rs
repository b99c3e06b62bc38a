//! Clients that mean no good, or do not know better: requests that are none, that are too long, that never end.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::client::{Running, Told, settings};

#[test]
fn a1_what_is_no_request_is_refused_and_never_a_fault_of_ours() {
    let api = Running::start();
    let host = "host: localhost\r\nconnection: close\r\n";
    let json = "content-type: application/json\r\n";
    let long = "x".repeat(40_000);
    let headers: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    for (what, request, statuses) in [
        ("no words", "\r\n\r\nhello\r\n\r\n".to_owned(), [400].as_slice()),
        ("no host", "GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(), &[400]),
        ("an empty host", "GET /healthz HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n".to_owned(), &[400]),
        ("two hosts", format!("GET /healthz HTTP/1.1\r\nhost: evil.example\r\n{host}\r\n"), &[400]),
        ("a long address", format!("GET /{long} HTTP/1.1\r\n{host}\r\n"), &[431]),
        ("many headers", format!("GET /healthz HTTP/1.1\r\n{headers}{host}\r\n"), &[431]),
        ("a long header", format!("GET /healthz HTTP/1.1\r\nx: {long}\r\n{host}\r\n"), &[431]),
        ("TRACE", format!("TRACE /healthz HTTP/1.1\r\n{host}\r\n"), &[405]),
        ("CONNECT", format!("CONNECT localhost:80 HTTP/1.1\r\n{host}\r\n"), &[400, 404, 405]),
        ("a method of its own", format!("PURGE /api/v1/cache HTTP/1.1\r\n{host}\r\n"), &[405]),
        ("a way up", format!("GET /api/v1/../../etc/passwd HTTP/1.1\r\n{host}\r\n"), &[404]),
        ("an encoded way up", format!("GET /docs/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n{host}\r\n"), &[404]),
        ("two slashes", format!("GET //api//v1//bookings HTTP/1.1\r\n{host}\r\n"), &[404]),
        ("a zero", format!("GET /api/v1/bookings/%00 HTTP/1.1\r\n{host}\r\n"), &[404]),
        ("no UTF-8", format!("GET /api/v1/bookings/%ff HTTP/1.1\r\n{host}\r\n"), &[400]),
        ("no UTF-8 asked", format!("GET /api/v1/bookings?state=%ff HTTP/1.1\r\n{host}\r\n"), &[400]),
        ("another version", format!("GET /healthz HTTP/3.7\r\n{host}\r\n"), &[400]),
        (
            "a negative length",
            format!("POST /api/v1/bookings HTTP/1.1\r\n{json}{host}content-length: -1\r\n\r\n"),
            &[400],
        ),
        (
            "two lengths",
            format!(
                "POST /api/v1/bookings HTTP/1.1\r\n{json}{host}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}"
            ),
            &[400],
        ),
        (
            "a length that is not kept",
            format!("POST /api/v1/bookings HTTP/1.1\r\n{json}{host}transfer-encoding: chunked\r\n\r\nzz\r\n"),
            &[400],
        ),
        (
            "a zipped body",
            format!(
                "POST /api/v1/bookings HTTP/1.1\r\n{json}{host}content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{{}}"
            ),
            &[415],
        ),
        (
            "a form",
            format!(
                "POST /api/v1/bookings HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\n{host}content-length: 3\r\n\r\na=b"
            ),
            &[415],
        ),
    ] {
        let told = api.raw(request.as_bytes());
        assert!(statuses.contains(&told.status), "{what}: {told:?}");
        // What hyper cannot understand it refuses itself, without a body.
        if told.header("x-request-id").is_some() {
            assert_ne!(told.code(), "none", "{what}");
        }
    }
    assert_eq!(api.ask("PUT /api/v1/bookings", &[], "").header("allow"), Some("post,get,head"));
    let told = api.get(&format!("/{}", "x".repeat(33_000)));
    assert_eq!((told.status, told.code().as_str()), (431, "API_HEAD_TOO_LARGE"));
    assert_eq!(api.ask("GET /healthz", &["range: bytes=0-0"], "").status, 200);
    assert_eq!(api.node.orders(), []);
}

#[test]
fn a1_a_body_that_is_too_long_is_refused_before_it_is_read() {
    let api = Running::start();
    let head = "POST /api/v1/bookings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    // Not a byte of it is sent.
    let told = api.raw(format!("{head}content-length: 1073741824\r\nexpect: 100-continue\r\n\r\n").as_bytes());
    assert_eq!((told.status, told.code().as_str()), (413, "API_TOO_LARGE"));
    let mut request = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..17 {
        request.extend_from_slice(b"10000\r\n");
        request.extend_from_slice(&[b' '; 0x10000]);
        request.extend_from_slice(b"\r\n");
    }
    let told = api.raw(&request);
    assert!(matches!(told.status, 0 | 413), "the answer, or the connection's end: {told:?}");
    assert_eq!(api.node.orders(), []);
    let told = api.ask("POST /api/v1/bookings", &["expect: 100-continue"], &" ".repeat(1 << 20));
    assert!(told.head.starts_with("http/1.1 100"), "{told:?}");
    assert_eq!(api.node.orders()[0].body.len(), 1 << 20);
}

#[test]
fn a1_whoever_speaks_drop_by_drop_is_told_that_it_took_too_long() {
    let mut settings = settings();
    settings.limits.header_time = Duration::from_millis(300);
    settings.limits.request_time = Duration::from_millis(300);
    let api = Running::with(settings);
    for begin in [
        "GET /healthz HTTP/1.1\r\nhost: loc",
        "POST /api/v1/bookings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let (began, mut stream) = (Instant::now(), api.connect());
        stream.write_all(begin.as_bytes()).unwrap();
        let told = Told::read(&mut stream);
        assert_eq!((told.status, told.code().as_str()), (408, "API_TIMEOUT"), "{begin}");
        assert!(began.elapsed() < Duration::from_secs(20), "{begin}");
    }
    // Who says nothing at all is not spoken to.
    let mut silent = Vec::new();
    api.connect().read_to_end(&mut silent).unwrap();
    assert_eq!(silent, b"");
}

#[test]
fn a1_connections_that_only_sit_there_keep_nobody_out() {
    let mut settings = settings();
    settings.limits.connections_max = 8;
    let api = Running::with(settings);
    let mut sitting: Vec<_> = (0..40).map(|_| api.connect()).collect();
    for stream in &mut sitting[20..] {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: loc").unwrap();
    }
    for _ in 0..20 {
        assert_eq!(api.get("/healthz").status, 200);
    }
}

/// A booking whose body is never there as a whole.
fn slow_body(api: &Running, sent: usize) -> std::net::TcpStream {
    let mut stream = api.connect();
    let head = "POST /api/v1/bookings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 1048576\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    // Whoever has made room for others is not read from any more.
    let _ = stream.write_all(&vec![b' '; sent]);
    stream
}

/// Books as everybody does; returns how long that took.
fn honest(api: &Running, class: &str) -> Duration {
    let began = Instant::now();
    let told = api.ask("POST /api/v1/bookings", &[], &format!(r#"{{"class_id":"{class}"}}"#));
    assert_eq!(told.status, 202, "{told:?}");
    began.elapsed()
}

#[test]
fn a1_bodies_that_come_byte_by_byte_keep_no_booking_out_and_are_ended_early() {
    let mut settings = settings();
    settings.limits.body_time = Duration::from_secs(2);
    let api = Running::with(settings);
    let began = Instant::now();
    let slow: Vec<_> = (0..64).map(|_| slow_body(&api, 1)).collect();
    assert!(honest(&api, "c-1") < Duration::from_secs(2));
    for mut stream in slow {
        let told = Told::read(&mut stream);
        assert_eq!((told.status, told.code().as_str()), (408, "API_TIMEOUT"));
    }
    assert!(began.elapsed() < Duration::from_secs(20), "long before a request's own time is over");
}

#[test]
fn a1_bodies_that_stand_still_just_before_their_end_make_room_for_others() {
    let mut settings = settings();
    settings.limits.body_time = Duration::from_secs(60);
    let api = Running::with(settings);
    // More than there is room for, all together.
    let mut slow: Vec<_> = (0..40).map(|_| slow_body(&api, (1 << 20) - 1)).collect();
    assert!(honest(&api, "c-1") < Duration::from_secs(10));
    let told = Told::read(&mut slow[0]);
    // Either the answer, or the end of a connection from which nothing more is read.
    assert!(matches!(told.status, 0 | 429), "{told:?}");
}

#[test]
fn a1_connections_whose_bodies_do_not_come_keep_nobody_out() {
    let mut settings = settings();
    settings.limits.connections_max = 8;
    settings.limits.body_time = Duration::from_secs(60);
    let api = Running::with(settings);
    let _slow: Vec<_> = (0..40).map(|_| slow_body(&api, 1)).collect();
    for number in 0..20 {
        assert!(honest(&api, &format!("c-{number}")) < Duration::from_secs(30));
    }
}

#[test]
fn a_node_that_ends_finishes_what_was_asked_and_takes_nothing_more() {
    let mut api = Running::start();
    let mut kept = api.connect();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut first = [0; 15];
    kept.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let idle = api.connect();
    api.end().unwrap();
    for mut stream in [kept, idle] {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert!(std::net::TcpStream::connect(api.address).is_err());
}
