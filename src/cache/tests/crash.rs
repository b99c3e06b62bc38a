//! Ends in the middle, played back from what they leave: the real ones are in the integration tests.

use std::os::unix::fs::MetadataExt;

use super::*;
use crate::cache::adopt::Adopted;
use crate::cache::{EntryState, Held};
use crate::store::{CacheIdentity, FileContent, FileSource, PublishRow, StoreError};

/// Ends a process without closing its cache: the word that it was closed is taken back.
fn crashed(scratch: Scratch) -> Scratch {
    let Scratch { cache, store, folder, limits, .. } = scratch;
    let cache_id = cache.inner.root.id().to_owned();
    drop(cache);
    let open = CacheIdentity { cache_id, is_marked: true, is_clean: false };
    store.write(move |tx| tx.cache().identify(&open)).unwrap();
    drop(store);
    Scratch::within(folder, limits).unwrap()
}

#[test]
fn a_file_that_had_got_its_name_gets_its_row_at_the_next_start() {
    let scratch = Scratch::new(LIMITS);
    fs::create_dir_all(scratch.root().join("1")).unwrap();
    fs::write(scratch.file("1"), b"0123456789").unwrap();
    let found = scratch.cache.inner.root.find(&key("1")).unwrap();
    let crate::cache::root::Found::File { bytes, modified_nanoseconds, inode } = found else { panic!() };
    let sha256 = Some(crate::content_hash::of_file(&scratch.file("1")).unwrap());
    let row = |name: &str, inode| PublishRow {
        name: crate::cache::name::of_key(&key(name)),
        content: FileContent { bytes, sha256: sha256.clone(), modified_nanoseconds },
        inode,
        source: FileSource::default(),
        note: String::new(),
    };
    for row in [row("1", inode), row("2", inode), row("3", inode + 1)] {
        scratch.store.write(move |tx| tx.cache().begin_publish(&row)).unwrap();
    }
    let scratch = crashed(scratch);
    assert_eq!(scratch.names(), ["1"]);
    assert_eq!(scratch.store.read(|reading| reading.cache().publishes()).unwrap(), []);
    assert_eq!(scratch.cache.hold(&key("1"), None).unwrap().bytes(), 10);
}

#[test]
fn after_a_crash_every_byte_is_looked_at_before_a_file_is_used() {
    let scratch = Scratch::new(LIMITS);
    drop(scratch.put("1", 10));
    drop(scratch.put("2", 10));
    let modified = fs::metadata(scratch.file("1")).unwrap().modified().unwrap();
    fs::write(scratch.file("1"), b"0123456789").unwrap();
    fs::File::options().write(true).open(scratch.file("1")).unwrap().set_modified(modified).unwrap();
    // Nothing of this shows but in the bytes.
    let scratch = scratch.reopened();
    drop(scratch.cache.hold(&key("1"), None).unwrap());
    // Also by a process that comes later, as long as nobody has.
    let scratch = crashed(scratch).reopened();
    assert_eq!(code(scratch.cache.hold(&key("1"), None)), "CACHE_DAMAGED");
    drop(scratch.cache.hold(&key("2"), None).unwrap());
    let checked = scratch.reopened().cache.check(&|| false).unwrap();
    assert_eq!((checked.sound.files, checked.damaged.len()), (1, 0));
}

#[test]
fn what_was_going_goes_and_what_would_not_go_is_tried_again() {
    let scratch = Scratch::new(LIMITS);
    for name in ["1", "2", "3"] {
        drop(scratch.put(name, 10));
    }
    let ids: Vec<i64> =
        scratch.store.read(|reading| reading.cache().files()).unwrap().iter().map(|row| row.id).collect();
    let (evicting, failed) = (EntryState::Evicting.name(), EntryState::EvictFailed.name());
    scratch
        .store
        .write(move |tx| {
            tx.cache().set_state(ids[0], evicting, "made room")?;
            tx.cache().set_state(ids[1], failed, "the disk")
        })
        .unwrap();
    let scratch = crashed(scratch);
    assert_eq!(scratch.names(), ["3"]);
    assert!(!scratch.file("1").try_exists().unwrap() && !scratch.file("2").try_exists().unwrap());
    assert_eq!(scratch.cache.bytes(), 10);
}

