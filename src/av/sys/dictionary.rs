//! Options on their way into libav, and what came back unused.

use std::ffi::CString;
use std::ptr;

use super::{ffi, string};

/// An `AVDictionary`.
pub(in crate::av) struct Dictionary(*mut ffi::AVDictionary);

impl Dictionary {
    /// Returns a dictionary of these pairs, in order; a pair with a zero byte in it is left out and returned, for
    /// libav could not tell it from a shorter one.
    pub(in crate::av) fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut dictionary = Self(ptr::null_mut());
        for (key, value) in pairs {
            dictionary.set(key, value).ok_or_else(|| key.to_owned())?;
        }
        Ok(dictionary)
    }

    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        let (key, value) = (CString::new(key).ok()?, CString::new(value).ok()?);
        // SAFETY: libav copies both strings; the dictionary pointer is ours to grow (libavutil/dict.h).
        unsafe { ffi::av_dict_set(&raw mut self.0, key.as_ptr(), value.as_ptr(), 0) };
        Some(())
    }

    /// Returns the place where libav replaces the dictionary with its leftovers.
    pub(super) fn as_mut_ptr(&mut self) -> *mut *mut ffi::AVDictionary {
        &raw mut self.0
    }

    /// Returns the first pair left in it.
    pub(in crate::av) fn first(&self) -> Option<(String, String)> {
        // SAFETY: an empty key with IGNORE_SUFFIX matches every entry; the entry lives as long as the dictionary.
        let entry =
            unsafe { ffi::av_dict_get(self.0, c"".as_ptr(), ptr::null(), ffi::AV_DICT_IGNORE_SUFFIX).as_ref() }?;
        Some((string(entry.key)?, string(entry.value)?))
    }
}

impl Drop for Dictionary {
    fn drop(&mut self) {
        // SAFETY: frees all entries and nulls the pointer; null is allowed.
        unsafe { ffi::av_dict_free(&raw mut self.0) }
    }
}

impl Dictionary {
    /// Hands the raw dictionary out for a call that takes an array of them; [`Dictionary::give_back`] follows.
    pub(super) fn take(&mut self) -> *mut ffi::AVDictionary {
        std::mem::replace(&mut self.0, ptr::null_mut())
    }

    /// Takes the raw dictionary back.
    pub(super) fn give_back(&mut self, dictionary: *mut ffi::AVDictionary) {
        self.0 = dictionary;
    }
}
