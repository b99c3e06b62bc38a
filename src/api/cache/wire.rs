//! The cache in JSON.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::wire::moment;
use crate::cache::{EntryView, Eviction, Held, Stat, Tally, Why};

/// How the cache is.
#[derive(Serialize, ToSchema)]
pub(super) struct CacheStat {
    /// Files in every state: what counts against the limits, work aside.
    all: TallyBody,
    /// What somebody holds.
    held: TallyBody,
    /// What goes when room is needed.
    evictable: TallyBody,
    /// What should have gone, and the disk would not let it.
    evict_failed: TallyBody,
    /// What was found damaged and moved aside.
    quarantined: TallyBody,
    /// What was not looked into here yet.
    unproven: TallyBody,
    /// Work under way.
    work: TallyBody,
    /// Bytes of all files and of the work under way at most.
    bytes_max: u64,
    /// Files at most.
    count_max: u64,
    /// What stays free on the disk.
    free_bytes_min: u64,
    /// The disk's size; null where it cannot be looked at.
    disk_total_bytes: Option<u64>,
    disk_free_bytes: Option<u64>,
}

/// Some files together.
#[derive(Serialize, ToSchema)]
#[schema(as = Tally)]
struct TallyBody {
    #[schema(example = 12)]
    files: u64,
    #[schema(example = 4_831_838_208_u64)]
    bytes: u64,
}

impl From<Tally> for TallyBody {
    fn from(Tally { files, bytes }: Tally) -> Self {
        Self { files, bytes }
    }
}

impl From<Stat> for CacheStat {
    fn from(stat: Stat) -> Self {
        Self {
            all: stat.all.into(),
            held: stat.held.into(),
            evictable: stat.evictable.into(),
            evict_failed: stat.evict_failed.into(),
            quarantined: stat.quarantined.into(),
            unproven: stat.unproven.into(),
            work: stat.work.into(),
            bytes_max: stat.limits.bytes_max,
            count_max: stat.limits.count_max,
            free_bytes_min: stat.limits.free_bytes_min,
            disk_total_bytes: stat.disk.map(|disk| disk.total_bytes),
            disk_free_bytes: stat.disk.map(|disk| disk.free_bytes),
        }
    }
}

/// A file of the cache.
#[derive(Serialize, ToSchema)]
#[schema(as = CacheFile, example = json!({
    "key": "22/6666_720P", "path": "22/6666/6666_720P.flv", "state": "ready", "bytes": 402_653_184,
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "url": "http://origin/6666_720P.flv",
    "created_at": "2025-10-09T08:30:12.250Z", "used_at": "2025-10-09T08:31:00.000Z",
    "holders": [{ "kind": "class", "name": "22/c-1029", "since": "2025-10-09T08:30:12.250Z", "until": null }],
    "goes_after": null, "note": ""
}))]
pub(super) struct FileBody {
    key: String,
    /// Below the cache's root.
    path: String,
    /// ready, evicting, evict_failed or quarantined.
    state: &'static str,
    bytes: u64,
    /// Null until it was looked into here.
    sha256: Option<String>,
    /// Where it came from; empty where nobody knows.
    url: String,
    created_at: String,
    used_at: String,
    holders: Vec<HeldBody>,
    /// How many files go before it; null where it stays.
    goes_after: Option<u64>,
    /// What a person may want to know.
    note: String,
}

/// Who holds a file.
#[derive(Serialize, ToSchema)]
#[schema(as = Held)]
pub(super) struct HeldBody {
    /// class, job, push or pin.
    #[schema(example = "pin")]
    kind: &'static str,
    #[schema(example = "operator")]
    name: String,
    since: String,
    /// Null: until it is let go.
    until: Option<String>,
}

impl From<Held> for HeldBody {
    fn from(held: Held) -> Self {
        Self {
            kind: held.holder.kind.name(),
            name: held.holder.name,
            since: moment(held.since_milliseconds),
            until: held.until_milliseconds.map(moment),
        }
    }
}

impl From<EntryView> for FileBody {
    fn from(view: EntryView) -> Self {
        Self {
            key: view.key.to_string(),
            path: view.path.to_string_lossy().into_owned(),
            state: view.state.name(),
            bytes: view.bytes,
            sha256: view.sha256,
            url: view.url,
            created_at: moment(view.created_milliseconds),
            used_at: moment(view.used_milliseconds),
            holders: view.holders.into_iter().map(HeldBody::from).collect(),
            goes_after: view.goes_after,
            note: view.note,
        }
    }
}

/// Why a file is here, or is not.
#[derive(Serialize, ToSchema)]
#[schema(as = CacheWhy)]
pub(super) struct WhyBody {
    #[schema(example = "22/6666_720P")]
    key: String,
    /// Null: it is not here.
    file: Option<FileBody>,
    /// When and why it went last; null where it never did.
    evicted: Option<EvictedBody>,
    /// What goes next when room is needed.
    next: Vec<FileBody>,
}

impl From<Why> for WhyBody {
    fn from(why: Why) -> Self {
        Self {
            key: why.key.to_string(),
            file: why.entry.map(FileBody::from),
            evicted: why.evicted.map(EvictedBody::from),
            next: why.next.into_iter().map(FileBody::from).collect(),
        }
    }
}

/// A file that went.
#[derive(Serialize, ToSchema)]
#[schema(as = CacheEvicted)]
pub(super) struct EvictedBody {
    #[schema(example = "22/6666_720P")]
    key: String,
    bytes: u64,
    #[schema(example = "evicted by hand")]
    reason: String,
    used_at: String,
    evicted_at: String,
}

impl From<Eviction> for EvictedBody {
    fn from(eviction: Eviction) -> Self {
        Self {
            key: eviction.key.to_string(),
            bytes: eviction.bytes,
            reason: eviction.reason,
            used_at: moment(eviction.used_milliseconds),
            evicted_at: moment(eviction.time_milliseconds),
        }
    }
}

/// Which files are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FileQuery {
    /// Of which institution; left out: of all, or of the one to which the token is bound.
    pub(super) institution_id: Option<String>,
    /// The `next` of the page before.
    pub(super) after: Option<String>,
    /// 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(super) limit: Option<u32>,
}

/// In whose name a file is kept.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PinQuery {
    /// The institution; left out: the single default one, or the one to which the token is bound.
    pub(super) institution_id: Option<String>,
    /// Each name is a pin of its own.
    #[param(default = "operator")]
    pub(super) name: Option<String>,
    /// For how long; left out: until it is unpinned.
    #[param(example = 86_400)]
    pub(super) for_seconds: Option<u64>,
}

/// Whether a file was kept in that name.
#[derive(Serialize, ToSchema)]
pub(super) struct Unpinned {
    #[schema(example = "22/6666_720P")]
    pub(super) key: String,
    #[schema(example = "operator")]
    pub(super) name: String,
    pub(super) was_pinned: bool,
}
