//! Dialling with a resolver that lies.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::download::guard::Allowed;
use crate::failure::Failure;

const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(5), header: Duration::from_secs(5) };

/// A dialer whose names resolve to each of `answers` in turn, and how often it was asked.
fn dialer(allowed: &[&str], answers: &'static [&'static [&'static str]]) -> (Dialer, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolve: Resolve = Arc::new(move |_| {
        let answer = answers[count.fetch_add(1, Ordering::Relaxed) % answers.len()];
        let addresses = answer.iter().map(|address| address.parse().unwrap()).collect();
        Box::pin(async move { Ok(addresses) })
    });
    let allowed: Vec<Allowed> = allowed.iter().map(|text| text.parse().unwrap()).collect();
    (Dialer { guard: Guard::new(allowed), resolve, tls: Tls::default(), timeouts: TIMEOUTS }, asked)
}

async fn code(dialer: &Dialer, url: &str) -> &'static str {
    match dialer.ask(&Url::parse(url).unwrap(), &Asked::Whole, None).await {
        Ok(_) => "answered",
        Err(error) => error.code(),
    }
}

/// An origin that counts who connects, and answers nobody.
async fn canary() -> (u16, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, count) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let hits = Arc::clone(&count);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            hits.fetch_add(1, Ordering::Relaxed);
        }
    });
    (port, count)
}

#[tokio::test]
async fn a_name_that_is_rebound_after_it_was_judged_reaches_nothing_inside() {
    let (port, hits) = canary().await;
    // The first answer is allowed, the second is what an attacker wants; ports other than 80 need the network.
    let (dialer, asked) = dialer(&["198.51.100.0/24"], &[&["198.51.100.7"], &["127.0.0.1"]]);
    let target = dialer.guard.target(&Url::parse(&format!("http://turncoat.example:{port}/")).unwrap()).unwrap();
    let first = dialer.admitted(&target).await.unwrap();
    assert_eq!(first, ["198.51.100.7".parse::<IpAddr>().unwrap()].map(|address| SocketAddr::new(address, port)));
    // What was judged is what is dialled: nobody asks the resolver in between.
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(code(&dialer, &format!("http://turncoat.example:{port}/")).await, "URL_FORBIDDEN");
    assert_eq!(hits.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn one_forbidden_address_among_good_ones_condemns_the_name() {
    let (dialer, _) = dialer(&[], &[&["93.184.215.14", "169.254.169.254"], &["93.184.215.14", "10.0.0.1"]]);
    assert_eq!(code(&dialer, "http://mixed.example/").await, "URL_FORBIDDEN");
    assert_eq!(code(&dialer, "http://mixed.example/").await, "URL_FORBIDDEN");
}

#[tokio::test]
async fn an_address_in_the_url_is_never_resolved() {
    let (dialer, asked) = dialer(&[], &[&["93.184.215.14"]]);
    for url in ["http://127.0.0.1/", "http://2130706433/", "http://[::ffff:169.254.169.254]/"] {
        assert_eq!(code(&dialer, url).await, "URL_FORBIDDEN", "{url}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_name_without_addresses_cannot_be_reached() {
    let (dialer, _) = dialer(&[], &[&[]]);
    assert_eq!(code(&dialer, "http://nowhere.example/").await, "DL_UNREACHABLE");
}

#[test]
fn both_families_of_a_name_are_tried_in_turns() {
    let found = ["2606::1", "2606::2", "2606::3", "2606::4", "93.184.215.14", "93.184.215.15"];
    let found: Vec<IpAddr> = found.iter().map(|text| text.parse().unwrap()).collect();
    let expected = [0, 4, 1, 5, 2, 3].map(|index| found[index]);
    assert_eq!(alternating(found.clone()), expected);
    assert_eq!(alternating(found[4..].to_vec()), found[4..]);
}
