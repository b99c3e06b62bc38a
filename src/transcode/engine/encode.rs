//! One rendition's pictures: scaled, put on the encoder's clock, encoded with keyframes on the grid.
//!
//! Knows a run of frames and nothing else: not how long the source is, not what the other renditions do. The same
//! frames give the same packets, whatever the machine.

use super::super::plan::VideoPlan;
use super::super::{TranscodeError, encoder, filter};
use super::chain::{Chain, Describe};
use crate::av::encode::{Encoder, VideoSettings};
use crate::av::filter::PictureShape;
use crate::av::{AvError, Frame, Packet, Received, Sent, StreamParameters};
use crate::media::{Range, Ratio, Rotation, TimeBase, Timestamp, Timing, VideoInfo};

/// The encoder's tick for frames at uneven distances: MPEG's 90 kHz, fine enough for every camera and small enough
/// for every header.
const VARIABLE_TICK: TimeBase = Ratio::new(1, 90_000);
/// A picture whose shape differs from the rendition's by more than this gets bars instead of being stretched.
const ASPECT_TOLERANCE: f64 = 0.02;

/// Where packets go.
pub(super) type PacketSink<'a> = &'a mut dyn FnMut(Packet) -> Result<(), TranscodeError>;

/// What every run of frames of one rendition has in common.
pub(super) struct Rendering {
    pub(super) plan: VideoPlan,
    source: VideoInfo,
    /// A picture as it leaves the scaler: its colour tags go into the encoder's headers, which must not depend on
    /// which run is encoded first.
    template: Option<Frame>,
    /// Zero of the packets' clock, in microseconds of the outputs' common clock: where the picture starts.
    pub(super) zero: i64,
}

impl Rendering {
    /// Returns what is common to all frames of the stream `video`, which was probed as `source`.
    pub(super) fn new(
        plan: &VideoPlan,
        source: &VideoInfo,
        video: &StreamParameters,
        prepare: Option<&str>,
        zero: i64,
    ) -> Result<Self, TranscodeError> {
        let mut rendering = Self { plan: plan.clone(), source: source.clone(), template: None, zero };
        // A header that does not tell the pictures' shape leaves their colours unsaid too.
        if let Ok(blank) = Frame::blank(video) {
            rendering.template = rendering.scaled(blank, prepare)?;
        }
        Ok(rendering)
    }

    fn scaled(&self, blank: Frame, prepare: Option<&str>) -> Result<Option<Frame>, TranscodeError> {
        let mut frames = vec![blank];
        for mut chain in prepare.map(Chain::fixed).into_iter().chain([Chain::new(self.describe())]) {
            let mut passed = Vec::new();
            let mut keep = |frame| -> Result<(), TranscodeError> {
                passed.push(frame);
                Ok(())
            };
            frames.iter().try_for_each(|frame| chain.send(frame, &mut keep))?;
            chain.finish(&mut keep)?;
            frames = passed;
        }
        Ok(frames.into_iter().next())
    }

    fn describe(&self) -> Describe {
        let (plan, source) = (self.plan.clone(), self.source.clone());
        Box::new(move |shape: &PictureShape| scale_chain(&plan, &source, shape))
    }

    /// Returns what a container must say about the packets, whichever run they come from.
    pub(super) fn parameters(&self) -> Result<StreamParameters, TranscodeError> {
        let first = Run { threads: self.plan.threads, keyint_seconds: self.plan.keyint_seconds, follows: false };
        Ok(self.open_encoder(first)?.parameters()?)
    }

    fn open_encoder(&self, run: Run) -> Result<Encoder, TranscodeError> {
        let plan = VideoPlan { threads: run.threads, ..self.plan.clone() };
        let options = if run.follows { encoder::options_after_seam(&plan) } else { encoder::options(&plan) };
        open(&plan, &options, self.template.as_ref())
    }
}

/// In what one run of frames differs from the others.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// The encoder's threads.
    pub(super) threads: u32,
    /// The distance of the keyframes.
    pub(super) keyint_seconds: f64,
    /// Whether another run comes before it.
    pub(super) follows: bool,
}

/// Scales and encodes one run of frames.
pub(super) struct PictureEncoder {
    scale: Chain,
    core: Core,
}

/// Everything behind the scaler.
struct Core {
    timing: Timing,
    /// The encoder sets its keyframes by counting.
    counts_keyframes: bool,
    keyint_seconds: f64,
    frame: Timestamp,
    encoder: Encoder,
    /// Zero of the encoder's clock in microseconds.
    zero: i64,
    /// The frame that waits for its successor, which tells how long it lasts.
    held: Option<(Frame, i64)>,
    /// Place of the first frame, where the grid begins.
    first: Option<i64>,
    /// Grid places passed so far.
    keyframes: u64,
    /// Presentation time and duration of the frames inside the encoder, in ticks.
    durations: Vec<(i64, i64)>,
    counts: Counts,
}

