//! The journal of a rendition: which chunks are finished, so that a run that was killed is taken up where it stopped.
//!
//! ```text
//! lesson_720P.flv.reelmill/
//!     journal      one line each: what is made from what; every finished chunk; the finished output
//!     chunk-00000  packets of a finished chunk (`chunk_file`)
//!     720P.flv     the output while it is put together
//! ```
//!
//! Append-only. A chunk's file is on the disk before its line is written, and the line before the chunk counts as
//! finished; so whatever a line says can be believed, once its bytes have the hash that it names. A torn last line, and
//! whatever follows a line that cannot be read, never happened. The output's line is written before the output gets its
//! name: when both are there, the rendition is done. Before the work folders of a finished ladder go, the last of them
//! gets the other outputs' lines, so that a run that is killed in between leaves no output that nobody knows.

mod chunk_file;
mod identity;
mod wire;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

pub(super) use chunk_file::{ChunkFile, ChunkReader, ChunkWriter};
pub use identity::Identity;
use identity::Source;

use super::decode::Tally;
use crate::transcode::Finished;
use wire::Entry;

const JOURNAL: &str = "journal";
const CHUNK: &str = "chunk-";

/// A finished chunk.
#[derive(Clone, Debug)]
pub(super) struct ChunkRecord {
    /// Its place among the chunks.
    pub(super) index: usize,
    /// Frames encoded.
    pub(super) frames: u64,
    /// Packets in its file.
    pub(super) packets: u64,
    /// How long they last.
    pub(super) microseconds: u64,
    /// Size of its file.
    pub(super) bytes: u64,
    /// Hash of its file, in lower-case hex.
    pub(super) sha256: String,
    /// What decoding it came to.
    pub(super) tally: Tally,
}

/// A finished output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputRecord {
    /// Its size.
    pub bytes: u64,
    /// Its hash, in lower-case hex.
    pub sha256: String,
    /// Whether it was proven.
    pub verified: bool,
    /// What was mended on the way.
    pub repairs: Vec<String>,
}

impl OutputRecord {
    /// Returns what a journal keeps of a finished output.
    pub fn of(file: &Finished) -> Self {
        let Finished { bytes, sha256, verified, repairs, .. } = file;
        Self { bytes: *bytes, sha256: sha256.clone(), verified: *verified, repairs: repairs.clone() }
    }
}

/// What an earlier run left.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Finished chunks whose files are whole.
    pub(super) chunks: BTreeMap<usize, ChunkRecord>,
    /// Why what was there could not be used.
    pub(super) discarded: Option<&'static str>,
}

/// A journal being written.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    folder: PathBuf,
    settings: String,
}

/// Where the files of a work folder are.
#[derive(Clone, Debug)]
pub(super) struct Paths(PathBuf);

impl Paths {
    /// Returns where the file of chunk `index` is.
    pub(super) fn chunk(&self, index: usize) -> PathBuf {
        chunk_path(&self.0, index)
    }
}

/// What a journal says.
#[derive(Default)]
struct Contents {
    identity: Option<Identity>,
    chunks: Vec<ChunkRecord>,
    output: Option<OutputRecord>,
    /// Other renditions' outputs by their settings.
    siblings: Vec<(String, OutputRecord)>,
    /// Where the last good line ends.
    length: u64,
}

/// Returns whether a name in a work folder belongs to what another run can take up.
pub fn is_resumable(name: &str) -> bool {
    is_journal(name) || name.starts_with(CHUNK)
}

/// Returns whether a name in a work folder is the journal's.
pub fn is_journal(name: &str) -> bool {
    name == JOURNAL
}

/// Returns whether a work folder has a journal.
pub fn has_journal(folder: &Path) -> bool {
    folder.join(JOURNAL).is_file()
}

/// Returns whether a work folder holds work that is worth keeping.
pub fn has_progress(folder: &Path) -> bool {
    let contents = fs::read(folder.join(JOURNAL)).map(|bytes| parse(&bytes)).unwrap_or_default();
    !contents.chunks.is_empty() || contents.output.is_some()
}

/// Returns the record of `output` if an earlier run finished it for the same `identity` and nobody has touched it
/// since. It stands in one of the work folders, mostly the output's own.
pub fn finished(folders: &[PathBuf], identity: &Identity, output: &Path) -> Option<OutputRecord> {
    folders.iter().find_map(|folder| {
        let record = parse(&fs::read(folder.join(JOURNAL)).ok()?).record(identity)?;
        let hash = chunk_file::hash(output, record.bytes).ok()?;
        (hash == record.sha256).then_some(record)
    })
}

