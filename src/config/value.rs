//! What settings are once they are understood: types that cannot hold what the rules forbid.
//!
//! Spelling and understanding them is `form`'s work; what is done with them is that of whoever reads the setting.

use std::fmt;
use std::num::NonZeroU64;
use std::path::PathBuf;

use ipnet::IpNet;

/// Bytes per second, more than none. No limit is `None` wherever a rate may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(NonZeroU64);

impl Rate {
    /// Returns the rate of so many bytes per second; `None` for 0.
    pub fn new(bytes_per_second: u64) -> Option<Self> {
        NonZeroU64::new(bytes_per_second).map(Self)
    }

    /// Returns the bytes per second, 1 to `i64::MAX`.
    pub const fn bytes_per_second(self) -> u64 {
        self.0.get()
    }
}

/// A number of bytes, at most `i64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub(super) u64);

impl Size {
    /// Returns the bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// A time of the day on the node's own clock, in minutes after midnight, 0 to 1439.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(pub(super) u16);

impl TimeOfDay {
    /// Minutes of a day.
    pub const DAY: u16 = 24 * 60;

    /// Returns the time so many minutes after midnight, over as many days as it takes.
    pub const fn at(minutes: u16) -> Self {
        Self(minutes % Self::DAY)
    }

    /// Returns the minutes after midnight, 0 to 1439.
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A part of the day in which another rate holds: from `from` up to, and not including, `to`; over midnight where `to`
/// is the earlier of the two. They are never equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When it begins.
    pub from: TimeOfDay,
    /// When it is over.
    pub to: TimeOfDay,
    /// What holds within; `None` for no limit.
    pub rate: Option<Rate>,
}

impl Window {
    /// Returns whether the window is open at that time.
    pub fn holds(&self, time: TimeOfDay) -> bool {
        if self.from < self.to { (self.from..self.to).contains(&time) } else { time >= self.from || time < self.to }
    }
}

/// An origin that may be dialled although it is no public address, or on another port than 80 and 443.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A host by its name, in lower case.
    Host(String),
    /// All addresses of a network; a single address is a network of one.
    Network(IpNet),
}

impl fmt::Display for Allowed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => formatter.write_str(name),
            Self::Network(network) => write!(formatter, "{network}"),
        }
    }
}

/// Who transcodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// A cloud service.
    Oss,
    /// Another node.
    Ecs,
    /// This node.
    Local,
}

/// Where media is decoded and encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// In a process of its own.
    Process,
    /// In the daemon's own process.
    None,
}

/// Something that nobody but its user may see. It has no `Display`, and its `Debug` says nothing.
#[derive(Clone)]
pub struct Secret(pub(super) String);

impl Secret {
    /// Returns what is secret: never empty, without the line end of its file.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(<hidden>)")
    }
}

/// A secret and where it was to be found.
#[derive(Clone, Debug, Default)]
pub struct SecretFile {
    /// The file that the setting names; `None` for none. The secret may then come from systemd.
    pub path: Option<PathBuf>,
    /// What is secret, if there is any.
    pub secret: Option<Secret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_may_go_over_midnight_and_ends_before_its_end() {
        let window = |from: u16, to: u16| Window { from: TimeOfDay(from * 60), to: TimeOfDay(to * 60), rate: None };
        let open =
            |window: Window| -> Vec<u16> { (0..24).filter(|hour| window.holds(TimeOfDay(hour * 60))).collect() };
        assert_eq!(open(window(9, 12)), [9, 10, 11]);
        assert_eq!(open(window(22, 2)), [0, 1, 22, 23]);
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Some(Secret("hunter2".to_owned()))), "Some(Secret(<hidden>))");
    }
}
