//! `reelmill fetch --cache`: from an address to a file in the cache, or to nothing at all. A test that stands for a fault of
//! the list has its id in its name; whatever the fault, `Node::is_sound` holds afterwards.

mod container;
mod disk;
mod killed;
mod refused;
mod shared;
mod source;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reelmill::cache::Key;
use reelmill::clip::Recipe;
use reelmill::content_hash::of_bytes;
use reelmill::media::Container;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::binary::{Said, end, names, reelmill};
use crate::support::clip::{make, scratch};
use crate::support::kill::killed_after;
use crate::support::origin::{Asked, Object, Origin};

/// What every run is told: the origin is on this machine, and nobody is to wait before trying again.
const LOCAL: &str = "--config reelmill.toml --allow 127.0.0.0/8 --retry-wait 0 --json";

/// What comes at all comes soon, and a fetch that never ends must fail its test, not hold it up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node's folders and its configuration.
struct Node {
    folder: TempDir,
    root: PathBuf,
}

impl Node {
    /// A node that has never run.
    fn new() -> Self {
        Self::configured("")
    }

    /// The same, with these lines in `[cache]`.
    fn configured(limits: &str) -> Self {
        let folder = scratch();
        let root = folder.path().join("root");
        Self::with_root(folder, root, limits)
    }

    fn with_root(folder: TempDir, root: PathBuf, limits: &str) -> Self {
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let settings =
            format!("data_folder = {data:?}\n[cache]\nroot = {root:?}\nfree_bytes_min = \"0\"\n{limits}\n");
        fs::write(folder.path().join("reelmill.toml"), settings).unwrap();
        Self { folder, root }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, key: &str) -> PathBuf {
        self.root.join(Key::parse(key).unwrap().path())
    }

    /// Returns where a key's recording is made.
    fn work(&self, key: &str) -> PathBuf {
        self.root.join(".work").join(format!("fetch-{}", &of_bytes(key)[..32]))
    }

    fn fetch(&self, key: &str, url: &str, extra: &str) -> Said {
        killed_after(self.path(), PATIENCE, &line(key, url, extra))
    }

    /// Fetches, checks that the result says so, and returns it.
    #[track_caller]
    fn fetches(&self, key: &str, url: &str, extra: &str, state: &str) -> Value {
        let said = self.fetch(key, url, extra).succeeded();
        let document = said.document();
        assert_eq!((&document["schema"], &document["cache"]["state"]), (&"reelmill.fetch/1".into(), &state.into()));
        assert_eq!((&document["cache"]["key"], &document["url"]), (&key.into(), &url.into()), "{said}");
        let file = fs::read(self.file(key)).unwrap();
        let path = self.file(key).to_str().unwrap().to_owned();
        assert_eq!(
            (&document["path"], &document["cache"]["path"]),
            (&path.as_str().into(), &path.into()),
            "{said}"
        );
        assert_eq!((&document["bytes"], &document["sha256"]), (&file.len().into(), &of_bytes(&file).into()));
        document
    }

    /// Fetches, and checks that it fails this way and leaves nothing of it.
    #[track_caller]
    fn fails(&self, key: &str, url: &str, extra: &str, (exit, code): (i32, &str)) -> Said {
        let said = self.fetch(key, url, extra);
        assert_eq!((said.exit, said.code()), (exit, code), "{said}");
        assert_eq!(said.document()["error"]["code"], code, "{said}");
        assert_eq!(self.leftovers(), [""; 0], "{said}");
        said
    }

    fn cache(&self, line: &str) -> Said {
        end(&mut reelmill(self.path(), &format!("cache {line} --config reelmill.toml")))
    }

    /// Returns the work folders that are there.
    fn leftovers(&self) -> Vec<String> {
        let work = self.root.join(".work");
        if work.is_dir() { names(&work) } else { Vec::new() }
    }

    /// Fails the test unless so many files are in the cache, each of them whole, and nothing else.
    #[track_caller]
    fn is_sound(&self, files: u64) {
        assert_eq!(self.leftovers(), [""; 0]);
        let document = self.cache("scrub --json").succeeded().document();
        assert_eq!(document["sound_files"], files, "{document}");
        for wrong in ["damaged", "missing", "evicted", "strangers"] {
            assert_eq!(document[wrong]["count"], 0, "{document}");
        }
        assert_eq!(document["leftover_files"], 0, "{document}");
    }

    /// Waits until the key's part holds so many bytes; fails the test after a minute.
    fn until_part(&self, key: &str, bytes: u64) {
        let part = self.work(key).join("source.part");
        until(&format!("{bytes} bytes in the part"), || fs::metadata(&part).is_ok_and(|part| part.len() >= bytes));
    }
}

/// Waits until something is so; fails the test after a minute.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "still not: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Returns the words that fetch `url` into the cache.
fn line(key: &str, url: &str, extra: &str) -> String {
    format!("fetch --cache {key} {url} {LOCAL} {extra}")
}

/// Returns whether only the first byte was asked for: a look, and no download.
fn is_look(asked: &Asked) -> bool {
    asked.header("range") == Some("bytes=0-0")
}

/// Returns how often the recording itself was asked for.
fn bodies(origin: &Origin) -> usize {
    origin.asked().iter().filter(|asked| !is_look(asked)).count()
}

/// Returns a recording of so many seconds in this container, and an object that is it.
fn lesson(container: Container, seconds: f64) -> Object {
    let folder = scratch();
    let path = make(&folder, "lesson", &Recipe::plain(container, "64x48", seconds));
    Object::of(fs::read(path).unwrap(), &format!("\"lesson-{seconds}\""))
}

/// Returns a recording of about so many megabytes, which FFmpeg's own tool makes of noise.
fn large_lesson(megabytes: u32) -> Object {
    let folder = scratch();
    let rate = megabytes * 4;
    let words = format!(
        "-f lavfi -i color=gray:s=320x240:r=25:d=2,noise=alls=100:allf=t -c:v libx264 -preset ultrafast -b:v {rate}M \
         -minrate {rate}M -maxrate {rate}M -bufsize 1M -x264-params nal-hrd=cbr -pix_fmt yuv420p -f flv"
    );
    let path = crate::support::clip::by_ffmpeg(&folder, "large.flv", &words);
    Object::of(fs::read(path).unwrap(), &format!("\"large-{megabytes}\""))
}

/// Returns the notes on a file in the cache.
fn notes(document: &Value) -> Vec<&str> {
    document["cache"]["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect()
}
