//! Reads the source once and feeds every rendition: packets to those that copy, frames to those that encode, and
//! sound to all, encoded at most once per wish.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::super::plan::{Action, AudioPlan, Cut, RenditionPlan};
use super::super::{TranscodeError, filter};
use super::chain::Chain;
use super::decode::{PictureDecoder, Tally};
use super::distribute::Distributor;
use super::encode::Rendering;
use super::expect;
use super::pool::Pool;
use super::sound::SoundEncoder;
use super::{Job, Unit, has_sound};
use crate::av::decode::Threads;
use crate::av::demux::{Analysis, Demuxer, Read};
use crate::av::{AvError, Frame, Interrupt, Packet, StreamParameters};
use crate::media::{AudioInfo, MediaInfo};

/// Sound that begins this much before the picture (an encoder's priming) does not move the zero of the clock.
const PRIMING_SECONDS: f64 = 0.15;

/// The way to one rendition, and what it wants.
pub(super) struct Outlet {
    sender: SyncSender<Unit>,
    frames: bool,
    pictures: bool,
    sound: Option<AudioPlan>,
    open: bool,
}

impl Outlet {
    pub(super) fn new(sender: SyncSender<Unit>, rendition: &RenditionPlan) -> Self {
        let frames = matches!(rendition.action, Action::Transcode(_));
        let sound = has_sound(rendition).then(|| rendition.audio.clone());
        Self { sender, frames, pictures: !frames, sound, open: true }
    }

    /// Waits for room in the queue. A rendition that has failed takes nothing more, and the others go on.
    fn send(&mut self, unit: Unit) {
        if self.open && self.sender.send(unit).is_err() {
            self.open = false;
        }
    }
}

/// The source at work.
pub(super) struct Feed {
    demuxer: Demuxer,
    /// None where there is sound alone.
    video: Option<StreamParameters>,
    audio: Option<StreamParameters>,
    decoder: Option<PictureDecoder>,
    prepare: Option<Chain>,
    sounds: Vec<SoundEncoder>,
    outlets: Vec<Outlet>,
    origin_seconds: f64,
    torn_pictures: u64,
    torn_sounds: u64,
}

impl Feed {
    /// Opens the source, and the decoders and sound encoders that the plan needs.
    pub(super) fn open(job: &Job<'_>, interrupt: &Interrupt) -> Result<Self, TranscodeError> {
        let analysis = if job.info.deep_analysis { Analysis::Deep } else { Analysis::Usual };
        let mut demuxer = Demuxer::open(job.source, analysis, interrupt)?;
        let video = find(&demuxer, job.info.video.as_ref().map(|video| video.stream_index))?;
        let audio = find(&demuxer, job.info.audio.as_ref().map(|audio| audio.stream_index))?;
        let chosen: Vec<usize> = [&video, &audio].into_iter().flatten().map(|one| one.index).collect();
        demuxer.choose(&chosen);
        let origin_seconds = origin(job.info);
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a recording, far below 2^63 microseconds")]
        demuxer.set_origin((origin_seconds * 1e6).round() as i64);
        let encodes = |rendition: &RenditionPlan| matches!(rendition.action, Action::Transcode(_));
        let any_encodes = job.plan.renditions.iter().any(encodes);
        let decodes = any_encodes && matches!(job.plan.cut, Cut::Whole { .. });
        let decoded = video.as_ref().filter(|_| decodes);
        let decoder = decoded.map(|video| PictureDecoder::open(video, Threads::Auto)).transpose()?;
        let prepare = filter::prepare(&job.plan.prepare).as_deref().map(Chain::fixed);
        let sounds = sound_encoders(job, audio.as_ref())?;
        Ok(Self {
            demuxer,
            video,
            audio,
            decoder,
            prepare,
            sounds,
            outlets: Vec::new(),
            origin_seconds,
            torn_pictures: 0,
            torn_sounds: 0,
        })
    }

    pub(super) fn add_outlet(&mut self, outlet: Outlet) {
        self.outlets.push(outlet);
    }

    /// Returns the picture stream as the source has it, where there is one.
    pub(super) fn video(&self) -> Option<&StreamParameters> {
        self.video.as_ref()
    }

