//! Traps of the file itself: what is no recording, is cut off, is damaged, or is too much. Each test makes its file
//! and names the exact outcome; the ids are those of the project's list of faults.

mod cut;
mod damage;
mod foreign;
mod lie;
mod shape;
mod words;

use std::path::Path;

use reelmill::av::{Interrupt, probe};
use reelmill::media::{Container, MediaInfo};
use reelmill::transcode::Request;

use crate::support::run::{Ran, encode, outcome, transcode};

/// One rendition at the source's size, encoded.
fn request(container: Container) -> Request {
    encode(&["240P"], container)
}

/// Like [`request`], and what is there of a cut-off source is good enough.
fn accepting(container: Container) -> Request {
    Request { accept_truncated: true, ..request(container) }
}

/// The code that the whole chain ends with.
fn code(source: &Path) -> &'static str {
    outcome(source, &request(Container::Flv))
}

fn measured(source: &Path) -> MediaInfo {
    probe(source, &Interrupt::default()).unwrap()
}

/// The whole chain, whose plan must hold.
fn made(source: &Path, request: &Request) -> Ran {
    transcode(source, request).unwrap_or_else(|code| panic!("{}: {code}", source.display()))
}

/// The number that the one repair with `text` in it begins with; 0 without such a repair.
fn told(repairs: &[String], text: &str) -> u64 {
    let repair = repairs.iter().find(|repair| repair.contains(text));
    repair.map_or(0, |repair| repair.split(' ').next().unwrap().parse().unwrap())
}
