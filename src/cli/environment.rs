//! The environment variables that the command line heeds, read once; those of the configuration `config` reads itself.

use super::ColorWhen;
use crate::config::Variables;

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `NO_COLOR` is set to something.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set to something other than 0.
    pub force_color: bool,
    /// `TERM` is `dumb`: no color, no moving bars.
    pub dumb_terminal: bool,
    /// `RUST_LOG`: which messages are logged, in tracing's own words.
    pub log_filter: Option<String>,
    /// `REELMILL_…` and what else concerns the configuration.
    pub settings: Variables,
}

impl Environment {
    /// Reads the variables of this process.
    pub fn read() -> Self {
        let variable = |name: &str| {
            #[expect(clippy::disallowed_methods, reason = "this is the place where the environment is read")]
            std::env::var(name).ok().filter(|value| !value.is_empty())
        };
        Self { settings: Variables::read(), ..Self::from(variable) }
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            no_color: variable("NO_COLOR").is_some(),
            force_color: variable("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            dumb_terminal: variable("TERM").is_some_and(|value| value == "dumb"),
            log_filter: variable("RUST_LOG"),
            settings: Variables::default(),
        }
    }

    /// Returns whether a stream is colored. The option beats the environment, refusing beats forcing.
    pub fn wants_color(&self, when: ColorWhen, is_terminal: bool) -> bool {
        match when {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto if self.no_color => false,
            ColorWhen::Auto => self.force_color || (is_terminal && !self.dumb_terminal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::from(|name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned()))
    }

    #[test]
    fn color_follows_the_option_then_the_environment_then_the_terminal() {
        let check = |pairs: &[(&str, &str)], when, terminal| environment(pairs).wants_color(when, terminal);
        assert!(check(&[], ColorWhen::Auto, true));
        assert!(!check(&[], ColorWhen::Auto, false));
        assert!(!check(&[("TERM", "dumb")], ColorWhen::Auto, true));
        assert!(!check(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], ColorWhen::Auto, true));
        assert!(check(&[("CLICOLOR_FORCE", "1")], ColorWhen::Auto, false));
        assert!(!check(&[("CLICOLOR_FORCE", "0")], ColorWhen::Auto, false));
        assert!(check(&[("NO_COLOR", "1")], ColorWhen::Always, false));
        assert!(!check(&[("CLICOLOR_FORCE", "1")], ColorWhen::Never, true));
    }
}
