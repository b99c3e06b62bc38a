//! Decoding a source that may be damaged: what cannot be decoded is passed over, counted, and bounded.

use super::super::TranscodeError;
use super::frame_clock::FrameClock;
use crate::av::decode::{Decoder, Threads};
use crate::av::filter::PictureShape;
use crate::av::{AvError, Frame, Packet, Received, Sent, StreamParameters};
use crate::media::{TimeBase, Timestamp};

/// Refused packets in a row after which the rest is not worth trying. A flipped bit costs one; a group of pictures
/// whose headers are gone costs all of its packets, so this is more than the usual group.
const REFUSED_IN_A_ROW_MAX: u64 = 1500;
/// Share of pictures that may be lost before the output is no longer "the recording".
const LOST_SHARE_MAX: f64 = 0.05;
/// Share of pictures that may be lost or damaged.
const DAMAGED_SHARE_MAX: f64 = 0.5;

/// What decoding came to.
#[derive(Clone, Debug, Default)]
pub(in crate::transcode) struct Tally {
    /// Packets sent, those of the demuxer's own damage included.
    pub(super) packets: u64,
    /// Packets that were dropped unsent: cut off or damaged by the demuxer's word.
    pub(super) dropped: u64,
    /// Frames that came out.
    pub(super) frames: u64,
    /// Errors of the decoder.
    pub(super) errors: u64,
    /// Frames that the decoder had to patch up.
    pub(super) damaged: u64,
    /// Frames whose times did not rise.
    pub(super) unordered: u64,
    /// Packets before the first keyframe, which cannot decode.
    pub(super) before_keyframe: u64,
    /// Changes of the picture's shape in mid-stream.
    pub(super) reshaped: u64,
    /// Pictures that are cut off or damaged by the demuxer's word, and therefore not copied.
    pub(super) torn_pictures: u64,
    /// Packets of sound of that kind.
    pub(super) torn_sounds: u64,
    /// Packets of sound that could not be decoded.
    pub(super) sound_errors: u64,
    /// Seconds from the first packet of sound to the first sample that its decoder yields, where sound is encoded.
    pub(super) sound_lag: Option<f64>,
    /// What the first and the last picture look like, in words to compare, where somebody keeps track.
    pub(super) shapes: Option<(String, String)>,
}

impl Tally {
    /// Adds what decoding came to in the run of packets right after this one.
    pub(super) fn join(&mut self, next: &Self) {
        self.packets += next.packets;
        self.dropped += next.dropped;
        self.frames += next.frames;
        self.errors += next.errors;
        self.damaged += next.damaged;
        self.unordered += next.unordered;
        self.before_keyframe += next.before_keyframe;
        self.reshaped += next.reshaped;
        let Some((first, last)) = &next.shapes else { return };
        let begun = self.shapes.take();
        self.reshaped += u64::from(begun.as_ref().is_some_and(|(_, before)| before != first));
        self.shapes = Some((begun.map_or_else(|| first.clone(), |(begin, _)| begin), last.clone()));
    }

    /// Keeps track of what the pictures look like.
    pub(super) fn see(&mut self, shape: &PictureShape) {
        let now = format!("{shape:?}");
        match &mut self.shapes {
            None => self.shapes = Some((now.clone(), now)),
            Some((_, last)) if *last != now => {
                *last = now;
                self.reshaped += 1;
            }
            Some(_) => {}
        }
    }

    /// Returns pictures that never came out, those before the first keyframe aside.
    pub(super) fn lost(&self) -> u64 {
        self.packets.saturating_sub(self.frames).saturating_sub(self.before_keyframe)
    }

    /// Checks that what is missing is explained and little.
    #[expect(clippy::cast_precision_loss, reason = "shares of frame counts")]
    pub(super) fn check(&self) -> Result<(), TranscodeError> {
        let Self { frames, packets, damaged, .. } = *self;
        if frames == 0 {
            return Err(TranscodeError::NothingDecoded);
        }
        let lost = self.lost();
        let share = |count: u64| count as f64 / packets.max(1) as f64;
        if share(lost) > LOST_SHARE_MAX || share(lost + damaged) > DAMAGED_SHARE_MAX {
            return Err(TranscodeError::Corrupt { lost, damaged, total: packets });
        }
        Ok(())
    }
}

/// The one decoder of the picture.
pub(super) struct PictureDecoder {
    decoder: Decoder,
    tally: Tally,
    refused_in_a_row: u64,
    base: TimeBase,
    last: Option<i64>,
    seen_keyframe: bool,
    clock: FrameClock,
    /// Frames from here on, in ticks, are another run's.
    until: Option<i64>,
}

