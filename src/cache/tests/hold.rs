//! Who holds what, until when.

use super::*;

#[test]
fn x13_a_hold_is_a_set_of_holders_and_letting_go_twice_is_letting_go() {
    let scratch = Scratch::new(LIMITS);
    drop(scratch.put("1", 10));
    for holder in ["a", "b", "a"] {
        scratch.cache.lease(&key("1"), &class(holder, Some(1000))).unwrap();
    }
    assert_eq!(scratch.cache.entry(&key("1")).unwrap().holders.len(), 2);
    assert_eq!(scratch.cache.release(&class("a", None).holder).unwrap(), [key("1")]);
    assert_eq!(scratch.cache.release(&class("a", None).holder).unwrap(), []);
    assert_eq!(code(scratch.cache.evict(&key("1"), "by hand")), "CACHE_HELD");
    let scratch = scratch.reopened();
    assert_eq!(code(scratch.cache.evict(&key("1"), "by hand")), "CACHE_HELD");
    scratch.at(1000);
    assert_eq!(scratch.cache.evict(&key("1"), "by hand").unwrap().bytes, 10);
    assert_eq!(code(scratch.cache.evict(&key("1"), "by hand")), "CACHE_MISSING");
    assert_eq!(code(scratch.cache.lease(&key("1"), &class("a", None))), "CACHE_MISSING");
}

#[test]
fn a_pin_stays_until_it_is_taken_off_and_across_restarts() {
    let scratch = Scratch::new(LIMITS);
    drop(scratch.put("1", 600_000));
    scratch.cache.pin(&key("1"), "operator", None).unwrap();
    scratch.at(5);
    assert_eq!(scratch.cache.pin(&key("1"), "operator", None).unwrap().since_milliseconds, 0);
    let scratch = scratch.reopened();
    assert_eq!(code(scratch.acquire("2", 600_000, None)), "CACHE_FULL");
    assert!(scratch.cache.unpin(&key("1"), "operator").unwrap());
    assert!(!scratch.cache.unpin(&key("1"), "operator").unwrap());
    assert_eq!(code(scratch.cache.unpin(&key("7"), "operator")), "CACHE_MISSING");
    drop(scratch.put("2", 600_000));
    assert_eq!(scratch.names(), ["2"]);
}

#[test]
fn what_this_process_reads_stays_while_it_does() {
    let scratch = Scratch::new(LIMITS);
    let held = scratch.put("1", 600_000);
    assert_eq!(code(scratch.acquire("2", 600_000, None)), "CACHE_FULL");
    let refused = scratch.cache.evict(&key("1"), "by hand").unwrap_err();
    assert_eq!(refused.to_string(), "1 is held by this process, which reads it");
    drop(held);
    assert!(matches!(scratch.acquire("2", 600_000, None).unwrap(), Acquired::Lead(_)));
}

#[test]
fn the_order_of_use_is_kept_across_restarts() {
    let scratch = Scratch::new(LIMITS);
    for name in ["1", "2", "3"] {
        drop(scratch.put(name, 10));
    }
    drop(scratch.cache.hold(&key("1"), None).unwrap());
    let scratch = scratch.reopened();
    assert_eq!(scratch.names(), ["2", "3", "1"]);
    drop(scratch.cache.hold(&key("2"), None).unwrap());
    assert_eq!(scratch.reopened().names(), ["3", "1", "2"]);
}

#[test]
fn a_hold_that_ran_out_and_was_let_go_does_not_come_back_with_an_earlier_clock() {
    let scratch = Scratch::new(LIMITS);
    drop(scratch.put("1", 10));
    scratch.cache.lease(&key("1"), &class("a", Some(100))).unwrap();
    scratch.at(200);
    // The count forgets it.
    assert_eq!(code(scratch.acquire("2", 2_000_000, None)), "CACHE_FULL");
    assert_eq!(scratch.cache.release(&class("a", None).holder).unwrap(), []);
    // A restart begins with the wall's clock, which somebody has set back.
    let scratch = scratch.reopened();
    assert!(scratch.cache.entry(&key("1")).unwrap().holders.is_empty());
}
