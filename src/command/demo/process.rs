//! A worker of the demo's own: a process like any other worker, in a folder below the demo's, begun anew each time.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::command::CommandError;
use crate::control::{self, Request};

/// The first line of a configuration that is ours, and of no other's folder.
const HEADING: &str = "# Written by `reelmill demo`, which begins this folder anew each time.";
/// How long a worker may take to begin: moments, also on a slow disk.
const BEGIN_WITHIN: Duration = Duration::from_secs(30);
/// How long it may take to end: more than it gives itself.
const END_WITHIN: Duration = Duration::from_secs(40);
/// Between two looks whether it has begun, or ended.
const PAUSE: Duration = Duration::from_millis(20);

/// Where the worker has its things.
#[derive(Debug)]
pub(super) struct Place {
    /// All of it.
    pub(super) folder: PathBuf,
    /// What it is configured by.
    pub(super) config: PathBuf,
    /// Its state.
    pub(super) data: PathBuf,
    /// What it says.
    pub(super) log: PathBuf,
}

/// A worker that runs; it is asked to end, and has ended, when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    /// Where its HTTP interface listens: an address and a port.
    pub(super) address: String,
}

impl Place {
    pub(super) fn below(folder: &Path) -> Self {
        let folder = folder.join("worker");
        let [config, data, log] = ["reelmill.toml", "data", "worker.log"].map(|name| folder.join(name));
        Self { folder, config, data, log }
    }

    /// Makes the folder, empty but for the configuration. A folder of somebody else's is left alone.
    pub(super) fn begin(&self) -> Result<(), CommandError> {
        let failed = |source| CommandError::OutputUnwritable { path: self.folder.clone(), source };
        if self.folder.symlink_metadata().is_ok() {
            let is_ours = fs::read_to_string(&self.config).is_ok_and(|text| text.starts_with(HEADING));
            if !is_ours {
                return Err(CommandError::WorkFolderTaken(self.folder.clone()));
            }
            if control::ask(&self.data, &Request::Status, &mut |_| {}).is_ok() {
                return Err(CommandError::OutputBusy(self.folder.clone()));
            }
            fs::remove_dir_all(&self.folder).map_err(failed)?;
        }
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let text = std::path::absolute(&self.folder).map(|folder| settings(&folder));
        text.and_then(|text| fs::write(&self.config, text)).map_err(failed)
    }
}

/// Returns what differs from the defaults: where things are, any free port, and that this machine may be fetched from.
fn settings(folder: &Path) -> String {
    let spelled = |name: &str| toml::Value::String(folder.join(name).display().to_string()).to_string();
    format!(
        "{HEADING}\ndata_folder = {}\n\n[api]\nlisten = \"127.0.0.1:0\"\n\n\
         [cache]\nroot = {}\nbytes_max = \"1GiB\"\nfree_bytes_min = \"64MiB\"\n\n\
         [download]\nallow = [\"127.0.0.0/8\"]\nrate = \"0\"\n",
        spelled("data"),
        spelled("cache")
    )
}

