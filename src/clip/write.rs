//! Carries a recipe out: filter, encode, hook, mux.

use std::path::Path;

use super::{Picture, Recipe, Sound};
use crate::av::encode::{AudioSettings, Encoder, VideoSettings};
use crate::av::filter::Graph;
use crate::av::mux::{Muxer, MuxerBuilder};
use crate::av::{AvError, Frame, Interrupt, Packet, Received, Sent};
use crate::media::{Ratio, Timestamp};

/// What becomes of a packet after the hook has seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Muxed, as changed or not.
    Keep,
    /// Lost.
    Drop,
}

/// Writes the recording.
///
/// # Errors
/// Those of libav: a chain, an encoder option or a path that is wrong.
pub fn write(recipe: &Recipe, path: &Path) -> Result<(), AvError> {
    write_edited(recipe, path, &mut |_, _, _| Edit::Keep)
}

/// Writes the recording and shows every packet to `edit` first, with its stream's index in the file and its ordinal
/// in that stream. The packet's times are in the encoder's time base.
///
/// # Errors
/// As [`write()`].
pub fn write_edited(
    recipe: &Recipe,
    path: &Path,
    edit: &mut dyn FnMut(usize, usize, &mut Packet) -> Edit,
) -> Result<(), AvError> {
    let mut tracks = Vec::new();
    for picture in &recipe.pictures {
        tracks.push(Track::picture(picture)?);
    }
    for sound in &recipe.sounds {
        tracks.push(Track::sound(sound)?);
    }
    let mut builder = MuxerBuilder::create(path, recipe.container, &Interrupt::default(), None)?;
    for track in &mut tracks {
        let mut parameters = track.encoder.parameters()?;
        parameters.rotation_degrees = track.rotation_degrees;
        if track.cover_art {
            parameters.kind = crate::av::StreamKind::CoverArt;
        }
        track.index = builder.add_stream(&parameters)?;
    }
    let mut muxer = builder.begin(&recipe.muxer_options)?;
    // The track that is furthest behind goes next, so that the file is interleaved like a recorder's.
    while let Some(track) =
        tracks.iter_mut().filter(|track| !track.done).min_by(|a, b| a.seconds.total_cmp(&b.seconds))
    {
        track.step(&mut muxer, edit)?;
    }
    muxer.finish()
}

struct Track {
    graph: Graph,
    encoder: Encoder,
    index: usize,
    ordinal: usize,
    seconds: f64,
    delay: i64,
    /// Length of a packet without one of its own, in ticks of the encoder.
    tick: i64,
    rotation_degrees: f64,
    cover_art: bool,
    done: bool,
}

impl Track {
    fn picture(picture: &Picture) -> Result<Self, AvError> {
        let chain = format!("{},format={}", picture.source, picture.pixel_format);
        let mut graph = Graph::video_source(&chain)?;
        let first = match graph.receive()? {
            Received::Item(frame) => frame,
            _ => return Err(AvError::Empty { detail: format!("the chain {chain:?} makes no frame") }),
        };
        let shape = first.geometry();
        let options: Vec<(String, String)> =
            picture.options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let settings = VideoSettings {
            encoder: picture.encoder,
            width: shape.width,
            height: shape.height,
            time_base: picture.time_base,
            frame_rate: picture.frame_rate,
            pixel_format: picture.pixel_format,
            options: &options,
        };
        let encoder = Encoder::video(&settings, Some(&first))?;
        let tick = Timestamp::new(1, picture.frame_rate.inverse()).rescale(picture.time_base).ticks.max(1);
        let mut track = Self::new(graph, encoder, 0.0, tick);
        track.rotation_degrees = picture.rotation_degrees;
        track.cover_art = picture.cover_art;
        track.send(first)?;
        Ok(track)
    }

    fn sound(sound: &Sound) -> Result<Self, AvError> {
        let settings = AudioSettings {
            encoder: sound.encoder,
            sample_rate: sound.sample_rate,
            channels: sound.channels,
            bits_per_second: 0,
            sample_format: sound.sample_format,
        };
        let encoder = Encoder::audio(&settings)?;
        let chain =
            format!("{},aresample={},aformat=sample_fmts={}", sound.source, sound.sample_rate, sound.sample_format);
        let mut graph = Graph::audio_source(&chain)?;
        if encoder.frame_samples() > 0 {
            graph.set_frame_samples(encoder.frame_samples());
        }
        Ok(Self::new(graph, encoder, sound.delay_seconds, 0))
    }

    fn new(graph: Graph, encoder: Encoder, delay_seconds: f64, tick: i64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a recipe's delay is a few seconds")]
        let delay = Timestamp::from_microseconds((delay_seconds * 1e6) as i64).rescale(encoder.time_base()).ticks;
        Self {
            graph,
            encoder,
            index: 0,
            ordinal: 0,
            seconds: delay_seconds,
            delay,
            tick,
            rotation_degrees: 0.0,
            cover_art: false,
            done: false,
        }
    }

    fn send(&mut self, mut frame: Frame) -> Result<(), AvError> {
        let pts = frame.pts().unwrap_or(Timestamp::new(0, Ratio::ONE)).rescale(self.encoder.time_base());
        self.seconds = pts.seconds();
        frame.set_pts(pts);
        frame.set_keyframe(false);
        let sent = self.encoder.send(&frame)?;
        assert_eq!(sent, Sent::Accepted, "a recipe's encoder is emptied after every frame, so it has room");
        Ok(())
    }

    /// One frame through the graph and the encoder, and whatever packets that yields.
    fn step(
        &mut self,
        muxer: &mut Muxer,
        edit: &mut dyn FnMut(usize, usize, &mut Packet) -> Edit,
    ) -> Result<(), AvError> {
        match self.graph.receive()? {
            Received::Item(frame) => self.send(frame)?,
            Received::NeedsInput => {}
            Received::End => {
                let sent = self.encoder.send_end()?;
                assert_eq!(sent, Sent::Accepted, "emptied after every frame");
            }
        }
        loop {
            match self.encoder.receive()? {
                Received::Item(packet) => self.mux(packet, muxer, edit)?,
                Received::NeedsInput => return Ok(()),
                Received::End => {
                    self.done = true;
                    return Ok(());
                }
            }
        }
    }

    fn mux(
        &mut self,
        mut packet: Packet,
        muxer: &mut Muxer,
        edit: &mut dyn FnMut(usize, usize, &mut Packet) -> Edit,
    ) -> Result<(), AvError> {
        if packet.duration().ticks == 0 {
            packet.set_duration(self.tick);
        }
        let kept = edit(self.index, self.ordinal, &mut packet);
        self.ordinal += 1;
        if kept == Edit::Drop {
            return Ok(());
        }
        let delay = Timestamp::new(self.delay, self.encoder.time_base()).rescale(muxer.time_base(self.index)).ticks;
        packet.rescale(muxer.time_base(self.index), delay);
        muxer.write(self.index, packet)
    }
}
