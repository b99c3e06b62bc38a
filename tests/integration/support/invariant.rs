//! What holds after any run of `fetch`, however it ended: the oracle of all its faults.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use reelmill::content_hash::of_bytes;

use super::binary::{Said, names};

/// A password that tests put where it may be put. Nobody ever prints it.
pub(crate) const SECRET: &str = "hush-hush";

/// What stands under the final name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing; nor is there a part.
    Nothing,
    /// Nothing, but a part to go on from.
    Part,
    /// The object, whole.
    Whole,
}

/// Fails the test unless the invariants hold for a fetch of `object` into `output`, which has a folder of its own but for
/// the files `beside`. Returns what is there.
///
/// Under the final name stands the object, every byte of it, or nothing (I2); nothing but the part and its sidecar is left
/// beside it, and after a success not even these (I5); and no secret was printed (I7).
#[track_caller]
pub(crate) fn holds(output: &Path, object: &[u8], beside: &[&str], said: &Said) -> Left {
    let name = output.file_name().unwrap().to_str().unwrap();
    let left = match fs::read(output) {
        Ok(bytes) => {
            assert!(bytes == object, "{} bytes, {}\n{said}", bytes.len(), of_bytes(&bytes));
            Left::Whole
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}\n{said}");
            Left::Part
        }
    };
    let found = names(output.parent().unwrap());
    let ours: Vec<&str> = found.iter().map(String::as_str).filter(|found| !beside.contains(found)).collect();
    let known = [name, &format!("{name}.part"), &format!("{name}.part.meta")];
    assert!(ours.iter().all(|found| known.contains(found)), "{ours:?} is left\n{said}");
    if said.exit == 0 {
        assert_eq!(ours, [name], "{said}");
    }
    let is_told = said.stdout.contains(SECRET) || said.stderr.contains(SECRET);
    assert!(!is_told, "a secret was printed\n{said}");
    if ours.is_empty() { Left::Nothing } else { left }
}
