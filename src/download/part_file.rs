//! A file on its way: its bytes in `<name>.part`, and beside them `<name>.part.meta`, which says whose bytes these are and
//! how many are on the disk for certain.
//!
//! What survives a crash: the sidecar is on the disk before the first byte, a length is noted only after that many bytes
//! are, and with the hash of all of them. A new process believes the last whole line, if the bytes still have that hash,
//! and nothing else. What to do with an answer of the origin is decided elsewhere (`range`).
//!
//! ```text
//! (nothing) ──open──▶ empty ──begin──▶ growing ──whole──▶ whole ──publish──▶ under its name
//!                       ▲                 │ │                │
//!                       └──── discard ◀───┘ └── open (next process) goes on from the last durable length
//! ```

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::own_file::{is_file, open_own, reserve};
use super::range::Validator;
use super::sidecar::{lock, note, read_sidecar, remove_sidecar};
use super::{DownloadError, wire};
use crate::atomic_file;
use crate::content_hash::ContentHash;
use crate::failure::is_disk_full;
use crate::held_lock::HeldLock;
use crate::room::{Grant, Room};

/// Whose bytes a part file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// As it was asked for.
    pub url: String,
    /// Where the redirects led.
    pub final_url: String,
    /// What tells this version from others; without it nothing can be resumed.
    pub validator: Option<Validator>,
    /// Bytes in all, where that is known.
    pub total: Option<u64>,
}

/// A length and the hash of all bytes up to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Bytes from the beginning.
    pub bytes: u64,
    /// Their SHA-256 in hex.
    pub sha256: String,
}

/// A part file, open and its own process's.
#[derive(Debug)]
pub(super) struct PartFile {
    path: PathBuf,
    pub(super) file: File,
    pub(super) sidecar: HeldLock,
    origin: Option<Origin>,
    pub(super) hash: ContentHash,
    pub(super) written: u64,
    /// What the sidecar says already.
    pub(super) noted: u64,
    /// What lies on the disk is an earlier run's still, and not what is asked for now: it stays until something better
    /// comes.
    holds_leftover: bool,
    /// What the file may use; the sidecar's few bytes are not counted.
    grant: Grant,
}

