//! `reelmill worker`: the configuration turned into a node, and that run until somebody stops it.
//!
//! What the node does is the library's; here its parts are given what they were configured to have.

mod control;
mod parts;

use std::io;
use std::net::TcpListener;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use self::control::WorkerHandler;
use super::cache::{Place, Serving};
use super::fetch::serve::Fetching;
use super::fetch::settings::{Budget, budget_of_worker, downloader_of_worker, own_rate_of_worker};
use super::signal::SignalWatch;
use super::{CommandError, Console, config};
use crate::api::ApiError;
use crate::av::Interrupt;
use crate::booking::consumer;
use crate::booking::decide::Policy;
use crate::cache::{Cache, Options};
use crate::cli::WorkerArgs;
use crate::clock::{Clock, NodeClock};
use crate::config::{Config, Isolation, Provider, Variables};
use crate::control::Server;
use crate::failure::ExitCode;
use crate::notify::{REDIS, WEBHOOK};
use crate::store::{self, Store};
use crate::worker::{
    Acquirer, Bounds, Child, Daemon, InProcess, Limits, Media, MediaProver, Node, Parts, Stop, Terms,
};

/// What others are told of this process.
const ROLE: &str = "worker";
/// How long a worker may take to end that has nobody left. A kill loses nothing either.
const ALONE_FOR: Duration = Duration::from_secs(3);
/// No work on one recording takes longer than that, whatever the child says that is at it.
const CHILD_TIME_MAX: Duration = Duration::from_secs(24 * 3600);

/// Runs the command; it ends when somebody asks it to.
pub(super) fn run(args: &WorkerArgs, variables: &Variables, console: &Console) -> Result<ExitCode, CommandError> {
    let reading = config::read(&args.files, variables)?;
    let config = &reading.config;
    check(config)?;
    let (ask, told) = watch::channel(false);
    let interrupt = Interrupt::default();
    let signals = SignalWatch::start(stopping(&ask, &interrupt), console)?;
    if args.end_with_stdin {
        end_with_stdin(stopping(&ask, &interrupt))?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CommandError::Engine(format!("no threads to run on: {error}")))?;
    let stop = Stop { told: told.clone(), interrupt };
    let ended = serve(config, &runtime, &stop, console);
    // A resolver that does not answer must not keep us.
    runtime.shutdown_background();
    drop((signals, ask));
    ended.map(|()| ExitCode::Done)
}

/// Returns what asks the worker to end.
fn stopping(ask: &watch::Sender<bool>, interrupt: &Interrupt) -> impl Fn() + Send + 'static + use<> {
    let (ask, interrupt) = (ask.clone(), interrupt.clone());
    move || {
        // Nobody supervises: then nobody hears it.
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        interrupt.cancel();
        ask.send_replace(true);
    }
}

/// Ends this process with whoever holds the other end of its standard input: cleanly, or else at once a little later.
fn end_with_stdin(stop: impl Fn() + Send + 'static) -> Result<(), CommandError> {
    let wait = move || {
        // What is said there is nobody's; that it ends is.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        stop();
        thread::sleep(ALONE_FOR);
        let _ = kill_process(getpid(), Signal::KILL);
    };
    thread::Builder::new().name("stdin".to_owned()).spawn(wait).map(drop).map_err(CommandError::Signals)
}

/// Refuses what this release cannot do, rather than to fail each booking.
fn check(config: &Config) -> Result<(), CommandError> {
    let unknown = config.transcode.providers.iter().find(|provider| **provider == Provider::Ecs);
    unknown.map_or(Ok(()), |_| Err(CommandError::ProviderUnsupported("ecs")))
}

