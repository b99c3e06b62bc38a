//! The JSON contract, field by field: a change here is a change for every program that reads it.

use serde_json::{Value, json};

use std::path::Path;

use super::*;
use crate::command::CommandError;
use crate::command::probe::wire::probe_document;
use crate::command::progress::View;
use crate::command::progress::wire::{end_line, progress_line};
use crate::command::table::tests::{COST, failed, finished, info, plan};
use crate::command::transcode::wire::transcode_document;
use crate::media::RenditionName;
use crate::transcode::{Outcome, Phase};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn transcode() -> Value {
    let outcome = Outcome { renditions: vec![finished(720), failed(480)] };
    parsed(&transcode_document(Path::new("in/lesson.flv"), &info(), &plan(), &outcome, COST))
}

#[test]
fn a_result_carries_everything_the_contract_names() {
    let document = transcode();
    assert_eq!(document["schema"], "reelmill.transcode/1");
    assert_eq!(
        keys(&document),
        ["cpu_seconds", "notes", "peak_memory_bytes", "renditions", "schema", "source", "versions", "wall_seconds"]
    );
    assert_eq!(document["wall_seconds"], 8.0);
    assert_eq!(document["versions"]["reelmill"], env!("CARGO_PKG_VERSION"));
    let source = &document["source"];
    let shortcuts =
        json!([source["path"], source["container"], source["frames"], source["width"], source["codec"]]);
    assert_eq!(shortcuts, json!(["in/lesson.flv", "flv", 1000, 1920, "h264"]));
}

#[test]
fn a_finished_rendition_has_its_plan_and_its_measurements() {
    assert_eq!(
        transcode()["renditions"][0],
        json!({
            "name": "720P", "path": "out/lesson_720P.mp4", "action": "transcode",
            "reason": "smaller than the source", "merged": ["1080P"],
            "settings": {
                "encoder": "x264", "encoder_asked": "x264", "encoder_reason": null, "pixel_format": "yuv420p",
                "preset": "veryfast", "rate_control": {"mode": "crf", "crf": 24.0},
                "width": 1280, "height": 720, "frame_rate": "25", "timing": "constant", "keyint_seconds": 4.0,
                "threads": 2, "chunks": null, "scaler": "zimg", "deinterlace": false, "rotation_degrees": 0,
                "to_limited_range": false, "tone_map": false, "encoder_options": {"aq-mode": "2"}
            },
            "audio": {"action": "aac", "bits_per_second": 128_000, "sample_rate": 48_000, "channels": 2},
            "frames": 1000, "duration_seconds": 40.0, "bytes": 700_000, "sha256": "ab".repeat(32),
            "width": 1280, "height": 720, "codec": "h264", "audio_codec": "aac", "verified": true,
            "repairs": ["4.0 KiB of zeros left out"],
            "resumed": {"chunks": 0, "reused_chunks": 0, "finished_before": false, "discarded": null},
            "error": null
        })
    );
}

#[test]
fn a_failed_rendition_has_its_plan_and_its_error() {
    let rendition = &transcode()["renditions"][1];
    assert_eq!(
        rendition["error"],
        json!({"code": "CANCELLED", "message": "stopped on request", "cure": "run the same command again"})
    );
    assert_eq!((&rendition["verified"], &rendition["sha256"]), (&json!(false), &Value::Null));
    assert_eq!((&rendition["action"], &rendition["audio"]), (&json!("copy"), &json!({"action": "copy"})));
}

#[test]
fn a_probe_has_streams_oddities_and_the_plan_or_its_refusal() {
    let (info, plan) = (info(), plan());
    let document = parsed(&probe_document(Path::new("lesson.flv"), &info, Ok(&plan)));
    assert_eq!(keys(&document), ["plan", "refusal", "schema", "source"]);
    assert_eq!(document["schema"], "reelmill.probe/1");
    assert_eq!(document["plan"]["renditions"][1]["action"], "copy");
    let source = &document["source"];
    assert_eq!(source["video"]["longest_keyframe_gap_seconds"], 4.0);
    assert_eq!(source["video"]["bits_per_second"], 180_000.0);
    assert_eq!(source["oddities"], json!([{"name": "zero_tail", "text": "ends in 4.0 KiB of zeros"}]));
    let refusal = CommandError::SourceMissing("x".into());
    let refused = parsed(&probe_document(Path::new("lesson.flv"), &info, Err(&refusal)));
    assert_eq!((&refused["plan"], &refused["refusal"]["code"]), (&Value::Null, &json!("SOURCE_MISSING")));
}

#[test]
fn a_failure_before_the_run_is_a_document_of_its_own() {
    let cause = std::io::Error::other("no medium");
    let error = CommandError::SourceUnreadable { path: "lesson.flv".into(), source: cause };
    assert_eq!(
        parsed(&error_document(&error)),
        json!({
            "schema": "reelmill.error/1",
            "error": {
                "code": "SOURCE_UNREADABLE", "message": "cannot read lesson.flv: no medium",
                "cure": "check the path, and the file's permissions"
            }
        })
    );
}

#[test]
fn progress_is_one_object_a_line() {
    let view = View {
        name: RenditionName::of_source(720),
        phase: Phase::Running,
        frames: 42,
        frames_total: 1000,
        fps: 75.123_456,
        speed: 3.005,
        percent: 4.2,
        eta_seconds: None,
    };
    assert_eq!(
        progress_line(&view),
        r#"{"type":"progress","rendition":"720P","phase":"running","frame":42,"frames_total":1000,"fps":75.123,"speed":3.005,"percent":4.2,"eta_seconds":null}"#
    );
    assert_eq!(
        end_line(&[view], 9.5),
        r#"{"type":"end","wall_seconds":9.5,"renditions":[{"rendition":"720P","phase":"running","frame":42}]}"#
    );
}
