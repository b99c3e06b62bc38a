//! Runs that are killed, at random and at chosen moments, and taken up by the same command line: not a byte differs from
//! a run that nobody disturbed, no finished chunk is made again, and nothing is left over.
//!
//! The moments are random, and the same for the same seed as far as the machine allows. `REELMILL_SEED` sets the seed,
//! `REELMILL_KILLS` the number of kills per test; `make campaign` sets many.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::binary::{Running, Said, names, run};
use crate::support::bytes::Noise;
use crate::support::clip::{in_chunks, make, scratch};
use crate::support::kill::{Call, KILLED, killed_after, killed_at, writes};
use crate::support::leftover::{Leftover, Phase, sha256};
use crate::support::setting::setting;

const KILLS: usize = 20;

/// A piece of work to be killed again and again.
struct Work {
    folder: TempDir,
    /// Without the output, and with it.
    line: String,
    outputs: Vec<PathBuf>,
    /// The names of the unfinished files.
    parts: Vec<String>,
    /// What the outputs must be, by their hashes.
    whole: Vec<String>,
    /// How many times each output's thread writes, the journal's first line aside.
    writes: Vec<usize>,
    /// Frames of each chunk.
    frames: Vec<usize>,
    /// How long a run takes that nobody disturbs.
    lasts: Duration,
}

/// How to kill.
#[derive(Debug)]
enum Aim {
    After(Duration),
    At(Call),
}

fn out(folder: &TempDir) -> PathBuf {
    folder.path().join("out")
}

impl Work {
    /// Makes forty seconds in three chunks, and the renditions once.
    fn new(size: &str, rungs: &[&str], container: &str) -> Self {
        let folder = scratch();
        make(&folder, "lesson.flv", &in_chunks(size, 40.0));
        let asked: String = rungs.iter().map(|rung| format!(" -r {rung}")).collect();
        let line = format!("transcode lesson.flv --force-encode --json --container {container}{asked} -o out/");
        let began = Instant::now();
        let written = writes(folder.path(), &line);
        let lasts = began.elapsed();
        let outputs: Vec<PathBuf> =
            rungs.iter().map(|rung| out(&folder).join(format!("lesson_{rung}.{container}"))).collect();
        let writes = rungs.iter().map(|rung| written[&format!("out/lesson_{rung}.{container}")]).collect();
        let whole = outputs.iter().map(|path| sha256(path).unwrap()).collect();
        let parts = rungs.iter().map(|rung| format!("{rung}.{container}")).collect();
        std::fs::remove_dir_all(out(&folder)).unwrap();
        Self { folder, line, outputs, parts, whole, writes, frames: vec![24, 24, 32], lasts }
    }

