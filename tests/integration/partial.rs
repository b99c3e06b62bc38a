//! One rendition fails, the others are made: a file that is mounted in the place of an output can be replaced by nobody,
//! root included.

use std::fs;

use reelmill::clip::Recipe;
use reelmill::failure::Failure;
use reelmill::media::{Container, RateControlMode};
use reelmill::transcode::{RateControlRequest, Request};

use crate::support::binary::{end, mounted, names, run};
use crate::support::clip::{make, scratch};
use crate::support::oracle;
use crate::support::run::{encode, transcode};

#[test]
fn a_rendition_that_cannot_get_its_name_fails_alone() {
    let folder = scratch();
    make(&folder, "lesson.flv", &Recipe::plain(Container::Flv, "640x360", 2.0));
    fs::create_dir(folder.path().join("out")).unwrap();
    let stubborn = folder.path().join("out/lesson_240P.mp4");
    fs::write(&stubborn, "precious").unwrap();
    let prelude = "mount --bind out/lesson_240P.mp4 out/lesson_240P.mp4";
    let line = "transcode lesson.flv -y --force-encode --container mp4 -r 360P -r 240P -o out/";
    let said = end(&mut mounted(folder.path(), prelude, line));
    assert_eq!((said.exit, said.code()), (6, "OUTPUT_WRITE"), "{said}");
    assert!(said.stderr.contains("error[OUTPUT_WRITE]: 240P: cannot publish out/lesson_240P.mp4"), "{said}");
    assert!(said.stdout.contains("1 of 2 renditions") && said.stdout.contains('✗'), "{said}");
    let document = end(&mut mounted(folder.path(), prelude, &format!("{line} --json"))).document();
    assert_eq!(
        (&document["renditions"][0]["verified"], &document["renditions"][0]["error"]),
        (&true.into(), &serde_json::Value::Null)
    );
    assert_eq!(document["renditions"][1]["error"]["code"], "OUTPUT_WRITE");
    assert_eq!(document["renditions"][1]["sha256"], serde_json::Value::Null);
    let out = folder.path().join("out");
    let left = ["lesson_240P.mp4", "lesson_240P.mp4.reelmill", "lesson_360P.mp4", "lesson_360P.mp4.reelmill"];
    assert_eq!(names(&out), left, "what is finished is kept for another try");
    assert_eq!(fs::read_to_string(&stubborn).unwrap(), "precious");
    assert_eq!(oracle::decodes_whole(&folder.path().join("out/lesson_360P.mp4")), 50);
    let alone = "transcode lesson.flv -y --force-encode --container mp4 -r 240P -o out/";
    let said = end(&mut mounted(folder.path(), prelude, alone));
    assert_eq!((said.exit, said.code()), (5, "OUTPUT_WRITE"), "{said}");
    // Without the mount the same command has nothing left to do but to put things together.
    let document = run(&folder, &format!("{line} --json")).succeeded().document();
    let resumed = |index: usize| &document["renditions"][index]["resumed"];
    assert_eq!(resumed(0)["finished_before"], true, "{document}");
    assert_eq!((&resumed(1)["finished_before"], &resumed(1)["reused_chunks"]), (&false.into(), &1.into()));
    assert_eq!(names(&out), ["lesson_240P.mp4", "lesson_360P.mp4"]);
    assert_eq!(oracle::decodes_whole(&out.join("lesson_240P.mp4")), 50);
}

#[test]
fn a_rendition_that_copying_cannot_make_is_refused_and_the_other_is_made() {
    let folder = scratch();
    let source = make(&folder, "lesson.flv", &Recipe::plain(Container::Flv, "640x360", 2.0));
    let request = Request {
        rate_control: RateControlRequest { mode: Some(RateControlMode::Copy), ..Default::default() },
        force_encode: false,
        ..encode(&["360P", "240P"], Container::Flv)
    };
    let ran = transcode(&source, &request).unwrap();
    let codes: Vec<&str> = (ran.renditions.iter())
        .map(|one| one.result.as_ref().map_or_else(|error| error.code(), |_| "OK"))
        .collect();
    assert_eq!(codes, ["OK", "PLAN_REFUSED"]);
    assert!(!ran.renditions[1].path.try_exists().unwrap());
}
