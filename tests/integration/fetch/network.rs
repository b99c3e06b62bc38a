//! Bad networks between us and a right origin: the proxy's toxics over plain and secure connections.

use std::time::Duration;

use super::Place;
use crate::support::certificate::Authority;
use crate::support::origin::{Object, Origin};
use crate::support::proxy::{Proxy, Toxic};

#[test]
fn d1_a_slow_network_in_small_pieces_brings_the_same_bytes() {
    let (place, object) = (Place::new(), Object::new(150_000, 1));
    let origin = Origin::honest(object.clone());
    let toxics = [Toxic::Latency(Duration::from_millis(1)), Toxic::Slicer(999), Toxic::Bandwidth(500_000)];
    let proxy = Proxy::to(origin.port(), move |_| toxics.to_vec());
    assert_eq!(place.fetches(&proxy.url("http", "/"), "", &object)["attempts"], 1);
    assert!(proxy.passed() > 150_000);
}

#[test]
fn d1_a_secure_connection_that_is_cut_is_resumed() {
    // Without TLS's own good-bye, a cut must not pass for the end. Where the body begins is anybody's guess: first the
    // handshake is cut, then what follows.
    let (place, object, authority) = (Place::new(), Object::new(3_000_000, 2), Authority::new());
    let file = authority.write(place.folder.path());
    let origin = Origin::secured(object.clone(), authority.server("127.0.0.1"), |_, _| ());
    let proxy = Proxy::to(origin.port(), |count| match count {
        0 => vec![Toxic::LimitData(500)],
        1 => vec![Toxic::LimitData(1_000_000)],
        2 => vec![Toxic::Reset(1_500_000)],
        _ => vec![],
    });
    let said = place.fetch(&proxy.url("https", "/"), &format!("--ca-file {}", file.display())).succeeded();
    let left = crate::support::invariant::holds(&place.output(), &object.bytes, &["authority.pem"], &said);
    assert_eq!(left, crate::support::invariant::Left::Whole);
    assert!(origin.asked().iter().skip(1).all(|asked| asked.offset() > 0), "{:?}", origin.asked());
}

#[test]
fn d7_a_secure_body_without_a_length_that_is_cut_is_no_whole() {
    let (place, object, authority) = (Place::new(), Object::new(1_000_000, 3), Authority::new());
    let file = authority.write(place.folder.path());
    let origin = Origin::secured(object.clone(), authority.server("127.0.0.1"), |_, answer| {
        answer.chunked();
    });
    let proxy = Proxy::to(origin.port(), |count| if count == 0 { vec![Toxic::LimitData(500_000)] } else { vec![] });
    let said = place.fetch(&proxy.url("https", "/"), &format!("--ca-file {}", file.display())).succeeded();
    crate::support::invariant::holds(&place.output(), &object.bytes, &["authority.pem"], &said);
    assert!(origin.asked()[1].offset() > 0, "{:?}", origin.asked());
}
