//! What cannot be taken over is told by a code, before anything is changed.

use std::fs;

use super::{OldNode, OldSystem, sql};
use crate::support::binary::refused;
use crate::support::redis::Redis;

#[test]
fn what_is_no_database_or_not_there_is_refused_and_nothing_is_made() {
    let node = OldNode::new();
    fs::write(node.path("text.db"), "this is no database, and it is longer than a hundred bytes".repeat(9))
        .unwrap();
    let whole = fs::read(node.path("push.db")).unwrap();
    fs::write(node.path("cut.db"), &whole[..4096]).unwrap();
    for (name, code) in [
        ("text.db", "LEGACY_NOT_A_DATABASE"),
        ("video", "LEGACY_NOT_A_DATABASE"),
        ("gone.db", "LEGACY_DATABASE_MISSING"),
        ("cut.db", "LEGACY_DATABASE_UNREADABLE"),
    ] {
        let line = format!("import-legacy --videos video --config reelmill.toml --database push.db {name}");
        refused(&node.0, &line, 3, code);
    }
}

#[test]
fn recordings_elsewhere_than_in_the_cache_are_refused_with_the_setting_that_is_missing() {
    let node = OldNode::new();
    fs::create_dir(node.path("other")).unwrap();
    let said = refused(&node.0, "import-legacy --videos other --config reelmill.toml", 78, "LEGACY_NOT_THE_ROOT");
    let wanted = fs::canonicalize(node.path("other")).unwrap();
    assert!(said.stderr.contains(&format!("set cache.root = \"{}\"", wanted.display())), "{said}");
    refused(&node.0, "import-legacy --videos gone --config reelmill.toml", 3, "LEGACY_FOLDER");
}

#[test]
fn redis_that_does_not_answer_or_wants_another_password_is_told_without_the_password() {
    let node = OldNode::new();
    let line = "import-legacy --videos video --config reelmill.toml --redis";
    let redis = Redis::start("hunter3");
    let wrong = redis.url().replace("hunter3", "hunter2");
    for (url, exit, code) in [
        ("redis://me:hunter2@127.0.0.1:1/0", 75, "LEGACY_REDIS"),
        (wrong.as_str(), 75, "LEGACY_REDIS"),
        ("ftp://me:hunter2@x/", 2, "LEGACY_REDIS_ADDRESS"),
        ("hunter2", 2, "LEGACY_REDIS_ADDRESS"),
    ] {
        let said = refused(&node.0, &format!("{line} {url}"), exit, code);
        assert!(!said.to_string().contains("hunter2"), "{said}");
    }
}

#[test]
fn a_node_that_runs_is_not_taken_over_behind_its_back_and_no_copy_is_begun() {
    let node = OldNode::new();
    let data = node.path("data");
    let store =
        reelmill::store::Store::open(&data.join("reelmill.db"), &reelmill::store::Options::default()).unwrap();
    let said = node.import("--database push.db teacher.db");
    assert_eq!((said.exit, said.code()), (75, "DB_IN_USE"), "{said}");
    assert!(!data.join("legacy").try_exists().unwrap());
    assert_eq!(node.document("--dry-run")["state"], "would");
    drop(store);
    node.document("");
}

#[test]
fn the_cache_of_another_node_is_left_to_it_and_nothing_is_taken_over() {
    let node = OldNode::new();
    let foreign = "reelmill cache 1 0123456789abcdef0123456789abcdef\n";
    fs::write(node.path("video/.reelmill-cache"), foreign).unwrap();
    let said = node.import("--database push.db teacher.db");
    assert_eq!((said.exit, said.code()), (78, "CACHE_FOREIGN"), "{said}");
    for table in ["rendition", "legacy_row", "cache_file"] {
        assert_eq!(node.ask(&format!("SELECT count(*) FROM {table}")), ["0"]);
    }
}

#[test]
fn a_database_that_stays_locked_is_told_as_busy() {
    let node = OldNode::empty();
    sql(&node.path("push.db"), super::PUSHER);
    let old = OldSystem::start(&node.path("push.db"), "db.execute('BEGIN EXCLUSIVE')");
    let said = node.import("--database push.db");
    drop(old);
    assert_eq!((said.exit, said.code()), (75, "LEGACY_DATABASE_BUSY"), "{said}");
    node.import("--database push.db").succeeded();
}
