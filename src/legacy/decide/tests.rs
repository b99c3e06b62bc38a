//! The table of decisions: what was found, and what becomes of it.

use super::*;
use crate::media::RenditionName;
use crate::store::{OldRow, OldTable, Shape};

const NOW: i64 = 1_700_000_000_000;

fn terms() -> Terms {
    Terms {
        now_milliseconds: NOW,
        lease_until_milliseconds: NOW + 24,
        deadline_milliseconds: NOW + 2,
        limits: Limits { bytes_max: 1000, count_max: 100, free_bytes_min: 10 },
    }
}

fn file(name: &str, bytes: u64, modified_seconds: i64) -> FoundFile {
    FoundFile { key: Key::parse(name).unwrap(), bytes, modified_nanoseconds: modified_seconds * 1_000_000_000 }
}

fn table(shape: Shape, rows: &[&[&str]]) -> OldTable {
    let value = |value: &&str| Some((*value).to_owned()).filter(|value| value != "-");
    let rows: Vec<OldRow> = rows.iter().map(|row| row.iter().map(value).collect()).collect();
    OldTable { shape, rows }
}

fn database(tables: Vec<OldTable>) -> OldDatabase {
    OldDatabase { path: "/old/push.db".into(), tables, other_tables: vec![], misshapen_tables: vec![] }
}

fn list(record: &str, classes: &[&str]) -> WaitingList {
    WaitingList {
        name: format!("{record}_720P"),
        record: record.to_owned(),
        resolution: RenditionName::of_source(720),
        classes: classes.iter().map(|class| (*class).to_owned()).collect(),
        more: 0,
    }
}

fn old(tables: Vec<OldTable>, files: Vec<FoundFile>) -> Old {
    Old { databases: vec![database(tables)], found: Found { files, ..Found::default() }, lists: vec![] }
}

fn decided(old: &Old) -> Plan {
    decide(old, &Present::default(), &terms())
}

/// Every finding as `kind: text`.
fn told(plan: &Plan) -> Vec<String> {
    let texts = |(kind, told): (NoteKind, &crate::legacy::Told)| {
        told.texts.iter().map(|text| format!("{}: {text}", kind.name())).collect::<Vec<_>>()
    };
    plan.notes.by_kind().flat_map(texts).collect()
}

fn files(plan: &Plan) -> Vec<String> {
    plan.files.iter().map(|file| file.key.to_string()).collect()
}

/// What was taken over by this plan is here from now on.
fn present(plan: &Plan) -> Present {
    let rows = plan.files.iter().flat_map(FilePlan::legacy_rows);
    let rows = rows.chain(plan.renditions.iter().map(RenditionPlan::legacy_row));
    Present {
        rows: rows.chain(plan.waiters.iter().map(WaiterPlan::legacy_row)).collect(),
        files: plan.files.iter().map(|file| file.key.clone()).collect(),
        holds: BTreeSet::new(),
        renditions: plan.renditions.iter().map(|plan| plan.rendition.clone()).collect(),
    }
}

