//! How large a rendition is: its name is the short side, the aspect is kept, nothing is enlarged.

use super::PlanError;
use crate::media::{RenditionName, VideoInfo};

/// x264's own limit for a side.
const SIDE_MAX: u32 = 16_384;

/// A picture's size in whole pixels, both even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// Width in pixels.
    pub(super) width: u32,
    /// Height in pixels.
    pub(super) height: u32,
}

impl Size {
    /// Returns the shorter of the two sides.
    pub(super) fn short_side(self) -> u32 {
        self.width.min(self.height)
    }

    /// Returns the number of pixels.
    pub(super) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// Returns the size at which the whole source is shown, each side even. An odd side loses a line rather than gaining
/// an invented one.
pub(super) fn of_source(video: &VideoInfo) -> Result<Size, PlanError> {
    let (width, height) = video.display_size();
    let size = Size { width: even_below(width), height: even_below(height) };
    let possible = 2..=SIDE_MAX;
    if possible.contains(&size.width) && possible.contains(&size.height) {
        Ok(size)
    } else {
        Err(PlanError::PictureSize { width: video.width, height: video.height })
    }
}

/// Returns the size of the rendition `name`, never above the source's.
pub(super) fn of_rendition(name: RenditionName, video: &VideoInfo) -> Result<Size, PlanError> {
    let source = of_source(video)?;
    let (width, height) = video.display_size();
    let factor = f64::from(name.short_side()) / width.min(height);
    if factor >= 1.0 || name.short_side() >= source.short_side() {
        return Ok(source);
    }
    Ok(Size {
        width: even_nearest(width * factor).clamp(2, source.width),
        height: even_nearest(height * factor).clamp(2, source.height),
    })
}

/// Returns the name that the source goes by at its own size: the ladder's, where even rounding is all that differs.
pub(super) fn name_of_source(size: Size) -> RenditionName {
    let short_side = size.short_side();
    let known = RenditionName::KNOWN.into_iter().find(|known| known.abs_diff(short_side) < 2);
    RenditionName::of_source(known.unwrap_or(short_side))
}

/// Returns the largest even number not above `pixels`; a hundredth is forgiven, for aspect ratios that do not divide.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of u32 first")]
fn even_below(pixels: f64) -> u32 {
    const FORGIVEN: f64 = 0.01;
    ((pixels + FORGIVEN) / 2.0).floor().clamp(0.0, f64::from(u32::MAX / 2)) as u32 * 2
}

/// Returns the even number nearest to `pixels`, as `scale=-2:…` does.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of u32 first")]
fn even_nearest(pixels: f64) -> u32 {
    (pixels / 2.0).round().clamp(0.0, f64::from(u32::MAX / 2)) as u32 * 2
}
