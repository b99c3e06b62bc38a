//! Room in a child: its files are counted together here, and the parent asked for the sum in steps. A chunk of a lesson has a few
//! hundred kilobytes, and there are hundreds of them: a question for each piece of each would be all that is said.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use crate::room::{NoRoom, Room, RoomSource};

/// Bytes that are asked for at once, and as many may be had and not used.
const STEP_BYTES: u64 = 1 << 20;

/// Asks the one who has the room whether all files together may be this long.
pub(super) trait Ask: Debug + Send + Sync {
    /// Waits for the answer.
    fn ask(&self, bytes: u64) -> Result<(), NoRoom>;
}

/// The room of all files.
#[derive(Debug)]
pub(super) struct Rooms<A> {
    asking: A,
    sum: Mutex<Sum>,
}

#[derive(Debug, Default)]
struct Sum {
    /// What all files may be long.
    granted: u64,
    /// What they are.
    taken: u64,
}

/// One file's part of it.
#[derive(Debug)]
struct FileRoom<A> {
    rooms: Arc<Rooms<A>>,
    bytes: Mutex<u64>,
}

impl<A: Ask> Rooms<A> {
    pub(super) fn new(asking: A) -> Arc<Self> {
        Arc::new(Self { asking, sum: Mutex::default() })
    }

    /// Lets one file be `bytes` long that was `before`. Asked under the lock: one question at a time.
    fn reach(&self, before: u64, bytes: u64) -> Result<(), NoRoom> {
        let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = sum.taken.saturating_sub(before).saturating_add(bytes);
        let step = taken.checked_next_multiple_of(STEP_BYTES).unwrap_or(taken);
        if taken > sum.granted {
            // Near the limit a whole step may be too much, and what is needed not.
            let granted = self.asking.ask(step).map(|()| step);
            sum.granted = granted.or_else(|_| self.asking.ask(taken).map(|()| taken))?;
        } else if step < sum.granted {
            self.asking.ask(step)?;
            sum.granted = step;
        }
        sum.taken = taken;
        Ok(())
    }
}

impl<A: Ask + 'static> RoomSource for Rooms<A> {
    fn file(self: Arc<Self>) -> Arc<dyn Room> {
        Arc::new(FileRoom { rooms: self, bytes: Mutex::default() })
    }
}

impl<A: Ask> Room for FileRoom<A> {
    fn reach(&self, bytes: u64) -> Result<(), NoRoom> {
        let mut before = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes != *before {
            self.rooms.reach(*before, bytes)?;
            *before = bytes;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has so many bytes, and remembers what was asked.
    #[derive(Debug)]
    struct Has(u64, Arc<Mutex<Vec<u64>>>);

    impl Ask for Has {
        fn ask(&self, bytes: u64) -> Result<(), NoRoom> {
            self.1.lock().unwrap().push(bytes);
            if bytes <= self.0 { Ok(()) } else { Err(NoRoom("full".to_owned())) }
        }
    }

    #[test]
    fn steps_are_asked_for_of_all_files_together_and_near_the_limit_what_is_needed() {
        let asked = Arc::<Mutex<Vec<u64>>>::default();
        let rooms = Rooms::new(Has((3 << 20) + 5, Arc::clone(&asked)));
        let (one, other) = (Arc::clone(&rooms).file(), rooms.file());
        for bytes in [10, 1000, 1 << 20] {
            one.reach(bytes).unwrap();
        }
        other.reach(7).unwrap();
        other.reach((2 << 20) + 3).unwrap();
        assert!(other.reach((2 << 20) + 6).is_err());
        // What was granted before stays so.
        one.reach((1 << 20) + 2).unwrap();
        other.reach(0).unwrap();
        one.reach(0).unwrap();
        let step = 1 << 20;
        let near = 3 * step + 5;
        let expected = [step, 2 * step, 4 * step, near - 2, 4 * step, near + 1, 4 * step, near, 2 * step, 0];
        assert_eq!(*asked.lock().unwrap(), expected);
    }
}
