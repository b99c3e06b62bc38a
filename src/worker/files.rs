//! The cache as people ask for it through the node. Everything here waits for the disk or the database: not for async code.

use super::node::Node;
use super::view::{Page, Pin};
use crate::cache::{self, Cache, CacheError, EntryView, Held, Key, Order, Stat, Why};

impl Node {
    /// Returns the cache.
    pub fn cache(&self) -> &Cache {
        &self.inner.cache
    }

    /// Returns how the cache is.
    ///
    /// # Errors
    /// The database refuses, as everywhere here.
    pub fn cache_stat(&self) -> Result<Stat, CacheError> {
        let (cache, now) = (self.cache(), self.now());
        self.inner.store.read(|reading| cache::stat(reading, cache.root(), cache.limits(), now))
    }

    /// Returns files after that key, in the order of keys.
    ///
    /// # Errors
    /// As above.
    pub fn cache_files(
        &self,
        institution: Option<&str>,
        after: Option<&Key>,
        limit: u32,
    ) -> Result<Page<EntryView>, CacheError> {
        let now = self.now();
        let mut items = self.inner.store.read(|reading| cache::list(reading, now, Order::Key))?;
        items.retain(|view| institution.is_none_or(|institution| view.key.institution() == institution));
        items.retain(|view| after.is_none_or(|after| view.key > *after));
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| has_more).map(|view| view.key.to_string());
        Ok(Page { items, next })
    }

    /// Returns why a file is here, or is not.
    ///
    /// # Errors
    /// As above.
    pub fn cache_why(&self, key: &Key) -> Result<Why, CacheError> {
        let now = self.now();
        self.inner.store.read(|reading| cache::why(reading, key, now))
    }

    /// Keeps a file in somebody's name.
    ///
    /// # Errors
    /// It is not here, or damaged; the database refuses.
    pub fn pin(&self, pin: &Pin) -> Result<Held, CacheError> {
        let until = pin.for_milliseconds.map(|length| self.now().saturating_add_unsigned(length));
        self.cache().pin(&pin.key, &pin.name, until)
    }
}
