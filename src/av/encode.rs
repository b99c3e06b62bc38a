//! Encoding: frames in, packets out, with every option accounted for.

use super::decode::rational;
use super::error::{AvError, LibavError};
use super::frame::Frame;
use super::packet::Packet;
use super::parameters::{StreamKind, StreamParameters};
use super::sys::Failed;
use super::sys::{Codec, CodecContext, Dictionary, RawFrame, RawPacket};
use super::{Received, Sent, receive, sent};
use crate::media::{Ratio, TimeBase};
use ffmpeg_next::ffi;

/// What a picture encoder is told.
pub struct VideoSettings<'a> {
    /// libavcodec's name of the encoder.
    pub encoder: &'a str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The time base of the frames that will be sent.
    pub time_base: TimeBase,
    /// Frames per second, for rate control and headers.
    pub frame_rate: Ratio,
    /// libav's pixel format name of the frames that will be sent.
    pub pixel_format: &'a str,
    /// Options by name, in order.
    pub options: &'a [(String, String)],
}

/// What a sound encoder is told.
pub struct AudioSettings<'a> {
    /// libavcodec's name of the encoder.
    pub encoder: &'a str,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels, in libav's default order.
    pub channels: u32,
    /// Bits per second; 0 lets the encoder choose.
    pub bits_per_second: u64,
    /// libav's sample format name.
    pub sample_format: &'a str,
}

/// An encoder at work. Lives on one thread at a time.
pub struct Encoder {
    context: CodecContext,
    base: TimeBase,
    frame_rate: Ratio,
    /// Whether it hangs when it is closed without ever having seen a frame. SVT-AV1 (1.4) waits for its own threads then.
    needs_a_frame: bool,
}

impl Encoder {
    /// Opens a picture encoder with its headers kept out of the packets, as FLV and MP4 want them.
    ///
    /// # Errors
    /// [`AvError::NoEncoder`], [`AvError::UnknownOption`] or [`AvError::EncoderSettings`].
    pub fn video(settings: &VideoSettings<'_>, picture: Option<&Frame>) -> Result<Self, AvError> {
        let (codec, mut context) = Self::prepare(settings.encoder)?;
        context.width = dimension(settings.width);
        context.height = dimension(settings.height);
        context.pix_fmt = super::sys::pixel_format_number(settings.pixel_format).ok_or_else(|| {
            AvError::NoEncoder { name: format!("{} for {}", settings.encoder, settings.pixel_format) }
        })?;
        context.time_base = rational(settings.time_base);
        context.framerate = rational(settings.frame_rate);
        context.sample_aspect_ratio = rational(Ratio::ONE);
        if let Some(picture) = picture {
            let raw = picture.raw();
            context.color_range = raw.color_range;
            context.color_primaries = raw.color_primaries;
            context.color_trc = raw.color_trc;
            context.colorspace = raw.colorspace;
            context.chroma_sample_location = raw.chroma_location;
        }
        let pairs = settings.options.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        Self::open(codec, context, settings.encoder, pairs, settings.time_base, settings.frame_rate)
    }

    /// Opens a sound encoder. Its time base is one sample.
    ///
    /// # Errors
    /// As [`Encoder::video`].
    pub fn audio(settings: &AudioSettings<'_>) -> Result<Self, AvError> {
        let (codec, mut context) = Self::prepare(settings.encoder)?;
        let base = Ratio::new(1, dimension(settings.sample_rate));
        context.sample_rate = dimension(settings.sample_rate);
        context.set_default_layout(dimension(settings.channels));
        context.sample_fmt = super::sys::sample_format_number(settings.sample_format);
        context.bit_rate = i64::try_from(settings.bits_per_second).unwrap_or(i64::MAX);
        context.time_base = rational(base);
        Self::open(codec, context, settings.encoder, [], base, Ratio::new(0, 1))
    }

    fn prepare(name: &str) -> Result<(Codec, CodecContext), AvError> {
        let codec = Codec::encoder(name).ok_or_else(|| AvError::NoEncoder { name: name.to_owned() })?;
        let mut context = CodecContext::new(codec)?;
        context.flags |= ffi::AV_CODEC_FLAG_GLOBAL_HEADER.cast_signed();
        // One thread unless an option says otherwise: libx264 alone would start with one per core, and a comparison
        // of encoders would compare thread counts.
        context.thread_count = 1;
        Ok((codec, context))
    }

