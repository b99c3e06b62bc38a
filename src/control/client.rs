//! Asking the process that holds the node's state.

use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::line::{Lines, NoLine};
use super::message::{Answer, Progress, Reply, Request, decode, encode};
use super::place::{Address, SOCKET_NAME};
use super::{ControlError, Failed};

/// A greeting needs no work, so a process that is well sends it at once, also on a machine that is busy.
const GREETING_TIME: Duration = Duration::from_secs(10);
/// Longer than any step between two lines of progress, such as the wait for a disk's lock; a process that says nothing
/// for so long is not well.
const ANSWER_TIME: Duration = Duration::from_secs(600);
/// Two lists of names and more fit, each of them with its longest paths.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Asks the process that listens in `folder`, tells progress as it comes, and returns what came of it.
///
/// # Errors
/// [`ControlError::Nobody`] where no process listens: nothing was asked then. [`ControlError::Failed`] where one does,
/// and failed.
pub fn ask(folder: &Path, request: &Request, progress: &mut dyn FnMut(Progress)) -> Result<Reply, ControlError> {
    let path = folder.join(SOCKET_NAME);
    let stream = connect(folder, &path)?;
    let mut lines = Lines::new(&stream, ANSWER_BYTES_MAX);
    greeted(&mut lines, &path)?;
    // Where this fails, what was answered instead tells more than the error.
    let _ = (&mut &stream).write_all(encode(request).as_bytes());
    loop {
        match next(&mut lines, ANSWER_TIME)? {
            Answer::Greeting => {}
            Answer::Progress(so_far) => progress(so_far),
            Answer::Done { reply } => return Ok(reply),
            Answer::Error(body) => return Err(Failed::from(body).into()),
        }
    }
}

fn connect(folder: &Path, path: &Path) -> Result<UnixStream, ControlError> {
    let connected = Address::of(folder, SOCKET_NAME).and_then(|address| UnixStream::connect(address.path()));
    let connected = connected.and_then(|stream| stream.set_write_timeout(Some(GREETING_TIME)).map(|()| stream));
    connected.map_err(|error| match error.kind() {
        // Of a process that is gone, a socket stays and refuses.
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => ControlError::Nobody(path.to_owned()),
        ErrorKind::PermissionDenied => ControlError::Forbidden(path.to_owned()),
        _ => ControlError::socket("connect to", path)(error),
    })
}

/// Waits for the greeting. A process that ends has not heard a request before it.
fn greeted(lines: &mut Lines<'_>, path: &Path) -> Result<(), ControlError> {
    let nobody = || ControlError::Nobody(PathBuf::from(path));
    match lines.next(GREETING_TIME) {
        Ok(line) => match decode(&line)? {
            Answer::Error(body) => Err(Failed::from(body).into()),
            _ => Ok(()),
        },
        Err(NoLine::End | NoLine::Broken(_)) => Err(nobody()),
        Err(other) => Err(broken(other)),
    }
}

fn next(lines: &mut Lines<'_>, patience: Duration) -> Result<Answer, ControlError> {
    decode(&lines.next(patience).map_err(broken)?)
}

fn broken(reason: NoLine) -> ControlError {
    ControlError::Broken(match reason {
        NoLine::End => "the connection ended".to_owned(),
        NoLine::TooLong => "its answer has no end".to_owned(),
        NoLine::Silence => "it says nothing".to_owned(),
        NoLine::Broken(cause) => cause,
    })
}
