//! Where a recording is cut into chunks: whole groups of pictures that are decoded and encoded on their own. Pure.
//!
//! The cut depends on the source and the keyframe interval alone, never on the number of jobs or on what an earlier run
//! has done, so that the bytes do not either.

use crate::media::{AccessPoint, VideoInfo};

/// A chunk is at least this long where the source's keyframes allow. Each chunk starts the encoder's rate control anew,
/// which costs quality: at 4 s 2.6 %, at 8 s 2.0 %, at 12 s 0.1 % of the bits (BD-rate by SSIM, 480p). Longer chunks
/// would leave cores idle at the end of a recording, and lose more work to an interruption.
const CHUNK_SECONDS: f64 = 12.0;
/// Up to here a chunk may go on to end at a better place.
const CHUNK_SECONDS_WANTED: f64 = 20.0;
/// By how much a chunk's groups of pictures may be longer than the keyframe interval asked for, where that saves a
/// keyframe: one in 12 s that nobody needs is 1.5 % of the bits of a quiet recording.
pub(super) const STRETCH: f64 = 13.0 / 12.0;
/// What is left at the end becomes a chunk only if it is this long; less goes with the one before.
const REMAINDER_SECONDS: f64 = 6.0;
/// Containers round the times of keyframes to a millisecond, and sums of seconds are not exact.
const ROUNDING_SECONDS: f64 = 0.002;
/// A chunk that is longer than this, for want of keyframes, gets encoders with threads of their own: there may be
/// nothing else to do in the meantime.
const LONG_SECONDS: f64 = 40.0;
/// Sources with a group longer than this are not cut: the sound of a whole chunk waits in memory for its pictures.
pub(super) const CHUNK_SECONDS_MAX: f64 = 600.0;

/// One chunk: a run of the picture's packets in the order of the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chunk {
    /// Its first packet, counted from the start of the file.
    pub first: u64,
    /// The next chunk's first packet, or the number of all.
    pub end: u64,
    /// Packets right after the first that belong to the chunk before: leading pictures of an open group.
    pub leading: u64,
    /// Packets from `end` on that this chunk decodes too: the next keyframe and its leading pictures. Only the latter
    /// are this chunk's pictures.
    pub borrowed: u64,
    /// How long it is shown, in seconds.
    pub seconds: f64,
    /// The distance of its keyframes, in seconds.
    pub keyint_seconds: f64,
    /// Whether its encoders get threads of their own.
    pub is_long: bool,
}

impl Chunk {
    /// Returns how many of the source's packets are its own.
    pub fn pictures(&self) -> u64 {
        self.end - self.first - self.leading + self.borrowed.saturating_sub(1)
    }
}

/// Cuts a recording whose output has a keyframe at least every `keyint_seconds`. Where it cannot be cut at all the one
/// chunk is the whole.
pub fn cut(video: &VideoInfo, keyint_seconds: f64) -> Vec<Chunk> {
    let mut starts = vec![AccessPoint { packet: 0, seconds: video.start_seconds, leading: 0 }];
    let mut rest = video.access_points.as_slice();
    while let Some(next) = end_of_chunk(starts[starts.len() - 1].seconds, rest, video, keyint_seconds) {
        starts.push(rest[next]);
        rest = &rest[next + 1..];
    }
    let ends = starts[1..].iter().copied().map(Some).chain([None]);
    let lone = starts.len() == 1;
    let packets = video.packets + video.hidden;
    let chunk = |(start, next)| Chunk {
        keyint_seconds: keyint(start, next, video, keyint_seconds),
        ..chunk(start, next, packets, video.end_seconds, lone)
    };
    starts.iter().zip(ends).map(chunk).collect()
}

/// Returns how many groups of pictures `seconds` are, and whether their keyframes must be stretched for that.
fn groups(seconds: f64, video: &VideoInfo, keyint_seconds: f64) -> (f64, bool) {
    let last = (seconds - video.frame_seconds()).max(0.0);
    let (plain, stretched) =
        ((last / keyint_seconds).floor() + 1.0, (last / (keyint_seconds * STRETCH)).floor() + 1.0);
    (stretched, stretched < plain)
}

