//! When a frame is shown, where the file does not say so of every packet. Pure.
//!
//! What is decoded comes out in the order it is shown. So the frame that comes out next is shown as long after the
//! earliest decode time inside as the very first one was after its own; old AVI, which has decode times only, shows its
//! first frame at once. MPEG program streams tell of some frames and not of others.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// More than any decoder holds: what is left over belongs to pictures that never came.
const INSIDE_MAX: usize = 64;

/// Follows the packets into a decoder and the frames out of it; ticks of one clock.
#[derive(Debug, Default)]
pub(super) struct FrameClock {
    /// Decode times of the packets inside.
    inside: BinaryHeap<Reverse<i64>>,
    /// From the first packet's decode time to its presentation time; none where it has no presentation time.
    lead: Option<i64>,
    begun: bool,
    /// Decode time of the packet that was sent last.
    latest: Option<i64>,
    /// A packet had no presentation time.
    lacks: bool,
}

impl FrameClock {
    /// Takes in a packet that is about to be decoded.
    pub(super) fn send(&mut self, shown: Option<i64>, decoded: Option<i64>) {
        if !self.begun {
            self.begun = true;
            self.lead = shown.zip(decoded).map(|(shown, decoded)| shown - decoded);
        }
        self.lacks |= shown.is_none();
        self.latest = decoded.or(shown);
        self.inside.extend(self.latest.map(Reverse));
        if self.inside.len() > INSIDE_MAX {
            self.inside.pop();
        }
    }

    /// Forgets the packet that was sent last: the decoder makes nothing of it. Decoders of several threads say so a few packets
    /// late; then frames in between are off by one place, and none that follow.
    pub(super) fn refuse(&mut self) {
        if let Some(latest) = self.latest.take() {
            self.inside.retain(|Reverse(decoded)| *decoded != latest);
        }
    }

    /// Returns when the frame that came out is shown: `told` by its own packet, or as libav guesses it.
    pub(super) fn receive(&mut self, told: Option<i64>, guessed: Option<i64>) -> Option<i64> {
        let earliest = self.inside.pop().map(|Reverse(decoded)| decoded);
        match told {
            Some(told) => {
                self.forget(told);
                Some(told)
            }
            None if self.lacks => earliest.map(|decoded| decoded + self.lead.unwrap_or(0)).or(guessed),
            None => guessed,
        }
    }

    /// Lets go of what should have come out by now and has not.
    fn forget(&mut self, shown: i64) {
        let Some(lead) = self.lead.filter(|_| self.lacks) else { return };
        while self.inside.peek().is_some_and(|Reverse(decoded)| decoded + lead <= shown) {
            self.inside.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns when the frames of these packets (shown, decoded) are shown, by a decoder that holds one back.
    fn shown(packets: &[(Option<i64>, i64)], order: &[usize]) -> Vec<i64> {
        let mut clock = FrameClock::default();
        let mut frames = Vec::new();
        for (place, &(shown, decoded)) in packets.iter().enumerate() {
            clock.send(shown, Some(decoded));
            if place > 0 {
                frames.extend(clock.receive(packets[order[place - 1]].0, None));
            }
        }
        frames.extend(order.last().and_then(|&last| clock.receive(packets[last].0, None)));
        frames
    }

    #[test]
    fn frames_that_lack_their_time_stand_where_the_others_leave_a_place() {
        // I B B P B B P, two of the anchors without a time of their own.
        let packets = [(Some(1), 0), (None, 1), (Some(2), 2), (Some(3), 3), (None, 4), (Some(5), 5), (Some(6), 6)];
        assert_eq!(shown(&packets, &[0, 2, 3, 1, 5, 6, 4]), [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn decode_times_alone_are_the_times_of_the_frames_in_order() {
        let packets = [(None, 0), (None, 1), (None, 2), (None, 3), (None, 4)];
        assert_eq!(shown(&packets, &[0, 2, 3, 1, 4]), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_first_frame_without_a_time_leaves_the_others_theirs() {
        let packets = [(None, -2), (Some(12), 0), (Some(6), 2), (Some(2), 4)];
        assert_eq!(shown(&packets, &[0, 3, 2, 1]), [-2, 2, 6, 12]);
    }

    #[test]
    fn told_times_stand_as_they_are() {
        let packets = [(Some(10), 0), (Some(90), 7), (Some(40), 11)];
        assert_eq!(shown(&packets, &[0, 2, 1]), [10, 40, 90]);
    }

    #[test]
    fn what_a_decoder_refuses_moves_none_that_follow() {
        let mut clock = FrameClock::default();
        let mut frames = Vec::new();
        for decoded in 0..6 {
            clock.send(None, Some(decoded));
            if decoded % 3 == 1 {
                clock.refuse();
                clock.refuse();
            } else {
                frames.extend(clock.receive(None, None));
            }
        }
        assert_eq!(frames, [0, 2, 3, 5]);
    }

    #[test]
    fn a_frame_that_never_came_leaves_no_time_behind() {
        let mut clock = FrameClock::default();
        for decoded in 0..3 {
            clock.send(Some(decoded + 1), Some(decoded));
        }
        clock.send(None, Some(3));
        // The first two are lost.
        assert_eq!(clock.receive(Some(3), None), Some(3));
        assert_eq!(clock.receive(None, None), Some(4));
    }
}
