//! Containers and codecs of old recorders and other systems: every frame, in step with the sound, and each step named.

use std::path::{Path, PathBuf};

use reelmill::media::Container;
use tempfile::TempDir;

use crate::support::bytes::{cut, share};
use crate::support::clip::{by_ffmpeg, scratch};
use crate::support::run::{Ran, encode, outcome, saw, transcode};
use crate::support::{avi, oracle};

const BOTH: [Container; 2] = [Container::Flv, Container::Mp4];
const SYNC: f64 = 0.040;

/// A clip of three seconds at 25 frames a second with a beep at 1 s, in `codecs`.
fn clip(folder: &TempDir, name: &str, size: &str, codecs: &str) -> PathBuf {
    let sound =
        "aevalsrc=0.8*sin(2*PI*440*t)*between(t\\,1\\,1.2)|0.8*sin(2*PI*440*t)*between(t\\,1\\,1.2):s=48000:d=3";
    let line = format!("-f lavfi -i testsrc2=size={size}:rate=25:duration=3 -f lavfi -i {sound} {codecs}");
    by_ffmpeg(folder, name, &line)
}

/// Checks all frames, their times, their likeness and the beep in both containers; shows `more` each run.
fn check(trap: &str, source: &Path, frames: u32, mut more: impl FnMut(&Ran)) {
    // Of AVI, FFmpeg's tool does not know when its first frame is shown.
    let is_avi = source.extension().is_some_and(|extension| extension == "avi");
    let beep = if is_avi { 1.01 } else { oracle::onset(source, 0.5) };
    for container in BOTH {
        let ran = transcode(source, &encode(&[], container))
            .unwrap_or_else(|code| panic!("{}: {code}", source.display()));
        if container == Container::Mp4 {
            saw("M13", trap, &ran);
        }
        let (path, finished) = ran.only();
        let name = format!("{} in {container}", source.display());
        assert!(finished.verified, "{name}");
        assert_eq!(oracle::decodes_whole(path), usize::try_from(frames).unwrap(), "{name}");
        let wanted: Vec<f64> = (0..frames).map(|n| f64::from(n) * 0.04).collect();
        oracle::assert_times(&oracle::times(path, "v:0"), &wanted, 0.0011);
        let heard = oracle::onset(path, 0.5);
        assert!((heard - beep).abs() < SYNC, "{name}: a beep at {beep:.3} moved to {heard:.3}");
        let size = oracle::entry(path, "v:0", "width,height").replace(',', ":");
        let likeness = oracle::likeness(path, source, &format!("scale={size}"));
        assert!(likeness > 26.0, "{name}: {likeness:.1} dB");
        more(&ran);
    }
}

fn reasons(ran: &Ran) -> String {
    ran.plan.renditions[0].reasons.join("; ")
}

#[test]
fn avi_of_cameras_and_old_encoders() {
    let cases = [
        (
            "AVI: Motion JPEG and PCM",
            "mjpeg",
            "160x90",
            "-c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le",
            "mjpeg is not what every player has",
        ),
        (
            "AVI: MPEG-4 ASP with B-frames and MP3",
            "asp",
            "160x90",
            "-c:v mpeg4 -vtag XVID -bf 2 -c:a libmp3lame",
            "mpeg4 is not what every player has",
        ),
        (
            "AVI: DV",
            "dv",
            "720x576",
            "-c:v dvvideo -pix_fmt yuv420p -ac 2 -ar 48000 -c:a pcm_s16le",
            "deinterlaced",
        ),
        (
            "AVI: PCM of 24 bits",
            "pcm24",
            "160x90",
            "-c:v libx264 -preset ultrafast -c:a pcm_s24le",
            "cannot hold pcm_s24le",
        ),
    ];
    for (trap, name, size, codecs, step) in cases {
        let folder = scratch();
        let source = clip(&folder, &format!("{name}.avi"), size, codecs);
        check(trap, &source, 75, |ran| assert!(reasons(ran).contains(step), "{name}: {}", reasons(ran)));
    }
}

#[test]
fn avi_with_packed_b_frames_shows_each_in_its_place() {
    let folder = scratch();
    let whole = clip(&folder, "plain.avi", "160x90", "-c:v mpeg4 -vtag DX50 -bf 1 -g 25 -c:a libmp3lame");
    let mut packed = avi::read(&whole);
    for (_, payload) in &mut packed.chunks {
        // The encoder that packs says so behind its name, which is as long as the one of ours.
        if let Some(at) = payload.windows(4).position(|window| window == b"Lavc") {
            payload[at..at + 13].copy_from_slice(b"DivX503b1393p");
        }
    }
    let pictures: Vec<usize> =
        (0..packed.chunks.len()).filter(|&index| packed.chunks[index].0 == *b"00dc").collect();
    let mut count = 0;
    for pair in pictures.windows(2) {
        let payload = packed.chunks[pair[1]].1.clone();
        if payload[..4] == [0, 0, 1, 0xb6] && payload[4] >> 6 == 2 {
            packed.chunks[pair[0]].1.extend_from_slice(&payload);
            // A picture that is not coded stands where the other one stood.
            packed.chunks[pair[1]].1 = vec![0, 0, 1, 0xb6, 0x56, 0x7f, 0x7f];
            count += 1;
        }
    }
    assert!(count > 20, "{count} pictures packed");
    let source = folder.path().join("packed.avi");
    avi::write(&source, &packed, 1);
    for container in BOTH {
        let ran = transcode(&source, &encode(&[], container)).unwrap();
        if container == Container::Mp4 {
            saw("M13", "AVI: packed B-frames", &ran);
        }
        let (path, _) = ran.only();
        let wanted: Vec<f64> = (0..75).map(|n| f64::from(n) * 0.04).collect();
        oracle::assert_times(&oracle::times(path, "v:0"), &wanted, 0.0011);
        assert!(oracle::likeness(path, &whole, "null") > 26.0);
        assert!((oracle::onset(path, 0.5) - 1.01).abs() < SYNC);
    }
}