/// Returns the distance of a chunk's keyframes: as asked, or stretched so that the last group is not a mere rest.
fn keyint(start: &AccessPoint, next: Option<AccessPoint>, video: &VideoInfo, keyint_seconds: f64) -> f64 {
    let Some(next) = next else { return keyint_seconds };
    let seconds = next.seconds - start.seconds;
    match groups(seconds, video, keyint_seconds) {
        (count, true) => seconds / count,
        (_, false) => keyint_seconds,
    }
}

/// Returns which of `points` the chunk that begins at `begin` seconds ends with.
///
/// The output's keyframes begin anew with each chunk, so that a chunk of 13.1 s has one more of them than one of 13.0 s, a
/// second's worth of bits for a tenth of a second. Of the places within reach the first is taken whose groups are as long as
/// any, give or take a few percent.
fn end_of_chunk(begin: f64, points: &[AccessPoint], video: &VideoInfo, keyint_seconds: f64) -> Option<usize> {
    const GIVE: f64 = 0.97;
    let length = |point: &AccessPoint| point.seconds - begin;
    let is_fit = |point: &AccessPoint| {
        length(point) >= CHUNK_SECONDS - ROUNDING_SECONDS
            && video.end_seconds - point.seconds >= REMAINDER_SECONDS - ROUNDING_SECONDS
    };
    let first = points.iter().position(is_fit)?;
    let group =
        |point: &AccessPoint| (length(point) / groups(length(point), video, keyint_seconds).0).min(keyint_seconds);
    let within_reach =
        points[first..].iter().take_while(|point| length(point) <= CHUNK_SECONDS_WANTED && is_fit(point));
    let best = within_reach.map(group).fold(group(&points[first]), f64::max);
    points[first..].iter().position(|point| group(point) >= best * GIVE).map(|beyond| first + beyond)
}

