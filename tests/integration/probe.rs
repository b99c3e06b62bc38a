//! What probing tells of files made on purpose.

use reelmill::av::{Interrupt, probe};
use reelmill::clip::Recipe;
use reelmill::media::{Container, Ratio, Timing};

use crate::support::clip::{make, scratch};

#[test]
fn a_plain_recording_is_measured_from_its_packets() {
    for container in [Container::Flv, Container::Mp4] {
        let folder = scratch();
        let path = make(&folder, "plain", &Recipe::plain(container, "320x180", 4.0));
        let info = probe(&path, &Interrupt::default()).unwrap();
        let video = info.video.as_ref().unwrap();
        assert_eq!(info.container, container);
        assert_eq!((video.packets, video.frame_rate, video.timing), (100, Ratio::new(25, 1), Timing::Constant));
        assert!((video.longest_keyframe_gap_seconds - 2.0).abs() < 0.05, "{video:?}");
        assert!((info.duration_seconds - 4.0).abs() < 0.1, "{}", info.duration_seconds);
        assert_eq!(info.audio.as_ref().unwrap().sample_rate, 44_100);
        assert_eq!(info.oddities, []);
    }
}
