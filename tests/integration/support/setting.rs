//! How often and with which seed: what `make campaign` says through the environment.

use std::env;

/// Returns the number in a variable, or `default`.
#[expect(clippy::disallowed_methods, reason = "settings of the test itself, for which cargo has no arguments")]
pub(crate) fn setting(name: &str, default: usize) -> usize {
    env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