/// What went through, for the proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Frames sent to the encoder.
    pub(super) frames: u64,
    /// Packets that came out.
    pub(super) packets: u64,
    /// Start of the first frame, in ticks of the encoder's clock.
    pub(super) first: i64,
    /// End of the last frame, in the same.
    pub(super) end: i64,
}

impl PictureEncoder {
    /// Returns an encoder for a run of frames, already deinterlaced and turned upright.
    pub(super) fn open(rendering: &Rendering, run: Run) -> Result<Self, TranscodeError> {
        let plan = &rendering.plan;
        let core = Core {
            timing: plan.timing,
            counts_keyframes: plan.counts_keyframes,
            keyint_seconds: run.keyint_seconds,
            frame: Timestamp::new(1, plan.frame_rate.inverse()),
            encoder: rendering.open_encoder(run)?,
            zero: rendering.zero,
            held: None,
            first: None,
            keyframes: 0,
            durations: Vec::new(),
            counts: Counts::default(),
        };
        Ok(Self { scale: Chain::new(rendering.describe()), core })
    }

    /// Takes a frame and hands on whatever packets that yields, their times in [`tick`]s.
    pub(super) fn send(&mut self, frame: &Frame, sink: PacketSink<'_>) -> Result<(), TranscodeError> {
        let core = &mut self.core;
        self.scale.send(frame, &mut |scaled| core.take(scaled, sink))
    }

    /// Hands on all remaining packets. `next` is when the next run's first frame is shown, in microseconds.
    pub(super) fn finish(&mut self, next: Option<i64>, sink: PacketSink<'_>) -> Result<(), TranscodeError> {
        let core = &mut self.core;
        self.scale.finish(&mut |scaled| core.take(scaled, sink))?;
        self.core.finish(next, sink)
    }

    /// Returns what went through.
    pub(super) fn counts(&self) -> Counts {
        self.core.counts
    }

    /// Returns how often the pictures changed shape.
    pub(super) fn reshaped(&self) -> u64 {
        self.scale.rebuilt()
    }
}

impl Core {
    /// Returns the place of a moment on the encoder's clock.
    fn place(&self, microseconds: i64) -> i64 {
        Timestamp::from_microseconds(microseconds - self.zero).rescale(self.encoder.time_base()).ticks
    }

    /// Puts a scaled frame on the encoder's clock; the one before it is now known to end there.
    fn take(&mut self, frame: Frame, sink: PacketSink<'_>) -> Result<(), TranscodeError> {
        let place = self.place(frame.pts().map_or(0, Timestamp::microseconds));
        let Some((held, at)) = self.held.take() else {
            self.held = Some((frame, place));
            return Ok(());
        };
        let place = place.max(at + 1);
        self.held = Some((frame, place));
        self.encode(held, at, place - at, sink)
    }

    fn finish(&mut self, next: Option<i64>, sink: PacketSink<'_>) -> Result<(), TranscodeError> {
        if let Some((held, at)) = self.held.take() {
            let usual = self.frame.rescale(self.encoder.time_base()).ticks;
            let lasts = next.map_or(usual, |next| self.place(next) - at);
            self.encode(held, at, lasts.max(1), sink)?;
        }
        while self.encoder.send_end()? == Sent::Full {
            self.drain(sink)?;
        }
        self.drain(sink)
    }

    fn encode(
        &mut self,
        mut frame: Frame,
        at: i64,
        duration: i64,
        sink: PacketSink<'_>,
    ) -> Result<(), TranscodeError> {
        frame.set_pts(Timestamp::new(at, self.encoder.time_base()));
        let wanted = !self.counts_keyframes && self.is_on_grid(at);
        frame.set_keyframe(wanted);
        // On an even grid a frame's own length is one tick even before a hole; players hold it anyway.
        let duration = if self.timing == Timing::Constant { 1 } else { duration };
        self.durations.push((at, duration));
        if self.counts.frames == 0 {
            self.counts.first = at;
        }
        self.counts.frames += 1;
        self.counts.end = at + duration;
        loop {
            let sent = self.encoder.send(&frame)?;
            self.drain(sink)?;
            if sent == Sent::Accepted {
                return Ok(());
            }
        }
    }

    /// Returns whether the frame is the first at or after the next place of the grid, which begins at the run's first
    /// frame.
    #[expect(clippy::cast_precision_loss, reason = "frame counts stay far below 2^52")]
    fn is_on_grid(&mut self, at: i64) -> bool {
        let first = *self.first.get_or_insert(at);
        let seconds = Timestamp::new(at - first, self.encoder.time_base()).seconds();
        if seconds < self.keyframes as f64 * self.keyint_seconds {
            return false;
        }
        // After a hole of several intervals one keyframe serves for all of them.
        while seconds >= self.keyframes as f64 * self.keyint_seconds {
            self.keyframes += 1;
        }
        true
    }

