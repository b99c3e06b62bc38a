//! Listening in the data folder: one thread that accepts, one for each connection, and a bound on these.
//!
//! Invariants: a live socket is never replaced, since whoever listens holds the folder's lock; nobody but the folder's
//! own user and root is heard; when the server is dropped, what runs is finished first.

use std::collections::HashMap;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::net::sockopt::socket_peercred;

use super::line::{Lines, NoLine};
use super::message::{Answer, Progress, Reply, Request, decode, encode};
use super::place::{Address, SOCKET_NAME};
use super::{ControlError, Failed};
use crate::held_lock::{HeldLock, NotHeld};

/// Under this name it is made, with its owner's permissions from the first moment that it has its own.
const DRAFT_NAME: &str = "control.sock.new";
/// Its owner's only.
const PRIVATE_MODE: u32 = 0o600;
/// A message of the length that HTTP takes, 1 MiB, with each of its bytes escaped as `\u0001`, and what stands around it.
pub(super) const REQUEST_BYTES_MAX: usize = (6 << 20) + (64 << 10);
/// A line of progress more often than a person can read it is none.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// How long nothing is accepted after that failed: a process without descriptors to spare gets none by asking at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Carries requests out.
pub trait Handler: Send + Sync {
    /// Carries one out, and tells how far it is. Runs on a thread of its own, beside others.
    ///
    /// # Errors
    /// What the one who asked is told.
    fn handle(&self, request: Request, progress: &mut dyn FnMut(Progress)) -> Result<Reply, Failed>;
}

/// How a server works; the default is what the node uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    /// Connections at a time. People and their scripts ask here, a few at once; each has a thread.
    pub(super) connections_max: usize,
    /// How long a connection may take to say what it wants.
    pub(super) request_time: Duration,
    /// How long a line may wait for somebody who does not read.
    pub(super) write_time: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { connections_max: 16, request_time: Duration::from_secs(10), write_time: Duration::from_secs(5) }
    }
}

/// Listens until it is dropped; dropping waits for the requests that run, and removes the socket.
#[derive(Debug)]
pub struct Server {
    socket: Socket,
    shared: Arc<Shared>,
    listener: Arc<UnixListener>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts to listen in `folder`.
    ///
    /// # Errors
    /// [`ControlError::InUse`]: another process does already.
    pub fn start(folder: &Path, handler: Arc<dyn Handler>) -> Result<Self, ControlError> {
        Self::start_with(folder, handler, Options::default())
    }

    pub(super) fn start_with(
        folder: &Path,
        handler: Arc<dyn Handler>,
        options: Options,
    ) -> Result<Self, ControlError> {
        let (socket, listener) = Socket::bind(folder)?;
        let listener = Arc::new(listener);
        let shared = Arc::new(Shared { owner: socket.owner, options, ..Shared::default() });
        let (accepted, answering) = (Arc::clone(&listener), Arc::clone(&shared));
        let accepting = thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || accept(&accepted, &answering, &handler))
            .map_err(ControlError::socket("start a thread for", &socket.path))?;
        Ok(Self { socket, shared, listener, accepting: Some(accepting) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.connections().is_ending = true;
        // Wakes the thread that accepts, and refuses everybody who comes now, as if nobody listened.
        let _ = rustix::net::shutdown(&*self.listener, rustix::net::Shutdown::Both);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.socket.remove();
        self.shared.wait_for_all();
    }
}

/// The socket's file, and the lock that makes it ours.
#[derive(Debug)]
struct Socket {
    path: PathBuf,
    /// Whose the folder is: the node's user, also where root runs this.
    owner: u32,
    file: (u64, u64),
    /// Locked as long as we listen; gone with the process however that ends.
    _folder: HeldLock,
}

impl Socket {
    fn bind(folder: &Path) -> Result<(Self, UnixListener), ControlError> {
        let path = folder.join(SOCKET_NAME);
        let opened = File::open(folder).map_err(ControlError::socket("open the folder of", &path))?;
        let locked = HeldLock::take(opened).map_err(|why| match why {
            NotHeld::ByOther(_) => ControlError::InUse(path.clone()),
            NotHeld::Refused(error) => ControlError::socket("lock the folder of", &path)(error),
        })?;
        refuse_others(folder, &path)?;
        let make = || {
            let owner = locked.metadata()?;
            let listener = listen(folder, &owner)?;
            fs::rename(folder.join(DRAFT_NAME), &path)?;
            Ok((owner.uid(), identity(&fs::symlink_metadata(&path)?), listener))
        };
        let (owner, file, listener) = make().map_err(ControlError::socket("make", &path))?;
        Ok((Self { path, owner, file, _folder: locked }, listener))
    }

