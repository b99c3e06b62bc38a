//! D10: what the origin's status and its certificate mean.

use std::time::{Duration, Instant};

use super::Place;
use crate::support::certificate::Authority;
use crate::support::invariant::Left;
use crate::support::origin::{Answer, Object, Origin};
use crate::support::proxy::Proxy;

/// An origin whose first `count` answers have this status and a body that is not the recording.
fn refusing(count: usize, status: u16, object: &Object) -> Origin {
    Origin::scripted(object.clone(), move |asked, answer| {
        if asked.index < count {
            *answer = Answer::of(status);
            answer.body(b"<html>no</html>".to_vec());
        }
    })
}

#[test]
fn d10_a_permanent_no_is_taken_at_once() {
    for status in [400, 401, 403, 404, 405, 410, 414, 451] {
        let origin = refusing(1, status, &Object::new(1000, 1));
        let said = Place::new().fails(&origin.url("/"), "", (3, "DL_HTTP_STATUS"), Left::Nothing);
        assert!(said.stderr.contains(&status.to_string()), "{said}");
        assert_eq!(origin.asked().len(), 1, "{status}");
    }
}

#[test]
fn d10_a_no_to_the_rest_of_it_is_taken_at_once() {
    let origin = Origin::scripted(Object::new(100_000, 2), |asked, answer| match asked.index {
        0 => answer.stop(60_000, crate::support::origin::End::Close).done(),
        _ => *answer = Answer::of(410),
    });
    let said = Place::new().fetch(&origin.url("/"), "");
    assert_eq!((said.exit, said.code(), origin.asked().len()), (3, "DL_HTTP_STATUS", 2), "{said}");
}

#[test]
fn d10_a_no_for_now_is_tried_five_times_again() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let object = Object::new(1000, 3);
        let origin = refusing(5, status, &object);
        assert_eq!(Place::new().fetches(&origin.url("/"), "", &object)["attempts"], 6);
        let origin = refusing(6, status, &object);
        Place::new().fails(&origin.url("/"), "", (75, "DL_SERVER"), Left::Nothing);
        assert_eq!(origin.asked().len(), 6, "{status}");
    }
}

#[test]
fn d10_the_wait_that_the_origin_asks_for_is_waited() {
    let (place, object) = (Place::new(), Object::new(1000, 4));
    let origin = Origin::scripted(object.clone(), |asked, answer| {
        if asked.index == 0 {
            *answer = Answer::of(429);
            answer.set("Retry-After", 1);
        }
    });
    let began = Instant::now();
    place.fetches(&origin.url("/"), "", &object);
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[test]
fn d10_a_certificate_that_does_not_fit_is_refused_at_once() {
    let (place, authority) = (Place::new(), Authority::new());
    let known = authority.write(place.folder.path());
    let known = format!("--ca-file {}", known.display());
    let serve = |tls| Origin::secured(Object::new(1000, 5), tls, |_, _| ());
    let right = serve(authority.server("127.0.0.1"));
    for (origin, extra) in [
        (&serve(authority.expired("127.0.0.1")), known.as_str()),
        (&serve(authority.server("elsewhere.example")), &known),
        (&serve(authority.server("127.0.0.2")), &known),
        (&serve(Authority::new().server("127.0.0.1")), &known),
        (&right, ""),
    ] {
        let proxy = Proxy::to(origin.port(), |_| vec![]);
        let said = place.fetch(&proxy.url("https", "/"), extra);
        assert_eq!((said.exit, said.code()), (3, "DL_TLS"), "{said}");
        assert_eq!((proxy.connections(), origin.asked().len()), (1, 0), "{said}");
    }
    place.fetch(&right.url("/"), &known).succeeded();
}

#[test]
fn d10_a_port_that_does_not_speak_http_is_told_from_one_that_is_gone() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let greeter = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        // After the request: what comes before it is as if the connection had been left over from another one.
        std::io::Read::read(&mut socket, &mut [0; 1024]).unwrap();
        std::io::Write::write_all(&mut socket, b"220 mail.example ESMTP\r\n").unwrap();
        // Until the client has gone.
        let _ = std::io::copy(&mut socket, &mut std::io::sink());
    });
    Place::new().fails(&url, "--retries 0", (3, "DL_PROTOCOL"), Left::Nothing);
    greeter.join().unwrap();
}
