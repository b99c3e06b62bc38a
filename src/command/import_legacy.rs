//! `reelmill import-legacy`: takes over an older node where it stands.
//!
//! Looks at everything first and decides; then copies what will be read no more, and only then changes anything. The old
//! node's files are never changed, and nothing is deleted.

mod backup;
mod page;
mod wire;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{CommandError, Console, config};
use crate::cache::{self, Adopted, Cache, CacheError, EntryState, HolderKind, Key, Limits, Order, Prover};
use crate::cli::ImportLegacyArgs;
use crate::clock::{Clock, NodeClock};
use crate::config::{Config, Reading, Variables};
use crate::failure::ExitCode;
use crate::legacy::{self, FilePlan, LegacyError, NoteKind, Old, Plan, Present, RenditionPlan, Terms, WaiterPlan};
use crate::proof::{ProofError, VerifiedFile};
use crate::store::{self, LegacyRow, ReadOnly, Store, StoreError};

/// What became of an import.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The folder of recordings.
    pub(super) root: PathBuf,
    /// What was decided; with what was found while it was carried out.
    pub(super) plan: Plan,
    /// What held.
    pub(super) terms: Terms,
    /// What was done about it.
    pub(super) state: State,
}

/// What was done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing yet.
    Would,
    /// Nothing, as there was nothing to do.
    Nothing,
    /// Everything but the refused files.
    Done {
        /// Where the copies and the report are.
        backup: PathBuf,
        /// Files that are in the cache now.
        adopted: u64,
    },
}

/// Runs the command and prints its report.
pub(super) fn run(
    args: &ImportLegacyArgs,
    variables: &Variables,
    console: &Console,
) -> Result<ExitCode, CommandError> {
    let reading = config::read_without_secrets(&args.files, variables)?;
    let clock = NodeClock::start();
    let outcome = import(args, &reading, clock)?;
    let text = if args.json { wire::document(&outcome) } else { page::page(&outcome, console.stdout) };
    console.print(&text)?;
    let is_whole = outcome.plan.notes.count(NoteKind::Refused) == 0;
    Ok(if is_whole { ExitCode::Done } else { ExitCode::Partial })
}

fn import(args: &ImportLegacyArgs, reading: &Reading, clock: NodeClock) -> Result<Outcome, CommandError> {
    let config = &reading.config;
    let root = root(&args.videos, &config.cache.root).map_err(CommandError::stage)?;
    let old = look(args, &root)?;
    let terms = terms(config, clock.now_milliseconds());
    let database = config.node.data_folder.join(store::FILE_NAME);
    let present = present(&database, terms.now_milliseconds).map_err(CommandError::stage)?;
    let mut plan = legacy::decide(&old, &present, &terms);
    reading.notes.iter().for_each(|note| plan.notes.add(NoteKind::Setting, note.as_str()));
    if let Some(path) = &args.files.env_file {
        let told =
            format!("{} holds only where --env-file names it: move its settings to reelmill.toml", path.display());
        plan.notes.add(NoteKind::Setting, told);
    }
    let mut outcome = Outcome { root, plan, terms, state: State::Would };
    match (args.dry_run, outcome.plan.is_empty()) {
        (true, _) => {}
        (false, true) => outcome.state = State::Nothing,
        (false, false) => carry_out(args, config, clock, &mut outcome)?,
    }
    Ok(outcome)
}

/// Returns the folder of recordings, if it is the cache's.
fn root(videos: &Path, root: &Path) -> Result<PathBuf, LegacyError> {
    let failed = |source| LegacyError::Folder { path: videos.to_owned(), source };
    let folder = fs::canonicalize(videos).map_err(failed)?;
    match fs::canonicalize(root) {
        Ok(root) if root == folder => Ok(root),
        _ => Err(LegacyError::NotTheRoot { folder, root: root.to_owned() }),
    }
}

