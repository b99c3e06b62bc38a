//! How long a recording may be and how much work it may make: a file of a few kilobytes can ask for weeks of both. Pure.

use super::MediaError;
use crate::media::MediaInfo;
use crate::transcode::plan::{Action, Plan};

/// What is taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seconds that a recording may last, by its packets.
    pub seconds_max: u64,
    /// Pixels that it may have in all its pictures, where these are encoded.
    pub pixels_max: u64,
}

impl Default for Limits {
    /// None.
    fn default() -> Self {
        Self { seconds_max: u64::MAX, pixels_max: u64::MAX }
    }
}

impl Limits {
    /// Refuses a recording that is too long, whatever is to become of it.
    pub(super) fn check_length(&self, info: &MediaInfo) -> Result<(), MediaError> {
        #[expect(clippy::cast_precision_loss, reason = "a limit of days or years")]
        let is_too_long = info.duration_seconds > self.seconds_max as f64;
        let error = || MediaError::TooLong { seconds: info.duration_seconds, limit: self.seconds_max };
        if is_too_long { Err(error()) } else { Ok(()) }
    }

    /// Refuses a recording whose pictures are too much to be encoded, where they are to be.
    pub(super) fn check_work(&self, info: &MediaInfo, plan: &Plan) -> Result<(), MediaError> {
        let is_encoded = plan.renditions.iter().any(|rendition| matches!(rendition.action, Action::Transcode(_)));
        let Some(video) = info.video.as_ref().filter(|_| is_encoded) else { return Ok(()) };
        let size = u64::from(video.width) * u64::from(video.height);
        let pixels = size.saturating_mul(video.packets);
        if pixels > self.pixels_max {
            return Err(MediaError::TooMuchWork { pixels, limit: self.pixels_max });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{Failure, FailureClass};
    use crate::transcode::Request;
    use crate::transcode::plan::plan;
    use crate::transcode::sample;

    #[test]
    fn what_is_too_long_or_too_much_is_refused_by_name_m7_m8() {
        let info = MediaInfo { duration_seconds: 59.5, ..sample::lesson() };
        let video = info.video.clone().unwrap();
        let pixels = u64::from(video.width) * u64::from(video.height) * video.packets;
        let encoded = plan(&info, &Request { force_encode: true, ..Request::default() }).unwrap();
        let copied = plan(&info, &Request::default()).unwrap();
        let limits = |seconds_max, pixels_max| Limits { seconds_max, pixels_max };
        let seconds = 60;
        limits(seconds, pixels).check_length(&info).unwrap();
        limits(seconds, pixels).check_work(&info, &encoded).unwrap();
        let long = limits(seconds - 1, pixels).check_length(&info).unwrap_err();
        assert_eq!((long.code(), long.class()), ("MEDIA_LIMIT_DURATION", FailureClass::Source));
        let much = limits(seconds, pixels - 1).check_work(&info, &encoded).unwrap_err();
        assert_eq!((much.code(), much.class()), ("MEDIA_LIMIT_WORK", FailureClass::Source));
        limits(seconds, 1).check_work(&info, &copied).unwrap();
        let endless = MediaInfo { duration_seconds: f64::INFINITY, ..info };
        assert!(limits(u64::MAX, 1).check_length(&endless).is_err());
    }
}