fn serve(config: &Config, runtime: &Runtime, stop: &Stop, console: &Console) -> Result<(), CommandError> {
    // First of all: who cannot be reached need not take up anything.
    let failed = |source| CommandError::stage(ApiError::Listen { at: config.api.listen.to_string(), source });
    let listener = TcpListener::bind(config.api.listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let budget = budget_of_worker(&config.download);
    let built = Built::of(config, &budget, stop)?;
    let parts = parts::all(config, &built, listener, budget)?;
    let Built { daemon, serving, acquirer, .. } = built;
    let fetching = Fetching::for_worker(serving, acquirer, stop.clone());
    let handler = WorkerHandler::new(daemon.node(), fetching, runtime.handle().clone());
    let server = Server::start(&config.node.data_folder, Arc::new(handler)).map_err(CommandError::stage)?;
    let ready = || {
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        console.remark(&format!("ready: http://{address}, {} in {}", ROLE, config.node.data_folder.display()));
    };
    let ended = runtime.block_on(daemon.run(parts, stop.told.clone(), ready));
    drop(server);
    ended.map_err(CommandError::stage)
}

/// A node, before it runs.
struct Built {
    daemon: Daemon,
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    serving: Serving,
    acquirer: Acquirer,
    redis: Option<Arc<consumer::Status>>,
    node_id: String,
}

impl Built {
    fn of(config: &Config, budget: &Budget, stop: &Stop) -> Result<Self, CommandError> {
        let place = Place::configured(config);
        parts::make_folder(&place.data_folder)?;
        let database = place.data_folder.join(store::FILE_NAME);
        let store = Store::open(&database, &store::Options::default()).map_err(CommandError::stage)?;
        let (store, clock) = (Arc::new(store), Arc::new(NodeClock::start()) as Arc<dyn Clock>);
        let media = media(config);
        let targets = targets(config);
        let prover = MediaProver {
            media: Arc::clone(&media),
            accept_truncated: place.accept_truncated,
            interrupt: stop.interrupt.clone(),
        };
        let options = Options {
            root: config.cache.root.clone(),
            limits: place.limits,
            clock: Arc::clone(&clock),
            prover: Arc::new(prover),
            targets: targets.clone(),
        };
        let cache = Cache::open(Arc::clone(&store), options).map_err(CommandError::stage)?;
        let downloader = downloader_of_worker(&config.download, budget).map_err(CommandError::stage)?;
        let acquirer = Acquirer {
            cache: cache.clone(),
            downloader,
            rate: own_rate_of_worker(&config.download),
            media: Arc::clone(&media),
            jobs: threads(config),
        };
        let node_id = config.node.node_id.clone().unwrap_or_else(host_name);
        let redis = config.redis.url.as_ref().map(|_| Arc::<consumer::Status>::default());
        let claims = parts::redis_settings(config, &node_id)?.zip(redis.clone());
        let claims = claims.map(|(settings, status)| consumer::Claims::new(settings, status));
        let daemon = Daemon::new(Parts {
            store: Arc::clone(&store),
            cache: cache.clone(),
            clock: Arc::clone(&clock),
            acquirer: acquirer.clone(),
            media,
            terms: terms(config, &node_id, targets),
            redis: redis.clone(),
            claims,
            figures: parts::figures(),
        });
        let interrupt = stop.interrupt.clone();
        let serving = Serving { cache, clock: Arc::clone(&clock), interrupt, role: ROLE };
        Ok(Self { daemon, store, clock, serving, acquirer, redis, node_id })
    }

    fn node(&self) -> Node {
        self.daemon.node()
    }
}

/// Returns who works on media.
fn media(config: &Config) -> Arc<dyn Media> {
    /// Of a thousand million, as the setting counts them.
    const PIXELS: u64 = 1_000_000_000;
    let settings = &config.transcode;
    let limits = Limits {
        seconds_max: settings.duration_max.as_secs(),
        pixels_max: u64::from(settings.gigapixels_max) * PIXELS,
    };
    match settings.isolation {
        Isolation::None => Arc::new(InProcess::within(limits)),
        Isolation::Process => {
            let bounds = Bounds {
                memory_max: settings.memory_max.bytes(),
                limits,
                stall_time: settings.stall_time,
                time_max: CHILD_TIME_MAX,
            };
            Arc::new(Child::new(bounds))
        }
    }
}

/// Returns how many threads encode.
fn threads(config: &Config) -> usize {
    match config.transcode.jobs {
        0 => thread::available_parallelism().map_or(1, NonZero::get),
        jobs => jobs as usize,
    }
}

/// Returns who is to be told of every event.
fn targets(config: &Config) -> Vec<String> {
    let redis = config.redis.url.as_ref().map(|_| REDIS.to_owned());
    let webhook = config.webhook.url.as_ref().map(|_| WEBHOOK.to_owned());
    redis.into_iter().chain(webhook).collect()
}

fn terms(config: &Config, node_id: &str, targets: Vec<String>) -> Terms {
    let milliseconds = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let (booking, transcode) = (&config.booking, &config.transcode);
    let name = |provider: &Provider| {
        match provider {
            Provider::Oss => "oss",
            Provider::Ecs => "ecs",
            Provider::Local => "local",
        }
        .to_owned()
    };
    Terms {
        node_id: node_id.to_owned(),
        policy: Policy {
            providers: transcode.providers.iter().map(name).collect(),
            timeout_milliseconds: milliseconds(booking.transcoding_timeout),
            // Until it begins; then it has the time that its work needs.
            local_timeout_milliseconds: milliseconds(booking.timeout),
            retry_after_timeout_milliseconds: milliseconds(booking.retry_after_timeout),
            is_only_node: true,
        },
        booking_timeout_milliseconds: milliseconds(booking.timeout),
        lease_grace_milliseconds: milliseconds(booking.lease_grace),
        targets,
        jobs: threads(config),
        preset: transcode.preset.clone(),
        crf: transcode.crf,
        accept_truncated: transcode.accept_truncated,
    }
}

/// Returns what the machine is called: the name of a node that has no other.
fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "node".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, read};

    fn configured(text: &str) -> Config {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("reelmill.toml");
        std::fs::write(&file, text).unwrap();
        read(&Sources { file: Some(file), ..Sources::default() }).unwrap().config
    }

    #[test]
    fn settings_become_what_the_node_keeps_to() {
        let config = configured(
            "[booking]\ntimeout = '12h'\nlease_grace = '5m'\n[transcode]\njobs = 3\n[redis]\nurl = 'redis://127.0.0.1:6379'",
        );
        let terms = terms(&config, "node-1", targets(&config));
        assert_eq!(terms.policy.providers, ["local"]);
        assert_eq!((terms.booking_timeout_milliseconds, terms.lease_grace_milliseconds), (43_200_000, 300_000));
        assert_eq!((terms.jobs, terms.targets), (3, vec![REDIS.to_owned()]));
        assert!(!host_name().is_empty());
    }

    #[test]
    fn a_provider_that_cannot_be_asked_is_refused_before_anything_is_opened() {
        let config = configured("[transcode]\nproviders = ['ecs', 'local']\n[ecs]\nurl = 'http://10.0.0.7:8700'");
        assert_eq!(check(&config).unwrap_err().failure().code(), "PROVIDER_UNSUPPORTED");
        check(&configured("")).unwrap();
    }
}
