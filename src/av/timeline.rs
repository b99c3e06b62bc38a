//! One rising clock for all streams, out of whatever a recorder wrote. Pure: ticks in, ticks out, repairs counted.
//!
//! Invariants, kept by [`Timeline::place`]:
//! 1. decode times of a stream rise strictly;
//! 2. no packet is shown before it is decoded;
//! 3. streams that jump together keep their distance: a jump's offset is shared, never guessed anew per stream.
//!
//! A pause is not a jump. When one stream is silent while another goes on, the clock of all has moved on, and the
//! silent one may come back any time later; only a packet ahead of *every* stream by more than the limit has jumped.
//!
//! Nor is a roll-over a jump: counters have 32 or 33 bits and begin anew after their last value. libav takes the first
//! roll-over out by itself, by where a file begins; after a jump it adds a whole turn where there was none. So only what
//! the file itself counts is believed, and each stream goes on with the next turn where that continues it.

use crate::media::{Discontinuity, TimeBase, Timestamp};

/// A step back by no more than this is a recorder's jitter, put right by the next tick.
const JITTER_MICROSECONDS: i64 = 1_000_000;
/// A file that begins by less than this before the turn of its counter begins with negative times instead.
const NEGATIVE_MICROSECONDS: i64 = 1_000_000;
/// How near to its expected place an offset must bring a packet to be taken as the one it jumped with.
const SHARED_MICROSECONDS: i64 = 1_000_000;

/// What was repaired.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Repairs {
    /// Clock jumps taken out.
    pub jumps: u64,
    /// The first of them.
    pub first_jump: Option<Discontinuity>,
    /// Sum of all forward jumps, in microseconds.
    pub forward_microseconds: i64,
    /// Decode times moved to the next tick.
    pub unordered: u64,
    /// Packets that had no time at all.
    pub missing: u64,
    /// Times that the file's counter began anew and went on.
    pub roll_overs: u64,
    /// Where it first did, in microseconds on the repaired clock.
    pub first_roll_over: Option<i64>,
}

/// The clock of a demuxer's chosen streams.
#[derive(Debug)]
pub(super) struct Timeline {
    streams: Vec<Option<Stream>>,
    /// The furthest end of any packet so far, in microseconds on the repaired clock.
    front: Option<i64>,
    /// The offset of the latest jump.
    latest_offset: i64,
    forward_limit: i64,
    origin: i64,
    repairs: Repairs,
}

#[derive(Debug)]
struct Stream {
    base: TimeBase,
    /// Microseconds to add to the file's clock.
    offset: i64,
    /// Frames that the decoder holds back to put them in order; 0 for sound.
    delay_frames: i64,
    last_dts: Option<i64>,
    last_duration: i64,
    counter: Option<Counter>,
}

/// What counts a stream's ticks in the file.
#[derive(Clone, Copy, Debug)]
struct Counter {
    /// Ticks after which it begins anew.
    period: i64,
    /// Turns before the latest packet; and before the first one, once that is there.
    turn: i64,
    first: Option<i64>,
}

/// Times of one packet in ticks of its stream; `None` where the file has none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) pts: Option<i64>,
    pub(super) dts: Option<i64>,
    pub(super) duration: i64,
}

/// Times of one packet after repair. The presentation time stays unknown where only the decoder can tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) pts: Option<i64>,
    pub(super) dts: i64,
}

impl Timeline {
    /// Returns a clock on which a packet more than `forward_limit` microseconds ahead of everything has jumped.
    pub(super) fn new(forward_limit: i64) -> Self {
        Self {
            streams: Vec::new(),
            front: None,
            latest_offset: 0,
            forward_limit,
            origin: 0,
            repairs: Repairs::default(),
        }
    }

    /// Sets how far ahead of everything (in microseconds) a packet has jumped.
    pub(super) fn set_forward_limit(&mut self, limit: i64) {
        self.forward_limit = limit;
    }

