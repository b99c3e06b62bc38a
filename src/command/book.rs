//! `reelmill book`, `over` and `cancel`: messages to the running worker, through its control socket.
//!
//! Only a worker can take them: where none runs that is said, and nothing is kept for later.

mod said;
mod told;
mod wire;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::{CommandError, Console, config};
use crate::booking::message::{PRIORITY, ended_body, to_body};
use crate::booking::{self, ClassKey};
use crate::cli::{BookArgs, ClassArgs, DbPlaceArgs};
use crate::config::Variables;
use crate::control::{self, Booking, MessageChannel, Reply, Request, Taken};
use crate::failure::ExitCode;

/// `cmd` of the message that a class is over.
pub(super) const OVER: &str = "over";
/// `cmd` of the message that takes a booking back.
pub(super) const CANCEL: &str = "cancel";

/// The longest message that the worker takes.
const MESSAGE_BYTES_MAX: u64 = 1 << 20;
/// How often a booking that is waited for is looked at: sooner than a person wonders, and nothing to a worker.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Books, and waits where that is asked.
pub(super) fn book(args: &BookArgs, variables: &Variables, console: &Console) -> Result<ExitCode, CommandError> {
    let body = match &args.message {
        Some(path) => read(path)?,
        None => to_body(&booking(args)),
    };
    let folder = folder(&args.place, variables)?;
    let taken = send(&folder, MessageChannel::Bookings, body)?;
    match &taken {
        Taken::Booked { booking, .. } if args.wait => {
            let booking = wait(&folder, booking.clone(), console)?;
            let text = if args.place.json {
                wire::booking_document(&booking)
            } else {
                said::booking(&booking, console.stdout)
            };
            console.print(&text)?;
            Ok(said::exit_code(&booking))
        }
        _ => tell(&taken, args.place.json, console),
    }
}

/// Ends a class's booking.
pub(super) fn end(
    cmd: &'static str,
    args: &ClassArgs,
    variables: &Variables,
    console: &Console,
) -> Result<ExitCode, CommandError> {
    let body = ended_body(cmd, &class_of(&args.class, args.institution.as_deref()));
    let taken = send(&folder(&args.place, variables)?, MessageChannel::Control, body)?;
    tell(&taken, args.place.json, console)
}

/// Returns the booking that the options spell. Whether it can be is the worker's to say: it knows the rules.
fn booking(args: &BookArgs) -> booking::Booking {
    let milliseconds = |seconds: i64| seconds.saturating_mul(1000);
    booking::Booking {
        class: class_of(args.class.as_deref().unwrap_or_default(), args.institution.as_deref()),
        course_name: args.course.clone().unwrap_or_default(),
        record: args.record.clone().unwrap_or_default(),
        video_url: args.url.clone(),
        resolution: args.resolution,
        list: args.list.iter().cloned().collect(),
        start_milliseconds: args.start.map(milliseconds),
        end_milliseconds: args.end.map(milliseconds),
        push_url: None,
        callback_url: args.callback.clone(),
        priority: args.priority.unwrap_or(PRIORITY),
    }
}

fn class_of(class_id: &str, institution: Option<&str>) -> ClassKey {
    ClassKey { institution: institution.unwrap_or_default().to_owned(), class_id: class_id.to_owned() }
}

fn tell(taken: &Taken, json: bool, console: &Console) -> Result<ExitCode, CommandError> {
    console.print(&if json { wire::taken_document(taken) } else { said::taken(taken, console.stdout) })?;
    Ok(match taken {
        Taken::Booked { booking, .. } if booking.state == said::FAILED => said::exit_code(booking),
        _ => ExitCode::Done,
    })
}

/// Returns where the worker listens.
fn folder(place: &DbPlaceArgs, variables: &Variables) -> Result<PathBuf, CommandError> {
    match &place.data_folder {
        Some(folder) => Ok(folder.clone()),
        None => Ok(config::read_without_secrets(&place.files, variables)?.config.node.data_folder.clone()),
    }
}

fn send(folder: &Path, channel: MessageChannel, body: String) -> Result<Taken, CommandError> {
    match ask(folder, &Request::Message { channel, body })? {
        Reply::Taken(taken) => Ok(taken),
        _ => Err(CommandError::Engine("the worker answered something else".to_owned())),
    }
}

fn ask(folder: &Path, request: &Request) -> Result<Reply, CommandError> {
    control::ask(folder, request, &mut |_| {}).map_err(CommandError::stage)
}

/// Looks until nothing more becomes of a booking, and says what changes meanwhile.
fn wait(folder: &Path, mut booking: Booking, console: &Console) -> Result<Booking, CommandError> {
    let request =
        Request::Booking { institution: booking.institution_id.clone(), class_id: booking.class_id.clone() };
    let mut said = String::new();
    while !said::is_settled(&booking) {
        if booking.state != said {
            console.remark(&format!("{}: {}", booking.class_id, booking.state));
            said.clone_from(&booking.state);
        }
        thread::sleep(LOOK_EVERY);
        match ask(folder, &request)? {
            Reply::Booking { booking: Some(now) } => booking = now,
            _ => return Err(CommandError::Engine("the worker no longer knows the booking".to_owned())),
        }
    }
    Ok(booking)
}

fn read(path: &Path) -> Result<String, CommandError> {
    let unreadable = |source| CommandError::SourceUnreadable { path: path.to_owned(), source };
    let mut text = String::new();
    let reader: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path).map_err(unreadable)?),
    };
    let length = reader.take(MESSAGE_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if length as u64 > MESSAGE_BYTES_MAX {
        return Err(CommandError::Usage("the message is longer than 1 MiB".to_owned()));
    }
    Ok(text)
}
