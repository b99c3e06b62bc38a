//! Decodes the first and the last group of pictures: the two that a torn write or a wrong header hits.

use std::path::Path;

use super::ProofError;
use crate::av::decode::{Decoder, Threads};
use crate::av::demux::{Analysis, Demuxer, Read};
use crate::av::{AvError, Interrupt, Packet, Received, Sent};
use crate::media::MediaInfo;

/// Packets of a group that are decoded at most: enough for any keyframe interval that we make (10 s at 60 fps), and
/// a bound for copied recordings with a single keyframe.
const PACKETS_MAX: u64 = 600;

/// The proof is the last thing that a rendition waits for, when most of the others are done.
const THREADS: Threads = Threads::Count(2);

/// What must come out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    /// A picture of every packet; else, the first pictures of a group may lean on the one before, and some undamaged
    /// picture is enough.
    pub(super) every: bool,
    /// Also of packets before the first keyframe.
    pub(super) leading: bool,
    /// Of the last group as well.
    pub(super) last: bool,
}

/// One group of pictures under test.
struct Group {
    place: &'static str,
    decoder: Decoder,
    packets: u64,
    decoded: u64,
    damaged: u64,
    refused: u64,
}

/// Checks that the first and last groups decode, as far as `demand` says.
pub(super) fn check(
    path: &Path,
    info: &MediaInfo,
    demand: Demand,
    interrupt: &Interrupt,
) -> Result<(), ProofError> {
    let Some(video) = &info.video else { return Ok(()) };
    let mut demuxer = Demuxer::open(path, Analysis::Usual, interrupt).map_err(ProofError::Unreadable)?;
    demuxer.choose(&[video.stream_index]);
    let mut groups = Groups::new(&demuxer, video.stream_index, video.keyframes, demand)?;
    while let Read::Packet(packet) = demuxer.read().map_err(ProofError::Unreadable)? {
        groups.add(&packet)?;
    }
    groups.finish()
}

struct Groups {
    first: Group,
    last: Group,
    keyframes: u64,
    seen: u64,
    demand: Demand,
}

impl Groups {
    fn new(demuxer: &Demuxer, stream: usize, keyframes: u64, demand: Demand) -> Result<Self, ProofError> {
        let first = Group::new("first", demuxer, stream)?;
        let last = Group::new("last", demuxer, stream)?;
        Ok(Self { first, last, keyframes, seen: 0, demand })
    }

    fn add(&mut self, packet: &Packet) -> Result<(), ProofError> {
        self.seen += u64::from(packet.is_keyframe());
        // Without a keyframe in the whole of it, pictures must come out of what there is.
        let begun = self.demand.leading || self.seen == 1 || self.keyframes == 0;
        if self.seen <= 1 && begun {
            self.first.add(packet)?;
        }
        // A single group is both; decoding it once is enough.
        if self.demand.last && self.seen == self.keyframes && self.keyframes > 1 {
            self.last.add(packet)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), ProofError> {
        self.first.finish(self.demand.every)?;
        self.last.finish(self.demand.every)
    }
}

impl Group {
    fn new(place: &'static str, demuxer: &Demuxer, stream: usize) -> Result<Self, ProofError> {
        let parameters = demuxer.stream(stream).map_err(ProofError::Unreadable)?;
        let missing = || ProofError::Unreadable(AvError::Empty { detail: "the picture stream is gone".to_owned() });
        let decoder = Decoder::open(&parameters.ok_or_else(missing)?, THREADS);
        let mut decoder = decoder.map_err(ProofError::Unreadable)?;
        decoder.skip_deblocking();
        Ok(Self { place, decoder, packets: 0, decoded: 0, damaged: 0, refused: 0 })
    }

    fn add(&mut self, packet: &Packet) -> Result<(), ProofError> {
        if self.packets == PACKETS_MAX {
            return Ok(());
        }
        self.packets += 1;
        loop {
            let sent = self.decoder.send(packet);
            self.drain()?;
            match sent {
                Ok(Sent::Full) => {}
                Ok(Sent::Accepted) => return Ok(()),
                Err(_) => {
                    self.refused += 1;
                    return Ok(());
                }
            }
        }
    }

    fn drain(&mut self) -> Result<(), ProofError> {
        loop {
            match self.decoder.receive() {
                Ok(Received::Item(frame)) => {
                    self.decoded += 1;
                    self.damaged += u64::from(frame.is_damaged());
                }
                Ok(Received::NeedsInput | Received::End) => return Ok(()),
                Err(AvError::Decode(_)) => self.refused += 1,
                Err(error) => return Err(ProofError::Unreadable(error)),
            }
        }
    }

    fn finish(mut self, every: bool) -> Result<(), ProofError> {
        if self.packets == 0 {
            return Ok(());
        }
        loop {
            match self.decoder.send_end() {
                Ok(Sent::Full) => self.drain()?,
                Ok(Sent::Accepted) => break,
                Err(AvError::Decode(_)) => {
                    self.refused += 1;
                    break;
                }
                Err(error) => return Err(ProofError::Unreadable(error)),
            }
        }
        self.drain()?;
        let whole = self.decoded == self.packets && self.damaged == 0 && self.refused == 0;
        let some = self.decoded > self.damaged;
        if whole || (!every && some) {
            return Ok(());
        }
        let Self { place, packets, decoded, damaged, .. } = self;
        Err(ProofError::Decode { place, packets, decoded, damaged })
    }
}
