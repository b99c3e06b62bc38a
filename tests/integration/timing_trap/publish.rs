//! What recorders of live streams leave behind: two publishes in one file, headers in mid-file, streams out of step.

use super::*;

fn is_header(tag: &flv::Tag) -> bool {
    // Sequence headers of AVC and AAC.
    tag.payload.get(1) == Some(&0)
}

/// Writes tags as `name`.
fn written(folder: &TempDir, name: &str, tags: &[flv::Tag]) -> PathBuf {
    let path = folder.path().join(name);
    flv::write(&path, tags);
    path
}

/// A plain recording of four seconds with beeps at 1 s and 3 s.
fn plain(folder: &TempDir) -> Vec<flv::Tag> {
    let path = clocked(folder, "unchanged.flv", |_| {});
    // Not the marks of the end, after which nothing should follow.
    flv::read(&path).into_iter().filter(|tag| tag.kind != flv::PICTURE || tag.payload[1] != 2).collect()
}

/// Checks frames and beeps, and tells what came of the trap.
fn check((id, trap): (&str, &str), source: &Path, frames: u32, beeps: &[f64]) {
    each_way(source, |path, ran| {
        // What was asked for hides what would have been needed.
        if ran.plan.renditions[0].reasons.iter().all(|reason| reason != "sound encoded to AAC as asked") {
            saw(id, trap, ran);
        }
        let wanted: Vec<f64> = (0..frames).map(|n| f64::from(n) * 0.04).collect();
        oracle::assert_times(&oracle::times(path, "v:0"), &wanted, 0.045);
        for beep in beeps {
            assert_heard(path, beep - 0.5, *beep);
        }
    });
}

#[test]
fn two_publishes_in_one_file_follow_each_other() {
    let folder = scratch();
    let tags = plain(&folder);
    // The second begins at zero again, or where a busy server put it.
    for (trap, offset) in [
        ("two publishes, the second from zero again", 0),
        ("two publishes on one clock", 4000),
        ("two publishes, the second a minute and a half late", 90_000),
    ] {
        let mut both = tags.clone();
        both.extend(tags.iter().cloned().map(|tag| flv::Tag { time: tag.time + offset, ..tag }));
        check(("T1", trap), &written(&folder, "both.flv", &both), 200, &[1.02, 3.02, 5.02, 7.02]);
    }
}

#[test]
fn headers_in_mid_file_change_nothing_whatever_their_times() {
    for time in [0, 2000, 3_600_000, 0x7FFF_FFFF, u32::MAX] {
        let folder = scratch();
        let mut tags = plain(&folder);
        let headers = tags.iter().filter(|tag| is_header(tag)).cloned().map(|tag| flv::Tag { time, ..tag });
        let headers: Vec<flv::Tag> = headers.collect();
        let middle = tags.iter().position(|tag| tag.time >= 2000).unwrap();
        tags.splice(middle..middle, headers);
        check(
            ("T1", "headers in mid-file, whatever their times"),
            &written(&folder, "headers.flv", &tags),
            100,
            &[1.02, 3.02],
        );
    }
}

#[test]
fn a_jump_right_after_the_headers_or_between_groups_is_taken_out() {
    // After the file's own headers, and at the second group.
    for (trap, from) in [("a jump right after the headers", 1), ("a jump between two groups", 2000)] {
        let folder = scratch();
        let mut tags = plain(&folder);
        tags.iter_mut().filter(|tag| !is_header(tag) && tag.time >= from).for_each(|tag| tag.time += 50_000);
        check(("T1", trap), &written(&folder, "jump.flv", &tags), 100, &[1.02, 3.02]);
    }
}

#[test]
fn streams_that_are_each_in_order_need_not_be_so_together() {
    for ahead in [500, 3000] {
        let folder = scratch();
        let mut tags = plain(&folder);
        tags.sort_by_key(|tag| if tag.kind == flv::SOUND { tag.time.saturating_sub(ahead) } else { tag.time });
        let source = written(&folder, "steps.flv", &tags);
        check(("T2", "streams that are in order, but not together"), &source, 100, &[1.02, 3.02]);
        each_way(&source, |_, ran| assert_eq!(ran.only().1.repairs, Vec::<String>::new()));
    }
}

#[test]
fn pictures_that_are_to_be_shown_before_they_are_decoded_come_out_in_order_m12() {
    let folder = scratch();
    let mut tags = plain(&folder);
    let pictures = tags.iter_mut().filter(|tag| tag.kind == flv::PICTURE && !is_header(tag));
    for tag in pictures.skip(10).step_by(7) {
        tag.payload[2..5].copy_from_slice(&(-60_i32).to_be_bytes()[1..]);
    }
    let source = written(&folder, "before.flv", &tags);
    each_way(&source, |path, ran| {
        saw("M12", "pictures to be shown before they are decoded", ran);
        let packets = oracle::packets(path, "v:0");
        assert!(packets.len() == 100 && packets.windows(2).all(|pair| pair[1].dts > pair[0].dts));
        assert!(packets.iter().all(|packet| packet.pts >= packet.dts));
        assert_heard(path, 2.0, 3.02);
        assert!(ran.only().1.repairs.iter().any(|repair| repair.contains("put in order")));
    });
}

#[test]
fn a_recording_whose_every_tag_stands_at_zero_is_no_silent_success_m12() {
    let folder = scratch();
    let mut tags = plain(&folder);
    tags.iter_mut().for_each(|tag| tag.time = 0);
    let source = written(&folder, "zero.flv", &tags);
    for container in BOTH {
        let code = outcome(&source, &encode(&[], container));
        if code == "OK" {
            let ran = transcode(&source, &encode(&[], container)).unwrap();
            let times = oracle::times(ran.only().0, "v:0");
            assert!((times.last().unwrap() - 3.96).abs() < 0.1, "{times:?}");
        } else {
            assert!(code.starts_with("MEDIA_") || code.starts_with("PROOF_"), "{code}");
        }
    }
}
