//! The product's main job: one recording in, a ladder out, every frame of it.

use reelmill::clip::Recipe;
use reelmill::media::Container;

use crate::support::clip::{make, scratch};
use crate::support::oracle;
use crate::support::run::{encode, transcode};

#[test]
fn a_ladder_has_every_frame_of_the_source_at_its_own_time_in_every_rendition() {
    for container in [Container::Flv, Container::Mp4] {
        let folder = scratch();
        let source = make(&folder, "lesson.flv", &Recipe::plain(Container::Flv, "1280x720", 6.0));
        let ran = transcode(&source, &encode(&["720P", "480P", "240P"], container)).unwrap();
        let sizes = ["1280,720", "854,480", "426,240"];
        assert_eq!(ran.renditions.len(), 3);
        let source_packets = oracle::packets(&source, "v:0");
        let mut source_times: Vec<f64> = source_packets.iter().map(|packet| packet.pts).collect();
        source_times.sort_by(f64::total_cmp);
        for (rendition, size) in ran.renditions.iter().zip(sizes) {
            let finished = rendition.result.as_ref().unwrap();
            assert_eq!((finished.frames, finished.verified), (150, true));
            assert_eq!(finished.repairs, Vec::<String>::new());
            assert_eq!(oracle::entry(&rendition.path, "v:0", "width,height"), size);
            assert_eq!(oracle::decodes_whole(&rendition.path), 150);
            let packets = oracle::packets(&rendition.path, "v:0");
            let mut times: Vec<f64> = packets.iter().map(|packet| packet.pts).collect();
            times.sort_by(f64::total_cmp);
            for (time, wanted) in times.iter().zip(&source_times) {
                let off = (time - times[0]) - (wanted - source_times[0]);
                assert!(off.abs() < 0.0015, "{container} {} at {wanted}: off by {off}", rendition.name);
            }
            let keyframes: Vec<usize> =
                packets.iter().enumerate().filter(|(_, packet)| packet.keyframe).map(|(index, _)| index).collect();
            assert_eq!(keyframes, [0, 100], "a keyframe every four seconds");
        }
    }
}
