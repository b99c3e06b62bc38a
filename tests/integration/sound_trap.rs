//! Sound that containers and encoders get wrong: codecs a container cannot hold, channels, tails, holes, rates.

use std::path::{Path, PathBuf};

use reelmill::clip::{Edit, Recipe};
use reelmill::media::Container;
use reelmill::transcode::{AudioRequest, Request};
use tempfile::TempDir;

use crate::support::bytes::flv_tags;
use crate::support::clip::{by_ffmpeg, make, make_edited, scratch};
use crate::support::oracle;
use crate::support::run::saw;
use crate::support::run::{Ran, encode, outcome, transcode};
use crate::support::trap::told;

const BOTH: [Container; 2] = [Container::Flv, Container::Mp4];
const PICTURE: &str = "-c:v libx264 -preset ultrafast -g 50";
/// The longest priming of our encoders, MP3's, in samples at 48 kHz; a frame of AAC is a little less. FLV cannot tell
/// what is priming, so the same packets decode to that much more there.
const FRAME: usize = 1204;

/// Two seconds of picture with sound that goes through `filter` and `codec`: quiet, a loud beep at 1 s, and loud
/// again in the last tenth.
fn beeping(folder: &TempDir, name: &str, rate: u32, filter: &str, codec: &str) -> PathBuf {
    let gates = "(between(t\\,1\\,1.2)+gte(t\\,1.9))";
    by_ffmpeg(
        folder,
        name,
        &format!(
            "-f lavfi -i testsrc2=size=160x90:rate=25:duration=2 \
             -f lavfi -i aevalsrc=0.8*sin(2*PI*440*t)*{gates}:s={rate}:d=2,{filter} {PICTURE} {codec}"
        ),
    )
}

fn with_aac(container: Container) -> Request {
    Request { audio: AudioRequest::Aac(None), ..encode(&[], container) }
}

/// Checks that the beep is where it was and that the loud end is there, as long as it was.
fn check_whole(path: &Path, source: &Path, loud: f32) {
    let (heard, wanted) = (oracle::onset(path, 0.5), oracle::onset(source, 0.5));
    assert!((heard - wanted).abs() < 0.040, "{}: a beep at {wanted:.3} moved to {heard:.3}", path.display());
    let (samples, original) = (oracle::samples(path), oracle::samples(source));
    assert!(
        samples.len() + FRAME >= original.len() && samples.len() <= original.len() + 3 * FRAME,
        "{}: {} samples of {}",
        path.display(),
        samples.len(),
        original.len()
    );
    // The last loud sample tells whether a tail was lost in a decoder, resampler or encoder.
    let end = |samples: &[f32]| samples.iter().rposition(|sample| sample.abs() > loud).unwrap();
    let (last, wanted) = (end(&samples), end(&original));
    assert!(last.abs_diff(wanted) <= 2 * FRAME, "{}: loud until {last}, not {wanted}", path.display());
    let energy = |samples: &[f32], last: usize| -> f32 {
        samples[last - 4000..last].iter().map(|sample| sample * sample).sum::<f32>() / 4000.0
    };
    let (tail, wanted) = (energy(&samples, last), energy(&original, wanted));
    assert!((tail / wanted - 1.0).abs() < 0.2, "{}: energy {tail} of {wanted} at the end", path.display());
}

fn reasons(ran: &Ran) -> String {
    ran.plan.renditions[0].reasons.join("; ")
}

