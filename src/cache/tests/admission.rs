//! Who gets room, who waits, and what goes for it.

use std::fs;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

#[test]
fn a_file_is_committed_found_again_and_evicted_when_room_is_needed() {
    let scratch = Scratch::new(LIMITS);
    drop(scratch.put("1", 400_000));
    drop(scratch.put("2", 400_000));
    assert!(matches!(scratch.acquire("1", 1, None).unwrap(), Acquired::Hit(_)));
    // It was used, so the other one goes.
    drop(scratch.put("3", 400_000));
    assert_eq!(scratch.names(), ["1", "3"]);
    assert!(!scratch.file("2").try_exists().unwrap() && !scratch.root().join("2").try_exists().unwrap());
    let why = scratch.store.read(|reading| crate::cache::why(reading, &key("2"), 0)).unwrap();
    assert_eq!(why.evicted.unwrap().reason, "made room for 3 (cache.bytes_max)");
    assert_eq!(why.next[0].key, key("1"));
    let events = scratch.store.read(|reading| reading.outbox().after(0, 10)).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(
        events[0].data,
        r#"{"key":"2","record_id":"2","bytes":400000,"reason":"made room for 3 (cache.bytes_max)"}"#
    );
    assert_eq!(scratch.reopened().names(), ["1", "3"]);
}

#[test]
fn k3_what_everybody_holds_is_refused_before_anything_is_made() {
    let scratch = Scratch::new(LIMITS);
    let held = scratch.try_put("1", 900_000, Some(class("c-1", Some(100)))).unwrap();
    drop(held);
    assert_eq!(code(scratch.acquire("2", 200_000, None)), "CACHE_FULL");
    assert!(!scratch.root().join(".work/job-2").try_exists().unwrap());
    assert_eq!(scratch.names(), ["1"]);
    // The same at its end.
    scratch.at(100);
    assert!(matches!(scratch.acquire("2", 200_000, None).unwrap(), Acquired::Lead(_)));
    assert!(scratch.names().is_empty());
}

#[test]
fn the_number_of_files_is_a_limit_too_and_a_new_version_is_no_new_file() {
    let scratch = Scratch::new(Limits { count_max: 2, ..LIMITS });
    for name in ["1", "2", "3"] {
        drop(scratch.put(name, 10));
    }
    assert_eq!(scratch.names(), ["2", "3"]);
    let wanted = Wanted { key: &key("2"), job: "again", bytes: Some(20), lease: None };
    let Acquired::Lead(reservation) = scratch.cache.replace(&wanted).unwrap() else { panic!() };
    assert_eq!(scratch.names(), ["2", "3"]);
    // Readers of the old version keep it.
    let old = scratch.cache.hold(&key("2"), None).unwrap();
    let open = fs::File::open(old.path()).unwrap();
    let work = reservation.folder().join("new");
    fs::write(&work, [b'y'; 20]).unwrap();
    let new = reservation.commit(&VerifiedFile::trusted(&work), provenance("2")).unwrap();
    assert_eq!(
        (new.bytes(), fs::metadata(new.path()).unwrap().len(), open.metadata().unwrap().len()),
        (20, 20, 10)
    );
    assert_eq!(scratch.cache.bytes(), 30);
    drop((old, new));
    assert_eq!(scratch.names(), ["3", "2"]);
}

#[test]
fn a_new_version_of_what_went_meanwhile_is_a_file_more() {
    let scratch = Scratch::new(Limits { count_max: 2, ..LIMITS });
    for name in ["1", "2"] {
        drop(scratch.put(name, 10));
    }
    let wanted = Wanted { key: &key("1"), job: "again", bytes: Some(20), lease: None };
    let Acquired::Lead(reservation) = scratch.cache.replace(&wanted).unwrap() else { panic!() };
    drop(scratch.put("3", 10));
    assert_eq!(scratch.names(), ["2", "3"]);
    let work = reservation.folder().join("new");
    fs::write(&work, [b'y'; 20]).unwrap();
    drop(reservation.commit(&VerifiedFile::trusted(&work), provenance("1")).unwrap());
    assert_eq!(scratch.names(), ["3", "1"]);
}

#[test]
fn room_grows_before_the_bytes_come_and_is_given_back() {
    let scratch = Scratch::new(LIMITS);
    let wanted = Wanted { key: &key("1"), job: "j", bytes: None, lease: None };
    let Acquired::Lead(reservation) = scratch.cache.acquire(&wanted).unwrap() else { panic!() };
    let room = reservation.rooms().file();
    room.reach(500_000).unwrap();
    assert!(scratch.cache.bytes() >= 500_000);
    let other = reservation.rooms().file();
    other.reach(400_000).unwrap();
    let refused = room.reach(700_000).unwrap_err();
    assert!(refused.to_string().starts_with("there is no room for more: "), "{refused}");
    other.reach(0).unwrap();
    room.reach(700_000).unwrap();
    // What an origin claims may be any number.
    assert!(room.reach(u64::MAX - 5).is_err() && other.reach(u64::MAX).is_err());
    room.reach(600_000).unwrap();
    drop(reservation);
    assert!(room.reach(700_000).is_err(), "the reservation is over, and with it its room");
    drop((room, other));
    assert_eq!(scratch.cache.bytes(), 0);
    assert!(!scratch.root().join(".work/j").try_exists().unwrap());
}

