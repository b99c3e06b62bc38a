//! Recordings without a picture: one output with the sound, copied or encoded, whatever was asked for.

use std::path::{Path, PathBuf};

use reelmill::media::Container;
use reelmill::transcode::plan::Action;
use reelmill::transcode::{AudioRequest, RenditionRequest, Request};
use tempfile::TempDir;

use crate::support::binary::{refused, run};
use crate::support::bytes::{changed, cut, share};
use crate::support::clip::{by_ffmpeg, scratch};
use crate::support::oracle;
use crate::support::run::{outcome, saw, transcode};

const BOTH: [Container; 2] = [Container::Flv, Container::Mp4];

/// Three seconds of sound with a beep at 1 s, in `codec`.
fn beeping(folder: &TempDir, name: &str, codec: &str) -> PathBuf {
    let wave =
        "aevalsrc=0.8*sin(2*PI*440*t)*between(t\\,1\\,1.2)|0.8*sin(2*PI*440*t)*between(t\\,1\\,1.2):s=48000:d=3";
    by_ffmpeg(folder, name, &format!("-f lavfi -i {wave} {codec}"))
}

/// What a user asks for who names rungs and a container.
fn asking(names: &[u32], container: Option<Container>) -> Request {
    let plain = |&side: &u32| RenditionRequest::plain(reelmill::media::RenditionName::of_source(side));
    Request { renditions: names.iter().map(plain).collect(), container, ..Request::default() }
}

/// Returns when the beep is heard, from the file's own zero.
fn onset(path: &Path) -> f64 {
    let samples = oracle::samples(path);
    #[expect(clippy::cast_precision_loss, reason = "a position in a short clip")]
    let at = samples.iter().position(|sample| sample.abs() > 0.2).unwrap() as f64 / 48_000.0;
    at
}

fn lasts(path: &Path) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a short clip")]
    let seconds = oracle::samples(path).len() as f64 / 48_000.0;
    seconds
}

#[test]
fn every_container_of_sound_becomes_one_output_that_is_as_long_and_in_time() {
    let cases = [
        ("a.wav", "-c:a pcm_s16le"),
        ("a.mp3", "-c:a libmp3lame"),
        ("a.aac", "-c:a aac"),
        ("a.ogg", "-c:a libopus"),
        ("b.ogg", "-c:a libvorbis"),
        ("a.flv", "-c:a aac -ar 44100"),
        ("a.mp4", "-c:a aac"),
        ("a.mkv", "-c:a flac"),
        ("a.webm", "-c:a libopus"),
        ("a.ts", "-c:a aac"),
        ("a.avi", "-c:a libmp3lame"),
        ("a.wma", "-c:a wmav2"),
        ("a.mpg", "-c:a mp2 -f vob"),
    ];
    for (name, codec) in cases {
        let folder = scratch();
        let source = beeping(&folder, name, codec);
        for container in BOTH {
            let ran =
                transcode(&source, &asking(&[], Some(container))).unwrap_or_else(|code| panic!("{name}: {code}"));
            if name == "a.wav" && container == Container::Mp4 {
                saw("T31", "sound alone (WAV, MP3, AAC, Ogg, and any container without a picture)", &ran);
            }
            let (path, finished) = ran.only();
            assert_eq!((finished.frames, finished.width, finished.height), (0, 0, 0), "{name}");
            assert_eq!(finished.video_codec, None, "{name}");
            assert!(finished.verified && ran.plan.renditions[0].reasons[0].starts_with("there is no picture"));
            assert_eq!(ran.plan.renditions[0].name.to_string(), "AUDIO");
            // A frame of AAC of priming and one of filling, which FLV cannot tell from the rest. Decoders of WMA yield
            // nothing for the first packets, and FLV has no place for that either.
            let unheard = if name == "a.wma" { 0.086 } else { 0.0 };
            let off = lasts(path) - lasts(&source);
            assert!((-0.03 - unheard..0.08).contains(&off), "{name} in {container}: {off:.3} s longer");
            let off = onset(path) - onset(&source);
            assert!((-0.04 - unheard..0.04).contains(&off), "{name} in {container}: the beep is off by {off:.3} s");
        }
    }
}

#[test]
fn silence_at_the_end_of_a_wav_is_no_tail_of_zeros_but_what_lies_behind_it_is() {
    let folder = scratch();
    let source = beeping(&folder, "a.wav", "-c:a pcm_s16le");
    assert_eq!(transcode(&source, &asking(&[], None)).unwrap().only().1.repairs, Vec::<String>::new());
    let longer = changed(&source, "longer.wav", |bytes| bytes.resize(bytes.len() + 4096, 0));
    let repairs = transcode(&longer, &asking(&[], None)).unwrap().only().1.repairs.clone();
    assert_eq!(repairs, ["4096 zero bytes at the end ignored"]);
}

