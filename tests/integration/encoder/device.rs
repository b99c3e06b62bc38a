//! Encoders by libavcodec's name; and those whose device is not there, which software stands in for.

use super::lesson;
use crate::support::binary::{refused, run};
use crate::support::clip::scratch;
use crate::support::oracle;

#[test]
fn software_stands_in_for_a_card_that_is_not_there_and_says_so_everywhere() {
    let folder = scratch();
    lesson(&folder);
    for (asked, used, codec) in [
        ("h264_nvenc", "x264", "h264"),
        ("hevc_qsv", "x265", "hevc"),
        ("h264_v4l2m2m", "x264", "h264"),
        ("hevc_vaapi", "x265", "hevc"),
    ] {
        let options = if asked.ends_with("v4l2m2m") { "--bitrate 150k" } else { "--crf 30" };
        let line = format!("transcode lesson.flv -r 240P --encoder {asked} {options} -o out/ --container mp4 -y");
        let document = run(&folder, &format!("{line} --json")).succeeded().document();
        let rendition = &document["renditions"][0];
        let settings = &rendition["settings"];
        assert_eq!((&settings["encoder"], &settings["encoder_asked"]), (&used.into(), &asked.into()), "{document}");
        let why = settings["encoder_reason"].as_str().unwrap();
        assert_eq!((why.is_empty(), &rendition["codec"]), (false, &codec.into()), "{document}");
        let reason = format!("made by {used} at its own settings, since {asked} cannot be had here: {why}");
        assert!(rendition["reason"].as_str().unwrap().contains(&reason), "{document}");
        let said = run(&folder, &line).succeeded();
        assert!(said.stdout.contains(&format!("since {asked} cannot be had here")), "{said}");
        let said = run(&folder, &format!("{line} --explain")).succeeded();
        assert!(said.stdout.contains(&format!("-c:v lib{used}")), "{said}");
    }
}

#[test]
fn what_belongs_to_the_card_does_not_reach_what_stands_in_for_it() {
    let folder = scratch();
    lesson(&folder);
    let line = "transcode lesson.flv --encoder h264_nvenc --preset p4 --enc rc-lookahead=8 --force-encode -o a.mp4";
    let document = run(&folder, &format!("{line} --json")).succeeded().document();
    assert_eq!(document["renditions"][0]["settings"]["preset"], "veryfast", "{document}");
    let reason = document["renditions"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("(--preset, --enc not used), since h264_nvenc"), "{reason}");
    // Whoever asks for settings wants to see something encoded, though by another encoder's.
    for wish in ["--preset p4", "--enc rc-lookahead=8"] {
        let line = format!("transcode lesson.flv --encoder h264_nvenc {wish} -o c.mp4 -y --json");
        let document = run(&folder, &line).succeeded().document();
        assert_eq!(document["renditions"][0]["action"], "transcode", "{document}");
    }
    // A wrong word is one whether the card is there or not.
    refused(
        &folder,
        &line.replace("a.mp4", "b.mp4").replace("rc-lookahead", "rc-lokahead"),
        2,
        "USAGE_UNKNOWN_OPTION",
    );
    refused(&folder, &line.replace("a.mp4", "b.mp4").replace("set p4", "set p99"), 2, "USAGE_ENCODER_SETTINGS");
}

#[test]
fn any_encoder_of_the_linked_library_is_taken_by_its_name() {
    let folder = scratch();
    lesson(&folder);
    let line =
        "transcode lesson.flv -r 240P --encoder libaom-av1 --preset 8 --keyint 1 --force-encode -o a.mp4 --json";
    let document = run(&folder, line).succeeded().document();
    let settings = &document["renditions"][0]["settings"];
    assert_eq!((&settings["encoder"], &settings["encoder_reason"]), (&"libaom-av1".into(), &().into()));
    let path = folder.path().join("a.mp4");
    assert_eq!(oracle::entry(&path, "v:0", "codec_name"), "av1");
    assert_eq!((oracle::decodes_whole(&path), super::keyframes(&path)), (50, vec![0, 25]));
}
