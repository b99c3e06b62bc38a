//! From counters to fps, speed, percent and ETA. Pure: the time is passed in.

use std::time::Duration;

use crate::media::RenditionName;
use crate::transcode::{Phase, Progress, RenditionProgress};

/// Shown rates follow a change within a few seconds.
const RATE_WINDOW_SECONDS: f64 = 3.0;
/// An ETA is read as a promise and may move slower: a hard scene must not double it.
const ETA_WINDOW_SECONDS: f64 = 15.0;

/// Where a rendition is, for showing.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::command) struct View {
    /// Whose it is.
    pub(in crate::command) name: RenditionName,
    /// What it is at.
    pub(in crate::command) phase: Phase,
    /// Frames muxed.
    pub(in crate::command) frames: u64,
    /// Frames expected; 0 when there is no picture.
    pub(in crate::command) frames_total: u64,
    /// Frames a second, lately; over the whole run once it is done.
    pub(in crate::command) fps: f64,
    /// Seconds of media a second, likewise.
    pub(in crate::command) speed: f64,
    /// 0 to 100; never falls.
    pub(in crate::command) percent: f64,
    /// Seconds to go, where that can be told.
    pub(in crate::command) eta_seconds: Option<f64>,
}

/// A rate that forgets: each second weighs less the longer ago it is.
#[derive(Clone, Copy, Debug)]
struct SmoothRate {
    window_seconds: f64,
    weighted: f64,
    weight: f64,
}

impl SmoothRate {
    const fn new(window_seconds: f64) -> Self {
        Self { window_seconds, weighted: 0.0, weight: 0.0 }
    }

    /// Takes in that `amount` came in `seconds`.
    fn feed(&mut self, amount: f64, seconds: f64) {
        if seconds <= 0.0 {
            return;
        }
        let share = 1.0 - (-seconds / self.window_seconds).exp();
        self.weighted += share * (amount / seconds - self.weighted);
        self.weight += share * (1.0 - self.weight);
    }

    /// Returns the amount a second. Dividing by the weight takes out the zero it began with.
    fn per_second(&self) -> f64 {
        if self.weight > 0.0 { self.weighted / self.weight } else { 0.0 }
    }
}

/// The counters of one moment. Rates count what this run does; how far it is counts what an earlier one did, too.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    frames: f64,
    media_seconds: f64,
    fraction: f64,
    reused_fraction: f64,
}

/// What is remembered of one rendition.
#[derive(Clone, Debug)]
struct Track {
    began: Option<Duration>,
    ended: Option<Duration>,
    last: Duration,
    sample: Sample,
    fps: SmoothRate,
    speed: SmoothRate,
    pace: SmoothRate,
}

impl Track {
    const fn new() -> Self {
        Self {
            began: None,
            ended: None,
            last: Duration::ZERO,
            sample: Sample { frames: 0.0, media_seconds: 0.0, fraction: 0.0, reused_fraction: 0.0 },
            fps: SmoothRate::new(RATE_WINDOW_SECONDS),
            speed: SmoothRate::new(RATE_WINDOW_SECONDS),
            pace: SmoothRate::new(ETA_WINDOW_SECONDS),
        }
    }

    fn feed(&mut self, phase: Phase, sample: Sample, now: Duration) {
        match phase {
            // Waiting is not slowness: the clock starts with the work, and stops with it, before the proof.
            Phase::Waiting => self.last = now,
            Phase::Running => self.advance(sample, now),
            Phase::Proving | Phase::Done | Phase::Failed if self.ended.is_none() => {
                self.advance(sample, now);
                self.ended = Some(now);
            }
            Phase::Proving | Phase::Done | Phase::Failed => {}
        }
    }

