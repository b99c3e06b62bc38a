//! What holds for a download: options go before the configuration. Its types become those of `download` here, since
//! neither knows the other.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Time;

use crate::cli::FetchArgs;
use crate::config::{self, DownloadSettings, Reading, TimeOfDay};
use crate::download::{
    Allowed, Dialer, DownloadError, Downloader, Guard, Patience, Rate, RateLimit, StallRule, Timeouts, Tls, Window,
    system_resolver,
};

/// The rate of the whole process, by the time of day.
#[derive(Debug, PartialEq)]
pub(in crate::command) struct Budget {
    /// What holds outside of the windows.
    pub(super) usual: Rate,
    /// When something else holds.
    pub(super) windows: Vec<Window>,
}

/// Returns the rate: the option's at all times, else what somebody configured. The default is the daemon's, which runs
/// unattended; a person who says nothing wants the file.
pub(super) fn budget(args: &FetchArgs, reading: &Reading) -> Budget {
    let settings = &reading.config.download;
    match args.limit_rate {
        Some(rate) => Budget { usual: NonZeroU64::new(rate), windows: Vec::new() },
        None => Budget {
            usual: rate(settings.rate.filter(|_| reading.is_set("download.rate"))),
            windows: settings.windows.iter().map(window).collect(),
        },
    }
}

/// Returns the rates of a worker: as configured, defaults too.
pub(in crate::command) fn budget_of_worker(settings: &DownloadSettings) -> Budget {
    Budget { usual: rate(settings.rate), windows: settings.windows.iter().map(window).collect() }
}

/// Returns the rate of each download of a worker.
pub(in crate::command) fn own_rate_of_worker(settings: &DownloadSettings) -> Rate {
    rate(settings.job_rate)
}

/// Returns what downloads for a worker.
pub(in crate::command) fn downloader_of_worker(
    settings: &DownloadSettings,
    budget: &Budget,
) -> Result<Downloader, DownloadError> {
    Ok(Downloader {
        dialer: Dialer {
            guard: Guard::new(settings.allow.iter().map(allowed).collect()),
            resolve: system_resolver(),
            tls: settings.ca_file.as_deref().map_or_else(|| Ok(Tls::default()), Tls::with_file)?,
            timeouts: Timeouts { connect: settings.connect_timeout, header: settings.header_timeout },
        },
        limit: Arc::new(RateLimit::new(budget.usual)),
        patience: Patience {
            retries: settings.retries,
            wait: settings.retry_wait,
            wait_max: settings.retry_wait_max,
        },
        stall: StallRule {
            bytes_per_second: settings.stall_rate.map_or(0, config::Rate::bytes_per_second),
            time: settings.stall_time,
        },
        redirects_max: settings.redirects_max,
    })
}

/// Returns the rate of this download alone, within that of all; whoever gives one by an option means just that one.
pub(super) fn own_rate(args: &FetchArgs, reading: &Reading) -> Rate {
    rate(reading.config.download.job_rate.filter(|_| args.limit_rate.is_none()))
}

/// Returns what downloads: as for a worker, but for what the options say.
pub(super) fn downloader(
    args: &FetchArgs,
    reading: &Reading,
    budget: &Budget,
) -> Result<Downloader, DownloadError> {
    let mut settings = reading.config.download.clone();
    let seconds = |seconds: Option<f64>, setting: &mut Duration| {
        *setting = seconds.map_or(*setting, Duration::from_secs_f64);
    };
    seconds(args.connect_timeout, &mut settings.connect_timeout);
    seconds(args.header_timeout, &mut settings.header_timeout);
    seconds(args.retry_wait, &mut settings.retry_wait);
    seconds(args.stall_time, &mut settings.stall_time);
    settings.retries = args.retries.unwrap_or(settings.retries);
    settings.ca_file = args.ca_file.clone().or(settings.ca_file);
    let mut downloader = downloader_of_worker(&settings, budget)?;
    downloader.stall.bytes_per_second = args.stall_rate.unwrap_or(downloader.stall.bytes_per_second);
    let allowed = args.allow.iter().cloned().chain(settings.allow.iter().map(allowed));
    downloader.dialer.guard = Guard::new(allowed.collect());
    Ok(downloader)
}

fn rate(rate: Option<config::Rate>) -> Rate {
    rate.and_then(|rate| NonZeroU64::new(rate.bytes_per_second()))
}

fn allowed(entry: &config::Allowed) -> Allowed {
    match entry {
        config::Allowed::Host(name) => Allowed::Host(name.clone()),
        config::Allowed::Network(network) => Allowed::Network(*network),
    }
}

fn window(window: &config::Window) -> Window {
    Window { from: time(window.from), to: time(window.to), rate: rate(window.rate) }
}

fn time(time: TimeOfDay) -> Time {
    let part = |number: u16| i8::try_from(number).expect("hours are below 24, minutes below 60");
    Time::constant(part(time.minutes() / 60), part(time.minutes() % 60), 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{self, Command};
    use crate::config::Sources;

    /// Returns what holds for these options and this configuration.
    fn settled(options: &str, toml: &str) -> (Budget, Rate, Downloader) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("reelmill.toml");
        std::fs::write(&file, toml).unwrap();
        let reading = config::read(&Sources { file: Some(file), ..Sources::default() }).unwrap();
        let line = format!("reelmill fetch http://origin.example/a.flv {options}");
        let words: Vec<_> = line.split_whitespace().map(Into::into).collect();
        let Command::Fetch(args) = cli::parse(&words).unwrap().command else { panic!("not a fetch") };
        let budget = budget(&args, &reading);
        let downloader = downloader(&args, &reading, &budget).unwrap();
        (budget, own_rate(&args, &reading), downloader)
    }

    #[test]
    fn options_go_before_the_configuration_and_the_default_rate_is_for_the_daemon() {
        let toml = "[download]\nrate = '1000k'\njob_rate = '300k'\nretries = 2\nstall_rate = 0\nretry_wait = '250ms'\n\
                    [[download.windows]]\nfrom = '22:30'\nto = '06:00'\nrate = 0\n";
        let rates = |options, toml| {
            let (budget, own, _) = settled(options, toml);
            (budget.usual.map(NonZeroU64::get), budget.windows.len(), own.map(NonZeroU64::get))
        };
        assert_eq!(rates("", ""), (None, 0, None));
        assert_eq!(rates("", toml), (Some(1_024_000), 1, Some(307_200)));
        assert_eq!(rates("--limit-rate 2k", toml), (Some(2048), 0, None));
        assert_eq!(rates("--limit-rate 0", toml), (None, 0, None));
        let window = Window { from: Time::constant(22, 30, 0, 0), to: Time::constant(6, 0, 0, 0), rate: None };
        assert_eq!(settled("", toml).0.windows, [window]);
        let patience = |options, toml| {
            let downloader = settled(options, toml).2;
            (downloader.patience.retries, downloader.patience.wait, downloader.stall.bytes_per_second)
        };
        assert_eq!(patience("", ""), (5, Duration::from_secs(1), 1024));
        assert_eq!(patience("", toml), (2, Duration::from_millis(250), 0));
        assert_eq!(
            patience("--retries 0 --retry-wait 0.5 --stall-rate 4k", toml),
            (0, Duration::from_millis(500), 4096)
        );
    }
}
