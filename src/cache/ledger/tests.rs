//! The count against a naive one: a million random steps, each followed by a look at everything.

use super::super::admission::{Disk, Need, Verdict, Victim};
use super::*;
use crate::cache::HolderKind;

fn limits() -> Limits {
    Limits { bytes_max: 1000, count_max: 12, free_bytes_min: 50 }
}

fn entry(id: FileId, key: &str, bytes: u64, sequence: u64) -> Entry {
    Entry {
        id,
        key: Key::parse(key).unwrap(),
        state: EntryState::Ready,
        content: FileContent { bytes, sha256: None, modified_nanoseconds: 0 },
        inode: None,
        source: FileSource::default(),
        sequence,
        created_milliseconds: 0,
        used_milliseconds: 0,
        note: String::new(),
        holds: Vec::new(),
        users: 0,
        is_checked: true,
    }
}

fn holder(name: u64) -> Holder {
    Holder { kind: HolderKind::Class, name: name.to_string() }
}

const WIDE: Disk = Disk { free_bytes: 1 << 40, unwritten_bytes: 0, free_files: None };

#[test]
fn the_least_recently_used_file_that_nobody_holds_goes_first() {
    let mut ledger = Ledger::new(limits());
    for (id, bytes) in [(1, 300), (2, 300), (3, 300)] {
        ledger.add(entry(id, &id.to_string(), bytes, u64::try_from(id).unwrap()));
    }
    let verdict = |ledger: &Ledger, bytes| ledger.admit(&Need { bytes, files: 1 }, &WIDE);
    assert_eq!(verdict(&ledger, 100), Verdict::Fits);
    let gone = |verdict| match verdict {
        Verdict::Evict(victims, _) => victims,
        other => panic!("{other:?}"),
    };
    assert_eq!(gone(verdict(&ledger, 101)), [Victim::File(1)]);
    ledger.touch(1, 0);
    assert_eq!(gone(verdict(&ledger, 101)), [Victim::File(2)]);
    ledger.hold(2, Held { holder: holder(1), since_milliseconds: 0, until_milliseconds: Some(10) });
    assert_eq!(gone(verdict(&ledger, 500)), [Victim::File(3), Victim::File(1)]);
    assert!(matches!(verdict(&ledger, 701), Verdict::Full(_)));
    assert_eq!(ledger.expire(10), 1);
    assert_eq!(gone(verdict(&ledger, 701)), [Victim::File(2), Victim::File(3), Victim::File(1)]);
    assert!(matches!(verdict(&ledger, 1001), Verdict::Full(_)));
}

#[test]
fn what_was_moved_aside_goes_before_leftovers_and_these_before_files() {
    let mut ledger = Ledger::new(limits());
    ledger.add(entry(1, "1", 300, 1));
    ledger.add(entry(2, "2", 300, 2));
    ledger.add_leftover(Leftover { job: "old".to_owned(), bytes: 300, is_stuck: false });
    ledger.set_state(2, EntryState::Quarantined, "damaged");
    let Verdict::Evict(victims, _) = ledger.admit(&Need { bytes: 900, files: 1 }, &WIDE) else { panic!() };
    assert_eq!(victims, [Victim::File(2), Victim::Leftover("old".to_owned()), Victim::File(1)]);
    // A leftover that the disk will not let go stands in nobody's way.
    let (id, _) = ledger.claim_leftover("old").unwrap();
    ledger.end_stuck(id, 300);
    assert!(matches!(ledger.admit(&Need { bytes: 900, files: 1 }, &WIDE), Verdict::Full(_)));
    let Verdict::Evict(victims, _) = ledger.admit(&Need { bytes: 700, files: 1 }, &WIDE) else { panic!() };
    assert_eq!(victims, [Victim::File(2), Victim::File(1)]);
    assert!(ledger.named(&Key::parse("2").unwrap()).is_none());
}

#[test]
fn k2_a_disk_without_room_for_files_is_as_full_as_one_without_bytes() {
    let mut ledger = Ledger::new(limits());
    ledger.add(entry(1, "1", 300, 1));
    let need = Need { bytes: 1, files: 1 };
    let disk = Disk { free_files: Some(15), ..WIDE };
    assert!(matches!(ledger.admit(&need, &disk), Verdict::Evict(..)));
    assert!(matches!(ledger.admit(&need, &Disk { free_files: Some(14), ..WIDE }), Verdict::Full(_)));
    let disk = Disk { free_bytes: 100, unwritten_bytes: 40, ..WIDE };
    assert_eq!(ledger.admit(&Need { bytes: 10, files: 1 }, &disk), Verdict::Fits);
    assert!(matches!(ledger.admit(&Need { bytes: 11, files: 1 }, &disk), Verdict::Evict(..)));
}