    /// Returns how a rendition's pictures are made; nothing where they are not.
    pub(super) fn rendering(
        &self,
        job: &Job<'_>,
        rendition: &RenditionPlan,
    ) -> Result<Option<Rendering>, TranscodeError> {
        let Action::Transcode(plan) = &rendition.action else { return Ok(None) };
        let (Some(source), Some(video)) = (&job.info.video, &self.video) else { return Ok(None) };
        let prepare = filter::prepare(&job.plan.prepare);
        let zero = expect::zero(job.info, self.origin_seconds);
        Rendering::new(plan, source, video, prepare.as_deref(), zero).map(Some)
    }

    /// Returns what a container must say about a rendition's sound, and the silence in front of it in seconds.
    pub(super) fn sound(&self, plan: &AudioPlan) -> Result<Option<(StreamParameters, f64)>, TranscodeError> {
        match plan {
            AudioPlan::None => Ok(None),
            AudioPlan::Copy => {
                let copied = self.audio.as_ref().map(StreamParameters::duplicate).transpose()?;
                Ok(copied.map(|stream| (stream, 0.0)))
            }
            AudioPlan::Aac(wanted) => {
                let encoder = self.sounds.iter().find(|sound| sound.plan == *wanted);
                encoder.map(|sound| Ok((sound.parameters()?, sound.priming_seconds()))).transpose()
            }
        }
    }

    /// Returns the zero of all outputs' clocks, in seconds on the source's.
    pub(super) fn origin_seconds(&self) -> f64 {
        self.origin_seconds
    }

    /// Reads the source to its end. Only then, and only when what came out is sound, are the renditions told so. The
    /// picture goes to `pool`, where there is one. Returns `false` when every rendition has failed before the end.
    pub(super) fn run(mut self, pool: Option<&Pool<'_>>, interrupt: &Interrupt) -> Result<bool, TranscodeError> {
        let mut distributor = pool.map(Distributor::new);
        while let Read::Packet(packet) = self.demuxer.read()? {
            if interrupt.is_cancelled() {
                return Err(AvError::Cancelled.into());
            }
            if self.outlets.iter().all(|outlet| !outlet.open) {
                return Ok(false);
            }
            if self.video.as_ref().is_some_and(|video| video.index == packet.stream_index()) {
                self.picture(&packet, distributor.as_mut())?;
            } else {
                self.sound_packet(&packet)?;
            }
        }
        let last = distributor.map(Distributor::finish).transpose()?;
        self.finish(pool, last).map(|()| true)
    }

    fn picture(
        &mut self,
        packet: &Packet,
        distributor: Option<&mut Distributor<'_, '_>>,
    ) -> Result<(), TranscodeError> {
        // A decoder tells what it makes of a damaged packet; a copy would pass the damage on unsaid.
        if packet.is_corrupt() {
            self.torn_pictures += 1;
        } else {
            for outlet in self.outlets.iter_mut().filter(|outlet| outlet.pictures) {
                outlet.send(Unit::Picture(packet.reference()?));
            }
        }
        if let Some(distributor) = distributor {
            if let Some(complete) = distributor.take(packet)? {
                self.deliver(complete);
            }
            return Ok(());
        }
        let Self { decoder: Some(decoder), prepare, outlets, .. } = self else { return Ok(()) };
        decoder.send(packet, &mut |frame| through(prepare, outlets, &frame))
    }

    /// Tells the renditions that everything up to the end of a chunk has been handed out.
    fn deliver(&mut self, chunk: usize) {
        for outlet in self.outlets.iter_mut().filter(|outlet| outlet.frames) {
            outlet.send(Unit::Delivered(chunk));
        }
    }

    fn sound_packet(&mut self, packet: &Packet) -> Result<(), TranscodeError> {
        if packet.is_corrupt() {
            self.torn_sounds += 1;
        } else {
            hand_out_sound(&mut self.outlets, &AudioPlan::Copy, packet)?;
        }
        let Self { sounds, outlets, .. } = self;
        for sound in sounds {
            let wanted = AudioPlan::Aac(sound.plan);
            sound.send(packet, &mut |packet| hand_out_sound(outlets, &wanted, &packet))?;
        }
        Ok(())
    }

