//! How a booking stands, in words and as an exit code.

use crate::booking::Code;
use crate::command::console::Paint;
use crate::command::sheet::{moment, sheet};
use crate::control::{Booking, Taken};
use crate::failure::ExitCode;
use crate::telemetry::printable;

/// The state of a class that will not get its recording.
pub(super) const FAILED: &str = "failed";

/// Returns what became of a message.
pub(super) fn taken(taken: &Taken, paint: Paint) -> String {
    match taken {
        Taken::Booked { booking, was_there: false } => of_booking(booking, "", paint),
        Taken::Booked { booking, was_there: true } => of_booking(booking, ", was booked before", paint),
        Taken::Ended { booking: Some(booking), was_live } => {
            let before = if *was_live { "" } else { ", was so before" };
            format!("{}: {}{before}", name(booking), printable(&booking.state))
        }
        Taken::Ended { booking: None, .. } => "the class has no booking: nothing to end".to_owned(),
        Taken::Noted { is_known: true } => "the result is heard".to_owned(),
        Taken::Noted { is_known: false } => "nobody had asked for this rendition".to_owned(),
    }
}

/// Returns how a booking stands.
pub(super) fn booking(booking: &Booking, paint: Paint) -> String {
    of_booking(booking, "", paint)
}

fn of_booking(booking: &Booking, aside: &str, paint: Paint) -> String {
    let resolution = booking.video_resolution.as_deref().map_or(String::new(), |name| format!(" in {name}"));
    let mut facts = vec![("record", format!("{}{resolution}", booking.record_id))];
    if let Some(path) = &booking.path {
        facts.push(("file", path.clone()));
    }
    if !booking.url.is_empty() {
        facts.push(("from", booking.url.clone()));
    }
    if let Some(seconds) = booking.eta_seconds {
        facts.push(("ready in", format!("{seconds:.0} s")));
    }
    if let Some(code) = booking.code {
        facts.push(("failure", format!("{code} {}: {}", booking.error, booking.reason)));
    }
    if let Some(end) = booking.end_milliseconds {
        facts.push(("until", moment(end)));
    }
    let facts: Vec<_> = facts.into_iter().map(|(label, fact)| (label, printable(&fact).into_owned())).collect();
    sheet(&format!("{}: {}{aside}", name(booking), printable(&booking.state)), &facts, paint)
}

fn name(booking: &Booking) -> String {
    let slash = if booking.institution_id.is_empty() { "" } else { "/" };
    printable(&format!("{}{slash}{}", booking.institution_id, booking.class_id)).into_owned()
}

/// Returns whether nothing more becomes of a booking, short of the class's end.
pub(super) fn is_settled(booking: &Booking) -> bool {
    !matches!(booking.state.as_str(), "waiting" | "downloading" | "transcoding")
}

/// Returns how a command ends that waited for this booking.
pub(super) fn exit_code(booking: &Booking) -> ExitCode {
    if booking.state == "ready" {
        return ExitCode::Done;
    }
    match booking.code.and_then(Code::of) {
        Some(Code::TranscodeFailed) => ExitCode::BadInput,
        Some(Code::DownloadFailed) => ExitCode::Temporary,
        Some(Code::DiskFull) => ExitCode::Storage,
        Some(Code::InvalidMessage) => ExitCode::Usage,
        Some(Code::TimedOut | Code::UrlMissing) | None => ExitCode::Failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(state: &str, code: Option<u16>) -> Booking {
        Booking {
            institution_id: "22".to_owned(),
            class_id: "c-1029".to_owned(),
            sequence: 1,
            state: state.to_owned(),
            code,
            error: code.and_then(Code::of).map_or(String::new(), |code| code.name().to_owned()),
            reason: code.map_or(String::new(), |_| "the \u{7}disk is full".to_owned()),
            record_id: "6666".to_owned(),
            video_resolution: Some("720P".to_owned()),
            path: (state == "ready").then(|| "/cache/22/6666/6666_720P.flv".to_owned()),
            url: "http://origin/6666.flv".to_owned(),
            eta_seconds: (state == "downloading").then_some(12.4),
            accepted_milliseconds: 0,
            updated_milliseconds: 0,
            start_milliseconds: None,
            end_milliseconds: Some(1_760_000_000_000),
        }
    }

    #[test]
    fn a_booking_is_told_with_what_a_person_asks_next() {
        let booked = Taken::Booked { booking: of("downloading", None), was_there: true };
        assert_eq!(
            taken(&booked, Paint(false)),
            "22/c-1029: downloading, was booked before\n  record    6666 in 720P\n  from      http://origin/6666.flv\n  \
             ready in  12 s\n  until     2025-10-09T08:53:20Z"
        );
        assert!(booking(&of("ready", None), Paint(false)).contains("\n  file      /cache/22/6666/6666_720P.flv\n"));
        let failed = booking(&of("failed", Some(316)), Paint(false));
        assert!(failed.contains("\n  failure   316 DISK_FULL: the \\u{7}disk is full\n"), "{failed}");
    }

    #[test]
    fn an_end_says_whether_there_was_anything_to_end() {
        let said = |booking, was_live| taken(&Taken::Ended { booking, was_live }, Paint(false));
        assert_eq!(said(Some(of("over", None)), true), "22/c-1029: over");
        assert_eq!(said(Some(of("over", None)), false), "22/c-1029: over, was so before");
        assert_eq!(said(None, false), "the class has no booking: nothing to end");
        assert_eq!(taken(&Taken::Noted { is_known: true }, Paint(false)), "the result is heard");
    }

    #[test]
    fn the_exit_code_says_who_must_do_something() {
        for (state, code, exit) in [
            ("ready", None, ExitCode::Done),
            ("failed", Some(207), ExitCode::Failure),
            ("failed", Some(208), ExitCode::BadInput),
            ("failed", Some(209), ExitCode::Temporary),
            ("failed", Some(316), ExitCode::Storage),
            ("failed", Some(400), ExitCode::Usage),
            ("failed", Some(501), ExitCode::Failure),
            ("failed", Some(999), ExitCode::Failure),
            ("cancelled", None, ExitCode::Failure),
        ] {
            assert_eq!(exit_code(&of(state, code)), exit, "{state} {code:?}");
            assert!(is_settled(&of(state, code)));
        }
        for state in ["waiting", "downloading", "transcoding"] {
            assert!(!is_settled(&of(state, None)), "{state}");
        }
    }
}
