//! Classes that want all that a node can do, told to it by a client that does not give up until it is answered.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use reelmill::clip::Recipe;
use reelmill::media::Container;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::daemon::Daemon;
use crate::support::bytes::Noise;
use crate::support::clip::{in_chunks, make, scratch};
use crate::support::origin::{Answer, Object, Origin};

/// Recordings and who serves them; the last one serves none.
pub(super) struct Origins {
    _folder: TempDir,
    /// What is kept as it comes, and makes about a second of work.
    lesson: Origin,
    /// What must be brought into the cache's container first.
    foreign: Origin,
    failing: Origin,
}

impl Origins {
    /// Serves a lesson of so many seconds, and others.
    pub(super) fn new(seconds: f64) -> Self {
        let folder = scratch();
        let object = |path| Object::of(fs::read(path).unwrap(), "\"lesson\"");
        let paced = |_: &_, answer: &mut Answer| answer.pace(32 << 10, Duration::from_millis(3)).done();
        let lesson = object(make(&folder, "lesson.flv", &in_chunks("640x360", seconds)));
        let foreign = object(make(&folder, "lesson.mp4", &Recipe::plain(Container::Mp4, "320x180", 4.0)));
        let refuse = |_: &_, answer: &mut Answer| *answer = Answer::of(404);
        Self {
            _folder: folder,
            failing: Origin::scripted(lesson.clone(), refuse),
            lesson: Origin::scripted(lesson, paced),
            foreign: Origin::scripted(foreign, paced),
        }
    }

    pub(super) fn lesson_url(&self) -> String {
        self.lesson.url("/lesson.flv")
    }
}

/// What a class wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The recording as it is.
    Download,
    /// A recording that is repacked.
    Foreign,
    /// A rendition that must be made.
    Transcode,
    /// One that another class of this moment wants too.
    Join,
    /// One that was there before.
    Hit,
    /// It takes its booking back.
    Cancel,
    /// Its origin has nothing.
    Fail,
}

impl Kind {
    const ALL: [Self; 7] =
        [Self::Download, Self::Foreign, Self::Transcode, Self::Join, Self::Hit, Self::Cancel, Self::Fail];

    /// Returns the last event of such a class.
    fn end(self) -> &'static str {
        match self {
            Self::Fail => "booking.failed",
            Self::Cancel => "booking.cancelled",
            _ => "booking.over",
        }
    }
}

/// How far a class is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Its booking is to be told.
    Book,
    /// It is acknowledged; the class waits for its recording.
    Wait,
    /// It has it, and holds it for a while.
    Hold,
    /// Its end is to be told.
    End,
    /// Nothing is left to be told.
    Done,
}

#[derive(Debug)]
struct Class {
    name: String,
    kind: Kind,
    body: String,
    step: Step,
    /// The round that brought it.
    round: usize,
}

/// All classes so far.
pub(super) struct Load {
    noise: Noise,
    classes: Vec<Class>,
    round: usize,
    /// Of the classes that are not done, the one that is seen to next.
    turn: usize,
}

impl Load {
    pub(super) fn new(seed: usize) -> Self {
        Self { noise: Noise::new(seed as u64), classes: Vec::new(), round: 0, turn: 0 }
    }

    /// Lets a few classes more come, one of each kind or so.
    pub(super) fn more(&mut self, origins: &Origins) {
        self.round += 1;
        for kind in Kind::ALL {
            // All in the first round, and of the others some: what waits must not become more and more.
            let is_here = self.round == 1 || self.noise.below(3) > 0;
            if is_here && self.waiting() < 24 {
                let class = self.class(kind, origins);
                self.classes.push(class);
            }
        }
        for class in &mut self.classes {
            if class.step == Step::Hold && class.round + 2 <= self.round {
                class.step = Step::End;
            }
        }
    }

    fn waiting(&self) -> usize {
        self.classes.iter().filter(|class| class.step <= Step::Wait).count()
    }