#[test]
fn sound_that_flv_cannot_hold_becomes_aac_with_the_reason_and_loses_nothing_m14() {
    let cases = [
        ("Opus", "opus.mkv", 48_000, "-c:a libopus -b:a 96k", "opus"),
        ("Vorbis", "vorbis.mkv", 44_100, "-c:a libvorbis", "vorbis"),
        ("AC-3", "ac3.mp4", 48_000, "-c:a ac3 -b:a 192k", "ac3"),
        ("MP3 at 48 kHz", "mp3.mp4", 48_000, "-c:a libmp3lame -b:a 128k", "mp3"),
        ("PCM of 24 bits", "pcm.mov", 48_000, "-c:a pcm_s24le", "pcm_s24le"),
        ("FLAC at 96 kHz", "flac.mkv", 96_000, "-c:a flac", "flac"),
    ];
    for (trap, name, rate, codec, word) in cases {
        let folder = scratch();
        let source = beeping(&folder, name, rate, "aformat=channel_layouts=stereo", codec);
        let ran = transcode(&source, &encode(&[], Container::Flv)).unwrap();
        saw("M14", trap, &ran);
        let (path, finished) = ran.only();
        assert_eq!(finished.audio_codec.as_deref(), Some("aac"), "{name}");
        assert!(reasons(&ran).contains("sound encoded to AAC"), "{name}: {}", reasons(&ran));
        assert!(reasons(&ran).contains(word), "{name}: {}", reasons(&ran));
        assert_eq!(oracle::decodes_whole(path), 50, "{name}");
        check_whole(path, &source, 0.3);
    }
}

#[test]
fn sound_that_both_containers_hold_is_copied_packet_by_packet() {
    for (name, codec) in
        [("a.flv", "-c:a aac -ar 44100"), ("b.flv", "-c:a libmp3lame -ar 44100"), ("c.mp4", "-c:a aac -ar 48000")]
    {
        let folder = scratch();
        let source = beeping(&folder, name, 44_100, "aformat=channel_layouts=stereo", codec);
        for container in BOTH {
            let ran = transcode(&source, &encode(&[], container)).unwrap();
            let (path, _) = ran.only();
            let hashes =
                |path| oracle::packets(path, "a:0").into_iter().map(|packet| packet.hash).collect::<Vec<_>>();
            assert_eq!(hashes(path), hashes(&source), "{name} in {container}");
            check_whole(path, &source, 0.3);
        }
    }
}

#[test]
fn six_channels_stay_six_when_copied_and_become_two_when_encoded_small() {
    let folder = scratch();
    let source =
        beeping(&folder, "surround.mp4", 48_000, "pan=5.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0", "-c:a aac");
    assert_eq!(oracle::entry(&source, "a:0", "channels"), "6");
    for container in BOTH {
        let copied = transcode(&source, &encode(&[], container)).unwrap();
        saw("T30", "5.1, copied", &copied);
        assert_eq!(oracle::entry(copied.only().0, "a:0", "channels,channel_layout"), "6,5.1", "{container}");
        check_whole(copied.only().0, &source, 0.2);
        let encoded = transcode(&source, &with_aac(container)).unwrap();
        saw("T30", "5.1 in a small rendition, encoded", &encoded);
        let (path, _) = encoded.only();
        assert_eq!(oracle::entry(path, "a:0", "channels,channel_layout"), "2,stereo", "{container}");
        assert!(reasons(&encoded).contains("mixed down to stereo"), "{}", reasons(&encoded));
        assert_eq!(oracle::decodes_whole(path), 50);
        let (heard, wanted) = (oracle::onset(path, 0.5), oracle::onset(&source, 0.5));
        assert!((heard - wanted).abs() < 0.040, "{container}: {wanted:.3} moved to {heard:.3}");
    }
}

#[test]
fn speech_in_mono_at_eight_kilohertz_keeps_its_length_and_place() {
    for (name, codec) in
        [("mono.mp4", "-c:a aac -ar 8000 -ac 1"), ("telephone.mov", "-c:a pcm_mulaw -ar 8000 -ac 1")]
    {
        let folder = scratch();
        let source = beeping(&folder, name, 8000, "anull", codec);
        for container in BOTH {
            let ran = transcode(&source, &with_aac(container)).unwrap();
            saw("M13", "speech in mono at 8 kHz", &ran);
            let (path, _) = ran.only();
            assert_eq!(oracle::entry(path, "a:0", "codec_name,sample_rate,channels"), "aac,8000,1", "{name}");
            let (heard, wanted) = (oracle::onset(path, 0.5), oracle::onset(&source, 0.5));
            // A frame of AAC at this rate lasts 128 ms; FLV cannot say how much of it is priming.
            assert!((heard - wanted).abs() < 0.040, "{name} in {container}: {wanted:.3} moved to {heard:.3}");
            assert_eq!(oracle::decodes_whole(path), 50);
        }
    }
}

