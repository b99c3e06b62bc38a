//! Finished chunks put into one file, in order, with the sound between them.
//!
//! What is written depends on the source's own order alone: a chunk is written when the feed has handed out everything
//! up to its end and its file is there, with the sound that came before that moment. Which chunk was finished first, and
//! by which run, makes no difference to a byte.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::super::TranscodeError;
use super::Unit;
use super::decode::Tally;
use super::encode::Counts;
use super::journal::{ChunkReader, ChunkRecord, Journal};
use super::order::DecodeClock;
use super::output::Output;
use crate::av::Packet;
use crate::media::{TimeBase, Timestamp};

/// Packets of sound that wait for their pictures at most: half an hour of AAC, some tens of megabytes. The feed runs
/// ahead by a few chunks only; more than this is a recording without a picture for most of its length.
const SOUNDS_MAX: usize = 100_000;

/// What the feed has handed out, in its order.
enum Event {
    Sound(Packet),
    Delivered(usize),
    End(Arc<Tally>),
}

/// A file being put together.
pub(super) struct Assembly<'a> {
    output: Output<'a>,
    journal: &'a mut Journal,
    finished: BTreeMap<usize, ChunkRecord>,
    events: VecDeque<Event>,
    sounds: VecDeque<Packet>,
    clock: DecodeClock,
    /// Tick of the encoder's clock, and its zero on the outputs' common one.
    base: TimeBase,
    zero: i64,
    counts: Counts,
}

/// What was put together.
pub(super) struct Assembled {
    pub(super) counts: Counts,
    pub(super) tally: Arc<Tally>,
    pub(super) sounds: u64,
}

impl<'a> Assembly<'a> {
    /// Returns the assembly of `finished` chunks and those to come into `output`, which is open.
    pub(super) fn new(
        output: Output<'a>,
        journal: &'a mut Journal,
        finished: BTreeMap<usize, ChunkRecord>,
        reorder_depth: usize,
        base: TimeBase,
        zero: i64,
    ) -> Self {
        Self {
            output,
            journal,
            finished,
            events: VecDeque::new(),
            sounds: VecDeque::new(),
            clock: DecodeClock::new(reorder_depth),
            base,
            zero,
            counts: Counts::default(),
        }
    }

    /// Takes everything out of `queue` and closes the file.
    pub(super) fn run(mut self, queue: &Receiver<Unit>) -> Result<Assembled, TranscodeError> {
        loop {
            match queue.recv() {
                Ok(Unit::Encoded(chunk)) => self.keep(*chunk)?,
                Ok(Unit::Sound(packet)) => self.events.push_back(Event::Sound(packet)),
                Ok(Unit::Delivered(index)) => self.events.push_back(Event::Delivered(index)),
                Ok(Unit::End(tally)) => self.events.push_back(Event::End(tally)),
                Ok(Unit::Failed(error)) => return Err(error),
                Ok(Unit::Frame(_) | Unit::Picture(_)) => {}
                Err(_) => return Err(TranscodeError::FeedEnded),
            }
            if let Some(tally) = self.advance()? {
                return self.finish(tally);
            }
            if self.events.len() + self.sounds.len() > SOUNDS_MAX {
                return Err(TranscodeError::NoPicture { packets: SOUNDS_MAX });
            }
        }
    }

    fn keep(&mut self, (file, record): (super::journal::ChunkFile, ChunkRecord)) -> Result<(), TranscodeError> {
        let path = self.journal.folder().to_owned();
        let kept = self.journal.add_chunk(&file, record);
        let record = kept.map_err(|source| TranscodeError::File { operation: "write into", path, source })?;
        self.finished.insert(record.index, record);
        Ok(())
    }

    /// Writes as far as chunks are there; returns the end when it has come to it.
    fn advance(&mut self) -> Result<Option<Arc<Tally>>, TranscodeError> {
        while let Some(event) = self.events.pop_front() {
            match event {
                Event::Sound(packet) => self.sounds.push_back(packet),
                Event::Delivered(index) if self.finished.contains_key(&index) => self.write(index)?,
                Event::Delivered(index) => {
                    self.events.push_front(Event::Delivered(index));
                    return Ok(None);
                }
                Event::End(tally) => return Ok(Some(tally)),
            }
        }
        Ok(None)
    }

