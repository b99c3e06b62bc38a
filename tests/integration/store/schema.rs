//! Databases of other releases, and other programs in ours.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reelmill::failure::Failure;
use reelmill::store::{Depth, FILE_NAME, JobId, check};

use super::child::{Bidding, command, fresh, points, traced};
use super::{fill, insert, open, options};
use crate::support::binary::{end, reelmill};
use crate::support::clip::scratch;
use crate::support::kill::KILLED;
use crate::support::oracle::tool;
use crate::support::setting::setting;

/// The first schema, as the release that had no other made it: three jobs and their release's marks.
const SCHEMA_1: &str = "
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute('PRAGMA application_id = 0x7265656c')
database.executescript(open(sys.argv[2]).read())
database.execute('PRAGMA user_version = 1')
database.execute('PRAGMA journal_mode = WAL')
for number in range(3):
    database.execute('''INSERT INTO job (institution, kind, key, state, priority, input, created_milliseconds,
        updated_milliseconds) VALUES ('', 'transcode', ?, 'waiting', 50, '{}', 1, 1)''', (str(number),))
";

fn make_old(folder: &Path) {
    let sql = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/migrations/001_job.sql");
    tool("python3", &["-c", SCHEMA_1, folder.join(FILE_NAME).to_str().unwrap(), sql]);
}

#[test]
fn s5_a_migration_killed_before_every_durable_call_is_done_whole_or_not_at_all() {
    const CALLS: &str = "pwrite64,fdatasync,fsync,ftruncate,unlink";
    let scratch = scratch();
    let round = |name: &str, words: &[&str]| {
        let folder = fresh(scratch.path(), name);
        make_old(&folder);
        let (said, trace) = traced(&command(Bidding::Open, &folder), words);
        (folder, said, trace)
    };
    let (_, _, trace) = round("whole", &["-e", &format!("trace={CALLS}")]);
    let (mut killed, mut versions) = (0, Vec::new());
    for (index, (call, count)) in points(&trace, CALLS).iter().step_by(setting("REELMILL_STEP", 7)).enumerate() {
        let inject = format!("inject={call}:signal=SIGKILL:when={count}");
        let (folder, said, _) = round(&index.to_string(), &["-e", &format!("trace={call}"), "-e", &inject]);
        killed += usize::from(said.exit == KILLED);
        let report = check(&folder.join(FILE_NAME), Depth::Full).unwrap();
        assert!([1, report.latest_version].contains(&report.schema_version), "all steps or none: {report:?}");
        assert_eq!(report.rows.len() == 1, report.schema_version == 1, "{report:?}");
        versions.push(report.schema_version);
        let store = open(&folder).unwrap();
        assert_eq!(insert(&store, "afterwards").unwrap(), JobId(4));
        drop(store);
        let report = check(&folder.join(FILE_NAME), Depth::Full).unwrap();
        assert_eq!(report.schema_version, report.latest_version);
    }
    assert!(killed > 1 && versions.contains(&1), "{killed} killed, schemas {versions:?}");
}

#[test]
fn s5_a_newer_database_is_refused_with_both_numbers() {
    let scratch = scratch();
    fill(scratch.path(), 1);
    let script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version = 999')";
    tool("python3", &["-c", script, scratch.path().join(FILE_NAME).to_str().unwrap()]);
    for line in ["db check", "db backup", "db restore --from reelmill.db", "db rebuild-index"] {
        let said = end(&mut reelmill(scratch.path(), &format!("{line} --data-folder .")));
        assert_eq!((said.exit, said.code()), (5, "DB_NEWER"), "{line}: {said}");
        assert!(said.stderr.contains("schema 999, and this program knows schemas up to "), "{said}");
    }
    assert_eq!(open(scratch.path()).unwrap_err().code(), "DB_NEWER");
}

/// Another program that has the write lock until it is let go.
struct Holder(Child);

impl Holder {
    fn hold(folder: &Path) -> Self {
        let script = "import sqlite3, sys; database = sqlite3.connect(sys.argv[1], isolation_level=None); \
                      database.execute('BEGIN EXCLUSIVE'); print('held', flush=True); sys.stdin.read(); \
                      database.execute('COMMIT')";
        let mut command = Command::new("python3");
        command.args(["-c", script, folder.join(FILE_NAME).to_str().unwrap()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
        assert_eq!(line, "held\n");
        Self(child)
    }

    fn let_go(&mut self) {
        drop(self.0.stdin.take().map(|mut stdin| stdin.flush()));
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.let_go();
        let _ = self.0.wait();
    }
}

#[test]
fn s2_another_program_s_lock_is_waited_for_and_then_told_as_busy() {
    let scratch = scratch();
    fill(scratch.path(), 1);
    let store = open(scratch.path()).unwrap();
    let holder = Holder::hold(scratch.path());
    let refused = insert(&store, "a").unwrap_err();
    assert_eq!(refused.code(), "DB_BUSY");
    assert_eq!(store.read(|reading| reading.jobs().count()).unwrap(), 1, "reading goes on");
    drop(holder);
    assert_eq!(insert(&store, "a").unwrap(), JobId(2));
    drop(store);
    // One that is let go in time is not noticed.
    let patient = reelmill::store::Options { busy_time: std::time::Duration::from_secs(30), ..options() };
    let store = reelmill::store::Store::open(&scratch.path().join(FILE_NAME), &patient).unwrap();
    let mut holder = Holder::hold(scratch.path());
    let pending = store.submit(|tx| {
        let count = tx.jobs().count()?;
        Ok::<_, reelmill::store::StoreError>(count)
    });
    holder.let_go();
    assert_eq!(pending.unwrap().wait().unwrap(), 2);
}
