//! `reelmill cache` as an operator calls it, on a node of its own.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reelmill::cache::{Adopted, Cache, CacheError, Key, Limits, Options, Prover};
use reelmill::clip::Recipe;
use reelmill::clock::NodeClock;
use reelmill::control::{Failed, Handler, Pinned, Progress, Reply, Request, Server};
use reelmill::media::Container;
use reelmill::proof::{ProofError, VerifiedFile};
use reelmill::store::{self, FILE_NAME, Store, StoreError};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::binary::{Said, contents, end, reelmill, refused};
use crate::support::clip::{make, scratch};

/// A moment in the past: 2025-11-20T18:00:00Z.
const USED: i64 = 1_763_661_600_000;
const KEYS: [&str; 2] = ["6666", "22/6667_240P"];

/// Nobody looks into files before a command does.
#[derive(Debug)]
struct Nobody;

impl Prover for Nobody {
    fn prove(&self, path: &Path) -> Result<VerifiedFile, ProofError> {
        panic!("{} is not to be looked into", path.display())
    }
}

/// A node's folders and its configuration.
struct Node(TempDir);

impl Node {
    /// A stopped node with two recordings, the first of which was used first.
    fn new() -> Self {
        let node = Self(scratch());
        node.configure(&node.root());
        let lesson = make(&node.0, "lesson.flv", &Recipe::plain(Container::Flv, "64x48", 1.0));
        let (cache, _store) = node.open();
        let adopted = KEYS.iter().zip(0..).map(|(key, number)| node.put(&lesson, key, USED + number * 60_000));
        assert_eq!(cache.adopt(adopted.collect()).unwrap().adopted, 2);
        node
    }

    fn configure(&self, root: &Path) {
        let data = self.data();
        fs::create_dir(&data).unwrap();
        let settings = format!("data_folder = {data:?}\n[cache]\nroot = {root:?}\nfree_bytes_min = \"0\"\n");
        fs::write(self.0.path().join("reelmill.toml"), settings).unwrap();
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("root")
    }

    fn store(&self) -> Arc<Store> {
        let options = store::Options { backup_every: None, ..store::Options::default() };
        loop {
            match Store::open(&self.data().join(FILE_NAME), &options) {
                // Between its fork and its program, another test's child has our files open, and so our locks.
                Err(StoreError::InUse { .. }) => std::thread::yield_now(),
                store => return Arc::new(store.unwrap()),
            }
        }
    }

    fn open(&self) -> (Cache, Arc<Store>) {
        let store = self.store();
        let limits = Limits { bytes_max: 1 << 30, count_max: 10, free_bytes_min: 0 };
        let (clock, prover) = (Arc::new(NodeClock::start()), Arc::new(Nobody));
        let options = Options { root: self.root(), limits, clock, prover, targets: Vec::new() };
        loop {
            match Cache::open(Arc::clone(&store), options.clone()) {
                Err(CacheError::InUse { .. }) => std::thread::yield_now(),
                cache => return (cache.unwrap(), store),
            }
        }
    }

    fn put(&self, lesson: &Path, key: &str, used_milliseconds: i64) -> Adopted {
        let key = Key::parse(key).unwrap();
        let path = self.root().join(key.path());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(lesson, &path).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        Adopted {
            key,
            modified_nanoseconds: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
            bytes: metadata.len(),
            used_milliseconds,
            leases: Vec::new(),
        }
    }

    fn file(&self, key: &str) -> PathBuf {
        self.root().join(Key::parse(key).unwrap().path())
    }

    /// Runs a command on a stopped node.
    fn cache(&self, line: &str) -> Said {
        loop {
            let said = self.cache_once(line);
            // As in `store`.
            if !matches!(said.code_if_any(), Some("DB_IN_USE" | "CACHE_IN_USE")) {
                return said;
            }
        }
    }

    fn cache_once(&self, line: &str) -> Said {
        end(&mut reelmill(self.0.path(), &format!("cache {line} --config reelmill.toml")))
    }

    fn refused(&self, line: &str, exit: i32, code: &str) -> Said {
        refused(&self.0, &format!("cache {line} --config reelmill.toml"), exit, code)
    }
}

