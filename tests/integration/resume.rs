//! What a later run makes of what an earlier one left: damaged, of another source, of other settings, of other libraries.
//! Nothing of that gets into an output, and what is whole and fits is not made again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::binary::{Said, names, run};
use crate::support::bytes::{Noise, find};
use crate::support::clip::{in_chunks, make, scratch};
use crate::support::kill::{Call, KILLED, killed_at};
use crate::support::leftover::{Leftover, sha256};
use crate::support::trap;

const LINE: &str = "transcode lesson.flv --force-encode --json -o talk.mp4";

/// A way to damage a file, and its name.
type Damage = (&'static str, fn(&Path));

/// Forty seconds in three chunks, and the work folder of a run that died as it gave its output the name.
struct Interrupted {
    folder: TempDir,
    work: Leftover,
    /// The hash of what an undisturbed run makes.
    whole: String,
    /// What the work folder holds.
    kept: Vec<(String, Vec<u8>)>,
}

impl Interrupted {
    fn new() -> Self {
        let folder = scratch();
        make(&folder, "lesson.flv", &in_chunks("160x120", 40.0));
        let output = folder.path().join("talk.mp4");
        run(&folder, LINE).succeeded();
        let whole = sha256(&output).unwrap();
        fs::remove_file(&output).unwrap();
        let said = killed_at(folder.path(), &Call::new("rename,renameat2", 1), LINE);
        assert_eq!(said.exit, KILLED, "{said}");
        let work = Leftover::of(&output);
        assert_eq!((work.chunks(), work.has_output()), (vec![0, 1, 2], true));
        let read = |name: String| (name.clone(), fs::read(work.path().join(name)).unwrap());
        let kept = names(work.path()).into_iter().map(read).collect();
        Self { folder, work, whole, kept }
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("talk.mp4")
    }

    /// Puts everything back as the dead run left it.
    fn restore(&self) {
        let _ = fs::remove_file(self.output());
        let _ = fs::remove_dir_all(self.work.path());
        fs::create_dir(self.work.path()).unwrap();
        self.kept.iter().for_each(|(name, bytes)| fs::write(self.work.path().join(name), bytes).unwrap());
    }

    /// Returns the journal's bytes and where its lines begin.
    fn journal(&self) -> (Vec<u8>, Vec<usize>) {
        let (_, bytes) = self.kept.iter().find(|(name, _)| name == "journal").unwrap();
        let ends = find(bytes, b"\n");
        (bytes.clone(), [0].into_iter().chain(ends.iter().map(|end| end + 1)).take(ends.len()).collect())
    }

    /// Runs `line` on what is there and returns what it took up, once nothing but the output is left.
    fn resume(&self, line: &str) -> Value {
        let said = run(&self.folder, line).succeeded();
        assert_eq!(names(self.folder.path()), ["lesson.flv", "talk.mp4"], "{said}");
        said.document()["renditions"][0]["resumed"].clone()
    }

    /// As [`Self::resume`]; the output must be what an undisturbed run makes, from `reused` finished chunks.
    fn resume_whole(&self, reused: usize, context: &str) -> Value {
        let resumed = self.resume(LINE);
        assert_eq!(sha256(&self.output()).as_deref(), Some(self.whole.as_str()), "{context}: {resumed}");
        assert_eq!(resumed["reused_chunks"], reused, "{context}: {resumed}");
        resumed
    }

    /// What the dead run left must be of no use to `line`, for the reason `why`, and must change nothing in what it makes.
    fn is_of_no_use(&self, line: &str, why: &str) {
        let resumed = self.resume(line);
        assert_eq!((&resumed["reused_chunks"], &resumed["discarded"]), (&0.into(), &why.into()), "{line}");
        let resumed_hash = sha256(&self.output());
        fs::remove_file(self.output()).unwrap();
        let fresh = self.resume(line);
        assert_eq!((&fresh["reused_chunks"], &fresh["discarded"]), (&0.into(), &Value::Null), "{line}");
        assert_eq!(resumed_hash, sha256(&self.output()), "{line}");
    }
}

#[test]
fn a_journal_that_is_cut_short_is_used_as_far_as_it_goes() {
    let left = Interrupted::new();
    let (bytes, lines) = left.journal();
    let mut noise = Noise::new(1);
    let last_two = lines[lines.len() - 2]..bytes.len();
    // Every offset is tried where journals are read; here a few, and all around the ends of lines.
    let mut cuts: Vec<usize> = lines.iter().flat_map(|&line| [line.max(1) - 1, line, line + 1]).collect();
    cuts.extend((0..6).map(|_| last_two.start + noise.below(last_two.len())));
    for cut in cuts {
        left.restore();
        fs::write(left.work.journal(), &bytes[..cut]).unwrap();
        let reused = left.work.chunks().len();
        left.resume_whole(reused, &format!("cut at {cut} of {}", bytes.len()));
    }
}

#[test]
fn a_journal_that_cannot_be_read_is_used_up_to_there() {
    let left = Interrupted::new();
    let (bytes, lines) = left.journal();
    for (line, garbage) in
        [(2, &b"\xff\xfe\0garbage"[..]), (2, b"\n\n"), (3, b"{\"entry\":"), (1, b"\0\0\0\0\0\0\0\0")]
    {
        left.restore();
        let mut changed = bytes.clone();
        changed.splice(lines[line] + 20..lines[line] + 30, garbage.iter().copied());
        fs::write(left.work.journal(), changed).unwrap();
        left.resume_whole(line - 1, &format!("{garbage:?} in line {line}"));
    }
    for (text, why) in [("", "its journal cannot be read"), ("nonsense\n", "its journal cannot be read")] {
        left.restore();
        fs::write(left.work.journal(), text).unwrap();
        assert_eq!(left.resume_whole(0, text)["discarded"], why);
    }
}

#[test]
fn a_journal_with_a_flipped_bit_is_never_believed() {
    let left = Interrupted::new();
    let (bytes, lines) = left.journal();
    let mut noise = Noise::new(2);
    for try_ in 0..16 {
        left.restore();
        let mut changed = bytes.clone();
        let at = lines[1] + noise.below(lines[4] - lines[1]);
        changed[at] ^= 1 << noise.below(3);
        fs::write(left.work.journal(), &changed).unwrap();
        let good = lines[1..4].iter().filter(|&&line| line <= at).count() - 1;
        left.resume_whole(good, &format!("try {try_}: byte {at} in line {}", good + 1));
    }
}

#[test]
fn a_chunk_file_that_is_damaged_is_made_again_and_the_others_are_not() {
    let left = Interrupted::new();
    let damage: [Damage; 5] = [
        ("a flipped byte", |path| change(path, |bytes| bytes[500] ^= 1)),
        ("cut by a byte", |path| change(path, |bytes| bytes.truncate(bytes.len() - 1))),
        ("one byte more", |path| change(path, |bytes| bytes.push(0))),
        ("empty", |path| change(path, Vec::clear)),
        ("missing", |path| fs::remove_file(path).unwrap()),
    ];
    for (index, (what, damage)) in damage.into_iter().enumerate() {
        left.restore();
        damage(&left.work.chunk(index % 3));
        left.resume_whole(2, what);
    }
    left.restore();
    fs::rename(left.work.chunk(0), left.work.path().join("chunk-00009")).unwrap();
    fs::rename(left.work.chunk(1), left.work.chunk(0)).unwrap();
    left.resume_whole(1, "in another's place");
    trap::told("T37", "a finished chunk whose file was damaged", "it is made again, the others are not");
}

#[test]
fn a_chunk_of_other_settings_is_not_taken_for_ours() {
    let left = Interrupted::new();
    let line = LINE.replace("--json", "--json --crf 40");
    let other = killed_at(left.folder.path(), &Call::new("rename,renameat2", 1), &line);
    assert_eq!(other.exit, KILLED, "{other}");
    let foreign = fs::read(left.work.chunk(1)).unwrap();
    let foreign_line = journal_lines(&left.work)[line_of(1, &left.work)].clone();
    left.restore();
    fs::write(left.work.chunk(1), foreign).unwrap();
    let (mut lines, line) = (journal_lines(&left.work), line_of(1, &left.work));
    lines[line] = foreign_line;
    fs::write(left.work.journal(), lines.concat()).unwrap();
    left.resume_whole(line - 1, "a line of another settings' journal, with its chunk");
}

#[test]
fn a_changed_source_begins_anew() {
    let left = Interrupted::new();
    let source = left.folder.path().join("lesson.flv");
    let original = fs::read(&source).unwrap();
    let modified = fs::metadata(&source).unwrap().modified().unwrap();
    let set_time = |time| File::options().append(true).open(&source).unwrap().set_modified(time).unwrap();
    // One letter of the name of the program that wrote it.
    let letter = find(&original, b"Lavf")[0];
    for newer in [Duration::from_secs(1), Duration::ZERO] {
        left.restore();
        change(&source, |bytes| bytes[letter] ^= 1);
        set_time(modified + newer);
        left.is_of_no_use(LINE, "the source has changed");
        fs::write(&source, &original).unwrap();
        set_time(modified);
    }
    left.restore();
    set_time(modified + Duration::from_nanos(1_000));
    left.is_of_no_use(LINE, "the source has changed");
    left.restore();
    change(&source, |bytes| bytes.extend_from_slice(&[0; 4]));
    #[expect(clippy::disallowed_methods, reason = "any other time than the file's will do")]
    set_time(SystemTime::now());
    left.is_of_no_use(LINE, "the source has changed");
    fs::write(&source, &original).unwrap();
    set_time(modified);
    left.restore();
    left.resume_whole(3, "the same source, its time and bytes put back");
}

#[test]
fn other_settings_begin_anew() {
    let left = Interrupted::new();
    for settings in
        ["--crf 30", "--preset fast", "--keyint 2", "--audio none", "--audio aac:64k", "--enc aq-mode=0"]
    {
        left.restore();
        left.is_of_no_use(&format!("{LINE} {settings}"), "the settings have changed");
    }
    left.restore();
    left.resume_whole(3, "the settings of the dead run");
    for settings in ["--jobs 1", "--jobs 3", "--progress none"] {
        left.restore();
        let resumed = left.resume(&format!("{LINE} {settings}"));
        assert_eq!(resumed["reused_chunks"], 3, "{settings} changes no byte");
    }
}

#[test]
fn other_libraries_begin_anew_and_so_does_who_asks_for_it() {
    let left = Interrupted::new();
    left.restore();
    let mut lines = journal_lines(&left.work);
    let own = left.work.lines()[0]["libraries"].as_str().unwrap().to_owned();
    lines[0] = signed(&lines[0].replace(&own, &own.chars().rev().collect::<String>()));
    fs::write(left.work.journal(), lines.concat()).unwrap();
    left.is_of_no_use(LINE, "the libraries have changed");
    left.restore();
    let resumed = left.resume(&format!("{LINE} --no-resume"));
    assert_eq!((&resumed["reused_chunks"], &resumed["discarded"]), (&0.into(), &Value::Null));
    assert_eq!(sha256(&left.output()).as_deref(), Some(left.whole.as_str()));
}

#[test]
fn an_output_that_somebody_changed_is_in_the_way_and_not_believed() {
    let left = Interrupted::new();
    left.restore();
    fs::write(left.output(), "precious").unwrap();
    let said: Said = run(&left.folder, LINE);
    assert_eq!((said.exit, said.document()["error"]["code"].as_str()), (4, Some("OUTPUT_EXISTS")), "{said}");
    assert_eq!(fs::read_to_string(left.output()).unwrap(), "precious");
    let document = run(&left.folder, &format!("{LINE} -y")).succeeded().document();
    assert_eq!(document["renditions"][0]["resumed"]["reused_chunks"], 3, "the refused run took nothing away");
    assert_eq!(sha256(&left.output()).as_deref(), Some(left.whole.as_str()));
}

fn change(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    edit(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Returns the journal's lines with their ends.
fn journal_lines(work: &Leftover) -> Vec<String> {
    fs::read_to_string(work.journal()).unwrap().split_inclusive('\n').map(str::to_owned).collect()
}

/// Returns which line speaks of a chunk: they stand in the order in which chunks were finished.
fn line_of(chunk: u64, work: &Leftover) -> usize {
    work.lines().iter().position(|line| line["entry"] == "chunk" && line["chunk"] == chunk).unwrap()
}

/// Returns a line whose JSON was changed, with the sum that makes it believed.
fn signed(line: &str) -> String {
    let (json, old) = line.trim_end().rsplit_once(' ').unwrap();
    let sum: String = Sha256::digest(json)[..old.len() / 2].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{json} {sum}\n")
}
