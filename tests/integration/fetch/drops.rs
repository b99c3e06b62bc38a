//! D1 and X16: connections that break off, at chosen places and at random ones, and what is fetched again then.

use std::sync::{Arc, Mutex};

use super::{Place, has_note};
use crate::support::bytes::Noise;
use crate::support::invariant::Left;
use crate::support::nginx::Nginx;
use crate::support::origin::{Answer, Asked, End, Object, Origin};
use crate::support::proxy::{Proxy, Toxic};
use crate::support::setting::setting;

/// So much may be fetched again after a drop.
const AGAIN_BYTES_MAX: usize = 8 << 20;

/// Drops in all random rounds together, where nobody wants more.
const DROPS: usize = 60;
/// Drops in one round, which is one run of the program.
const DROPS_PER_ROUND: usize = 6;

/// A script that drops the first answer after so many bytes.
pub(super) fn once(after: usize) -> impl Fn(&Asked, &mut Answer) + Send + Sync + 'static {
    move |asked, answer| {
        if asked.index == 0 {
            answer.stop(after, End::Close);
        }
    }
}

#[test]
fn d1_a_drop_at_0_1_half_and_the_last_byte_is_resumed_where_it_happened() {
    let size = 1_000_001;
    for after in [0, 1, size / 2, size - 1] {
        let (place, object) = (Place::new(), Object::new(size, 1));
        let origin = Origin::scripted(object.clone(), once(after));
        let document = place.fetches(&origin.url("/"), "", &object);
        let asked = origin.asked();
        assert_eq!((asked.len(), asked[1].offset()), (2, after), "{document}");
        let is_range = after > 0;
        assert_eq!(asked[1].header("if-range"), is_range.then_some("\"object-1\""));
        assert_eq!(asked[1].header("accept-encoding"), Some("identity"));
        assert_eq!((origin.sent(), &document["fetched_bytes"]), (size, &size.into()));
        assert_eq!(document["attempts"], 2);
    }
}

#[test]
fn d1_a_reset_costs_at_most_what_was_under_way() {
    let size = 12_000_000;
    for after in [0, 1, size / 2, size - 1] {
        let (place, object) = (Place::new(), Object::new(size, 2));
        let origin = Origin::scripted(object.clone(), move |asked, answer| {
            if asked.index == 0 {
                answer.stop(after, End::Reset);
            }
        });
        place.fetches(&origin.url("/"), "", &object);
        assert!(origin.sent() <= size + AGAIN_BYTES_MAX, "{} bytes were sent", origin.sent());
    }
}

#[test]
fn d1_a_connection_that_breaks_before_the_answer_is_tried_again() {
    let (place, object) = (Place::new(), Object::new(100_000, 3));
    let origin = Origin::honest(object.clone());
    let proxy = Proxy::to(origin.port(), |count| match count {
        0 => vec![Toxic::Down],
        // In the middle of the head.
        1 => vec![Toxic::LimitData(30)],
        2 => vec![Toxic::Reset(30)],
        _ => vec![],
    });
    let document = place.fetches(&proxy.url("http", "/"), "", &object);
    assert_eq!((&document["attempts"], proxy.connections()), (&4.into(), 4));
}

#[test]
fn d1_a_drop_by_nginx_is_resumed_with_its_own_tag() {
    let (place, object, nginx) = (Place::new(), Object::new(3_000_000, 4), Nginx::start(""));
    std::fs::write(nginx.files().join("lesson.flv"), &object.bytes[..]).unwrap();
    let proxy = Proxy::to(nginx.port(), |count| match count {
        0 => vec![Toxic::LimitData(1_000_000)],
        1 => vec![Toxic::Reset(1_000_000), Toxic::Slicer(10_000)],
        _ => vec![],
    });
    place.fetches(&proxy.url("http", "/lesson.flv"), "", &object);
    let answers = nginx.answers();
    assert!(answers.len() == 3 && answers[1..].iter().all(|answer| answer.starts_with("206 ")), "{answers:?}");
}

#[test]
fn d1_who_drops_for_ever_is_given_up_and_what_came_is_kept() {
    let (place, object) = (Place::new(), Object::new(100_000, 5));
    let origin = Origin::scripted(object, |asked, answer| {
        answer.stop(if asked.offset() == 0 { 70_000 } else { 0 }, End::Close);
    });
    place.fails(&origin.url("/"), "--retries 3", (75, "DL_INTERRUPTED"), Left::Part);
    // The first brought something, and three more than the allowed one did not.
    assert_eq!(origin.asked().len(), 1 + 1 + 3);
    assert!(origin.asked()[1..].iter().all(|asked| asked.offset() == 70_000), "{:?}", origin.asked());
}

#[test]
fn d1_attempts_that_bring_something_are_not_counted_and_crumbs_are_nothing() {
    let (place, object) = (Place::new(), Object::new(800_000, 6));
    let bringing =
        |bytes: usize| Origin::scripted(object.clone(), move |_, answer| answer.stop(bytes, End::Close).done());
    let origin = bringing(70_000);
    let document = place.fetches(&origin.url("/"), "--retries 0", &object);
    assert_eq!((&document["attempts"], origin.sent()), (&12.into(), 800_000));
    // Who hands out a few bytes per connection would keep us for ever.
    let origin = bringing(100);
    Place::new().fails(&origin.url("/"), "--retries 4", (75, "DL_INTERRUPTED"), Left::Part);
    assert_eq!(origin.asked().iter().map(Asked::offset).collect::<Vec<_>>(), [0, 100, 200, 300, 400]);
}

