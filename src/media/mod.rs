//! The vocabulary of the field: what a recording is, what a rendition is, what may be asked of one.
//!
//! Values only. Nothing here reads a file, calls libav or knows the command line.

mod codec;
mod encoder;
mod info;
mod oddity;
mod rate_control;
mod rendition;
mod time;

pub use codec::{AudioCodec, Chroma, Container, PixelFormat, VideoCodec};
pub use encoder::{Encoder, Family, LibavEncoder, Made};
pub use info::{
    AccessPoint, AudioInfo, ColorTags, Dynamics, MediaInfo, OtherStream, Range, Rotation, Scan, Timing, VideoInfo,
};
pub use oddity::{Discontinuity, Oddity};
pub use rate_control::{Cap, RateControl, RateControlMode};
pub use rendition::{RenditionName, RenditionNameError};
pub use time::{MICROSECONDS, Ratio, TimeBase, Timestamp};
