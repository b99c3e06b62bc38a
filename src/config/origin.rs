//! Where a setting comes from, for messages and for `config show --origin`.

use std::fmt;
use std::path::PathBuf;

/// The place of a setting. Their order is that of messages: by file and line, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A file, `reelmill.toml` or a `.env`.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, from 1.
        line: u32,
    },
    /// An environment variable.
    Variable(String),
    /// A systemd credential.
    Credential(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Self::Variable(name) => formatter.write_str(name),
            Self::Credential(name) => write!(formatter, "credential {name}"),
        }
    }
}
