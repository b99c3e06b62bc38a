//! Filter graphs: a chain in libavfilter's syntax between one source and one sink.

use super::error::AvError;
use super::frame::{Frame, Geometry, Sound};
use super::sys::{FilterGraph, NO_TIMESTAMP, Node, RawFrame};
use super::{Received, receive};
use crate::media::{Ratio, TimeBase};

pub use super::frame::{Geometry as PictureShape, Sound as SoundShape};

/// A chain at work. Lives on one thread at a time.
pub struct Graph {
    source: Option<Node>,
    sink: Node,
    base: TimeBase,
    chain: String,
    // Last: the nodes above are parts of it.
    _graph: FilterGraph,
}

impl Graph {
    /// Builds a chain for pictures of this shape. The graph works on the thread that feeds it.
    ///
    /// # Errors
    /// [`AvError::Filter`].
    pub fn video(chain: &str, shape: &Geometry, base: TimeBase) -> Result<Self, AvError> {
        let aspect = shape.sample_aspect_ratio;
        let aspect = if aspect.is_known() { aspect } else { Ratio::ONE };
        let arguments = format!(
            "video_size={}x{}:pix_fmt={}:time_base={}/{}:pixel_aspect={}/{}",
            shape.width, shape.height, shape.format, base.num, base.den, aspect.num, aspect.den
        );
        Self::build(chain, Some((c"buffer", &arguments)), c"buffersink")
    }

    /// Builds a chain for sound of this shape.
    ///
    /// # Errors
    /// [`AvError::Filter`].
    pub fn audio(chain: &str, shape: &Sound, base: TimeBase) -> Result<Self, AvError> {
        let arguments = format!(
            "sample_rate={}:sample_fmt={}:channel_layout={}:time_base={}/{}",
            shape.sample_rate, shape.format, shape.layout, base.num, base.den
        );
        Self::build(chain, Some((c"abuffer", &arguments)), c"abuffersink")
    }

    /// Builds a chain that makes its own pictures (`testsrc2` …).
    ///
    /// # Errors
    /// [`AvError::Filter`].
    pub fn video_source(chain: &str) -> Result<Self, AvError> {
        Self::build(chain, None, c"buffersink")
    }

    /// Builds a chain that makes its own sound (`sine` …).
    ///
    /// # Errors
    /// [`AvError::Filter`].
    pub fn audio_source(chain: &str) -> Result<Self, AvError> {
        Self::build(chain, None, c"abuffersink")
    }

    fn build(chain: &str, source: Option<(&std::ffi::CStr, &str)>, sink: &std::ffi::CStr) -> Result<Self, AvError> {
        let failed =
            |failed: super::sys::Failed| AvError::Filter { chain: chain.to_owned(), source: failed.into() };
        let mut graph = FilterGraph::new(1)?;
        let source = source.map(|(filter, arguments)| graph.add(filter, arguments)).transpose().map_err(failed)?;
        let sink = graph.add(sink, "").map_err(failed)?;
        graph.join(source, chain, sink).map_err(failed)?;
        let base = sink.time_base();
        let base = Ratio::new(base.num, base.den);
        Ok(Self { source, sink, base, chain: chain.to_owned(), _graph: graph })
    }

    /// Makes a sound chain hand out frames of exactly `samples`, the last one aside.
    pub fn set_frame_samples(&mut self, samples: u32) {
        self.sink.set_frame_samples(samples);
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// [`AvError::Filter`].
    pub fn send(&mut self, frame: &Frame) -> Result<(), AvError> {
        let Some(source) = self.source else { return Ok(()) };
        source.push(frame.raw()).map_err(|failed| self.failed(failed))
    }

    /// Says that no frame will follow, and when the last one ended, in ticks of the source's time base.
    ///
    /// # Errors
    /// [`AvError::Filter`].
    pub fn send_end(&mut self, end: Option<i64>) -> Result<(), AvError> {
        let Some(source) = self.source else { return Ok(()) };
        source.close(end.unwrap_or(NO_TIMESTAMP)).map_err(|failed| self.failed(failed))
    }

    /// Takes the next frame.
    ///
    /// # Errors
    /// [`AvError::Filter`].
    pub fn receive(&mut self) -> Result<Received<Frame>, AvError> {
        let mut raw = RawFrame::empty()?;
        let result = self.sink.pull(&mut raw);
        receive(result, Frame::new(raw, self.base)).map_err(|failed| self.failed(failed))
    }

    /// Returns the time base of the frames that come out.
    pub fn time_base(&self) -> TimeBase {
        self.base
    }

    fn failed(&self, failed: super::sys::Failed) -> AvError {
        AvError::Filter { chain: self.chain.clone(), source: failed.into() }
    }
}
