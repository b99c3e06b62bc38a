//! An import that is killed: the same command goes on, and what comes of it is what would have come of one run.

use std::fs;

use super::OldNode;
use crate::support::kill::{Call, KILLED, killed_at};
use crate::support::setting::setting;

const LINE: &str = "import-legacy --videos video --config reelmill.toml --database teacher.db push.db";

/// Everything that was taken over, times left out.
fn taken(node: &OldNode) -> Vec<String> {
    [
        "SELECT record, resolution, bytes FROM cache_file ORDER BY sequence",
        "SELECT kind, holder, record, resolution FROM cache_lease JOIN cache_file ON file = id ORDER BY 1, 2, 3, 4",
        "SELECT record, resolution, state FROM rendition ORDER BY 1, 2",
        "SELECT kind, key FROM legacy_row ORDER BY 1, 2",
    ]
    .iter()
    .flat_map(|query| node.ask(query))
    .collect()
}

#[test]
fn an_import_that_is_killed_before_any_durable_call_is_finished_by_the_next() {
    let whole = OldNode::new();
    whole.document("");
    let wanted = taken(&whole);
    let mut killed = 0;
    for name in ["mkdir", "renameat2", "fsync", "fdatasync", "pwrite64"] {
        for count in (1..).step_by(setting("REELMILL_STEP", 7)) {
            let node = OldNode::new();
            let old = ["teacher.db", "push.db"].map(|name| fs::read(node.path(name)).unwrap());
            let said = killed_at(node.0.path(), &Call::new(name, count), LINE);
            let is_over = said.exit != KILLED;
            let next = node.document("");
            let what = format!("{name} {count}: {next}");
            assert_eq!(taken(&node), wanted, "{what}");
            assert_eq!(node.document("")["state"], "nothing", "{what}");
            assert!(old == ["teacher.db", "push.db"].map(|name| fs::read(node.path(name)).unwrap()), "{what}");
            if is_over {
                break;
            }
            killed += 1;
        }
    }
    assert!(killed > 10, "{killed} killed");
}
