//! Which piece of work a free worker takes next. Pure: what there is goes in, one step comes out.
//!
//! Two levels of parallelism fill the cores: the stages of one chunk (one decoder, an encoder per rendition) and, where
//! these do not suffice, further chunks. The oldest chunk goes first, so that finished ones leave and memory stays
//! small; a new one is begun only by a worker that would otherwise have nothing to do, and only if the chunks that are
//! being decoded cannot keep all workers busy. Once all are begun, the one with the most left to do goes first: the run
//! ends with the last of them.

use super::super::plan::VideoPlan;

/// A piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Decode some packets of the chunk in this place of the list.
    Decode {
        /// Its place.
        chunk: usize,
    },
    /// Scale and encode the frames that wait for one of its renditions.
    Encode {
        /// Its place.
        chunk: usize,
        /// The rendition's place.
        lane: usize,
    },
}

impl Step {
    /// Returns its chunk's place in the list.
    pub(super) const fn chunk(self) -> usize {
        match self {
            Self::Decode { chunk } | Self::Encode { chunk, .. } => chunk,
        }
    }
}

/// What can be done in a chunk right now.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    /// Whether anybody has worked on it.
    pub(super) is_begun: bool,
    /// Whether all its frames are decoded.
    pub(super) is_decoded: bool,
    /// Whether its decoder is free, has packets, and has room for frames in every queue.
    pub(super) can_decode: bool,
    /// Whether few frames wait for the largest rendition.
    pub(super) is_short_of_frames: bool,
    /// Per rendition, largest first: whether its encoder is free and has something to do.
    pub(super) can_encode: Vec<bool>,
    /// Pictures that are still to be encoded for the rendition that is furthest behind.
    pub(super) left: u64,
}

/// Returns the best step; `chunks` are those in memory, oldest first, of which `decoding_max` may be decoded at once, and
/// `more_to_come` tells whether the source has others.
pub(super) fn pick(chunks: &[Load], decoding_max: usize, more_to_come: bool) -> Option<Step> {
    let decoding = chunks.iter().filter(|load| load.is_begun && !load.is_decoded).count();
    let all_begun = !more_to_come && chunks.iter().all(|load| load.is_begun);
    let mut order: Vec<usize> = (0..chunks.len()).filter(|&chunk| chunks[chunk].is_begun).collect();
    if all_begun {
        order.sort_by_key(|&chunk| std::cmp::Reverse(chunks[chunk].left));
    }
    if decoding < decoding_max {
        order.extend(chunks.iter().position(|load| !load.is_begun));
    }
    order.into_iter().find_map(|chunk| step_in(chunk, &chunks[chunk]))
}

/// Returns how many chunks must be decoded at once to keep `jobs` workers busy: a chunk keeps as many busy as its longest
/// stage fits into the sum of all. An estimate that decides about memory and idle cores, never about a byte.
pub(super) fn chunks_at_once(jobs: usize, source_pixels: u64, renditions: &[&VideoPlan]) -> usize {
    /// Nanoseconds a pixel: H.264 on one core.
    const DECODE: f64 = 4.0;
    let cost = |plan: &&VideoPlan| f64::from(plan.width) * f64::from(plan.height) * encode_cost(&plan.preset);
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let (jobs_wanted, decode) = (jobs as f64, source_pixels as f64 * DECODE);
    let whole = decode + renditions.iter().map(cost).sum::<f64>();
    let longest = renditions.iter().map(cost).fold(decode, f64::max);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the number of jobs")]
    let chunks = (jobs_wanted * longest / whole).ceil() as usize;
    chunks.clamp(1, jobs.max(1))
}

/// Nanoseconds a pixel takes x264 on one core, roughly: each preset about twice the one before.
fn encode_cost(preset: &str) -> f64 {
    match preset {
        "ultrafast" => 6.0,
        "superfast" => 10.0,
        "veryfast" => 15.0,
        "faster" => 25.0,
        "fast" => 35.0,
        "medium" => 45.0,
        "slow" => 90.0,
        _ => 200.0,
    }
}