    fn finish(mut self, pool: Option<&Pool<'_>>, last: Option<usize>) -> Result<(), TranscodeError> {
        let Self { decoder, prepare, outlets, sounds, .. } = &mut self;
        if let Some(decoder) = decoder {
            decoder.finish(&mut |frame| through(prepare, outlets, &frame))?;
            if let Some(prepare) = prepare {
                prepare.finish(&mut |frame| hand_out_frame(outlets, &frame))?;
            }
        }
        for sound in sounds.iter_mut() {
            let wanted = AudioPlan::Aac(sound.plan);
            sound.finish(&mut |packet| hand_out_sound(outlets, &wanted, &packet))?;
        }
        if let Some(last) = last {
            self.deliver(last);
        }
        let tally = self.tally(pool)?;
        for outlet in &mut self.outlets {
            outlet.send(Unit::End(Arc::clone(&tally)));
        }
        Ok(())
    }

    /// Returns what decoding came to, if that is good enough.
    fn tally(&self, pool: Option<&Pool<'_>>) -> Result<Arc<Tally>, TranscodeError> {
        let sound_errors = self.sounds.iter().map(SoundEncoder::errors).max().unwrap_or(0);
        self.sounds.iter().try_for_each(SoundEncoder::check)?;
        let decoded = match (pool, &self.decoder) {
            (Some(pool), _) => Some(pool.decoded()?),
            (None, decoder) => decoder.as_ref().map(|decoder| decoder.tally().clone()),
        };
        decoded.as_ref().map_or(Ok(()), Tally::check)?;
        let tally = decoded.unwrap_or_default();
        let Self { torn_pictures, torn_sounds, .. } = *self;
        let sound_lag = self.sounds.iter().find_map(SoundEncoder::lag_seconds);
        Ok(Arc::new(Tally { sound_errors, sound_lag, torn_pictures, torn_sounds, ..tally }))
    }
}

/// Sends a decoded frame through what all renditions share, and out.
fn through(prepare: &mut Option<Chain>, outlets: &mut [Outlet], frame: &Frame) -> Result<(), TranscodeError> {
    match prepare {
        Some(prepare) => prepare.send(frame, &mut |frame| hand_out_frame(outlets, &frame)),
        None => hand_out_frame(outlets, frame),
    }
}

fn hand_out_frame(outlets: &mut [Outlet], frame: &Frame) -> Result<(), TranscodeError> {
    for outlet in outlets.iter_mut().filter(|outlet| outlet.frames) {
        outlet.send(Unit::Frame(frame.reference()?));
    }
    Ok(())
}

fn hand_out_sound(outlets: &mut [Outlet], wanted: &AudioPlan, packet: &Packet) -> Result<(), TranscodeError> {
    for outlet in outlets.iter_mut().filter(|outlet| outlet.sound.as_ref() == Some(wanted)) {
        outlet.send(Unit::Sound(packet.reference()?));
    }
    Ok(())
}

fn find(demuxer: &Demuxer, index: Option<usize>) -> Result<Option<StreamParameters>, TranscodeError> {
    let Some(index) = index else { return Ok(None) };
    let gone = || AvError::Empty { detail: format!("stream {index} that was there a moment ago is gone") };
    Ok(Some(demuxer.stream(index)?.ok_or_else(gone)?))
}

/// One encoder for each different wish.
fn sound_encoders(job: &Job<'_>, audio: Option<&StreamParameters>) -> Result<Vec<SoundEncoder>, TranscodeError> {
    let mut encoders: Vec<SoundEncoder> = Vec::new();
    let Some(audio) = audio else { return Ok(encoders) };
    for rendition in &job.plan.renditions {
        let AudioPlan::Aac(wanted) = rendition.audio else { continue };
        if encoders.iter().all(|encoder| encoder.plan != wanted) {
            encoders.push(SoundEncoder::open(audio, wanted)?);
        }
    }
    Ok(encoders)
}

/// Returns the zero of the outputs' clocks: the picture's first frame, or the sound's start where that is earlier by
/// more than an encoder's priming.
fn origin(info: &MediaInfo) -> f64 {
    let video = info.video.as_ref().map(|video| video.start_seconds);
    let audio = info.audio.as_ref().map(AudioInfo::heard_seconds);
    match (video, audio) {
        (Some(video), Some(audio)) if audio < video - PRIMING_SECONDS => audio,
        (Some(video), _) => video,
        (None, audio) => audio.unwrap_or(0.0),
    }
}
