//! Where decoding can begin: the places at which a recording can be cut into chunks. Pure.
//!
//! A keyframe by the container's word is not enough. The packets before it must all be shown before it, and those that
//! are shown before it though they come after it (an open group's leading pictures) must follow it at once: only then
//! do the pictures on both sides have a place on exactly one side.

use crate::media::AccessPoint;

/// More leading pictures than any encoder makes (x264 and x265: 16); past it something else is wrong.
const LEADING_MAX: u64 = 16;

/// Collects access points from a stream's packets in the order of the file.
#[derive(Debug, Default)]
pub(super) struct AccessPoints {
    /// Packets so far.
    packets: u64,
    /// The latest presentation time so far.
    latest: Option<i64>,
    found: Vec<Found>,
    /// Whether the packets since the last point were all leading ones.
    leading_goes_on: bool,
    /// A packet had no presentation time: what is shown when is then unknown, and no place is safe.
    unknown: bool,
}

#[derive(Debug)]
struct Found {
    packet: u64,
    pts: i64,
    leading: u64,
}

impl AccessPoints {
    /// Takes the next packet, shown at `pts`; `stands_alone` says whether decoding may begin with it. Points closer
    /// than `apart` ticks to the one before are passed over: they would be of no use, and there may be many.
    pub(super) fn add(&mut self, pts: Option<i64>, apart: i64, stands_alone: impl FnOnce() -> bool) {
        let packet = self.packets;
        self.packets += 1;
        let Some(pts) = pts else {
            self.unknown = true;
            return;
        };
        let follows_all = self.latest.is_none_or(|latest| pts > latest);
        self.latest = Some(self.latest.map_or(pts, |latest| latest.max(pts)));
        if follows_all {
            self.leading_goes_on = false;
            let is_apart = self.found.last().is_none_or(|last| pts - last.pts >= apart);
            if is_apart && stands_alone() {
                self.found.push(Found { packet, pts, leading: 0 });
                self.leading_goes_on = true;
            }
            return;
        }
        self.check_leading(pts);
    }

    /// Counts a leading picture of the last point, or gives up the points that the packet contradicts.
    fn check_leading(&mut self, pts: i64) {
        if let Some(last) = self.found.last_mut()
            && pts < last.pts
            && self.leading_goes_on
            && last.leading < LEADING_MAX
        {
            last.leading += 1;
            return;
        }
        self.leading_goes_on = false;
        while self.found.pop_if(|last| pts < last.pts).is_some() {}
    }

    /// Returns the points; `seconds` turns ticks into seconds.
    pub(super) fn points(&self, seconds: impl Fn(i64) -> f64) -> Vec<AccessPoint> {
        if self.unknown {
            return Vec::new();
        }
        let point = |found: &Found| AccessPoint {
            packet: found.packet,
            seconds: seconds(found.pts),
            leading: found.leading,
        };
        self.found.iter().map(point).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns `(packet, leading)` of the points in a stream of `(pts, is a keyframe)`.
    fn points(packets: &[(i64, bool)]) -> Vec<(u64, u64)> {
        let mut points = AccessPoints::default();
        for &(pts, is_keyframe) in packets {
            points.add(Some(pts), 2, || is_keyframe);
        }
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let found = points.points(|ticks| ticks as f64);
        found.iter().map(|point| (point.packet, point.leading)).collect()
    }

    #[test]
    fn closed_groups_begin_at_their_keyframes() {
        let packets = [(0, true), (3, false), (1, false), (2, false), (4, true), (6, false), (5, false)];
        assert_eq!(points(&packets), [(0, 0), (4, 0)]);
    }

    #[test]
    fn leading_pictures_of_an_open_group_are_counted() {
        let packets = [(0, true), (1, false), (4, true), (2, false), (3, false), (5, false), (6, false)];
        assert_eq!(points(&packets), [(0, 0), (2, 2)]);
    }

    #[test]
    fn a_keyframe_that_later_packets_lean_over_is_none() {
        // Packet 4 is shown before the keyframe, but not right after it in the file.
        assert_eq!(points(&[(0, true), (1, false), (4, true), (5, false), (3, false), (6, false)]), [(0, 0)]);
        // A packet before the keyframe is shown after it.
        assert_eq!(points(&[(0, true), (5, false), (4, true), (6, false)]), [(0, 0)]);
    }

    #[test]
    fn crowded_keyframes_are_thinned_and_unknown_times_leave_nothing() {
        let intra: Vec<(i64, bool)> = (0..7).map(|pts| (pts, true)).collect();
        assert_eq!(points(&intra), [(0, 0), (2, 0), (4, 0), (6, 0)]);
        let mut unknown = AccessPoints::default();
        unknown.add(Some(0), 1, || true);
        unknown.add(None, 1, || true);
        assert_eq!(unknown.points(|_| 0.0), []);
    }
}