#[test]
fn what_is_left_of_work_counts_is_gone_on_from_and_goes_when_room_is_needed() {
    let scratch = Scratch::new(LIMITS);
    let Acquired::Lead(reservation) = scratch.acquire("1", 600_000, None).unwrap() else { panic!() };
    fs::write(reservation.folder().join("a.part"), vec![0; 300_000]).unwrap();
    drop(reservation);
    assert_eq!(scratch.cache.bytes(), 300_000);
    let scratch = scratch.reopened();
    assert_eq!(scratch.cache.bytes(), 300_000);
    let Acquired::Lead(reservation) = scratch.acquire("1", 600_000, None).unwrap() else { panic!() };
    assert!(reservation.folder().join("a.part").is_file());
    assert_eq!(
        code(scratch.cache.replace(&Wanted { key: &key("2"), job: "job-1", bytes: None, lease: None })),
        "CACHE_JOB_TAKEN"
    );
    drop(reservation);
    drop(scratch.put("2", 900_000));
    assert!(!scratch.root().join(".work/job-1").try_exists().unwrap());
    assert_eq!(scratch.names(), ["2"]);
}

#[test]
fn x17_who_comes_second_waits_for_the_first() {
    let scratch = Scratch::new(LIMITS);
    let Acquired::Lead(reservation) = scratch.acquire("1", 10, None).unwrap() else { panic!() };
    let Acquired::Follow(flight) = scratch.acquire("1", 10, None).unwrap() else { panic!() };
    let Acquired::Follow(other) = scratch.acquire("1", 10, None).unwrap() else { panic!() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let waiting = thread::spawn(move || runtime.block_on(async { tokio::join!(flight.ended(), other.ended()) }));
    let work = reservation.folder().join("work");
    fs::write(&work, b"0123456789").unwrap();
    drop(reservation.commit(&VerifiedFile::trusted(&work), provenance("1")).unwrap());
    waiting.join().unwrap();
    assert!(matches!(scratch.acquire("1", 10, None).unwrap(), Acquired::Hit(_)));
}

/// Says that it is over when it goes.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn x14_many_holders_and_little_room_never_pass_the_limit_and_lose_nothing_that_is_held() {
    const BYTES_MAX: u64 = 200_000;
    let scratch = Scratch::new(Limits { bytes_max: BYTES_MAX, count_max: 12, free_bytes_min: 0 });
    let (over, start) = (AtomicBool::new(false), Barrier::new(9));
    let (made, refused) = thread::scope(|scope| {
        let (scratch, over, start) = (&scratch, &over, &start);
        let worker = move |seed: u64| {
            let mut noise = fastrand::Rng::with_seed(seed);
            let (mut made, mut refused) = (0, 0);
            start.wait();
            for round in 0..60 {
                let key = format!("{}", noise.u32(0..30));
                let bytes = noise.usize(1..40_000);
                let lease = noise.bool().then(|| class(&format!("{seed}-{round}"), None));
                let wanted = Wanted {
                    key: &self::key(&key),
                    job: &format!("{seed}"),
                    bytes: Some(bytes as u64),
                    lease: lease.clone(),
                };
                match scratch.cache.acquire(&wanted) {
                    Ok(Acquired::Hit(held)) => assert!(held.path().is_file(), "what is held is there"),
                    Ok(Acquired::Lead(reservation)) => {
                        let work = reservation.folder().join("work");
                        fs::write(&work, vec![b'x'; bytes]).unwrap();
                        let held = reservation.commit(&VerifiedFile::trusted(&work), provenance(&key)).unwrap();
                        assert_eq!(fs::metadata(held.path()).unwrap().len(), bytes as u64);
                        made += 1;
                    }
                    Ok(Acquired::Follow(_)) => {}
                    Err(error) => {
                        assert_eq!(code::<()>(Err(error)), "CACHE_FULL");
                        refused += 1;
                    }
                }
                if let Some(lease) = lease.filter(|_| noise.u32(0..8) > 0) {
                    scratch.cache.release(&lease.holder).unwrap();
                }
            }
            (made, refused)
        };
        let workers: Vec<_> = (0..8).map(|seed| scope.spawn(move || worker(seed))).collect();
        let watch = scope.spawn(move || {
            start.wait();
            while !over.load(Ordering::SeqCst) {
                assert!(scratch.cache.bytes() <= BYTES_MAX);
            }
        });
        // Also by a worker that fails: the others must not be waited for in vain.
        let _end = Ending(over);
        let sum =
            workers.into_iter().map(|worker| worker.join().unwrap()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        over.store(true, Ordering::SeqCst);
        watch.join().unwrap();
        let there = bytes_below(&scratch.root());
        assert!(there <= BYTES_MAX + 200, "{there} bytes are there, the marker among them");
        sum
    });
    assert!(made > 50 && refused > 0, "{made} made, {refused} refused");
    let scratch = scratch.reopened();
    let checked = scratch.cache.scrub(&|_| (), &|| false).unwrap();
    assert_eq!((checked.damaged, checked.missing, checked.strangers), (vec![], vec![], Vec::<PathBuf>::new()));
}
