//! The node's figures, as Prometheus reads them: refreshed once in a while, rendered from memory.
//!
//! Counters stand where things are counted; here is what is measured.

use metrics::gauge;

use super::node::Node;
use crate::booking::consumer;
use crate::store::{BookingState, JobKind, JobState, StoreError};

impl Node {
    /// Returns the figures; empty where none are gathered.
    pub fn metrics(&self) -> String {
        let Some(figures) = &self.inner.figures else { return String::new() };
        figures.run_upkeep();
        figures.render()
    }

    /// Measures what is to be measured.
    pub(super) async fn measure(&self) -> Result<(), StoreError> {
        if self.inner.figures.is_none() {
            return Ok(());
        }
        let targets = self.inner.terms.targets.clone();
        let (bookings, jobs, undelivered) = self
            .read(move |reading| {
                let outbox = reading.outbox();
                let undelivered: Result<Vec<_>, StoreError> =
                    targets.into_iter().map(|target| Ok((outbox.undelivered(&target)?, target))).collect();
                Ok::<_, StoreError>((reading.bookings().counts()?, reading.jobs().counts()?, undelivered?))
            })
            .await?;
        for state in BookingState::ALL.into_iter().filter(|state| state.is_live()) {
            let count = bookings.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count);
            set("reelmill_bookings", &[("state", state.name())], count);
        }
        for (kind, state) in JobKind::ALL.into_iter().flat_map(|kind| JobState::ALL.map(|state| (kind, state))) {
            if state.is_live() {
                let is_it = |(of, at, _): &&(JobKind, JobState, u64)| (*of, *at) == (kind, state);
                let count = jobs.iter().find(is_it).map_or(0, |(.., count)| *count);
                set("reelmill_jobs", &[("kind", kind.name()), ("state", state.name())], count);
            }
        }
        let now = self.now();
        for (waiting, target) in undelivered {
            let age = waiting.oldest_milliseconds.map_or(0, |oldest| now.saturating_sub(oldest).max(0) / 1000);
            gauge!("reelmill_events_undelivered", "target" => target.clone()).set(as_figure(waiting.count));
            gauge!("reelmill_events_undelivered_age_seconds", "target" => target)
                .set(as_figure(age.unsigned_abs()));
        }
        self.measure_ground();
        Ok(())
    }

    /// Measures what is known without asking the database.
    fn measure_ground(&self) {
        let oldest = self.running().values().map(|running| running.since_milliseconds).min();
        let age = oldest.map_or(0, |oldest| self.now().saturating_sub(oldest).max(0) / 1000);
        set("reelmill_oldest_running_age_seconds", &[], age.unsigned_abs());
        set("reelmill_cache_bytes", &[], self.inner.cache.bytes());
        set("reelmill_cache_bytes_max", &[], self.inner.cache.limits().bytes_max);
        set("reelmill_database_log_bytes", &[], self.inner.store.wal().bytes);
        if let Some(redis) = &self.inner.redis {
            measure_redis(redis);
        }
        set("reelmill_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    }
}

fn measure_redis(redis: &consumer::Status) {
    set("reelmill_redis_up", &[], u64::from(redis.is_connected()));
    set("reelmill_nodes", &[], redis.nodes());
    set("reelmill_bridge", &[], u64::from(redis.is_bridge()));
    set("reelmill_entries_kept", &[], redis.kept());
    set("reelmill_entries_refused", &[], redis.refused());
    set("reelmill_entries_claimed", &[], redis.claimed());
    set("reelmill_entries_handed", &[], redis.handed());
    set("reelmill_bridge_gaps", &[], redis.gaps());
}

fn set(name: &'static str, labels: &[(&'static str, &'static str)], value: u64) {
    gauge!(name, labels).set(as_figure(value));
}

fn as_figure(value: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
    let figure = value as f64;
    figure
}
