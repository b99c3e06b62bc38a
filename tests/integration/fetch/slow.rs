//! D8 and D11: origins that are too slow, that never answer, that nobody can reach; and a limit of our own.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Place, line};
use crate::support::binary::Running;
use crate::support::invariant::{Left, holds};
use crate::support::origin::{End, Object, Origin};
use crate::support::proxy::{Proxy, Toxic};

const TENTH: Duration = Duration::from_millis(100);

#[test]
fn d8_a_drip_is_given_up_after_the_stall_time_and_the_retries() {
    let place = Place::new();
    let origin = Origin::scripted(Object::new(100_000, 1), |_, answer| answer.pace(1, TENTH).done());
    place.fails(&origin.url("/"), "--stall-time 0.5 --retries 1", (75, "DL_STALLED"), Left::Part);
    assert!(origin.asked().len() >= 2, "{:?}", origin.asked());
}

#[test]
fn d8_an_origin_that_falls_silent_is_left_and_asked_again() {
    let (place, object) = (Place::new(), Object::new(100_000, 2));
    let origin = Origin::scripted(object.clone(), |asked, answer| {
        if asked.index == 0 {
            answer.stop(40_000, End::Silence);
        }
    });
    place.fetches(&origin.url("/"), "--stall-time 0.5", &object);
    assert_eq!(origin.asked()[1].offset(), 40_000);
}

#[test]
fn d8_an_origin_above_the_stall_rate_is_waited_for() {
    let (place, object) = (Place::new(), Object::new(12_000, 3));
    let origin = Origin::scripted(object.clone(), |_, answer| answer.pace(1000, TENTH).done());
    let document = place.fetches(&origin.url("/"), "--stall-time 0.5 --stall-rate 1k", &object);
    assert_eq!(document["attempts"], 1);
}

#[test]
fn d8_headers_that_never_end_and_answers_that_never_begin_are_given_up() {
    let endless = Origin::scripted(Object::new(1000, 4), |_, answer| answer.endless_head(TENTH).done());
    let honest = Origin::honest(Object::new(1000, 4));
    let silent = Proxy::to(honest.port(), |_| vec![Toxic::BlackHole(0)]);
    for url in [endless.url("/"), silent.url("http", "/")] {
        Place::new().fails(&url, "--header-timeout 0.5 --retries 0", (75, "DL_STALLED"), Left::Nothing);
    }
}

#[test]
fn d8_headers_without_an_end_that_come_fast_are_given_up_too() {
    let endless = Origin::scripted(Object::new(1000, 5), |_, answer| answer.endless_head(Duration::ZERO).done());
    let said = Place::new().fetch(&endless.url("/"), "--header-timeout 2 --retries 0");
    assert!(matches!((said.exit, said.code()), (75, "DL_STALLED") | (3, "DL_PROTOCOL")), "{said}");
}

#[test]
fn d8_a_handshake_that_never_comes_and_a_port_where_nobody_listens_are_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("https://127.0.0.1:{port}/");
    Place::new().fails(&url, "--connect-timeout 0.5 --retries 0", (75, "DL_UNREACHABLE"), Left::Nothing);
    drop(listener);
    let url = format!("http://127.0.0.1:{port}/");
    Place::new().fails(&url, "--retries 2", (75, "DL_UNREACHABLE"), Left::Nothing);
}

#[test]
fn d8_a_connection_that_nobody_accepts_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // Room for one waiting connection, which is taken: the next one's first packet is dropped.
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let taken = std::net::TcpStream::connect(address).unwrap();
    let began = Instant::now();
    let said = Place::new().fails(
        &format!("http://{address}/"),
        "--connect-timeout 0.5 --retries 0",
        (75, "DL_UNREACHABLE"),
        Left::Nothing,
    );
    assert!(began.elapsed() >= Duration::from_millis(500), "{said}");
    drop(taken);
}

#[test]
fn d8_a_name_that_does_not_exist_is_unreachable() {
    // RFC 6761: never a name.
    let url = "http://origin.invalid/";
    Place::new().fails(url, "--connect-timeout 2 --retries 0", (75, "DL_UNREACHABLE"), Left::Nothing);
}

#[test]
fn d11_a_limited_download_takes_at_least_its_time() {
    let (place, object) = (Place::new(), Object::new(400 << 10, 6));
    let origin = Origin::honest(object.clone());
    let document = place.fetches(&origin.url("/"), "--limit-rate 200k", &object);
    // Of two seconds; what the bucket holds at the beginning may come at once. Not how long at most: others compute here.
    assert!(document["seconds"].as_f64().unwrap() >= 1.5, "{document}");
}

#[test]
fn a_stop_keeps_what_is_here_and_the_next_run_goes_on() {
    for (signal, exit) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (place, object) = (Place::new(), Object::new(3_000_000, 7));
        let origin = Origin::scripted(object.clone(), |asked, answer| {
            if asked.index == 0 {
                answer.stop(2_000_000, End::Silence);
            }
        });
        let url = origin.url("/");
        let running = Running::start(&place.folder, &line(&url, ""));
        place.until_part(2_000_000);
        running.signal(signal);
        let said = running.end();
        assert_eq!((said.exit, said.code()), (exit, "CANCELLED"), "{said}");
        assert_eq!(holds(&place.output(), &object.bytes, &[], &said), Left::Part);
        let document = place.fetches(&url, "", &object);
        assert_eq!(document["resumed_from_bytes"], 2_000_000, "{document}");
    }
}

#[test]
fn a_second_fetch_of_the_same_file_is_sent_away_and_disturbs_nothing() {
    let (place, object) = (Place::new(), Object::new(200_000, 8));
    let origin = Origin::scripted(object.clone(), |asked, answer| {
        if asked.index == 0 {
            answer.stop(150_000, End::Silence);
        }
    });
    let url = origin.url("/");
    let running = Running::start(&place.folder, &line(&url, "--stall-time 1.5"));
    place.until_part(150_000);
    let said = place.fetch(&url, "");
    assert_eq!((said.exit, said.code()), (75, "OUTPUT_BUSY"), "{said}");
    let said = running.end().succeeded();
    assert_eq!(holds(&place.output(), &object.bytes, &[], &said), Left::Whole);
    assert_eq!(origin.asked().len(), 2);
}