#[test]
fn x12_files_without_a_row_go_first_and_all_files_of_a_recording_share_the_time_of_its_row() {
    let videos = table(
        Shape::Videos,
        &[
            &["1", "1600000300", "0", "-"],
            &["2", "1600000100", "0", "-"],
            &["3", "later", "0", "-"],
            &["4", "9999999999", "0", "-"],
            &["9", "1600000000", "0", "-"],
            &["1", "1500000000", "0", "-"],
        ],
    );
    let found = vec![
        file("1", 10, 50),
        file("1_720P", 10, 40),
        file("2", 10, 1_690_000_000),
        file("22/2_480P", 10, 1_690_000_001),
        file("3", 10, 1_690_000_009),
        file("4", 10, 1),
        file("5", 10, 1_690_000_002),
        file("6", 10, 7),
    ];
    let plan = decided(&old(vec![videos], found));
    assert_eq!(files(&plan), ["6", "5", "3", "2", "22/2_480P", "1_720P", "1", "4"]);
    let used: Vec<i64> = plan.files.iter().map(|file| file.used_milliseconds / 1000).collect();
    assert_eq!(
        used,
        [7, 1_690_000_002, 1_690_000_009, 1_600_000_100, 1_600_000_100, 1_600_000_300, 1_600_000_300, NOW / 1000]
    );
    let reasons: Vec<&str> = plan.files.iter().map(|file| file.reason.split(':').next().unwrap()).collect();
    assert_eq!(
        reasons[..4],
        ["no row tells of it", "no row tells of it", "its row has no usable update_time", UPDATE_TIME]
    );
    assert_eq!(
        told(&plan),
        [
            "row_duplicate: video_list has 1 twice; the first row holds",
            "row_without_file: 9",
            "file_without_row: 5/5.flv",
            "file_without_row: 6/6.flv",
        ]
    );
}

#[test]
fn x13_rows_of_classes_become_holds_that_end_and_name_the_class_with_its_institution() {
    let classes = table(
        Shape::Classes,
        &[
            &["c-1", "1", "-"],
            &["c-2", "1", "/old/1/1_720P.flv"],
            &["c-3", "2", "/old/2"],
            &["c-4", "7", "-"],
            &["c-1", "1", "-"],
            &["", "1", "-"],
            &["c-5", "1_480P", "-"],
        ],
    );
    let tasks =
        table(Shape::Tasks, &[&["c-2", "22"], &["c-3", "-"], &["c-2", "23"], &["c-2", "22"], &["c-9", "a/b"]]);
    let plan = decided(&old(vec![classes, tasks], vec![file("1", 1, 1), file("1_720P", 1, 1), file("2", 1, 1)]));
    let held: Vec<String> = plan
        .files
        .iter()
        .map(|file| {
            format!(
                "{}: {}",
                file.key,
                file.leases.iter().map(|held| held.holder.to_string()).collect::<Vec<_>>().join(", ")
            )
        })
        .collect();
    assert_eq!(held, ["1: class c-1", "1_720P: class c-1, class 22/c-2", "2: class c-3"]);
    let lease = &plan.files[0].leases[0];
    assert_eq!((lease.since_milliseconds, lease.until_milliseconds), (NOW, Some(NOW + 24)));
    assert_eq!(plan.leases(), 4);
    assert_eq!(
        told(&plan),
        [
            "class_without_file: class c-4 needs 7, of which there is no file",
            "class_without_file: class c-5 needs 1_480P, of which there is no file",
            "row_unusable: push.db: class_list: (, 1, NULL): \"\" is no name of a class",
            "row_unusable: push.db: task_list: (c-9, a/b): \"a/b\" is no key of a file in the cache: '/' cannot stand in it",
            "row_duplicate: class c-2 is of institution \"22\" and of \"23\"; taken as the first",
            "row_duplicate: class_list has class c-1 with 1 twice",
        ]
    );
}

#[test]
fn x10_a_flat_file_whose_classes_are_all_of_one_institution_is_told_and_stays() {
    let classes = table(
        Shape::Classes,
        &[&["a", "1", "-"], &["b", "1", "-"], &["c", "2", "-"], &["d", "2", "-"], &["e", "3", "-"]],
    );
    let tasks = table(Shape::Tasks, &[&["a", "22"], &["b", "22"], &["c", "22"], &["d", "-"], &["e", "22"]]);
    let plan = decided(&old(vec![classes, tasks], vec![file("1", 1, 1), file("2", 1, 1), file("22/3", 1, 1)]));
    assert_eq!(
        told(&plan),
        ["other_institution: 1/1.flv is needed by classes of institution 22 only, whose new bookings \
        are looked for in 22/1/1.flv; it stays where it is"]
    );
    assert_eq!(files(&plan), ["1", "2", "22/3"]);
}