#[test]
fn a_hole_in_the_sound_becomes_silence_and_what_follows_stays_in_place() {
    let folder = scratch();
    let mut recipe = Recipe::plain(Container::Flv, "160x90", 4.0);
    let wave = "0.8*sin(2*PI*440*t)*(between(t,0.5,0.8)+between(t,3,3.2))";
    recipe.sounds[0].source = format!("aevalsrc='{wave}|{wave}':s=44100:d=4");
    // 60 packets of 23 ms each are lost, from 1 s on.
    let source = make_edited(&folder, "hole.flv", &recipe, |stream, ordinal, _| {
        if stream == 1 && (43..103).contains(&ordinal) { Edit::Drop } else { Edit::Keep }
    });
    for container in BOTH {
        for request in [encode(&[], container), with_aac(container)] {
            let ran = transcode(&source, &request).unwrap();
            saw("T11", "a hole in the sound", &ran);
            let (path, _) = ran.only();
            let heard = oracle::onset(path, 2.0);
            assert!((heard - 3.0).abs() < 0.040, "{container}: heard at {heard:.3}");
            let samples = oracle::samples(path);
            let loudest = samples[60_000..108_000].iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
            assert!(loudest < 0.1, "{container}: {loudest} in the hole");
        }
    }
}

#[test]
fn sound_can_be_left_out() {
    let folder = scratch();
    let source = make(&folder, "lesson.flv", &Recipe::plain(Container::Flv, "160x90", 1.0));
    for container in BOTH {
        let ran = transcode(&source, &Request { audio: AudioRequest::None, ..encode(&[], container) }).unwrap();
        let (path, finished) = ran.only();
        assert_eq!((finished.audio_codec.as_ref(), finished.frames), (None, 25));
        assert_eq!(oracle::packets(path, "a:0"), []);
        assert!(reasons(&ran).contains("sound left out as asked"), "{}", reasons(&ran));
    }
}

#[test]
fn a_short_recording_at_8_khz_passes_although_its_headers_leave_the_priming_out() {
    let folder = scratch();
    let source = beeping(&folder, "phone.mov", 8000, "anull", "-c:a pcm_s16le");
    for container in BOTH {
        assert!(transcode(&source, &encode(&[], container)).unwrap().only().1.verified);
    }
}

#[test]
fn sound_at_16_khz_is_copied_out_of_an_mp4_with_its_64_ms_of_priming() {
    let folder = scratch();
    let source = beeping(&folder, "speech.mp4", 16_000, "anull", "-c:a aac -ac 1");
    for container in BOTH {
        let ran = transcode(&source, &encode(&[], container)).unwrap();
        let (heard, wanted) = (oracle::onset(ran.only().0, 0.5), oracle::onset(&source, 0.5));
        assert!((heard - wanted).abs() < 0.040, "{container}: a beep at {wanted:.3} moved to {heard:.3}");
    }
}

#[test]
fn sound_that_changes_in_mid_stream_is_encoded_for_one_header_cannot_tell_both() {
    for (trap, name, codec) in [
        ("44.1 kHz stereo that becomes 48 kHz mono, in an FLV", "part.flv", "aac"),
        ("44.1 kHz stereo that becomes 48 kHz mono, in a transport stream", "part.ts", "aac"),
        ("AC-3 that becomes mono at 48 kHz", "part.ts", "ac3"),
    ] {
        let folder = scratch();
        let source = changing(&folder, name, codec);
        for container in BOTH {
            let ran = transcode(&source, &encode(&[], container)).unwrap();
            saw("T5", trap, &ran);
            assert!(reasons(&ran).contains("its parameters change in mid-stream"), "{}", reasons(&ran));
            let seconds = oracle::samples(ran.only().0).len() as f64 / 48_000.0;
            assert!((seconds - 4.0).abs() < 0.15, "{name}: {seconds}");
        }
    }
}

