//! What is no recording at all, or one that points elsewhere. The name of a file plays no part.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reelmill::clip::Recipe;
use reelmill::media::Container;
use tempfile::TempDir;

use super::{code, made, request};
use crate::support::bytes::{Noise, cut};
use crate::support::clip::{make, scratch};
use crate::support::run::saw;
use crate::support::trap::told;

fn named_flv(folder: &TempDir, content: &[u8]) -> PathBuf {
    let path = folder.path().join("lesson.flv");
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn m1_an_empty_file_is_empty() {
    assert_eq!(code(&named_flv(&scratch(), b"")), "MEDIA_EMPTY");
    told("M1", "an empty file", "MEDIA_EMPTY");
}

#[test]
fn m1_an_flv_header_with_nothing_behind_it_is_too_short_to_be_told_from_anything_else() {
    let folder = scratch();
    let whole = make(&folder, "whole.flv", &Recipe::plain(Container::Flv, "320x180", 1.0));
    for length in [9, 13] {
        assert_eq!(code(&cut(&whole, "lesson.flv", length)), "MEDIA_NOT_MEDIA", "{length} bytes");
        told("M1", "the header of an FLV", "MEDIA_NOT_MEDIA");
    }
}

#[test]
fn m1_noise_is_not_media_whatever_its_bytes_happen_to_be() {
    let folder = scratch();
    assert_eq!(code(&named_flv(&folder, &Noise::new(1).bytes(1 << 20))), "MEDIA_NOT_MEDIA");
    told("M1", "noise", "MEDIA_NOT_MEDIA");
    for seed in 2..40 {
        let path = named_flv(&folder, &Noise::new(seed).bytes(64 << 10));
        assert_eq!(code(&path), "MEDIA_NOT_MEDIA", "seed {seed}");
    }
}

#[test]
fn m1_pages_pictures_archives_and_texts_are_not_media() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\
        \xc0\xf0\x1f\0\x05\0\x01\xff\xc3\xa0\xd8\xc6\0\0\0\0IEND\xaeB`\x82";
    let page = b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>Not Found</body></html>\n";
    let zip =
        b"PK\x03\x04\x14\0\0\0\x08\0\0\0!\0\xa3\x1c)\x1c\x07\0\0\0\x05\0\0\0\x05\0\0\0a.txt\xcbH\xcd\xc9\xc9\x07\0";
    let text = "The lesson of Tuesday was moved to Thursday.\n".repeat(500);
    let json = br#"{"code":404,"message":"no such recording"}"#;
    let cases: [(&str, &[u8]); 6] =
        [("png", png), ("html", page), ("zip", zip), ("text", text.as_bytes()), ("json", json), ("one byte", b"F")];
    let folder = scratch();
    for (name, content) in cases {
        assert_eq!(code(&named_flv(&folder, content)), "MEDIA_NOT_MEDIA", "{name}");
        told("M1", "a web page, a picture, an archive, a text, JSON", "MEDIA_NOT_MEDIA");
    }
}

#[test]
fn m4_playlists_are_forbidden_by_name_and_nothing_is_dialled_or_opened() {
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let address = canary.local_addr().unwrap();
    let head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n";
    let folder = scratch();
    for target in [
        "file:///etc/passwd".to_owned(),
        "/etc/passwd".to_owned(),
        format!("http://{address}/secret.ts"),
        format!("concat:http://{address}/a|/etc/passwd"),
        "subfile,,start,0,end,64,,:/etc/passwd".to_owned(),
        format!("crypto+http://{address}/"),
    ] {
        let list = format!("{head}{target}\n#EXT-X-ENDLIST\n");
        assert_eq!(code(&named_flv(&folder, list.as_bytes())), "MEDIA_FORMAT_FORBIDDEN", "{target}");
        told("M4", "HLS playlists of files, addresses, concat:, subfile: and crypto:", "MEDIA_FORMAT_FORBIDDEN");
    }
    let master = format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1280000\nhttp://{address}/low.m3u8\n");
    assert_eq!(code(&named_flv(&folder, master.as_bytes())), "MEDIA_FORMAT_FORBIDDEN");
    assert!(canary.accept().is_err(), "somebody dialled");
}

#[test]
fn m5_other_documents_that_point_elsewhere_are_forbidden_by_name() {
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let address = canary.local_addr().unwrap();
    let port = address.port();
    let concat = "ffconcat version 1.0\nfile /etc/passwd\n".to_owned();
    let sdp = format!("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n");
    let dash = format!(
        "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
         profiles=\"urn:mpeg:dash:profile:isoff-live:2011\"><Period><AdaptationSet><Representation id=\"1\">\
         <BaseURL>http://{address}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>\n"
    );
    let folder = scratch();
    for document in [concat, sdp, dash] {
        assert_eq!(code(&named_flv(&folder, document.as_bytes())), "MEDIA_FORMAT_FORBIDDEN", "{document}");
        told("M5", "ffconcat, SDP and DASH documents", "MEDIA_FORMAT_FORBIDDEN");
    }
    assert!(canary.accept().is_err(), "somebody dialled");
}

#[test]
fn m5_a_name_that_libav_would_take_for_a_protocol_or_a_pattern_is_only_a_name() {
    for name in ["concat:x.flv", "lesson-%03d.flv", "http:lesson.mp4", "-i.flv", "a|b'\"\n\u{1b}[31m.flv"] {
        let folder = scratch();
        let source = make(&folder, name, &Recipe::plain(Container::Flv, "320x180", 1.0));
        let ran = made(&source, &request(Container::Mp4));
        saw("M5", "file names that spell a protocol or a pattern", &ran);
        assert_eq!(ran.only().1.frames, 25, "{name:?}");
    }
}

#[test]
fn a_folder_and_a_pipe_are_refused_without_waiting_for_them() {
    let folder = scratch();
    let sub = folder.path().join("sub.flv");
    fs::create_dir(&sub).unwrap();
    let pipe = folder.path().join("pipe.flv");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let begun = Instant::now();
    for path in [&sub, &pipe] {
        assert_eq!(code(path), "SOURCE_NOT_A_FILE", "{}", path.display());
    }
    assert_ne!(code(&folder.path().join("nothing.flv")), "OK");
    assert!(begun.elapsed() < Duration::from_secs(5));
}
