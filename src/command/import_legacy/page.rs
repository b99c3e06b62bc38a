//! What a person is told of an import: the counts, then what to look at, then what else there was.

use std::path::Path;

use jiff::Timestamp;

use super::{Outcome, State};
use crate::command::console::Paint;
use crate::figure;
use crate::legacy::{Already, NoteKind, Told};
use crate::store::RenditionState;
use crate::telemetry::printable;

/// Findings of a kind that are printed: those that need a look, and others.
const LOOKED_AT: usize = 20;
const MENTIONED: usize = 3;

/// Returns the report for a person.
pub(super) fn page(outcome: &Outcome, paint: Paint) -> String {
    let heading = match outcome.state {
        State::Would => "would be taken over (dry run: nothing was changed)",
        State::Nothing => "nothing to do, all of it is here already",
        State::Done { .. } => "taken over",
    };
    let mut lines = vec![paint.strong(&format!("{}: {heading}", shown(&outcome.root)))];
    let facts = facts(outcome).into_iter();
    lines.extend(facts.map(|(label, fact)| format!("  {}  {fact}", paint.faint(&format!("{label:<10}")))));
    let (look, told): (Vec<_>, Vec<_>) = outcome.plan.notes.by_kind().partition(|(kind, _)| kind.needs_a_look());
    lines.extend(section("look at these:", &look, LOOKED_AT, paint));
    lines.extend(section("for your information:", &told, MENTIONED, paint));
    lines.join("\n")
}

fn facts(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let (plan, terms) = (&outcome.plan, &outcome.terms);
    let Already { files, leases, renditions, waiters } = plan.already;
    let count = plan.files.len() as u64;
    let size = if count == 0 { String::new() } else { format!(", {}", figure::bytes(plan.bytes())) };
    let until = match plan.leases() {
        0 => String::new(),
        _ => format!(", until {}", moment(terms.lease_until_milliseconds)),
    };
    let mut facts = vec![
        ("files", format!("{count}{size}{}", here(files))),
        ("classes", format!("{}{until}{}", figure::count(plan.leases(), "hold"), here(leases))),
        ("renditions", format!("{}{}", states(outcome), here(renditions))),
        ("waiting", format!("{}{}", classes(plan.waiters.len()), here(waiters))),
    ];
    if let State::Done { backup, adopted } = &outcome.state {
        if *adopted != count {
            facts.insert(1, ("adopted", format!("{adopted} of {count}")));
        }
        facts.push(("backup", shown(backup)));
    }
    facts
}

fn here(already: u64) -> String {
    if already == 0 { String::new() } else { format!("; {already} here already") }
}

fn classes(number: usize) -> String {
    if number == 1 { "1 class".to_owned() } else { format!("{number} classes") }
}

/// Returns how many renditions there are of each state.
fn states(outcome: &Outcome) -> String {
    let renditions = &outcome.plan.renditions;
    let of_state = |state: RenditionState| {
        let number = renditions.iter().filter(|plan| plan.rendition.state == state).count();
        let until = match state {
            RenditionState::Transcoding => format!(" until {}", moment(outcome.terms.deadline_milliseconds)),
            _ => String::new(),
        };
        (number > 0).then(|| format!("{number} {}{until}", state.name().replace('_', " ")))
    };
    let states: Vec<String> = RenditionState::ALL.into_iter().filter_map(of_state).collect();
    let total = renditions.len().to_string();
    if states.is_empty() { total } else { format!("{total}: {}", states.join(", ")) }
}

fn section(heading: &str, kinds: &[(NoteKind, &Told)], most: usize, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    if !kinds.is_empty() {
        lines.push(String::new());
        lines.push(paint.strong(heading));
    }
    for (kind, told) in kinds {
        lines.push(format!("  {} ({})", label(*kind), told.count));
        let shown = told.texts.iter().take(most);
        lines.extend(shown.map(|text| format!("    {}", printable(text))));
        let more = told.count - told.texts.len().min(most) as u64;
        if more > 0 {
            lines.push(paint.faint(&format!("    and {more} more")));
        }
    }
    lines
}

/// Returns what a kind is called among people.
fn label(kind: NoteKind) -> &'static str {
    match kind {
        NoteKind::OverLimits => "over the limits",
        NoteKind::ClassWithoutFile => "classes without a file",
        NoteKind::OtherInstitution => "files that new bookings will not find",
        NoteKind::Misnamed => "files that are not taken for their name",
        NoteKind::WaiterLeft => "waiting classes that are not taken over",
        NoteKind::RowUnusable => "rows that mean nothing",
        NoteKind::StatusUnknown => "rows with an unknown status",
        NoteKind::RowDuplicate => "rows that contradict or repeat another",
        NoteKind::TableMisshapen => "tables with other columns than expected",
        NoteKind::Refused => "files that the cache refused",
        NoteKind::Damaged => "damaged databases",
        NoteKind::HereAlready => "left as it is here",
        NoteKind::FolderDiffers => "dir_info says otherwise",
        NoteKind::CountDiffers => "num_cite says otherwise",
        NoteKind::RowWithoutFile => "rows without a file",
        NoteKind::FileWithoutRow => "files without a row, the first to go",
        NoteKind::Stranger => "strangers in the folder, left alone",
        NoteKind::TableLeft => "other tables, left alone",
        NoteKind::Setting => "settings",
    }
}

/// Returns a time as `2026-11-20T18:00:00Z`; what no calendar holds is left out.
pub(super) fn moment(milliseconds: i64) -> String {
    Timestamp::from_second(milliseconds.div_euclid(1000)).map_or(String::new(), |time| time.to_string())
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}
