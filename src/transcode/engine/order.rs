//! Decode times for chunks put one after another. Pure.
//!
//! An encoder gives decode times for its own run alone: its first packets are decoded before the run begins, where the
//! run before still has pictures. Over all runs the rule is the encoder's own: a decoder that holds back `depth`
//! pictures decodes the packet in place `n` when the picture that is shown in place `n - depth` is shown.

/// Gives packets their decode times, chunk by chunk.
#[derive(Debug)]
pub(super) struct DecodeClock {
    depth: usize,
    /// The latest presentation times, in order: those that the next packets are decoded at.
    latest: Vec<i64>,
}

impl DecodeClock {
    /// Returns a clock for an encoder that puts at most `depth` pictures out of order.
    pub(super) fn new(depth: usize) -> Self {
        Self { depth, latest: Vec::new() }
    }

    /// Returns by how much a chunk that begins with the picture shown at `first` must be moved so that it follows the
    /// chunks before; 0 for all but sources whose times had to be made up.
    pub(super) fn gap(&self, first: i64) -> i64 {
        self.latest.last().map_or(0, |last| (last + 1 - first).max(0))
    }

    /// Returns the decode times of a chunk's packets, whose presentation times come in the order of decoding.
    pub(super) fn times(&mut self, shown: &[i64]) -> Vec<i64> {
        let before = self.latest.len();
        let mut sorted = std::mem::take(&mut self.latest);
        sorted.extend_from_slice(shown);
        sorted[before..].sort_unstable();
        let decoded = (before..sorted.len()).map(|place| self.decoded_at(&sorted, place)).collect();
        self.latest = sorted.split_off(sorted.len().saturating_sub(self.depth.max(1)));
        decoded
    }

    fn decoded_at(&self, sorted: &[i64], place: usize) -> i64 {
        if let Some(earlier) = place.checked_sub(self.depth)
            && (sorted.len() > self.depth || self.depth == 0)
        {
            // With no depth the clock still remembers one picture, for the sake of `gap`.
            return sorted[earlier];
        }
        // The very first pictures: as far ahead as the first one that has to wait, waits.
        let lead = sorted.get(self.depth).map(|time| time - sorted[0]);
        let short = i64::try_from(self.depth - place.min(self.depth)).unwrap_or(0);
        lead.map_or(sorted[0] - short, |lead| sorted[place] - lead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_gets_the_times_that_x264_gives() {
        let mut clock = DecodeClock::new(2);
        assert_eq!(clock.times(&[0, 4, 2, 1, 3, 5]), [-2, -1, 0, 1, 2, 3]);
    }

    #[test]
    fn the_next_run_goes_on_where_the_first_ended() {
        let mut clock = DecodeClock::new(2);
        clock.times(&[0, 4, 2, 1, 3, 5]);
        assert_eq!(clock.times(&[6, 8, 7, 9]), [4, 5, 6, 7]);
    }

    #[test]
    fn uneven_frames_rise_over_a_seam_where_the_encoders_own_times_would_fall() {
        let mut clock = DecodeClock::new(2);
        clock.times(&[0, 2000, 1000, 3000]);
        // The encoder would say 4000 - 9000 and so on.
        assert_eq!(clock.times(&[4000, 13_000, 8000]), [2000, 3000, 4000]);
    }

    #[test]
    fn runs_shorter_than_the_depth_still_rise_and_are_never_late() {
        for depth in 0..=3 {
            let mut clock = DecodeClock::new(depth);
            let (mut last, mut next) = (i64::MIN, 0);
            for length in [1, 1, 2, 5, 1, 3] {
                let shown: Vec<i64> = (next..next + length).collect();
                next += length;
                for (shown, decoded) in shown.iter().zip(clock.times(&shown)) {
                    assert!(decoded > last && decoded <= *shown, "{depth}: {decoded} after {last} for {shown}");
                    last = decoded;
                }
            }
        }
    }

    #[test]
    fn a_chunk_that_would_overlap_is_moved() {
        let mut clock = DecodeClock::new(1);
        assert_eq!(clock.gap(7), 0);
        clock.times(&[7, 8]);
        assert_eq!((clock.gap(9), clock.gap(8)), (0, 1));
    }
}
