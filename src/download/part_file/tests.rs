//! Part files as crashes, strangers and full hours leave them.

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::content_hash;
use crate::download::sidecar::finished_before;
use crate::failure::Failure;

const URL: &str = "http://origin.example/lesson.flv";

fn origin() -> Origin {
    Origin {
        url: URL.to_owned(),
        final_url: URL.to_owned(),
        validator: Some(Validator::ETag("\"v1\"".to_owned())),
        total: Some(9),
    }
}

fn output(folder: &TempDir) -> PathBuf {
    folder.path().join("lesson.flv")
}

/// Leaves six durable bytes behind, and three more that nothing speaks of.
fn killed(folder: &TempDir) -> PathBuf {
    let output = output(folder);
    let (mut part, leftover) = PartFile::open(&output, URL, true).unwrap();
    assert_eq!(leftover, Leftover::None);
    part.begin(origin()).unwrap();
    part.append(b"abc").unwrap();
    part.sync().unwrap();
    part.append(b"def").unwrap();
    part.sync().unwrap();
    part.append(b"xyz").unwrap();
    output
}

fn reopened(output: &Path) -> (PartFile, Leftover) {
    PartFile::open(output, URL, true).unwrap()
}

#[test]
fn a_new_process_goes_on_from_what_is_durable_and_no_further() {
    let folder = tempfile::tempdir().unwrap();
    let output = killed(&folder);
    let (mut part, leftover) = reopened(&output);
    assert_eq!((leftover, part.bytes()), (Leftover::Resumed(6), 6));
    assert_eq!(part.origin(), Some(&origin()));
    part.append(b"ghi").unwrap();
    let mark = part.whole().unwrap();
    assert_eq!(mark, Mark { bytes: 9, sha256: content_hash::of_bytes("abcdefghi") });
    part.publish(&output, false).unwrap();
    assert_eq!(fs::read(&output).unwrap(), b"abcdefghi");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn whatever_byte_of_the_sidecar_is_lost_no_wrong_byte_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let output = killed(&folder);
    let (text, bytes) = (fs::read(sidecar_path(&output)).unwrap(), fs::read(part_path(&output)).unwrap());
    let mut seen = std::collections::BTreeSet::new();
    // Every byte would take seconds of syncs; seven has no common factor with the lines.
    for at in (0..text.len()).step_by(7) {
        let mut flipped = text.clone();
        flipped[at] ^= 0x20;
        for damaged in [text[..at].to_vec(), flipped] {
            fs::write(sidecar_path(&output), damaged).unwrap();
            fs::write(part_path(&output), &bytes).unwrap();
            let (part, _) = reopened(&output);
            assert!(b"abcdef".starts_with(&fs::read(part_path(&output)).unwrap()), "{at}");
            seen.insert(part.bytes());
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 3, 6]);
}

#[test]
fn bytes_that_changed_under_the_sidecar_are_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let output = killed(&folder);
    fs::write(part_path(&output), "abcdeF").unwrap();
    assert!(matches!(reopened(&output).1, Leftover::Discarded(why) if why.contains("damaged")));
    let output = killed(&folder);
    fs::write(part_path(&output), "abc").unwrap();
    assert!(matches!(reopened(&output).1, Leftover::Discarded(_)));
}

#[test]
fn another_address_no_validator_and_no_wish_to_resume_begin_at_0() {
    let folder = tempfile::tempdir().unwrap();
    let output = killed(&folder);
    let (_, leftover) = PartFile::open(&output, "http://elsewhere.example/lesson.flv", true).unwrap();
    assert!(matches!(leftover, Leftover::NotWanted(_)));
    assert!(matches!(PartFile::open(&output, URL, false).unwrap().1, Leftover::NotWanted(_)));
    // Neither has touched what is there, for no byte has come to take its place.
    assert_eq!(reopened(&output).1, Leftover::Resumed(6));
    let (mut part, _) = reopened(&output);
    part.begin(Origin { validator: None, ..origin() }).unwrap();
    part.append(b"abc").unwrap();
    part.sync().unwrap();
    drop(part);
    assert!(matches!(reopened(&output).1, Leftover::Discarded(_)));
}

#[test]
fn a_second_process_is_told_that_the_first_is_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let (_part, _) = reopened(&output(&folder));
    assert_eq!(PartFile::open(&output(&folder), URL, true).unwrap_err().code(), "OUTPUT_BUSY");
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let output = output(&folder);
    let refused = || PartFile::open(&output, URL, true).unwrap_err().code();
    fs::write(part_path(&output), "of another program").unwrap();
    assert_eq!(refused(), "PART_TAKEN");
    assert_eq!(fs::read(part_path(&output)).unwrap(), b"of another program");
    fs::remove_file(part_path(&output)).unwrap();
    let precious = folder.path().join("precious");
    fs::write(&precious, "mine").unwrap();
    for name in [part_path(&output), sidecar_path(&output)] {
        symlink(&precious, &name).unwrap();
        assert_eq!(refused(), "PART_TAKEN", "{}", name.display());
        fs::remove_file(&name).unwrap();
        fs::create_dir(&name).unwrap();
        assert_eq!(refused(), "PART_TAKEN", "{}", name.display());
        fs::remove_dir(&name).unwrap();
        let _ = fs::remove_file(part_path(&output));
    }
    assert_eq!(fs::read(&precious).unwrap(), b"mine");
}

#[test]
fn a_run_killed_after_the_name_was_given_is_recognized_and_tidied() {
    let folder = tempfile::tempdir().unwrap();
    let output = output(&folder);
    let (mut part, _) = reopened(&output);
    part.begin(origin()).unwrap();
    part.append(b"abcdefghi").unwrap();
    let mark = part.whole().unwrap();
    fs::rename(part_path(&output), &output).unwrap();
    assert_eq!(finished_before(&output, URL).unwrap_err().code(), "OUTPUT_BUSY");
    drop(part);
    assert!(finished_before(&output, "http://elsewhere.example/").unwrap().is_none());
    let finished = finished_before(&output, URL).unwrap().unwrap();
    assert_eq!((&finished.origin, &finished.mark), (&origin(), &mark));
    remove_sidecar(&finished.sidecar, &output).unwrap();
    assert!(!sidecar_path(&output).try_exists().unwrap());
    assert!(finished_before(&output, URL).unwrap().is_none());
}

#[test]
fn a_file_that_could_never_fit_is_told_before_the_first_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (mut part, _) = reopened(&output(&folder));
    for total in [1 << 60, u64::MAX] {
        let error = part.begin(Origin { total: Some(total), ..origin() }).unwrap_err();
        assert_eq!(error.code(), "DISK_FULL", "{total}");
    }
}
