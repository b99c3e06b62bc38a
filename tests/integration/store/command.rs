//! `reelmill db` as an operator calls it.

use std::fs;
use std::path::Path;

use reelmill::store::FILE_NAME;
use tempfile::TempDir;

use super::{claim, fill, insert, open};
use crate::support::binary::{Said, contents, end, names, reelmill, refused};
use crate::support::bytes::find;
use crate::support::clip::scratch;

fn db(folder: &TempDir, line: &str) -> Said {
    end(&mut reelmill(folder.path(), &format!("db {line} --data-folder .")))
}

/// Overwrites the page with the thirtieth job's row.
fn ruin(folder: &Path) {
    let path = folder.join(FILE_NAME);
    let mut bytes = fs::read(&path).unwrap();
    // In the indexes the key stands beside the row's number, not beside the state.
    let page = find(&bytes, b"transcodefilled/30waiting")[0] / 4096 * 4096;
    bytes[page..page + 4096].fill(0x5a);
    fs::write(&path, bytes).unwrap();
}

/// A database with jobs and a backup of it, both whole.
fn backed_up() -> TempDir {
    let scratch = scratch();
    fill(scratch.path(), 60);
    db(&scratch, "backup").succeeded();
    scratch
}

#[test]
fn s3_a_damaged_database_is_refused_with_the_ways_out_and_each_of_them_works() {
    for (line, kept_jobs) in [("restore", 60..=60), ("rebuild-index", 30..=59)] {
        let scratch = backed_up();
        ruin(scratch.path());
        let said = refused(&scratch, "db check --data-folder .", 5, "DB_DAMAGED");
        for way in ["reelmill.db.backup", "reelmill db restore", "reelmill db rebuild-index"] {
            assert!(said.stderr.contains(way), "{way}: {said}");
        }
        refused(&scratch, "db backup --data-folder .", 5, "DB_DAMAGED");
        let damaged = fs::read(scratch.path().join(FILE_NAME)).unwrap();
        let said = db(&scratch, line).succeeded();
        assert!(said.stdout.contains("reelmill.db.damaged-1"), "{said}");
        assert_eq!(fs::read(scratch.path().join("reelmill.db.damaged-1")).unwrap(), damaged);
        let document = db(&scratch, "check --full --json").succeeded().document();
        let jobs = document["rows"]["job"].as_u64().unwrap();
        assert!(kept_jobs.contains(&jobs), "{line}: {document}");
        assert!(open(scratch.path()).is_ok());
    }
}

#[test]
fn a_check_tells_how_the_database_is_and_changes_nothing() {
    let scratch = backed_up();
    // The log's index is anew for every process that comes.
    let files = || {
        let mut files = contents(scratch.path());
        files.retain(|name, _| !name.ends_with("-shm") && !name.ends_with("-wal"));
        files
    };
    let before = files();
    let said = db(&scratch, "check").succeeded();
    assert!(said.stdout.contains("reelmill.db: whole\n") && said.stdout.contains("job       60 rows"), "{said}");
    let document = db(&scratch, "check --json").succeeded().document();
    assert_eq!(document["schema"], "reelmill.db-check/1");
    assert_eq!(document["schema_version"], document["latest_schema_version"]);
    assert!(document["backup"]["path"].as_str().unwrap().ends_with("reelmill.db.backup"), "{document}");
    assert!(files() == before, "{:?}", names(scratch.path()));
}

#[test]
fn a_database_that_is_not_there_is_missing_and_not_made() {
    let scratch = scratch();
    for line in [
        "db check --data-folder .",
        "db backup --data-folder .",
        "db restore --data-folder .",
        "db rebuild-index --data-folder .",
    ] {
        let said = end(&mut reelmill(scratch.path(), line));
        assert_eq!((said.exit, said.code()), (5, "DB_MISSING"), "{line}: {said}");
    }
    assert!(!names(scratch.path()).contains(&FILE_NAME.to_owned()));
    let gone = end(&mut reelmill(scratch.path(), "db check --data-folder gone"));
    assert_eq!((gone.exit, gone.code()), (5, "DB_MISSING"), "{gone}");
}

#[test]
fn beside_a_running_node_a_database_is_checked_and_copied_and_not_replaced() {
    let scratch = backed_up();
    let store = open(scratch.path()).unwrap();
    let id = insert(&store, "new").unwrap();
    claim(&store, id).unwrap();
    for line in ["db restore --data-folder .", "db rebuild-index --data-folder ."] {
        let said = end(&mut reelmill(scratch.path(), line));
        assert_eq!((said.exit, said.code()), (75, "DB_IN_USE"), "{said}");
        assert!(said.stderr.contains(&format!("by process {}", std::process::id())), "{said}");
    }
    let document = db(&scratch, "check --json").succeeded().document();
    assert_eq!(document["rows"]["job"], 61);
    let copied = db(&scratch, "backup copy.db --json").succeeded().document();
    assert_eq!(copied["schema"], "reelmill.db-backup/1");
    let again = db(&scratch, "backup copy.db");
    assert_eq!((again.exit, again.code()), (4, "OUTPUT_EXISTS"), "{again}");
    drop(store);
    let restored = db(&scratch, "restore --from copy.db --json").succeeded().document();
    assert_eq!(restored["database"]["rows"]["job"], 61);
    let rebuilt = db(&scratch, "rebuild-index --json").succeeded().document();
    assert_eq!(
        (&rebuilt["schema"], &rebuilt["tables"]["job"]["saved_rows"]),
        (&"reelmill.db-rebuild/1".into(), &61.into())
    );
}

#[test]
fn the_folder_is_the_configured_one_unless_it_is_named() {
    let scratch = backed_up();
    let folder = scratch.path().to_str().unwrap();
    fs::write(scratch.path().join("reelmill.toml"), format!("data_folder = \"{folder}\"")).unwrap();
    end(&mut reelmill(scratch.path(), "db check --config reelmill.toml")).succeeded();
    fs::write(scratch.path().join("reelmill.toml"), "data_folder = 7").unwrap();
    assert_eq!(end(&mut reelmill(scratch.path(), "db check --config reelmill.toml")).exit, 78);
    end(&mut reelmill(scratch.path(), "db check --config reelmill.toml --data-folder .")).succeeded();
}