struct NaiveFile {
    id: FileId,
    bytes: u64,
    sequence: u64,
    holds: Vec<(u64, i64)>,
    users: u32,
    state: EntryState,
}

/// The same count by plain lists, everything looked through each time.
#[derive(Default)]
struct Naive {
    files: Vec<NaiveFile>,
    reservations: Vec<(ReservationId, String, u64, u64)>,
    leftovers: Vec<(String, u64)>,
}

impl Naive {
    fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum::<u64>()
            + self.reservations.iter().map(|reserved| reserved.2).sum::<u64>()
            + self.leftovers.iter().map(|leftover| leftover.1).sum::<u64>()
    }

    fn count(&self) -> u64 {
        self.files.len() as u64 + self.reservations.iter().map(|reserved| reserved.3).sum::<u64>()
    }

    fn order(&self) -> Vec<FileId> {
        let may_go = self
            .files
            .iter()
            .filter(|file| file.holds.is_empty() && file.users == 0 && file.state == EntryState::Ready);
        let mut order: Vec<(u64, FileId)> = may_go.map(|file| (file.sequence, file.id)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, id)| id).collect()
    }

    fn file(&mut self, id: FileId) -> Option<&mut NaiveFile> {
        self.files.iter_mut().find(|file| file.id == id)
    }
}

/// One run of the two beside each other.
struct Both {
    ledger: Ledger,
    naive: Naive,
    noise: fastrand::Rng,
    now: i64,
    next_file: FileId,
    fulls: u64,
    evictions: u64,
}

impl Both {
    fn step(&mut self) {
        match self.noise.u32(0..100) {
            0..30 => self.reserve(),
            30..55 => self.end_one(),
            55..70 => self.hold(),
            70..78 => self.release(),
            78..86 => self.touch(),
            86..92 => self.use_one(),
            92..96 => self.pass_time(),
            96..98 => self.grow(),
            _ => self.fail_one(),
        }
        self.compare();
    }

    fn any_file(&mut self) -> Option<FileId> {
        (!self.naive.files.is_empty()).then(|| self.naive.files[self.noise.usize(0..self.naive.files.len())].id)
    }

    /// Makes room as the cache does; returns whether there is any.
    fn admit(&mut self, need: Need) -> bool {
        match self.ledger.admit(&need, &WIDE) {
            Verdict::Fits => {}
            Verdict::Full(_) => {
                self.fulls += 1;
                return false;
            }
            Verdict::Evict(victims, _) => {
                let expected = self.naive.order();
                let files: Vec<FileId> = victims
                    .iter()
                    .filter_map(|victim| if let Victim::File(id) = victim { Some(*id) } else { None })
                    .collect();
                let plain: Vec<FileId> = files
                    .iter()
                    .copied()
                    .filter(|id| self.ledger.entry(*id).unwrap().state == EntryState::Ready)
                    .collect();
                assert_eq!(plain, expected[..plain.len()], "the oldest first, and nothing that is held");
                self.ledger.doom(&victims);
                for victim in victims {
                    self.evictions += 1;
                    match victim {
                        Victim::File(id) => {
                            self.ledger.take(id);
                            self.naive.files.retain(|file| file.id != id);
                        }
                        Victim::Leftover(job) => {
                            let (id, _) = self.ledger.claim_leftover(&job).unwrap();
                            assert!(self.ledger.claim_leftover(&job).is_none());
                            self.ledger.end_reservation(id, 0);
                            self.naive.leftovers.retain(|leftover| leftover.0 != job);
                        }
                    }
                }
            }
        }
        assert_eq!(self.ledger.admit(&need, &WIDE), Verdict::Fits);
        true
    }

    fn reserve(&mut self) {
        let job = format!("job-{}", self.noise.u32(0..20));
        if self.naive.reservations.iter().any(|reserved| reserved.1 == job) {
            return;
        }
        let (id, there) = self.ledger.begin_reservation(&job);
        let found = self.naive.leftovers.iter().position(|leftover| leftover.0 == job);
        assert_eq!(there, found.map_or(0, |at| self.naive.leftovers.remove(at).1));
        self.naive.reservations.push((id, job, there, 0));
        let need = Need { bytes: self.noise.u64(0..400), files: 1 };
        if self.admit(need) {
            self.ledger.grow_reservation(id, need.bytes, need.files);
            let reserved = self.naive.reservations.last_mut().unwrap();
            (reserved.2, reserved.3) = (reserved.2 + need.bytes, 1);
        } else {
            self.end(self.naive.reservations.len() - 1, there);
        }
    }

    fn end(&mut self, at: usize, left: u64) {
        let (id, job, _, _) = self.naive.reservations.remove(at);
        self.ledger.end_reservation(id, left);
        if left > 0 {
            self.naive.leftovers.push((job, left));
        }
    }