#[test]
fn avi_with_destroyed_pictures_keeps_the_others_in_their_places() {
    let folder = scratch();
    let whole = clip(&folder, "plain.avi", "160x90", "-c:v libx264 -preset veryfast -bf 3 -g 25 -c:a libmp3lame");
    let mut damaged = avi::read(&whole);
    let pictures: Vec<usize> =
        (0..damaged.chunks.len()).filter(|&index| damaged.chunks[index].0 == *b"00dc").collect();
    // Not the keyframes.
    for &index in pictures.iter().filter(|&&index| index % 25 != 0).skip(3).step_by(30) {
        damaged.chunks[index].1.fill(0);
    }
    let source = folder.path().join("damaged.avi");
    avi::write(&source, &damaged, 1);
    for container in BOTH {
        let ran = transcode(&source, &encode(&[], container)).unwrap();
        if container == Container::Mp4 {
            saw("T11", "an AVI with destroyed pictures, which has no presentation times", &ran);
        }
        let times = oracle::times(ran.only().0, "v:0");
        assert!(times.len() < 75, "{}", times.len());
        assert!((times.last().unwrap() - 2.96).abs() < 0.041, "{times:?}");
    }
}

#[test]
fn avi_that_grew_beyond_its_first_riff_is_read_to_its_end() {
    let folder = scratch();
    let codecs = "-c:v libx264 -preset ultrafast -bf 0 -g 25 -c:a pcm_s16le";
    let whole = clip(&folder, "plain.avi", "160x90", codecs);
    let source = folder.path().join("large.avi");
    avi::write(&source, &avi::read(&whole), 3);
    check("AVI: OpenDML, beyond its first part", &source, 75, |ran| {
        assert_eq!(ran.only().1.repairs.len(), 0, "{:?}", ran.only().1.repairs)
    });
    let half = cut(&source, "half.avi", share(&source, 50));
    assert_eq!(outcome(&half, &encode(&[], Container::Mp4)), "MEDIA_TRUNCATED");
}

#[test]
fn asf_that_is_shorter_than_it_says_is_told_however_little_is_missing() {
    let folder = scratch();
    let source = clip(&folder, "whole.wmv", "160x90", "-c:v wmv2 -c:a wmav2");
    let torn = cut(&source, "torn.wmv", share(&source, 100) - 100);
    let ran = transcode(&torn, &encode(&[], Container::Mp4)).unwrap();
    saw("M2", "an ASF that lacks its last bytes", &ran);
    assert!(ran.only().1.repairs.iter().any(|repair| repair.contains("cut-off")), "{:?}", ran.only().1.repairs);
    let half = cut(&source, "half.wmv", share(&source, 50));
    assert_eq!(outcome(&half, &encode(&[], Container::Mp4)), "MEDIA_TRUNCATED");
}

#[test]
fn webm_with_either_pair_of_codecs() {
    for (trap, name, codecs, video, sound) in [
        (
            "WebM: VP8 and Vorbis",
            "vp8.webm",
            "-c:v libvpx -b:v 500k -deadline realtime -c:a libvorbis",
            "vp8",
            "vorbis",
        ),
        (
            "WebM: VP9 and Opus",
            "vp9.webm",
            "-c:v libvpx-vp9 -b:v 500k -deadline realtime -c:a libopus",
            "vp9",
            "opus",
        ),
    ] {
        let folder = scratch();
        let source = clip(&folder, name, "160x90", codecs);
        check(trap, &source, 75, |ran| {
            assert!(reasons(ran).contains(&format!("{video} is not what every player has")), "{}", reasons(ran));
            let is_copied = ran.only().1.audio_codec.as_deref() == Some(sound);
            assert!(is_copied || reasons(ran).contains(&format!("cannot hold {sound}")), "{}", reasons(ran));
        });
    }
}

#[test]
fn asf_with_either_codec_of_windows_media() {
    for (trap, name, codecs) in [
        ("ASF: WMV 8 and WMA 2", "two.wmv", "-c:v wmv2 -c:a wmav2"),
        ("ASF: WMV 7 and WMA 1", "one.wmv", "-c:v wmv1 -c:a wmav1"),
    ] {
        let folder = scratch();
        let source = clip(&folder, name, "160x90", codecs);
        check(trap, &source, 75, |ran| {
            assert!(reasons(ran).contains("is not what every player has"), "{}", reasons(ran))
        });
    }
}

#[test]
fn program_streams_of_discs_and_tuners() {
    for (trap, name, codecs) in [
        ("MPEG-PS: MPEG-2 and MP2", "mp2.mpg", "-c:v mpeg2video -bf 2 -g 12 -c:a mp2 -b:a 192k -f vob"),
        ("MPEG-PS: MPEG-2 and AC-3", "ac3.mpg", "-c:v mpeg2video -bf 2 -g 12 -c:a ac3 -b:a 192k -f vob"),
        ("MPEG-PS: MPEG-1 and MP2", "old.mpg", "-c:v mpeg1video -bf 2 -g 12 -c:a mp2 -b:a 192k -f mpeg"),
    ] {
        let folder = scratch();
        let source = clip(&folder, name, "352x288", codecs);
        check(trap, &source, 75, |ran| {
            assert!(reasons(ran).contains("is not what every player has"), "{}", reasons(ran))
        });
    }
}
