//! Disks of a few pages, with as many files as one likes: memory, mounted where a test wants it. Only root may mount, so a
//! test that needs this fails for everybody else.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::oracle::tool;

/// A mounted disk; unmounted with this value.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts a disk of `size` (`size=1m,nr_inodes=64`, in tmpfs's words) at a folder that is there.
    pub(crate) fn mount(at: &Path, size: &str) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        assert!(is_root, "only root may mount the disk that this test fills: run the tests as root");
        tool("mount", &["-t", "tmpfs", "-o", size, "none", at.to_str().unwrap()]);
        Self(at.to_owned())
    }

    /// Mounts it again, otherwise: `ro`, `size=2m`.
    pub(crate) fn remount(&self, how: &str) {
        tool("mount", &["-o", &format!("remount,{how}"), self.0.to_str().unwrap()]);
    }

    /// Takes it out of sight, whoever has files open on it.
    pub(crate) fn take_away(&self) {
        tool("umount", &["-l", self.0.to_str().unwrap()]);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have been taken away already.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