/// Looks at the old node.
fn look(args: &ImportLegacyArgs, root: &Path) -> Result<Old, CommandError> {
    let databases = args.database.iter().map(|path| store::read_old_database(path));
    let databases = databases.collect::<Result<Vec<_>, _>>().map_err(CommandError::stage)?;
    let lists = args.redis.as_ref().map(|address| legacy::waiting_lists(address.reveal())).transpose();
    let lists = lists.map_err(CommandError::stage)?.unwrap_or_default();
    Ok(Old { databases, found: legacy::list(root).map_err(CommandError::stage)?, lists })
}

fn terms(config: &Config, now_milliseconds: i64) -> Terms {
    let after = |time: std::time::Duration| {
        now_milliseconds.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
    };
    Terms {
        now_milliseconds,
        lease_until_milliseconds: after(config.booking.timeout),
        deadline_milliseconds: after(config.booking.transcoding_timeout),
        limits: limits(config),
    }
}

fn limits(config: &Config) -> Limits {
    Limits {
        bytes_max: config.cache.bytes_max.bytes(),
        count_max: u64::from(config.cache.count_max),
        free_bytes_min: config.cache.free_bytes_min.bytes(),
    }
}

/// Looks at what is here, without a trace: a dry run changes nothing.
fn present(database: &Path, now_milliseconds: i64) -> Result<Present, CacheError> {
    let look = |reading: &store::Reading<'_>| {
        let files = cache::list(reading, now_milliseconds, Order::Key)?;
        let named: Vec<_> = files.into_iter().filter(|file| file.state != EntryState::Quarantined).collect();
        let holds = named.iter().flat_map(|file| {
            let classes = file.holders.iter().filter(|held| held.holder.kind == HolderKind::Class);
            classes.map(|held| (file.key.clone(), held.holder.name.clone()))
        });
        Ok::<_, CacheError>(Present {
            holds: holds.collect(),
            rows: reading.legacy_rows().all()?.into_iter().collect(),
            files: named.into_iter().map(|file| file.key).collect(),
            renditions: reading.renditions().all()?,
        })
    };
    match ReadOnly::open(database) {
        Ok(database) => database.read(look),
        // Nothing was taken over yet: that is of today's schema.
        Err(StoreError::Missing { backup: None, aside: None, .. } | StoreError::Older { .. }) => {
            Ok(Present::default())
        }
        Err(error) => Err(error.into()),
    }
}

fn carry_out(
    args: &ImportLegacyArgs,
    config: &Config,
    clock: NodeClock,
    outcome: &mut Outcome,
) -> Result<(), CommandError> {
    let database = config.node.data_folder.join(store::FILE_NAME);
    store::refuse_if_in_use(&database).map_err(CommandError::stage)?;
    let env_file = args.files.env_file.as_deref();
    let backup = backup::make(&config.node.data_folder, &args.database, env_file, &mut outcome.plan.notes)?;
    let store = Store::open(&database, &store::Options::default()).map_err(CommandError::stage)?;
    let store = Arc::new(store);
    let now = outcome.terms.now_milliseconds;
    // Before anything is kept: the folder may be another node's.
    let cache = open_cache(&store, config, clock).map_err(CommandError::stage)?;
    keep_renditions(&store, &outcome.plan.renditions, &outcome.plan.waiters, now).map_err(CommandError::stage)?;
    let adopted = adopt(&cache, &store, outcome, now).map_err(CommandError::stage)?;
    outcome.state = State::Done { backup: backup.clone(), adopted };
    backup::write_report(&backup, &wire::document(outcome))
}

/// Keeps renditions and who waits for them, and that they came, in one transaction.
fn keep_renditions(
    store: &Store,
    renditions: &[RenditionPlan],
    waiters: &[WaiterPlan],
    now: i64,
) -> Result<(), StoreError> {
    let (renditions, waiters) = (renditions.to_vec(), waiters.to_vec());
    store.write(move |tx| {
        for plan in &renditions {
            tx.renditions().insert(&plan.rendition)?;
            tx.legacy_rows().add(&plan.legacy_row(), now)?;
        }
        for plan in &waiters {
            tx.waiters().add(&plan.waiter)?;
            tx.legacy_rows().add(&plan.legacy_row(), now)?;
        }
        Ok(())
    })
}