#[test]
fn sound_is_copied_packet_by_packet_where_the_container_holds_it() {
    for (name, codec) in
        [("a.mp3", "-c:a libmp3lame -ar 44100"), ("a.mkv", "-c:a aac"), ("a.flv", "-c:a aac -ar 44100")]
    {
        let folder = scratch();
        let source = beeping(&folder, name, codec);
        let hashes = |path: &Path| -> Vec<_> {
            oracle::packets(path, "a:0").into_iter().map(|packet| packet.hash).collect()
        };
        let ran = transcode(&source, &asking(&[], Some(Container::Mp4))).unwrap();
        assert_eq!(ran.plan.renditions[0].action, Action::Remux, "{name}");
        assert_eq!(hashes(ran.only().0), hashes(&source), "{name}");
    }
}

#[test]
fn a_file_that_needs_no_change_is_copied_byte_by_byte() {
    let folder = scratch();
    let source = beeping(&folder, "a.flv", "-c:a aac -ar 44100");
    let ran = transcode(&source, &asking(&[], None)).unwrap();
    assert_eq!(ran.plan.renditions[0].action, Action::Copy);
    assert_eq!(std::fs::read(ran.only().0).unwrap(), std::fs::read(&source).unwrap());
}

#[test]
fn a_hole_or_a_jump_of_the_clock_is_mended_without_a_picture_too() {
    let folder = scratch();
    let source = beeping(&folder, "a.flv", "-c:a aac -ar 44100");
    let mut tags = crate::support::flv::read(&source);
    // Sound alone may pause for as long as slides may stand.
    tags.iter_mut().filter(|tag| tag.time >= 2000).for_each(|tag| tag.time += 7_200_000);
    let jumping = folder.path().join("jump.flv");
    crate::support::flv::write(&jumping, &tags);
    for request in [asking(&[], None), Request { audio: AudioRequest::Aac(None), ..asking(&[], None) }] {
        let ran = transcode(&jumping, &request).unwrap();
        let (path, finished) = ran.only();
        assert!((lasts(path) - 3.0).abs() < 0.1, "{}", lasts(path));
        assert!(finished.repairs.iter().any(|repair| repair.contains("timestamp jump")), "{:?}", finished.repairs);
    }
}

#[test]
fn sound_that_ends_early_is_an_error_unless_accepted() {
    let folder = scratch();
    let source = beeping(&folder, "a.flv", "-c:a aac -ar 44100");
    let half = cut(&source, "half.flv", share(&source, 50));
    assert_eq!(outcome(&half, &asking(&[], None)), "MEDIA_TRUNCATED");
    let accepted = Request { accept_truncated: true, ..asking(&[], None) };
    let ran = transcode(&half, &accepted).unwrap();
    let (path, finished) = ran.only();
    assert!((0.5..2.8).contains(&lasts(path)), "{}", lasts(path));
    assert!(finished.repairs.iter().any(|repair| repair.contains("ends early")), "{:?}", finished.repairs);
    let whole = beeping(&folder, "a.wav", "-c:a pcm_s16le");
    assert_eq!(outcome(&cut(&whole, "half.wav", share(&whole, 50)), &asking(&[], None)), "MEDIA_TRUNCATED");
}

#[test]
fn the_commands_live_without_a_picture() {
    let folder = scratch();
    beeping(&folder, "lesson.wav", "-c:a pcm_s16le");
    let said = run(&folder, "transcode lesson.wav --json --progress json").succeeded();
    let document = said.document();
    let rendition = &document["renditions"][0];
    assert_eq!((&rendition["name"], &rendition["action"]), (&"AUDIO".into(), &"transcode".into()));
    assert_eq!(
        (&rendition["frames"], &rendition["width"], &rendition["codec"]),
        (&0.into(), &0.into(), &().into())
    );
    assert_eq!(rendition["audio_codec"], "aac");
    assert!(rendition["path"].as_str().unwrap().ends_with("lesson_AUDIO.mp4"));
    assert!(said.stderr.contains("\"percent\":100.0"), "{said}");
    let said = run(&folder, "transcode lesson.wav -r 720P -r 240P --crf 20").succeeded();
    assert!(folder.path().join("lesson_240P.mp4").is_file(), "{said}");
    assert!(said.stdout.contains("serves also: 720P"), "{said}");
    assert!(said.stdout.contains("without a picture rate control means nothing"), "{said}");
    let said = run(&folder, "transcode lesson.wav --explain").succeeded();
    assert!(said.stdout.contains("AUDIO: transcode -> lesson_AUDIO.mp4"), "{said}");
    assert!(said.stdout.contains("-map 0:0 -c:a aac -b:a 128000 -ar 48000 -ac 2 -movflags +faststart"), "{said}");
    let said = run(&folder, "probe lesson.wav").succeeded();
    assert!(said.stdout.contains("AUDIO transcode into mp4"), "{said}");
    let folder_of_flv = scratch();
    beeping(&folder_of_flv, "talk.flv", "-c:a aac -ar 44100");
    let said = run(&folder_of_flv, "transcode talk.flv --encoder x265 -o out/").succeeded();
    assert!(said.stdout.contains("encoder"), "{said}");
    let cure = refused(&folder, "transcode lesson.wav -o silent.mp4 --audio none", 2, "USAGE_AUDIO");
    assert!(cure.stderr.contains("leave out --audio none"), "{cure}");
}