#[test]
fn looking_tells_what_is_there_and_changes_nothing() {
    let node = Node::new();
    let before = contents(node.0.path());
    let list = node.cache("ls").succeeded();
    let lines: Vec<&str> = list.stdout.lines().map(str::trim_end).collect();
    assert!(lines[0].trim_start().starts_with("key ") && lines[3].starts_with("2 files, "), "{list}");
    assert!(lines[1].contains("6666 ") && lines[1].contains(" next  ready"), "{list}");
    let document = node.cache("ls --sort used --json").succeeded().document();
    assert_eq!(document["schema"], "reelmill.cache-ls/1");
    assert_eq!([&document["files"][0]["key"], &document["files"][1]["key"]], ["22/6667_240P", "6666"]);
    let stat = node.cache("stat --json").succeeded().document();
    assert_eq!((&stat["schema"], &stat["all"]["files"]), (&"reelmill.cache-stat/1".into(), &2.into()));
    assert_eq!((&stat["evictable"]["files"], &stat["unproven"]["files"]), (&2.into(), &2.into()));
    let sheet = node.cache("stat").succeeded();
    assert!(
        sheet.stdout.contains("root: nobody has it open\n") && sheet.stdout.contains(" 2 of 1000\n"),
        "{sheet}"
    );
    let why = node.cache("why 22/6667_240P").succeeded();
    assert!(why.stdout.starts_with("22/6667_240P: in the cache\n"), "{why}");
    assert!(why.stdout.contains("goes      after 1 other file\n  next      6666, "), "{why}");
    let unknown = node.cache("why 7").succeeded();
    assert!(unknown.stdout.starts_with("7: not in the cache, and nothing is known of it\n"), "{unknown}");
    assert_eq!(contents(node.0.path()), before);
}

#[test]
fn a_pinned_file_stays_until_it_is_unpinned_and_what_was_evicted_is_remembered() {
    let node = Node::new();
    let pinned = node.cache("pin 6666 --as ann --for 7d --json").succeeded().document();
    assert_eq!((&pinned["schema"], &pinned["name"]), (&"reelmill.cache-pin/1".into(), &"ann".into()));
    let length = pinned["until_milliseconds"].as_i64().unwrap() - pinned["since_milliseconds"].as_i64().unwrap();
    assert!((604_790_000..=604_810_000).contains(&length), "{pinned}");
    let held = node.cache("ls --held --path").succeeded();
    assert!(held.stdout.contains("pin ann (") && held.stdout.contains("1 file, "), "{held}");
    assert!(held.stdout.contains("\n      6666/6666.flv\n"), "{held}");
    let said = node.cache("evict 6666");
    assert_eq!((said.exit, said.code()), (4, "CACHE_HELD"), "{said}");
    let other = node.cache("unpin 6666").succeeded();
    assert_eq!(other.stdout, "6666: was not pinned by operator\n");
    node.cache("unpin 6666 --as ann").succeeded();
    let gone = node.cache("evict 6666").succeeded();
    assert!(gone.stdout.starts_with("6666: evicted, ") && !node.file("6666").is_file(), "{gone}");
    let why = node.cache("why 6666").succeeded();
    assert!(why.stdout.starts_with("6666: not in the cache any more\n") && why.stdout.contains("by hand"), "{why}");
    let again = node.cache("evict 6666 --json");
    assert_eq!((again.exit, &again.document()["error"]["code"]), (2, &"CACHE_MISSING".into()), "{again}");
}

