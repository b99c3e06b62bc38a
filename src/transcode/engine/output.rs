//! One rendition's file while it is being written: sound that comes before the picture's headers are known is held
//! back, everything else goes straight to the muxer.

use std::path::Path;

use super::super::{RenditionProgress, TranscodeError};
use crate::av::mux::{Muxer, MuxerBuilder};
use crate::av::{Interrupt, Packet, StreamParameters};
use crate::media::{Container, Timestamp};

/// Packets of sound held back at most: eight minutes of AAC at 48 kHz, a few megabytes. A picture that begins later
/// than that is no recording of a lesson.
const HELD_MAX: usize = 24_000;

/// A file being written.
pub(super) struct Output<'a> {
    path: &'a Path,
    container: Container,
    interrupt: &'a Interrupt,
    progress: &'a RenditionProgress,
    sound: Option<StreamParameters>,
    held: Vec<Packet>,
    open: Option<Open>,
    sounds: u64,
}

struct Open {
    muxer: Muxer,
    video: usize,
    sound: Option<usize>,
}

impl<'a> Output<'a> {
    pub(super) fn new(
        path: &'a Path,
        container: Container,
        sound: Option<StreamParameters>,
        progress: &'a RenditionProgress,
        interrupt: &'a Interrupt,
    ) -> Self {
        Self { path, container, interrupt, progress, sound, held: Vec::new(), open: None, sounds: 0 }
    }

    /// Returns whether the header is written.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Returns how many packets of sound were written.
    pub(super) fn sounds(&self) -> u64 {
        self.sounds
    }

    /// Writes the header and what was held back.
    pub(super) fn open(&mut self, video: &StreamParameters) -> Result<(), TranscodeError> {
        let mut builder = MuxerBuilder::create(self.path, self.container, self.interrupt)?;
        let video = builder.add_stream(video)?;
        let sound = self.sound.as_ref().map(|sound| builder.add_stream(sound)).transpose()?;
        let muxer = builder.begin(options(self.container))?;
        self.open = Some(Open { muxer, video, sound });
        for packet in std::mem::take(&mut self.held) {
            self.sound(packet)?;
        }
        Ok(())
    }

    /// Takes a packet of sound, its time on the outputs' common clock.
    pub(super) fn sound(&mut self, mut packet: Packet) -> Result<(), TranscodeError> {
        let Some(open) = &mut self.open else {
            if self.held.len() == HELD_MAX {
                return Err(TranscodeError::NoFirstPicture { packets: HELD_MAX });
            }
            self.held.push(packet);
            return Ok(());
        };
        let Some(stream) = open.sound else { return Ok(()) };
        self.progress.add_bytes(packet.payload().len() as u64);
        packet.rescale(open.muxer.time_base(stream), 0);
        self.sounds += 1;
        Ok(open.muxer.write(stream, packet)?)
    }

    /// Takes a packet of the picture whose clock's zero is at `start` microseconds of the outputs' common clock.
    pub(super) fn picture(&mut self, mut packet: Packet, start: i64) -> Result<(), TranscodeError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let end = packet.pts().map_or(0, Timestamp::microseconds) + packet.duration().microseconds() + start;
        self.progress.add_frame(packet.payload().len() as u64, u64::try_from(end).unwrap_or(0));
        let base = open.muxer.time_base(open.video);
        packet.rescale(base, Timestamp::from_microseconds(start).rescale(base).ticks);
        Ok(open.muxer.write(open.video, packet)?)
    }

    /// Writes the trailer and closes the file.
    pub(super) fn finish(self) -> Result<(), TranscodeError> {
        match self.open {
            Some(open) => Ok(open.muxer.finish()?),
            None => Err(TranscodeError::NothingDecoded),
        }
    }
}

/// The index goes where players want it: to the front of an MP4, into the metadata of an FLV.
fn options(container: Container) -> &'static [(&'static str, &'static str)] {
    match container {
        Container::Mp4 => &[("movflags", "+faststart")],
        Container::Flv => &[("flvflags", "+add_keyframe_index")],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::av::encode::{AudioSettings, Encoder};
    use crate::av::filter::Graph;
    use crate::av::{Interrupt, Received};
    use crate::failure::Failure;
    use crate::media::RenditionName;
    use crate::transcode::Progress;

    fn a_packet_of_sound() -> Packet {
        let (encoder, sample_format) = ("aac", "fltp");
        let settings =
            AudioSettings { encoder, sample_rate: 8000, channels: 1, bits_per_second: 32_000, sample_format };
        let mut encoder = Encoder::audio(&settings).unwrap();
        let mut graph = Graph::audio_source("sine=sample_rate=8000:duration=1,aformat=sample_fmts=fltp").unwrap();
        graph.set_frame_samples(encoder.frame_samples());
        loop {
            let Received::Item(frame) = graph.receive().unwrap() else { panic!("a second is seven frames") };
            let _ = encoder.send(&frame).unwrap();
            if let Received::Item(packet) = encoder.receive().unwrap() {
                return packet;
            }
        }
    }

    #[test]
    fn sound_without_a_picture_is_held_back_up_to_a_bound() {
        let progress = Progress::new(&[RenditionName::of_source(240)], 0, 0.0);
        let interrupt = Interrupt::default();
        let path = Path::new("never written");
        let mut output = Output::new(path, Container::Flv, None, &progress.renditions[0], &interrupt);
        let packet = a_packet_of_sound();
        for _ in 0..HELD_MAX {
            output.sound(packet.reference().unwrap()).unwrap();
        }
        let error = output.sound(packet).unwrap_err();
        assert_eq!(error.code(), "MEDIA_NO_FIRST_PICTURE");
    }
}