    fn class(&mut self, kind: Kind, origins: &Origins) -> Class {
        let (round, number) = (self.round, self.classes.len());
        let lesson = origins.lesson_url();
        let (record, url, size) = match kind {
            Kind::Download => (format!("d{round}"), lesson, None),
            Kind::Foreign => (format!("f{round}"), origins.foreign.url("/lesson.mp4"), None),
            Kind::Transcode | Kind::Join => (format!("t{round}"), lesson, Some("240P")),
            Kind::Hit => (format!("t{}", 1 + self.noise.below(round)), lesson, Some("240P")),
            Kind::Cancel => (format!("c{round}"), lesson, Some("240P")),
            Kind::Fail => (format!("x{round}"), origins.failing.url("/lesson.flv"), None),
        };
        let name = format!("{kind:?}-{number}").to_lowercase();
        let mut body = json!({ "class_id": name, "record_id": record, "video_url": url });
        if let Some(size) = size {
            body["video_resolution"] = Value::from(size);
        }
        Class { name, kind, body: body.to_string(), step: Step::Book, round }
    }

    /// Tells or asks one thing; returns whether there was anything to tell or to ask.
    pub(super) fn act(&mut self, daemon: &Daemon) -> bool {
        let open: Vec<usize> = (0..self.classes.len())
            .filter(|at| !matches!(self.classes[*at].step, Step::Hold | Step::Done))
            .collect();
        // Who has something to tell goes first.
        let first = open.iter().find(|at| self.classes[**at].step != Step::Wait);
        self.turn += 1;
        let Some(at) = first.or_else(|| open.get(self.turn % open.len().max(1))) else { return false };
        let class = &mut self.classes[*at];
        if let Some(next) = class.act(daemon) {
            class.step = next;
        }
        true
    }

    /// Returns whether everybody has what they wanted, or never will.
    pub(super) fn is_settled(&self) -> bool {
        self.classes.iter().all(|class| matches!(class.step, Step::Hold | Step::Done))
    }

    /// Returns each class with the last event that it must have come to.
    pub(super) fn acknowledged(&self) -> BTreeMap<String, &'static str> {
        let end = |class: &Class| if class.step == Step::Hold { "booking.ready" } else { class.kind.end() };
        self.classes.iter().map(|class| (class.name.clone(), end(class))).collect()
    }

    /// Returns how many classes there are of each kind.
    pub(super) fn kinds(&self) -> BTreeMap<Kind, usize> {
        let mut kinds = BTreeMap::new();
        for class in &self.classes {
            *kinds.entry(class.kind).or_insert(0) += 1;
        }
        kinds
    }
}

impl Class {
    /// Tells or asks what is next; returns the step after it, nothing where no answer came, or none that changes anything.
    fn act(&self, daemon: &Daemon) -> Option<Step> {
        match self.step {
            Step::Book => {
                let key = format!("idempotency-key: {}\r\n", self.name);
                let (status, answer) = daemon.ask("POST /api/v1/bookings", &key, &self.body)?;
                assert!(matches!(status, 200 | 202), "{answer}");
                Some(if self.kind == Kind::Cancel { Step::End } else { Step::Wait })
            }
            Step::Wait => {
                let booking = daemon.get(&format!("/api/v1/bookings/{}", self.name))?;
                match booking["state"].as_str().unwrap() {
                    "ready" => Some(Step::Hold),
                    "failed" => {
                        assert_eq!(self.kind, Kind::Fail, "{booking}");
                        Some(Step::Done)
                    }
                    "waiting" | "downloading" | "transcoding" => None,
                    other => panic!("{other}: {booking}"),
                }
            }
            Step::End => {
                let command = if self.kind == Kind::Cancel { "cancel" } else { "over" };
                let body = json!({ "cmd": command, "class_id": self.name }).to_string();
                let (status, answer) = daemon.ask("POST /api/v1/control", "", &body)?;
                assert_eq!(status, 200, "{answer}");
                Some(Step::Done)
            }
            Step::Hold | Step::Done => None,
        }
    }
}
