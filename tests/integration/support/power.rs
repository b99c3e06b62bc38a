//! Disks that lose their power: ext4 in a file, shut down with nothing more written, and mounted again.
//!
//! What had not reached the disk is gone then, as after the real thing: the journal is not flushed, and what the kernel
//! still held in memory is thrown away. Only root may mount, so a test that needs this fails for everybody else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::oracle::tool;

/// Cuts the power of the filesystem that holds its argument: EXT4_IOC_SHUTDOWN, without flushing the journal.
const SHUTDOWN: &str = "import fcntl, os, sys\n\
    fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, (2).to_bytes(4, 'little'))";

/// A device is held for a moment or for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// A disk of its own, unmounted and gone with this value.
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// Makes an empty disk of so many mebibytes.
    pub(crate) fn new(mebibytes: u64) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        assert!(is_root, "only root may mount the disk whose power this test cuts: run the tests as root");
        let disk = Self { folder: TempDir::with_prefix("reelmill-disk-").unwrap() };
        let image = fs::File::create(disk.image()).unwrap();
        image.set_len(mebibytes << 20).unwrap();
        let image = disk.image();
        // No room kept for root, and the tables written at once, not by a thread of the kernel later.
        let features = ["-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0"];
        tool("mkfs.ext4", &[&features[..], &[image.to_str().unwrap()]].concat());
        fs::create_dir(disk.path()).unwrap();
        disk.mount();
        disk
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    /// Returns where it is mounted.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn mount(&self) {
        tool("mount", &["-o", "loop", self.image().to_str().unwrap(), self.path().to_str().unwrap()]);
    }

    /// Cuts the power: from now on nothing can be written or read. Whoever uses the disk sees errors.
    pub(crate) fn cut(&self) {
        tool("python3", &["-c", SHUTDOWN, self.path().to_str().unwrap()]);
    }

    /// Switches the power on again, with what was on the disk. Nobody may have a file open on it any more.
    pub(crate) fn restore(&self) {
        tool("umount", &[self.path().to_str().unwrap()]);
        self.detach();
        self.mount();
    }

    /// Waits until nobody has the image as a device any more. Somebody who looks at all devices may hold it for a moment,
    /// and with it what the kernel remembers of it: the next mount would see blocks that never were on the disk.
    fn detach(&self) {
        let began = Instant::now();
        while !tool("losetup", &["-j", self.image().to_str().unwrap()]).is_empty() {
            assert!(began.elapsed() < PATIENCE, "somebody holds the device of {}", self.image().display());
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmount = |words: &[&str], path: &Path| {
            Command::new("umount").args(words).arg(path).output().is_ok_and(|output| output.status.success())
        };
        // A file that somebody still has open must not keep the scratch folder from going.
        let _ = unmount(&[], &self.path()) || unmount(&["-l"], &self.path());
    }
}
