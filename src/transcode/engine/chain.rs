//! A picture filter chain that survives a change of the picture in mid-stream: what is inside is flushed, and the
//! chain is built anew for the new shape.

use crate::av::filter::{Graph, PictureShape};
use crate::av::{AvError, Frame, Received};
use crate::media::TimeBase;

/// Returns a chain's text for pictures of a shape.
pub(super) type Describe = Box<dyn Fn(&PictureShape) -> String + Send>;

/// A chain whose text depends on the shape of the pictures that come in.
pub(super) struct Chain {
    describe: Describe,
    running: Option<(PictureShape, Graph)>,
    rebuilt: u64,
    /// End of the latest frame in ticks of its time base, for filters that hold a frame back.
    end: Option<i64>,
}

impl Chain {
    /// Returns a chain that is built at its first frame.
    pub(super) fn new(describe: Describe) -> Self {
        Self { describe, running: None, rebuilt: 0, end: None }
    }

    /// Returns a chain whose text is the same for every shape.
    pub(super) fn fixed(text: &str) -> Self {
        let text = text.to_owned();
        Self::new(Box::new(move |_| text.clone()))
    }

    /// Returns how often the pictures changed on the way.
    pub(super) fn rebuilt(&self) -> u64 {
        self.rebuilt
    }

    /// Sends a frame through and hands on whatever comes out.
    pub(super) fn send<E: From<AvError>>(
        &mut self,
        frame: &Frame,
        sink: &mut dyn FnMut(Frame) -> Result<(), E>,
    ) -> Result<(), E> {
        let shape = frame.geometry();
        let base = frame.pts().map_or(TimeBase::ONE, |pts| pts.base);
        if self.running.as_ref().is_some_and(|(running, _)| *running != shape) {
            self.finish(sink)?;
            self.rebuilt += 1;
        }
        if self.running.is_none() {
            let graph = Graph::video(&(self.describe)(&shape), &shape, base)?;
            self.running = Some((shape, graph));
        }
        self.end = frame.pts().map(|pts| pts.ticks + 1);
        let Some((_, graph)) = &mut self.running else { return Ok(()) };
        graph.send(frame)?;
        drain(graph, sink)
    }

    /// Hands on what is still inside.
    pub(super) fn finish<E: From<AvError>>(
        &mut self,
        sink: &mut dyn FnMut(Frame) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some((_, mut graph)) = self.running.take() else { return Ok(()) };
        graph.send_end(self.end)?;
        drain(&mut graph, sink)
    }
}

fn drain<E: From<AvError>>(graph: &mut Graph, sink: &mut dyn FnMut(Frame) -> Result<(), E>) -> Result<(), E> {
    loop {
        match graph.receive()? {
            Received::Item(frame) => sink(frame)?,
            Received::NeedsInput | Received::End => return Ok(()),
        }
    }
}