    fn advance(&mut self, sample: Sample, now: Duration) {
        self.began.get_or_insert(self.last);
        let seconds = now.saturating_sub(self.last).as_secs_f64();
        // A counter read a moment later than another may seem to run backwards; progress never does.
        let fraction = sample.fraction.max(self.sample.fraction);
        self.fps.feed(sample.frames - self.sample.frames, seconds);
        self.speed.feed(sample.media_seconds - self.sample.media_seconds, seconds);
        let reused = sample.reused_fraction - self.sample.reused_fraction;
        self.pace.feed((fraction - self.sample.fraction - reused).max(0.0), seconds);
        self.sample = Sample { fraction, ..sample };
        self.last = now;
    }

    /// Returns frames and media seconds a second: lately while it runs, over the whole run after.
    fn rates(&self) -> (f64, f64) {
        match (self.began, self.ended) {
            (Some(began), Some(ended)) if ended > began => {
                let seconds = (ended - began).as_secs_f64();
                (self.sample.frames / seconds, self.sample.media_seconds / seconds)
            }
            _ => (self.fps.per_second(), self.speed.per_second()),
        }
    }

    fn eta_seconds(&self, phase: Phase) -> Option<f64> {
        // Slower than a percent in a quarter of an hour is standing still, not an ETA.
        const STANDSTILL: f64 = 0.01 / 900.0;
        let pace = self.pace.per_second();
        match phase {
            Phase::Running if pace > STANDSTILL => Some((1.0 - self.sample.fraction) / pace),
            Phase::Done => Some(0.0),
            _ => None,
        }
    }
}

/// Follows the counters of a run.
#[derive(Debug)]
pub(in crate::command) struct Tracker {
    tracks: Vec<Track>,
}

impl Tracker {
    /// Returns a tracker that has seen nothing yet.
    pub(in crate::command) fn new(progress: &Progress) -> Self {
        Self { tracks: progress.renditions.iter().map(|_| Track::new()).collect() }
    }

    /// Reads the counters at `now`, counted from the start of the run.
    pub(in crate::command) fn look(&mut self, progress: &Progress, now: Duration) -> Vec<View> {
        let pairs = self.tracks.iter_mut().zip(&progress.renditions);
        pairs.map(|(track, rendition)| look_at(track, rendition, progress, now)).collect()
    }
}

fn look_at(track: &mut Track, rendition: &RenditionProgress, progress: &Progress, now: Duration) -> View {
    let (phase, frames) = (rendition.phase(), rendition.frames());
    track.feed(phase, sample(rendition, progress), now);
    let (fps, speed) = track.rates();
    View {
        name: rendition.name,
        phase,
        frames,
        frames_total: progress.frames_total,
        fps,
        speed,
        percent: if phase == Phase::Done { 100.0 } else { track.sample.fraction * 100.0 },
        eta_seconds: track.eta_seconds(phase),
    }
}

