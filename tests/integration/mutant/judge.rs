//! What became of a mutant: the program as a user runs it, in so much time and memory, and every output looked at again.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use reelmill::av::decode::{Decoder, Threads};
use reelmill::av::demux::{Analysis, Demuxer, Read};
use reelmill::av::{Interrupt, Packet, Received, Sent, StreamKind, probe};
use tempfile::TempDir;

use crate::support::binary::{Said, reelmill};

/// A good one takes a tenth of a second.
const SECONDS_MAX: u32 = 30;
/// A fourth of what a worker gives to such a process; a good one takes an eighth of it. Data, as a worker limits it.
const MEMORY_MAX_KIB: u32 = 1 << 20;
/// What a process says that has been refused memory.
const WANT: [&str; 2] = ["Cannot allocate memory", "memory allocation of"];

pub(super) enum Verdict {
    /// The code that it ended with, or `OK`.
    Fine(String),
    /// What must not be.
    Wrong(String),
}

/// Writes the mutant as `name`, has a rendition made of it, and judges both.
pub(super) fn judge(folder: &TempDir, name: &str, mutant: &[u8], number: usize) -> Verdict {
    fs::write(folder.path().join(name), mutant).unwrap();
    let output = folder.path().join(if number % 4 < 2 { "out.mp4" } else { "out.flv" });
    let _ = fs::remove_file(&output);
    // Copied sound is as good as it came; encoded sound is ours.
    let sound = if number.is_multiple_of(3) { "copy" } else { "aac" };
    let words = format!(
        "transcode {name} -r 240P -o {} --force-encode --audio {sound} --jobs 1 --progress none --json",
        output.file_name().unwrap().to_str().unwrap()
    );
    let said = confined(&reelmill(folder.path(), &words));
    let judged = match said.exit {
        0 => right(&output, &said, sound == "aac").map(|()| "OK".to_owned()),
        3 => documented(&said, &output),
        137 => Err(format!("it did not end in {SECONDS_MAX} s, or was killed: {said}")),
        _ => Err(format!("{said}")),
    };
    let judged = match WANT.into_iter().find(|words| said.stderr.contains(words) || said.stdout.contains(words)) {
        Some(_) => Err(format!("it wanted more than {MEMORY_MAX_KIB} KiB: {said}")),
        None => judged,
    };
    judged.map_or_else(Verdict::Wrong, Verdict::Fine)
}

/// Runs the program within the limits.
fn confined(command: &Command) -> Said {
    let mut limited = Command::new("timeout");
    let script = format!("ulimit -d {MEMORY_MAX_KIB}; ulimit -c 0; exec \"$@\"");
    limited.args(["-s", "KILL", &SECONDS_MAX.to_string(), "sh", "-c", &script, "sh"]);
    limited.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    limited.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    crate::support::binary::end(&mut limited)
}

/// A refusal: by a code that is written down, with its cure, and nothing left in the output's place.
fn documented(said: &Said, output: &Path) -> Result<String, String> {
    let document = said.document();
    let error = if document["error"].is_null() { &document["renditions"][0]["error"] } else { &document["error"] };
    let code = error["code"].as_str().unwrap_or_default().to_owned();
    let table = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md")).unwrap();
    if !table.contains(&format!("| `{code}` |")) || error["cure"].as_str().is_none_or(str::is_empty) {
        return Err(format!("{code:?} is not documented: {said}"));
    }
    if output.try_exists().unwrap() {
        return Err(format!("{code}, but the output is there: {said}"));
    }
    Ok(code)
}

/// A success: the output is what the program says, as a stranger finds it.
fn right(output: &Path, said: &Said, is_sound_ours: bool) -> Result<(), String> {
    let document = said.document();
    let rendition = &document["renditions"][0];
    let frames = rendition["frames"].as_u64().unwrap();
    let wrong = |what: String| Err(format!("called right: {what}: {said}"));
    if rendition["verified"] != true {
        return wrong("not verified".to_owned());
    }
    let info = match probe(output, &Interrupt::default()) {
        Ok(info) => info,
        Err(error) => return wrong(format!("it cannot be read again: {error}")),
    };
    if !info.oddities.iter().all(|oddity| matches!(oddity, reelmill::media::Oddity::AudioOffset { .. })) {
        return wrong(format!("it is odd itself: {:?}", info.oddities));
    }
    let pictures = decoded(output, StreamKind::Video);
    if pictures != Ok(frames) {
        return wrong(format!("{frames} frames are told, and decoded are {pictures:?}"));
    }
    match decoded(output, StreamKind::Audio) {
        Err(error) if is_sound_ours => wrong(format!("its sound does not decode: {error}")),
        _ => Ok(()),
    }
}

/// Decodes all of a stream and returns how many frames came out, or the first thing that a strict reader refuses.
fn decoded(path: &Path, kind: StreamKind) -> Result<u64, String> {
    let told = |error: reelmill::av::AvError| error.to_string();
    let mut demuxer = Demuxer::open(path, Analysis::Usual, &Interrupt::default()).map_err(told)?;
    let streams = demuxer.streams().map_err(told)?;
    let Some(stream) = streams.iter().find(|stream| stream.kind == kind) else { return Ok(0) };
    demuxer.choose(&[stream.index]);
    let mut decoder = Decoder::open(stream, Threads::Count(1)).map_err(told)?;
    let mut frames = 0;
    while let Read::Packet(packet) = demuxer.read().map_err(told)? {
        send(&mut decoder, Some(&packet), &mut frames)?;
    }
    send(&mut decoder, None, &mut frames)?;
    Ok(frames)
}

fn send(decoder: &mut Decoder, packet: Option<&Packet>, frames: &mut u64) -> Result<(), String> {
    loop {
        let sent = match packet {
            Some(packet) => decoder.send(packet),
            None => decoder.send_end(),
        };
        let sent = sent.map_err(|error| format!("{error:?}"))?;
        while let Received::Item(frame) = decoder.receive().map_err(|error| format!("{error:?}"))? {
            if frame.is_damaged() {
                return Err(format!("frame {frames} is damaged"));
            }
            *frames += 1;
        }
        if sent == Sent::Accepted {
            return Ok(());
        }
    }
}