    /// Makes `origin` (microseconds on the repaired clock) the zero of what comes out.
    pub(super) fn set_origin(&mut self, origin: i64) {
        self.origin = origin;
    }

    /// Follows stream `index`, counted in `base` by a counter that begins anew after `period` ticks, if it does, and whose
    /// decoder holds back `delay_frames`.
    pub(super) fn follow(&mut self, index: usize, base: TimeBase, delay_frames: i64, period: Option<i64>) {
        if self.streams.len() <= index {
            self.streams.resize_with(index + 1, || None);
        }
        let (offset, last_dts, last_duration) = (0, None, 0);
        let counter = period.map(|period| Counter { period, turn: 0, first: None });
        self.streams[index] = Some(Stream { base, offset, delay_frames, last_dts, last_duration, counter });
    }

    /// Returns whether a stream's packets come in another order than they are shown.
    pub(super) fn reorders(&self, index: usize) -> bool {
        self.streams.get(index).and_then(Option::as_ref).is_some_and(|stream| stream.delay_frames > 0)
    }

    /// Returns what was repaired so far.
    pub(super) fn repairs(&self) -> &Repairs {
        &self.repairs
    }

    /// Returns the packet's times on the common clock; `None` for a stream that is not followed.
    pub(super) fn place(&mut self, index: usize, times: Times) -> Option<Placed> {
        let origin = self.origin;
        let times = self.unroll(index, times);
        let stream = self.streams.get(index)?.as_ref()?;
        let (base, offset, expected) = (stream.base, stream.offset, stream.expected());
        let in_order = stream.delay_frames == 0;
        let guess = times.pts.map(|pts| stream.guess(pts, times.duration));
        if times.first().is_none() || (times.pts.is_none() && !in_order) {
            self.repairs.missing += 1;
        }
        let offset = match times.dts.or(guess) {
            Some(dts) => self.offset_for(index, Timestamp::new(dts, base).microseconds()),
            None => offset,
        };
        let ticks = Timestamp::from_microseconds(offset).rescale(base).ticks;
        let move_by = |at: i64| at.saturating_add(ticks);
        let dts = times.dts.or(guess).map_or_else(|| expected.unwrap_or(0), move_by);
        let pts = times.pts.map(move_by).or(in_order.then_some(dts));
        let placed = self.rise(index, dts, pts, times.duration);
        let origin = Timestamp::from_microseconds(origin).rescale(base).ticks;
        Some(Placed { pts: placed.pts.map(|pts| pts - origin), dts: placed.dts - origin })
    }

    /// Returns the packet's times with all turns of the file's counter, whatever libav made of them. Where none of the
    /// turns near by continues the stream, its clock has jumped, and within the same turn.
    fn unroll(&mut self, index: usize, times: Times) -> Times {
        let Some(stream) = self.streams.get(index).and_then(Option::as_ref) else { return times };
        let (Some(counter), Some(shown)) = (stream.counter, times.pts.or(times.dts)) else { return times };
        let continues = |turn: &i64| {
            let decoded = counter.times(times, *turn).first();
            decoded.is_some_and(|ticks| self.continues(stream, Timestamp::new(ticks, stream.base).microseconds()))
        };
        let turn = match counter.first {
            Some(_) => [counter.turn, counter.turn + 1, counter.turn - 1].into_iter().find(continues),
            // libav goes by the file's very first packet, for all streams alike.
            None => Some(shown.div_euclid(counter.period)),
        };
        let turn = turn.unwrap_or(counter.turn);
        let is_negative = turn < 0 && Timestamp::new(-shown, stream.base).microseconds() < NEGATIVE_MICROSECONDS;
        let first = counter.first.unwrap_or(if is_negative { 0 } else { turn });
        let last = stream.last_dts.map(|last| Timestamp::new(last, stream.base).microseconds());
        self.count_turns(turn - first, last);
        if let Some(Some(stream)) = self.streams.get_mut(index) {
            stream.counter = Some(Counter { turn, first: Some(first), ..counter });
        }
        counter.times(times, turn)
    }

