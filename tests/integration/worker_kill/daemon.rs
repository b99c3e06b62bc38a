//! The real daemon in folders of its own: started, asked by HTTP, looked at, killed, and started again where it was.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use reelmill::store::{FILE_NAME, ReadOnly, StoreError};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::binary::reelmill;
use crate::support::clip::scratch;
use crate::support::process::{children_of, is_there};

/// What comes at all comes in this time; a test that waits longer has found a defect.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what changes by itself.
pub(super) const LOOK: Duration = Duration::from_millis(2);
/// All that a cache of these tests may hold: enough for what is held, and too little for all that comes.
pub(super) const BYTES_MAX: u64 = 64 << 20;

/// What a daemon was doing; where it does several things, the first of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Taking up what is there; nobody can ask it anything yet.
    Recovering,
    /// A file gets its name and its row.
    Committing,
    /// A file that came is looked into.
    Proving,
    /// A file that came is brought into the cache's container.
    Repacking,
    /// A rendition is made.
    Transcoding,
    /// A file comes, or is asked for.
    Downloading,
    /// Nothing but telling events.
    Delivering,
    /// Nothing.
    Idle,
}

impl Phase {
    pub(super) const ALL: [Self; 8] = [
        Self::Recovering,
        Self::Committing,
        Self::Proving,
        Self::Repacking,
        Self::Transcoding,
        Self::Downloading,
        Self::Delivering,
        Self::Idle,
    ];

    /// Returns the phase that a running job tells.
    fn of_job(name: &str) -> Self {
        match name {
            "committing" => Self::Committing,
            "proving" => Self::Proving,
            "repacking" => Self::Repacking,
            // One that was claimed a moment ago has no phase yet.
            "" | "looking" | "following" | "asking" | "receiving" | "waiting" | "finishing" => Self::Downloading,
            _ => Self::Transcoding,
        }
    }
}

/// Where a node lives.
pub(super) struct Place {
    folder: TempDir,
}

impl Place {
    /// Makes the folders and the configuration; events go to `webhook`.
    pub(super) fn new(webhook: Option<&str>) -> Self {
        let folder = scratch();
        let path = folder.path().display();
        fs::create_dir(folder.path().join("cache")).unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let webhook = webhook.map_or(String::new(), |url| {
            format!("[webhook]\nurl = \"{url}\"\nsecret_file = \"{}\"\n", secret.display())
        });
        let text = format!(
            "data_folder = \"{path}/data\"\nnode_id = \"node-1\"\n\
             [api]\nlisten = \"127.0.0.1:0\"\n\
             [cache]\nroot = \"{path}/cache\"\nbytes_max = \"{BYTES_MAX}\"\nfree_bytes_min = \"0\"\n\
             [download]\nallow = [\"127.0.0.0/8\"]\nrate = \"0\"\nretries = 1\nretry_wait = \"50ms\"\n\
             [transcode]\npreset = \"ultrafast\"\njobs = 2\n{webhook}"
        );
        fs::write(folder.path().join("reelmill.toml"), text).unwrap();
        Self { folder }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(super) fn root(&self) -> PathBuf {
        self.path().join("cache")
    }

    /// Returns the command that runs the node.
    pub(super) fn command(&self) -> Command {
        reelmill(self.path(), &format!("-v worker --config {}/reelmill.toml", self.path().display()))
    }
}

/// A running daemon; gone with this value.
pub(super) struct Daemon {
    child: Child,
    /// It may be traced: then its number is not that of what we started.
    is_traced: bool,
    pub(super) began: Instant,
    address: Option<SocketAddr>,
    ready: Receiver<SocketAddr>,
    /// What it logs, for whoever reads of a failure.
    log: Option<JoinHandle<String>>,
}

impl Daemon {
    pub(super) fn start(place: &Place) -> Self {
        Self::of(place.command(), false)
    }

    /// Starts a command that runs a daemon, perhaps under `strace`.
    pub(super) fn of(mut command: Command, is_traced: bool) -> Self {
        let began = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (tell, ready) = sync_channel(1);
        let log = thread::spawn(move || {
            let mut log = String::new();
            for line in stderr.lines().map_while(Result::ok) {
                if let Some(rest) = line.split("ready: http://").nth(1) {
                    // Whoever killed it does not listen any more.
                    let _ = tell.try_send(rest.split(',').next().unwrap().parse().unwrap());
                }
                log.push_str(&line);
                log.push('\n');
            }
            log
        });
        Self { child, is_traced, began, address: None, ready, log: Some(log) }
    }

    /// Returns the daemon's own number; none where it has ended.
    pub(super) fn pid(&self) -> Option<u32> {
        if self.is_traced { children_of(self.child.id()).first().copied() } else { Some(self.child.id()) }
    }

