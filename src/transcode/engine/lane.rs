//! One rendition from its queue to its final name.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::super::plan::{Action, AudioPlan, RenditionPlan, VideoPlan};
use super::super::{Finished, Phase, RenditionProgress, TranscodeError};
use super::copy;
use super::decode::Tally;
use super::encode::PictureEncoder;
use super::expect::{self, Made};
use super::feed::Feed;
use super::output::Output;
use super::repair;
use super::{Job, Unit};
use crate::atomic_file;
use crate::av::{Interrupt, Packet, StreamParameters};
use crate::proof::{self, Expectation, VerifiedFile};

/// A rendition about to be made.
pub(super) struct Lane<'a> {
    job: &'a Job<'a>,
    index: usize,
    queue: Option<Receiver<Unit>>,
    /// The source's picture stream, for a remux.
    video: Option<StreamParameters>,
    sound: Option<(StreamParameters, f64)>,
    /// The zero of the output's clock, in seconds on the source's.
    origin_seconds: f64,
    part: PathBuf,
}

/// What a lane wrote, before it is proven.
struct Written {
    expectation: Expectation,
    tally: Arc<Tally>,
}

impl<'a> Lane<'a> {
    pub(super) fn new(
        job: &'a Job<'a>,
        index: usize,
        queue: Option<Receiver<Unit>>,
        feed: Option<&Feed>,
    ) -> Result<Self, TranscodeError> {
        let rendition = &job.plan.renditions[index];
        let video = feed.map(|feed| feed.video().duplicate()).transpose()?;
        let sound = feed.map(|feed| feed.sound(&rendition.audio)).transpose()?.flatten();
        let origin_seconds = feed.map_or(0.0, Feed::origin_seconds);
        let part = job.work_folders[index].join(format!("{}.{}", rendition.name, job.plan.container.name()));
        Ok(Self { job, index, queue, video, sound, origin_seconds, part })
    }

    /// Makes the file, proves it, and gives it its name.
    pub(super) fn run(
        mut self,
        progress: &RenditionProgress,
        interrupt: &Interrupt,
    ) -> Result<Finished, TranscodeError> {
        let rendition = &self.job.plan.renditions[self.index];
        let written = match &rendition.action {
            Action::Copy => self.copy(progress, interrupt)?,
            Action::Remux => self.remux(progress, interrupt)?,
            Action::Transcode(plan) => self.transcode(plan, progress, interrupt)?,
            Action::Refuse => return Err(TranscodeError::Refused { reason: rendition.reasons.join("; ") }),
        };
        progress.enter(Phase::Proving);
        let file = if self.job.verify {
            proof::prove(&self.part, &written.expectation, interrupt)?
        } else {
            proof::measure(&self.part, interrupt)?
        };
        let path = &self.job.outputs[self.index];
        let failed = |source| TranscodeError::File { operation: "publish", path: path.clone(), source };
        let publish = if self.job.overwrite { atomic_file::publish } else { atomic_file::publish_new };
        publish(&self.part, path).map_err(failed)?;
        Ok(finished(&file, repair::sentences(self.job.info, rendition, &written.tally)))
    }

