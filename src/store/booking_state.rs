//! Where a booking is in its life, and what may follow.
//!
//! ```text
//!             ┌─▶ (another address)
//! waiting ──▶ downloading ──▶ ready ──▶ over, cancelled
//!  │ │ ▲────────┘ │            ▲
//!  │ └────────────┼────────────┘ (made here)
//!  └──────────────┴──▶ failed, over, cancelled
//! ```

/// Where a booking is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BookingState {
    /// Its rendition is being made.
    Waiting,
    /// Its file is on its way into the cache, or there and not held yet.
    Downloading,
    /// Its file is in the cache and held.
    Ready,
    /// It will not get its file.
    Failed,
    /// The class has ended.
    Over,
    /// It was taken back.
    Cancelled,
}

impl BookingState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Downloading, Self::Ready, Self::Failed, Self::Over, Self::Cancelled];

    /// Returns the name in the database and in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Downloading => "downloading",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Over => "over",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Returns whether the booking has not ended.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Waiting | Self::Downloading | Self::Ready)
    }

    /// Returns whether `next` may follow.
    pub const fn may_become(self, next: Self) -> bool {
        use BookingState::{Cancelled, Downloading, Failed, Over, Ready, Waiting};
        match self {
            Waiting => matches!(next, Downloading | Ready | Failed | Over | Cancelled),
            Downloading => matches!(next, Waiting | Downloading | Ready | Failed | Over | Cancelled),
            Ready => matches!(next, Over | Cancelled),
            Failed | Over | Cancelled => false,
        }
    }
}
