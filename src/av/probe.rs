//! What a recording is, measured by reading every packet of it once. Nothing is decoded here but what libav needs for
//! a stream's parameters.
//!
//! Headers are compared with the packets, never believed: the source's true frame count, its gaps and jumps, whether
//! it ends early. The result decides the plan, the progress's total, and what the proof will demand.

use std::fs::File;
use std::path::Path;

use super::demux::{Analysis, Demuxer, Read};
use super::error::AvError;
use super::interrupt::Interrupt;
use super::layout::{self, Layout};
use super::parameters::{StreamKind, StreamParameters};
use super::sys::Parser;
use super::timeline::Repairs;
use crate::media::{
    AudioCodec, AudioInfo, Container, MediaInfo, Oddity, OtherStream, Rotation, TimeBase, Timestamp, VideoInfo,
};

mod access;
mod choice;
mod glimpse;
mod tally;
mod timing;

use tally::Tally;

/// A file that holds at least this share of its declared duration counts as whole.
const WHOLE_SHARE: f64 = 0.99;
/// A file that is cut off by its own structure and lacks more than this of its declared duration ends early, however
/// small a share that is.
const TORN_SECONDS: f64 = 1.0;
/// Sound and picture that begin further apart than this are worth a word.
const OFFSET_SECONDS: f64 = 0.1;

/// Reads the whole of `path` and tells what it is.
///
/// # Errors
/// One of [`AvError`]'s source errors; [`AvError::Empty`] for a file with streams but no packets.
pub fn probe(path: &Path, interrupt: &Interrupt) -> Result<MediaInfo, AvError> {
    let usual = scan(path, Analysis::Usual, Without::default(), interrupt)?;
    let scanned =
        if usual.late_streams { scan(path, Analysis::Deep, Without::default(), interrupt)? } else { usual };
    match scanned.idle() {
        // Beside a stream that is none, a clock would be mended otherwise than it will be without it.
        Some(without) => scan(path, scanned.analysis, without, interrupt)?.describe(path),
        None => scanned.describe(path),
    }
}

/// Streams that an earlier pass has shown to be none.
#[derive(Clone, Copy, Debug, Default)]
struct Without {
    picture: bool,
    sound: bool,
}

/// Everything learnt in one pass.
struct Scan {
    container: Container,
    analysis: Analysis,
    declared_seconds: Option<f64>,
    streams: Vec<StreamParameters>,
    video: Option<usize>,
    audio: Option<usize>,
    pictures: Tally,
    sound: Tally,
    repairs: Repairs,
    unreadable: u64,
    late_streams: bool,
    without: Without,
}

fn scan(path: &Path, analysis: Analysis, without: Without, interrupt: &Interrupt) -> Result<Scan, AvError> {
    let mut demuxer = Demuxer::open(path, analysis, interrupt)?;
    let streams = demuxer.streams()?;
    let video = choice::best_video(&streams).filter(|_| !without.picture);
    let audio = choice::best_audio(&streams).filter(|_| !without.sound);
    let codec = audio.map_or_else(|| AudioCodec::Other(String::new()), |index| streams[index].audio_codec());
    let chosen: Vec<usize> = video.into_iter().chain(audio).collect();
    demuxer.choose(&chosen);
    let (mut pictures, mut sound) = (Tally::default(), Tally::default());
    let mut parser = video.and_then(|index| Parser::open(&streams[index].raw));
    let picture_codec = video.map_or_else(String::new, |index| streams[index].codec_name());
    while let Read::Packet(packet) = demuxer.read()? {
        let index = Some(packet.stream_index());
        if packet.is_encrypted() {
            return Err(AvError::Encrypted);
        }
        if index == video {
            let by_codec = |payload: &[u8]| match &mut parser {
                Some(parser) => parser.stands_alone(payload),
                None => glimpse::stands_alone(&picture_codec, payload),
            };
            pictures.add_picture(&packet, by_codec);
        } else if index == audio {
            sound.add_sound(&packet, &codec);
        }
    }
    Ok(Scan {
        container: demuxer.container(),
        analysis,
        declared_seconds: demuxer.declared_seconds(),
        streams,
        video,
        audio,
        pictures,
        sound,
        repairs: demuxer.repairs().clone(),
        unreadable: demuxer.unreadable(),
        late_streams: analysis == Analysis::Usual && demuxer.has_late_streams(),
        without,
    })
}

