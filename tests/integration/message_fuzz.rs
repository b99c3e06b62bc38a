//! Messages that were good once: mutated at random, they are understood or refused in few words, and never more than that.
//!
//! `REELMILL_SEED` sets the seed, `REELMILL_MUTANTS` the number of mutants. `fuzz/` has the same for those who have
//! cargo-fuzz, which finds its own way through the code.

use std::collections::BTreeMap;

use fastrand::Rng;
use reelmill::booking::message::{GOT_CHARS_MAX, parse, to_body};
use reelmill::booking::{Channel, Message};
use serde_json::{Map, Value};

use crate::support::document::{Block, blocks};
use crate::support::setting::setting;

const MUTANTS: usize = 20_000;
/// So many changes at most are made to one message, one after the other.
const CHANGES_MAX: usize = 6;

/// Pieces that mean something somewhere: to JSON, to paths, to addresses, to people.
const PIECES: [&str; 30] = [
    "null",
    "true",
    "[]",
    "{}",
    "{\"a\":",
    "[[[[",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "NaN",
    "-0",
    "1e999",
    "9223372036854775808",
    "1.5",
    "..",
    "/",
    "%2e%2e%2f",
    "CON",
    "_720P",
    ".flv",
    "720p",
    "@",
    "http://[::1]/",
    "file:///",
    "\r\n",
    "\u{202e}",
    "课",
    "\"cmd\":\"over\",",
];

/// The examples of the document: those that are understood, and all of them.
fn corpus() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    // What comes out is nobody's message.
    let comes_in = |block: &Block| !["schema", "event"].contains(&block.words[0].as_str());
    let blocks = blocks("docs/messages.md").into_iter().filter(comes_in);
    let (good, bad): (Vec<_>, Vec<_>) = blocks.partition(|block| block.words[1] == "valid");
    let bodies = |blocks: Vec<Block>| blocks.into_iter().map(|block| block.text.into_bytes());
    let good: Vec<Vec<u8>> = bodies(good).collect();
    let all: Vec<Vec<u8>> = good.iter().cloned().chain(bodies(bad)).collect();
    assert!(good.len() > 5 && all.len() > 2 * good.len(), "the document has its examples");
    (good, all)
}

/// Changes bytes, wherever they are: most of what comes out is no JSON any more.
fn mutate_bytes(random: &mut Rng, body: &mut Vec<u8>, other: &[u8]) {
    let at = random.usize(..=body.len());
    let end = random.usize(at..=body.len().min(at + 16));
    match random.u8(..7) {
        0 => body.truncate(at),
        1 => drop(body.drain(at..end)),
        2 => body.insert(at, random.u8(..)),
        3 => drop(body.splice(at..end, random.choice(PIECES).unwrap_or_default().bytes())),
        4 => drop(body.splice(at..at, body[at..end].to_vec())),
        5 => drop(body.splice(at.., other[random.usize(..=other.len())..].iter().copied())),
        _ => body.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.u8(..8)),
    }
}

/// Changes the value of one field, which stays JSON: to a piece, to text with a piece in it, or to another field's.
fn mutate_value(random: &mut Rng, body: &mut Vec<u8>, other: &[u8]) {
    let read = |body: &[u8]| serde_json::from_slice::<Map<String, Value>>(body).ok();
    let (Some(mut fields), Some(others)) = (read(body), read(other)) else { return };
    let Some(name) = random.choice(fields.keys().cloned().collect::<Vec<_>>()) else { return };
    let piece = random.choice(PIECES).unwrap_or_default();
    let value = match random.u8(..5) {
        0 => random.choice(others.values()).cloned().unwrap_or_default(),
        1 => serde_json::from_str(piece).unwrap_or_default(),
        2 => Value::from(piece),
        3 => Value::from(random.i64(-2..4_200_000_000)),
        _ => {
            let text = fields[&name].as_str().unwrap_or_default();
            let at = text.floor_char_boundary(random.usize(..=text.len()));
            Value::from(format!("{}{piece}{}", &text[..at], &text[at..]))
        }
    };
    fields.insert(name, value);
    *body = serde_json::to_vec(&fields).unwrap();
}

fn check(body: &[u8], channel: Channel) -> &'static str {
    match parse(body, channel, &|_| Ok(())) {
        Ok(Message::Booking(booking)) => {
            let written = to_body(&booking);
            let again = parse(written.as_bytes(), channel, &|_| Ok(()));
            assert_eq!(again, Ok(Message::Booking(booking)), "{written}");
            "booking"
        }
        Ok(Message::Over(_) | Message::Cancel(_)) => "end",
        Ok(Message::Result(_)) => "result",
        Err(invalid) => {
            assert!(invalid.got.chars().count() <= GOT_CHARS_MAX, "{invalid:?}");
            assert!(!invalid.to_string().contains(char::is_control), "{invalid:?}");
            "refused"
        }
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the figure that a campaign is run for")]
fn mutants_of_good_messages_are_understood_or_refused_in_few_words() {
    let (seed, mutants) = (setting("REELMILL_SEED", 1), setting("REELMILL_MUTANTS", MUTANTS));
    let (mut random, (good, all)) = (Rng::with_seed(seed as u64), corpus());
    let mut seen = BTreeMap::new();
    for _ in 0..mutants {
        let (one, other) = (random.choice(&good).unwrap(), random.choice(&all).unwrap());
        let mut body = one.clone();
        let mutate = if random.bool() { mutate_bytes } else { mutate_value };
        // Few changes more often than many, or next to nothing would be understood.
        let most = random.usize(1..=CHANGES_MAX);
        for _ in 0..random.usize(1..=most) {
            mutate(&mut random, &mut body, other);
        }
        for channel in [Channel::Bookings, Channel::Control] {
            *seen.entry(check(&body, channel)).or_insert(0_usize) += 1;
        }
    }
    println!("{seen:?}");
    let taken = 2 * mutants - seen.get("refused").unwrap_or(&0);
    assert!(mutants < MUTANTS || (seen.len() == 4 && taken > mutants / 20), "some of each sort came out: {seen:?}");
}