    fn drain(&mut self, sink: PacketSink<'_>) -> Result<(), TranscodeError> {
        loop {
            match self.encoder.receive()? {
                Received::Item(mut packet) => {
                    packet.set_duration(self.duration_of(&packet));
                    self.counts.packets += 1;
                    sink(packet)?;
                }
                Received::NeedsInput | Received::End => return Ok(()),
            }
        }
    }

    /// Returns and forgets a packet's duration. Encoders give packets none, and MP4 then loses the last frame.
    fn duration_of(&mut self, packet: &Packet) -> i64 {
        let pts = packet.pts().map(|pts| pts.ticks);
        match self.durations.iter().position(|(at, _)| Some(*at) == pts) {
            Some(index) => self.durations.swap_remove(index).1,
            None => 1,
        }
    }
}

/// Opens the plan's encoder and closes it again: whether it takes its options is known before any work is done.
pub(super) fn try_out(plan: &VideoPlan) -> Result<(), TranscodeError> {
    open(plan, &encoder::options(plan), None).map(drop)
}

/// Returns why the plan's encoder cannot be had here, where it is one that needs a device.
pub(super) fn unavailable(plan: &VideoPlan) -> Option<String> {
    let crate::media::Encoder::Libav(device) = plan.encoder else { return None };
    device.is_hardware.then_some(())?;
    if device.pixel_format.is_none() {
        return Some("it takes pictures in a card's memory alone".to_owned());
    }
    match try_out(plan) {
        Err(TranscodeError::Av(AvError::EncoderSettings { source, .. })) if !is_mistyped(&source.text) => {
            Some(source.text)
        }
        _ => None,
    }
}

/// Returns whether an encoder's complaint is about the words that it was given.
fn is_mistyped(complaint: &str) -> bool {
    ["Unable to parse", "Undefined constant", "out of range"].iter().any(|words| complaint.contains(words))
}

fn open(plan: &VideoPlan, options: &[(String, String)], first: Option<&Frame>) -> Result<Encoder, TranscodeError> {
    let settings = VideoSettings {
        encoder: plan.encoder.libav_name(),
        width: plan.width,
        height: plan.height,
        time_base: tick(plan),
        frame_rate: plan.frame_rate,
        pixel_format: plan.pixel_format,
        options,
    };
    Ok(Encoder::video(&settings, first)?)
}

/// Returns the tick of the clock that a plan's encoder counts in.
pub(super) fn tick(plan: &VideoPlan) -> TimeBase {
    match plan.timing {
        Timing::Constant => plan.frame_rate.inverse(),
        Timing::Variable => VARIABLE_TICK,
    }
}

/// Returns the chain for pictures of this shape, which may differ from what the source began with: then they are
/// scaled to fit and given bars.
fn scale_chain(plan: &VideoPlan, source: &VideoInfo, shape: &PictureShape) -> String {
    let mut now = source.clone();
    now.rotation = Rotation::None;
    (now.width, now.height) = (shape.width, shape.height);
    if shape.sample_aspect_ratio.is_known() {
        now.sample_aspect_ratio = shape.sample_aspect_ratio;
    }
    if let Some(format) = shape.pixel_format() {
        now.pixel_format = format;
    }
    if shape.range != Range::Unknown {
        now.range = shape.range;
    }
    let mut fitted = plan.clone();
    fitted.zimg = filter::zimg_takes(&now);
    fitted.to_limited_range = now.range == Range::Full;
    let (width, height) = now.display_size();
    let wanted = f64::from(plan.width) / f64::from(plan.height);
    if is_as_probed(source, shape) || ((width / height) / wanted - 1.0).abs() <= ASPECT_TOLERANCE {
        return filter::rendition(&fitted, &now);
    }
    let scale = (f64::from(plan.width) / width).min(f64::from(plan.height) / height);
    fitted.width = even(width * scale).min(plan.width);
    fitted.height = even(height * scale).min(plan.height);
    let bars = format!("pad={}:{}:(ow-iw)/2:(oh-ih)/2", plan.width, plan.height);
    format!("{},{bars},setsar=1", filter::rendition(&fitted, &now))
}

/// Returns whether pictures of this shape are what probing promised, turned upright.
fn is_as_probed(source: &VideoInfo, shape: &PictureShape) -> bool {
    let now = shape.sample_aspect_ratio;
    let same_pixels = !now.is_known() || {
        let aspect = source.sample_aspect_ratio;
        let upright = if source.rotation.is_sideways() { aspect.inverse() } else { aspect };
        let before = if upright.is_known() { upright.value() } else { 1.0 };
        (now.value() / before - 1.0).abs() <= ASPECT_TOLERANCE
    };
    same_pixels && filter::upright_size(source) == (shape.width, shape.height)
}

fn even(length: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of a u32")]
    let half = (length / 2.0).round().max(1.0) as u32;
    half * 2
}
