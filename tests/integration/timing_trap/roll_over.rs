//! Counters that reach their last value and begin anew, and jumps that look like it.

use super::*;

const DAY: u32 = 86_400_000;

fn even(frames: u32) -> Vec<f64> {
    (0..frames).map(|n| f64::from(n) * 0.04).collect()
}

/// Checks that frames and beeps are where they were and that the roll-over is told, and no jump.
fn check_rolled(trap: &str, source: &Path, frames: u32) {
    each_way(source, |path, ran| {
        saw("T3", trap, ran);
        oracle::assert_times(&oracle::times(path, "v:0"), &even(frames), 0.002);
        assert_heard(path, 0.5, 1.02);
        assert_heard(path, 2.0, 3.02);
        let repairs = &ran.only().1.repairs;
        assert!(repairs.iter().any(|repair| repair.contains("roll over once")), "{repairs:?}");
        assert!(!repairs.iter().any(|repair| repair.contains("jump")), "{repairs:?}");
    });
}

#[test]
fn flv_whose_32_bits_roll_over_goes_on_m12() {
    // The picture's turn comes between two of the sound's packets, and at a keyframe.
    for before in [2500, 2000, 1970] {
        let folder = scratch();
        let source = clocked(&folder, "roll.flv", |tag| tag.time = tag.time.wrapping_sub(before));
        check_rolled("32 bits of an FLV", &source, 100);
    }
}

#[test]
fn sound_that_rolls_over_a_moment_before_its_picture_stays_with_it() {
    let folder = scratch();
    let plain = clocked(&folder, "plain2.flv", |_| {});
    // In the file, the sound runs ahead by half a second.
    let mut tags = flv::read(&plain);
    tags.sort_by_key(|tag| if tag.kind == flv::SOUND { tag.time.saturating_sub(500) } else { tag.time });
    tags.iter_mut().for_each(|tag| tag.time = tag.time.wrapping_sub(2500));
    let source = folder.path().join("ahead.flv");
    flv::write(&source, &tags);
    check_rolled("32 bits of the sound, a moment before the picture's", &source, 100);
}

#[test]
fn a_transport_stream_whose_33_bits_roll_over_goes_on_m12() {
    let sound = "aevalsrc=0.8*sin(2*PI*880*t)*(between(t\\,1\\,1.2)+between(t\\,3\\,3.2)):s=44100";
    // libav takes the turn away from what comes before it within the first minute, and adds it to what comes after later.
    for (offset, seconds) in [(95_441.3, 4), (95_380.0, 68)] {
        let folder = scratch();
        let line = format!(
            "-f lavfi -i testsrc2=size=64x64:rate=25:duration={seconds} -f lavfi -i {sound}:d={seconds} \
             -c:v libx264 -preset ultrafast -bf 2 -g 50 -c:a aac -ac 2 -output_ts_offset {offset}"
        );
        let source = by_ffmpeg(&folder, "roll.ts", &line);
        check_rolled("33 bits of a transport stream", &source, 25 * seconds);
    }
}

#[test]
fn a_roll_over_after_a_jump_is_one_too() {
    let folder = scratch();
    let source = clocked(&folder, "jump.flv", |tag| {
        if tag.time >= 1500 {
            tag.time = tag.time.wrapping_sub(2500);
        }
    });
    each_way(&source, |path, ran| {
        saw("T3", "a roll-over after a jump", ran);
        oracle::assert_times(&oracle::times(path, "v:0"), &even(100), 0.03);
        assert_heard(path, 0.5, 1.02);
        assert_heard(path, 2.0, 3.02);
        let repairs = ran.only().1.repairs.join("; ");
        assert!(repairs.contains("1 timestamp jump") && repairs.contains("roll over once"), "{repairs}");
    });
}

#[test]
fn a_jump_back_of_a_day_is_told_as_one_and_taken_out() {
    for (late, wanted) in [(true, "of 86399"), (false, "of -8640")] {
        let folder = scratch();
        let source = clocked(&folder, "day.flv", |tag| {
            if (tag.time >= 2000) == late {
                tag.time += DAY;
            }
        });
        each_way(&source, |path, ran| {
            oracle::assert_times(&oracle::times(path, "v:0"), &even(100), 0.002);
            assert_heard(path, 2.0, 3.02);
            let repairs = ran.only().1.repairs.join("; ");
            assert!(repairs.contains(wanted) || repairs.contains("of 86400"), "{repairs}");
        });
    }
}

#[test]
fn a_gap_of_ten_hours_makes_no_pictures_m7() {
    let folder = scratch();
    let gap = clocked(&folder, "gap.flv", |tag| {
        if tag.time >= 2000 {
            tag.time += 36_000_000;
        }
    });
    let alone = pausing(&folder, 36_000);
    for source in [gap, alone] {
        each_way(&source, |path, ran| {
            saw("M7", "a gap of ten hours", ran);
            let finished = ran.only().1;
            assert_eq!((finished.frames, oracle::decodes_whole(path)), (100, 100));
            assert!(finished.duration_seconds <= 2.0 * 4.0 + 10.0, "{}", finished.duration_seconds);
            assert!(finished.repairs.iter().any(|repair| repair.contains("jump")), "{:?}", finished.repairs);
        });
    }
}

/// Four seconds of picture without sound in Matroska, which pauses for `seconds` in the middle.
fn pausing(folder: &TempDir, seconds: u32) -> PathBuf {
    let line = format!(
        "-f lavfi -i testsrc2=size=160x90:rate=25:duration=4 -c:v libx264 -preset ultrafast -bf 0 -g 25 \
         -bsf:v setts=ts=TS+gte(N\\,50)*{seconds}000"
    );
    by_ffmpeg(folder, "pause.mkv", &line)
}

#[test]
fn pictures_behind_a_long_pause_that_are_decoded_before_it_stay_behind_it() {
    let folder = scratch();
    let line = "-f lavfi -i testsrc2=size=160x90:rate=5:duration=12 -vf setpts=PTS+gt(N\\,30)*900/TB \
                -fps_mode passthrough -c:v libx264 -preset veryfast -g 250 -bf 3";
    let source = by_ffmpeg(&folder, "slides.mp4", line);
    let wanted = oracle::times(&source, "v:0");
    assert!(wanted.windows(2).any(|pair| pair[1] - pair[0] > 899.0), "{wanted:?}");
    for container in BOTH {
        let ran = transcode(&source, &encode(&[], container)).unwrap();
        saw("T23", "a pause of fifteen minutes with B-frames behind it", &ran);
        oracle::assert_times(&oracle::times(ran.only().0, "v:0"), &wanted, TICK);
    }
}

#[test]
fn a_still_of_twenty_minutes_is_kept_and_makes_no_pictures() {
    let folder = scratch();
    let source = pausing(&folder, 1200);
    each_way(&source, |path, ran| {
        saw("M7", "a still of twenty minutes", ran);
        let wanted: Vec<f64> = (0..100).map(|n| f64::from(n) * 0.04 + if n < 50 { 0.0 } else { 1200.0 }).collect();
        oracle::assert_times(&oracle::times(path, "v:0"), &wanted, TICK);
        assert_eq!(ran.only().1.repairs, Vec::<String>::new());
    });
}
