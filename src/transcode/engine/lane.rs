//! One rendition from its queue to its final name.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::super::plan::{Action, AudioPlan, RenditionPlan};
use super::super::{Finished, Phase, RenditionProgress, Resumption, TranscodeError};
use super::assemble::{Assembled, Assembly};
use super::decode::Tally;
use super::encode::{Counts, PictureEncoder, Rendering, Run, tick};
use super::expect::{self, Made};
use super::feed::Feed;
use super::journal::{ChunkRecord, Journal, OutputRecord};
use super::output::Output;
use super::repair;
use super::{Job, Unit, copy};
use crate::atomic_file;
use crate::av::{Interrupt, Packet, StreamParameters};
use crate::proof::{self, Expectation, Measured};
use crate::room::{Grant, Room, for_one_more};

/// A rendition about to be made.
pub(super) struct Lane<'a> {
    job: &'a Job<'a>,
    index: usize,
    queue: Option<Receiver<Unit>>,
    /// What the container must say about the picture; none for a copy of the whole file, and without a picture.
    video: Option<StreamParameters>,
    /// How pictures are made, where they are.
    rendering: Option<Rendering>,
    sound: Option<(StreamParameters, f64)>,
    /// The zero of the output's clock, in seconds on the source's.
    origin_seconds: f64,
    journal: Journal,
    /// Chunks that an earlier run finished.
    chunks: BTreeMap<usize, ChunkRecord>,
    resumption: Resumption,
    part: PathBuf,
    /// What the part may use, where that is counted.
    room: Option<Arc<dyn Room>>,
}

/// What a lane wrote, before it is proven.
struct Written {
    expectation: Expectation,
    tally: Arc<Tally>,
}

/// A queue and the file that its contents go to.
struct Opened<'o> {
    queue: Receiver<Unit>,
    output: Output<'o>,
    /// Seconds of silence in front of encoded sound; none without sound.
    priming: Option<f64>,
}

impl<'a> Lane<'a> {
    pub(super) fn new(
        job: &'a Job<'a>,
        index: usize,
        queue: Option<Receiver<Unit>>,
        feed: Option<&Feed>,
    ) -> Result<Self, TranscodeError> {
        let rendition = &job.plan.renditions[index];
        let rendering = feed.map(|feed| feed.rendering(job, rendition)).transpose()?.flatten();
        let video = match (&rendering, feed) {
            (Some(rendering), _) => Some(rendering.parameters()?),
            (None, feed) => feed.and_then(Feed::video).map(StreamParameters::duplicate).transpose()?,
        };
        let sound = feed.map(|feed| feed.sound(&rendition.audio)).transpose()?.flatten();
        let origin_seconds = feed.map_or(0.0, Feed::origin_seconds);
        let folder = &job.work_folders[index];
        let part = folder.join(format!("{}.{}", rendition.name, job.plan.container.name()));
        let failed = |source| TranscodeError::File { operation: "keep a journal in", path: folder.clone(), source };
        let (journal, kept) = Journal::open(folder, &job.identities[index]).map_err(failed)?;
        for chunk in kept.chunks.values() {
            Grant::new(for_one_more(job.rooms.as_ref())).reach(chunk.bytes)?;
        }
        let chunks = job.plan.chunks_of(rendition);
        let resumption = Resumption { chunks, reused: kept.chunks.len(), discarded: kept.discarded };
        Ok(Self {
            job,
            index,
            queue,
            video,
            rendering,
            sound,
            origin_seconds,
            journal,
            chunks: kept.chunks,
            resumption,
            part,
            room: for_one_more(job.rooms.as_ref()),
        })
    }

    /// Returns how pictures are made, for the pool; the lane itself needs it no more.
    pub(super) fn take_rendering(&mut self) -> Option<Rendering> {
        self.rendering.take()
    }