/// The largest rendition is the last to finish, so it goes first, and before the others it gets more frames when it runs
/// out of them. For the rest, encoding empties queues and goes before decoding, which fills them.
fn step_in(chunk: usize, load: &Load) -> Option<Step> {
    let decode = Step::Decode { chunk };
    match load.can_encode.iter().position(|&can| can) {
        Some(lane) if lane > 0 && load.can_decode && load.is_short_of_frames => Some(decode),
        Some(lane) => Some(Step::Encode { chunk, lane }),
        None => load.can_decode.then_some(decode),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::RenditionName;
    use crate::transcode::plan::{Action, RenditionPlan, plan};
    use crate::transcode::{RenditionRequest, Request};

    fn begun(can_decode: bool, can_encode: &[bool], left: u64) -> Load {
        Load {
            is_begun: true,
            is_decoded: false,
            is_short_of_frames: false,
            can_decode,
            can_encode: can_encode.to_vec(),
            left,
        }
    }

    fn fresh() -> Load {
        Load {
            is_begun: false,
            is_decoded: false,
            is_short_of_frames: false,
            can_decode: true,
            can_encode: vec![false],
            left: 300,
        }
    }

    #[test]
    fn the_oldest_chunk_goes_first_and_its_largest_rendition() {
        let chunks = [begun(true, &[false, true, true], 10), begun(true, &[true; 3], 300)];
        assert_eq!(pick(&chunks, 2, true), Some(Step::Encode { chunk: 0, lane: 1 }));
        let chunks = [begun(true, &[false; 3], 10), begun(true, &[true; 3], 300)];
        assert_eq!(pick(&chunks, 2, true), Some(Step::Decode { chunk: 0 }));
        let chunks = [begun(false, &[false; 3], 10), begun(true, &[true; 3], 300)];
        assert_eq!(pick(&chunks, 2, true), Some(Step::Encode { chunk: 1, lane: 0 }));
    }

    #[test]
    fn a_new_chunk_is_begun_only_by_a_worker_with_nothing_else_to_do() {
        assert_eq!(pick(&[begun(true, &[false], 1), fresh()], 2, true), Some(Step::Decode { chunk: 0 }));
        assert_eq!(pick(&[begun(false, &[false], 1), fresh()], 2, true), Some(Step::Decode { chunk: 1 }));
        assert_eq!(pick(&[begun(false, &[false], 1), fresh()], 1, true), None);
        assert_eq!(pick(&[begun(false, &[false], 1), fresh(), fresh()], 3, true), Some(Step::Decode { chunk: 1 }));
    }

    #[test]
    fn a_decoded_chunk_leaves_room_for_the_next() {
        let last = |is_decoded| Load { is_decoded, ..begun(false, &[false], 1) };
        assert_eq!(pick(&[last(false), fresh()], 1, true), None);
        assert_eq!(pick(&[last(true), fresh()], 1, true), Some(Step::Decode { chunk: 1 }));
    }

    #[test]
    fn a_ladder_keeps_two_cores_busy_and_a_single_rendition_does_not() {
        let lesson = crate::transcode::sample::lesson();
        let at_once = |jobs, sides: &[u32], preset: &str| {
            let name = |&side: &u32| RenditionRequest::plain(RenditionName::of_source(side));
            let renditions = sides.iter().map(name).collect();
            let request = Request { renditions, preset: Some(preset.to_owned()), ..Request::default() };
            let plan = plan(&lesson, &request).unwrap();
            let video = |rendition: &RenditionPlan| match &rendition.action {
                Action::Transcode(video) => video.as_ref().clone(),
                _ => panic!("smaller than the source, so it is encoded"),
            };
            let videos: Vec<VideoPlan> = plan.renditions.iter().map(video).collect();
            chunks_at_once(jobs, 1920 * 1080, &videos.iter().collect::<Vec<_>>())
        };
        assert_eq!(at_once(2, &[720, 480, 240], "veryfast"), 1);
        assert_eq!(at_once(2, &[720], "veryfast"), 2);
        assert_eq!(at_once(2, &[720, 480, 240], "slow"), 2);
        assert_eq!(at_once(8, &[720, 480, 240], "veryfast"), 4);
        assert_eq!((at_once(1, &[720], "veryfast"), at_once(0, &[240], "slow")), (1, 1));
    }

    #[test]
    fn towards_the_end_the_chunk_with_the_most_left_goes_first() {
        let chunks = [begun(true, &[true], 10), begun(true, &[true], 20)];
        assert_eq!(pick(&chunks, 2, true), Some(Step::Encode { chunk: 0, lane: 0 }));
        assert_eq!(pick(&chunks, 2, false), Some(Step::Encode { chunk: 1, lane: 0 }));
        assert_eq!(pick(&[], 2, false), None);
    }
}