/// Opens the cache for adopting alone: nothing is used, so nothing has to be proven.
fn open_cache(store: &Arc<Store>, config: &Config, clock: NodeClock) -> Result<Cache, CacheError> {
    let options = cache::Options {
        root: config.cache.root.clone(),
        limits: limits(config),
        clock: Arc::new(clock),
        prover: Arc::new(NoProver),
        targets: Vec::new(),
    };
    Cache::open(Arc::clone(store), options)
}

/// Takes the files into the cache, where they lie, and keeps that they came. Returns how many there are now.
fn adopt(cache: &Cache, store: &Store, outcome: &mut Outcome, now: i64) -> Result<u64, CacheError> {
    let report = cache.adopt(outcome.plan.files.iter().map(adopted).collect())?;
    let refused: BTreeSet<&Key> = report.refused.iter().map(|(key, _)| key).collect();
    let taken = outcome.plan.files.iter().filter(|file| !refused.contains(&file.key));
    let rows: Vec<LegacyRow> = taken.flat_map(FilePlan::legacy_rows).collect();
    store.write(move |tx| rows.iter().try_for_each(|row| tx.legacy_rows().add(row, now).map(|_| ())))?;
    for (key, why) in &report.refused {
        outcome.plan.notes.add(NoteKind::Refused, format!("{}: {why}", key.path().display()));
    }
    Ok(report.adopted)
}

fn adopted(file: &FilePlan) -> Adopted {
    Adopted {
        key: file.key.clone(),
        modified_nanoseconds: file.modified_nanoseconds,
        bytes: file.bytes,
        used_milliseconds: file.used_milliseconds,
        leases: file.leases.clone(),
    }
}

/// Stands where a cache in use has somebody who looks into files.
#[derive(Debug)]
struct NoProver;

impl Prover for NoProver {
    fn prove(&self, path: &Path) -> Result<VerifiedFile, ProofError> {
        Err(ProofError::Read { path: path.to_owned(), source: std::io::ErrorKind::Unsupported.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    #[test]
    fn a_file_that_went_since_is_refused_and_not_noted_as_taken() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("video/1")).unwrap();
        fs::write(folder.path().join("video/1/1.flv"), "some").unwrap();
        let root = folder.path().join("video");
        let toml = format!("data_folder = {:?}\n[cache]\nroot = {root:?}\n", folder.path());
        fs::write(folder.path().join("reelmill.toml"), toml).unwrap();
        let sources = Sources { file: Some(folder.path().join("reelmill.toml")), ..Sources::default() };
        let config = crate::config::read(&sources).unwrap().config;
        let terms = terms(&config, 1_700_000_000_000);
        let mut old = Old { found: legacy::list(&root).unwrap(), ..Old::default() };
        let gone = legacy::FoundFile { key: Key::parse("2").unwrap(), ..old.found.files[0].clone() };
        old.found.files.push(gone);
        let plan = legacy::decide(&old, &Present::default(), &terms);
        let mut outcome = Outcome { root, plan, terms, state: State::Would };
        let database = folder.path().join(store::FILE_NAME);
        let store = Arc::new(Store::open(&database, &store::Options::default()).unwrap());
        let cache = open_cache(&store, &config, NodeClock::start()).unwrap();
        assert_eq!(adopt(&cache, &store, &mut outcome, 1).unwrap(), 1);
        assert_eq!(outcome.plan.notes.count(NoteKind::Refused), 1);
        let present = present(&database, 1).unwrap();
        assert_eq!(present.files, BTreeSet::from([Key::parse("1").unwrap()]));
        assert_eq!(present.rows.len(), 1);
        let again = legacy::decide(&old, &present, &outcome.terms);
        assert_eq!(again.files.iter().map(|file| file.key.to_string()).collect::<Vec<_>>(), ["2"]);
    }
}