#[test]
fn a_damaged_file_that_was_not_moved_yet_is_moved_at_the_next_start_or_for_who_wants_its_name() {
    for is_restarted in [true, false] {
        let scratch = Scratch::new(LIMITS);
        drop(scratch.put("1", 10));
        let aside = scratch.root().join(".quarantine");
        // Something in the way keeps it where it is.
        fs::write(&aside, "").unwrap();
        fs::write(scratch.file("1"), [0; 400]).unwrap();
        assert_eq!(code(scratch.cache.hold(&key("1"), None)), "CACHE_DAMAGED");
        assert!(scratch.file("1").is_file());
        assert_eq!(scratch.cache.bytes(), 400, "what is there counts");
        fs::remove_file(&aside).unwrap();
        let scratch = if is_restarted { crashed(scratch) } else { scratch };
        drop(scratch.put("1", 20));
        assert_eq!(fs::read_dir(&aside).unwrap().count(), 1);
        assert_eq!(scratch.cache.bytes(), 420);
    }
}

#[test]
fn a_file_whose_row_was_refused_gets_it_before_anything_else_is_said_of_it() {
    let scratch = Scratch::new(LIMITS);
    let reader = scratch.try_put("1", 10, Some(class("c-1", None))).unwrap();
    let work = scratch.root().join(".work/new");
    fs::write(&work, [b'y'; 30]).unwrap();
    let modified = fs::metadata(&work).unwrap();
    let row = PublishRow {
        name: crate::cache::name::of_key(&key("1")),
        content: FileContent {
            bytes: 30,
            sha256: Some(crate::content_hash::of_file(&work).unwrap()),
            modified_nanoseconds: modified.mtime() * 1_000_000_000 + modified.mtime_nsec(),
        },
        inode: modified.ino(),
        source: FileSource::default(),
        note: String::new(),
    };
    scratch.store.write(move |tx| tx.cache().begin_publish(&row)).unwrap();
    scratch.cache.inner.root.publish(&work, &key("1"), true).unwrap();
    scratch.cache.inner.leave_unsettled(&key("1"), 30);
    assert_eq!(scratch.cache.bytes(), 40, "the one that is gone and the one that has no row");
    assert_eq!(scratch.cache.hold(&key("1"), None).unwrap().bytes(), 30);
    assert_eq!(scratch.cache.bytes(), 30);
    assert_eq!(scratch.cache.entry(&key("1")).unwrap().holders.len(), 1);
    assert_eq!(scratch.cache.release(&class("c-1", None).holder).unwrap(), [key("1")]);
    assert_eq!(code(scratch.cache.evict(&key("1"), "by hand")), "CACHE_HELD", "who read the old one counts still");
    drop(reader);
    scratch.cache.evict(&key("1"), "by hand").unwrap();
}

#[test]
fn a_version_that_comes_while_the_old_one_is_looked_at_is_not_mistaken_for_it() {
    let scratch = Scratch::new(LIMITS);
    fs::create_dir_all(scratch.root().join("1")).unwrap();
    fs::write(scratch.file("1"), "good").unwrap();
    let adopted = Adopted {
        key: key("1"),
        modified_nanoseconds: 1,
        bytes: 4,
        used_milliseconds: 7,
        leases: vec![Held { holder: class("c-1", None).holder, since_milliseconds: 0, until_milliseconds: None }],
    };
    scratch.cache.adopt(vec![adopted]).unwrap();
    let (cache, root) = (scratch.cache.clone(), scratch.root());
    *scratch.prover.0.lock().unwrap() = Some(Box::new(move || {
        let wanted = Wanted { key: &key("1"), job: "new", bytes: Some(9), lease: None };
        let Acquired::Lead(reservation) = cache.replace(&wanted).unwrap() else { panic!() };
        let work = root.join(".work/new/work");
        fs::write(&work, "good, new").unwrap();
        drop(reservation.commit(&VerifiedFile::trusted(&work), provenance("1")).unwrap());
    }));
    assert_eq!(scratch.cache.hold(&key("1"), None).unwrap().bytes(), 9);
    assert_eq!((scratch.cache.bytes(), scratch.cache.entry(&key("1")).unwrap().holders.len()), (9, 1));
    let scrubbed = scratch.reopened().cache.scrub(&|_| (), &|| false).unwrap();
    assert_eq!((scrubbed.sound.files, scrubbed.damaged.len()), (1, 0));
}

