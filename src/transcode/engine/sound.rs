//! Sound that must be encoded: decoded, resampled and encoded once, whole, for all renditions that want the same.
//!
//! Never cut into chunks: an AAC encoder begins with 1024 samples of priming, and each cut would be heard.

use super::super::TranscodeError;
use super::super::plan::AacPlan;
use crate::av::decode::{Decoder, Threads};
use crate::av::encode::{AudioSettings, Encoder};
use crate::av::filter::{Graph, SoundShape};
use crate::av::{AvError, Frame, Packet, Received, Sent, StreamParameters};
use crate::media::{Ratio, TimeBase, Timestamp};

/// One packet in so many may be lost before the output is no longer "the recording": 5 %, as for pictures.
const LOST_PACKETS_ONE_IN: u64 = 20;

/// One AAC encode at work.
pub(super) struct SoundEncoder {
    /// What it makes.
    pub(super) plan: AacPlan,
    decoder: Decoder,
    resampler: Option<(SoundShape, Graph)>,
    /// Cuts the samples into the encoder's frames; separate, so that a change of the source's shape leaves no short
    /// frame in mid-stream, which AAC refuses.
    framer: Option<Graph>,
    encoder: Encoder,
    packets: u64,
    errors: u64,
    /// Times of the first packet and of the first frame that was decoded, in seconds.
    first: (Option<f64>, Option<f64>),
    /// Where the next frame begins if it has no time of its own: what a decoder held back to the end.
    next: Option<Timestamp>,
}

impl SoundEncoder {
    pub(super) fn open(stream: &StreamParameters, plan: AacPlan) -> Result<Self, TranscodeError> {
        let settings = AudioSettings {
            encoder: "aac",
            sample_rate: plan.sample_rate,
            channels: plan.channels,
            bits_per_second: plan.bits_per_second,
            sample_format: "fltp",
        };
        let decoder = Decoder::open(stream, Threads::Count(1))?;
        let encoder = Encoder::audio(&settings)?;
        Ok(Self {
            plan,
            decoder,
            resampler: None,
            framer: None,
            encoder,
            packets: 0,
            errors: 0,
            first: (None, None),
            next: None,
        })
    }

    /// Returns what a container must say about the packets.
    pub(super) fn parameters(&self) -> Result<StreamParameters, TranscodeError> {
        Ok(self.encoder.parameters()?)
    }

    /// Returns seconds of silence that the encoder puts in front.
    pub(super) fn priming_seconds(&self) -> f64 {
        f64::from(self.encoder.priming_samples()) / f64::from(self.plan.sample_rate)
    }

    /// Returns packets that could not be decoded.
    pub(super) fn errors(&self) -> u64 {
        self.errors
    }

    /// Returns seconds from the first packet to the first sample.
    pub(super) fn lag_seconds(&self) -> Option<f64> {
        self.first.0.zip(self.first.1).map(|(packet, frame)| frame - packet)
    }

    /// Checks that what is missing is little: silence in its place is a repair only then.
    pub(super) fn check(&self) -> Result<(), TranscodeError> {
        let (lost, total) = (self.errors, self.packets);
        if lost.saturating_mul(LOST_PACKETS_ONE_IN) > total {
            return Err(TranscodeError::SoundCorrupt { lost, total });
        }
        Ok(())
    }

