//! Keys as rows name them, and rows as files that are counted. No statement is made here.

use super::ledger::Entry;
use super::{CacheError, EntryState, Held, Holder, HolderKind, Key};
use crate::media::RenditionName;
use crate::store::{FileName, FileRow, LeaseRow};

/// Returns a key as rows name it.
pub(super) fn of_key(key: &Key) -> FileName {
    FileName {
        institution: key.institution().to_owned(),
        record: key.record().to_owned(),
        resolution: key.resolution().map_or(0, RenditionName::short_side),
    }
}

/// Returns the key that a row names; an error where no version of this program would have written it.
pub(super) fn key(name: &FileName) -> Result<Key, CacheError> {
    let resolution = (name.resolution > 0).then(|| RenditionName::of_source(name.resolution));
    Key::new(&name.institution, &name.record, resolution)
}

/// Returns the hold that a row records; nothing where a later version may know what it means.
pub(super) fn held(row: &LeaseRow) -> Option<Held> {
    let kind = HolderKind::parse(&row.kind)?;
    Some(Held {
        holder: Holder { kind, name: row.holder.clone() },
        since_milliseconds: row.since_milliseconds,
        until_milliseconds: row.until_milliseconds,
    })
}

/// Returns a hold as its row.
pub(super) fn lease_row(file: i64, held: &Held) -> LeaseRow {
    LeaseRow {
        file,
        kind: held.holder.kind.name().to_owned(),
        holder: held.holder.name.clone(),
        since_milliseconds: held.since_milliseconds,
        until_milliseconds: held.until_milliseconds,
    }
}

/// Returns a row as a file that is counted, with its holds.
pub(super) fn entry(row: FileRow, holds: Vec<Held>) -> Result<Entry, CacheError> {
    Ok(Entry {
        id: row.id,
        key: key(&row.name)?,
        // The table takes no other word.
        state: EntryState::parse(&row.state).unwrap_or(EntryState::Quarantined),
        content: row.content,
        inode: row.inode,
        source: row.source,
        sequence: row.sequence,
        created_milliseconds: row.created_milliseconds,
        used_milliseconds: row.used_milliseconds,
        note: row.note,
        holds,
        users: 0,
        is_checked: false,
    })
}