    fn open<'a>(
        codec: Codec,
        mut context: CodecContext,
        name: &str,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        base: TimeBase,
        frame_rate: Ratio,
    ) -> Result<Self, AvError> {
        let refused =
            |option: String, suggestion| AvError::UnknownOption { owner: name.to_owned(), option, suggestion };
        let pairs: Vec<(&str, &str)> = pairs.into_iter().collect();
        // A device that is not there refuses before it has seen every option.
        let names = context.option_names();
        if let Some((option, _)) = pairs.iter().find(|(option, _)| !names.iter().any(|name| name == option)) {
            return Err(refused((*option).to_owned(), nearest(option, &names)));
        }
        let complaints = complaints(&pairs);
        let listens = !complaints.is_empty() || !QUIET.contains(&name);
        let mut options = Dictionary::new(pairs).map_err(|option| refused(option, None))?;
        let mut open = || context.open(codec, &mut options);
        let (opened, heard) = if listens { super::log::listen(open) } else { (open(), Vec::new()) };
        opened.map_err(|failed| failed_to_open(name, failed, &heard))?;
        let encoder = Self { context, base, frame_rate, needs_a_frame: name == "libsvtav1" };
        if let Some((option, _)) = options.first() {
            return Err(refused(option, None));
        }
        // The libraries only warn of a bad key or value among their own parameters, and encode without it.
        let ignored = heard.into_iter().find(|line| complaints.iter().any(|complaint| line.contains(complaint)));
        if let Some(text) = ignored {
            let source = LibavError { call: "avcodec_open2", code: ffi::AVERROR(ffi::EINVAL), text };
            return Err(AvError::EncoderSettings { encoder: name.to_owned(), source });
        }
        Ok(encoder)
    }

    /// Returns samples per frame that the encoder wants; 0 when it takes any.
    pub fn frame_samples(&self) -> u32 {
        self.context.frame_size.unsigned_abs()
    }

    /// Returns how many threads the encoder was told to use.
    pub fn threads(&self) -> u32 {
        self.context.thread_count.unsigned_abs()
    }

    /// Returns samples that the encoder puts before the first one it was given.
    pub fn priming_samples(&self) -> u32 {
        self.context.initial_padding.unsigned_abs()
    }

    /// Returns what a container must say about this encoder's packets.
    ///
    /// # Errors
    /// Out of memory.
    pub fn parameters(&self) -> Result<StreamParameters, AvError> {
        let audio = self.context.sample_rate > 0;
        Ok(StreamParameters {
            index: 0,
            kind: if audio { StreamKind::Audio } else { StreamKind::Video },
            time_base: self.base,
            average_frame_rate: self.frame_rate,
            rotation_degrees: 0.0,
            is_default: false,
            mirrored: false,
            raw: self.context.parameters()?,
        })
    }

    /// Sends a frame whose time is in the encoder's time base.
    ///
    /// # Errors
    /// [`AvError::Encode`].
    pub fn send(&mut self, frame: &Frame) -> Result<Sent, AvError> {
        self.needs_a_frame = false;
        sent(self.context.send_frame(Some(frame.raw()))).map_err(|failed| AvError::Encode(failed.into()))
    }

    /// Says that no frame will follow. Like a frame, this can find the encoder full.
    ///
    /// # Errors
    /// [`AvError::Encode`].
    pub fn send_end(&mut self) -> Result<Sent, AvError> {
        match sent(self.context.send_frame(None)) {
            // Said before: nothing changes.
            Err(failed) if failed.code == super::sys::AVERROR_EOF => Ok(Sent::Accepted),
            other => other.map_err(|failed| AvError::Encode(failed.into())),
        }
    }

    /// Takes the next packet.
    ///
    /// # Errors
    /// [`AvError::Encode`].
    pub fn receive(&mut self) -> Result<Received<Packet>, AvError> {
        let mut raw = RawPacket::empty()?;
        let result = self.context.receive_packet(&mut raw);
        receive(result, Packet::new(raw, self.base)).map_err(|failed| AvError::Encode(failed.into()))
    }

    /// Returns the time base of frames and packets.
    pub fn time_base(&self) -> TimeBase {
        self.base
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        if self.needs_a_frame
            && let Ok(parameters) = self.context.parameters()
            && let Ok(frame) = RawFrame::blank(&parameters)
        {
            // It is closed next, whatever comes of it.
            let _ = self.context.send_frame(Some(&frame));
        }
    }
}

/// Encoders that say nothing worth hearing when they are opened without parameters of their own. To listen is to open one
/// encoder at a time.
const QUIET: [&str; 2] = ["libx264", "aac"];

/// Returns what libavcodec says of a pair inside `x264-params` and its sisters that the library does not take.
fn complaints(pairs: &[(&str, &str)]) -> Vec<String> {
    let inside = pairs.iter().filter(|(name, _)| name.ends_with("-params")).flat_map(|(_, value)| value.split(':'));
    let said = |(key, value): (&str, &str)| {
        [
            format!("Error parsing option '{key} = {value}'"),
            format!("Error parsing option {key}: {value}."),
            format!("Unknown option: {key}."),
            format!("Invalid value for {key}: {value}."),
        ]
    };
    inside.filter_map(|pair| pair.split_once('=')).flat_map(said).collect()
}

/// Returns what a failure to open means: libavcodec's number seldom says it, a line before it often does.
fn failed_to_open(name: &str, failed: Failed, heard: &[String]) -> AvError {
    let mut source = LibavError::from(failed);
    let is_chatter = |line: &&String| line.contains("[info]") || line.contains("[warn]");
    if let Some(line) = heard.iter().find(|line| !is_chatter(line)) {
        source.text = format!("{}: {}", source.text, line.trim_end_matches('.'));
    }
    AvError::EncoderSettings { encoder: name.to_owned(), source }
}

fn dimension(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Returns the name that a mistyped one most likely meant: at most two edits away, or one third of its length.
pub fn nearest(mistyped: &str, names: &[String]) -> Option<String> {
    let limit = (mistyped.len() / 3).max(2);
    let scored = names.iter().map(|name| (edit_distance(mistyped, name), name));
    scored
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name.clone())
}

/// Levenshtein's distance: single-letter insertions, deletions and replacements.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_option_is_answered_with_the_nearest_name() {
        let names: Vec<String> = ["preset", "profile", "crf", "bframes"].map(str::to_owned).into();
        assert_eq!(nearest("presett", &names).as_deref(), Some("preset"));
        assert_eq!(nearest("bfraems", &names).as_deref(), Some("bframes"));
        assert_eq!(nearest("completely-else", &names), None);
    }
}