/// Writes into the journal in `folder` which other outputs are finished.
///
/// # Errors
/// The disk's.
pub fn remember<'a>(
    folder: &Path,
    others: impl IntoIterator<Item = (&'a Identity, OutputRecord)>,
) -> io::Result<()> {
    let mut file = File::options().append(true).open(folder.join(JOURNAL))?;
    for (identity, record) in others {
        file.write_all(format!("{}\n", wire::output(&record, &identity.settings)).as_bytes())?;
    }
    file.sync_data()
}

impl Contents {
    /// Returns what it says of the output of `identity`.
    fn record(self, identity: &Identity) -> Option<OutputRecord> {
        let own =
            self.identity.filter(|own| own.source == identity.source && own.libraries == identity.libraries)?;
        if own.settings == identity.settings {
            return self.output;
        }
        self.siblings.into_iter().find(|(settings, _)| *settings == identity.settings).map(|(_, record)| record)
    }
}

impl Journal {
    /// Opens the journal in `folder` for `identity`, and returns what of an earlier run's work it can use. The rest is
    /// removed.
    pub(super) fn open(folder: &Path, identity: &Identity) -> io::Result<(Self, Kept)> {
        let path = folder.join(JOURNAL);
        let contents = match fs::read(&path) {
            Ok(bytes) => parse(&bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => return Self::begin(folder, identity, None),
            Err(error) => return Err(error),
        };
        // Without a first line there are no others.
        let discarded = match &contents.identity {
            None => Some("its journal cannot be read"),
            Some(earlier) => identity.difference(earlier),
        };
        if discarded.is_some() {
            return Self::begin(folder, identity, discarded);
        }
        let whole = |record: &ChunkRecord| {
            let hash = chunk_file::hash(&chunk_path(folder, record.index), record.bytes);
            hash.is_ok_and(|hash| hash == record.sha256)
        };
        let chunks: BTreeMap<usize, ChunkRecord> =
            contents.chunks.into_iter().filter(whole).map(|record| (record.index, record)).collect();
        remove_chunks(folder, |path| chunks.keys().any(|&index| chunk_path(folder, index) == path))?;
        let file = File::options().append(true).open(&path)?;
        // What is torn must not run into the next line.
        file.set_len(contents.length)?;
        Ok((Self::of(file, folder, identity), Kept { chunks, discarded: None }))
    }

    fn of(file: File, folder: &Path, identity: &Identity) -> Self {
        Self { file, folder: folder.to_owned(), settings: identity.settings.clone() }
    }

    fn begin(folder: &Path, identity: &Identity, discarded: Option<&'static str>) -> io::Result<(Self, Kept)> {
        let path = folder.join(JOURNAL);
        // First the journal, then what it spoke of: never a line without its chunk.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => remove_chunks(folder, |_| false)?,
        }
        let file = File::options().create_new(true).append(true).open(&path)?;
        let mut journal = Self::of(file, folder, identity);
        // On the disk with the first chunk's line at the latest; until then there is nothing to lose.
        journal.write(&wire::head(identity))?;
        Ok((journal, Kept { chunks: BTreeMap::new(), discarded }))
    }

    /// Returns where the chunks' files are.
    pub(super) fn paths(&self) -> Paths {
        Paths(self.folder.clone())
    }

    /// Returns the folder that all of this lies in.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes a chunk last: its file first, then its line.
    pub(super) fn add_chunk(&mut self, file: &ChunkFile, mut record: ChunkRecord) -> io::Result<ChunkRecord> {
        file.sync()?;
        File::open(&self.folder)?.sync_all()?;
        (record.bytes, record.sha256) = (file.bytes, file.sha256.clone());
        self.append(&wire::chunk(&record, &self.settings))?;
        Ok(record)
    }

    /// Makes last that the output is finished.
    pub(super) fn add_output(&mut self, record: &OutputRecord) -> io::Result<()> {
        self.append(&wire::output(record, &self.settings))
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        self.write(line)?;
        self.file.sync_data()
    }

    /// Writes a line in one piece.
    fn write(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(format!("{line}\n").as_bytes())
    }
}

fn chunk_path(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("{CHUNK}{index:05}"))
}

