//! From the options to the planner's request. What needs the source to be judged is left to the planner.

use super::CommandError;
use crate::cli::TranscodeArgs;
use crate::media::Container;
use crate::transcode::{RateControlRequest, RenditionRequest, Request, encoder, x264};

/// Returns what `args` ask for, written into `container`.
pub(super) fn of(args: &TranscodeArgs, container: Option<Container>) -> Result<Request, CommandError> {
    check_names(&args.renditions)?;
    Ok(Request {
        renditions: args.renditions.clone(),
        container,
        encoder: encoder::named(&args.encoder).map_err(CommandError::stage)?,
        unavailable: None,
        unused_settings: Vec::new(),
        preset: args.preset.clone(),
        rate_control: RateControlRequest {
            mode: args.rate_control,
            crf: args.crf,
            cq: args.cq,
            bits_per_second: args.bitrate,
            max_bits_per_second: args.maxrate,
            buffer_bits: args.bufsize,
        },
        keyint_seconds: args.keyint,
        audio: args.audio,
        encoder_options: args.encoder_options.clone(),
        force_encode: args.force_encode,
        no_chunks: args.no_chunks,
        accept_truncated: args.accept_truncated,
        has_avx512: x264::has_avx512(),
    })
}

/// Two renditions of one name would write the same file.
fn check_names(renditions: &[RenditionRequest]) -> Result<(), CommandError> {
    let repeats = |(index, rendition): &(usize, &RenditionRequest)| {
        renditions[..*index].iter().any(|earlier| earlier.name == rendition.name)
    };
    match renditions.iter().enumerate().find(repeats) {
        Some((_, rendition)) => Err(CommandError::RenditionTwice(rendition.name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::cli::{self, Command};
    use crate::media::RateControlMode;

    fn request(options: &str) -> Result<Request, CommandError> {
        let words: Vec<OsString> =
            format!("reelmill transcode lesson.flv {options}").split_whitespace().map(OsString::from).collect();
        let Command::Transcode(args) = cli::parse(&words).unwrap().command else { panic!("not a transcode") };
        of(&args, None)
    }

    #[test]
    fn without_options_everything_is_at_its_default() {
        assert_eq!(request("").unwrap(), Request { has_avx512: x264::has_avx512(), ..Request::default() });
    }

    #[test]
    fn every_option_reaches_the_request() {
        let made = request(
            "-r 720p --rate-control VBR --bitrate 2M --maxrate 3M --bufsize 6M --preset fast --keyint 2 \
             --audio aac:96k --enc aq-mode=2 --force-encode --accept-truncated --no-chunks",
        )
        .unwrap();
        assert_eq!(made.rate_control.mode, Some(RateControlMode::Vbr));
        assert_eq!(made.rate_control.max_bits_per_second, Some(3_000_000));
        assert_eq!((made.keyint_seconds, made.preset.as_deref()), (2.0, Some("fast")));
        assert_eq!(made.encoder_options, [("aq-mode".to_owned(), "2".to_owned())]);
        assert!(made.force_encode && made.accept_truncated && made.no_chunks);
    }

    #[test]
    fn one_name_may_be_asked_for_once() {
        let refused = request("-r 720P -r 480P -r 720:crf=20");
        assert!(matches!(refused, Err(CommandError::RenditionTwice(name)) if name.short_side() == 720));
    }
}
