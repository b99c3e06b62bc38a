//! What is taken over, what is not, and that it happens once.

use std::fs;

use serde_json::json;

use super::{OldNode, OldSystem, sql, told};
use crate::support::binary::names;
use crate::support::oracle::tool;
use crate::support::redis::Redis;

#[test]
fn a_dry_run_tells_all_and_changes_nothing() {
    let node = OldNode::new();
    let before = node.everything();
    let document = node.document("--dry-run");
    assert_eq!(node.everything(), before);
    assert_eq!((&document["schema"], &document["state"]), (&"reelmill.import-legacy/1".into(), &"would".into()));
    assert_eq!(document["counts"], json!({"files": 4, "leases": 4, "renditions": 4, "waiters": 0}));
    assert_eq!(told(&document, "class_without_file"), ["class c-9 needs 4444, of which there is no file"]);
    assert_eq!(told(&document, "status_unknown").len() + told(&document, "row_unusable").len(), 2);
    assert_eq!(told(&document, "row_duplicate").len(), 1);
    assert_eq!(told(&document, "table_left"), ["teacher.db: song"]);
    assert_eq!(told(&document, "row_without_file"), ["5555"]);
    assert_eq!(told(&document, "file_without_row"), ["9999/9999.flv"]);
    assert_eq!((told(&document, "folder_differs").len(), told(&document, "count_differs").len()), (1, 1));
    let page = node.import("--database teacher.db --database push.db --dry-run").succeeded().stdout;
    assert!(page.contains("would be taken over") && page.contains("classes without a file (1)"), "{page}");
}

