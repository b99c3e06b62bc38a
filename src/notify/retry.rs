//! What becomes of a delivery after an attempt: pure.

use std::time::Duration;

use super::Refused;

/// The wait after the first attempt that failed; each next one is twice as long.
const WAIT: Duration = Duration::from_secs(1);
/// No wait of our own is longer: once a target is back, it hears of everything within a minute.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// A target may ask for a longer one, up to this.
const ASKED_MAX: Duration = Duration::from_secs(600);
/// What was not taken for so long is given up, after one last attempt: a weekend's outage is bridged, and a receiver that is
/// gone for good fills nothing.
const GIVEN_UP_AFTER: Duration = Duration::from_hours(72);

/// What becomes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was taken.
    Delivered,
    /// It is to be tried again after this time.
    Postponed(Duration),
    /// It is not to be tried again, and why.
    GivenUp(String),
}

/// Judges an attempt after `failures` earlier ones, `age` after the event. `chance` is a random number from 0 to 1: what
/// failed together comes back apart.
pub(super) fn judge(result: &Result<(), Refused>, failures: u32, age: Duration, chance: f64) -> Verdict {
    match result {
        Ok(()) => Verdict::Delivered,
        Err(Refused::Never { why }) => Verdict::GivenUp(why.clone()),
        Err(Refused::Later { why, .. }) if age >= GIVEN_UP_AFTER => {
            Verdict::GivenUp(format!("not taken for {} hours: {why}", GIVEN_UP_AFTER.as_secs() / 3600))
        }
        Err(Refused::Later { after, .. }) => {
            let own = WAIT.saturating_mul(2_u32.saturating_pow(failures)).min(WAIT_MAX);
            let own = own.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
            Verdict::Postponed(after.map_or(own, |after| after.min(ASKED_MAX).max(own)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(after: Option<u64>) -> Result<(), Refused> {
        let (why, said) = ("down".to_owned(), "for our log alone".to_owned());
        Err(Refused::Later { why, said, after: after.map(Duration::from_secs) })
    }

    fn wait(result: &Result<(), Refused>, failures: u32, chance: f64) -> f64 {
        match judge(result, failures, Duration::ZERO, chance) {
            Verdict::Postponed(wait) => wait.as_secs_f64(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn n1_waits_double_from_a_second_to_a_minute_and_scatter() {
        let waits = [0, 1, 2, 5, 6, 7, 400].map(|failures| wait(&later(None), failures, 1.0));
        assert_eq!(waits, [1.0, 2.0, 4.0, 32.0, 60.0, 60.0, 60.0]);
        assert_eq!((wait(&later(None), 0, 0.0), wait(&later(None), 9, 0.5)), (0.5, 45.0));
    }

    #[test]
    fn a_target_s_wish_is_honoured_up_to_ten_minutes_and_never_shortens_the_wait() {
        let waits = [0, 7, 90, 86_400].map(|after| wait(&later(Some(after)), 2, 1.0));
        assert_eq!(waits, [4.0, 7.0, 90.0, 600.0]);
    }

    #[test]
    fn it_is_given_up_after_three_days_or_at_a_word() {
        let last = judge(&later(None), 3, GIVEN_UP_AFTER - Duration::from_millis(1), 1.0);
        assert!(matches!(last, Verdict::Postponed(_)), "{last:?}");
        let given_up = judge(&later(None), 0, GIVEN_UP_AFTER, 1.0);
        assert_eq!(given_up, Verdict::GivenUp("not taken for 72 hours: down".to_owned()));
        let never = Err(Refused::Never { why: "gone".to_owned() });
        assert_eq!(judge(&never, 0, Duration::ZERO, 1.0), Verdict::GivenUp("gone".to_owned()));
        assert_eq!(judge(&Ok(()), 9, GIVEN_UP_AFTER * 2, 1.0), Verdict::Delivered);
    }
}
