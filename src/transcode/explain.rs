//! A plan in words, and as the `ffmpeg` command that does the same. Pure: text from values, printed by others.

use std::borrow::Cow;

use super::plan::{
    AacPlan, Action, AudioPlan, Cut, NOTHING_ENCODED, Plan, RenditionPlan, VideoPlan, channel_word, picture_words,
    sound_words,
};
use super::{encoder, filter};
use crate::figure;
use crate::media::{AudioInfo, Container, MediaInfo, Range, Rotation, Scan, Timing, VideoCodec, VideoInfo};
use crate::printable::printable;

/// Fine enough for any clock of a container, and what MPEG itself counts in.
const VARIABLE_TIME_BASE: &str = "1/90000";

/// Returns the plan for people: the source, what is odd about it, and per rendition what is done, why, and with which
/// settings. `outputs` are the paths in the plan's order.
pub fn text(info: &MediaInfo, plan: &Plan, source: &str, outputs: &[String]) -> String {
    let mut lines = vec![format!(
        "{}: {}, {}, {}",
        printable(source),
        info.container,
        figure::length(info.duration_seconds),
        figure::bytes(info.bytes)
    )];
    if let Some(video) = &info.video {
        lines.push(field("picture", &picture(video)));
    }
    lines.push(field("sound", &info.audio.as_ref().map_or_else(|| "none".to_owned(), sound)));
    lines.extend(work(&plan.cut).map(|work| field("work", &work)));
    lines.extend(plan.notes.iter().map(|note| field("note", note)));
    for (rendition, output) in plan.renditions.iter().zip(outputs) {
        lines.push(String::new());
        lines.extend(rendition_lines(info, plan, rendition, output));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Returns the `ffmpeg` 5.1 command that does the same, ready to paste into a shell; empty when nothing is made. For a
/// source of constant frame rate that is not cut into chunks the x264 bitstreams are those of this program. Outputs whose bytes are copied are
/// remuxed by it.
pub fn ffmpeg_line(info: &MediaInfo, plan: &Plan, source: &str, outputs: &[String]) -> String {
    let video = info.video.as_ref();
    let made: Vec<_> =
        plan.renditions.iter().zip(outputs).filter(|(rendition, _)| rendition.action != Action::Refuse).collect();
    if made.is_empty() {
        return String::new();
    }
    // Turning is in the chain. Left to itself ffmpeg would turn before deinterlacing, and a second time.
    let upright =
        if plan.prepare.rotation == Rotation::None && !plan.prepare.mirrored { "" } else { "-noautorotate " };
    // Keyframes then fall on other frames, too: the grid begins anew with each chunk.
    let apart =
        if plan.cut.chunks().len() > 1 { "# in one piece, which differs by the chunks' seams:\n" } else { "" };
    let mut parts = vec![format!("{apart}ffmpeg {upright}-i {}", path(source))];
    parts.extend(
        video.and_then(|video| graph(video, plan)).map(|graph| format!("-filter_complex {}", quoted(&graph))),
    );
    // The graph's ends are numbered by what is encoded; copies stand between them without a number.
    let mut encoded = 0;
    for (rendition, output) in made {
        let label = format!("v{encoded}");
        encoded += usize::from(matches!(rendition.action, Action::Transcode(_)));
        parts.push(output_part(info, plan.container, rendition, &label));
        parts.push(path(output));
    }
    parts.join(" \\\n  ")
}

/// Returns how the encoding is divided, where there is any.
fn work(cut: &Cut) -> Option<String> {
    match cut {
        Cut::Chunks(chunks) if chunks.len() > 1 => {
            let longest = chunks.iter().map(|chunk| chunk.seconds).fold(0.0, f64::max);
            Some(format!("{} chunks of at most {longest:.1} s, side by side", chunks.len()))
        }
        Cut::Chunks(_) => Some("one chunk: the source is short, or has no keyframes to be cut at".to_owned()),
        Cut::Whole { reason: NOTHING_ENCODED } => None,
        Cut::Whole { reason } => Some(format!("in one piece: {reason}")),
    }
}

fn field(name: &str, value: &str) -> String {
    format!("  {name:<9} {value}")
}

fn picture(video: &VideoInfo) -> String {
    let mut words = picture_words(video);
    if video.timing == Timing::Variable {
        words.push_str(" on average, unevenly");
    }
    if video.scan != Scan::Progressive {
        words.push_str(", interlaced");
    }
    if video.range == Range::Full {
        words.push_str(", full range");
    }
    let rate = figure::bit_rate(video.bits_per_second());
    format!("{words}, {rate}, keyframes at most {:.1} s apart", video.longest_keyframe_gap_seconds)
}

fn sound(audio: &AudioInfo) -> String {
    let seconds = audio.end_seconds - audio.start_seconds;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = if seconds > 0.0 { audio.bytes as f64 * 8.0 / seconds } else { 0.0 };
    format!("{}, {}", sound_words(audio), figure::bit_rate(rate))
}

fn rendition_lines(info: &MediaInfo, plan: &Plan, rendition: &RenditionPlan, output: &str) -> Vec<String> {
    if rendition.action == Action::Refuse {
        let mut lines = vec![format!("{}: refused", rendition.name)];
        lines.extend(rendition.reasons.iter().map(|reason| field("why", reason)));
        return lines;
    }
    let mut lines = vec![format!("{}: {} -> {}", rendition.name, rendition.action.name(), printable(output))];
    lines.extend(rendition.reasons.iter().map(|reason| field("why", reason)));
    if let (Action::Transcode(video), Some(source)) = (&rendition.action, &info.video) {
        lines.extend(settings(plan, video, source));
    }
    lines.push(field("sound", &sound_plan(&rendition.audio)));
    lines
}

/// Returns the settings by the names that FFmpeg's own documentation explains, so that they can be looked up.
fn settings(plan: &Plan, video: &VideoPlan, source: &VideoInfo) -> Vec<String> {
    let made = format!(
        "{}x{} with {}, {}, a keyframe every {} s",
        video.width,
        video.height,
        video.encoder_words(),
        video.rate_control,
        video.keyint_seconds
    );
    let options: Vec<String> =
        encoder::options(video).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let chain: Vec<String> =
        filter::prepare(&plan.prepare).into_iter().chain([filter::rendition(video, source)]).collect();
    vec![field("picture", &made), field("filter", &chain.join(",")), field("encoder", &options.join(" "))]
}

fn sound_plan(audio: &AudioPlan) -> String {
    match audio {
        AudioPlan::None => "none".to_owned(),
        AudioPlan::Copy => "copied".to_owned(),
        AudioPlan::Aac(AacPlan { bits_per_second, sample_rate, channels }) => {
            format!("AAC, {} kbit/s, {sample_rate} Hz, {}", bits_per_second / 1000, channel_word(*channels))
        }
    }
}

/// Returns the filter graph for all encoded renditions, their ends named `v0`, `v1` …; nothing when all is copied.
fn graph(source: &VideoInfo, plan: &Plan) -> Option<String> {
    let chains: Vec<String> = plan
        .renditions
        .iter()
        .filter_map(|rendition| match &rendition.action {
            Action::Transcode(video) => Some(filter::rendition(video, source)),
            _ => None,
        })
        .collect();
    let prepare = filter::prepare(&plan.prepare);
    let input = format!("[0:{}]", source.stream_index);
    match chains.as_slice() {
        [] => None,
        [chain] => {
            let whole: Vec<&str> = prepare.iter().chain([chain]).map(String::as_str).collect();
            Some(format!("{input}{}[v0]", whole.join(",")))
        }
        many => Some(split(&input, prepare, many)),
    }
}

/// One decode feeds all: the shared steps run before the ways part.
fn split(input: &str, prepare: Option<String>, chains: &[String]) -> String {
    let before = prepare.map_or_else(String::new, |chain| format!("{chain},"));
    let pads: String = (0..chains.len()).map(|index| format!("[s{index}]")).collect();
    let mut graph = format!("{input}{before}split={}{pads}", chains.len());
    for (index, chain) in chains.iter().enumerate() {
        graph.push_str(&format!(";[s{index}]{chain}[v{index}]"));
    }
    graph
}

fn output_part(info: &MediaInfo, container: Container, rendition: &RenditionPlan, label: &str) -> String {
    let mut words = Vec::new();
    match (&rendition.action, &info.video) {
        (Action::Transcode(video), _) => words.extend(encoder_words(video, label)),
        (_, Some(source)) => words.push(format!("-map 0:{} -c:v copy", source.stream_index)),
        // Nothing else is mapped, so no cover comes along.
        (_, None) => {}
    }
    words.extend(sound_part(info, &rendition.audio));
    let codec = match &rendition.action {
        Action::Transcode(video) => Some(video.encoder.codec()),
        _ => info.video.as_ref().map(|source| source.codec.clone()),
    };
    match container {
        Container::Mp4 if codec == Some(VideoCodec::Hevc) => {
            words.push("-tag:v hvc1 -movflags +faststart".to_owned())
        }
        Container::Mp4 => words.push("-movflags +faststart".to_owned()),
        Container::Mkv => words.push("-fflags +bitexact".to_owned()),
        _ => {}
    }
    words.join(" ")
}

fn encoder_words(video: &VideoPlan, label: &str) -> Vec<String> {
    let mut words = vec![format!("-map '[{label}]' -c:v {}", video.encoder.libav_name())];
    // Without `:v` the threads would reach the AAC encoder too, and ffmpeg warns of `b` without it.
    for (name, value) in encoder::options(video) {
        words.push(format!("-{}:v {}", name, quoted(&value)));
    }
    // `t` counts from the rendition's first frame, wherever on the clock that stands.
    if encoder::takes_keyframes(video) {
        words.push(format!("-force_key_frames 'expr:gte(t,n_forced*{})'", video.keyint_seconds));
    }
    words.push(match video.timing {
        // The rate is the encoder's time base. Neither 5.1's own choice nor `cfr` will do: both fill a start that is
        // late by a part of a frame with a repeated one, MP4 being no container of variable rate to them.
        Timing::Constant if video.frame_rate.is_known() => format!("-fps_mode vfr -r {}", video.frame_rate),
        _ => format!("-fps_mode passthrough -enc_time_base {VARIABLE_TIME_BASE}"),
    });
    words
}

/// Sound is written to each output anew; ffmpeg encodes it as often, which this program does not.
fn sound_part(info: &MediaInfo, plan: &AudioPlan) -> Option<String> {
    let audio = info.audio.as_ref()?;
    let map = format!("-map 0:{}", audio.stream_index);
    match plan {
        AudioPlan::None => None,
        AudioPlan::Copy => Some(format!("{map} -c:a copy")),
        AudioPlan::Aac(AacPlan { bits_per_second, sample_rate, channels }) => {
            Some(format!("{map} -c:a aac -b:a {bits_per_second} -ar {sample_rate} -ac {channels}"))
        }
    }
}

/// Returns a path that ffmpeg takes for nothing but a path: not for an option, not for a protocol.
fn path(path: &str) -> String {
    let is_ambiguous = path.starts_with('-') || path.contains(':');
    quoted(&if is_ambiguous { format!("file:{path}") } else { path.to_owned() })
}

/// Returns a word as the shell must see it.
fn quoted(word: &str) -> String {
    // What is not on this list is quoted, known to be harmless or not.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:=,+%@-".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    if matches!(printable(word), Cow::Borrowed(_)) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    // Shells have a spelling for what must not be shown as it is, byte by byte.
    let spelled = |byte: u8| match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    };
    format!("$'{}'", word.bytes().map(spelled).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{AudioCodec, Oddity, RenditionName};
    use crate::transcode::plan::plan;
    use crate::transcode::sample::lesson;
    use crate::transcode::{RenditionRequest, Request};

    fn request(names: &[&str]) -> Request {
        let named =
            |name: &&str| RenditionRequest::plain(RenditionName::parse(name).expect("a name of the ladder"));
        Request { renditions: names.iter().map(named).collect(), ..Request::default() }
    }

    fn outputs(plan: &Plan) -> Vec<String> {
        let output = |rendition: &RenditionPlan| format!("out/lesson_{}.{}", rendition.name, plan.container);
        plan.renditions.iter().map(output).collect()
    }

    #[test]
    fn a_plan_reads_as_source_then_renditions_with_reasons_and_settings() {
        let mut info = lesson();
        info.oddities.push(Oddity::AudioOffset { seconds: 0.244 });
        let plan = plan(&info, &request(&["1080P", "480P"])).expect("plannable");
        insta::assert_snapshot!(text(&info, &plan, "lesson.flv", &outputs(&plan)), @r#"
        lesson.flv: flv, 1:00.00, 15.3 MiB
          picture   h264 High, 1920x1080, yuv420p, 25 frames/s, 2.00 Mbit/s, keyframes at most 4.0 s apart
          sound     aac, 44100 Hz, stereo, 128 kbit/s
          work      5 chunks of at most 12.0 s, side by side
          note      the sound begins 0.244 s after the picture, and still does in the outputs

        1080P: copy -> out/lesson_1080P.flv
          why       the picture fits as it is: H.264 8-bit 4:2:0, 2.00 Mbit/s, keyframes at most 4.0 s apart
          sound     copied

        480P: transcode -> out/lesson_480P.flv
          why       scaled from 1920x1080
          picture   854x480 with x264 veryfast, crf 24, a keyframe every 4 s
          filter    zscale=w=854:h=480:f=bicubic,format=yuv420p,setsar=1
          encoder   preset=veryfast crf=24 g=100 sc_threshold=0 forced-idr=1 threads=1
          sound     copied
        "#);
    }

    #[test]
    fn the_ffmpeg_line_splits_one_decode_and_quotes_what_the_shell_would_take() {
        let info = lesson();
        let plan = plan(&info, &request(&["720P", "240P"])).expect("plannable");
        insta::assert_snapshot!(ffmpeg_line(&info, &plan, "my lesson's.flv", &outputs(&plan)), @r#"
        # in one piece, which differs by the chunks' seams:
        ffmpeg -i 'my lesson'\''s.flv' \
          -filter_complex '[0:0]split=2[s0][s1];[s0]zscale=w=1280:h=720:f=bicubic,format=yuv420p,setsar=1[v0];[s1]zscale=w=426:h=240:f=bicubic,format=yuv420p,setsar=1[v1]' \
          -map '[v0]' -c:v libx264 -preset:v veryfast -crf:v 24 -g:v 100 -sc_threshold:v 0 -forced-idr:v 1 -threads:v 1 -force_key_frames 'expr:gte(t,n_forced*4)' -fps_mode vfr -r 25 -map 0:1 -c:a copy \
          out/lesson_720P.flv \
          -map '[v1]' -c:v libx264 -preset:v veryfast -crf:v 24 -g:v 100 -sc_threshold:v 0 -forced-idr:v 1 -threads:v 1 -force_key_frames 'expr:gte(t,n_forced*4)' -fps_mode vfr -r 25 -map 0:1 -c:a copy \
          out/lesson_240P.flv
        "#);
    }

    #[test]
    fn the_ffmpeg_line_turns_deinterlaces_and_remuxes_as_the_plan_does() {
        let mut info = lesson();
        let video = info.video.as_mut().expect("the lesson has a picture");
        (video.scan, video.rotation, video.timing) = (Scan::TopFieldFirst, Rotation::Quarter, Timing::Variable);
        info.audio.as_mut().expect("the lesson has sound").codec = AudioCodec::Other("speex".to_owned());
        let turned = plan(&info, &request(&["480P"])).expect("plannable");
        insta::assert_snapshot!(ffmpeg_line(&info, &turned, "-a:b.flv", &outputs(&turned)), @r#"
        # in one piece, which differs by the chunks' seams:
        ffmpeg -noautorotate -i file:-a:b.flv \
          -filter_complex '[0:0]bwdif=mode=send_frame:deint=interlaced,transpose=clock,zscale=w=480:h=854:f=bicubic,format=yuv420p,setsar=1[v0]' \
          -map '[v0]' -c:v libx264 -preset:v veryfast -crf:v 24 -g:v 960 -sc_threshold:v 0 -forced-idr:v 1 -threads:v 1 -force_key_frames 'expr:gte(t,n_forced*4)' -fps_mode passthrough -enc_time_base 1/90000 -map 0:1 -c:a aac -b:a 128000 -ar 44100 -ac 2 \
          out/lesson_480P.flv
        "#);
        let mut info = lesson();
        info.index_first = true;
        let moved = plan(&info, &Request { container: Some(Container::Mp4), ..request(&[]) }).expect("plannable");
        insta::assert_snapshot!(ffmpeg_line(&info, &moved, "lesson.flv", &outputs(&moved)), @r#"
        ffmpeg -i lesson.flv \
          -map 0:0 -c:v copy -map 0:1 -c:a copy -movflags +faststart \
          out/lesson_1080P.mp4
        "#);
    }

    #[test]
    fn words_for_the_shell_come_back_as_they_went_in() {
        assert_eq!(quoted("a-b_c/d.flv"), "a-b_c/d.flv");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("it's\\\u{1b}[2J课"), r"$'it\'s\\\033[2J\350\257\276'");
    }
}