/// Two seconds of stereo at 44.1 kHz, then two of mono at 48 kHz, in one file.
fn changing(folder: &TempDir, name: &str, codec: &str) -> PathBuf {
    let picture = "-f lavfi -i testsrc2=size=160x90:rate=25:duration=2";
    let part = |number: u32, sound: &str| {
        let (offset, part) = (2 * (number - 1), format!("{number}{name}"));
        let copy_times = format!("-output_ts_offset {offset} -muxdelay 0 -muxpreload 0");
        by_ffmpeg(folder, &part, &format!("{picture} {sound} {PICTURE} -bf 0 -c:a {codec} {copy_times}"))
    };
    let first = part(1, "-f lavfi -i sine=440:sample_rate=44100:duration=2 -ac 2");
    let second = part(2, "-f lavfi -i sine=880:sample_rate=48000:duration=2 -ac 1");
    let mut bytes = std::fs::read(first).unwrap();
    let second = std::fs::read(second).unwrap();
    let is_flv = std::path::Path::new(name).extension().is_some_and(|extension| extension == "flv");
    bytes.extend(if is_flv { flv_without_metadata(&second) } else { second });
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn flv_without_metadata(bytes: &[u8]) -> Vec<u8> {
    let tags = flv_tags(bytes).into_iter().filter(|tag| tag.kind != 18);
    tags.flat_map(|tag| bytes[tag.at.start..tag.next()].to_vec()).collect()
}

#[test]
fn wma_whose_decoder_yields_nothing_for_the_first_packets_is_encoded_in_time() {
    let folder = scratch();
    let source = beeping(&folder, "old.wmv", 44_100, "anull", "-c:v wmv2 -c:a wmav2");
    for container in BOTH {
        let ran = transcode(&source, &encode(&[], container)).unwrap();
        if container == Container::Mp4 {
            saw("T14", "WMA, whose decoder yields nothing for the first packets", &ran);
        }
        let (heard, wanted) = (oracle::onset(ran.only().0, 0.5), oracle::onset(&source, 0.5));
        assert!((heard - wanted).abs() < 0.040, "a beep at {wanted:.3} moved to {heard:.3}");
    }
}

#[test]
fn of_several_sound_tracks_the_one_that_the_container_calls_default_is_taken() {
    let folder = scratch();
    let line = "-f lavfi -i testsrc2=size=160x90:rate=25:duration=1 -f lavfi -i sine=d=1:sample_rate=44100 \
                -f lavfi -i sine=d=1:sample_rate=22050 -map 0 -map 1 -map 2 -c:v libx264 -c:a aac \
                -disposition:a:0 0 -disposition:a:1 default";
    let source = by_ffmpeg(&folder, "two.mkv", line);
    let ran = transcode(&source, &encode(&[], Container::Mp4)).unwrap();
    assert_eq!(oracle::entry(ran.only().0, "a:0", "sample_rate"), "22050");
    assert!(ran.plan.notes.iter().any(|note| note.contains("second sound track")), "{:?}", ran.plan.notes);
}

#[test]
fn sound_that_is_mostly_lost_is_no_repair() {
    let folder = scratch();
    let recipe = Recipe::plain(Container::Flv, "160x90", 3.0);
    let source = make_edited(&folder, "noise.flv", &recipe, |stream, ordinal, packet| {
        if stream == 1 && ordinal % 3 == 0 {
            packet.payload_mut().unwrap().fill(0xaa);
        }
        Edit::Keep
    });
    let request = Request { audio: AudioRequest::Aac(None), ..encode(&[], Container::Flv) };
    assert_eq!(outcome(&source, &request), "MEDIA_UNDECODABLE");
    told("T11", "a third of the sound destroyed", "MEDIA_UNDECODABLE");
}
