//! The folder of the cache on its disk: opened once, marked as ours, and the only place where names below it are made,
//! changed and removed.
//!
//! Everything goes from the opened folder down, one name at a time, and no link is followed: a disk that was unmounted, or
//! a link that somebody planted, leads nowhere else. What is not ours is never touched.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::marker::{self, MARKER};
use super::report::DiskFigures;
use super::{CacheError, Key};
use crate::held_lock::HeldLock;
use crate::store::CacheIdentity;

/// Where jobs work, each in a folder of its own.
pub(super) const WORK: &str = ".work";
/// Where damaged files are put.
pub(super) const QUARANTINE: &str = ".quarantine";

/// The opened folder, locked.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    folder: File,
    /// By which the folder is known, whatever has its name.
    device: (u64, u64),
    id: String,
    _lock: HeldLock,
}

/// What is where a file of ours should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    File {
        bytes: u64,
        modified_nanoseconds: i64,
        inode: u64,
    },
    /// No plain file; what it is.
    Other(String),
}

impl Found {
    pub(super) fn of(stat: &Stat) -> Self {
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Self::Other(kind(FileType::from_raw_mode(stat.st_mode)).to_owned());
        }
        Self::File {
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified_nanoseconds: modified_nanoseconds(stat),
            inode: stat.st_ino,
        }
    }
}

fn modified_nanoseconds(stat: &Stat) -> i64 {
    let nanoseconds = i64::try_from(stat.st_mtime_nsec).unwrap_or(0);
    stat.st_mtime.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

fn kind(file_type: FileType) -> &'static str {
    match file_type {
        FileType::Directory => "a folder",
        FileType::Symlink => "a link",
        _ => "no plain file",
    }
}