fn remove_chunks(folder: &Path, is_kept: impl Fn(&Path) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_chunk = entry.file_name().to_str().is_some_and(|name| name.starts_with(CHUNK));
        if is_chunk && !is_kept(&entry.path()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn parse(bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let settings = contents.identity.as_ref().map(|identity| identity.settings.as_str());
        let entry = line.strip_suffix(b"\n").and_then(|line| wire::read(std::str::from_utf8(line).ok()?, settings));
        match entry {
            Some(Entry::Head(identity)) if contents.identity.is_none() => contents.identity = Some(identity),
            Some(Entry::Chunk(record)) => contents.chunks.push(record),
            Some(Entry::Output(record)) => contents.output = Some(record),
            Some(Entry::Sibling(settings, record)) => contents.siblings.push((settings, record)),
            _ => break,
        }
        contents.length += line.len() as u64;
    }
    contents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content_hash::of_bytes;

    fn identity() -> Identity {
        let source = Source { bytes: 7, modified: "1.000000002".to_owned(), ends_sha256: of_bytes("ends") };
        Identity { source, settings: "settings".to_owned(), libraries: "libraries".to_owned() }
    }

    /// Writes a journal with three chunks and the output, and returns its bytes and the chunks' records.
    fn journal(folder: &Path) -> (Vec<u8>, Vec<ChunkRecord>) {
        let (mut journal, _) = Journal::open(folder, &identity()).unwrap();
        let mut records = Vec::new();
        for index in 0..3 {
            let file = ChunkWriter::create(&chunk_path(folder, index), None).unwrap().finish().unwrap();
            let (bytes, sha256) = (0, String::new());
            let record = ChunkRecord {
                index,
                frames: 60,
                packets: 60,
                microseconds: 1,
                bytes,
                sha256,
                tally: Tally::default(),
            };
            records.push(journal.add_chunk(&file, record).unwrap());
        }
        let repairs = vec!["3 pictures were lost".to_owned()];
        let record = OutputRecord { bytes: 9, sha256: of_bytes("output"), verified: true, repairs };
        journal.add_output(&record).unwrap();
        (fs::read(folder.join(JOURNAL)).unwrap(), records)
    }

    #[test]
    fn a_journal_cut_anywhere_gives_its_whole_lines_and_takes_new_ones_after_them() {
        let folder = tempfile::tempdir().unwrap();
        let (bytes, _) = journal(folder.path());
        let ends: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] == b'\n').map(|at| at + 1).collect();
        assert_eq!(ends.len(), 5);
        for cut in ends[0]..bytes.len() {
            let whole = ends[1..4].iter().filter(|&&end| end <= cut).count();
            for index in 0..3 {
                File::create(chunk_path(folder.path(), index)).unwrap();
            }
            fs::write(folder.path().join(JOURNAL), &bytes[..cut]).unwrap();
            let (mut opened, kept) = Journal::open(folder.path(), &identity()).unwrap();
            assert!(kept.chunks.keys().copied().eq(0..whole) && kept.discarded.is_none(), "cut at {cut}");
            opened.write("next").unwrap();
            let expected = [&bytes[..ends[whole]], b"next\n"].concat();
            assert_eq!(fs::read(folder.path().join(JOURNAL)).unwrap(), expected, "cut at {cut}");
        }
    }

    #[test]
    fn no_line_with_a_flipped_bit_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        let (bytes, records) = journal(folder.path());
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                let lines = bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
                let contents = parse(&changed);
                let expected = &records[..lines.saturating_sub(1).min(3)];
                assert_eq!(format!("{:?}", contents.chunks), format!("{expected:?}"), "byte {at}, bit {bit}");
                assert!(contents.output.is_none(), "byte {at}, bit {bit}");
            }
        }
        assert!(parse(&bytes).output.is_some_and(|output| output.verified));
    }

    #[test]
    fn a_journal_that_ends_before_its_first_line_does_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (bytes, _) = journal(folder.path());
        let first = bytes.iter().position(|&byte| byte == b'\n').unwrap();
        for cut in 0..first {
            fs::write(folder.path().join(JOURNAL), &bytes[..cut]).unwrap();
            let (_, kept) = Journal::open(folder.path(), &identity()).unwrap();
            assert!(kept.chunks.is_empty() && kept.discarded.is_some(), "cut at {cut}");
            assert!(!chunk_path(folder.path(), 0).try_exists().unwrap());
        }
    }
}
