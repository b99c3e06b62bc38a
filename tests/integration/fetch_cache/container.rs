//! Recordings in other containers and codecs than the cache's, and such as end early.

use std::fs;

use reelmill::media::Container;

use super::{Node, lesson, notes};
use crate::support::clip::{by_ffmpeg, scratch};
use crate::support::oracle::{decodes_whole, entry, packets};
use crate::support::origin::{Object, Origin};

#[test]
fn an_mp4_is_remuxed_packet_by_packet() {
    let (node, object) = (Node::new(), lesson(Container::Mp4, 2.0));
    let origin = Origin::honest(object.clone());
    let document = node.fetches("6666_48P", &origin.url("/6666.mp4"), "", "fetched");
    let said = notes(&document);
    assert_eq!(said, ["came as mp4, remuxed to flv"]);
    let file = node.file("6666_48P");
    let source = node.path().join("source.mp4");
    fs::write(&source, &object.bytes[..]).unwrap();
    for stream in ["v:0", "a:0"] {
        let hashes = |path| packets(path, stream).into_iter().map(|packet| packet.hash).collect::<Vec<_>>();
        assert_eq!(hashes(&file), hashes(&source), "{stream}");
    }
    assert_eq!(decodes_whole(&file), packets(&file, "v:0").len());
    // What it was at the origin is remembered, not what became of it.
    node.fetches("6666_48P", &Origin::honest(object).url("/"), "", "present");
    node.is_sound(1);
}

#[test]
fn k3_a_recording_that_has_room_only_as_it_came_is_refused_and_nothing_of_it_is_left() {
    let folder = scratch();
    let words = "-f lavfi -i color=gray:s=320x240:r=25:d=2,noise=alls=100:allf=t -c:v libx264 -preset ultrafast \
                 -b:v 2400k -minrate 2400k -maxrate 2400k -bufsize 400k -f mp4";
    let object = Object::of(fs::read(by_ffmpeg(&folder, "6666.mp4", words)).unwrap(), "\"mp4\"");
    assert!((400_000..900_000).contains(&object.bytes.len()), "{}", object.bytes.len());
    let (node, origin) = (Node::configured("bytes_max = \"1MiB\""), Origin::honest(object));
    node.fails("6666", &origin.url("/"), "", (5, "CACHE_FULL"));
    node.is_sound(0);
}

#[test]
fn a_codec_that_the_container_cannot_hold_is_encoded() {
    let folder = scratch();
    let path = by_ffmpeg(&folder, "odd.avi", "-f lavfi -i testsrc2=s=64x48:r=10:d=2 -c:v mpeg4 -f avi");
    let (node, origin) = (Node::new(), Origin::honest(Object::of(fs::read(path).unwrap(), "\"odd\"")));
    let document = node.fetches("6666", &origin.url("/odd.avi"), "", "fetched");
    assert!(notes(&document)[0].starts_with("came as avi, transcoded to flv: "), "{document}");
    assert_eq!(entry(&node.file("6666"), "v:0", "codec_name"), "h264");
    assert_eq!(decodes_whole(&node.file("6666")), 20);
    node.is_sound(1);
}

#[test]
fn sound_that_the_container_cannot_hold_is_encoded_and_the_picture_stays() {
    let folder = scratch();
    let words = "-f lavfi -i testsrc2=s=64x48:r=10:d=2 -f lavfi -i sine=d=2 -c:v libx264 -c:a ac3 -f matroska";
    let path = by_ffmpeg(&folder, "odd.mkv", words);
    let (node, origin) = (Node::new(), Origin::honest(Object::of(fs::read(path).unwrap(), "\"odd\"")));
    let document = node.fetches("6666", &origin.url("/"), "", "fetched");
    assert_eq!(notes(&document), ["came as mkv, remuxed to flv, its sound transcoded"]);
    assert_eq!(entry(&node.file("6666"), "a:0", "codec_name"), "aac");
    node.is_sound(1);
}

#[test]
fn sound_alone_is_kept_and_brought_into_the_container_of_the_cache() {
    let folder = scratch();
    let sound = |name, format| {
        let words = format!("-f lavfi -i sine=d=2 -c:a aac -f {format}");
        Origin::honest(Object::of(fs::read(by_ffmpeg(&folder, name, &words)).unwrap(), "\"sound\""))
    };
    let (node, flv, mp4) = (Node::new(), sound("sound.flv", "flv"), sound("sound.mp4", "mp4"));
    let document = node.fetches("6666_720P", &flv.url("/"), "", "fetched");
    assert_eq!(notes(&document), ["no picture, labelled 720P"]);
    let document = node.fetches("6667", &mp4.url("/"), "", "fetched");
    assert_eq!(notes(&document), ["came as mp4, remuxed to flv"]);
    assert_eq!(entry(&node.file("6667"), "a:0", "codec_name"), "aac");
    node.is_sound(2);
}

#[test]
fn a_recording_that_ends_early_is_refused_unless_that_is_accepted() {
    for container in [Container::Flv, Container::Ts] {
        let mut object = lesson(container, 4.0);
        let middle = object.bytes.len() / 2;
        object.bytes = object.bytes[..middle].to_vec().into();
        let (node, origin) = (Node::new(), Origin::honest(object));
        if container == Container::Flv {
            node.fails("6666", &origin.url("/"), "", (3, "MEDIA_TRUNCATED"));
        }
        let document = node.fetches("6666", &origin.url("/"), "--accept-truncated", "fetched");
        assert!(container != Container::Flv || notes(&document)[0].contains("ends early"), "{document}");
        node.is_sound(1);
    }
}