impl Root {
    /// Opens and locks the folder of a cache; one that was never marked is made and marked.
    ///
    /// # Errors
    /// It is not there, another node's, or in use.
    pub(super) fn open(path: &Path, identity: &CacheIdentity) -> Result<Self, CacheError> {
        let not_mounted = |why: &str| CacheError::NotMounted { root: path.to_owned(), why: why.to_owned() };
        let CacheIdentity { cache_id, is_marked, .. } = identity;
        if !is_marked {
            fs::create_dir_all(path).map_err(CacheError::disk("create", path))?;
        }
        let folder = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(not_mounted("it is not there")),
            result => result.map_err(CacheError::disk("open", path))?,
        };
        let device = identity_of(&folder.metadata().map_err(CacheError::disk("open", path))?);
        if *is_marked && marker::read(path)?.is_none() {
            // Nothing may be written here, not even a lock.
            return Err(not_mounted(&format!("the file {MARKER} is missing")));
        }
        let lock = marker::lock(path)?;
        match marker::read(path)? {
            Some(found) if found == *cache_id => {}
            Some(_) => return Err(CacheError::Foreign { root: path.to_owned() }),
            // It went between two looks, and its disk with it.
            None if *is_marked => return Err(not_mounted(&format!("the file {MARKER} is missing"))),
            None => marker::write(path, cache_id).map_err(CacheError::disk("write", &path.join(MARKER)))?,
        }
        marker::tell_owner(&folder, &std::process::id().to_string());
        Ok(Self { path: path.to_owned(), folder, device, id: cache_id.clone(), _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns which cache it is.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Returns where a file is, or would be.
    pub(super) fn path_of(&self, key: &Key) -> PathBuf {
        self.path.join(key.path())
    }

    /// Checks that the folder still has its name: otherwise its disk is gone, and what is made under that name would be on
    /// another one.
    pub(super) fn check(&self) -> Result<(), CacheError> {
        let why = match fs::metadata(&self.path) {
            Ok(now) if identity_of(&now) == self.device => return Ok(()),
            Ok(_) => "another folder has its name".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(CacheError::NotMounted { root: self.path.clone(), why })
    }

    /// Returns how the disk is.
    pub(super) fn disk(&self) -> Result<DiskFigures, CacheError> {
        disk_of(&self.folder).map_err(CacheError::disk("look at", &self.path))
    }

    /// Returns what has a file's name.
    pub(super) fn find(&self, key: &Key) -> Result<Found, CacheError> {
        let path = self.path_of(key);
        let Some(folder) = self.walk(key.folders(), false)? else { return Ok(Found::Nothing) };
        match rustix::fs::statat(&folder, key.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Found::of(&stat)),
            Err(Errno::NOENT) => Ok(Found::Nothing),
            Err(error) => Err(CacheError::disk("look at", &path)(error.into())),
        }
    }

    /// Opens a folder below the root, one name after the other; nothing where one is missing and not to be made.
    fn walk<'a>(&self, names: impl Iterator<Item = &'a str>, is_made: bool) -> Result<Option<OwnedFd>, CacheError> {
        let mut path = self.path.clone();
        let mut folder = self.folder.try_clone().map_err(CacheError::disk("open", &path))?.into();
        for name in names {
            path.push(name);
            folder = match open_folder(&folder, name) {
                Err(Errno::NOENT) if is_made => self.make_folder(&folder, name, &path)?,
                Err(Errno::NOENT) => return Ok(None),
                Err(Errno::LOOP | Errno::NOTDIR) => {
                    let what = "it is no folder".to_owned();
                    return Err(CacheError::Taken { path, what });
                }
                result => result.map_err(|error| CacheError::disk("open", &path)(error.into()))?,
            };
        }
        Ok(Some(folder))
    }

    fn make_folder(&self, parent: &OwnedFd, name: &str, path: &Path) -> Result<OwnedFd, CacheError> {
        let make = || {
            match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
            let made = open_folder(parent, name)?;
            self.give_to_owner(&made)?;
            // The new name must be on the disk before anything in it can be called so.
            sync(parent)?;
            Ok(made)
        };
        make().map_err(|error| CacheError::disk("create", path)(error.into()))
    }

    /// Gives what root made to whom the root folder belongs: the node must be able to remove it.
    fn give_to_owner(&self, made: &OwnedFd) -> Result<(), Errno> {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let owner = rustix::fs::fstat(&self.folder)?;
        let (user, group) = (rustix::fs::Uid::from_raw(owner.st_uid), rustix::fs::Gid::from_raw(owner.st_gid));
        rustix::fs::fchown(made, Some(user), Some(group))
    }

    /// Makes the folder that a job works in, or finds it. Not synced: what is lost with it in a power cut was not promised
    /// to anybody, and whoever wants room should not wait for the disk.
    pub(super) fn make_work_folder(&self, job: &str) -> Result<PathBuf, CacheError> {
        let path = self.work_folder(job);
        let Some(work) = self.walk([WORK].into_iter(), true)? else {
            return Err(CacheError::disk("create", &path)(ErrorKind::NotFound.into()));
        };
        let make = || match rustix::fs::mkdirat(&work, job, Mode::from_raw_mode(0o755)) {
            Ok(()) => self.give_to_owner(&open_folder(&work, job)?),
            Err(Errno::EXIST) => open_folder(&work, job).map(drop),
            Err(error) => Err(error),
        };
        match make() {
            Err(Errno::LOOP | Errno::NOTDIR) => Err(CacheError::Taken { path, what: "it is no folder".to_owned() }),
            result => {
                result.map(|()| path.clone()).map_err(|error| CacheError::disk("create", &path)(error.into()))
            }
        }
    }

    /// Returns the names of all work folders, and makes the folder that they are in.
    ///
    /// # Errors
    /// Something else has that one's name.
    pub(super) fn work_folders(&self) -> Result<Vec<String>, CacheError> {
        let path = self.path.join(WORK);
        let failed = CacheError::disk("list", &path);
        let Some(work) = self.walk([WORK].into_iter(), true)? else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in fs::read_dir(through(&work)).map_err(&failed)? {
            let entry = entry.map_err(&failed)?;
            if entry.file_type().map_err(&failed)?.is_dir() {
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    }

    /// Removes a work folder with all that is in it; one that is gone is gone.
    pub(super) fn remove_work_folder(&self, job: &str) -> Result<(), CacheError> {
        let path = self.work_folder(job);
        let Some(work) = self.walk([WORK].into_iter(), false)? else { return Ok(()) };
        match fs::remove_dir_all(through(&work).join(job)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(CacheError::disk("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    pub(super) fn work_folder(&self, job: &str) -> PathBuf {
        self.path.join(WORK).join(job)
    }

    /// Gives a work file its name, in the place of one that has it only if that `replaces`. The bytes must be on the disk.
    pub(super) fn publish(&self, work: &Path, key: &Key, replaces: bool) -> Result<(), CacheError> {
        let path = self.path_of(key);
        let failed = |error: Errno| match error {
            Errno::EXIST => {
                CacheError::Taken { path: path.clone(), what: "a file that is none of ours".to_owned() }
            }
            error => CacheError::disk("rename into", &path)(error.into()),
        };
        let relative = work.strip_prefix(&self.path).map_err(|_| CacheError::NotProven {
            path: work.to_owned(),
            why: "it is not in a work folder of this cache".to_owned(),
        })?;
        let Some(folder) = self.walk(key.folders(), true)? else { return Err(failed(Errno::NOENT)) };
        let flags = if replaces { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        match rustix::fs::renameat_with(&self.folder, relative, &folder, key.file_name(), flags) {
            // File systems that cannot refuse leave the time between two steps.
            Err(Errno::INVAL | Errno::NOSYS) if self.find(key)? == Found::Nothing || replaces => {
                rustix::fs::renameat(&self.folder, relative, &folder, key.file_name()).map_err(failed)?;
            }
            result => result.map_err(failed)?,
        }
        sync(&folder).map_err(|error| CacheError::Sync { path: path.clone(), source: error.into() })
    }

    /// Removes a file; one that is gone is gone. The name is off the disk when this returns.
    pub(super) fn remove(&self, key: &Key) -> Result<(), CacheError> {
        let path = self.path_of(key);
        let failed = |error: Errno| CacheError::disk("remove", &path)(error.into());
        let Some(folder) = self.walk(key.folders(), false)? else { return Ok(()) };
        match rustix::fs::unlinkat(&folder, key.file_name(), AtFlags::empty()) {
            // One that is gone may be gone by a try whose word did not reach the disk.
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(failed(error)),
        }
        sync(&folder).map_err(failed)?;
        self.remove_empty(key);
        Ok(())
    }

    /// Removes the folders of a key that have become empty; what keeps them is somebody else's business.
    fn remove_empty(&self, key: &Key) {
        let names: Vec<&str> = key.folders().collect();
        for count in (1..=names.len()).rev() {
            let Ok(Some(parent)) = self.walk(names[..count - 1].iter().copied(), false) else { return };
            if rustix::fs::unlinkat(&parent, names[count - 1], AtFlags::REMOVEDIR).is_err() {
                return;
            }
        }
    }

    /// Moves a damaged file aside.
    pub(super) fn set_aside(&self, key: &Key, number: i64) -> Result<(), CacheError> {
        let path = self.path_of(key);
        let failed = |error: Errno| CacheError::disk("move aside", &path)(error.into());
        let Some(from) = self.walk(key.folders(), false)? else { return Ok(()) };
        let Some(to) = self.walk([QUARANTINE].into_iter(), true)? else { return Err(failed(Errno::NOENT)) };
        match rustix::fs::renameat(&from, key.file_name(), &to, aside_name(key, number)) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(failed(error)),
        }
        sync(&to).and_then(|()| sync(&from)).map_err(failed)?;
        self.remove_empty(key);
        Ok(())
    }

    /// Removes a file that was moved aside; returns whether it was there.
    pub(super) fn remove_aside(&self, key: &Key, number: i64) -> Result<bool, CacheError> {
        let path = self.path.join(aside_path(key, number));
        let failed = |error: Errno| CacheError::disk("remove", &path)(error.into());
        let Some(folder) = self.walk([QUARANTINE].into_iter(), false)? else { return Ok(false) };
        match rustix::fs::unlinkat(&folder, aside_name(key, number), AtFlags::empty()) {
            Ok(()) => sync(&folder).map(|()| true).map_err(failed),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }
}

/// Returns where a file is that was moved aside, below the root.
pub(super) fn aside_path(key: &Key, number: i64) -> PathBuf {
    Path::new(QUARANTINE).join(aside_name(key, number))
}

fn aside_name(key: &Key, number: i64) -> String {
    format!("{number}-{}", key.file_name())
}

fn identity_of(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Returns a path to an open folder, whatever has its name by now.
fn through(folder: &OwnedFd) -> PathBuf {
    format!("/proc/self/fd/{}", folder.as_raw_fd()).into()
}

fn open_folder(parent: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// Brings a folder's names to the disk. File systems that cannot (some network mounts) answer EINVAL.
fn sync(folder: &OwnedFd) -> Result<(), Errno> {
    match rustix::fs::fsync(folder) {
        Err(Errno::INVAL) => Ok(()),
        result => result,
    }
}

/// Returns how the disk under an open folder is.
pub(super) fn disk_of(folder: &File) -> io::Result<DiskFigures> {
    let figures = rustix::fs::fstatvfs(folder)?;
    Ok(DiskFigures {
        total_bytes: figures.f_blocks.saturating_mul(figures.f_frsize),
        free_bytes: figures.f_bavail.saturating_mul(figures.f_frsize),
        // File systems that make inodes as they go say that they have none.
        free_files: (figures.f_files > 0).then_some(figures.f_favail),
    })
}

impl Drop for Root {
    fn drop(&mut self) {
        // Only for those who look; what keeps others out is the lock.
        marker::tell_owner(&self.folder, "");
    }
}
