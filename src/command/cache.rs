//! `reelmill cache`: what is in the disk cache and why, and changing it by hand.
//!
//! What is read is read from the database, also beside a running worker. What changes something is carried out by the
//! process that has the cache open, else by this one.

mod change;
mod listing;
mod place;
mod progress;
mod said;
mod serve;
mod stat;
mod state;
mod why;
mod wire;

use std::sync::Arc;

use crate::cache::{self, Cache, CacheError, EntryView, Key, Order};
use crate::cli::{CacheCommand, FileOrder, ProgressStyle};
use crate::clock::{Clock, NodeClock};
use crate::config::Variables;
use crate::control::{Reply, Request};
use crate::failure::ExitCode;
use crate::store::{self, ReadOnly, Store};
use crate::telemetry::printable;

pub(super) use self::change::{open, serve};
pub(super) use self::place::Place;
pub(super) use self::serve::Serving;
use super::{CommandError, Console};

/// What is told to those who ask later why a file went.
const EVICTED_BY_HAND: &str = "evicted by hand";

/// Runs the command and prints its result.
pub(super) fn run(
    command: &CacheCommand,
    variables: &Variables,
    console: &Console,
) -> Result<ExitCode, CommandError> {
    // A word that is no key is told before anything is opened.
    let key = key_of(command).map(Key::parse).transpose().map_err(CommandError::stage)?;
    let args = command.place();
    let place = Place::of(args, variables)?;
    if let CacheCommand::Claim { .. } = command {
        let claimed = claim(&place).map_err(CommandError::stage)?;
        let shown = printable(&place.root.to_string_lossy()).into_owned();
        let said = || format!("{}: this node's cache from now on", console.stdout.strong(&shown));
        console.print(&if args.json { wire::claim_document(&place.root, claimed) } else { said() })?;
        return Ok(ExitCode::Done);
    }
    let Some(request) = key.as_ref().and_then(|key| request(command, key)).or_else(|| scrub(command)) else {
        let text = look(command, key.as_ref(), &place, console)?;
        console.print(&text)?;
        return Ok(ExitCode::Done);
    };
    let reply = ask(command, &place, request, console)?;
    let text = if args.json { wire::reply_document(&reply) } else { said::text(&reply, console.stdout) };
    console.print(&text)?;
    Ok(said::exit_code(&reply))
}

/// Makes the configured folder the cache's, and marks it; returns how many files it is said to have.
fn claim(place: &Place) -> Result<u64, CacheError> {
    let store = Arc::new(Store::open(&place.database(), &store::Options::default())?);
    Cache::claim(&store, &place.root)?;
    drop(state::open(Arc::clone(&store), place, Arc::new(NodeClock::start()))?);
    Ok(store.read(|reading| reading.cache().files())?.len() as u64)
}

fn key_of(command: &CacheCommand) -> Option<&str> {
    match command {
        CacheCommand::Why { key, .. } | CacheCommand::Evict { key, .. } => Some(key),
        CacheCommand::Pin { pin, .. } | CacheCommand::Unpin { pin, .. } => Some(&pin.key),
        CacheCommand::Stat { .. }
        | CacheCommand::Ls { .. }
        | CacheCommand::Claim { .. }
        | CacheCommand::Scrub { .. } => None,
    }
}

/// Returns what is to be changed about a file; nothing for a command that only looks.
fn request(command: &CacheCommand, key: &Key) -> Option<Request> {
    let key = key.to_string();
    match command {
        CacheCommand::Pin { pin, duration, .. } => {
            let length = duration.map(|length| u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
            Some(Request::Pin { key, name: pin.name.clone(), for_milliseconds: length })
        }
        CacheCommand::Unpin { pin, .. } => Some(Request::Unpin { key, name: pin.name.clone() }),
        CacheCommand::Evict { .. } => Some(Request::Evict { key, reason: EVICTED_BY_HAND.to_owned() }),
        _ => None,
    }
}

fn scrub(command: &CacheCommand) -> Option<Request> {
    matches!(command, CacheCommand::Scrub { .. }).then_some(Request::Scrub)
}

fn ask(command: &CacheCommand, place: &Place, request: Request, console: &Console) -> Result<Reply, CommandError> {
    let (style, role) = match command {
        CacheCommand::Scrub { progress, .. } => (*progress, "reelmill cache scrub"),
        // Done before anybody could look.
        _ => (ProgressStyle::None, "reelmill cache"),
    };
    let mut display = progress::Display::new(style, console);
    let result = change::carry_out(place, request, role, &mut |so_far| display.show(&so_far), console);
    display.end();
    result
}

/// Reads what was asked for from the database, and puts it into words.
fn look(
    command: &CacheCommand,
    key: Option<&Key>,
    place: &Place,
    console: &Console,
) -> Result<String, CommandError> {
    let now = NodeClock::start().now_milliseconds();
    let database = ReadOnly::open(&place.database()).map_err(CommandError::stage)?;
    let (json, paint) = (command.place().json, console.stdout);
    let text = database.read(|reading| -> Result<String, CacheError> {
        Ok(match (command, key) {
            (CacheCommand::Ls { sort, held, path, .. }, _) => {
                let mut entries = cache::list(reading, now, order(*sort))?;
                entries.retain(|entry: &EntryView| !held || !entry.holders.is_empty());
                if json { wire::list_document(&entries) } else { listing::text(&entries, *path, now, paint) }
            }
            (_, Some(key)) => {
                let why = cache::why(reading, key, now)?;
                if json { wire::why_document(&why) } else { why::text(&why, now, paint) }
            }
            (_, None) => {
                let stat = cache::stat(reading, &place.root, place.limits, now)?;
                if json { wire::stat_document(&stat) } else { stat::text(&stat, paint) }
            }
        })
    });
    text.map_err(CommandError::stage)
}

const fn order(order: FileOrder) -> Order {
    match order {
        FileOrder::Key => Order::Key,
        FileOrder::Going => Order::Going,
        FileOrder::Size => Order::Size,
        FileOrder::Used => Order::Used,
    }
}
