//! The rows of the cache, against a real database.

use crate::store::cache::{CacheIdentity, FileContent, FileName, FileSource, LeaseRow, NewFile, PublishRow};
use crate::store::{FILE_NAME, Options, Store, StoreError};

fn store(folder: &tempfile::TempDir) -> Store {
    Store::open(&folder.path().join(FILE_NAME), &Options { backup_every: None, ..Options::default() }).unwrap()
}

fn identity() -> CacheIdentity {
    CacheIdentity { cache_id: "c1".to_owned(), is_marked: true, is_clean: false }
}

fn name(record: &str) -> FileName {
    FileName { institution: "22".to_owned(), record: record.to_owned(), resolution: 720 }
}

fn content(bytes: u64) -> FileContent {
    FileContent { bytes, sha256: Some("ab".repeat(32)), modified_nanoseconds: 1_763_661_600_000_000_001 }
}

fn new(record: &str, bytes: u64, sequence: u64) -> NewFile {
    let source = FileSource {
        url: "http://origin/6666.flv".to_owned(),
        bytes: Some(bytes + 1),
        validator: Some("etag:\"a\"".to_owned()),
    };
    NewFile {
        name: name(record),
        content: content(bytes),
        source,
        sequence,
        used_milliseconds: 5,
        note: String::new(),
    }
}

fn lease(file: i64, holder: &str, until_milliseconds: Option<i64>) -> LeaseRow {
    let (kind, holder) = ("class".to_owned(), holder.to_owned());
    LeaseRow { file, kind, holder, since_milliseconds: 1, until_milliseconds }
}

#[test]
fn a_file_is_recorded_once_per_name_and_who_held_the_old_one_holds_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let first = store.write(|tx| tx.cache().put(&new("6666", 10, 1), 100)).unwrap();
    assert_eq!(
        (first.name.clone(), first.content.clone(), first.created_milliseconds),
        (name("6666"), content(10), 100)
    );
    store.write(move |tx| tx.cache().lease(&lease(first.id, "c-1", Some(7)))).unwrap();
    let second = store.write(|tx| tx.cache().put(&new("6666", 20, 2), 200)).unwrap();
    assert_eq!((second.id, second.content.bytes, second.sequence), (first.id, 20, 2));
    let read = store.read(|rows| Ok::<_, StoreError>((rows.cache().file(&name("6666"))?, rows.cache().leases()?)));
    assert_eq!(read.unwrap(), (Some(second), vec![lease(first.id, "c-1", Some(7))]));
}

#[test]
fn a_quarantined_file_leaves_its_name_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let first = store.write(|tx| tx.cache().put(&new("6666", 10, 1), 100)).unwrap();
    store.write(move |tx| tx.cache().set_state(first.id, "quarantined", "its hash is another")).unwrap();
    assert_eq!(store.read(|rows| rows.cache().file(&name("6666"))).unwrap(), None);
    let second = store.write(|tx| tx.cache().put(&new("6666", 20, 2), 200)).unwrap();
    assert_ne!(second.id, first.id);
    let files = store.read(|rows| rows.cache().files()).unwrap();
    let told: Vec<_> = files.iter().map(|file| (file.id, file.state.as_str(), file.note.as_str())).collect();
    assert_eq!(told, [(first.id, "quarantined", "its hash is another"), (second.id, "ready", "")]);
}

#[test]
fn what_went_is_remembered_and_its_holds_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let file = store.write(|tx| tx.cache().put(&new("6666", 10, 1), 100)).unwrap();
    store.write(move |tx| tx.cache().lease(&lease(file.id, "c-1", None))).unwrap();
    store.write(move |tx| tx.cache().evicted(file.id, "for 7777_720P", 300)).unwrap();
    let (files, leases, eviction) = store
        .read(|rows| {
            let cache = rows.cache();
            Ok::<_, StoreError>((cache.files()?, cache.leases()?, cache.eviction(&name("6666"))?.unwrap()))
        })
        .unwrap();
    assert_eq!((files, leases), (vec![], vec![]));
    assert_eq!((eviction.bytes, eviction.reason.as_str()), (10, "for 7777_720P"));
    assert_eq!((eviction.used_milliseconds, eviction.time_milliseconds), (5, 300));
}

#[test]
fn holds_are_taken_prolonged_ended_and_run_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let id = store.write(|tx| tx.cache().put(&new("6666", 10, 1), 100)).unwrap().id;
    store
        .write(move |tx| {
            for (holder, until) in [("a", Some(10)), ("b", Some(20)), ("c", None), ("a", Some(15))] {
                tx.cache().lease(&lease(id, holder, until))?;
            }
            tx.cache().expire(15)?;
            tx.cache().release(id, "class", "c")
        })
        .unwrap();
    let left = store.read(|rows| rows.cache().leases_of(id)).unwrap();
    assert_eq!(left, [lease(id, "b", Some(20))]);
    // A hold on a file that is not there is none.
    assert!(store.write(move |tx| tx.cache().lease(&lease(id + 1, "x", None))).is_err());
}

#[test]
fn what_is_about_to_get_its_name_and_which_cache_it_is_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let publish = PublishRow {
        name: name("6666"),
        content: content(10),
        inode: u64::MAX - 1,
        source: FileSource::default(),
        note: "a note".to_owned(),
    };
    let again = publish.clone();
    {
        let store = store(&folder);
        store.write(move |tx| tx.cache().begin_publish(&again)).unwrap();
        store.write(|tx| tx.cache().identify(&identity())).unwrap();
    }
    let store = store(&folder);
    assert_eq!(store.read(|rows| rows.cache().publishes()).unwrap(), [publish]);
    assert_eq!(store.read(|rows| rows.cache().identity()).unwrap(), Some(identity()));
    store.write(|tx| tx.cache().end_publish(&name("6666"))).unwrap();
    assert_eq!(store.read(|rows| rows.cache().publishes()).unwrap(), []);
    let row = store.write(|tx| tx.cache().put(&new("6666", 10, 1), 100)).unwrap();
    let (source, found) = (FileSource { url: "u".to_owned(), ..FileSource::default() }, content(11));
    let expected = (source.clone(), found.clone(), 9, 50);
    store
        .write(move |tx| {
            tx.cache().set_source(row.id, &source)?;
            tx.cache().set_content(row.id, &found)?;
            tx.cache().touch(row.id, 9, 50)
        })
        .unwrap();
    let row = store.read(|rows| rows.cache().file(&name("6666"))).unwrap().unwrap();
    assert_eq!((row.source, row.content, row.sequence, row.used_milliseconds), expected);
}
