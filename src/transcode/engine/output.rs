//! One rendition's file while it is being written.

use std::path::Path;
use std::sync::Arc;

use super::super::{RenditionProgress, TranscodeError};
use crate::av::mux::{Muxer, MuxerBuilder};
use crate::av::{Interrupt, Packet, StreamParameters};
use crate::media::{Container, Timestamp};
use crate::room::Room;

/// A keyframe after a long pause is not decoded before all of that pause, though encoders say so: readers of FLV disbelieve
/// times that are a quarter of an hour apart.
const LEAD_MICROSECONDS_MAX: i64 = 60_000_000;

/// A file being written.
pub(super) struct Output<'a> {
    progress: &'a RenditionProgress,
    muxer: Muxer,
    /// None where there is sound alone.
    video: Option<usize>,
    sound: Option<usize>,
    sounds: u64,
}

impl<'a> Output<'a> {
    /// Creates the file, for what `room` has room for, and writes its header.
    pub(super) fn create(
        path: &Path,
        container: Container,
        video: Option<&StreamParameters>,
        sound: Option<&StreamParameters>,
        progress: &'a RenditionProgress,
        interrupt: &Interrupt,
        room: Option<Arc<dyn Room>>,
    ) -> Result<Self, TranscodeError> {
        let mut builder = MuxerBuilder::create(path, container, interrupt, room)?;
        let video = video.map(|video| builder.add_stream(video)).transpose()?;
        let sound = sound.map(|sound| builder.add_stream(sound)).transpose()?;
        let muxer = builder.begin(options(container))?;
        Ok(Self { progress, muxer, video, sound, sounds: 0 })
    }

    /// Returns how many packets of sound were written.
    pub(super) fn sounds(&self) -> u64 {
        self.sounds
    }

    /// Takes a packet of sound, its time on the outputs' common clock.
    pub(super) fn sound(&mut self, mut packet: Packet) -> Result<(), TranscodeError> {
        let Some(stream) = self.sound else { return Ok(()) };
        self.progress.add_bytes(packet.payload().len() as u64);
        if let (None, Some(shown)) = (self.video, packet.pts()) {
            let end = shown.microseconds() + packet.duration().microseconds();
            self.progress.reach(0, u64::try_from(end).unwrap_or(0));
        }
        packet.rescale(self.muxer.time_base(stream), 0);
        self.sounds += 1;
        Ok(self.muxer.write(stream, packet)?)
    }

    /// Takes a packet of the picture whose clock's zero is at `zero` microseconds of the outputs' common clock.
    pub(super) fn picture(&mut self, mut packet: Packet, zero: i64) -> Result<(), TranscodeError> {
        let Some(stream) = self.video else { return Ok(()) };
        let base = self.muxer.time_base(stream);
        packet.rescale(base, Timestamp::from_microseconds(zero).rescale(base).ticks);
        if packet.is_keyframe() {
            shorten_lead(&mut packet);
        }
        Ok(self.muxer.write(stream, packet)?)
    }

    /// Writes the trailer and closes the file.
    pub(super) fn finish(self) -> Result<(), TranscodeError> {
        Ok(self.muxer.finish()?)
    }
}

/// Moves a decode time that is far ahead of the presentation time; nothing that follows a keyframe is shown before it but
/// by a few frames.
fn shorten_lead(packet: &mut Packet) {
    let (Some(shown), Some(decoded)) = (packet.pts(), packet.dts()) else { return };
    let most = Timestamp::from_microseconds(LEAD_MICROSECONDS_MAX).rescale(shown.base).ticks;
    packet.set_times(shown.ticks, decoded.ticks.max(shown.ticks - most));
}

/// The index goes where players want it: to the front of an MP4, into the metadata of an FLV. An MP4's edit lists count
/// in the movie's ticks; with libav's own of a millisecond they end up to that much early, and readers leave out a last
/// packet of sound that begins in between. Matroska's numbers of segments and tracks are drawn by lot unless it is told
/// not to, and no file would be made twice. Transport streams let the clock run ahead of what it times, as receivers need it:
/// 0.7 s is what the `ffmpeg` command gives them.
fn options(container: Container) -> &'static [(&'static str, &'static str)] {
    match container {
        Container::Mp4 => &[("movflags", "+faststart"), ("movie_timescale", "90000")],
        Container::Flv => &[("flvflags", "+add_keyframe_index")],
        Container::Mkv => &[("fflags", "+bitexact")],
        Container::Ts => &[("max_delay", "700000")],
        _ => &[],
    }
}