    /// Returns the chunks that an earlier run finished.
    pub(super) fn chunks(&self) -> &BTreeMap<usize, ChunkRecord> {
        &self.chunks
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Makes the file, proves it, and gives it its name. One that cannot be had goes, and gives its room back.
    pub(super) fn run(
        mut self,
        progress: &RenditionProgress,
        interrupt: &Interrupt,
    ) -> Result<Finished, TranscodeError> {
        let made = self.make(progress, interrupt);
        if made.is_err() && fs::remove_file(&self.part).is_ok() {
            Grant::new(self.room.take()).give_back();
        }
        made
    }

    fn make(&mut self, progress: &RenditionProgress, interrupt: &Interrupt) -> Result<Finished, TranscodeError> {
        let rendition = self.rendition();
        let written = match &rendition.action {
            Action::Copy => self.copy(progress, interrupt)?,
            Action::Remux | Action::Sound => self.remux(progress, interrupt)?,
            Action::Transcode(_) if self.rendering.is_some() => self.transcode(progress, interrupt)?,
            Action::Transcode(_) => self.assemble(progress, interrupt)?,
            Action::Refuse => return Err(TranscodeError::Refused { reason: rendition.reasons.join("; ") }),
        };
        progress.enter(Phase::Proving);
        let measured = if self.job.verify {
            proof::prove(&self.part, &written.expectation, interrupt)?
        } else {
            proof::measure(&self.part, interrupt)?
        };
        let repairs = repair::sentences(self.job.info, rendition, &written.tally);
        let finished = finished(&measured, repairs, self.resumption.clone());
        self.publish(&finished)?;
        Ok(finished)
    }

    /// Gives the file its name, after the journal says that it is finished.
    fn publish(&mut self, finished: &Finished) -> Result<(), TranscodeError> {
        let path = &self.job.outputs[self.index];
        let failed = |operation| move |source| TranscodeError::File { operation, path: path.clone(), source };
        self.journal.add_output(&OutputRecord::of(finished)).map_err(failed("finish"))?;
        let publish = if self.job.overwrite { atomic_file::publish } else { atomic_file::publish_new };
        publish(&self.part, path).map_err(failed("publish"))
    }

    fn rendition(&self) -> &'a RenditionPlan {
        &self.job.plan.renditions[self.index]
    }

    /// Copies the file's bytes.
    fn copy(&self, progress: &RenditionProgress, interrupt: &Interrupt) -> Result<Written, TranscodeError> {
        copy::copy(self.job.source, self.job.info, &self.part, self.room.clone(), progress, interrupt)?;
        let expectation =
            expect::copied(self.job.info, self.rendition().audio != AudioPlan::None, None, &Tally::default());
        Ok(Written { expectation, tally: Arc::default() })
    }

    /// Copies the picture's packets, where there is one, and writes the sound into the new container.
    fn remux(&mut self, progress: &RenditionProgress, interrupt: &Interrupt) -> Result<Written, TranscodeError> {
        let part = self.part.clone();
        let Opened { queue, mut output, priming } = self.open(&part, progress, interrupt)?;
        let frame_seconds = self.job.info.video.as_ref().map_or(0.0, crate::media::VideoInfo::frame_seconds);
        #[expect(clippy::cast_possible_truncation, reason = "a frame lasts seconds at most")]
        let usual = (frame_seconds * 1e6) as i64;
        loop {
            match queue.recv() {
                Ok(Unit::Picture(packet)) => {
                    let lasts = packet.duration().microseconds();
                    count(progress, &packet, if lasts > 0 { lasts } else { usual });
                    output.picture(packet, 0)?;
                }
                Ok(Unit::Sound(packet)) => output.sound(packet)?,
                Ok(Unit::End(tally)) => {
                    let sounds = self.encoded_sounds(output.sounds());
                    output.finish()?;
                    let expectation = self.remuxed(priming, sounds, &tally);
                    return Ok(Written { expectation, tally });
                }
                Ok(_) => {}
                Err(_) => return Err(TranscodeError::FeedEnded),
            }
        }
    }

    fn remuxed(&self, priming: Option<f64>, sounds: Option<u64>, tally: &Tally) -> Expectation {
        let mut expectation = expect::copied(self.job.info, priming.is_some(), sounds, tally);
        // Without a picture the sound has no place beside anything.
        if let (Some(audio), None) = (&mut expectation.audio, &self.job.info.video) {
            audio.priming_seconds += priming.unwrap_or(0.0);
        } else if let Some(audio) = &mut expectation.audio {
            audio.priming_seconds = priming.unwrap_or(0.0);
            audio.start_offset_seconds -= audio.priming_seconds;
            if matches!(self.rendition().audio, AudioPlan::Aac(_)) {
                let source = self.job.info.audio.as_ref();
                audio.start_offset_seconds += source.map_or(0.0, |source| expect::lag(source, tally));
            }
        }
        expectation
    }

    /// Scales and encodes the picture's frames in one piece.
    fn transcode(
        &mut self,
        progress: &RenditionProgress,
        interrupt: &Interrupt,
    ) -> Result<Written, TranscodeError> {
        let part = self.part.clone();
        let Opened { queue, mut output, priming } = self.open(&part, progress, interrupt)?;
        let Some(rendering) = self.rendering.take() else { return Err(TranscodeError::NothingDecoded) };
        let plan = &rendering.plan;
        let run = Run { threads: plan.threads, keyint_seconds: plan.keyint_seconds, follows: false };
        let mut encoder = PictureEncoder::open(&rendering, run)?;
        loop {
            let mut mux = |packet: Packet| {
                count(progress, &packet, packet.duration().microseconds());
                output.picture(packet, rendering.zero)
            };
            match queue.recv() {
                Ok(Unit::Frame(frame)) => encoder.send(&frame, &mut mux)?,
                Ok(Unit::Sound(packet)) => output.sound(packet)?,
                Ok(Unit::End(tally)) => {
                    encoder.finish(None, &mut mux)?;
                    let sounds = output.sounds();
                    output.finish()?;
                    let mut tally = Arc::unwrap_or_clone(tally);
                    tally.reshaped = encoder.reshaped();
                    return self.made(encoder.counts(), rendering.zero, (priming, sounds), Arc::new(tally));
                }
                Ok(_) => {}
                Err(_) => return Err(TranscodeError::FeedEnded),
            }
        }
    }

