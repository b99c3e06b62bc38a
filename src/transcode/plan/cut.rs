//! Chunks or one piece: how the picture of a plan's renditions is encoded.

use super::{Action, RenditionPlan, VideoPlan};
use crate::media::{Encoder, RateControl, VideoInfo};
use crate::transcode::Request;
use crate::transcode::chunk::{self, CHUNK_SECONDS_MAX, Chunk};

/// Why a plan without an encode is not cut.
pub(in crate::transcode) const NOTHING_ENCODED: &str = "nothing is encoded";

/// What a seam costs, and how it is mended, is known of x264.
const ONLY_X264: &str = "only x264 is run in chunks";

/// How the picture is encoded; the same for all renditions, whose keyframes are to fall on the same frames.
#[derive(Clone, Debug, PartialEq)]
pub enum Cut {
    /// In chunks that are encoded side by side and survive an interruption.
    Chunks(Vec<Chunk>),
    /// In one piece, by one encoder per rendition.
    Whole {
        /// Why not in chunks.
        reason: &'static str,
    },
}

impl Cut {
    /// Returns the chunks, if there are any.
    pub fn chunks(&self) -> &[Chunk] {
        match self {
            Self::Chunks(chunks) => chunks,
            Self::Whole { .. } => &[],
        }
    }

    /// Returns whether there are chunks that can be encoded beside others.
    pub(super) fn is_side_by_side(&self) -> bool {
        self.chunks().iter().any(|chunk| !chunk.is_long)
    }
}

/// Decides for the renditions of a plan.
pub(super) fn plan(video: &VideoInfo, request: &Request, renditions: &[RenditionPlan]) -> Cut {
    let encoded: Vec<&VideoPlan> = renditions.iter().filter_map(encoded).collect();
    let chunks = chunk::cut(video, request.keyint_seconds);
    let reason = if encoded.is_empty() {
        NOTHING_ENCODED
    } else if request.no_chunks {
        "as asked by --no-chunks"
    } else if encoded.iter().any(|plan| plan.encoder != Encoder::X264) {
        ONLY_X264
    } else if !encoded.iter().all(|plan| is_independent(plan)) {
        "a bitrate is kept over the whole length"
    } else if chunks.iter().any(|chunk| chunk.seconds > CHUNK_SECONDS_MAX) {
        "the source has too few keyframes to be cut at"
    } else {
        return Cut::Chunks(chunks);
    };
    Cut::Whole { reason }
}

fn encoded(rendition: &RenditionPlan) -> Option<&VideoPlan> {
    match &rendition.action {
        Action::Transcode(video) => Some(video),
        _ => None,
    }
}

/// Returns whether the encoder spends bits by what it sees, not by what it has spent before.
fn is_independent(plan: &VideoPlan) -> bool {
    matches!(plan.rate_control, RateControl::Crf(_) | RateControl::Cq(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Container, RenditionName, VideoInfo};
    use crate::transcode::plan::plan;
    use crate::transcode::sample::lesson;
    use crate::transcode::{RateControlRequest, RenditionRequest};

    fn cut_of(request: &Request, video: VideoInfo) -> Cut {
        let info = crate::media::MediaInfo { video: Some(video), ..lesson() };
        plan(&info, request).unwrap().cut
    }

    fn ladder() -> Request {
        let renditions = [720, 240].map(|side| RenditionRequest::plain(RenditionName::of_source(side)));
        Request { renditions: renditions.into(), ..Request::default() }
    }

    #[test]
    fn constant_quality_is_encoded_in_chunks_by_one_thread_each() {
        let info = lesson();
        let plan = plan(&info, &ladder()).unwrap();
        assert_eq!(plan.cut.chunks().len(), 5);
        assert!(plan.renditions.iter().filter_map(encoded).all(|video| video.threads == 1));
    }

    #[test]
    fn what_needs_the_whole_length_is_encoded_in_one_piece() {
        let video = || lesson().video.unwrap();
        let rate_control = RateControlRequest { bits_per_second: Some(1_000_000), ..RateControlRequest::default() };
        let mut one_of_two = ladder();
        one_of_two.renditions[1].bits_per_second = Some(300_000);
        for request in [Request { rate_control, ..ladder() }, one_of_two] {
            assert_eq!(cut_of(&request, video()), Cut::Whole { reason: "a bitrate is kept over the whole length" });
        }
        let asked = Request { no_chunks: true, ..ladder() };
        assert_eq!(cut_of(&asked, video()), Cut::Whole { reason: "as asked by --no-chunks" });
        assert_eq!(cut_of(&Request::default(), video()), Cut::Whole { reason: NOTHING_ENCODED });
        let x265 = Request { encoder: Encoder::X265, container: Some(Container::Mp4), ..ladder() };
        assert_eq!(cut_of(&x265, video()), Cut::Whole { reason: "only x264 is run in chunks" });
        let endless = VideoInfo { end_seconds: 7200.0, access_points: Vec::new(), ..video() };
        let reason = "the source has too few keyframes to be cut at";
        assert_eq!(cut_of(&ladder(), endless), Cut::Whole { reason });
    }

    #[test]
    fn a_single_chunk_keeps_the_encoders_threads() {
        let short = VideoInfo { end_seconds: 10.0, packets: 250, ..lesson().video.unwrap() };
        let info = crate::media::MediaInfo { video: Some(short), ..lesson() };
        let plan = plan(&info, &ladder()).unwrap();
        assert_eq!(plan.cut.chunks().len(), 1);
        let threads: Vec<u32> = plan.renditions.iter().filter_map(encoded).map(|video| video.threads).collect();
        assert_eq!(threads, [4, 1]);
    }
}
