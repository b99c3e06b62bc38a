//! Is the file's outer structure whole? Read from its bytes, since demuxers forgive what must not be forgiven.
//!
//! Looks at the tail of the file and at the outermost boxes or tags only; never at the media.
//!
//! Sources: ISO/IEC 14496-12 (boxes), Adobe's Video File Format Specification 10.1 (FLV tags, AMF0 metadata),
//! Microsoft's Advanced Systems Format Specification 01.20 (3.2).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::media::Container;

/// A run of zero bytes at the end counts as a tail from here on; shorter ones occur in sound media.
const ZERO_TAIL_MIN_BYTES: u64 = 1024;
/// Bytes read at a time while looking back for the end of a zero tail.
const STEP_BYTES: u64 = 64 * 1024;
/// Written stretches of a sparse file that are looked at; with more of them, its zeros are read.
const EXTENTS_MAX: usize = 10_000;
/// Boxes looked at on the outermost level: fragmented recordings have two per fragment.
const BOXES_MAX: usize = 100_000;
/// Where FLV metadata is looked for: it is the first tag.
const FLV_METADATA_BYTES: u64 = 64 * 1024;
/// Where ASF's properties are looked for: they are among the first objects of the header.
const ASF_HEADER_BYTES: u64 = 64 * 1024;

/// What the structure tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layout {
    /// Zero bytes at the end of the file.
    pub(super) zero_tail_bytes: u64,
    /// The last box or tag is cut off.
    pub(super) torn: bool,
    /// For MP4: the index stands before the media.
    pub(super) index_first: bool,
    /// For MP4: there is an index.
    pub(super) has_index: bool,
    /// For FLV: the duration in its metadata, in seconds.
    pub(super) flv_duration_seconds: Option<f64>,
}

/// Returns what the structure of `file` tells. For containers without an outer structure only the zero tail.
pub(super) fn examine(file: &File, length: u64, container: Container) -> io::Result<Layout> {
    let mut zero_tail_bytes = zero_tail(file, length)?;
    if matches!(container, Container::Avi | Container::Wav) && zero_tail_bytes > 0 {
        // Silence that is not compressed is zeros: only what lies behind the chunks is none of it.
        zero_tail_bytes = zero_tail_bytes.min(length.saturating_sub(riff_end(file, length)?));
    }
    let mut layout = Layout { zero_tail_bytes, has_index: true, ..Layout::default() };
    let end = length - zero_tail_bytes;
    match container {
        Container::Mp4 => examine_boxes(file, end, length, &mut layout)?,
        // The last chunk's padding byte may be missing.
        Container::Avi | Container::Wav => layout.torn = riff_end(file, length)? > length + 1,
        Container::Asf => layout.torn = asf_bytes(file, length)?.is_some_and(|bytes| bytes > length),
        Container::Mkv => layout.torn = !segment_is_whole(file, length)?,
        Container::Flv => {
            layout.torn = !flv_ends_whole(file, end, length)? && !flv_tags_fill(file, end, length)?;
            layout.flv_duration_seconds = flv_duration(file, length)?;
        }
        _ => {}
    }
    Ok(layout)
}

/// Returns the length of the run of zeros at the end; 0 for a short one.
fn zero_tail(file: &File, length: u64) -> io::Result<u64> {
    let mut end = written_end(file, length);
    let mut buffer = vec![0; usize::try_from(STEP_BYTES).unwrap_or(0)];
    while end > 0 {
        let start = end.saturating_sub(STEP_BYTES);
        let step = &mut buffer[..usize::try_from(end - start).unwrap_or(0)];
        file.read_exact_at(step, start)?;
        if let Some(last) = step.iter().rposition(|&byte| byte != 0) {
            let run = length - (start + last as u64 + 1);
            return Ok(if run >= ZERO_TAIL_MIN_BYTES { run } else { 0 });
        }
        end = start;
    }
    Ok(length)
}

/// Returns where the last bytes end that were ever written: what a sparse file has behind them are zeros that need
/// not be read. Moves the file's position.
fn written_end(file: &File, length: u64) -> u64 {
    let mut end = 0;
    for _ in 0..EXTENTS_MAX {
        let Ok(data) = rustix::fs::seek(file, rustix::fs::SeekFrom::Data(end)) else {
            // Nothing but a hole from here on; or a file system that cannot tell.
            return if end > 0 { end } else { length };
        };
        match rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(data)) {
            Ok(hole) if hole > end && hole < length => end = hole,
            _ => return length,
        }
    }
    length
}