impl PictureDecoder {
    pub(super) fn open(stream: &StreamParameters, threads: Threads) -> Result<Self, TranscodeError> {
        let decoder = Decoder::open(stream, threads)?;
        Ok(Self {
            decoder,
            tally: Tally::default(),
            refused_in_a_row: 0,
            base: stream.time_base,
            last: None,
            seen_keyframe: false,
            clock: FrameClock::default(),
            until: None,
        })
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Decodes the keyframe that the next run begins with, for the sake of its leading pictures, which are this run's:
    /// frames from that one on are not handed on, and the packet is not counted.
    pub(super) fn send_borrowed(
        &mut self,
        packet: &Packet,
        sink: &mut dyn FnMut(Frame) -> Result<(), TranscodeError>,
    ) -> Result<(), TranscodeError> {
        self.until = packet.pts().map(|pts| pts.rescale(self.base).ticks);
        let counted = u64::from(!packet.is_discarded());
        self.send(packet, sink)?;
        self.tally.packets -= counted;
        Ok(())
    }

    /// Decodes one packet and hands on whatever frames that yields.
    pub(super) fn send(
        &mut self,
        packet: &Packet,
        sink: &mut dyn FnMut(Frame) -> Result<(), TranscodeError>,
    ) -> Result<(), TranscodeError> {
        // A picture that an edit list cuts off is decoded for the others' sake and never comes out.
        let counted = u64::from(!packet.is_discarded());
        self.tally.packets += counted;
        self.seen_keyframe |= packet.is_keyframe();
        if !self.seen_keyframe {
            // Without its keyframe a picture is grey with shadows moving on it; nobody wants to see that.
            self.tally.before_keyframe += counted;
            return Ok(());
        }
        if packet.is_corrupt() {
            self.tally.dropped += counted;
            return Ok(());
        }
        let ticks = |time: Option<Timestamp>| time.map(|time| time.rescale(self.base).ticks);
        self.clock.send(ticks(packet.pts()), ticks(packet.dts()));
        loop {
            let sent = self.decoder.send(packet);
            self.drain(sink)?;
            match sent {
                Ok(Sent::Accepted) => {
                    self.refused_in_a_row = 0;
                    return Ok(());
                }
                Ok(Sent::Full) => {}
                Err(AvError::Decode(_)) => return self.refuse(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn refuse(&mut self) -> Result<(), TranscodeError> {
        self.tally.errors += 1;
        self.refused_in_a_row += 1;
        self.clock.refuse();
        if self.refused_in_a_row < REFUSED_IN_A_ROW_MAX {
            return Ok(());
        }
        let Tally { packets, damaged, .. } = self.tally;
        Err(TranscodeError::Corrupt { lost: self.tally.lost(), damaged, total: packets })
    }

    /// Hands on the frames that are still inside.
    pub(super) fn finish(
        &mut self,
        sink: &mut dyn FnMut(Frame) -> Result<(), TranscodeError>,
    ) -> Result<(), TranscodeError> {
        loop {
            match self.decoder.send_end() {
                Ok(Sent::Full) => self.drain(sink)?,
                Ok(Sent::Accepted) => break,
                // The last packets' damage surfaces here; the frames before them are still inside.
                Err(AvError::Decode(_)) => {
                    self.refuse()?;
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.drain(sink)
    }

    fn drain(&mut self, sink: &mut dyn FnMut(Frame) -> Result<(), TranscodeError>) -> Result<(), TranscodeError> {
        loop {
            match self.decoder.receive() {
                Ok(Received::Item(frame)) => {
                    if let Some(frame) = self.accept(frame) {
                        sink(frame)?;
                    }
                }
                Ok(Received::NeedsInput | Received::End) => return Ok(()),
                // Frame threads report a packet's damage late; the next frame may be fine.
                Err(AvError::Decode(_)) => self.refuse()?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Counts a frame and makes its time rise; nothing for one that is another run's.
    fn accept(&mut self, mut frame: Frame) -> Option<Frame> {
        let ticks = |time: Option<Timestamp>| time.map(|time| time.rescale(self.base).ticks);
        let pts = self.clock.receive(ticks(frame.told_pts()), ticks(frame.pts()));
        if self.until.is_some_and(|until| pts.is_some_and(|pts| pts >= until)) {
            return None;
        }
        let lowest = self.last.map(|last| last + 1);
        let risen = match (pts, lowest) {
            (Some(pts), Some(lowest)) => pts.max(lowest),
            (Some(pts), None) => pts,
            (None, lowest) => lowest.unwrap_or(0),
        };
        self.tally.unordered += u64::from(pts != Some(risen));
        self.last = Some(risen);
        let pts = Timestamp::new(risen, self.base);
        frame.set_pts(pts);
        self.tally.frames += 1;
        self.tally.damaged += u64::from(frame.is_damaged());
        Some(frame)
    }
}
