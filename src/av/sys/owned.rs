//! A pointer that frees what it points to.

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// How libav wants an object of this type freed.
pub(in crate::av) trait Release {
    /// Frees the object.
    ///
    /// # Safety
    /// `object` came from libav's allocator for this type, and nobody uses it afterwards.
    unsafe fn release(object: *mut Self);
}

/// The only owner of a libav object.
///
/// Reading and writing plain fields goes through `Deref`; that is as safe as libav's own rules for them, so it stays
/// within `sys`.
pub(in crate::av) struct Owned<T: Release>(NonNull<T>);

// SAFETY: libav objects hold no thread-local state; they may move between threads as long as one thread at a time
// uses them (libavcodec/avcodec.h, "threading"), which ownership guarantees.
unsafe impl<T: Release> Send for Owned<T> {}

/// Objects that are only data: what a shared reference allows reads their fields and counts references with atomics.
pub(in crate::av) trait PlainData: Release {}

// SAFETY: see `PlainData`; nothing writes through a shared reference.
unsafe impl<T: PlainData> Sync for Owned<T> {}

impl<T: Release> Owned<T> {
    /// Takes ownership; `None` for null, which is how libav says "out of memory".
    ///
    /// # Safety
    /// `object` is null, or a live object that nobody else will free.
    pub(super) unsafe fn adopt(object: *mut T) -> Option<Self> {
        NonNull::new(object).map(Self)
    }

    /// Returns the pointer for a call that only reads.
    pub(super) fn as_ptr(&self) -> *const T {
        self.0.as_ptr()
    }

    /// Returns the pointer for a call that may write.
    pub(super) fn as_mut_ptr(&mut self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T: Release> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: live until drop by the contract of `adopt`; shared access is tied to `&self`.
        unsafe { self.0.as_ref() }
    }
}

impl<T: Release> DerefMut for Owned<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: live until drop by the contract of `adopt`; unique access is tied to `&mut self`.
        unsafe { self.0.as_mut() }
    }
}

impl<T: Release> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: we are the only owner, and this is the last use.
        unsafe { T::release(self.0.as_ptr()) }
    }
}
