//! The files of the cache, as a table.

use crate::cache::{EntryState, EntryView, Held};
use crate::command::console::Paint;
use crate::figure;
use crate::telemetry::printable;

/// As many holders are named in a row; `why` tells them all.
const HOLDERS_SHOWN: usize = 2;

const HEAD: [&str; 6] = ["key", "size", "used", "goes", "state", "held by"];
const COLUMNS: usize = HEAD.len();

/// Returns the table, and a line of totals under it.
pub(super) fn text(entries: &[EntryView], with_path: bool, now: i64, paint: Paint) -> String {
    let rows: Vec<[String; COLUMNS]> = entries.iter().map(|entry| cells(entry, now)).collect();
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEAD[column].len()]).max().unwrap_or(0)
    });
    let mut lines = Vec::new();
    if !entries.is_empty() {
        lines.push(paint.strong(&row(&HEAD.map(str::to_owned), &widths)));
    }
    for (entry, cells) in entries.iter().zip(&rows) {
        let line = row(cells, &widths);
        lines.push(if entry.state == EntryState::Ready { line } else { paint.caution(&line) });
        if with_path {
            lines.push(paint.faint(&format!("      {}", printable(&entry.path.to_string_lossy()))));
        }
    }
    lines.push(totals(entries));
    lines.join("\n")
}

fn cells(entry: &EntryView, now: i64) -> [String; COLUMNS] {
    [
        printable(&entry.key.to_string()).into_owned(),
        figure::bytes(entry.bytes),
        age(entry.used_milliseconds, now),
        goes(entry.goes_after),
        entry.state.name().to_owned(),
        holders(&entry.holders, now),
    ]
}

/// Words stand left, numbers right, the holders last and as long as they are.
fn row(cells: &[String; COLUMNS], widths: &[usize; COLUMNS]) -> String {
    let [key, size, used, goes, state, held] = cells;
    let [w0, w1, w2, w3, w4, _] = *widths;
    let line = format!("  {key:<w0$}  {size:>w1$}  {used:>w2$}  {goes:>w3$}  {state:<w4$}  {held}");
    line.trim_end().to_owned()
}

/// Returns `3 h ago`.
pub(super) fn age(then: i64, now: i64) -> String {
    format!("{} ago", span(then, now))
}

/// Returns the time between two moments; none where the second is the earlier one.
pub(super) fn span(from: i64, to: i64) -> String {
    figure::span(u64::try_from(to.saturating_sub(from)).unwrap_or(0))
}

/// Returns the time that is left, up to the next minute: what was given for two hours just now is not told as one.
pub(super) fn left(now: i64, until: i64) -> String {
    const MINUTE: i64 = 60_000;
    let whole = until.saturating_sub(now).saturating_add(MINUTE - 1) / MINUTE * MINUTE;
    figure::span(u64::try_from(whole).unwrap_or(0))
}

/// Returns a file's place among those that may go.
fn goes(after: Option<u64>) -> String {
    match after {
        Some(0) => "next".to_owned(),
        Some(before) => format!("{}.", before + 1),
        None => "–".to_owned(),
    }
}

fn holders(holders: &[Held], now: i64) -> String {
    let named = holders.iter().take(HOLDERS_SHOWN).map(|held| {
        let until =
            held.until_milliseconds.map(|until| format!(" ({} more)", left(now, until))).unwrap_or_default();
        format!("{}{until}", printable(&held.holder.to_string()))
    });
    let mut names = named.collect::<Vec<_>>().join(", ");
    if holders.len() > HOLDERS_SHOWN {
        names.push_str(&format!(", and {} others", holders.len() - HOLDERS_SHOWN));
    }
    names
}

fn totals(entries: &[EntryView]) -> String {
    let bytes = entries.iter().map(|entry| entry.bytes).sum();
    let held = entries.iter().filter(|entry| !entry.holders.is_empty()).count();
    format!("{}, {}; {held} held", figure::count(entries.len() as u64, "file"), figure::bytes(bytes))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cache::{Holder, HolderKind, Key};

    const HOUR: i64 = 3_600_000;
    pub(in crate::command::cache) const NOW: i64 = 1_763_661_600_000;

    pub(in crate::command::cache) fn held(kind: HolderKind, name: &str, until: Option<i64>) -> Held {
        let holder = Holder { kind, name: name.to_owned() };
        Held { holder, since_milliseconds: NOW - HOUR, until_milliseconds: until }
    }

    pub(in crate::command::cache) fn entry(key: &str, holders: Vec<Held>, goes_after: Option<u64>) -> EntryView {
        let key = Key::parse(key).unwrap();
        EntryView {
            path: key.path(),
            key,
            state: EntryState::Ready,
            bytes: 89_338_675,
            sha256: None,
            url: "http://origin/\u{1b}[2J".to_owned(),
            created_milliseconds: NOW - 50 * HOUR,
            used_milliseconds: NOW - 3 * HOUR,
            sequence: 1,
            holders,
            goes_after,
            note: String::new(),
        }
    }

    #[test]
    fn a_table_is_aligned_and_names_the_first_holders() {
        let holders = vec![
            held(HolderKind::Class, "22/c-1\u{7}", Some(NOW + 2 * HOUR)),
            held(HolderKind::Pin, "ann", None),
            held(HolderKind::Job, "7", None),
        ];
        let stuck = EntryView { state: EntryState::EvictFailed, bytes: 5, ..entry("7", Vec::new(), None) };
        let entries = [entry("22/6666_720P", holders, None), entry("6667", Vec::new(), Some(0)), stuck];
        assert_eq!(
            text(&entries, false, NOW, Paint(false)),
            "  key               size     used  goes  state         held by\n  \
             22/6666_720P  85.2 MiB  3 h ago     –  ready         class 22/c-1\\u{7} (2 h more), pin ann, and 1 others\n  \
             6667          85.2 MiB  3 h ago  next  ready\n  \
             7                  5 B  3 h ago     –  evict_failed\n\
             3 files, 170.4 MiB; 1 held"
        );
    }

    #[test]
    fn paths_are_told_on_request_and_nothing_is_a_table_of_nothing() {
        let entries = [entry("22/6666_720P", Vec::new(), Some(12))];
        let lines = text(&entries, true, NOW, Paint(false));
        assert!(lines.contains("   13.  ready\n      22/6666/6666_720P.flv\n"), "{lines}");
        assert_eq!(text(&[], true, NOW, Paint(false)), "0 files, 0 B; 0 held");
        assert_eq!(
            [1, 60_001, 2 * HOUR - 1, -5].map(|length| left(NOW, NOW + length)),
            ["1 min", "2 min", "2 h", "0 s"]
        );
        // A clock that was set back makes nobody older than now.
        assert_eq!(age(NOW + HOUR, NOW), "0 s ago");
    }
}