/// Returns where the RIFF chunks end by their own sizes; an AVI above 1 GiB has several.
fn riff_end(file: &File, length: u64) -> io::Result<u64> {
    const HEADER_BYTES: u64 = 8;
    let mut position = 0;
    for _ in 0..BOXES_MAX {
        if position + HEADER_BYTES > length {
            break;
        }
        let mut header = [0; 8];
        file.read_exact_at(&mut header, position)?;
        let [a, b, c, d, size @ ..] = header;
        let size = u32::from_le_bytes(size);
        if [a, b, c, d] != *b"RIFF" {
            break;
        }
        // A recorder that never came back to fill the size in left nothing, or all ones, which tell nothing.
        if size == 0 || size == u32::MAX {
            return Ok(length);
        }
        let size = u64::from(size);
        position += size + size % 2 + HEADER_BYTES;
    }
    Ok(position)
}

/// Returns how long an ASF file says it is; nothing for one that was sent live and cannot know.
fn asf_bytes(file: &File, length: u64) -> io::Result<Option<u64>> {
    /// The file's properties, which hold its size and flags.
    const PROPERTIES: [u8; 16] =
        [0xa1, 0xdc, 0xab, 0x8c, 0x47, 0xa9, 0xcf, 0x11, 0x8e, 0xe4, 0, 0xc0, 0x0c, 0x20, 0x53, 0x65];
    const SIZE_AT: usize = 40;
    const FLAGS_AT: usize = 88;
    const LIVE: u8 = 1;
    let mut head = vec![0; usize::try_from(length.min(ASF_HEADER_BYTES)).unwrap_or(0)];
    file.read_exact_at(&mut head, 0)?;
    let Some(at) = head.windows(PROPERTIES.len()).position(|window| window == PROPERTIES) else { return Ok(None) };
    let (size, flags) = (head.get(at + SIZE_AT..), head.get(at + FLAGS_AT));
    let size = size.and_then(|rest| rest.first_chunk::<8>()).copied().map(u64::from_le_bytes);
    Ok(size.filter(|_| flags.is_some_and(|flags| flags & LIVE == 0)))
}

/// Returns whether Matroska's segment, which holds all media, ends within the file. A live recorder leaves its size
/// unknown, which tells nothing.
fn segment_is_whole(file: &File, length: u64) -> io::Result<bool> {
    const SEGMENT: u32 = 0x1853_8067;
    let Some((_, header_end)) = ebml_element(file, 0, length)? else { return Ok(true) };
    let Some(header_end) = header_end else { return Ok(true) };
    match ebml_element(file, header_end, length)? {
        Some((SEGMENT, Some(end))) => Ok(end <= length),
        _ => Ok(true),
    }
}

/// Returns the id of the EBML element at `position` (four bytes long, as those of the outermost level are) and where
/// it ends, unless its size is unknown.
fn ebml_element(file: &File, position: u64, length: u64) -> io::Result<Option<(u32, Option<u64>)>> {
    const ID_BYTES: u64 = 4;
    if position.saturating_add(ID_BYTES + 8) > length {
        return Ok(None);
    }
    let mut header = [0; 12];
    file.read_exact_at(&mut header, position)?;
    let [a, b, c, d, size @ ..] = header;
    // The leading zeros of the first byte tell how many bytes follow it.
    let bytes = size[0].leading_zeros() + 1;
    if bytes > 8 {
        return Ok(None);
    }
    let value = u64::from_be_bytes(size) >> (64 - 8 * bytes) & ((1 << (7 * bytes)) - 1);
    let is_known = value != (1 << (7 * bytes)) - 1;
    let end = is_known.then(|| position.saturating_add(ID_BYTES + u64::from(bytes)).saturating_add(value));
    Ok(Some((u32::from_be_bytes([a, b, c, d]), end)))
}

fn examine_boxes(file: &File, end: u64, length: u64, layout: &mut Layout) -> io::Result<()> {
    layout.has_index = false;
    let mut media_seen = false;
    let mut position = 0;
    for _ in 0..BOXES_MAX {
        let Some((kind, size)) = read_box(file, position, length)? else { break };
        match &kind {
            b"moov" => {
                // One that is cut off is none.
                let whole = size.is_none_or(|size| position.saturating_add(size) <= length);
                layout.has_index |= whole;
                layout.index_first = !media_seen;
            }
            b"mdat" => media_seen = true,
            _ => {}
        }
        position = match size {
            Some(size) if size >= 8 => position.saturating_add(size),
            // Size 0 means "to the end of the file".
            _ => length,
        };
        if position >= end {
            break;
        }
    }
    // A zero tail may be the unwritten rest of the last box: then the box ends far beyond the real data. A few zeros
    // are the media's own.
    layout.torn = position > length || (layout.zero_tail_bytes > 0 && position >= end + ZERO_TAIL_MIN_BYTES);
    Ok(())
}

