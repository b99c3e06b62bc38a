//! Sheets: a heading and facts under it, for what is no table.

use std::path::Path;

use jiff::Timestamp;

use super::console::Paint;
use crate::telemetry::printable;

/// Returns a heading and facts under it, a label to the left of each.
pub(super) fn sheet(heading: &str, facts: &[(&str, String)], paint: Paint) -> String {
    let lines = facts.iter().map(|(label, fact)| format!("\n  {}  {fact}", paint.faint(&format!("{label:<8}"))));
    std::iter::once(paint.strong(heading)).chain(lines).collect()
}

/// Returns a time as `2026-11-20T18:00:00Z`; what no calendar holds is left out.
pub(super) fn moment(milliseconds: i64) -> String {
    let whole_seconds =
        Timestamp::from_millisecond(milliseconds).and_then(|time| Timestamp::from_second(time.as_second()));
    whole_seconds.map_or(String::new(), |time| time.to_string())
}

/// Returns a path as a terminal may get it.
pub(super) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}
