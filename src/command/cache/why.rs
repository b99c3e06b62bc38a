//! Why a file is here and how long it stays, or when and why it went.

use super::listing::{age, left, span};
use crate::cache::{EntryState, EntryView, Eviction, Held, Why};
use crate::command::console::Paint;
use crate::command::sheet::{moment, sheet, shown};
use crate::figure;
use crate::telemetry::printable;

/// Returns the answer.
pub(super) fn text(why: &Why, now: i64, paint: Paint) -> String {
    let key = printable(&why.key.to_string()).into_owned();
    let mut facts = why.entry.as_ref().map_or_else(Vec::new, |entry| facts(entry, now));
    facts.extend(why.evicted.as_ref().map(|eviction| ("went", went(eviction, now))));
    let heading = match (&why.entry, &why.evicted) {
        (Some(entry), _) if entry.state == EntryState::Quarantined => format!("{key}: damaged, and moved aside"),
        (Some(_), _) => format!("{key}: in the cache"),
        (None, Some(_)) => format!("{key}: not in the cache any more"),
        (None, None) => format!("{key}: not in the cache, and nothing is known of it"),
    };
    let next = why.next.iter().filter(|entry| entry.key != why.key).map(|entry| ("next", next(entry, now)));
    facts.extend(next);
    sheet(&heading, &facts, paint)
}

fn facts(entry: &EntryView, now: i64) -> Vec<(&'static str, String)> {
    let when = |then: i64| format!("{}, {}", moment(then), age(then, now));
    let mut facts = vec![
        ("size", figure::bytes(entry.bytes)),
        ("path", shown(&entry.path)),
        ("sha256", entry.sha256.clone().unwrap_or_else(|| "not looked into since it came here".to_owned())),
    ];
    if !entry.url.is_empty() {
        facts.push(("from", printable(&entry.url).into_owned()));
    }
    facts.extend([("came", when(entry.created_milliseconds)), ("used", when(entry.used_milliseconds))]);
    facts.extend(entry.holders.iter().map(|held| ("held by", holder(held, now))));
    facts.push(("goes", goes(entry)));
    if !entry.note.is_empty() {
        facts.push(("note", printable(&entry.note).into_owned()));
    }
    facts
}

/// Returns who holds it, since when, until when.
fn holder(held: &Held, now: i64) -> String {
    let until = held.until_milliseconds.map_or_else(
        || "until it is let go".to_owned(),
        |until| format!("until {}, {} more", moment(until), left(now, until)),
    );
    let since = moment(held.since_milliseconds);
    format!("{}, since {since}, {until}", printable(&held.holder.to_string()))
}

/// Returns what will become of it.
fn goes(entry: &EntryView) -> String {
    match (entry.state, entry.goes_after) {
        (EntryState::Evicting, _) => "now".to_owned(),
        (EntryState::EvictFailed, _) => {
            "should have gone, and the disk would not let it; scrub tries again".to_owned()
        }
        (EntryState::Quarantined, _) => "next of all, when room is needed".to_owned(),
        (EntryState::Ready, Some(0)) => "next, when room is needed".to_owned(),
        (EntryState::Ready, Some(before)) => format!("after {}", figure::count(before, "other file")),
        (EntryState::Ready, None) => "not as long as it is held".to_owned(),
    }
}

fn went(eviction: &Eviction, now: i64) -> String {
    let Eviction { bytes, reason, used_milliseconds, time_milliseconds, .. } = eviction;
    format!(
        "{}, {}: {}; {}, used {} before",
        moment(*time_milliseconds),
        age(*time_milliseconds, now),
        printable(reason),
        figure::bytes(*bytes),
        span(*used_milliseconds, *time_milliseconds)
    )
}

fn next(entry: &EntryView, now: i64) -> String {
    let key = entry.key.to_string();
    format!("{}, {}, used {}", printable(&key), figure::bytes(entry.bytes), age(entry.used_milliseconds, now))
}

#[cfg(test)]
mod tests {
    use super::super::listing::tests::{NOW, entry, held};
    use super::*;
    use crate::cache::{HolderKind, Key};

    const DAY: i64 = 86_400_000;

    fn eviction() -> Eviction {
        Eviction {
            key: Key::parse("6666").unwrap(),
            bytes: 2048,
            reason: "room for 7777".to_owned(),
            used_milliseconds: NOW - 10 * DAY,
            time_milliseconds: NOW - 3 * DAY,
        }
    }

    #[test]
    fn a_file_that_is_here_tells_who_holds_it_and_what_goes_before_it() {
        let holders = vec![held(HolderKind::Class, "22/c-1", Some(NOW + DAY)), held(HolderKind::Pin, "ann", None)];
        let entry_here = EntryView { note: "720P, labelled 480P".to_owned(), ..entry("6666", holders, None) };
        let next = vec![entry("6667", Vec::new(), Some(0))];
        let why = Why { key: Key::parse("6666").unwrap(), entry: Some(entry_here), evicted: None, next };
        assert_eq!(
            text(&why, NOW, Paint(false)),
            "6666: in the cache\n  \
             size      85.2 MiB\n  \
             path      6666/6666.flv\n  \
             sha256    not looked into since it came here\n  \
             from      http://origin/\\u{1b}[2J\n  \
             came      2025-11-18T16:00:00Z, 2 d ago\n  \
             used      2025-11-20T15:00:00Z, 3 h ago\n  \
             held by   class 22/c-1, since 2025-11-20T17:00:00Z, until 2025-11-21T18:00:00Z, 24 h more\n  \
             held by   pin ann, since 2025-11-20T17:00:00Z, until it is let go\n  \
             goes      not as long as it is held\n  \
             note      720P, labelled 480P\n  \
             next      6667, 85.2 MiB, used 3 h ago"
        );
    }

    #[test]
    fn a_file_that_went_tells_when_and_why_and_one_that_never_was_that_nothing_is_known() {
        let key = Key::parse("6666").unwrap();
        let gone = Why { key: key.clone(), entry: None, evicted: Some(eviction()), next: Vec::new() };
        assert_eq!(
            text(&gone, NOW, Paint(false)),
            "6666: not in the cache any more\n  \
             went      2025-11-17T18:00:00Z, 3 d ago: room for 7777; 2.0 KiB, used 7 d before"
        );
        let unknown = Why { key, entry: None, evicted: None, next: Vec::new() };
        assert_eq!(text(&unknown, NOW, Paint(false)), "6666: not in the cache, and nothing is known of it");
    }

    #[test]
    fn what_becomes_of_a_file_follows_from_its_state_and_its_place() {
        for (state, after, text) in [
            (EntryState::Ready, Some(0), "next, when room is needed"),
            (EntryState::Ready, Some(1), "after 1 other file"),
            (EntryState::Ready, Some(12), "after 12 other files"),
            (EntryState::Evicting, None, "now"),
            (EntryState::EvictFailed, None, "should have gone, and the disk would not let it; scrub tries again"),
            (EntryState::Quarantined, None, "next of all, when room is needed"),
        ] {
            assert_eq!(goes(&EntryView { state, ..entry("6666", Vec::new(), after) }), text);
        }
    }
}
