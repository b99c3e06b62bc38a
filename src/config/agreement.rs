//! What settings demand of each other: each is right by itself, and only some of them go together.

use super::error::Fault;
use super::origin::Origin;
use super::reading::Settings;
use super::setting::Config;
use super::value::{Provider, SecretFile};

/// Returns every setting that contradicts another, told where the one stands that makes the demand.
pub(super) fn faults(config: &Config, settings: &Settings) -> Vec<Fault> {
    let has = |file: &SecretFile| file.secret.is_some();
    let (api, asked) = (&config.api, &config.transcode.providers);
    let is_default = |name: &str| settings.get(name).origin == Origin::Default;
    let demands = [
        (
            !api.listen.ip().is_loopback() && !has(&api.token) && !has(&api.keys),
            "api.listen",
            "an address that others reach needs api.token_file or api.keys_file",
        ),
        (
            config.download.retry_wait > config.download.retry_wait_max,
            // Whichever of the two somebody set.
            if is_default("download.retry_wait") { "download.retry_wait_max" } else { "download.retry_wait" },
            "the first wait (download.retry_wait) must not be longer than the longest (download.retry_wait_max)",
        ),
        (
            asked.contains(&Provider::Ecs) && config.ecs.url.is_none(),
            "transcode.providers",
            "the provider ecs needs ecs.url",
        ),
        (
            asked.contains(&Provider::Oss) && config.oss.url.is_none(),
            "transcode.providers",
            "the provider oss needs oss.url",
        ),
        (
            config.oss.sign.contains("{secret}") && !has(&config.oss.secret),
            "oss.sign",
            "a sign with {secret} needs oss.secret_file",
        ),
        (
            config.webhook.url.is_some() && !has(&config.webhook.secret),
            "webhook.url",
            "what is posted must be signed: it needs webhook.secret_file",
        ),
    ];
    let broken = demands.into_iter().filter(|(is_broken, ..)| *is_broken);
    broken.map(|(_, name, rule)| settings.get(name).fault(rule)).collect()
}
