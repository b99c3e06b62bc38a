//! Reading secrets from files that nobody else can read.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::value::Secret;

/// A larger file is no secret: hundreds of keys are less.
const SECRET_BYTES_MAX: u64 = 64 << 10;
/// Reading and writing by the group and by others.
const OTHERS: u32 = 0o066;

/// Reads the secret in a file; the error says what is wrong with the file.
pub(super) fn read(path: &Path) -> Result<Secret, String> {
    content(path, OTHERS)
}

/// Reads the credential of this name that systemd laid out, if it did. Systemd itself guards its folder, and grants
/// reading to a service's user through the group's bits.
pub(super) fn credential(folder: Option<&Path>, name: &str) -> Result<Option<Secret>, String> {
    let Some(path) = folder.map(|folder| folder.join(name)) else { return Ok(None) };
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        _ => content(&path, 0).map(Some),
    }
}

fn content(path: &Path, refused_mode: u32) -> Result<Secret, String> {
    let failed = |error: std::io::Error| format!("the secret's file cannot be read ({error})");
    // Before opening: a pipe without a writer would block for ever.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err("the secret's file is not a plain file".to_owned());
    }
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode();
    if mode & refused_mode != 0 {
        let mode = mode & 0o777;
        return Err(format!(
            "others than its owner can read or change the secret's file (mode {mode:03o}); chmod 600 it"
        ));
    }
    let mut bytes = Vec::new();
    file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    let is_small = u64::try_from(bytes.len()).is_ok_and(|length| length <= SECRET_BYTES_MAX);
    let text = String::from_utf8(bytes).ok().filter(|_| is_small);
    let text = text.ok_or("the secret's file is larger than 64 KiB, or not UTF-8")?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err("the secret's file is empty".to_owned()),
        secret => Ok(Secret(secret.to_owned())),
    }
}
