//! The parts of the daemon that are not the worker's own: HTTP, Redis, the senders, and the rate by the hour.

use std::fs::DirBuilder;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::sync::watch;

use super::Built;
use crate::api::{self, ApiError, ApiSettings};
use crate::booking::consumer::{self, Consumer};
use crate::command::CommandError;
use crate::command::fetch::keep_budget;
use crate::command::fetch::settings::Budget;
use crate::config::{Config, SecretFile};
use crate::notify::{Callback, DeadLetters, Poster, RedisTarget, Secrets, Sender, TIMEOUTS, Target, Webhook};
use crate::provider::{Oss, Sign};
use crate::redis_server::RedisServer;
use crate::worker::{Part, part};

/// The node's own folder is nobody else's.
const PRIVATE_MODE: u32 = 0o700;

/// What takes time is counted in these, in seconds: from a look at memory to a download's patience.
const SECONDS: [f64; 10] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0];

/// Returns all of them.
pub(super) fn all(
    config: &Config,
    built: &Built,
    listener: TcpListener,
    budget: Budget,
) -> Result<Vec<Part>, CommandError> {
    let mut parts = vec![http(config, built, listener)?, rate(built, budget)];
    let mut targets = told_by_http(config, built)?;
    if let Some(settings) = redis_settings(config, &built.node_id)? {
        let (server, redis) = (settings.server.clone(), &config.redis);
        parts.push(intake(built, settings));
        targets.push(Arc::new(DeadLetters::new(server.clone(), redis.dead_stream.clone(), built.node_id.clone())));
        targets.push(Arc::new(RedisTarget::new(server, redis.events_stream.clone(), redis.events_channel.clone())));
    }
    parts.push(sender(built, targets));
    Ok(parts)
}

/// Makes the node's folder, where there is none: it must not take a person to begin.
pub(super) fn make_folder(folder: &Path) -> Result<(), CommandError> {
    let made = DirBuilder::new().recursive(true).mode(PRIVATE_MODE).create(folder);
    made.map_err(|source| CommandError::OutputUnwritable { path: folder.to_owned(), source })
}

/// Returns where figures are gathered from now on.
pub(super) fn figures() -> Option<PrometheusHandle> {
    PrometheusBuilder::new().set_buckets(&SECONDS).ok()?.install_recorder().ok()
}

fn secret(file: &SecretFile) -> String {
    file.secret.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default()
}

fn http(config: &Config, built: &Built, listener: TcpListener) -> Result<Part, CommandError> {
    let settings = ApiSettings {
        tokens: secret(&config.api.token),
        keys: secret(&config.api.keys),
        clock: Arc::clone(&built.clock),
        limits: api::Limits::default(),
    };
    // Else the node would say that it is ready, and end a little later.
    let address = listener.local_addr().map_err(ApiError::socket);
    address.and_then(|address| settings.check(address)).map_err(CommandError::stage)?;
    let (node, listener) = (Arc::new(built.node()), Arc::new(listener));
    // It takes nothing while the node drains, and tells until the end how that goes.
    Ok(part("http interface", false, move |told| {
        let (node, listener, settings) = (Arc::clone(&node), Arc::clone(&listener), settings.clone());
        async move {
            let listener = listener.try_clone().map_err(|error| error.to_string())?;
            api::serve(listener, node, settings, told).await.map_err(|error| error.to_string())
        }
    }))
}

/// Keeps the rate at that of the hour.
fn rate(built: &Built, budget: Budget) -> Part {
    let (downloader, budget) = (built.acquirer.downloader.clone(), Arc::new(budget));
    part("download rate", false, move |told| {
        let (downloader, budget) = (downloader.clone(), Arc::clone(&budget));
        async move {
            tokio::select! {
                () = keep_budget(&downloader, &budget) => {}
                () = ended(told) => {}
            }
            Ok(())
        }
    })
}

async fn ended(mut told: watch::Receiver<bool>) {
    // Whoever could tell is gone: then it has ended too.
    let _ = told.wait_for(|told| *told).await;
}

fn redis_server(config: &Config) -> Result<Option<RedisServer>, CommandError> {
    let Some(url) = &config.redis.url else { return Ok(None) };
    let password = config.redis.password.secret.as_ref().map(|secret| secret.expose());
    RedisServer::at(url, password).map(Some).map_err(CommandError::stage)
}

/// Returns where messages are read, where there is a Redis.
pub(super) fn redis_settings(config: &Config, node_id: &str) -> Result<Option<consumer::Settings>, CommandError> {
    let redis = &config.redis;
    Ok(redis_server(config)?.map(|server| consumer::Settings {
        server,
        node_id: node_id.to_owned(),
        bookings_stream: redis.bookings_stream.clone(),
        control_stream: redis.control_stream.clone(),
        dead_stream: redis.dead_stream.clone(),
        bookings_channel: redis.bookings_channel.clone(),
        results_channel: redis.results_channel.clone(),
    }))
}

/// Takes messages out of Redis.
fn intake(built: &Built, settings: consumer::Settings) -> Part {
    let (node, status) = (Arc::new(built.node()), built.redis.clone().unwrap_or_default());
    part("redis intake", true, move |told| {
        let consumer = Consumer::new(settings.clone(), Arc::clone(&node) as _, Arc::clone(&status));
        async move {
            consumer.run(told).await;
            Ok(())
        }
    })
}

/// Returns those who are told by HTTP: the operator's receiver, those of classes, and the cloud transcoder.
fn told_by_http(config: &Config, built: &Built) -> Result<Vec<Arc<dyn Target>>, CommandError> {
    let settings = &config.webhook;
    let text = |file: &SecretFile| file.secret.as_ref().map(|secret| secret.expose().to_owned());
    let secrets = Secrets::parse(text(&settings.secret).as_deref(), text(&settings.institution_secrets).as_deref());
    let mut dialer = built.acquirer.downloader.dialer.clone();
    dialer.timeouts = TIMEOUTS;
    let poster = Poster { dialer, secrets: secrets.map_err(CommandError::stage)?, clock: Arc::clone(&built.clock) };
    let mut targets: Vec<Arc<dyn Target>> = vec![Arc::new(Callback::new(poster.clone()))];
    let dialer = poster.dialer.clone();
    if let Some(url) = &settings.url {
        targets.push(Arc::new(Webhook::new(poster, url.clone())));
    }
    if let Some(url) = config.oss.url.clone() {
        let sign = Sign { template: config.oss.sign.clone(), secret: secret(&config.oss.secret) };
        targets.push(Arc::new(Oss { dialer, url, sign, clock: Arc::clone(&built.clock) }));
    }
    Ok(targets)
}

fn sender(built: &Built, targets: Vec<Arc<dyn Target>>) -> Part {
    let node = built.node();
    let (store, clock) = (Arc::clone(&built.store), Arc::clone(&built.clock));
    part("event sender", false, move |told| {
        let reporting = node.clone();
        let sender = Sender {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            targets: targets.clone(),
            wake: node.wake_of_events(),
            on_given_up: Arc::new(move |tx, given_up| reporting.given_up(tx, given_up)),
        };
        async move {
            sender.run(told).await;
            Ok(())
        }
    })
}