    /// Removes the socket, unless somebody has put another in its place.
    fn remove(&self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| identity(&metadata) == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Refuses to replace what is no socket, and a socket that answers although its process does not hold the lock.
fn refuse_others(folder: &Path, path: &Path) -> Result<(), ControlError> {
    for name in [SOCKET_NAME, DRAFT_NAME] {
        let found = folder.join(name);
        match fs::symlink_metadata(&found) {
            Ok(metadata) if !metadata.file_type().is_socket() => return Err(ControlError::Taken(found)),
            _ => {}
        }
    }
    let answers = Address::of(folder, SOCKET_NAME).and_then(|address| UnixStream::connect(address.path())).is_ok();
    if answers { Err(ControlError::InUse(path.to_owned())) } else { Ok(()) }
}

/// Listens under the name of the draft.
fn listen(folder: &Path, owner: &Metadata) -> io::Result<UnixListener> {
    let draft = folder.join(DRAFT_NAME);
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(Address::of(folder, DRAFT_NAME)?.path())?;
    fs::set_permissions(&draft, Permissions::from_mode(PRIVATE_MODE))?;
    let us = rustix::process::geteuid();
    if us.is_root() && us.as_raw() != owner.uid() {
        // A command run by root must not shut the node's own user out.
        lchown(&draft, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(listener)
}

/// What the threads of a server have in common.
#[derive(Debug, Default)]
struct Shared {
    owner: u32,
    options: Options,
    connections: Mutex<Connections>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Connections {
    is_ending: bool,
    next: u64,
    /// A second handle on each, by which one that says nothing is ended.
    open: HashMap<u64, UnixStream>,
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection in, or says why it is not taken.
    fn admit(&self, stream: &UnixStream) -> Result<u64, ControlError> {
        let mut connections = self.connections();
        if connections.is_ending {
            return Err(ControlError::Busy("it is ending".to_owned()));
        }
        if connections.open.len() >= self.options.connections_max {
            return Err(ControlError::Busy(format!("{} others ask already", connections.open.len())));
        }
        let second = stream.try_clone().map_err(|error| ControlError::Busy(error.to_string()))?;
        connections.next += 1;
        let number = connections.next;
        connections.open.insert(number, second);
        Ok(number)
    }

    /// Ends the connections that have not said yet what they want, and waits for the others.
    fn wait_for_all(&self) {
        let mut connections = self.connections();
        for stream in connections.open.values() {
            // Nobody reads from those whose request runs.
            let _ = stream.shutdown(Shutdown::Read);
        }
        while !connections.open.is_empty() {
            connections = self.changed.wait(connections).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits after a failure to accept; returns at once when the server ends.
    fn pause(&self) {
        let connections = self.connections();
        if !connections.is_ending {
            drop(self.changed.wait_timeout(connections, ACCEPT_PAUSE));
        }
    }
}

/// A connection that is counted; dropping it counts it out, also after a panic.
struct Counted {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.shared.connections().open.remove(&self.number);
        self.shared.changed.notify_all();
    }
}

fn accept(listener: &UnixListener, shared: &Arc<Shared>, handler: &Arc<dyn Handler>) {
    loop {
        let accepted = listener.accept();
        if shared.connections().is_ending {
            return;
        }
        match accepted {
            Ok((stream, _)) => take(stream, shared, handler),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection to the control socket");
                shared.pause();
            }
        }
    }
}

/// Gives a connection its thread, or tells it why not.
fn take(stream: UnixStream, shared: &Arc<Shared>, handler: &Arc<dyn Handler>) {
    let mut speaker = Speaker::new(&stream, shared.options.write_time);
    let number = match check_peer(&stream, shared.owner).and_then(|()| shared.admit(&stream)) {
        Ok(number) => number,
        Err(error) => return speaker.say(&Answer::Error(Failed::of(&error).into())),
    };
    let counted = Counted { shared: Arc::clone(shared), number };
    let handler = Arc::clone(handler);
    let spawned = thread::Builder::new()
        .name("control-request".to_owned())
        .spawn(move || answer(&stream, &counted.shared.options, &*handler));
    if let Err(error) = spawned {
        // The connection went with the closure: to the one who asks it is as if nobody listened.
        tracing::warn!(%error, "cannot start a thread for a request");
    }
}

/// Admits the user of the folder, of this process, and root. The file's permissions say the same; this holds also for
/// whoever got at it before.
fn check_peer(stream: &UnixStream, owner: u32) -> Result<(), ControlError> {
    let path = Path::new(SOCKET_NAME);
    let peer =
        socket_peercred(stream).map_err(|error| ControlError::socket("ask who is at", path)(error.into()))?;
    if admits(peer.uid.as_raw(), owner, rustix::process::geteuid().as_raw()) {
        return Ok(());
    }
    tracing::warn!(uid = peer.uid.as_raw(), "a stranger at the control socket");
    Err(ControlError::Forbidden(path.to_owned()))
}

pub(super) fn admits(peer: u32, owner: u32, us: u32) -> bool {
    [0, owner, us].contains(&peer)
}

/// Hears one request and answers it.
fn answer(stream: &UnixStream, options: &Options, handler: &dyn Handler) {
    let mut speaker = Speaker::new(stream, options.write_time);
    speaker.say(&Answer::Greeting);
    let request = match Lines::new(stream, REQUEST_BYTES_MAX).next(options.request_time) {
        Ok(line) => decode::<Request>(&line),
        Err(NoLine::TooLong) => Err(ControlError::Line(format!("a request longer than {REQUEST_BYTES_MAX} bytes"))),
        // There is nobody to tell, or nothing to answer.
        Err(NoLine::End | NoLine::Silence | NoLine::Broken(_)) => return,
    };
    let result = request.map_err(|error| Failed::of(&error)).and_then(|request| {
        tracing::debug!(request = request.name(), "a request at the control socket");
        handler.handle(request, &mut |progress| speaker.tell(progress))
    });
    speaker.say(&match result {
        Ok(reply) => Answer::Done { reply },
        Err(failed) => Answer::Error(failed.into()),
    });
}

/// Writes lines to whoever asked, as long as somebody reads them.
struct Speaker<'a> {
    stream: &'a UnixStream,
    is_heard: bool,
    told: Option<Instant>,
}

impl<'a> Speaker<'a> {
    fn new(stream: &'a UnixStream, write_time: Duration) -> Self {
        let is_heard = stream.set_write_timeout(Some(write_time)).is_ok();
        Self { stream, is_heard, told: None }
    }

    fn say(&mut self, answer: &Answer) {
        if self.is_heard && self.stream.write_all(encode(answer).as_bytes()).is_err() {
            // What was begun goes on: half of it undone would be worse than nobody told.
            self.is_heard = false;
            tracing::debug!("nobody hears the answer of a request any more");
        }
    }

    fn tell(&mut self, progress: Progress) {
        if self.told.is_none_or(|told| told.elapsed() >= PROGRESS_EVERY) {
            self.told = Some(Instant::now());
            self.say(&Answer::Progress(progress));
        }
    }
}
