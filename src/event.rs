//! The closed list of events: what the node tells the world, under the same names on every way out and in the log.
//!
//! Names only. What an event carries is made where it happens; keeping and sending it are `store`'s and `notify`'s.

/// What happened; the name, `noun.verb`, is a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// A booking is recorded.
    BookingAccepted,
    /// The class's recording is committed and leased.
    BookingReady,
    /// The class will not get its recording.
    BookingFailed,
    /// The class has ended.
    BookingOver,
    /// The booking was taken back.
    BookingCancelled,
    /// A provider was asked for a rendition.
    TranscodeRequested,
    /// A provider has begun.
    TranscodeStarted,
    /// A rendition is made.
    TranscodeSucceeded,
    /// The last provider failed.
    TranscodeFailed,
    /// The last provider's time ran out.
    TranscodeTimedOut,
    /// A file left the cache.
    CacheEvicted,
    /// Nothing in the cache may go, and there is no room.
    CacheFull,
    /// A person must look.
    Alarm,
    /// A job changed its state in a way that no class needs to hear of: for whoever watches the node itself.
    JobChanged,
}

impl EventType {
    /// Every event.
    pub const ALL: [Self; 14] = [
        Self::BookingAccepted,
        Self::BookingReady,
        Self::BookingFailed,
        Self::BookingOver,
        Self::BookingCancelled,
        Self::TranscodeRequested,
        Self::TranscodeStarted,
        Self::TranscodeSucceeded,
        Self::TranscodeFailed,
        Self::TranscodeTimedOut,
        Self::CacheEvicted,
        Self::CacheFull,
        Self::Alarm,
        Self::JobChanged,
    ];

    /// Returns the name on all ways.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BookingAccepted => "booking.accepted",
            Self::BookingReady => "booking.ready",
            Self::BookingFailed => "booking.failed",
            Self::BookingOver => "booking.over",
            Self::BookingCancelled => "booking.cancelled",
            Self::TranscodeRequested => "transcode.requested",
            Self::TranscodeStarted => "transcode.started",
            Self::TranscodeSucceeded => "transcode.succeeded",
            Self::TranscodeFailed => "transcode.failed",
            Self::TranscodeTimedOut => "transcode.timed_out",
            Self::CacheEvicted => "cache.evicted",
            Self::CacheFull => "cache.full",
            Self::Alarm => "alarm",
            Self::JobChanged => "job.changed",
        }
    }

    /// Returns the event of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_found_by_its_name_alone() {
        for event in EventType::ALL {
            assert_eq!(EventType::parse(event.name()), Some(event));
        }
        assert_eq!(EventType::parse("booking.readied"), None);
    }
}