#[test]
fn a_scrub_looks_into_every_file_and_ends_with_3_when_one_is_damaged() {
    let node = Node::new();
    fs::write(node.root().join("notes.txt"), "mine").unwrap();
    let sound = node.cache("scrub").succeeded();
    assert!(sound.stdout.starts_with("every file is as it should be\n  sound     2 files, "), "{sound}");
    assert!(sound.stdout.contains("2 of them looked into for the first time"), "{sound}");
    assert!(sound.stdout.contains("stranger  notes.txt"), "{sound}");
    let path = node.file("6666");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::remove_file(node.file("22/6667_240P")).unwrap();
    let said = node.cache("scrub --json --progress json");
    let document = said.document();
    assert_eq!((said.exit, &document["schema"]), (3, &"reelmill.cache-scrub/1".into()), "{said}");
    assert_eq!(document["damaged"]["first"][0], "6666: its bytes have changed");
    assert_eq!(document["missing"]["first"][0], "22/6667_240P");
    assert!(said.stderr.contains(r#""total_files":2"#), "{said}");
    assert!(!path.is_file() && node.root().join("notes.txt").is_file());
    assert_eq!(node.cache("stat --json").succeeded().document()["quarantined"]["files"], 1);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_touched() {
    let node = Node::new();
    for line in ["why ../../etc/passwd", "pin .hidden", "unpin /6666", "evict 6666/"] {
        node.refused(line, 2, "CACHE_KEY");
    }
    let said = node.cache("pin 6666 --for 7");
    assert_eq!(said.exit, 2, "{said}");
    assert!(said.stderr.contains("write 7d, 12h or 1h30m"), "{said}");
}

#[test]
fn k7_a_disk_that_was_replaced_is_claimed_by_command() {
    let node = Node::new();
    fs::remove_dir_all(node.root()).unwrap();
    fs::create_dir(node.root()).unwrap();
    let said = node.cache("pin 6666");
    assert_eq!((said.exit, said.code()), (5, "CACHE_DIR_NOT_MOUNTED"), "{said}");
    let said = node.cache("claim").succeeded();
    assert_eq!(said.stdout, format!("{}: this node's cache from now on\n", node.root().display()));
    let gone = node.cache("scrub --json");
    assert_eq!((gone.exit, &gone.document()["missing"]["count"]), (3, &2.into()), "{gone}");
    assert_eq!(node.cache("claim --json").succeeded().document()["recorded_files"], 0);
}

#[test]
fn where_no_database_is_none_is_made() {
    let folder = scratch();
    for line in ["stat", "ls", "why 6666", "pin 6666", "unpin 6666", "evict 6666", "scrub"] {
        refused(&folder, &format!("cache {line} --data-folder ."), 5, "DB_MISSING");
    }
}

#[test]
fn a_cache_whose_folder_cannot_be_made_is_told() {
    let node = Node(scratch());
    node.configure(&node.0.path().join("reelmill.toml/root"));
    drop(node.store());
    let said = node.cache("scrub");
    assert_eq!((said.exit, said.code()), (5, "CACHE_DISK"), "{said}");
    let sheet = node.cache("stat").succeeded();
    assert!(sheet.stdout.contains("disk      cannot be looked at"), "{sheet}");
}

#[test]
fn a_database_that_is_held_by_a_process_without_a_socket_is_in_use_and_read_all_the_same() {
    let node = Node::new();
    let (cache, _store) = node.open();
    for line in ["pin 6666", "scrub"] {
        let said = node.cache_once(line);
        assert_eq!((said.exit, said.code()), (75, "DB_IN_USE"), "{said}");
        assert!(said.stderr.contains(&format!("by process {}", std::process::id())), "{said}");
    }
    cache.evict(&Key::parse("6666").unwrap(), "room was needed").unwrap();
    let document = node.cache("why 6666 --json").succeeded().document();
    assert_eq!((&document["file"], &document["evicted"]["reason"]), (&Value::Null, &"room was needed".into()));
    let sheet = node.cache("stat").succeeded();
    assert!(sheet.stdout.contains(&format!("in use by process {}", std::process::id())), "{sheet}");
}

/// Answers as a worker would, and names what it was asked.
struct Worker;

impl Handler for Worker {
    fn handle(&self, request: Request, progress: &mut dyn FnMut(Progress)) -> Result<Reply, Failed> {
        match request {
            Request::Pin { key, name, .. } => {
                let (since_milliseconds, until_milliseconds) = (USED, Some(USED));
                Ok(Reply::Pinned(Pinned { key, name, since_milliseconds, until_milliseconds }))
            }
            Request::Evict { key, .. } => Err(Failed::of(&CacheError::Missing(key))),
            _ => {
                progress(Progress { phase: "scrubbing".to_owned(), files: 7, ..Progress::default() });
                Err(Failed::of(&CacheError::Cancelled))
            }
        }
    }
}

#[test]
fn a_running_process_carries_changes_out_and_its_failures_are_told_as_they_are() {
    let node = Node::new();
    let server = Server::start(&node.data(), Arc::new(Worker)).unwrap();
    let pinned = node.cache("pin 6666/6666.flv --as ann").succeeded();
    assert_eq!(pinned.stdout, "6666: pinned by ann until 2025-11-20T18:00:00Z\n");
    let missing = node.cache("evict 22/6667_240P");
    assert_eq!((missing.exit, missing.code()), (2, "CACHE_MISSING"), "{missing}");
    assert!(missing.stderr.contains("22/6667_240P is not in the cache\n  help: reelmill cache ls"), "{missing}");
    let scrub = node.cache("scrub --progress json");
    assert_eq!((scrub.exit, scrub.code()), (130, "CANCELLED"), "{scrub}");
    assert!(scrub.stderr.contains(r#""phase":"scrubbing""#), "{scrub}");
    drop(server);
    // The socket of a process that was killed keeps nobody out.
    drop(std::os::unix::net::UnixListener::bind(node.data().join("control.sock")).unwrap());
    node.cache("pin 6666").succeeded();
}
