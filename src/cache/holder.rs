//! Who holds a file, and until when. Times are Unix milliseconds of the node's own clock.

use std::fmt;

/// What sort of holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HolderKind {
    /// A class that shows it, until it is over.
    Class,
    /// A job that reads it.
    Job,
    /// A push that sends it.
    Push,
    /// A person who wants it kept.
    Pin,
}

impl HolderKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Class, Self::Job, Self::Push, Self::Pin];

    /// Returns the name in the database and in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Job => "job",
            Self::Push => "push",
            Self::Pin => "pin",
        }
    }

    /// Returns the kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Who holds a file. The same holder holds a file once, however often it says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// What sort.
    pub kind: HolderKind,
    /// Its name among those of its sort: of a class with its institution, `22/c-1029`.
    pub name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind.name(), self.name)
    }
}

/// A holder's hold on a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whose.
    pub holder: Holder,
    /// Since when.
    pub since_milliseconds: i64,
    /// Until when; none: until it is let go.
    pub until_milliseconds: Option<i64>,
}

impl Held {
    /// Returns whether it still counts.
    pub fn is_live(&self, now_milliseconds: i64) -> bool {
        self.until_milliseconds.is_none_or(|until| until > now_milliseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_and_a_hold_ends_at_its_time() {
        for kind in HolderKind::ALL {
            assert_eq!(HolderKind::parse(kind.name()), Some(kind));
        }
        let holder = Holder { kind: HolderKind::Class, name: "22/c-1".to_owned() };
        assert_eq!(holder.to_string(), "class 22/c-1");
        let held = Held { holder, since_milliseconds: 0, until_milliseconds: Some(10) };
        assert_eq!([held.is_live(9), held.is_live(10)], [true, false]);
        assert!(Held { until_milliseconds: None, ..held }.is_live(i64::MAX));
    }
}