#[test]
fn everything_is_taken_over_once_and_nothing_of_the_old_node_changes() {
    let node = OldNode::new();
    let before = node.everything();
    let document = node.document("");
    assert_eq!((&document["state"], &document["adopted_files"]), (&"done".into(), &4.into()));
    for (name, bytes) in &before {
        let after = fs::read(name).ok();
        assert!(bytes.is_none() || after == *bytes, "{name} changed");
    }
    let order = "SELECT record || ' ' || resolution FROM cache_file ORDER BY sequence";
    let files = node.ask(order);
    assert_eq!((files[0].as_str(), files[1].as_str()), ("9999 0", "7777 720"), "{files:?}");
    let leases = "SELECT kind || ' ' || holder, record || ' ' || resolution FROM cache_lease JOIN cache_file \
                  ON cache_lease.file = cache_file.id ORDER BY 1, 2";
    assert_eq!(
        node.ask(leases),
        ["class 1029|6666 0", "class 1029|6666 480", "class 22/c-1|6666 0", "class 22/c-1|6666 480"]
    );
    let until = "SELECT DISTINCT until_milliseconds - since_milliseconds FROM cache_lease";
    assert_eq!(node.ask(until), ["86400000"]);
    let renditions = "SELECT record, resolution, state, deadline_milliseconds - updated_milliseconds FROM rendition ORDER BY 1, 2";
    assert_eq!(
        node.ask(renditions),
        ["6666|480|succeeded|", "6666|720|transcoding|7200000", "7777|240|timed_out|", "7777|720|failed|"]
    );
    assert_eq!(names(&node.path("data/legacy/1")), ["push.db", "report.json", "teacher.db"]);
    let report = fs::read_to_string(node.path("data/legacy/1/report.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&report).unwrap(), document);
    for name in ["push.db", "teacher.db"] {
        let dump = |path: &str| tool("sqlite3", &[node.path(path).to_str().unwrap(), ".dump"]);
        assert!(dump(name) == dump(&format!("data/legacy/1/{name}")), "{name}");
    }
    let kept = node.everything();
    let again = node.document("");
    assert_eq!((&again["state"], &again["already_here"]), (&"nothing".into(), &document["counts"]));
    let page = node.import("--database teacher.db push.db").succeeded().stdout;
    assert!(page.contains("nothing to do, all of it is here already"), "{page}");
    assert_eq!(node.everything(), kept);
}

#[test]
fn a_second_run_changes_nothing_also_when_the_holds_have_ended_and_takes_only_what_is_new() {
    let node = OldNode::new();
    node.document("");
    sql(
        &node.path("data/reelmill.db"),
        "DELETE FROM cache_lease; UPDATE rendition SET state = 'succeeded', deadline_milliseconds = NULL",
    );
    assert_eq!(node.document("")["state"], "nothing");
    assert_eq!(node.ask("SELECT count(*) FROM cache_lease"), ["0"]);
    node.video("4444/4444.flv");
    let third = node.document("");
    assert_eq!(third["counts"], json!({"files": 1, "leases": 1, "renditions": 0, "waiters": 0}));
    assert_eq!(node.ask("SELECT holder FROM cache_lease"), ["c-9"]);
    assert_eq!(names(&node.path("data/legacy/2")), ["push.db", "reelmill.db", "report.json", "teacher.db"]);
}

#[test]
fn files_alone_are_adopted_where_they_lie_with_the_settings_of_the_old_env() {
    let node = OldNode::empty();
    for name in ["6666/6666.flv", "22/7777/7777_720P.flv", "6666/6666_240.flv", "notes.txt"] {
        node.video(name);
    }
    fs::write(node.path(".env"), "MAX_VIDEO_NUM=1\nwget_path=/usr/bin/wget\n").unwrap();
    let document = node.import("--env-file .env --json").succeeded().document();
    assert_eq!(document["counts"], json!({"files": 2, "leases": 0, "renditions": 0, "waiters": 0}));
    assert_eq!(told(&document, "misnamed"), ["6666/6666_240.flv would be taken as 6666/6666_240P.flv"]);
    assert_eq!(told(&document, "stranger"), ["notes.txt: no recording by its name"]);
    assert!(told(&document, "over_limits")[0].starts_with("2 files, and cache.count_max is 1"), "{document}");
    assert_eq!(told(&document, "setting").len(), 2);
    assert_eq!(names(&node.path("data/legacy/1")), [".env", "report.json"]);
    assert_eq!(node.ask("SELECT institution, record FROM cache_file ORDER BY record"), ["|6666", "22|7777"]);
    assert_eq!(node.ask("SELECT count(*) FROM cache_eviction"), ["0"]);
}

#[test]
fn classes_that_wait_in_redis_go_on_waiting_here() {
    let node = OldNode::new();
    let redis = Redis::start("hunter2");
    for words in [
        "RPUSH 6666_720P c-1 c-2 c-1",
        "RPUSH 7777_720P c-3",
        "RPUSH 1_1 x",
        "SET 6666_480P no-list",
        "RPUSH other y",
    ] {
        redis.command(words);
    }
    let url = redis.url();
    let document = node.document(&format!("--redis {url}"));
    assert_eq!(document["counts"]["waiters"], 2);
    assert_eq!(
        node.ask("SELECT record, resolution, class_id FROM waiter ORDER BY rowid"),
        ["6666|720|22/c-1", "6666|720|c-2"]
    );
    assert_eq!(told(&document, "waiter_left"), ["7777_720P: 1 class not taken over, since it is failed"]);
    assert_eq!(redis.command("LRANGE 6666_720P 0 -1"), "c-1\nc-2\nc-1");
    assert_eq!(node.document(&format!("--redis {url}"))["state"], "nothing");
    redis.command("RPUSH 6666_720P c-4");
    assert_eq!(node.document(&format!("--redis {url}"))["counts"]["waiters"], 1);
    let everything = format!("{:?}", node.everything());
    assert!(!everything.contains("hunter2") && !document.to_string().contains("hunter2"));
}

#[test]
fn a_database_that_the_old_system_has_open_is_taken_over_with_what_it_committed() {
    let node = OldNode::new();
    let work = "db.execute('PRAGMA journal_mode = WAL')
db.execute(\"INSERT INTO class_list VALUES ('c-7', '9999', '')\")
db.execute('BEGIN IMMEDIATE')
db.execute('DELETE FROM class_list')";
    let old = OldSystem::start(&node.path("push.db"), work);
    let before = [node.path("push.db"), node.path("push.db-wal")].map(|path| fs::read(path).unwrap());
    let document = node.document("");
    let after = [node.path("push.db"), node.path("push.db-wal")].map(|path| fs::read(path).unwrap());
    drop(old);
    assert_eq!(document["counts"]["leases"], 5);
    assert!(before == after);
    let copied =
        tool("sqlite3", &[node.path("data/legacy/1/push.db").to_str().unwrap(), "SELECT count(*) FROM class_list"]);
    assert_eq!(copied, b"4\n");
}

#[test]
fn a_log_that_a_crash_of_the_old_system_left_is_read_and_left() {
    let node = OldNode::new();
    let crash = "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None); \
                 db.execute('PRAGMA journal_mode = WAL'); db.execute(\"INSERT INTO class_list VALUES ('c-7', '9999', '')\"); \
                 os._exit(0)";
    tool("python3", &["-c", crash, node.path("push.db").to_str().unwrap()]);
    let files = || ["push.db", "push.db-wal"].map(|name| fs::read(node.path(name)).unwrap());
    let before = files();
    assert!(!before[1].is_empty());
    assert_eq!(node.document("--dry-run")["counts"]["leases"], 5);
    assert_eq!(node.document("")["counts"]["leases"], 5);
    assert!(files() == before);
}

#[test]
fn rows_in_odd_shapes_are_told_one_by_one_and_passed_over() {
    let node = OldNode::empty();
    node.video("1/1.flv");
    let odd = "CREATE TABLE video_list (record_id, resolution, status, id, num_cite, site, update_time);
        INSERT INTO video_list VALUES (1, '720P', '转码中', NULL, NULL, NULL, NULL), (NULL, NULL, NULL, 1, x'00ff', NULL, 'soon'),
        (x'ff', '720P', '转码中', '../x', 1, '', 5), (NULL, NULL, NULL, NULL, NULL, NULL, NULL);
        CREATE TABLE class_list (class_id, site); CREATE TABLE task_list (class_id, institution_id);
        INSERT INTO task_list VALUES ('a', '../..'), (NULL, '22');";
    sql(&node.path("odd.db"), odd);
    let document = node.import("--database odd.db --json").succeeded().document();
    assert_eq!(document["counts"], json!({"files": 1, "leases": 0, "renditions": 1, "waiters": 0}));
    assert_eq!(told(&document, "row_unusable").len(), 4, "{document}");
    assert_eq!(told(&document, "table_misshapen"), ["odd.db: class_list (class_id, site)"]);
}
