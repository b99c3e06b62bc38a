//! Frames that wait for one subscriber: a bounded number, progress given up before events are. Pure.

use std::collections::VecDeque;

/// Frames that wait for a subscriber. A burst of events is shorter, and whoever is further behind reads the replay.
pub(super) const FRAMES_MAX: usize = 256;

#[derive(Debug)]
struct Frame {
    text: String,
    is_event: bool,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Queue {
    frames: VecDeque<Frame>,
}

/// There are as many events as may wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Queue {
    /// Lets an event wait, in the place of the oldest progress where there is no other.
    pub(super) fn push_event(&mut self, text: String) -> Result<(), Full> {
        if self.frames.len() >= FRAMES_MAX && !self.drop_progress() {
            return Err(Full);
        }
        self.frames.push_back(Frame { text, is_event: true });
        Ok(())
    }

    /// Lets progress wait; where there is no place for it, nobody misses it.
    pub(super) fn push_progress(&mut self, text: String) {
        if self.frames.len() < FRAMES_MAX || self.drop_progress() {
            self.frames.push_back(Frame { text, is_event: false });
        }
    }

    /// Returns the next frame.
    pub(super) fn pop(&mut self) -> Option<String> {
        self.frames.pop_front().map(|frame| frame.text)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    fn drop_progress(&mut self) -> bool {
        let oldest = self.frames.iter().position(|frame| !frame.is_event);
        oldest.and_then(|oldest| self.frames.remove(oldest)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a2_progress_goes_first_and_then_the_subscriber_is_too_slow() {
        let mut queue = Queue::default();
        for number in 0..FRAMES_MAX {
            queue.push_progress(format!("progress {number}"));
        }
        queue.push_progress("progress of now".to_owned());
        assert_eq!((queue.frames.len(), queue.frames[0].text.as_str()), (FRAMES_MAX, "progress 1"));
        for number in 0..FRAMES_MAX {
            queue.push_event(format!("event {number}")).unwrap();
        }
        queue.push_progress("nobody misses it".to_owned());
        assert_eq!(queue.push_event("one more".to_owned()), Err(Full));
        assert_eq!(queue.frames.len(), FRAMES_MAX);
        for number in 0..FRAMES_MAX {
            assert_eq!(queue.pop(), Some(format!("event {number}")));
        }
        assert!(queue.is_empty());
    }
}