    fn leftovers(&self) -> impl Iterator<Item = Leftover> + '_ {
        self.outputs.iter().map(|output| Leftover::of(output))
    }

    /// Returns how many chunks some rendition still needs at most, and that rendition.
    fn missing(&self) -> (usize, usize) {
        let open = (0..self.outputs.len()).filter(|&index| !self.outputs[index].try_exists().unwrap());
        let missing = |index: usize| self.frames.len() - Leftover::of(&self.outputs[index]).chunks().len();
        open.map(|index| (missing(index), index)).max().unwrap_or((0, 0))
    }

    /// Returns how to kill the next run: every second time at any moment, else where moments are short.
    fn aim(&self, kill: usize, noise: &mut Noise) -> Aim {
        let (missing, index) = self.missing();
        let work = Leftover::of(&self.outputs[index]);
        let part = work.path().join(&self.parts[index]);
        // Its last write is the output's line, those before close the file.
        let left = self.writes[index] + missing - self.frames.len();
        let at = |name, count| Aim::At(Call::new(name, count));
        match kill % 16 {
            // A chunk's file is synced, its folder, then its line.
            1 if missing > 0 => at("fsync", 1 + 2 * noise.below(missing)),
            3 => Aim::At(Call::new("write", left - 1).on(&work.journal())),
            5 => at("rename,renameat2", 1),
            7 => Aim::At(Call::new("write", left - 1 - noise.below(2)).on(&part)),
            9 => at("flock", 1 + noise.below(self.outputs.len())),
            11 => at("rmdir", 1 + noise.below(self.outputs.len())),
            13 => at("fdatasync", missing.max(1)),
            15 => at("unlink", 1 + noise.below(4 * self.outputs.len())),
            _ => Aim::After(self.lasts.mul_f64(f64::from(u32::try_from(noise.below(1000)).unwrap()) / 1000.0)),
        }
    }

    fn kill(&self, aim: &Aim) -> Said {
        match aim {
            Aim::After(moment) => killed_after(self.folder.path(), *moment, &self.line),
            Aim::At(call) => killed_at(self.folder.path(), call, &self.line),
        }
    }

    /// Returns what the dead run was doing for its outputs.
    fn phases(&self) -> BTreeSet<Phase> {
        let phase = |(index, left): (usize, Leftover)| {
            left.phase(&self.outputs[index], &self.parts[index], &self.whole[index], &self.frames)
        };
        let open: BTreeSet<Phase> = self.leftovers().enumerate().filter_map(phase).collect();
        if open.is_empty() { BTreeSet::from([Phase::Clean]) } else { open }
    }

    /// Fails the test if a final name stands for anything but the whole.
    fn check_outputs(&self, context: &str) {
        for (output, whole) in self.outputs.iter().zip(&self.whole) {
            assert!(sha256(output).is_none_or(|hash| hash == *whole), "{} differs: {context}", output.display());
        }
    }

    /// Runs to the end and checks what came of it: all outputs and nothing else, no finished work done again.
    fn complete(&self, context: &str) {
        let kept: Vec<usize> = self.leftovers().map(|left| left.chunks().len()).collect();
        let found: Vec<bool> = self.outputs.iter().map(|output| output.try_exists().unwrap()).collect();
        let is_over = found.iter().all(|found| *found) && self.leftovers().all(|left| left.lines().is_empty());
        let said = run(&self.folder, &self.line);
        if is_over {
            // Nothing tells any more that this was not a run that came to its end.
            assert_eq!((said.exit, said.code()), (4, "OUTPUT_EXISTS"), "{context}\n{said}");
            return self.check_whole(context);
        }
        assert_eq!(said.exit, 0, "{context}\n{said}");
        let document = said.document();
        for (index, output) in self.outputs.iter().enumerate() {
            let resumed = &document["renditions"][index]["resumed"];
            assert_eq!(resumed["finished_before"], found[index], "{context}\n{said}");
            // What is found was made in chunks once, whatever is left of them.
            let reused = if found[index] { self.frames.len() } else { kept[index] };
            assert_eq!(resumed["reused_chunks"], reused, "{}: {context}\n{said}", output.display());
        }
        self.check_whole(context);
    }

    /// Fails the test unless all outputs are there and whole, and nothing else is; then takes them away.
    fn check_whole(&self, context: &str) {
        self.check_outputs(context);
        let mut expected: Vec<&str> =
            self.outputs.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        expected.sort_unstable();
        assert_eq!(names(&out(&self.folder)), expected, "{context}");
        assert_eq!(names(self.folder.path()), ["lesson.flv", "out"], "{context}");
        std::fs::remove_dir_all(out(&self.folder)).unwrap();
    }

    /// Kills runs as often as wanted, each one taking up what the one before left, some of them left alone, and returns
    /// how many died in which phase.
    fn survive(&self, kills: usize, noise: &mut Noise) -> BTreeMap<Phase, usize> {
        let mut phases: BTreeMap<Phase, usize> = Phase::ALL.into_iter().map(|phase| (phase, 0)).collect();
        let (mut killed, mut tries) = (0, 0);
        // Which phase a random kill meets is chance, so some more are allowed where one was spared.
        while killed < kills || (kills >= KILLS && killed < 3 * kills && phases.values().any(|&count| count == 0)) {
            let aim = self.aim(tries, noise);
            tries += 1;
            let said = self.kill(&aim);
            let context = format!("kill {killed}, {aim:?}");
            if said.exit != KILLED {
                assert_eq!(said.exit, 0, "{context}\n{said}");
                self.check_whole(&context);
                continue;
            }
            let died_in = self.phases();
            died_in.iter().for_each(|phase| *phases.get_mut(phase).unwrap() += 1);
            killed += 1;
            self.check_outputs(&context);
            if died_in.contains(&Phase::Clean) || noise.below(4) == 0 {
                self.complete(&context);
            }
        }
        self.complete("the last");
        phases
    }
}