fn chunk(start: &AccessPoint, next: Option<AccessPoint>, packets: u64, end_seconds: f64, lone: bool) -> Chunk {
    let seconds = next.map_or(end_seconds, |next| next.seconds) - start.seconds;
    let lends = |next: AccessPoint| if next.leading > 0 { next.leading + 1 } else { 0 };
    Chunk {
        first: start.packet,
        end: next.map_or(packets, |next| next.packet),
        leading: start.leading,
        borrowed: next.map_or(0, lends),
        seconds,
        keyint_seconds: 0.0,
        is_long: lone || seconds > LONG_SECONDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Ratio;
    use crate::transcode::sample::lesson;

    /// Returns a recording of `seconds` at 25 fps with a keyframe every `gap` seconds, and `leading` pictures each.
    fn recording(seconds: u32, gap: u32, leading: u64) -> VideoInfo {
        let point = |at: u32| AccessPoint {
            packet: u64::from(at) * 25,
            seconds: f64::from(at),
            leading: if at == 0 { 0 } else { leading },
        };
        let access_points = (0..seconds).step_by(gap as usize).map(point).collect();
        let packets = u64::from(seconds) * 25;
        VideoInfo { end_seconds: seconds.into(), packets, access_points, ..lesson().video.unwrap() }
    }

    fn lengths(video: &VideoInfo) -> Vec<f64> {
        cut(video, 4.0).iter().map(|chunk| chunk.seconds).collect()
    }

    #[test]
    fn chunks_are_whole_groups_of_at_least_twelve_seconds() {
        assert_eq!(lengths(&recording(60, 4, 0)), [12.0; 5]);
        assert_eq!(lengths(&recording(61, 10, 0)), [20.0, 20.0, 21.0]);
        assert_eq!(lengths(&recording(90, 30, 0)), [30.0; 3]);
    }

    #[test]
    fn a_chunk_goes_on_to_where_its_last_group_is_whole() {
        // 15 s would be groups of 3.75 s, 20 s are groups of 4 s.
        assert_eq!(lengths(&recording(60, 5, 0)), [20.0; 3]);
        assert_eq!(lengths(&recording(60, 1, 0)), [12.0; 5]);
        let mut video = recording(60, 1, 0);
        // 14 s would be four groups, the last of two seconds; 16 s are four as well, and whole.
        video.access_points.retain(|point| ![12.0, 13.0].contains(&point.seconds));
        assert_eq!(lengths(&video), [16.0, 12.0, 12.0, 12.0, 8.0]);
        // A frame's rounding is no group more: 29.97 fps with a keyframe every 120 frames.
        let frame_rate = Ratio::new(30_000, 1001);
        for point in &mut video.access_points {
            point.seconds *= 1.001;
        }
        assert_eq!(cut(&VideoInfo { frame_rate, ..video }, 4.0)[1].seconds.round(), 12.0);
    }

    #[test]
    fn keyframes_are_stretched_a_little_where_that_saves_one() {
        let keyint = |seconds: f64| {
            let point = AccessPoint { packet: 400, seconds, leading: 0 };
            let video = VideoInfo { access_points: vec![point], ..recording(30, 4, 0) };
            let chunks = cut(&video, 4.0);
            assert_eq!(chunks[1].keyint_seconds, 4.0, "the last chunk ends with the recording");
            chunks[0].keyint_seconds
        };
        assert_eq!([12.0, 16.0, 14.0].map(keyint), [4.0; 3]);
        assert_eq!([12.04, 12.9, 16.8].map(keyint), [12.04 / 3.0, 12.9 / 3.0, 16.8 / 4.0]);
        // Less than a frame late, by the container's rounding.
        assert_eq!(keyint(12.02), 4.0);
    }

    #[test]
    fn a_keyframe_that_is_early_by_a_rounding_is_far_enough() {
        let mut video = recording(60, 4, 0);
        video.access_points.iter_mut().skip(1).for_each(|point| point.seconds -= 0.001);
        assert_eq!(cut(&video, 4.0).len(), 5);
        video.access_points[6].seconds += 0.001 - 1e-12;
        assert_eq!(cut(&video, 4.0).len(), 5);
    }

    #[test]
    fn a_short_remainder_goes_with_the_chunk_before() {
        assert_eq!(lengths(&recording(21, 4, 0)), [12.0, 9.0]);
        assert_eq!(lengths(&recording(17, 4, 0)), [17.0]);
        assert_eq!(lengths(&recording(29, 4, 0)), [12.0, 17.0]);
    }

    #[test]
    fn every_packet_belongs_to_one_chunk() {
        for leading in [0, 2] {
            for video in [recording(3600, 4, leading), recording(100, 7, leading), recording(5, 1, leading)] {
                let chunks = cut(&video, 4.0);
                assert_eq!(chunks.iter().map(Chunk::pictures).sum::<u64>(), video.packets);
                assert!(chunks.windows(2).all(|pair| pair[0].end == pair[1].first));
                assert_eq!((chunks[0].first, chunks[chunks.len() - 1].end), (0, video.packets));
            }
        }
    }

    #[test]
    fn an_open_group_lends_its_keyframe_to_the_chunk_before() {
        let chunks = cut(&recording(24, 4, 2), 4.0);
        assert_eq!((chunks[0].end, chunks[0].borrowed, chunks[0].pictures()), (300, 3, 302));
        assert_eq!((chunks[1].first, chunks[1].leading, chunks[1].pictures()), (300, 2, 298));
        assert_eq!(cut(&recording(24, 4, 0), 4.0)[0].borrowed, 0);
    }

    #[test]
    fn without_access_points_the_whole_is_one_chunk_and_long() {
        let video = VideoInfo { access_points: Vec::new(), ..recording(60, 4, 0) };
        let chunks = cut(&video, 4.0);
        assert_eq!((chunks.len(), chunks[0].pictures(), chunks[0].is_long), (1, 1500, true));
    }

    #[test]
    fn long_groups_are_chunks_of_their_own_and_known_as_long() {
        let chunks = cut(&recording(150, 50, 0), 4.0);
        assert!(chunks.len() == 3 && chunks.iter().all(|chunk| chunk.is_long));
        assert!(cut(&recording(60, 20, 0), 4.0).iter().all(|chunk| !chunk.is_long));
    }
}