    /// Takes a packet of the source and hands on whatever that yields.
    pub(super) fn send(
        &mut self,
        packet: &Packet,
        sink: &mut dyn FnMut(Packet) -> Result<(), TranscodeError>,
    ) -> Result<(), TranscodeError> {
        self.packets += 1;
        self.first.0 = self.first.0.or(packet.pts().map(Timestamp::seconds));
        if packet.is_corrupt() {
            self.errors += 1;
            return Ok(());
        }
        loop {
            let sent = self.decoder.send(packet);
            self.drain_decoder(sink)?;
            match sent {
                Ok(Sent::Accepted) => return Ok(()),
                Ok(Sent::Full) => {}
                Err(AvError::Decode(_)) => {
                    self.errors += 1;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Hands on all that is still inside: decoder, resampler, framer and encoder, in that order.
    pub(super) fn finish(
        &mut self,
        sink: &mut dyn FnMut(Packet) -> Result<(), TranscodeError>,
    ) -> Result<(), TranscodeError> {
        loop {
            match self.decoder.send_end() {
                Ok(Sent::Full) => self.drain_decoder(sink)?,
                Ok(Sent::Accepted) => break,
                Err(AvError::Decode(_)) => {
                    self.errors += 1;
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.drain_decoder(sink)?;
        self.flush_resampler(sink)?;
        if let Some(framer) = &mut self.framer {
            framer.send_end(None)?;
        }
        self.drain_framer(sink)?;
        while self.encoder.send_end()? == Sent::Full {
            self.drain_encoder(sink)?;
        }
        self.drain_encoder(sink)
    }

    fn drain_decoder(
        &mut self,
        sink: &mut dyn FnMut(Packet) -> Result<(), TranscodeError>,
    ) -> Result<(), TranscodeError> {
        loop {
            match self.decoder.receive() {
                Ok(Received::Item(frame)) => self.resample(frame, sink)?,
                Ok(Received::NeedsInput | Received::End) => return Ok(()),
                Err(AvError::Decode(_)) => self.errors += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn resample(
        &mut self,
        mut frame: Frame,
        sink: &mut dyn FnMut(Packet) -> Result<(), TranscodeError>,
    ) -> Result<(), TranscodeError> {
        let Some(pts) = frame.pts().or(self.next) else { return Ok(()) };
        frame.set_pts(pts);
        self.first.1.get_or_insert(pts.seconds());
        let shape = frame.sound();
        let samples = Timestamp::new(
            frame.samples().into(),
            Ratio::new(1, i32::try_from(shape.sample_rate.max(1)).unwrap_or(i32::MAX)),
        );
        self.next = Some(Timestamp::new(pts.ticks + samples.rescale(pts.base).ticks, pts.base));
        if self.resampler.as_ref().is_some_and(|(running, _)| *running != shape) {
            self.flush_resampler(sink)?;
        }
        if self.resampler.is_none() {
            let graph = Graph::audio(&self.chain(), &shape, pts.base)?;
            self.resampler = Some((shape, graph));
        }
        if let Some((_, graph)) = &mut self.resampler {
            graph.send(&frame)?;
        }
        self.drain_resampler(sink)
    }

    /// Holes in the source's clock become silence, overlaps are cut: the encoder counts samples and would otherwise
    /// close the holes and run ahead of the picture.
    fn chain(&self) -> String {
        let AacPlan { sample_rate, channels, .. } = self.plan;
        let layout = match channels {
            1 => "mono".to_owned(),
            2 => "stereo".to_owned(),
            6 => "5.1".to_owned(),
            other => format!("{other}c"),
        };
        format!(
            "aresample={sample_rate}:async=1:min_hard_comp=0.02,\
             aformat=sample_fmts=fltp:sample_rates={sample_rate}:channel_layouts={layout}"
        )
    }

    fn flush_resampler(
        &mut self,
        sink: &mut dyn FnMut(Packet) -> Result<(), TranscodeError>,
    ) -> Result<(), TranscodeError> {
        if let Some((_, graph)) = &mut self.resampler {
            graph.send_end(None)?;
        }
        self.drain_resampler(sink)?;
        self.resampler = None;
        Ok(())
    }

    fn drain_resampler(
        &mut self,
        sink: &mut dyn FnMut(Packet) -> Result<(), TranscodeError>,
    ) -> Result<(), TranscodeError> {
        while let Some((_, graph)) = &mut self.resampler {
            let Received::Item(frame) = graph.receive()? else { break };
            let base = graph.time_base();
            if self.framer.is_none() {
                self.framer = Some(self.framer_for(&frame, base)?);
            }
            if let Some(framer) = &mut self.framer {
                framer.send(&frame)?;
            }
            self.drain_framer(sink)?;
        }
        Ok(())
    }

    fn framer_for(&self, frame: &Frame, base: TimeBase) -> Result<Graph, TranscodeError> {
        let mut framer = Graph::audio("anull", &frame.sound(), base)?;
        framer.set_frame_samples(self.encoder.frame_samples());
        Ok(framer)
    }

    fn drain_framer(
        &mut self,
        sink: &mut dyn FnMut(Packet) -> Result<(), TranscodeError>,
    ) -> Result<(), TranscodeError> {
        while let Some(framer) = &mut self.framer {
            let Received::Item(mut frame) = framer.receive()? else { break };
            if let Some(pts) = frame.pts() {
                frame.set_pts(pts.rescale(self.encoder.time_base()));
            }
            while self.encoder.send(&frame)? == Sent::Full {
                self.drain_encoder(sink)?;
            }
            self.drain_encoder(sink)?;
        }
        Ok(())
    }

    fn drain_encoder(
        &mut self,
        sink: &mut dyn FnMut(Packet) -> Result<(), TranscodeError>,
    ) -> Result<(), TranscodeError> {
        while let Received::Item(packet) = self.encoder.receive()? {
            sink(packet)?;
        }
        Ok(())
    }
}