/// Kills the work as often as the setting says and checks that no phase was spared.
#[expect(clippy::print_stdout, reason = "which phases were met is the result")]
fn campaign(name: &str, work: &Work) {
    let (seed, kills) = (setting("REELMILL_SEED", 1), setting("REELMILL_KILLS", KILLS));
    let began = Instant::now();
    let phases = work.survive(kills, &mut Noise::new(u64::try_from(seed).unwrap()));
    println!("{name}: seed {seed}, at least {kills} kills in {:.0?}: {phases:?}", began.elapsed());
    let spared: Vec<&Phase> = phases.iter().filter(|(_, count)| **count == 0).map(|(phase, _)| phase).collect();
    assert!(spared.is_empty() || kills < KILLS, "never killed in {spared:?}: {phases:?}");
}

#[test]
fn a_ladder_survives_kills_in_every_phase() {
    campaign("ladder", &Work::new("480x480", &["480P", "360P", "240P"], "mp4"));
}

#[test]
fn a_single_rendition_survives_kills_in_every_phase() {
    campaign("single", &Work::new("320x240", &["240P"], "flv"));
}

#[test]
fn renditions_that_were_published_are_found_and_the_others_finished() {
    let work = Work::new("480x480", &["480P", "360P", "240P"], "mp4");
    // The folder is synced after each rename, and by nobody else.
    std::fs::create_dir(out(&work.folder)).unwrap();
    let first = killed_at(work.folder.path(), &Call::new("fsync", 1).on(&out(&work.folder)), &work.line);
    assert_eq!(first.exit, KILLED, "{first}");
    let published = work.outputs.iter().filter(|path| path.try_exists().unwrap()).count();
    assert!((1..3).contains(&published), "{published} renditions were published");
    work.complete("after the first was published");
}

#[test]
fn what_was_in_flight_is_made_again_and_no_more() {
    let folder = scratch();
    make(&folder, "lesson.flv", &in_chunks("160x120", 144.0));
    let line = "transcode lesson.flv --force-encode --json --jobs 2 --preset placebo -o talk.mp4";
    let left = Leftover::of(&folder.path().join("talk.mp4"));
    let mut running = Running::start(&folder, line);
    // The journal is looked at all the time, since the lines of progress come once a second.
    let finished = loop {
        let journal = std::fs::read_to_string(left.journal()).unwrap_or_default();
        let finished = journal.lines().filter(|line| line.contains("\"entry\":\"chunk\"")).count();
        if finished >= 10 {
            break finished;
        }
        assert!(running.child.try_wait().unwrap().is_none(), "the run ended before it was killed");
        std::thread::yield_now();
    };
    running.signal(Signal::KILL);
    assert_eq!(running.end().exit, KILLED);
    let begun = (0..12).filter(|&chunk| left.chunk(chunk).is_file()).count();
    let document = run(&folder, line).succeeded().document();
    let resumed = &document["renditions"][0]["resumed"];
    assert_eq!(resumed["chunks"], 12);
    let reused = usize::try_from(resumed["reused_chunks"].as_u64().unwrap()).unwrap();
    assert!(reused >= finished, "{finished} chunks were in the journal: {resumed}");
    // Two chunks were at work, and the line of another perhaps being written.
    assert!(begun - reused <= 3, "{begun} chunks were begun: {resumed}");
    assert_eq!(names(folder.path()), ["lesson.flv", "talk.mp4"]);
}

#[test]
fn the_number_of_jobs_changes_no_byte() {
    for work in [Work::new("480x480", &["480P", "360P", "240P"], "mp4"), Work::new("320x240", &["240P"], "flv")] {
        for jobs in 1..=4 {
            run(&work.folder, &format!("{} --jobs {jobs}", work.line)).succeeded();
            work.check_whole(&format!("{jobs} jobs"));
        }
    }
}
