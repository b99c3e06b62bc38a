//! K6, K7: what others do below the root, and a root that is not there.

use std::os::unix::fs::symlink;

use super::*;

#[test]
fn k6_a_missing_file_is_forgotten_and_fetched_again() {
    let scratch = Scratch::new(LIMITS);
    drop(scratch.put("1", 10));
    fs::remove_file(scratch.file("1")).unwrap();
    assert_eq!(code(scratch.cache.hold(&key("1"), None)), "CACHE_MISSING");
    assert!(scratch.names().is_empty());
    assert_eq!(scratch.put("1", 10).bytes(), 10);
}

#[test]
fn k6_a_file_of_another_length_or_with_other_bytes_is_moved_aside_and_goes_first() {
    let scratch = Scratch::new(LIMITS);
    for name in ["1", "2", "3"] {
        drop(scratch.try_put(name, 300_000, Some(class("c-1", None))).unwrap());
    }
    fs::write(scratch.file("1"), [0; 299_999]).unwrap();
    fs::write(scratch.file("2"), [0; 300_000]).unwrap();
    assert_eq!(code(scratch.cache.hold(&key("1"), None)), "CACHE_DAMAGED");
    assert_eq!(code(scratch.cache.hold(&key("2"), None)), "CACHE_DAMAGED");
    let alarms = scratch.store.read(|reading| reading.outbox().after(0, 10)).unwrap();
    assert!(alarms[1].data.contains(r#""holders":["class c-1"]"#), "{}", alarms[1].data);
    assert_eq!(fs::read_dir(scratch.root().join(".quarantine")).unwrap().count(), 2);
    assert!(!scratch.file("2").try_exists().unwrap());
    let why = scratch.store.read(|reading| crate::cache::why(reading, &key("2"), 0)).unwrap();
    let (entry, next) = (why.entry.unwrap(), why.next);
    assert!(scratch.root().join(&entry.path).is_file(), "{}", entry.path.display());
    assert_eq!((entry.goes_after, next[0].key.clone(), next[1].key.clone()), (Some(1), key("1"), key("2")));
    let scratch = scratch.reopened();
    drop(scratch.put("1", 300_000));
    drop(scratch.put("2", 300_000));
    assert_eq!(fs::read_dir(scratch.root().join(".quarantine")).unwrap().count(), 0);
    assert_eq!(scratch.names().len(), 3);
}

#[test]
fn k6_what_was_moved_aside_goes_also_when_its_name_is_another_file_s_by_now() {
    let scratch = Scratch::new(LIMITS);
    drop(scratch.put("1", 300_000));
    fs::write(scratch.file("1"), [0; 300_000]).unwrap();
    assert_eq!(code(scratch.cache.hold(&key("1"), None)), "CACHE_DAMAGED");
    let held = scratch.put("1", 300_000);
    drop(scratch.put("2", 600_000));
    assert_eq!(fs::read_dir(scratch.root().join(".quarantine")).unwrap().count(), 0);
    assert_eq!(scratch.names(), ["1", "2"]);
    let scrubbed = scratch.cache.scrub(&|_| (), &|| false).unwrap();
    assert_eq!((scrubbed.sound.files, scrubbed.damaged.len(), scrubbed.missing.len()), (2, 0, 0));
    drop(held);
}

#[test]
fn k6_a_file_that_a_person_put_back_is_not_taken_for_the_damaged_one_however_alike() {
    let scratch = Scratch::new(LIMITS);
    drop(scratch.put("1", 10));
    let good = fs::read(scratch.file("1")).unwrap();
    let modified = fs::metadata(scratch.file("1")).unwrap().modified().unwrap();
    fs::write(scratch.file("1"), [0; 10]).unwrap();
    assert_eq!(code(scratch.cache.hold(&key("1"), None)), "CACHE_DAMAGED");
    // The damaged one was taken away to be looked at, and the good one comes from a backup, length and time and all.
    let aside = fs::read_dir(scratch.root().join(".quarantine")).unwrap().next().unwrap().unwrap().path();
    let damaged_modified = fs::metadata(&aside).unwrap().modified().unwrap();
    fs::rename(&aside, scratch.folder.path().join("evidence")).unwrap();
    for times in [modified, damaged_modified] {
        fs::create_dir_all(scratch.root().join("1")).unwrap();
        fs::write(scratch.file("1"), &good).unwrap();
        fs::File::options().write(true).open(scratch.file("1")).unwrap().set_modified(times).unwrap();
        scratch.cache.scrub(&|_| (), &|| false).unwrap();
        assert_eq!(code(scratch.acquire("1", 10, None)), "CACHE_NAME_TAKEN");
        drop(scratch.put("2", 1_000_000));
        assert_eq!(fs::read(scratch.file("1")).unwrap(), good);
        scratch.cache.evict(&key("2"), "by hand").unwrap();
    }
}

#[test]
fn what_may_not_be_opened_is_not_taken_for_damaged() {
    #[derive(Debug)]
    struct Unable;
    impl Prover for Unable {
        fn prove(&self, path: &Path) -> Result<VerifiedFile, ProofError> {
            Err(ProofError::Read { path: path.to_owned(), source: std::io::ErrorKind::PermissionDenied.into() })
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join(FILE_NAME), &store::Options::default()).unwrap());
    let options = options(&folder.path().join("root"), LIMITS, &Arc::<HandClock>::default());
    let cache = Cache::open(store, Options { prover: Arc::new(Unable), ..options }).unwrap();
    fs::create_dir(folder.path().join("root/1")).unwrap();
    fs::write(folder.path().join("root/1/1.flv"), "good").unwrap();
    let adopted = crate::cache::Adopted {
        key: key("1"),
        modified_nanoseconds: 1,
        bytes: 4,
        used_milliseconds: 7,
        leases: Vec::new(),
    };
    cache.adopt(vec![adopted]).unwrap();
    assert_eq!(code(cache.hold(&key("1"), None)), "PROOF_READ");
    let scrubbed = cache.scrub(&|_| (), &|| false).unwrap();
    assert_eq!((scrubbed.damaged.len(), scrubbed.sound.files), (0, 0));
    assert!(cache.entry(&key("1")).is_some_and(|entry| entry.state == crate::cache::EntryState::Ready));
}

#[test]
fn k7_a_folder_that_is_claimed_is_the_cache_s_from_then_on() {
    let scratch = Scratch::new(LIMITS);
    drop(scratch.put("1", 10));
    let Scratch { cache, store, folder, limits, .. } = scratch;
    drop(cache);
    let root = folder.path().join("root");
    fs::remove_dir_all(&root).unwrap();
    fs::create_dir(&root).unwrap();
    let clock = Arc::<HandClock>::default();
    let open = || Cache::open(Arc::clone(&store), options(&root, limits, &clock));
    assert_eq!(code(open()), "CACHE_DIR_NOT_MOUNTED");
    fs::write(root.join(".reelmill-cache"), "reelmill cache 1 other\n").unwrap();
    assert_eq!(code(Cache::claim(&store, &root)), "CACHE_FOREIGN");
    fs::remove_file(root.join(".reelmill-cache")).unwrap();
    Cache::claim(&store, &root).unwrap();
    let cache = open().unwrap();
    assert_eq!(code(cache.hold(&key("1"), None)), "CACHE_MISSING");
    assert_eq!(cache.bytes(), 0);
    drop(cache);
    open().unwrap();
}

#[test]
fn k6_a_link_in_the_place_of_the_work_folder_is_refused_and_nothing_behind_it_is_touched() {
    let scratch = Scratch::new(LIMITS);
    let Scratch { cache, store, folder, limits, .. } = scratch;
    drop((cache, store));
    let outside = folder.path().join("outside");
    fs::create_dir_all(outside.join("empty")).unwrap();
    fs::create_dir_all(outside.join("full")).unwrap();
    fs::write(outside.join("full/file"), "theirs").unwrap();
    fs::remove_dir(folder.path().join("root/.work")).unwrap();
    symlink(&outside, folder.path().join("root/.work")).unwrap();
    let store = Arc::new(Store::open(&folder.path().join(FILE_NAME), &store::Options::default()).unwrap());
    let clock = Arc::<HandClock>::default();
    let opened = Cache::open(store, options(&folder.path().join("root"), limits, &clock));
    assert_eq!(code(opened), "CACHE_NAME_TAKEN");
    assert!(outside.join("empty").is_dir() && outside.join("full/file").is_file());
}

#[test]
fn k6_foreign_files_are_named_and_left_alone() {
    let scratch = Scratch::new(LIMITS);
    drop(scratch.put("1", 10));
    let root = scratch.root();
    fs::create_dir_all(root.join("22/7/deep")).unwrap();
    for name in ["readme.txt", "1/1_old.flv", "22/7/7.flv", "22/7/deep/x"] {
        fs::write(root.join(name), name).unwrap();
    }
    symlink("/etc", root.join("9")).unwrap();
    symlink("1.flv", root.join("1/1_720P.flv")).unwrap();
    let scrubbed = scratch.cache.scrub(&|_| (), &|| false).unwrap();
    let strangers: Vec<&str> = scrubbed.strangers.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(strangers, ["1/1_720P.flv", "1/1_old.flv", "22/7/7.flv", "22/7/deep", "9", "readme.txt"]);
    for (taken, _) in [("9", "a link to /etc"), ("1_720P", "a link to a file"), ("22/7", "a file of unknown bytes")]
    {
        assert_eq!(code(scratch.acquire(taken, 10, None)), "CACHE_NAME_TAKEN", "{taken}");
    }
    assert_eq!(fs::read_to_string(root.join("22/7/7.flv")).unwrap(), "22/7/7.flv");
    // What keeps a folder is somebody else's business.
    scratch.cache.evict(&key("1"), "by hand").unwrap();
    assert!(root.join("1/1_old.flv").is_file());
}

#[test]
fn k6_a_link_in_the_place_of_a_file_or_a_folder_is_never_followed() {
    let scratch = Scratch::new(LIMITS);
    let outside = scratch.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("1.flv"), [b'x'; 10]).unwrap();
    drop(scratch.put("1", 10));
    fs::remove_dir_all(scratch.root().join("1")).unwrap();
    symlink(&outside, scratch.root().join("1")).unwrap();
    assert_eq!(code(scratch.cache.hold(&key("1"), None)), "CACHE_MISSING");
    assert_eq!(code(scratch.acquire("1", 10, None)), "CACHE_NAME_TAKEN");
    drop(scratch.put("2", 10));
    fs::remove_file(scratch.file("2")).unwrap();
    symlink(outside.join("1.flv"), scratch.file("2")).unwrap();
    assert_eq!(code(scratch.cache.hold(&key("2"), None)), "CACHE_MISSING");
    assert_eq!(fs::read(outside.join("1.flv")).unwrap(), [b'x'; 10]);
}

#[test]
fn k7_a_root_without_its_marker_is_refused_and_nothing_is_written_there() {
    let scratch = Scratch::new(LIMITS);
    drop(scratch.put("1", 10));
    let Scratch { cache, store, folder, .. } = scratch;
    drop((cache, store));
    let root = folder.path().join("root");
    fs::rename(&root, folder.path().join("disk")).unwrap();
    let refused = |folder: TempDir| {
        // The folder must outlive the refusal.
        let path = folder.keep();
        let store = Arc::new(Store::open(&path.join(FILE_NAME), &store::Options::default()).unwrap());
        let clock = Arc::<HandClock>::default();
        let result = Cache::open(store, options(&path.join("root"), LIMITS, &clock));
        (code(result), path)
    };
    let (missing, path) = refused(folder);
    assert_eq!(missing, "CACHE_DIR_NOT_MOUNTED");
    fs::create_dir(path.join("root")).unwrap();
    let folder = tempfile::Builder::new().tempdir_in(&path).unwrap();
    drop(folder);
    let store = Arc::new(Store::open(&path.join(FILE_NAME), &store::Options::default()).unwrap());
    let clock = Arc::<HandClock>::default();
    let open = |root: &str| Cache::open(Arc::clone(&store), options(&path.join(root), LIMITS, &clock));
    assert_eq!(code(open("root")), "CACHE_DIR_NOT_MOUNTED");
    assert_eq!(fs::read_dir(path.join("root")).unwrap().count(), 0);
    fs::write(path.join("root/.reelmill-cache"), "reelmill cache 1 other\n").unwrap();
    assert_eq!(code(open("root")), "CACHE_FOREIGN");
    fs::write(path.join("root/.reelmill-cache"), "nonsense").unwrap();
    assert_eq!(code(open("root")), "CACHE_NAME_TAKEN");
    let cache = open("disk").unwrap();
    assert_eq!(code(open("disk")), "CACHE_IN_USE");
    // At run time too.
    fs::rename(path.join("disk"), path.join("elsewhere")).unwrap();
    fs::create_dir(path.join("disk")).unwrap();
    let wanted = Wanted { key: &key("2"), job: "j", bytes: Some(10), lease: None };
    assert_eq!(code(cache.acquire(&wanted)), "CACHE_DIR_NOT_MOUNTED");
    assert_eq!(code(cache.hold(&key("1"), None)), "CACHE_DIR_NOT_MOUNTED");
    assert_eq!(fs::read_dir(path.join("disk")).unwrap().count(), 0);
    drop(cache);
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn s6_the_second_one_is_told_who_has_the_cache() {
    let scratch = Scratch::new(LIMITS);
    let other = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&other.path().join(FILE_NAME), &store::Options::default()).unwrap());
    let clock = Arc::<HandClock>::default();
    let refused = Cache::open(store, options(&scratch.root(), LIMITS, &clock)).unwrap_err();
    assert!(refused.to_string().ends_with(&format!(" is in use by process {}", std::process::id())), "{refused}");
    let stat = scratch.store.read(|reading| crate::cache::stat(reading, &scratch.root(), LIMITS, 0)).unwrap();
    assert_eq!(stat.owner, Some(std::process::id()));
}
