//! Redis over TLS: read where its certificate is vouched for, told of and left where it is not.

use std::env;

use super::{Node, SOON, book, until};
use crate::support::bidden;
use crate::support::certificate::Authority;
use crate::support::clip::scratch;
use crate::support::redis::Redis;

/// Where to read, for the process that trusts the authority.
const BIDDING: &str = "REELMILL_BIDDEN_TLS";

#[test]
fn a_server_whose_certificate_nobody_vouches_for_is_told_of_and_left() {
    let (_redis, url) = Redis::over_tls(&Authority::new());
    let node = Node::start(&url, "a");
    until("it is told", SOON, || node.status.complaint().is_some_and(|text| text.contains("certificate")));
    assert!(!node.status.is_connected());
}

#[test]
fn a_server_whose_certificate_the_system_trusts_is_read() {
    let (authority, folder) = (Authority::new(), scratch());
    let (redis, url) = Redis::over_tls(&authority);
    book(&redis, "over TLS");
    // What the system trusts is read once in a process, so this needs one of its own.
    let mut command = bidden::command("redis::tls::bidden_to_read", BIDDING, &url, folder.path());
    let mut child = bidden::Bidden::start(command.env("SSL_CERT_FILE", authority.write(folder.path())));
    assert_eq!(child.hear().as_deref(), Some("over TLS"));
    assert!(child.wait().success());
}

#[test]
fn bidden_to_read() {
    #[expect(clippy::disallowed_methods, reason = "how a parent bids the child that it starts from its own binary")]
    let Ok(url) = env::var(BIDDING) else { return };
    let node = Node::start(&url, "a").reading();
    until("it is kept", SOON, || !node.bookings().is_empty());
    bidden::say(&node.bookings()[0]);
}