/// Returns the kind and size of the box at `position`; `None` at the end or where zeros begin.
fn read_box(file: &File, position: u64, length: u64) -> io::Result<Option<([u8; 4], Option<u64>)>> {
    if position + 8 > length {
        return Ok(None);
    }
    let mut header = [0; 16];
    let available = usize::try_from((length - position).min(16)).unwrap_or(16);
    file.read_exact_at(&mut header[..available], position)?;
    let [a, b, c, d, kind @ ..] = header;
    let kind = [kind[0], kind[1], kind[2], kind[3]];
    if kind == [0; 4] {
        return Ok(None);
    }
    let size = match u32::from_be_bytes([a, b, c, d]) {
        0 => None,
        1 => {
            let mut large = [0; 8];
            large.copy_from_slice(&header[8..]);
            Some(u64::from_be_bytes(large))
        }
        size => Some(u64::from(size)),
    };
    Ok(Some((kind, size)))
}

/// Returns whether the last four bytes name the size of a tag that stands right before them.
fn flv_ends_whole(file: &File, end: u64, length: u64) -> io::Result<bool> {
    // The size's own last bytes may be zeros that were counted to the tail.
    for end in end..(end + 4).min(length + 1) {
        if flv_tag_ends_at(file, end)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns whether the tags, followed from the first by their own sizes, end where the data ends: some recorders
/// write nonsense for the sizes behind the tags.
fn flv_tags_fill(file: &File, end: u64, length: u64) -> io::Result<bool> {
    const FIRST_TAG: u64 = 13;
    const OVERHEAD_BYTES: u64 = 15;
    let mut position = FIRST_TAG;
    while position < end && position + OVERHEAD_BYTES <= length {
        let mut header = [0; 4];
        file.read_exact_at(&mut header, position)?;
        let [kind, high, middle, low] = header;
        if !matches!(kind & 0x1f, 8 | 9 | 18) {
            return Ok(false);
        }
        position += OVERHEAD_BYTES + u64::from(u32::from_be_bytes([0, high, middle, low]));
    }
    // The last size may be zeros, which count to the tail.
    Ok(position >= end && position <= length && position < end + ZERO_TAIL_MIN_BYTES)
}

fn flv_tag_ends_at(file: &File, end: u64) -> io::Result<bool> {
    const TAG_HEADER_BYTES: u64 = 11;
    let Some(at) = end.checked_sub(4) else { return Ok(false) };
    let mut size = [0; 4];
    file.read_exact_at(&mut size, at)?;
    let tag_bytes = u64::from(u32::from_be_bytes(size));
    let Some(tag) = at.checked_sub(tag_bytes) else { return Ok(false) };
    if tag_bytes < TAG_HEADER_BYTES {
        return Ok(false);
    }
    let mut header = [0; 4];
    file.read_exact_at(&mut header, tag)?;
    let [kind, high, middle, low] = header;
    let payload = u64::from(u32::from_be_bytes([0, high, middle, low]));
    Ok(matches!(kind & 0x1f, 8 | 9 | 18) && payload + TAG_HEADER_BYTES == tag_bytes)
}

/// Returns the `duration` of the metadata tag, where it is above zero: a key and an AMF0 number.
fn flv_duration(file: &File, length: u64) -> io::Result<Option<f64>> {
    const KEY: &[u8] = b"\x00\x08duration\x00";
    let mut head = vec![0; usize::try_from(length.min(FLV_METADATA_BYTES)).unwrap_or(0)];
    file.read_exact_at(&mut head, 0)?;
    let Some(at) = head.windows(KEY.len()).position(|window| window == KEY) else { return Ok(None) };
    let Some(number) = head.get(at + KEY.len()..).and_then(|rest| rest.first_chunk::<8>()) else {
        return Ok(None);
    };
    let seconds = f64::from_be_bytes(*number);
    Ok((seconds.is_finite() && seconds > 0.0).then_some(seconds))
}