    fn rendition(&self) -> &'a RenditionPlan {
        &self.job.plan.renditions[self.index]
    }

    /// Copies the file's bytes.
    fn copy(&self, progress: &RenditionProgress, interrupt: &Interrupt) -> Result<Written, TranscodeError> {
        copy::copy(self.job.source, self.job.info, &self.part, progress, interrupt)?;
        let expectation =
            expect::copied(self.job.info, self.rendition().audio != AudioPlan::None, None, &Tally::default());
        Ok(Written { expectation, tally: Arc::default() })
    }

    /// Copies the picture's packets into the new container.
    fn remux(&mut self, progress: &RenditionProgress, interrupt: &Interrupt) -> Result<Written, TranscodeError> {
        let part = self.part.clone();
        let (queue, mut output, priming) = self.take(&part, progress, interrupt)?;
        if let Some(video) = &self.video {
            output.open(video)?;
        }
        loop {
            match queue.recv() {
                Ok(Unit::Picture(packet)) => output.picture(packet, 0)?,
                Ok(Unit::Sound(packet)) => output.sound(packet)?,
                Ok(Unit::Frame(_)) => {}
                Ok(Unit::End(tally)) => {
                    let sounds = self.encoded_sounds(&output);
                    output.finish()?;
                    let mut expectation = expect::copied(self.job.info, priming.is_some(), sounds, &tally);
                    if let Some(audio) = &mut expectation.audio {
                        audio.priming_seconds = priming.unwrap_or(0.0);
                        audio.start_offset_seconds -= audio.priming_seconds;
                        if matches!(self.rendition().audio, AudioPlan::Aac(_)) {
                            let source = self.job.info.audio.as_ref();
                            audio.start_offset_seconds += source.map_or(0.0, |source| expect::lag(source, &tally));
                        }
                    }
                    return Ok(Written { expectation, tally });
                }
                Err(_) => return Err(TranscodeError::FeedEnded),
            }
        }
    }

    /// Scales and encodes the picture's frames.
    fn transcode(
        &mut self,
        plan: &VideoPlan,
        progress: &RenditionProgress,
        interrupt: &Interrupt,
    ) -> Result<Written, TranscodeError> {
        let part = self.part.clone();
        let (queue, mut output, priming) = self.take(&part, progress, interrupt)?;
        let Some(source) = &self.job.info.video else { return Err(TranscodeError::NothingDecoded) };
        let mut encoder = PictureEncoder::new(plan, source);
        let mut packets = Vec::new();
        loop {
            match queue.recv() {
                Ok(Unit::Frame(frame)) => encoder.send(&frame, &mut |packet| keep(&mut packets, packet))?,
                Ok(Unit::Sound(packet)) => output.sound(packet)?,
                Ok(Unit::Picture(_)) => {}
                Ok(Unit::End(tally)) => {
                    encoder.finish(&mut |packet| keep(&mut packets, packet))?;
                    mux(&encoder, &mut output, &mut packets)?;
                    let sounds = self.encoded_sounds(&output);
                    output.finish()?;
                    return self.made(&encoder, plan, (priming, sounds), tally);
                }
                Err(_) => return Err(TranscodeError::FeedEnded),
            }
            mux(&encoder, &mut output, &mut packets)?;
        }
    }

    fn made(
        &self,
        encoder: &PictureEncoder,
        plan: &VideoPlan,
        (priming, sounds): (Option<f64>, Option<u64>),
        tally: Arc<Tally>,
    ) -> Result<Written, TranscodeError> {
        let counts = encoder.counts();
        let made = Made { counts, tick: encoder.time_base(), start_microseconds: encoder.start(), priming, sounds };
        let expectation = expect::encoded(self.job.info, plan, &made, &tally, self.origin_seconds)?;
        let mut tally = Arc::unwrap_or_clone(tally);
        tally.reshaped = encoder.reshaped();
        Ok(Written { expectation, tally: Arc::new(tally) })
    }

    /// Returns how many packets of sound were written, where they are not the source's own.
    fn encoded_sounds(&self, output: &Output<'_>) -> Option<u64> {
        matches!(self.rendition().audio, AudioPlan::Aac(_)).then(|| output.sounds())
    }

    /// Takes the queue and opens the file's frame; the last value is the sound's priming in seconds, where there is
    /// sound.
    fn take<'o>(
        &mut self,
        part: &'o std::path::Path,
        progress: &'o RenditionProgress,
        interrupt: &'o Interrupt,
    ) -> Result<(Receiver<Unit>, Output<'o>, Option<f64>), TranscodeError> {
        let queue = self.queue.take().ok_or(TranscodeError::FeedEnded)?;
        let (sound, priming) = self.sound.take().unzip();
        Ok((queue, Output::new(part, self.job.plan.container, sound, progress, interrupt), priming))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a packet sink")]
fn keep(packets: &mut Vec<Packet>, packet: Packet) -> Result<(), TranscodeError> {
    packets.push(packet);
    Ok(())
}

/// Moves what the encoder has yielded into the file. The file's header needs the encoder's, which exists from the
/// first frame on.
fn mux(encoder: &PictureEncoder, output: &mut Output<'_>, packets: &mut Vec<Packet>) -> Result<(), TranscodeError> {
    if !output.is_open() {
        let Some(parameters) = encoder.parameters()? else { return Ok(()) };
        output.open(&parameters)?;
    }
    for packet in packets.drain(..) {
        output.picture(packet, encoder.start())?;
    }
    Ok(())
}

fn finished(file: &VerifiedFile, repairs: Vec<String>) -> Finished {
    let info = file.info();
    let video = info.video.as_ref();
    Finished {
        frames: video.map_or(0, |video| video.packets),
        duration_seconds: info.duration_seconds,
        bytes: info.bytes,
        sha256: file.sha256().to_owned(),
        width: video.map_or(0, |video| video.width),
        height: video.map_or(0, |video| video.height),
        video_codec: video.map_or_else(String::new, |video| video.codec.name().to_owned()),
        audio_codec: info.audio.as_ref().map(|audio| audio.codec.name().to_owned()),
        verified: file.is_proven(),
        repairs,
    }
}
