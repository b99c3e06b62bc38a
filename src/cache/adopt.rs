//! Files that lie below the root already, of an older node: taken in where they are, unproven until they are first used.

use std::collections::HashSet;
use std::sync::PoisonError;

use super::ledger::{Entry, FileId};
use super::root::Found;
use super::{Cache, CacheError, Held, Inner, Key, name};
use crate::store::{FileContent, FileSource, NewFile, StoreError};

/// Files that one transaction takes in.
const BATCH: usize = 1000;

/// A file to be taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// What it is; it lies where that says.
    pub key: Key,
    /// When it was last written, by its disk.
    pub modified_nanoseconds: i64,
    /// Its length.
    pub bytes: u64,
    /// When it was used last, in Unix milliseconds.
    pub used_milliseconds: i64,
    /// Who holds it.
    pub leases: Vec<Held>,
}

/// What became of files that were to be taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdoptReport {
    /// Taken in now.
    pub adopted: u64,
    /// Known already, and left as they were.
    pub present: u64,
    /// Not taken in, and why.
    pub refused: Vec<(Key, String)>,
}

impl Cache {
    /// Takes files in, the one that was not used for longest first. Limits do not keep anything out: what is too much goes
    /// when room is next needed.
    ///
    /// # Errors
    /// The disk or the database refuses; files of earlier batches are taken in then.
    pub fn adopt(&self, files: Vec<Adopted>) -> Result<AdoptReport, CacheError> {
        self.inner.root.check()?;
        let mut report = AdoptReport::default();
        let mut files = files.into_iter().peekable();
        while files.peek().is_some() {
            let batch: Vec<Adopted> = files.by_ref().take(BATCH).collect();
            self.inner.adopt(batch, &mut report)?;
        }
        Ok(report)
    }
}

impl Inner {
    fn adopt(&self, files: Vec<Adopted>, report: &mut AdoptReport) -> Result<(), CacheError> {
        // No file gets a name meanwhile.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut taken, mut names) = (Vec::new(), HashSet::new());
        for file in files {
            if self.state().ledger.named(&file.key).is_some() || !names.insert(file.key.clone()) {
                report.present += 1;
            } else if let Some(why) = self.refusal(&file)? {
                report.refused.push((file.key, why));
            } else {
                let sequence = self.state().ledger.next_number();
                taken.push((new_file(&file, sequence), file.leases));
            }
        }
        report.adopted += taken.len() as u64;
        let now = self.now();
        let rows = self.store.write(move |tx| {
            let put = |(new, leases): &(NewFile, Vec<Held>)| {
                let row = tx.cache().put(new, now)?;
                for held in leases {
                    tx.cache().lease(&name::lease_row(row.id, held))?;
                }
                Ok::<_, StoreError>((row, leases.clone()))
            };
            taken.iter().map(put).collect::<Result<Vec<_>, StoreError>>()
        })?;
        for (row, leases) in rows {
            let entry: Entry = name::entry(row, leases)?;
            let id: FileId = entry.id;
            self.state().ledger.add(entry);
            tracing::debug!(row = id, "adopted");
        }
        Ok(())
    }

    /// Returns why a file cannot be taken in.
    fn refusal(&self, file: &Adopted) -> Result<Option<String>, CacheError> {
        Ok(match self.root.find(&file.key) {
            Ok(Found::File { bytes, .. }) if bytes == file.bytes => None,
            Ok(Found::File { bytes, .. }) => Some(format!("it has {bytes} bytes of {}", file.bytes)),
            Ok(Found::Nothing) => Some("it is not there".to_owned()),
            Ok(Found::Other(what)) => Some(format!("it is {what}")),
            Err(CacheError::Taken { what, .. }) => Some(what),
            Err(error) => return Err(error),
        })
    }
}

fn new_file(file: &Adopted, sequence: u64) -> NewFile {
    NewFile {
        name: name::of_key(&file.key),
        content: FileContent { bytes: file.bytes, sha256: None, modified_nanoseconds: file.modified_nanoseconds },
        source: FileSource::default(),
        sequence,
        used_milliseconds: file.used_milliseconds,
        note: String::new(),
    }
}