impl Scan {
    fn describe(self, path: &Path) -> Result<MediaInfo, AvError> {
        let failed = |source| AvError::Open { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let layout = layout::examine(&file, bytes, self.container).map_err(failed)?;
        if self.container == Container::Mp4 && !layout.has_index {
            return Err(AvError::NoIndex);
        }
        let video = self.video_info();
        let audio = self.audio_info();
        if video.is_none() && audio.is_none() {
            return Err(AvError::Empty { detail: self.what_is_there() });
        }
        let spans: Vec<(f64, f64)> = (video.iter().map(|video| (video.start_seconds, video.end_seconds)))
            .chain(audio.iter().map(|audio| (audio.heard_seconds(), audio.end_seconds)))
            .collect();
        let start = spans.iter().map(|span| span.0).fold(f64::INFINITY, f64::min);
        let end = spans.iter().map(|span| span.1).fold(f64::NEG_INFINITY, f64::max);
        let declared_duration_seconds = self.declared(&layout);
        let mut info = MediaInfo {
            container: self.container,
            bytes,
            declared_duration_seconds,
            duration_seconds: end - start,
            video,
            audio,
            other_streams: self.other_streams(),
            oddities: Vec::new(),
            index_first: layout.index_first,
            deep_analysis: self.analysis == Analysis::Deep,
        };
        info.oddities = self.oddities(&info, &layout);
        Ok(info)
    }

    /// Returns which of the two chosen streams is none, where the other is one: a picture or sound without a packet, or a
    /// cover that its container takes for a picture.
    fn idle(&self) -> Option<Without> {
        let pictures = self.pictures.packets + self.pictures.hidden;
        let codec = self.video.map(|index| self.streams[index].codec_name());
        let is_cover = pictures == 1 && codec.is_some_and(|codec| choice::is_still(&codec));
        let has_sound = self.audio_info().is_some();
        let picture = self.video.is_some() && has_sound && (pictures == 0 || is_cover);
        let sound = self.audio.is_some() && !has_sound && pictures > 0;
        (picture || sound).then_some(Without { picture, sound })
    }

    fn what_is_there(&self) -> String {
        match self.streams.len() {
            0 => "there is a header and nothing after it".to_owned(),
            count => format!("there are {count} streams without a packet of picture or sound"),
        }
    }

    /// Returns the duration that the file itself claims; libav's own is an estimate from the packets for containers
    /// that claim none, and for AVI the longest stream's, which counts what B-frames delay.
    fn declared(&self, layout: &Layout) -> Option<f64> {
        match self.container {
            Container::Flv => layout.flv_duration_seconds,
            Container::Mp4 | Container::Mkv | Container::Asf => self.declared_seconds,
            _ => None,
        }
    }

    fn video_info(&self) -> Option<VideoInfo> {
        let stream = &self.streams[self.video?];
        let tally = &self.pictures;
        if tally.packets == 0 {
            return None;
        }
        let timing = timing::measure(&tally.shown, stream.time_base, stream.average_frame_rate);
        let seconds = |ticks: i64| Timestamp::new(ticks, stream.time_base).seconds();
        let last = tally.shown.iter().copied().max().unwrap_or(0);
        // A last frame without a duration of its own lasts as long as the others.
        let end = (seconds(last) + timing.frame_seconds).max(seconds(tally.end));
        let (width, height) = stream.size();
        Some(VideoInfo {
            stream_index: stream.index,
            codec: stream.video_codec(),
            profile: stream.profile(),
            width,
            height,
            pixel_format: stream.pixel_format().unwrap_or_else(timing::unknown_pixels),
            sample_aspect_ratio: stream.sample_aspect_ratio(),
            mirrored: stream.mirrored,
            rotation: Rotation::from_degrees_clockwise(stream.rotation_degrees),
            range: stream.range(),
            color: stream.color(),
            scan: stream.scan(),
            frame_rate: timing.frame_rate,
            timing: timing.timing,
            packets: tally.packets,
            hidden: tally.hidden,
            keyframes: tally.keyframes.len() as u64,
            longest_keyframe_gap_seconds: longest_gap(&tally.keyframes, end, stream.time_base),
            start_seconds: seconds(tally.start()),
            end_seconds: end,
            bytes: tally.bytes,
            access_points: tally.access.points(seconds),
        })
    }

    fn audio_info(&self) -> Option<AudioInfo> {
        let stream = &self.streams[self.audio?];
        let tally = &self.sound;
        if tally.packets == 0 || stream.sample_rate() == 0 || stream.channels() == 0 {
            return None;
        }
        let seconds = |ticks: i64| Timestamp::new(ticks, stream.time_base).seconds();
        let last = tally.shown.iter().copied().max().unwrap_or(0);
        let packet_seconds = f64::from(stream.frame_samples()) / f64::from(stream.sample_rate());
        Some(AudioInfo {
            stream_index: stream.index,
            codec: stream.audio_codec(),
            sample_rate: stream.sample_rate(),
            channels: stream.channels(),
            layout: stream.layout(),
            frame_samples: stream.frame_samples(),
            priming_seconds: seconds(tally.discarded),
            changes: tally.new_headers,
            packets: tally.packets,
            start_seconds: seconds(tally.start()),
            // libav leaves the length of the last packet unsaid where an edit list delays the sound, and that of a
            // frame where the sound begins late.
            end_seconds: seconds(tally.end.max(last + tally.usual)).max(seconds(last) + packet_seconds),
            bytes: tally.bytes,
        })
    }

    fn other_streams(&self) -> Vec<OtherStream> {
        let used = [self.video, self.audio];
        // What has no packets is not left out, and moving pictures that were chosen and are none have none.
        let is_empty = |stream: &StreamParameters| match stream.kind {
            StreamKind::Video => self.without.picture && !choice::is_still(&stream.codec_name()),
            StreamKind::Audio => self.without.sound && choice::best_audio(&self.streams) == Some(stream.index),
            _ => false,
        };
        let unused = self.streams.iter().filter(|stream| !used.contains(&Some(stream.index)) && !is_empty(stream));
        unused
            .map(|stream| {
                let kind = match stream.kind {
                    StreamKind::Video if self.without.picture => "cover art",
                    StreamKind::Video => "a second picture",
                    StreamKind::Audio => "a second sound track",
                    StreamKind::CoverArt => "cover art",
                    StreamKind::Subtitle => "subtitles",
                    StreamKind::Data => "data",
                };
                OtherStream { stream_index: stream.index, what: format!("{kind} ({})", stream.codec_name()) }
            })
            .collect()
    }

    fn oddities(&self, info: &MediaInfo, layout: &Layout) -> Vec<Oddity> {
        let mut oddities = Vec::new();
        oddities.extend(self.ending(info, layout));
        if layout.zero_tail_bytes > 0 {
            oddities.push(Oddity::ZeroTail { bytes: layout.zero_tail_bytes });
        }
        if let Some(first) = self.repairs.first_jump {
            oddities.push(Oddity::TimestampJumps { count: self.repairs.jumps, first });
        }
        if let Some(at) = self.repairs.first_roll_over {
            let start = info.end_seconds() - info.duration_seconds;
            let at_seconds = (Timestamp::from_microseconds(at).seconds() - start).max(0.0);
            oddities.push(Oddity::TimestampsRollOver { count: self.repairs.roll_overs, at_seconds });
        }
        /// A count, and what it is called.
        type Counted = (u64, fn(u64) -> Oddity);
        let counted: [Counted; 4] = [
            (self.repairs.unordered, |count| Oddity::UnorderedTimestamps { count }),
            (self.repairs.missing, |count| Oddity::MissingTimestamps { count }),
            (self.damaged(layout), |count| Oddity::DamagedPackets { count }),
            (self.pictures.new_headers, |count| Oddity::ChangedParameters { count }),
        ];
        oddities.extend(counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, odd)| odd(count)));
        oddities.extend(self.late_keyframe(info));
        if let (Some(video), Some(audio)) = (&info.video, &info.audio) {
            let seconds = audio.heard_seconds() - video.start_seconds;
            if seconds.abs() > OFFSET_SECONDS {
                oddities.push(Oddity::AudioOffset { seconds });
            }
        }
        oddities
    }

    /// Packets known to be damaged, the one at a torn end aside, which has its own name.
    fn damaged(&self, layout: &Layout) -> u64 {
        let torn = [&self.pictures, &self.sound].into_iter().filter(|tally| tally.last_is_damaged).count() as u64;
        let torn = if layout.torn { torn } else { 0 };
        self.pictures.damaged + self.sound.damaged + self.unreadable - torn
    }

    /// Returns how the file ends, unless well.
    fn ending(&self, info: &MediaInfo, layout: &Layout) -> Option<Oddity> {
        let forward = Timestamp::from_microseconds(self.repairs.forward_microseconds).seconds();
        // A header may have counted the jumps that were taken out.
        let present = info.duration_seconds;
        let declared = info.declared_duration_seconds;
        let frame = info.video.as_ref().map_or(0.0, VideoInfo::frame_seconds);
        // Some headers count from zero and some from the first packet. From zero only where that fits: on a clock that
        // starts an hour late, every end is late enough.
        let end = info.end_seconds();
        let short = declared.is_some_and(|declared| {
            let reached = |seconds: f64| seconds + forward + frame >= declared * WHOLE_SHARE;
            let fits = reached(end) && end <= declared * (2.0 - WHOLE_SHARE) + frame;
            let missing = declared - forward - frame - present.max(end.min(declared));
            (!reached(present) && !fits) || (layout.torn && missing > TORN_SECONDS)
        });
        if short || (layout.torn && declared.is_none()) {
            return Some(Oddity::Truncated { present_seconds: present, declared_seconds: declared });
        }
        if layout.torn {
            return Some(Oddity::TornTail);
        }
        let declared = declared?;
        // Headers count what is heard, packets also an encoder's priming and the filling of the last one.
        let packet = info
            .audio
            .as_ref()
            .map_or(0.0, |audio| f64::from(audio.frame_samples) / f64::from(audio.sample_rate.max(1)));
        let tolerance = (declared * (1.0 - WHOLE_SHARE)).max(2.0 * frame).max(2.0 * packet);
        let off = (present - declared).abs().min((end - declared).abs()) > tolerance;
        // After a jump or a roll-over the header's word and ours cannot agree.
        (off && self.repairs.jumps + self.repairs.roll_overs == 0)
            .then_some(Oddity::WrongDuration { declared_seconds: declared })
    }

    fn late_keyframe(&self, info: &MediaInfo) -> Option<Oddity> {
        let packets = self.pictures.packets_before_keyframe;
        let video = info.video.as_ref()?;
        let first = *self.pictures.keyframes.first()?;
        let seconds = Timestamp::new(first - self.pictures.start(), self.streams[self.video?].time_base).seconds();
        // Leading pictures of an open GOP come after their keyframe in the file, so they are not counted here.
        (packets > 0 && video.keyframes > 0).then_some(Oddity::LateKeyframe { packets, seconds })
    }
}

fn longest_gap(keyframes: &[i64], end_seconds: f64, base: TimeBase) -> f64 {
    let mut times: Vec<f64> = keyframes.iter().map(|&ticks| Timestamp::new(ticks, base).seconds()).collect();
    times.push(end_seconds);
    times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max)
}
