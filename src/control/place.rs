//! Where the socket is: in the data folder, however long its path is.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// The socket's name in the data folder.
pub const SOCKET_NAME: &str = "control.sock";

/// What the system takes as the path of a socket, its closing zero aside.
const ADDRESS_BYTES_MAX: usize = 107;

/// A path that the system takes as a socket's; a long one leads through the open folder.
#[derive(Debug)]
pub(super) struct Address {
    path: PathBuf,
    _folder: Option<File>,
}

impl Address {
    /// Returns the address of `name` in `folder`.
    pub(super) fn of(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(name);
        if path.as_os_str().len() <= ADDRESS_BYTES_MAX {
            return Ok(Self { path, _folder: None });
        }
        let opened = File::open(folder)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{name}", opened.as_raw_fd()));
        Ok(Self { path, _folder: Some(opened) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