#[test]
fn statuses_become_states_and_only_what_is_being_made_has_a_deadline() {
    let renditions = table(
        Shape::Renditions,
        &[
            &["1", "720P", "转码中"],
            &["1", "480p", "转码成功"],
            &["1", "240", "转码失败"],
            &["2", "1080", "转码超时"],
            &["3", "720", "done"],
            &["4", "720P", "转码中"],
            &["4", "720p", "转码成功"],
        ],
    );
    let plan = decided(&old(vec![renditions], vec![]));
    let states: Vec<_> = plan
        .renditions
        .iter()
        .map(|RenditionPlan { rendition, reason }| {
            (
                format!("{}_{}", rendition.record, rendition.resolution),
                rendition.state.name(),
                rendition.deadline_milliseconds,
                *reason,
            )
        })
        .collect();
    let row = |name: &str, state, deadline, reason| (name.to_owned(), state, deadline, reason);
    assert_eq!(
        states,
        [
            row("1_480", "succeeded", None, "转码成功"),
            row("4_720", "succeeded", None, "转码成功"),
            row("1_720", "transcoding", Some(NOW + 2), "转码中"),
            row("1_240", "failed", None, "转码失败"),
            row("2_1080", "timed_out", None, "转码超时"),
        ]
    );
    assert!(
        plan.renditions
            .iter()
            .all(|plan| plan.rendition.institution.is_empty() && plan.rendition.provider.is_empty())
    );
    assert_eq!(
        told(&plan),
        [
            "status_unknown: push.db: video_list: (3, 720, done): the status is \"done\"",
            "row_duplicate: video_list has 4_720P twice; 转码中 was left out",
        ]
    );
}

#[test]
fn x4_a_class_goes_on_waiting_only_for_what_is_being_made() {
    let renditions = table(Shape::Renditions, &[&["1", "720P", "转码中"], &["2", "720P", "转码失败"]]);
    let tasks = table(Shape::Tasks, &[&["b", "22"]]);
    let mut old = old(vec![renditions, tasks], vec![]);
    let many = WaitingList { more: 3, ..list("1", &["b", "a", "b", "x/y"]) };
    old.lists = vec![many, list("2", &["c", "d"]), list("3", &["e"])];
    let plan = decided(&old);
    let waiting: Vec<_> =
        plan.waiters.iter().map(|plan| (plan.waiter.class_id.as_str(), plan.reason.as_str())).collect();
    assert_eq!(waiting, [("22/b", "1_720P"), ("a", "1_720P")]);
    assert_eq!(
        told(&plan),
        [
            "waiter_left: 1_720P: \"x/y\" is no name of a class",
            "waiter_left: 1_720P has 3 more classes than are read",
            "waiter_left: 2_720P: 2 classes not taken over, since it is failed",
            "waiter_left: 3_720P: 1 class not taken over, since no row of video_list tells of it",
        ]
    );
}

