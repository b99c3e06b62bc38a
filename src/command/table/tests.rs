//! The table's tests, and the values that other tests of this folder print too.

use super::*;
use crate::av::AvError;
use crate::media::{
    AudioInfo, ColorTags, Container, MediaInfo, Oddity, OtherStream, Range, RenditionName, VideoInfo,
};
use crate::transcode::Resumption;
use crate::transcode::plan::{AacPlan, Cut, Prepare, VideoPlan};
use crate::transcode::sample::{self, lesson};

/// A short lesson with cover art and a tail of zeros.
pub(in crate::command) fn info() -> MediaInfo {
    let lesson = lesson();
    MediaInfo {
        bytes: 1 << 20,
        declared_duration_seconds: Some(41.0),
        duration_seconds: 40.0,
        video: lesson.video.map(|video| VideoInfo {
            range: Range::Limited,
            color: ColorTags { matrix: Some("bt709".to_owned()), ..ColorTags::default() },
            packets: 1000,
            keyframes: 10,
            end_seconds: 40.0,
            bytes: 900_000,
            ..video
        }),
        audio: lesson.audio.map(|audio| AudioInfo {
            sample_rate: 48_000,
            packets: 1875,
            end_seconds: 40.0,
            bytes: 100_000,
            ..audio
        }),
        other_streams: vec![OtherStream { stream_index: 2, what: "cover art (mjpeg)".to_owned() }],
        oddities: vec![Oddity::ZeroTail { bytes: 4096 }],
        ..lesson
    }
}

/// One rendition to encode and one to copy.
pub(in crate::command) fn plan() -> Plan {
    let encoder_options = vec![("aq-mode".to_owned(), "2".to_owned())];
    let encode = VideoPlan { threads: 2, encoder_options, ..sample::encode() };
    let aac = AacPlan { bits_per_second: 128_000, sample_rate: 48_000, channels: 2 };
    Plan {
        container: Container::Mp4,
        prepare: Prepare::default(),
        cut: Cut::Whole { reason: "as asked by --no-chunks" },
        renditions: vec![
            RenditionPlan {
                name: RenditionName::of_source(720),
                merged: vec![RenditionName::of_source(1080)],
                action: Action::Transcode(Box::new(encode)),
                reasons: vec!["smaller than the source".to_owned()],
                audio: AudioPlan::Aac(aac),
            },
            RenditionPlan {
                name: RenditionName::of_source(480),
                merged: Vec::new(),
                action: Action::Copy,
                reasons: vec!["it fits as it is".to_owned()],
                audio: AudioPlan::Copy,
            },
        ],
        notes: vec!["cover art is left out".to_owned()],
    }
}

fn path(short_side: u32) -> std::path::PathBuf {
    format!("out/lesson_{short_side}P.mp4").into()
}

/// A finished rendition.
pub(in crate::command) fn finished(short_side: u32) -> RenditionOutcome {
    RenditionOutcome {
        name: RenditionName::of_source(short_side),
        path: path(short_side),
        result: Ok(Finished {
            frames: 1000,
            duration_seconds: 40.0,
            bytes: 700_000,
            sha256: "ab".repeat(32),
            width: 1280,
            height: 720,
            video_codec: Some("h264".to_owned()),
            audio_codec: Some("aac".to_owned()),
            verified: true,
            repairs: vec!["4.0 KiB of zeros left out".to_owned()],
            resumption: Resumption::default(),
            is_found: false,
        }),
    }
}

/// A rendition that a signal broke off.
pub(in crate::command) fn failed(short_side: u32) -> RenditionOutcome {
    RenditionOutcome {
        name: RenditionName::of_source(short_side),
        path: path(short_side),
        result: Err(AvError::Cancelled.into()),
    }
}

pub(in crate::command) const COST: Cost =
    Cost { wall_seconds: 8.0, cpu_seconds: Some(15.25), peak_memory_bytes: Some(200 << 20) };

fn printed(renditions: Vec<RenditionOutcome>, paint: Paint) -> String {
    table(Path::new("in/lesson.flv"), &info(), &plan(), &Outcome { renditions }, COST, paint)
}

#[test]
fn a_row_per_rendition_with_its_remarks_under_it() {
    assert_eq!(
        printed(vec![finished(720), failed(480)], Paint(false)),
        "in/lesson.flv  1920x1080 h264 + aac  0:40.00  1.0 MiB
  note: cover art is left out

  rendition  action         size  frames  duration      bytes  proof  path
  720P       transcode  1280x720    1000   0:40.00  683.6 KiB  ✓      out/lesson_720P.mp4
      x264 veryfast, crf 24, keyframe every 4 s; sound AAC 128 kbit/s
      why: smaller than the source
      serves also: 1080P
      mended: 4.0 KiB of zeros left out
  480P       copy              –       –         –          –  ✗      –
      why: it fits as it is
      failed: CANCELLED: stopped on request

1 of 2 renditions in 8.0 s, 5.0 times real time; 15.2 s of CPU, 200.0 MiB of memory at most"
    );
}

#[test]
fn a_skipped_proof_is_said_loudly() {
    let mut unproven = finished(720);
    if let Ok(file) = &mut unproven.result {
        file.verified = false;
    }
    let text = printed(vec![unproven, finished(480)], Paint(true));
    assert!(
        text.ends_with(
            "\u{1b}[1;33mNOT VERIFIED: --no-verify skipped the proof; these files may be broken\u{1b}[0m"
        )
    );
    assert!(!printed(vec![finished(720), finished(480)], Paint(true)).contains("NOT VERIFIED"));
}

#[test]
fn what_an_earlier_run_did_is_told_and_not_counted_as_speed() {
    let told = |change: fn(&mut Finished)| {
        let mut rendition = finished(720);
        if let Ok(file) = &mut rendition.result {
            file.resumption.chunks = 9;
            change(file);
        }
        printed(vec![rendition, finished(480)], Paint(false))
    };
    let taken_up = told(|file| file.resumption.reused = 7);
    assert!(taken_up.contains("resumed: 7 of 9 chunks were there already"), "{taken_up}");
    assert!(!taken_up.contains("real time"), "{taken_up}");
    assert!(told(|file| file.is_found = true).contains("resumed: finished by an earlier run"));
    let anew = told(|file| file.resumption.discarded = Some("the settings have changed"));
    assert!(anew.contains("begun anew: the settings have changed") && anew.contains("real time"), "{anew}");
}

#[test]
fn metadata_cannot_steer_the_terminal() {
    let mut hostile = finished(720);
    hostile.path = "out/\u{1b}[2J.mp4".into();
    assert!(!printed(vec![hostile, finished(480)], Paint(false)).contains('\u{1b}'));
}