#[test]
fn adopted_files_are_proven_before_their_first_use() {
    let scratch = Scratch::new(LIMITS);
    let adopted = |name: &str, content: &str| {
        fs::create_dir_all(scratch.file(name).parent().unwrap()).unwrap();
        fs::write(scratch.file(name), content).unwrap();
        Adopted {
            key: key(name),
            modified_nanoseconds: 1,
            bytes: content.len() as u64,
            used_milliseconds: 7,
            leases: Vec::new(),
        }
    };
    let files = vec![adopted("1", "good"), adopted("2_720P", "bad"), Adopted { bytes: 5, ..adopted("3", "good") }];
    let report = scratch.cache.adopt(files.clone()).unwrap();
    assert_eq!((report.adopted, report.present, report.refused.len()), (2, 0, 1));
    let again = scratch.cache.adopt(files).unwrap();
    assert_eq!((again.adopted, again.present), (0, 2));
    assert_eq!(scratch.names(), ["1", "2_720P"]);
    assert_eq!(scratch.cache.hold(&key("1"), None).unwrap().bytes(), 4);
    assert!(scratch.cache.entry(&key("1")).unwrap().sha256.is_some());
    assert_eq!(code(scratch.cache.hold(&key("2_720P"), None)), "CACHE_DAMAGED");
    let scrubbed = scratch.cache.scrub(&|_| (), &|| false).unwrap();
    assert_eq!((scrubbed.sound.files, scrubbed.strangers), (1, vec![PathBuf::from("3/3.flv")]));
    assert_eq!(code(scratch.cache.scrub(&|_| (), &|| true)), "CANCELLED");
}

#[test]
fn what_is_not_what_was_proven_is_not_committed() {
    let scratch = Scratch::new(LIMITS);
    let lead = |name: &str| match scratch.acquire(name, 10, None).unwrap() {
        Acquired::Lead(reservation) => reservation,
        other => panic!("{other:?}"),
    };
    let reservation = lead("1");
    let work = reservation.folder().join("work");
    fs::write(&work, b"0123456789").unwrap();
    let proven = VerifiedFile::trusted(&work);
    fs::write(&work, b"01234").unwrap();
    assert_eq!(code(reservation.commit(&proven, provenance("1"))), "CACHE_NOT_PROVEN");
    let reservation = lead("2");
    let outside = scratch.folder.path().join("outside");
    fs::write(&outside, b"0123456789").unwrap();
    assert_eq!(code(reservation.commit(&VerifiedFile::trusted(&outside), provenance("2"))), "CACHE_NOT_PROVEN");
    assert!(scratch.names().is_empty());
    let left = scratch.store.read(|reading| Ok::<_, StoreError>(reading.cache().publishes()?.len())).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_first_start_that_ended_before_or_after_the_folder_was_marked_is_begun_again() {
    for is_marked_already in [false, true] {
        let scratch = Scratch::new(LIMITS);
        let cache_id = scratch.cache.inner.root.id().to_owned();
        let Scratch { cache, store, folder, limits, .. } = scratch;
        drop(cache);
        if !is_marked_already {
            fs::remove_file(folder.path().join("root/.reelmill-cache")).unwrap();
        }
        let begun = CacheIdentity { cache_id, is_marked: false, is_clean: true };
        store.write(move |tx| tx.cache().identify(&begun)).unwrap();
        drop(store);
        drop(Scratch::within(folder, limits).unwrap().put("1", 10));
    }
}