    /// Counts what all streams share: the most turns that any has made.
    fn count_turns(&mut self, turns: i64, at: Option<i64>) {
        let turns = u64::try_from(turns).unwrap_or(0);
        if turns > self.repairs.roll_overs {
            self.repairs.roll_overs = turns;
            self.repairs.first_roll_over = self.repairs.first_roll_over.or(at);
        }
    }

    /// Returns whether a packet with this decode time, in microseconds of the file's clock, has not jumped.
    fn continues(&self, stream: &Stream, dts: i64) -> bool {
        let last = stream.last_dts.map(|last| Timestamp::new(last, stream.base).microseconds());
        let place = dts.saturating_add(stream.offset);
        let ahead = self.front.is_some_and(|front| place > front.saturating_add(self.forward_limit));
        let back = last.is_some_and(|last| place < last - JITTER_MICROSECONDS);
        !ahead && !back
    }

    /// Returns the offset under which a packet with this decode time continues its stream, a new one after a jump.
    fn offset_for(&mut self, index: usize, dts: i64) -> i64 {
        let Some(stream) = self.streams.get(index).and_then(Option::as_ref) else { return 0 };
        let (offset, latest) = (stream.offset, self.latest_offset);
        if self.continues(stream, dts) {
            return offset;
        }
        let place = dts.saturating_add(offset);
        let expected = stream.expected().map(|ticks| Timestamp::new(ticks, stream.base).microseconds());
        let target = expected.or(self.front).unwrap_or(0);
        let shared = (dts.saturating_add(latest) - target).abs() <= SHARED_MICROSECONDS;
        let new = if latest != offset && shared { latest } else { self.jump(place, target, dts) };
        if let Some(stream) = self.streams.get_mut(index).and_then(Option::as_mut) {
            stream.offset = new;
        }
        new
    }

    fn jump(&mut self, place: i64, target: i64, dts: i64) -> i64 {
        let jumped = place - target;
        self.repairs.jumps += 1;
        self.repairs.forward_microseconds = self.repairs.forward_microseconds.saturating_add(jumped.max(0));
        let seconds = |microseconds| Timestamp::from_microseconds(microseconds).seconds();
        let first = Discontinuity { at_seconds: seconds(target), jump_seconds: seconds(jumped) };
        self.repairs.first_jump.get_or_insert(first);
        self.latest_offset = target - dts;
        self.latest_offset
    }

    /// Makes the decode time rise, and keeps the presentation time at or after it.
    fn rise(&mut self, index: usize, dts: i64, pts: Option<i64>, duration: i64) -> Placed {
        let Some(stream) = self.streams.get_mut(index).and_then(Option::as_mut) else {
            return Placed { pts, dts };
        };
        let lowest = stream.last_dts.map(|last| last + 1);
        let risen = lowest.map_or(dts, |lowest| dts.max(lowest));
        let shown = pts.map(|pts| pts.max(risen));
        if risen != dts || pts != shown {
            self.repairs.unordered += 1;
        }
        if duration > 0 {
            stream.last_duration = duration;
        } else if let Some(last) = stream.last_dts {
            stream.last_duration = risen - last;
        }
        stream.last_dts = Some(risen);
        let end = Timestamp::new(risen + stream.last_duration.max(0), stream.base).microseconds();
        self.front = Some(self.front.map_or(end, |front| front.max(end)));
        Placed { pts: shown, dts: risen }
    }
}

impl Counter {
    /// Returns times as they are after `turn` turns.
    fn times(self, times: Times, turn: i64) -> Times {
        let Some(anchor) = times.pts.or(times.dts) else { return times };
        let anchored = anchor.rem_euclid(self.period) + turn * self.period;
        // Both are near each other, on whichever sides of the turn.
        let half = self.period / 2;
        let near = |ticks: i64| anchored + (ticks - anchor + half).rem_euclid(self.period) - half;
        Times { pts: times.pts.map(near), dts: times.dts.map(near), duration: times.duration }
    }
}