impl Worker {
    /// Starts one and waits until it takes bookings; nothing where it does not come to that, and its log says why, or where
    /// `stop` is said before.
    pub(super) fn start(place: &Place, stop: &AtomicBool) -> io::Result<Option<Self>> {
        let mut command = Command::new("/proc/self/exe");
        command.arg0("reelmill").args(["worker", "--end-with-stdin", "--config"]).arg(&place.config);
        // Its configuration is that file and nothing else, and a Ctrl-C is for us: we end it in our own time. Its stdin ends
        // with us, however we end.
        command.env_clear().process_group(0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let said = child.stderr.take();
        let mut worker = Self { child, address: String::new() };
        let ready = said.map(|said| listened(said, &place.log)).transpose()?;
        let address = ready.and_then(|ready| awaited(&ready, stop));
        Ok(address.map(|address| {
            worker.address = address;
            worker
        }))
    }

    /// Returns whether it has ended, which it should not by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end and waits for that.
    fn end(&mut self) -> io::Result<()> {
        if self.has_ended() {
            return Ok(());
        }
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let deadline = Instant::now() + END_WITHIN;
        while !self.has_ended() {
            if Instant::now() >= deadline {
                return self.child.kill().and_then(|()| self.child.wait().map(drop));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(pid = self.child.id(), %error, "the demo's worker cannot be ended");
        }
    }
}

/// Returns the address when it comes; nothing where it does not in time, or somebody wants to stop.
fn awaited(ready: &Receiver<String>, stop: &AtomicBool) -> Option<String> {
    let deadline = Instant::now() + BEGIN_WITHIN;
    while Instant::now() < deadline && !stop.load(Ordering::SeqCst) {
        match ready.recv_timeout(PAUSE) {
            Err(RecvTimeoutError::Timeout) => {}
            told => return told.ok(),
        }
    }
    None
}

/// Copies what the worker says into its log; returns where its address will come.
fn listened(said: ChildStderr, log: &Path) -> io::Result<Receiver<String>> {
    let log = File::create(log)?;
    // It says its address once.
    let (tell, told) = sync_channel(1);
    thread::Builder::new().name("worker's log".to_owned()).spawn(move || listen(said, log, &tell))?;
    Ok(told)
}

fn listen(said: ChildStderr, mut log: File, tell: &SyncSender<String>) {
    for line in BufReader::new(said).lines().map_while(Result::ok) {
        if let Some(address) = address_in(&line) {
            // Whoever no longer waits has given the worker up.
            let _ = tell.try_send(address.to_owned());
        }
        if let Err(error) = writeln!(log, "{line}") {
            tracing::debug!(%error, "the worker's log cannot be written");
        }
    }
}

/// Returns the address in `ready: http://127.0.0.1:8700, worker in …`.
fn address_in(line: &str) -> Option<&str> {
    line.strip_prefix("ready: http://")?.split(',').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, read};

    #[test]
    fn the_settings_are_a_configuration_whatever_the_folder_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("it's a \"demo\"\\");
        let place = Place::below(&odd);
        place.begin().unwrap();
        let config = read(&Sources { file: Some(place.config.clone()), ..Sources::default() }).unwrap().config;
        assert_eq!((config.node.data_folder, config.cache.root), (place.data.clone(), place.folder.join("cache")));
        fs::write(place.folder.join("left over"), "").unwrap();
        place.begin().unwrap();
        assert!(!fs::exists(place.folder.join("left over")).unwrap(), "begun anew");
    }

    #[test]
    fn a_folder_of_somebody_elses_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::below(folder.path());
        fs::create_dir(&place.folder).unwrap();
        fs::write(&place.config, "[node]\n").unwrap();
        assert_eq!(place.begin().unwrap_err().failure().code(), "WORK_FOLDER_TAKEN");
        assert_eq!(fs::read_to_string(&place.config).unwrap(), "[node]\n");
    }

    #[test]
    fn a_stop_is_heard_while_the_worker_begins() {
        let (tell, told) = sync_channel(1);
        let began = Instant::now();
        assert_eq!(awaited(&told, &AtomicBool::new(true)), None);
        assert!(began.elapsed() < BEGIN_WITHIN);
        tell.send("127.0.0.1:1".to_owned()).unwrap();
        assert_eq!(awaited(&told, &AtomicBool::new(false)).as_deref(), Some("127.0.0.1:1"));
        drop(tell);
        assert_eq!(awaited(&told, &AtomicBool::new(false)), None);
    }

    #[test]
    fn the_address_is_what_the_ready_line_says() {
        assert_eq!(address_in("ready: http://127.0.0.1:40123, worker in /tmp/x"), Some("127.0.0.1:40123"));
        assert_eq!(address_in("opened the store"), None);
    }
}