/// How far it is counts in frames; in media time where there is no picture.
#[expect(clippy::cast_precision_loss, reason = "counts of frames and microseconds stay far below 2^53")]
fn sample(rendition: &RenditionProgress, progress: &Progress) -> Sample {
    let (reused_frames, reused_microseconds) = rendition.reused();
    let seconds = |microseconds: u64| microseconds as f64 / 1.0e6;
    let share = |frames: u64, microseconds: u64| match (progress.frames_total, progress.duration_seconds) {
        (0, whole) if whole > 0.0 => seconds(microseconds) / whole,
        (0, _) => 0.0,
        (total, _) => frames as f64 / total as f64,
    };
    let (frames, microseconds) = (rendition.frames(), rendition.microseconds());
    Sample {
        frames: frames.saturating_sub(reused_frames) as f64,
        media_seconds: seconds(microseconds.saturating_sub(reused_microseconds)),
        fraction: share(frames, microseconds).clamp(0.0, 1.0),
        reused_fraction: share(reused_frames, reused_microseconds).clamp(0.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(200);

    struct Run {
        progress: Progress,
        tracker: Tracker,
        now: Duration,
    }

    impl Run {
        fn new(frames_total: u64) -> Self {
            let progress = Progress::new(&[RenditionName::of_source(720)], frames_total, 40.0);
            let tracker = Tracker::new(&progress);
            Self { progress, tracker, now: Duration::ZERO }
        }

        /// Muxes `frames` of a 25 fps picture in one step.
        fn step(&mut self, phase: Phase, frames: u64) -> View {
            let rendition = &self.progress.renditions[0];
            rendition.enter(phase);
            for _ in 0..frames {
                rendition.add_frame(100, 40_000);
            }
            self.now += STEP;
            self.tracker.look(&self.progress, self.now).remove(0)
        }
    }

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() < 0.01 * right.abs().max(1.0)
    }

    #[test]
    fn a_steady_run_shows_its_rate_and_its_end_from_the_first_look() {
        let mut run = Run::new(1000);
        for done in (10..=500).step_by(10) {
            let view = run.step(Phase::Running, 10);
            assert!(near(view.fps, 50.0) && near(view.speed, 2.0), "{view:?}");
            assert!(near(view.eta_seconds.unwrap(), f64::from(1000 - done) / 50.0), "{view:?}");
            assert!(near(view.percent, f64::from(done) / 10.0), "{view:?}");
        }
    }

    #[test]
    fn waiting_does_not_count_as_slowness() {
        let mut run = Run::new(1000);
        for _ in 0..50 {
            assert_eq!(run.step(Phase::Waiting, 0).eta_seconds, None);
        }
        assert!(near(run.step(Phase::Running, 10).fps, 50.0));
    }

    #[test]
    fn a_burst_hardly_moves_the_eta() {
        let mut run = Run::new(100_000);
        let before = (0..100).map(|_| run.step(Phase::Running, 10)).last().unwrap().eta_seconds.unwrap();
        let after = run.step(Phase::Running, 40).eta_seconds.unwrap();
        assert!(after < before && after > before * 0.94, "{before} {after}");
    }

    #[test]
    fn a_standstill_has_no_eta() {
        let mut run = Run::new(1000);
        run.step(Phase::Running, 10);
        let stalled = (0..3000).map(|_| run.step(Phase::Running, 0)).last().unwrap();
        assert_eq!(stalled.eta_seconds, None);
        assert!(stalled.fps < 0.01);
    }

    #[test]
    fn more_frames_than_expected_stay_at_a_hundred_percent() {
        let mut run = Run::new(15);
        let percents: Vec<_> = (0..3).map(|_| run.step(Phase::Running, 10).percent).collect();
        assert!(near(percents[0], 66.67) && percents[1..] == [100.0, 100.0], "{percents:?}");
    }

    #[test]
    fn once_done_the_rates_are_those_of_the_whole_run() {
        let mut run = Run::new(100);
        run.step(Phase::Running, 80);
        run.step(Phase::Running, 18);
        run.step(Phase::Proving, 0);
        let done = (0..20).map(|_| run.step(Phase::Done, 0)).last().unwrap();
        assert!(near(done.fps, 98.0 / 0.6), "{done:?}");
        assert_eq!((done.percent, done.eta_seconds), (100.0, Some(0.0)));
    }

    #[test]
    fn what_an_earlier_run_did_is_progress_but_no_speed() {
        let mut run = Run::new(1000);
        run.progress.renditions[0].reuse(500, 20_000_000, 50_000);
        let view = (0..10).map(|_| run.step(Phase::Running, 10)).last().unwrap();
        assert!(near(view.fps, 50.0) && near(view.speed, 2.0), "{view:?}");
        assert!(near(view.percent, 60.0) && near(view.eta_seconds.unwrap(), 8.0), "{view:?}");
    }

    #[test]
    fn sound_alone_counts_in_time() {
        let mut run = Run::new(0);
        assert!(near(run.step(Phase::Running, 250).percent, 25.0));
    }
}