impl Times {
    /// Returns the time that comes first.
    fn first(self) -> Option<i64> {
        self.dts.or(self.pts)
    }
}

impl Stream {
    /// Returns where the next packet should be, in ticks.
    fn expected(&self) -> Option<i64> {
        self.last_dts.map(|last| last + self.last_duration.max(1))
    }

    /// Returns the decode time of a packet that has none: Matroska stores only when a frame is shown, and libav works
    /// the rest out from the third or so frame on. Counted on the file's own clock.
    fn guess(&self, pts: i64, duration: i64) -> i64 {
        let guess = match self.expected() {
            Some(expected) => expected - Timestamp::from_microseconds(self.offset).rescale(self.base).ticks,
            None => pts - self.delay_frames * duration.max(1),
        };
        guess.min(pts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Ratio;

    const MILLISECONDS: TimeBase = Ratio::new(1, 1000);

    fn timeline() -> Timeline {
        let mut timeline = Timeline::new(10_000_000);
        timeline.follow(0, MILLISECONDS, 2, Some(1 << 32));
        timeline.follow(1, MILLISECONDS, 0, Some(1 << 32));
        timeline
    }

    fn place(timeline: &mut Timeline, stream: usize, dts: i64) -> i64 {
        let times = Times { pts: Some(dts), dts: Some(dts), duration: 40 };
        timeline.place(stream, times).expect("followed").dts
    }

    #[test]
    fn a_jump_ahead_of_all_streams_is_taken_out_of_all_by_the_same_offset() {
        let mut timeline = timeline();
        for (stream, dts, wanted) in
            [(0, 0, 0), (1, 5, 5), (0, 40, 40), (1, 45, 45), (0, 60_080, 80), (1, 60_085, 85), (0, 60_120, 120)]
        {
            assert_eq!(place(&mut timeline, stream, dts), wanted, "stream {stream} at {dts}");
        }
        assert_eq!(timeline.repairs().jumps, 1);
    }

    #[test]
    fn a_clock_that_starts_anew_goes_on_where_it_was() {
        let mut timeline = timeline();
        place(&mut timeline, 0, 50_000);
        place(&mut timeline, 1, 50_010);
        assert_eq!(place(&mut timeline, 0, 0), 50_040);
        assert_eq!(place(&mut timeline, 1, 12), 50_052);
        assert_eq!(timeline.repairs().jumps, 1);
    }

    #[test]
    fn a_stream_that_was_silent_while_another_went_on_has_not_jumped() {
        let mut timeline = timeline();
        place(&mut timeline, 0, 0);
        for dts in (0..30_000).step_by(40) {
            place(&mut timeline, 1, dts);
        }
        assert_eq!(place(&mut timeline, 0, 30_000), 30_000);
        assert_eq!(timeline.repairs().jumps, 0);
    }

    /// Places pairs of a stream and its decode time, in the ticks of a counter of 32 bits, and checks where they come to lie.
    #[track_caller]
    fn check_places(timeline: &mut Timeline, packets: &[(usize, i64, i64)]) {
        for &(stream, dts, wanted) in packets {
            assert_eq!(place(timeline, stream, dts), wanted, "stream {stream} at {dts}");
        }
    }

    const TURN: i64 = 1 << 32;

    #[test]
    fn a_counter_that_begins_anew_goes_on_in_each_stream_when_that_one_does() {
        // Whether libav has added the turn, has not, or has taken it away at the start.
        for (before, after) in [(0, TURN), (0, 0), (-TURN, 0)] {
            let mut timeline = timeline();
            let end = TURN - 100 + before;
            check_places(&mut timeline, &[(0, end - 5000, end - 5000), (1, end - 5000, end - 5000)]);
            check_places(&mut timeline, &[(0, end, end), (1, end + 30, end + 30), (0, end + 40, end + 40)]);
            check_places(&mut timeline, &[(1, end + 70, end + 70), (0, end + 80, end + 80)]);
            // The sound's counter begins anew a moment before the picture's.
            check_places(&mut timeline, &[(1, 10 + after, end + 110), (0, 20 + after, end + 120)]);
            assert_eq!((timeline.repairs().jumps, timeline.repairs().roll_overs), (0, 1), "{before} {after}");
            assert_eq!(timeline.repairs().first_roll_over, Some((end + 70) * 1000));
        }
    }

    #[test]
    fn pictures_out_of_order_around_the_turn_count_once() {
        let mut timeline = timeline();
        for (pts, dts) in [(-40, -120), (40, -80), (0, -40), (120, 0), (80, 40)] {
            let times = Times {
                pts: Some((TURN + pts).rem_euclid(TURN)),
                dts: Some((TURN + dts).rem_euclid(TURN)),
                duration: 40,
            };
            let placed = timeline.place(0, times);
            assert_eq!(placed, Some(Placed { pts: Some(TURN + pts), dts: TURN + dts }));
        }
        assert_eq!((timeline.repairs().unordered, timeline.repairs().roll_overs), (0, 1));
    }

    #[test]
    fn a_jump_back_is_told_as_what_the_file_says_and_not_as_the_turn_that_libav_adds() {
        let mut timeline = timeline();
        check_places(&mut timeline, &[(0, 3_600_000, 3_600_000), (1, 3_600_000, 3_600_000)]);
        check_places(&mut timeline, &[(0, TURN, 3_600_040), (1, TURN, 3_600_040), (0, TURN + 40, 3_600_080)]);
        let repairs = timeline.repairs();
        assert_eq!((repairs.jumps, repairs.roll_overs, repairs.forward_microseconds), (1, 0, 0));
        assert_eq!(repairs.first_jump.map(|jump| jump.jump_seconds), Some(-3600.04));
    }

    #[test]
    fn a_clock_that_begins_below_zero_has_not_rolled_over() {
        let mut timeline = timeline();
        check_places(&mut timeline, &[(0, -80, -80), (0, -40, -40), (0, 0, 0), (1, 0, 0)]);
        assert_eq!(timeline.repairs(), &Repairs::default());
    }

    #[test]
    fn equal_and_falling_decode_times_move_to_the_next_tick() {
        let mut timeline = timeline();
        let placed: Vec<i64> = [0, 40, 40, 30, 80].into_iter().map(|dts| place(&mut timeline, 0, dts)).collect();
        assert_eq!(placed, [0, 40, 41, 42, 80]);
        assert_eq!(timeline.repairs().unordered, 2);
    }

    #[test]
    fn packets_without_times_follow_their_predecessor() {
        let mut timeline = timeline();
        place(&mut timeline, 1, 0);
        let nothing = Times { pts: None, dts: None, duration: 40 };
        assert_eq!(timeline.place(1, nothing), Some(Placed { pts: Some(40), dts: 40 }));
        assert_eq!(timeline.repairs().missing, 1);
    }

    #[test]
    fn decode_times_that_matroska_leaves_out_leave_the_presentation_times_alone() {
        let mut timeline = timeline();
        let times = [(33, None), (167, None), (100, Some(33)), (67, Some(67)), (133, Some(100))];
        for ((pts, dts), wanted) in times.into_iter().zip([-33, 0, 33, 67, 100]) {
            let placed = timeline.place(0, Times { pts: Some(pts), dts, duration: 33 });
            assert_eq!(placed, Some(Placed { pts: Some(pts), dts: wanted }));
        }
        assert_eq!(timeline.repairs(), &Repairs::default());
    }

    #[test]
    fn a_presentation_time_that_only_the_decoder_knows_stays_unknown() {
        let mut timeline = timeline();
        let placed = timeline.place(0, Times { pts: None, dts: Some(7), duration: 40 });
        assert_eq!(placed, Some(Placed { pts: None, dts: 7 }));
        assert_eq!(timeline.repairs().missing, 1);
    }
}