    /// Puts chunks together that the pool encodes, and those that an earlier run has.
    fn assemble(&mut self, progress: &RenditionProgress, interrupt: &Interrupt) -> Result<Written, TranscodeError> {
        for chunk in self.chunks.values() {
            progress.reuse(chunk.frames, chunk.microseconds, chunk.bytes);
        }
        let part = self.part.clone();
        let depth = self.video.as_ref().map_or(0, StreamParameters::reorder_depth);
        let Opened { queue, output, priming } = self.open(&part, progress, interrupt)?;
        let Action::Transcode(plan) = &self.rendition().action else { return Err(TranscodeError::NothingDecoded) };
        let zero = expect::zero(self.job.info, self.origin_seconds);
        let chunks = std::mem::take(&mut self.chunks);
        let assembly = Assembly::new(output, &mut self.journal, chunks, depth, tick(plan), zero);
        let Assembled { counts, tally, sounds } = assembly.run(&queue)?;
        self.made(counts, zero, (priming, sounds), tally)
    }

    fn made(
        &self,
        counts: Counts,
        zero_microseconds: i64,
        (priming, sounds): (Option<f64>, u64),
        tally: Arc<Tally>,
    ) -> Result<Written, TranscodeError> {
        let Action::Transcode(plan) = &self.rendition().action else { return Err(TranscodeError::NothingDecoded) };
        let sounds = self.encoded_sounds(sounds);
        let made = Made { counts, tick: tick(plan), zero_microseconds, priming, sounds };
        let expectation = expect::encoded(self.job.info, plan, &made, &tally, self.origin_seconds)?;
        Ok(Written { expectation, tally })
    }

    /// Returns how many packets of sound were written, where they are not the source's own.
    fn encoded_sounds(&self, written: u64) -> Option<u64> {
        matches!(self.rendition().audio, AudioPlan::Aac(_)).then_some(written)
    }

    /// Takes the queue and creates the file.
    fn open<'o>(
        &mut self,
        part: &std::path::Path,
        progress: &'o RenditionProgress,
        interrupt: &Interrupt,
    ) -> Result<Opened<'o>, TranscodeError> {
        let queue = self.queue.take().ok_or(TranscodeError::FeedEnded)?;
        let video = self.video.take();
        let (sound, priming) = self.sound.take().unzip();
        let container = self.job.plan.container;
        let output = Output::create(
            part,
            container,
            video.as_ref(),
            sound.as_ref(),
            progress,
            interrupt,
            self.room.clone(),
        )?;
        Ok(Opened { queue, output, priming })
    }
}

/// Counts a finished picture.
fn count(progress: &RenditionProgress, packet: &Packet, lasts: i64) {
    progress.add_frame(packet.payload().len() as u64, u64::try_from(lasts).unwrap_or(0));
}

/// Returns an output that an earlier run finished, measured again.
pub(super) fn found(
    job: &Job<'_>,
    index: usize,
    record: &OutputRecord,
    interrupt: &Interrupt,
) -> Result<Finished, TranscodeError> {
    let measured = proof::measure(&job.outputs[index], interrupt)?;
    let chunks = job.plan.chunks_of(&job.plan.renditions[index]);
    let resumption = Resumption { chunks, reused: chunks, discarded: None };
    let measured = finished(&measured, record.repairs.clone(), resumption);
    Ok(Finished { verified: record.verified, is_found: true, ..measured })
}

fn finished(measured: &Measured, repairs: Vec<String>, resumption: Resumption) -> Finished {
    let Measured { file, info } = measured;
    let video = info.video.as_ref();
    Finished {
        frames: video.map_or(0, |video| video.packets),
        duration_seconds: info.duration_seconds,
        bytes: info.bytes,
        sha256: file.sha256().to_owned(),
        width: video.map_or(0, |video| video.width),
        height: video.map_or(0, |video| video.height),
        video_codec: video.map(|video| video.codec.name().to_owned()),
        audio_codec: info.audio.as_ref().map(|audio| audio.codec.name().to_owned()),
        verified: file.is_proven(),
        repairs,
        resumption,
        is_found: false,
    }
}
