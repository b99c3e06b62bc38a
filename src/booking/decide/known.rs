//! What is known of a rendition, from one event to the next.

/// Where a rendition is in its life. `attempt` is the number of the last attempt, also after another one's success: numbers
/// of a key never repeat, so that a late result fits no later attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody makes it.
    Absent {
        /// The last attempt, 0 before the first.
        attempt: u32,
    },
    /// Somebody makes it, and classes wait.
    Transcoding {
        /// Who; empty where that came from an older system.
        provider: String,
        /// Which attempt this is.
        attempt: u32,
        /// When it is given up, in Unix milliseconds.
        deadline_milliseconds: i64,
    },
    /// It was made.
    Succeeded {
        /// By whom; empty where that came from an older system.
        provider: String,
        /// The last attempt.
        attempt: u32,
        /// Where it lies.
        url: Option<String>,
    },
    /// Nobody could make it.
    Failed {
        /// Who tried last.
        provider: String,
        /// The last attempt.
        attempt: u32,
    },
    /// Nobody made it in time.
    TimedOut {
        /// Who tried last.
        provider: String,
        /// The last attempt.
        attempt: u32,
        /// Since when, in Unix milliseconds.
        since_milliseconds: i64,
    },
}

impl State {
    /// Returns the number of the last attempt.
    pub const fn attempt(&self) -> u32 {
        match self {
            Self::Absent { attempt }
            | Self::Transcoding { attempt, .. }
            | Self::Succeeded { attempt, .. }
            | Self::Failed { attempt, .. }
            | Self::TimedOut { attempt, .. } => *attempt,
        }
    }

    /// Empty where nobody has tried, or nobody knows who did.
    pub(super) fn provider(&self) -> &str {
        match self {
            Self::Absent { .. } => "",
            Self::Transcoding { provider, .. }
            | Self::Succeeded { provider, .. }
            | Self::Failed { provider, .. }
            | Self::TimedOut { provider, .. } => provider,
        }
    }

    pub(super) fn url(&self) -> Option<String> {
        match self {
            Self::Succeeded { url, .. } => url.clone(),
            _ => None,
        }
    }
}

/// What is known of a rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Where it is in its life.
    pub state: State,
    /// How many times since it was first asked for, or asked for anew after it failed, its URL turned out to be useless.
    pub returns: u8,
}

impl Known {
    /// What is known of a rendition that nobody has ever asked for.
    pub const NOTHING: Self = Self { state: State::Absent { attempt: 0 }, returns: 0 };
}
