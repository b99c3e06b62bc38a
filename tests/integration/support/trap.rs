//! The table of traps in `docs/media.md`: each of its rows is what a test saw, word for word.
//!
//! A test that sprang a trap says so by [`told`], or by `run::saw` with what the whole chain made of it; the row must then stand in the table. With `REELMILL_WRITE_TRAPS=1` in
//! the environment the row is written instead. That none is missing, and none invented, is `trap_table`'s business.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What stands before and after the table.
const BEGIN: &str = "<!-- traps: written by the tests -->\n";
const END: &str = "<!-- end of traps -->";
/// One test at a time writes.
static WRITING: Mutex<()> = Mutex::new(());

/// A row: the trap's id, what the trap is, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) trap: String,
    pub(crate) outcome: String,
}

impl Row {
    fn parse(line: &str) -> Self {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, trap, outcome] = cells[..] else { panic!("no row of three: {line}") };
        Self { id: id.to_owned(), trap: trap.to_owned(), outcome: outcome.to_owned() }
    }

    fn line(&self) -> String {
        format!("| {} | {} | {} |", self.id, self.trap, self.outcome)
    }

    /// Rows stand in the order of their ids, by letter and number, those of one id by their traps.
    fn place(&self) -> (String, u32, String) {
        let letters = self.id.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = self.id[letters.len()..].parse().unwrap_or(0);
        (letters.to_owned(), number, self.trap.clone())
    }
}

/// Says what came of a trap in a test's own words, or by an error's code.
pub(crate) fn told(id: &str, trap: &str, outcome: &str) {
    assert!(!(trap.contains('|') || outcome.contains('|')), "a bar would end the cell: {trap}: {outcome}");
    let is_code = !outcome.is_empty() && outcome.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let outcome = if is_code { format!("`{outcome}`") } else { outcome.to_owned() };
    let row = Row { id: id.to_owned(), trap: trap.to_owned(), outcome };
    if std::env::var_os("REELMILL_WRITE_TRAPS").is_some() {
        write(&row);
    }
    let found = rows().into_iter().find(|known| (&known.id, &known.trap) == (&row.id, &row.trap));
    assert_eq!(
        found.as_ref(),
        Some(&row),
        "docs/media.md: run the tests with REELMILL_WRITE_TRAPS=1, and look at what changed"
    );
}

/// Returns the rows of the table.
pub(crate) fn rows() -> Vec<Row> {
    let text = fs::read_to_string(document()).unwrap();
    let (_, rest) = text.split_once(BEGIN).expect("the table's beginning is marked");
    let (table, _) = rest.split_once(END).expect("the table's end is marked");
    // A heading, and the line beneath it.
    table.lines().skip(2).map(Row::parse).collect()
}

fn write(row: &Row) {
    let _one_at_a_time = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut rows = rows();
    rows.retain(|known| (&known.id, &known.trap) != (&row.id, &row.trap));
    rows.push(row.clone());
    rows.sort_by_key(Row::place);
    let text = fs::read_to_string(document()).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let lines: String = rows.iter().map(|row| row.line() + "\n").collect();
    let table = format!("| id | trap | what comes of it |\n| --- | --- | --- |\n{lines}");
    let draft = document().with_extension("md.new");
    fs::write(&draft, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    fs::rename(draft, document()).unwrap();
}

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/media.md")
}