#[test]
fn what_the_old_system_believed_of_the_disk_is_only_compared() {
    let folders = table(
        Shape::Folders,
        &[
            &["/srv/video", "0.0000011", "2"],
            &["/srv/video/1", "300", "1"],
            &["/srv/video/2", "800", "1"],
            &["/srv/video", "5", "9"],
            &["/x", "much", "1"],
        ],
    );
    let videos = table(Shape::Videos, &[&["1", "5", "2", "-"], &["2", "5", "1", "-"], &["2_720P", "5", "x", "-"]]);
    let classes = table(Shape::Classes, &[&["a", "2", "-"]]);
    let mut old = old(vec![folders, videos, classes], vec![file("1", 300, 1), file("2", 800, 1)]);
    old.found.free_bytes = Some(9);
    old.found.misnamed = vec![("1/1_480p.flv".into(), "1/1_480P.flv".into())];
    old.found.strangers = vec![("x.txt".into(), "no recording by its name")];
    old.databases[0].other_tables = vec!["song".to_owned()];
    old.databases[0].misshapen_tables = vec!["task_list (a)".to_owned()];
    let plan =
        decide(&old, &Present::default(), &Terms { limits: Limits { count_max: 1, ..terms().limits }, ..terms() });
    assert_eq!(files(&plan), ["1", "2"]);
    let told: Vec<String> = told(&plan)
        .into_iter()
        .map(|text| text.replace(": what was used longest ago goes with the first booking that needs room", ""))
        .collect();
    assert_eq!(
        told,
        [
            "over_limits: 1.1 KiB of recordings, and cache.bytes_max is 1000 B",
            "over_limits: 2 files, and cache.count_max is 1",
            "over_limits: 9 B free on the disk, and cache.free_bytes_min is 10 B",
            "misnamed: 1/1_480p.flv would be taken as 1/1_480P.flv",
            "row_unusable: push.db: dir_info: (/x, much, 1): its size is no number",
            "table_misshapen: push.db: task_list (a)",
            "folder_differs: dir_info has 9 files and a size of 5 in /srv/video, and there are 2 of 1.1 KiB (1100 bytes)",
            "count_differs: 1 was counted for 2, and class_list has it 0 times",
            "row_without_file: 2_720P",
            "stranger: x.txt: no recording by its name",
            "table_left: push.db: song",
        ]
    );
}

#[test]
fn a_second_time_there_is_nothing_to_do_whatever_has_become_of_it_since() {
    let tables = vec![
        table(Shape::Renditions, &[&["1", "720P", "转码中"]]),
        table(Shape::Videos, &[&["1", "5", "1", "-"]]),
        table(Shape::Classes, &[&["a", "1", "-"]]),
    ];
    let mut old = old(tables, vec![file("1", 10, 1)]);
    old.lists = vec![list("1", &["a"])];
    let first = decided(&old);
    assert_eq!((first.files.len(), first.leases(), first.renditions.len(), first.waiters.len()), (1, 1, 1, 1));
    let here = present(&first);
    let holds = BTreeSet::from([(Key::parse("1").unwrap(), "a".to_owned())]);
    let rows = here.rows.iter().filter(|row| !["file", "lease"].contains(&row.kind.as_str())).cloned().collect();
    let broken_off = Present { rows, holds, ..here.clone() };
    let gone = Present { renditions: vec![], ..here.clone() };
    let put_back = Present { files: BTreeSet::new(), ..here.clone() };
    let made = Rendition { state: RenditionState::Succeeded, ..here.renditions[0].clone() };
    let later = Present { renditions: vec![made], ..here.clone() };
    for present in [here, broken_off, gone, later] {
        let second = decide(&old, &present, &terms());
        assert!(second.is_empty(), "{second:?}");
        assert_eq!(second.already, crate::legacy::Already { files: 1, leases: 1, renditions: 1, waiters: 1 });
        assert_eq!(told(&second), [] as [&str; 0]);
    }
    // A file that went since and was put back is taken in again, without the holds that it had.
    let third = decide(&old, &put_back, &terms());
    assert_eq!((third.files.len(), third.leases(), third.already.files), (1, 0, 0));
}

#[test]
fn what_this_node_has_by_itself_is_left_as_it_is_and_told() {
    let tables =
        vec![table(Shape::Renditions, &[&["1", "720P", "转码失败"]]), table(Shape::Classes, &[&["a", "1", "-"]])];
    let old = old(tables, vec![file("1", 10, 1)]);
    let mut here = present(&decided(&old));
    here.rows.clear();
    here.renditions[0].state = RenditionState::Succeeded;
    let plan = decide(&old, &here, &terms());
    assert!(plan.is_empty());
    assert_eq!(
        told(&plan),
        [
            "here_already: 1 is in the cache already; no hold was made for class a",
            "here_already: 1_720P is succeeded here, and was 转码失败",
        ]
    );
}
