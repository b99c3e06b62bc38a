//! What came of a change, in words.

use crate::command::console::Paint;
use crate::command::sheet::{moment, sheet};
use crate::control::{Evicted, Fetched, Names, Pinned, Reply, Scrubbed, Status};
use crate::failure::ExitCode;
use crate::figure;
use crate::telemetry::printable;

/// A person reads so many names of a kind; JSON has more.
const NAMES_SHOWN: usize = 20;

/// Returns the answer.
pub(super) fn text(reply: &Reply, paint: Paint) -> String {
    match reply {
        Reply::Pinned(pinned) => printable(&of_pin(pinned)).into_owned(),
        Reply::Unpinned { key, name, was_pinned: true } => {
            printable(&format!("{key}: no longer pinned by {name}")).into_owned()
        }
        Reply::Unpinned { key, name, was_pinned: false } => {
            printable(&format!("{key}: was not pinned by {name}")).into_owned()
        }
        Reply::Evicted(Evicted { key, bytes, .. }) => {
            printable(&format!("{key}: evicted, {}", figure::bytes(*bytes))).into_owned()
        }
        Reply::Scrubbed(scrubbed) => of_scrub(scrubbed, paint),
        Reply::Fetched(Fetched { key, bytes, .. }) => {
            printable(&format!("{key}: in the cache, {}", figure::bytes(*bytes))).into_owned()
        }
        Reply::Taken(_) | Reply::Booking { .. } => "the class's booking is the worker's matter".to_owned(),
        Reply::Status(Status { pid, version, role }) => {
            printable(&format!("{role}, release {version}, process {pid}")).into_owned()
        }
    }
}

/// Returns how the command ends: a scrub that found files damaged or gone has done its work, and tells a script so.
pub(super) fn exit_code(reply: &Reply) -> ExitCode {
    match reply {
        Reply::Scrubbed(scrubbed) if !is_sound(scrubbed) => ExitCode::BadInput,
        _ => ExitCode::Done,
    }
}

fn is_sound(scrubbed: &Scrubbed) -> bool {
    scrubbed.damaged.count == 0 && scrubbed.missing.count == 0
}

fn of_pin(Pinned { key, name, until_milliseconds, .. }: &Pinned) -> String {
    let until = until_milliseconds.map_or_else(|| "it is unpinned".to_owned(), moment);
    format!("{key}: pinned by {name} until {until}")
}

fn of_scrub(scrubbed: &Scrubbed, paint: Paint) -> String {
    let heading =
        if is_sound(scrubbed) { "every file is as it should be" } else { "not every file was as it should be" };
    let mut sound =
        format!("{}, {}", figure::count(scrubbed.sound_files, "file"), figure::bytes(scrubbed.sound_bytes));
    if scrubbed.proven_files > 0 {
        sound.push_str(&format!("; {} of them looked into for the first time", scrubbed.proven_files));
    }
    let mut facts = vec![("sound", sound)];
    facts.extend(names("damaged", &scrubbed.damaged));
    facts.extend(names("gone", &scrubbed.missing));
    facts.extend(names("evicted", &scrubbed.evicted));
    facts.extend(names("stranger", &scrubbed.strangers));
    if scrubbed.leftover_files > 0 {
        let (files, bytes) = (scrubbed.leftover_files, figure::bytes(scrubbed.leftover_bytes));
        facts.push((
            "removed",
            format!("{} of work that nobody goes on with, {bytes}", figure::count(files, "leftover")),
        ));
    }
    sheet(heading, &facts, paint)
}

/// Returns a line for each of the first names, and one for how many more there are.
fn names(label: &'static str, names: &Names) -> Vec<(&'static str, String)> {
    let shown = names.first.iter().take(NAMES_SHOWN);
    let mut lines: Vec<_> = shown.map(|name| (label, printable(name).into_owned())).collect();
    let more = names.count.saturating_sub(lines.len() as u64);
    if more > 0 {
        lines.push((label, format!("and {more} more")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Names {
        Names::of(names.iter().map(|name| (*name).to_owned()))
    }

    #[test]
    fn a_change_is_told_in_a_line() {
        let pinned = |until_milliseconds| {
            let (key, name) = ("6666".to_owned(), "a\u{7}nn".to_owned());
            Reply::Pinned(Pinned { key, name, since_milliseconds: 0, until_milliseconds })
        };
        let unpinned = |was_pinned| Reply::Unpinned { key: "6666".to_owned(), name: "ann".to_owned(), was_pinned };
        let evicted = Evicted {
            key: "6666".to_owned(),
            bytes: 2048,
            reason: String::new(),
            used_milliseconds: 0,
            time_milliseconds: 0,
        };
        for (reply, line) in [
            (pinned(None), "6666: pinned by a\\u{7}nn until it is unpinned"),
            (pinned(Some(1_763_661_600_000)), "6666: pinned by a\\u{7}nn until 2025-11-20T18:00:00Z"),
            (unpinned(true), "6666: no longer pinned by ann"),
            (unpinned(false), "6666: was not pinned by ann"),
            (Reply::Evicted(evicted), "6666: evicted, 2.0 KiB"),
        ] {
            assert_eq!((text(&reply, Paint(false)).as_str(), exit_code(&reply)), (line, ExitCode::Done));
        }
    }

    #[test]
    fn a_scrub_names_what_it_found_and_ends_with_3_where_files_were_damaged_or_gone() {
        let strangers: Vec<String> = (0..30).map(|number| format!("notes-{number}.txt")).collect();
        let found = Scrubbed {
            sound_files: 2,
            sound_bytes: 4096,
            proven_files: 1,
            damaged: list(&["6666: its SHA-256 is another"]),
            missing: list(&["6667_720P"]),
            evicted: list(&["6668"]),
            strangers: Names::of(strangers.into_iter()),
            leftover_files: 1,
            leftover_bytes: 512,
        };
        let lines = text(&Reply::Scrubbed(found.clone()), Paint(false));
        assert!(
            lines.starts_with(
                "not every file was as it should be\n  \
                 sound     2 files, 4.0 KiB; 1 of them looked into for the first time\n  \
                 damaged   6666: its SHA-256 is another\n  \
                 gone      6667_720P\n  \
                 evicted   6668\n  \
                 stranger  notes-0.txt\n"
            ),
            "{lines}"
        );
        let end = "\n  stranger  and 10 more\n  removed   1 leftover of work that nobody goes on with, 512 B";
        assert!(lines.ends_with(end), "{lines}");
        assert_eq!(exit_code(&Reply::Scrubbed(found.clone())), ExitCode::BadInput);
        let sound = Scrubbed { damaged: Names::default(), missing: Names::default(), ..found };
        assert_eq!(exit_code(&Reply::Scrubbed(sound)), ExitCode::Done);
        let nothing = text(&Reply::Scrubbed(Scrubbed::default()), Paint(false));
        assert_eq!(nothing, "every file is as it should be\n  sound     0 files, 0 B");
    }
}