/// What became of what an earlier run left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leftover {
    /// There was nothing.
    None,
    /// So many bytes are taken over.
    Resumed(u64),
    /// It was thrown away, for this reason: it is of no use to anybody.
    Discarded(&'static str),
    /// It is of no use now, for this reason, and stays until the first byte comes.
    NotWanted(&'static str),
}

/// Returns the name of the part file for `output`.
pub fn part_path(output: &Path) -> PathBuf {
    with_suffix(output, ".part")
}

/// Returns the name of the sidecar for `output`.
pub fn sidecar_path(output: &Path) -> PathBuf {
    with_suffix(output, ".part.meta")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(super) fn disk(path: &Path) -> impl Fn(io::Error) -> DownloadError + '_ {
    |source| DownloadError::Disk { path: path.to_owned(), source }
}

/// Returns what a failed sync means. A full disk says so now and then only here, and has lost nothing that was noted.
pub(super) fn sync_failed(path: &Path, source: io::Error) -> DownloadError {
    let path = path.to_owned();
    if is_disk_full(&source) { DownloadError::Disk { path, source } } else { DownloadError::Sync { path, source } }
}

impl PartFile {
    /// Opens and locks the part file of `output`, and takes over what an earlier run left of `url`, if `resume` and if it
    /// can be trusted.
    ///
    /// # Errors
    /// Another process holds it, the names are taken by something else, or the disk refuses.
    pub(super) fn open(output: &Path, url: &str, resume: bool) -> Result<(Self, Leftover), DownloadError> {
        let path = part_path(output);
        let mut part = Self::claim(&path, &sidecar_path(output))?;
        let leftover = part.take_over(url, resume).map_err(disk(&path))?;
        match leftover {
            Leftover::Resumed(_) => {}
            Leftover::NotWanted(_) => part.holds_leftover = true,
            Leftover::None | Leftover::Discarded(_) => part.discard()?,
        }
        Ok((part, leftover))
    }

    fn claim(path: &Path, sidecar_path: &Path) -> Result<Self, DownloadError> {
        let has_sidecar = is_file(sidecar_path).map_err(|_| DownloadError::PartTaken(sidecar_path.to_owned()))?;
        let is_foreign = |part: fs::Metadata| !part.is_file() || (part.len() > 0 && !has_sidecar);
        if fs::symlink_metadata(path).is_ok_and(is_foreign) {
            return Err(DownloadError::PartTaken(path.to_owned()));
        }
        // Addresses may carry signatures that open doors; those are nobody else's business.
        // It is there before the part and goes after it, so its lock is the lock of both.
        let sidecar = lock(open_own(sidecar_path, 0o600)?, sidecar_path)?;
        let file = open_own(path, 0o666)?;
        // Both names must outlive a power cut, or bytes would lie there that nobody can tell from a stranger's.
        atomic_file::sync_folder(path).map_err(disk(path))?;
        let hash = ContentHash::default();
        Ok(Self {
            path: path.to_owned(),
            file,
            sidecar,
            origin: None,
            hash,
            written: 0,
            noted: 0,
            holds_leftover: false,
            grant: Grant::default(),
        })
    }

    /// From here on asks `room` before bytes come: at once for what was taken over and all that is to follow.
    ///
    /// # Errors
    /// There is no room for that; what was taken over stays.
    pub(super) fn within(&mut self, room: Option<Arc<dyn Room>>) -> Result<(), DownloadError> {
        self.grant = Grant::new(room);
        let total = self.origin.as_ref().and_then(|origin| origin.total);
        Ok(self.grant.reach(total.unwrap_or(0).max(self.written))?)
    }

    /// Reads what the sidecar says and whether the bytes agree.
    fn take_over(&mut self, url: &str, resume: bool) -> io::Result<Leftover> {
        let (origin, mark) = match read_sidecar(&mut self.sidecar)? {
            (Some(origin), Some(mark), _) => (origin, mark),
            _ if self.file.metadata()?.len() == 0 => return Ok(Leftover::None),
            _ => return Ok(Leftover::Discarded("what an earlier run left had not reached the disk")),
        };
        if !resume {
            return Ok(Leftover::NotWanted("--no-resume"));
        }
        if origin.url != url {
            return Ok(Leftover::NotWanted("what an earlier run left came from another address"));
        }
        if origin.validator.is_none() {
            return Ok(Leftover::Discarded("nothing tells whether the recording is still the same at the origin"));
        }
        let Some(hash) =
            hash_of_first(&mut self.file, mark.bytes)?.filter(|hash| hash.clone().finish() == mark.sha256)
        else {
            return Ok(Leftover::Discarded("what an earlier run left has been damaged since"));
        };
        self.file.set_len(mark.bytes)?;
        self.file.seek(SeekFrom::End(0))?;
        self.sidecar.seek(SeekFrom::End(0))?;
        (self.origin, self.hash, self.written, self.noted) = (Some(origin), hash, mark.bytes, mark.bytes);
        // The last line may be torn; the next one must not be glued to it.
        self.sidecar.write_all(b"\n")?;
        Ok(Leftover::Resumed(mark.bytes))
    }

    /// Returns how many bytes are here.
    pub(super) fn bytes(&self) -> u64 {
        self.written
    }

    /// Leaves an earlier run's bytes as they were. Where there were none, only a finished file's sidecar, that stays alone
    /// as before: a part beside it would hide what it speaks of.
    pub(super) fn leave(self) {
        if self.file.metadata().is_ok_and(|part| part.len() == 0) {
            // An empty part is no harm to anybody else.
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Returns whether an earlier run's bytes lie there, which nobody has asked for yet to be thrown away.
    pub(super) fn holds_leftover(&self) -> bool {
        self.holds_leftover
    }

    /// Returns whose they are; none before the first answer.
    pub(super) fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Returns the file's name while it is a part.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts anew with the bytes of `origin`: what is here is thrown away, room is reserved, and the sidecar says so
    /// before the first byte comes.
    ///
    /// # Errors
    /// The disk refuses, or there is no room for the whole.
    pub(super) fn begin(&mut self, origin: Origin) -> Result<(), DownloadError> {
        self.empty()?;
        self.grant.settle(origin.total.unwrap_or(0))?;
        if let Some(total) = origin.total.filter(|total| *total > 0) {
            reserve(&self.file, total).map_err(disk(&self.path))?;
        }
        self.note(&wire::origin(&origin))?;
        self.origin = Some(origin);
        Ok(())
    }

    /// Takes in how many bytes there are in all, where that was not known before.
    ///
    /// # Errors
    /// There is no room for so many.
    pub(super) fn learn_total(&mut self, total: Option<u64>) -> Result<(), DownloadError> {
        if let Some(origin) = &mut self.origin {
            origin.total = origin.total.or(total);
        }
        Ok(self.grant.reach(total.unwrap_or(0))?)
    }

    /// Throws away what is here, and gives its room back.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn discard(&mut self) -> Result<(), DownloadError> {
        self.empty()?;
        self.grant.give_back();
        Ok(())
    }

    /// Empties the files. The sidecar goes first: it must never speak of bytes that are gone.
    fn empty(&mut self) -> Result<(), DownloadError> {
        let failed = disk(&self.path);
        self.holds_leftover = false;
        (self.origin, self.hash, self.written, self.noted) = (None, ContentHash::default(), 0, 0);
        if self.sidecar.metadata().map_err(&failed)?.len() > 0 {
            self.sidecar.set_len(0).map_err(&failed)?;
            self.sidecar.sync_all().map_err(|source| sync_failed(&self.path, source))?;
        }
        self.sidecar.rewind().map_err(&failed)?;
        self.file.set_len(0).map_err(&failed)?;
        self.file.rewind().map_err(&failed)
    }

    /// Appends `bytes`; they are not on the disk for certain before [`Self::sync`].
    ///
    /// # Errors
    /// There is no room for them, or the disk refuses.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
        self.grant.reach(self.written + bytes.len() as u64)?;
        self.file.write_all(bytes).map_err(disk(&self.path))?;
        self.hash.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Returns where it stands.
    pub(super) fn mark(&self) -> Mark {
        Mark { bytes: self.written, sha256: self.hash.clone().finish() }
    }

    /// Brings all bytes to the disk, and then the word of it.
    ///
    /// # Errors
    /// The disk failed to keep them: nothing of the file can be trusted then.
    pub(super) fn sync(&mut self) -> Result<(), DownloadError> {
        if self.noted == self.written {
            return Ok(());
        }
        self.file.sync_data().map_err(|source| sync_failed(&self.path, source))?;
        self.note(&wire::durable(&self.mark()))?;
        self.noted = self.written;
        Ok(())
    }

    fn note(&mut self, line: &str) -> Result<(), DownloadError> {
        note(&mut self.sidecar, line, &self.path)
    }

    /// Declares the file whole; what it came to.
    ///
    /// # Errors
    /// As [`Self::sync`].
    pub(super) fn whole(&mut self) -> Result<Mark, DownloadError> {
        self.file.sync_all().map_err(|source| sync_failed(&self.path, source))?;
        let mark = self.mark();
        self.note(&wire::whole(&mark))?;
        Ok(mark)
    }

    /// Gives the whole file its name, and removes the sidecar.
    ///
    /// # Errors
    /// The name is taken and not to be overwritten, or the disk refuses.
    pub(super) fn publish(self, output: &Path, overwrite: bool) -> Result<(), DownloadError> {
        if let Err(source) = self.file.sync_all() {
            let error = sync_failed(&self.path, source);
            self.remove()?;
            return Err(error);
        }
        let published = if overwrite {
            atomic_file::publish(&self.path, output)
        } else {
            atomic_file::publish_new(&self.path, output)
        };
        published.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => DownloadError::Exists(output.to_owned()),
            _ => disk(output)(source),
        })?;
        remove_sidecar(&self.sidecar, output)
    }

    /// Removes the part and its sidecar, in this order: a part without a sidecar would count as a stranger's.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn remove(mut self) -> Result<(), DownloadError> {
        let sidecar = with_suffix(&self.path, ".meta");
        fs::remove_file(&self.path).map_err(disk(&self.path))?;
        self.grant.give_back();
        fs::remove_file(&sidecar).map_err(disk(&sidecar))
    }
}

/// Returns the hash of the first `bytes`; nothing when there are fewer.
fn hash_of_first(file: &mut File, bytes: u64) -> io::Result<Option<ContentHash>> {
    file.rewind()?;
    let (mut hash, mut buffer, mut left) = (ContentHash::default(), vec![0; 1 << 20], bytes);
    while left > 0 {
        let wanted = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        match file.read(&mut buffer[..wanted])? {
            0 => return Ok(None),
            count => {
                hash.update(&buffer[..count]);
                left -= count as u64;
            }
        }
    }
    Ok(Some(hash))
}

#[cfg(test)]
mod tests;
