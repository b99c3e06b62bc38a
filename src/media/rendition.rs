//! Names of renditions: `720P` means "the short side is 720 pixels", `AUDIO` that there is no picture.

use std::fmt;

/// A rung of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RenditionName {
    short_side: u32,
}

/// The name is not one of the ladder's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a rendition; known: 2160P, 1440P, 1080P, 720P, 480P, 360P, 240P (also 720p, 720)")]
pub struct RenditionNameError(pub String);

impl RenditionName {
    /// The ladder's names, largest first.
    pub const KNOWN: [u32; 7] = [2160, 1440, 1080, 720, 480, 360, 240];

    /// The name of sound without a picture, for which no rung was asked.
    pub const AUDIO: Self = Self { short_side: 0 };

    /// Returns the name that `text` spells: `720P`, `720p` or `720`.
    pub fn parse(text: &str) -> Result<Self, RenditionNameError> {
        let digits = text.strip_suffix(['P', 'p']).unwrap_or(text);
        match digits.parse::<u32>() {
            Ok(short_side) if Self::KNOWN.contains(&short_side) && !digits.starts_with('+') => {
                Ok(Self { short_side })
            }
            _ => Err(RenditionNameError(text.to_owned())),
        }
    }

    /// Returns the name of a picture at its own size, which may be off the ladder (`1088P`, `358P`).
    pub const fn of_source(short_side: u32) -> Self {
        Self { short_side }
    }

    /// Returns the short side in pixels; 0 for [`RenditionName::AUDIO`].
    pub const fn short_side(self) -> u32 {
        self.short_side
    }
}

impl fmt::Display for RenditionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::AUDIO { f.write_str("AUDIO") } else { write!(f, "{}P", self.short_side) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rendition_is_spelled_with_p_or_without() {
        for text in ["720P", "720p", "720"] {
            assert_eq!(RenditionName::parse(text).map(RenditionName::short_side), Ok(720), "{text}");
        }
        for text in ["", "P", "721P", "720PP", "-720", "+720", "99999P", "0P", "720p "] {
            assert!(RenditionName::parse(text).is_err(), "{text:?}");
        }
    }
}
