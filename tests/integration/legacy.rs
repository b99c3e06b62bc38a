//! An older node is taken over: its databases as the old systems made them, its folder, its Redis; looked at, copied, and
//! left as they were.

mod adopt;
mod killed;
mod refuse;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::binary::{Said, contents, end, reelmill};
use crate::support::clip::scratch;
use crate::support::oracle::tool;

/// The orchestrator's database, as its own programs made it.
const TEACHER: &str = "
    CREATE TABLE video_list (record_id INTEGER, resolution varchar(10), status varchar(20));
    INSERT INTO video_list VALUES (6666, '720P', '转码中'), (6666, 480, '转码成功'), (7777, '720p', '转码失败'),
        (7777, '240', '转码超时'), (6666, '1080P', 'busy'), (8888, '99P', '转码中'), (6666, '720P', '转码中');
    CREATE TABLE task_list (id INTEGER PRIMARY KEY, class_id VARCHAR(250), start FLOAT, institution_id VARCHAR(250));
    INSERT INTO task_list (class_id, institution_id) VALUES ('c-1', '22'), ('c-2', NULL), (1029, '');
    CREATE TABLE song (title TEXT);";

/// The pushing end's.
const PUSHER: &str = "
    CREATE TABLE video_list (id VARCHAR(250) NOT NULL PRIMARY KEY, num_cite INTEGER, site VARCHAR, update_time FLOAT);
    INSERT INTO video_list VALUES ('6666', 2, '/home.old/video/6666', 1690000300.5),
        ('7777', 1, '/home.old/video/7777', 1690000100), ('5555', 0, '', NULL);
    CREATE TABLE class_list (class_id VARCHAR(250) NOT NULL PRIMARY KEY, video_id VARCHAR(250) NOT NULL, site VARCHAR);
    INSERT INTO class_list VALUES ('c-1', '6666', ''), (1029, 6666, ''), ('c-9', '4444', '');
    CREATE TABLE dir_info (dir VARCHAR(250) NOT NULL PRIMARY KEY, size FLOAT NOT NULL, num INTEGER NOT NULL);
    INSERT INTO dir_info VALUES ('/home.old/video', 3.5, 40);";

/// An old node beside a new one that knows nothing yet.
struct OldNode(TempDir);

impl OldNode {
    /// A node with both databases and some recordings.
    fn new() -> Self {
        let node = Self::empty();
        sql(&node.path("teacher.db"), TEACHER);
        sql(&node.path("push.db"), PUSHER);
        for name in ["6666/6666.flv", "6666/6666_480P.flv", "7777/7777_720P.flv", "9999/9999.flv"] {
            node.video(name);
        }
        node
    }

    /// A node with an empty folder of recordings, and our own configuration.
    fn empty() -> Self {
        let node = Self(scratch());
        fs::create_dir_all(node.path("video")).unwrap();
        fs::create_dir(node.path("data")).unwrap();
        let (data, video) = (node.path("data"), node.path("video"));
        let toml = format!("data_folder = {data:?}\n[cache]\nroot = {video:?}\nfree_bytes_min = '0'\n");
        fs::write(node.path("reelmill.toml"), toml).unwrap();
        node
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn video(&self, name: &str) {
        let path = self.path("video").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("the bytes of {name}")).unwrap();
    }

    /// Runs the import with more words.
    fn import(&self, words: &str) -> Said {
        let line = format!("import-legacy --videos video --config reelmill.toml {words}");
        end(&mut reelmill(self.0.path(), &line))
    }

    /// Runs it for both databases and returns its document.
    fn document(&self, words: &str) -> Value {
        self.import(&format!("--database teacher.db push.db --json {words}")).succeeded().document()
    }

    /// Asks our database.
    fn ask(&self, query: &str) -> Vec<String> {
        let path = self.path("data").join("reelmill.db");
        let said = tool("sqlite3", &["-readonly", path.to_str().unwrap(), query]);
        String::from_utf8(said).unwrap().lines().map(str::to_owned).collect()
    }

    /// Everything there is.
    fn everything(&self) -> std::collections::BTreeMap<String, Option<Vec<u8>>> {
        contents(self.0.path())
    }
}

/// The old system at work: it has its database open until it is let go.
struct OldSystem(Child);

impl OldSystem {
    /// Starts one that does these things with the database `db`, and waits until it has.
    fn start(path: &Path, work: &str) -> Self {
        let script = format!(
            "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], isolation_level=None)\n{work}\n\
             print('open', flush=True)\nsys.stdin.read()"
        );
        let mut command = Command::new("python3");
        command.args(["-c", &script, path.to_str().unwrap()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "open\n");
        Self(child)
    }
}

impl Drop for OldSystem {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Lets somebody else's SQLite write.
fn sql(path: &Path, statements: &str) {
    tool("sqlite3", &[path.to_str().unwrap(), statements]);
}

/// Returns what is told of a kind.
fn told(document: &Value, kind: &str) -> Vec<String> {
    let notes = document["notes"].as_array().unwrap().iter();
    let texts = notes.filter(|note| note["kind"] == kind).flat_map(|note| note["texts"].as_array().unwrap());
    texts.map(|text| text.as_str().unwrap().to_owned()).collect()
}
