//! How an encoder spends bits.

use std::fmt;

/// The name of a way to spend bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateControlMode {
    /// Streams copied, container changed.
    Copy,
    /// Constant rate factor.
    Crf,
    /// Constant quantiser.
    Cq,
    /// Constant bitrate.
    Cbr,
    /// Average bitrate without a buffer model.
    Abr,
    /// Average bitrate with a cap.
    Vbr,
}

impl RateControlMode {
    /// Returns the mode that `name` stands for: ours, and the names of the systems we replace (`COPY`, `CQP`, `B` …).
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "copy" => Some(Self::Copy),
            "crf" => Some(Self::Crf),
            "cq" | "cqp" => Some(Self::Cq),
            "cbr" | "b" => Some(Self::Cbr),
            "abr" => Some(Self::Abr),
            "vbr" => Some(Self::Vbr),
            _ => None,
        }
    }

    /// Returns our name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Crf => "crf",
            Self::Cq => "cq",
            Self::Cbr => "cbr",
            Self::Abr => "abr",
            Self::Vbr => "vbr",
        }
    }
}

/// A way to spend bits with all its numbers: only valid combinations can be built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RateControl {
    /// Constant rate factor, 0 to the encoder's largest.
    Crf(f64),
    /// Constant quantiser, 0 to the encoder's largest.
    Cq(u8),
    /// Every second the same, in bits per second, with a decoder buffer in bits.
    Cbr {
        /// Bits per second.
        bitrate: u64,
        /// Bits of decoder buffer.
        bufsize: u64,
    },
    /// Average in bits per second.
    Abr {
        /// Bits per second.
        bitrate: u64,
    },
    /// Average with a cap.
    Vbr {
        /// Bits per second on average.
        bitrate: u64,
        /// The cap; none where the encoder has a way of its own.
        cap: Option<Cap>,
    },
}

/// What a variable bitrate must stay below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// Bits per second at most.
    pub maxrate: u64,
    /// Bits of decoder buffer that it is counted over.
    pub bufsize: u64,
}

impl RateControl {
    /// Returns the name of the way.
    pub const fn mode(&self) -> RateControlMode {
        match self {
            Self::Crf(_) => RateControlMode::Crf,
            Self::Cq(_) => RateControlMode::Cq,
            Self::Cbr { .. } => RateControlMode::Cbr,
            Self::Abr { .. } => RateControlMode::Abr,
            Self::Vbr { .. } => RateControlMode::Vbr,
        }
    }
}

impl fmt::Display for RateControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crf(crf) => write!(f, "crf {crf}"),
            Self::Cq(quantiser) => write!(f, "cq {quantiser}"),
            Self::Cbr { bitrate, bufsize } => write!(f, "cbr {bitrate} bit/s, bufsize {bufsize} bit"),
            Self::Abr { bitrate } => write!(f, "abr {bitrate} bit/s"),
            Self::Vbr { bitrate, cap: Some(Cap { maxrate, bufsize }) } => {
                write!(f, "vbr {bitrate} bit/s, maxrate {maxrate} bit/s, bufsize {bufsize} bit")
            }
            Self::Vbr { bitrate, cap: None } => write!(f, "vbr {bitrate} bit/s"),
        }
    }
}