    /// Writes one chunk, and the sound that is decoded before its packets.
    fn write(&mut self, index: usize) -> Result<(), TranscodeError> {
        let path = self.journal.paths().chunk(index);
        let unreadable = |source| unreadable(&path, source);
        let mut shown = ChunkReader::open(&path).and_then(ChunkReader::times).map_err(unreadable)?;
        let gap = shown.iter().min().map_or(0, |&first| self.clock.gap(first));
        shown.iter_mut().for_each(|time| *time += gap);
        let mut reader = ChunkReader::open(&path).map_err(unreadable)?;
        for decoded in self.clock.times(&shown) {
            let Some((head, payload)) = reader.read().map_err(unreadable)? else { break };
            let mut packet = Packet::with_payload(&payload, self.base)?;
            packet.set_times(head.pts + gap, decoded);
            packet.set_duration(head.duration);
            packet.set_keyframe(head.is_keyframe);
            self.count(head.pts + gap, head.duration);
            self.write_sounds(Timestamp::new(decoded, self.base).microseconds() + self.zero)?;
            self.output.picture(packet, self.zero)?;
        }
        self.counts.frames += self.finished.get(&index).map_or(0, |record| record.frames);
        Ok(())
    }

    fn count(&mut self, shown: i64, lasts: i64) {
        if self.counts.packets == 0 {
            self.counts.first = shown;
        }
        self.counts.packets += 1;
        self.counts.end = self.counts.end.max(shown + lasts);
    }

    fn write_sounds(&mut self, until: i64) -> Result<(), TranscodeError> {
        let is_due = |sound: &Packet| sound.dts().is_none_or(|time| time.microseconds() <= until);
        while self.sounds.front().is_some_and(is_due) {
            let Some(sound) = self.sounds.pop_front() else { break };
            self.output.sound(sound)?;
        }
        Ok(())
    }

    fn finish(mut self, tally: Arc<Tally>) -> Result<Assembled, TranscodeError> {
        self.write_sounds(i64::MAX)?;
        let sounds = self.output.sounds();
        self.output.finish()?;
        Ok(Assembled { counts: self.counts, tally, sounds })
    }
}

fn unreadable(path: &Path, source: io::Error) -> TranscodeError {
    TranscodeError::File { operation: "read", path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::av::encode::{AudioSettings, Encoder};
    use crate::av::filter::Graph;
    use crate::av::{Interrupt, Received};
    use crate::failure::Failure;
    use crate::media::{Container, Ratio, RenditionName};
    use crate::transcode::Progress;
    use crate::transcode::Request;
    use crate::transcode::engine::journal::Identity;
    use crate::transcode::plan::plan;
    use crate::transcode::sample::lesson;

    fn sound_encoder() -> Encoder {
        let (encoder, sample_format) = ("aac", "fltp");
        let settings =
            AudioSettings { encoder, sample_rate: 8000, channels: 1, bits_per_second: 32_000, sample_format };
        Encoder::audio(&settings).unwrap()
    }

    fn a_packet_of_sound() -> Packet {
        let mut encoder = sound_encoder();
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
    fn sound_that_waits_for_a_picture_waits_up_to_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("lesson.flv");
        std::fs::write(&source, "any bytes").unwrap();
        let plan = plan(&lesson(), &Request::default()).unwrap();
        let identity = Identity::of(&source, &plan, &plan.renditions[0]).unwrap();
        let (mut journal, _) = Journal::open(folder.path(), &identity).unwrap();
        let progress = Progress::new(&[RenditionName::of_source(240)], 0, 0.0);
        let (progress, interrupt) = (&progress.renditions[0], Interrupt::default());
        let stream = sound_encoder().parameters().unwrap();
        let path = folder.path().join("part.mp4");
        let output =
            Output::create(&path, Container::Mp4, Some(&stream), None, progress, &interrupt, None).unwrap();
        let assembly = Assembly::new(output, &mut journal, BTreeMap::new(), 2, Ratio::new(1, 25), 0);
        let (sender, queue) = sync_channel(SOUNDS_MAX + 2);
        let packet = a_packet_of_sound();
        sender.send(Unit::Delivered(0)).unwrap();
        for _ in 0..=SOUNDS_MAX {
            sender.send(Unit::Sound(packet.reference().unwrap())).unwrap();
        }
        let Err(error) = assembly.run(&queue) else { panic!("the chunk never came") };
        assert_eq!(error.code(), "MEDIA_NO_FIRST_PICTURE");
    }
}
