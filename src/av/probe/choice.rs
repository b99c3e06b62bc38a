//! Which of several streams is the recording. Pure.

use crate::av::parameters::{StreamKind, StreamParameters};

/// Returns the moving picture with the most pixels. Cover art is none, wherever it stands; a codec of still pictures
/// is one (old cameras) only where there is no other.
pub(super) fn best_video(streams: &[StreamParameters]) -> Option<usize> {
    const STILL: [&str; 6] = ["mjpeg", "png", "bmp", "gif", "webp", "tiff"];
    let rank = |stream: &&StreamParameters| {
        let pixels = u64::from(stream.size().0) * u64::from(stream.size().1);
        (!STILL.contains(&stream.codec_name().as_str()), pixels)
    };
    let moving = streams.iter().filter(|stream| stream.kind == StreamKind::Video);
    // `max_by_key` takes the last of equals; reversed, that is the first.
    moving.rev().max_by_key(rank).map(|stream| stream.index)
}

/// Returns the sound track that the container calls the default, else the first.
pub(super) fn best_audio(streams: &[StreamParameters]) -> Option<usize> {
    let mut sounds = streams.iter().filter(|stream| stream.kind == StreamKind::Audio);
    let first = sounds.clone().next();
    sounds.find(|stream| stream.is_default).or(first).map(|stream| stream.index)
}