    /// Commits a reservation, or gives it up and leaves something.
    fn end_one(&mut self) {
        if self.naive.reservations.is_empty() {
            return;
        }
        let at = self.noise.usize(0..self.naive.reservations.len());
        let (bytes, files) = (self.naive.reservations[at].2, self.naive.reservations[at].3);
        let made = self.noise.u64(0..=bytes);
        if files == 0 || self.noise.u32(0..4) == 0 {
            return self.end(at, made);
        }
        self.end(at, 0);
        let (id, sequence) = (self.next_file, self.ledger.next_number());
        self.next_file += 1;
        self.ledger.add(entry(id, &format!("r{id}"), made, sequence));
        let (holds, users, state) = (Vec::new(), 0, EntryState::Ready);
        self.naive.files.push(NaiveFile { id, bytes: made, sequence, holds, users, state });
    }

    fn grow(&mut self) {
        if self.naive.reservations.is_empty() {
            return;
        }
        let at = self.noise.usize(0..self.naive.reservations.len());
        let bytes = self.noise.u64(0..100);
        if self.admit(Need { bytes, files: 0 }) {
            self.ledger.grow_reservation(self.naive.reservations[at].0, bytes, 0);
            self.naive.reservations[at].2 += bytes;
        }
    }

    fn hold(&mut self) {
        let Some(id) = self.any_file() else { return };
        let (name, until) = (self.noise.u64(0..5), self.now + self.noise.i64(1..50));
        let file = self.naive.file(id).unwrap();
        if file.state != EntryState::Ready {
            return;
        }
        file.holds.retain(|hold| hold.0 != name);
        file.holds.push((name, until));
        let held = Held { holder: holder(name), since_milliseconds: self.now, until_milliseconds: Some(until) };
        self.ledger.hold(id, held);
    }

    fn release(&mut self) {
        let name = self.noise.u64(0..5);
        for id in self.ledger.held_by(&holder(name)) {
            assert!(self.ledger.release(id, &holder(name)).is_some());
            assert!(self.ledger.release(id, &holder(name)).is_none(), "letting go twice is letting go");
        }
        self.naive.files.iter_mut().for_each(|file| file.holds.retain(|hold| hold.0 != name));
    }

    fn touch(&mut self) {
        let Some(id) = self.any_file() else { return };
        let sequence = self.ledger.touch(id, self.now);
        self.naive.file(id).unwrap().sequence = sequence;
    }

    fn use_one(&mut self) {
        let Some(id) = self.any_file() else { return };
        let file = self.naive.file(id).unwrap();
        if file.users > 0 {
            file.users -= 1;
            self.ledger.end_use(id);
        } else {
            file.users += 1;
            self.ledger.begin_use(id);
        }
    }

    fn pass_time(&mut self) {
        self.now += self.noise.i64(0..30);
        self.ledger.expire(self.now);
        let now = self.now;
        self.naive.files.iter_mut().for_each(|file| file.holds.retain(|hold| hold.1 > now));
    }

    /// A file is found damaged, or would not go.
    fn fail_one(&mut self) {
        let Some(id) = self.any_file() else { return };
        if self.naive.file(id).unwrap().state != EntryState::Ready {
            return;
        }
        let state = if self.noise.bool() { EntryState::Quarantined } else { EntryState::EvictFailed };
        // What is held is not evicted, so it cannot fail to be.
        let file = self.naive.file(id).unwrap();
        if state == EntryState::EvictFailed && (file.users > 0 || !file.holds.is_empty()) {
            return;
        }
        file.state = state;
        if state == EntryState::Quarantined {
            file.holds.clear();
        }
        self.ledger.set_state(id, state, "");
        // Somebody mends the disk, or it would be full of them in the end.
        if state == EntryState::EvictFailed && self.noise.bool() {
            self.ledger.take(id);
            self.naive.files.retain(|file| file.id != id);
        }
    }

    fn compare(&self) {
        assert_eq!((self.ledger.bytes(), self.ledger.files()), (self.naive.bytes(), self.naive.count()));
        assert!(self.ledger.bytes() <= 1000 && self.ledger.files() <= 12, "never over a limit, not by a byte");
        let order: Vec<FileId> = self.ledger.order.values().copied().collect();
        assert_eq!(order, self.naive.order());
    }
}

#[test]
fn a_million_steps_agree_with_a_naive_count_and_never_pass_a_limit() {
    let steps = 1_000_000;
    let mut both = Both {
        ledger: Ledger::new(limits()),
        naive: Naive::default(),
        noise: fastrand::Rng::with_seed(1),
        now: 0,
        next_file: 1,
        fulls: 0,
        evictions: 0,
    };
    for _ in 0..steps {
        both.step();
    }
    assert!(
        both.fulls > steps / 1000 && both.evictions > steps / 1000,
        "{} full, {} gone",
        both.fulls,
        both.evictions
    );
}
