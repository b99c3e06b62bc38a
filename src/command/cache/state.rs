//! What of the cache itself these commands use, in one place.

use std::path::Path;
use std::sync::Arc;

use super::place::Place;
use crate::cache::{CacheError, EntryView, Eviction, Held, Key, Limits, Scrubbed, Stat, Why};
use crate::clock::Clock;
use crate::store::{Reading, Store};

/// In which order files are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Key,
    Going,
    Size,
    Used,
}

/// How far a scrub is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ScrubProgress {
    pub(super) files: u64,
    pub(super) files_total: u64,
    pub(super) bytes: u64,
    pub(super) bytes_total: u64,
}

pub(super) fn stat(_: &Reading<'_>, root: &Path, _: Limits, _: i64) -> Result<Stat, CacheError> {
    Err(absent(root))
}

pub(super) fn list(_: &Reading<'_>, _: i64, _: Order) -> Result<Vec<EntryView>, CacheError> {
    Ok(Vec::new())
}

pub(super) fn why(_: &Reading<'_>, key: &Key, _: i64) -> Result<Why, CacheError> {
    Ok(Why { key: key.clone(), entry: None, evicted: None, next: Vec::new() })
}

fn absent(root: &Path) -> CacheError {
    CacheError::NotMounted { root: root.to_owned(), why: "it cannot be opened by this release".to_owned() }
}

/// A cache, open.
#[derive(Clone, Debug)]
pub(super) struct Cache;

impl Cache {
    pub(super) fn pin(&self, key: &Key, _: &str, _: Option<i64>) -> Result<Held, CacheError> {
        Err(CacheError::Missing(key.to_string()))
    }

    pub(super) fn unpin(&self, key: &Key, _: &str) -> Result<bool, CacheError> {
        Err(CacheError::Missing(key.to_string()))
    }

    pub(super) fn evict(&self, key: &Key, _: &str) -> Result<Eviction, CacheError> {
        Err(CacheError::Missing(key.to_string()))
    }

    pub(super) fn scrub(
        &self,
        watch: &dyn Fn(ScrubProgress),
        _: &dyn Fn() -> bool,
    ) -> Result<Scrubbed, CacheError> {
        watch(ScrubProgress::default());
        Ok(Scrubbed::default())
    }
}

/// Opens the cache for changing.
pub(super) fn open(_: Arc<Store>, place: &Place, _: Arc<dyn Clock>) -> Result<Cache, CacheError> {
    Err(absent(&place.root))
}
