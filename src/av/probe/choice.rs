//! Which of several streams is the recording. Pure.

use crate::av::parameters::{StreamKind, StreamParameters};

/// Returns the moving picture with the most pixels. Cover art is none, wherever it stands; a codec of still pictures
/// is one (old cameras) only where there is no other.
pub(super) fn best_video(streams: &[StreamParameters]) -> Option<usize> {
    let rank = |stream: &&StreamParameters| {
        let pixels = u64::from(stream.size().0) * u64::from(stream.size().1);
        (!is_still(&stream.codec_name()), pixels)
    };
    let moving = streams.iter().filter(|stream| stream.kind == StreamKind::Video);
    // `max_by_key` takes the last of equals; reversed, that is the first.
    moving.rev().max_by_key(rank).map(|stream| stream.index)
}

/// Returns whether `codec` (FFmpeg's name) is one of still pictures, in which cover art comes.
pub(super) fn is_still(codec: &str) -> bool {
    ["mjpeg", "png", "bmp", "gif", "webp", "tiff"].contains(&codec)
}

/// Returns the sound track that the container calls the default, else the first.
pub(super) fn best_audio(streams: &[StreamParameters]) -> Option<usize> {
    let mut sounds = streams.iter().filter(|stream| stream.kind == StreamKind::Audio);
    let first = sounds.clone().next();
    sounds.find(|stream| stream.is_default).or(first).map(|stream| stream.index)
}