    /// Waits until it can be asked, but not longer than this; returns whether it can.
    pub(super) fn ready_within(&mut self, patience: Duration) -> bool {
        if self.address.is_none() {
            self.address = self.ready.recv_timeout(patience).ok();
        }
        self.address.is_some()
    }

    /// Waits until it can be asked; returns whether it did not end before.
    pub(super) fn until_ready(&mut self) -> bool {
        let began = Instant::now();
        let is_ready = self.ready_within(PATIENCE);
        assert!(is_ready || began.elapsed() < PATIENCE, "it is not ready after a minute");
        if !is_ready {
            // It says nothing more: it has ended, or does so this moment.
            self.child.wait().unwrap();
        }
        is_ready
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Asks; nothing where no whole answer comes, since it is not ready, or dies.
    pub(super) fn ask(&self, line: &str, headers: &str, body: &str) -> Option<(u16, Value)> {
        let mut stream = TcpStream::connect(self.address?).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n{headers}\
             content-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8(answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, serde_json::from_str(body).ok()?))
    }

    pub(super) fn get(&self, path: &str) -> Option<Value> {
        let (status, body) = self.ask(&format!("GET {path}"), "", "")?;
        (status == 200).then_some(body)
    }

    /// Returns every event that is kept, in order.
    pub(super) fn events(&self) -> Option<Vec<Value>> {
        let (mut events, mut after) = (Vec::new(), "0".to_owned());
        loop {
            let mut page = self.get(&format!("/api/v1/events?after={after}&limit=200"))?;
            events.append(page["items"].as_array_mut().unwrap());
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => return Some(events),
            }
        }
    }

    /// Returns what its running jobs tell, with their numbers.
    pub(super) fn running(&self) -> Option<Vec<(i64, Phase)>> {
        let page = self.get("/api/v1/jobs?state=running")?;
        let jobs = page["items"].as_array().unwrap().iter();
        Some(jobs.map(|job| (job["id"].as_i64().unwrap(), Phase::of_job(job["phase"].as_str().unwrap()))).collect())
    }

    /// Returns whether it has no job that runs or waits.
    pub(super) fn has_no_work(&self) -> Option<bool> {
        // First those that wait: they come to run, and never the other way round unless the node ends.
        let waiting = self.get("/api/v1/jobs?state=waiting")?;
        Some(waiting["items"].as_array()?.is_empty() && self.running()?.is_empty())
    }

    /// Returns what it does.
    pub(super) fn phase(&mut self, place: &Place) -> Phase {
        if !self.ready_within(Duration::ZERO) {
            return Phase::Recovering;
        }
        let running = self.running().unwrap_or_default();
        let first = running.into_iter().map(|(_, phase)| phase).min();
        first.unwrap_or_else(|| if undelivered(place) > 0 { Phase::Delivering } else { Phase::Idle })
    }

    /// Kills it, and sees that its children go with it; returns how long that took.
    pub(super) fn kill(mut self) -> Duration {
        let children = children_of(self.child.id());
        self.child.kill().unwrap();
        let killed = Instant::now();
        self.child.wait().unwrap();
        while children.iter().any(|pid| is_there(*pid)) {
            assert!(killed.elapsed() < PATIENCE, "{children:?} outlive it");
            thread::sleep(LOOK);
        }
        killed.elapsed()
    }

    /// Asks it to end, and waits until it has; returns how, and what it logged.
    pub(super) fn end(mut self) -> (ExitStatus, String) {
        if let Some(pid) = self.pid().and_then(|pid| Pid::from_raw(pid.try_into().unwrap())) {
            // It may have ended this moment.
            let _ = kill_process(pid, Signal::TERM);
        }
        self.ended()
    }

    /// Waits for its end; returns how it ended, and what it logged.
    pub(super) fn ended(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, self.log.take().map(|log| log.join().unwrap()).unwrap_or_default())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !self.has_ended() {
            for pid in self.pid().into_iter().chain([self.child.id()]) {
                let _ = kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::KILL);
            }
            let _ = self.child.wait();
        }
        if let (true, Some(log)) = (thread::panicking(), self.log.take()) {
            #[expect(clippy::print_stderr, reason = "what a daemon said says why a test failed")]
            {
                eprintln!("{}", log.join().unwrap_or_default());
            }
        }
    }
}

/// Returns how many events the webhook has yet to hear of.
pub(super) fn undelivered(place: &Place) -> u64 {
    let count = || {
        ReadOnly::open(&place.data().join(FILE_NAME))?
            .read(|reading| Ok::<_, StoreError>(reading.outbox().undelivered("webhook")?.count))
    };
    count().unwrap()
}