#[test]
fn d1_the_next_run_goes_on_where_the_last_one_was_given_up() {
    let (place, object) = (Place::new(), Object::new(5_000_000, 7));
    let origin = Origin::scripted(object.clone(), |asked, answer| {
        if asked.index < 2 {
            answer.stop(if asked.index == 0 { 3_000_000 } else { 0 }, End::Close);
        }
    });
    place.fails(&origin.url("/"), "--retries 0", (75, "DL_INTERRUPTED"), Left::Part);
    let document = place.fetches(&origin.url("/"), "", &object);
    assert_eq!(
        (&document["resumed_from_bytes"], &document["fetched_bytes"]),
        (&3_000_000.into(), &2_000_000.into())
    );
    assert_eq!((origin.asked()[2].offset(), origin.sent()), (3_000_000, 5_000_000));
}

#[test]
fn d1_no_resume_begins_anew() {
    let (place, object) = (Place::new(), Object::new(500_000, 8));
    let origin = Origin::scripted(object.clone(), |asked, answer| {
        if asked.index < 2 {
            answer.stop(if asked.index == 0 { 300_000 } else { 0 }, End::Close);
        }
    });
    place.fails(&origin.url("/"), "--retries 0", (75, "DL_INTERRUPTED"), Left::Part);
    let document = place.fetches(&origin.url("/"), "--no-resume", &object);
    assert_eq!((&document["resumed_from_bytes"], origin.asked()[2].header("range")), (&0.into(), None));
    assert!(has_note(&document, "--no-resume"), "{document}");
}

/// What a round of random drops is made of.
struct Round {
    first: Object,
    /// What the origin has from some drop on, and from which; without it the object stays.
    second: Option<(usize, Object)>,
}

impl Round {
    fn new(noise: &mut Noise) -> Self {
        let object = |noise: &mut Noise| {
            let seed = u64::try_from(noise.below(1 << 30)).unwrap();
            Object::new(1 + noise.below(24 << 20), seed)
        };
        let first = object(noise);
        // Every third changes under way.
        let changes = noise.below(3) == 0;
        let second = changes.then(|| (1 + noise.below(DROPS_PER_ROUND - 1), object(noise)));
        Self { first, second }
    }

    fn object(&self, index: usize) -> &Object {
        match &self.second {
            Some((from, object)) if index >= *from => object,
            _ => &self.first,
        }
    }

    /// Fetches, the first answers dropped at random, and checks the bytes and how many came twice. Returns how many
    /// times the object was seen to have changed.
    fn survive(self, noise: Noise) -> usize {
        let (place, round, noise) = (Place::new(), Arc::new(self), Mutex::new(noise));
        let script = Arc::clone(&round);
        let origin = Origin::scripted(round.first.clone(), move |asked, answer| {
            let object = script.object(asked.index);
            *answer = object.answer(asked);
            if asked.index < DROPS_PER_ROUND {
                let mut noise = noise.lock().unwrap();
                let left = object.bytes.len().saturating_sub(asked.offset());
                let end = if noise.below(2) == 0 { End::Close } else { End::Reset };
                answer.stop(noise.below(left.max(1)), end);
            }
        });
        let document = place.fetches(&origin.url("/"), "--retries 100", round.object(usize::MAX));
        let asked = origin.asked();
        for pair in asked.windows(2) {
            // Where an answer began, and where the next one would: at 0 unless a range of this very object was asked for.
            let is_same = |asked: &Asked, object: &Object| asked.header("if-range") == object.etag.as_deref();
            let place = |asked: &Asked, object: &Object| if is_same(asked, object) { asked.offset() } else { 0 };
            let (before, after) = (round.object(pair[0].index), round.object(pair[1].index));
            // What changed is fetched from its beginning, and what lies before it is of no use.
            let has_changed = before.etag != after.etag;
            let reached = if has_changed { 0 } else { place(&pair[0], before) + pair[0].sent() };
            let again = reached.saturating_sub(place(&pair[1], after));
            assert!(again <= AGAIN_BYTES_MAX, "{again} bytes again: {document}");
        }
        let is_noticed = has_note(&document, "changed");
        // Nothing was here to be mixed with when it changed before a byte had come.
        let was_mixable = round.second.as_ref().is_some_and(|(from, _)| asked[*from].offset() > 0);
        assert_eq!(is_noticed, was_mixable, "{document}");
        usize::from(is_noticed)
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "how many were met is the result")]
fn d1_d2_random_drops_never_mix_and_never_cost_more_than_eight_mebibytes() {
    let (seed, drops) = (setting("REELMILL_SEED", 1), setting("REELMILL_DROPS", DROPS));
    let mut noise = Noise::new(u64::try_from(seed).unwrap());
    let rounds = drops.div_ceil(DROPS_PER_ROUND);
    let changes: usize = (0..rounds)
        .map(|round| Round::new(&mut noise).survive(Noise::new(u64::try_from(seed * 10_000 + round).unwrap())))
        .sum();
    println!("{} drops in {rounds} rounds, seed {seed}; {changes} changes under way", rounds * DROPS_PER_ROUND);
    assert!(changes > 0, "no object changed: more rounds or another seed");
}
