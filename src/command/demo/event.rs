//! What the node tells of, asked for over HTTP as any program would, and a line of text for each.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::wire::{Data, Event, page};
use crate::command::console::Paint;
use crate::figure;
use crate::telemetry::printable;

/// A node on this machine answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// A page of events has some hundred bytes for each of 200.
const PAGE_BYTES_MAX: u64 = 1 << 20;

/// The events of a node, from its first one on.
#[derive(Debug)]
pub(super) struct Events {
    address: String,
    after: i64,
}

impl Events {
    pub(super) fn of(address: &str) -> Self {
        Self { address: address.to_owned(), after: 0 }
    }

    /// Returns what happened since this was asked last.
    pub(super) fn next(&mut self) -> io::Result<Vec<Event>> {
        let answer = self.get(&format!("/api/v1/events?limit=200&after={}", self.after))?;
        let events = page(body(&answer)?)?.items;
        self.after = events.last().map_or(self.after, |event| event.sequence);
        Ok(events)
    }

    fn get(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(PAGE_BYTES_MAX).read_to_end(&mut answer)?;
        Ok(answer)
    }
}

/// Returns the body of an answer that is a success.
fn body(answer: &[u8]) -> io::Result<&[u8]> {
    let end =
        answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").filter(|_| answer.starts_with(b"HTTP/1.1 200"));
    end.map(|end| &answer[end + 4..]).ok_or_else(|| io::Error::other("the worker answered something else"))
}

/// Returns `19:00:03  algebra-7a   booking.ready   …`.
pub(super) fn line(event: &Event, paint: Paint) -> String {
    let time = event.time.get(11..19).unwrap_or(&event.time);
    let (subject, text) = (subject(event), text(&event.name, &event.data));
    let name = format!("{:<20}", event.name);
    let name = match event.name.as_str() {
        "booking.ready" | "transcode.succeeded" => paint.good(&name),
        "booking.failed" | "transcode.failed" | "transcode.timed_out" | "alarm" | "cache.full" => paint.bad(&name),
        "job.changed" => paint.faint(&name),
        _ => name,
    };
    format!("{}  {:<11}  {name}  {}", paint.faint(time), printable(&subject), printable(&text))
        .trim_end()
        .to_owned()
}

/// Returns what an event is about: a class, a rendition, a file.
fn subject(event: &Event) -> String {
    let data = &event.data;
    let whole = event.class_id.as_deref().or(data.key.as_deref()).or(data.subject.as_deref());
    match (whole, &data.record_id) {
        (Some(whole), _) => whole.split(' ').next().unwrap_or_default().to_owned(),
        (None, Some(record)) => format!("{record}_{}", data.video_resolution.as_deref().unwrap_or_default()),
        (None, None) => String::new(),
    }
}

fn text(name: &str, data: &Data) -> String {
    let said = |value: &Option<String>| value.clone().unwrap_or_default();
    if let Some(reason) = &data.reason {
        let code = data.code.map_or(String::new(), |code| format!("{code} "));
        return format!("{code}{}: {reason}", said(&data.error));
    }
    match (&data.path, &data.kind, &data.provider) {
        (Some(path), ..) => format!("{path}, {}", figure::bytes(data.bytes.unwrap_or_default())),
        (_, Some(kind), _) => format!("{kind} {}", said(&data.state)),
        (.., Some(provider)) => format!("{provider}, attempt {}", data.attempt.unwrap_or_default()),
        _ if name == "booking.accepted" => {
            let size = data.video_resolution.as_ref().map_or(String::new(), |size| format!(" in {size}"));
            format!("{}{size}", said(&data.record_id))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(items: &str) -> Vec<String> {
        let page = page(format!("{{\"items\":[{items}],\"next\":null}}").as_bytes()).unwrap();
        page.items.iter().map(|event| line(event, Paint(false))).collect()
    }

    #[test]
    fn an_event_is_a_line_with_its_time_its_subject_and_what_is_to_tell() {
        let head = r#""event_id":"x","time":"2026-11-21T19:00:03.120Z","institution_id":"","sequence":7"#;
        let items = [
            format!(
                r#"{{{head},"type":"booking.accepted","class_id":"c-1","data":{{"record_id":"lesson","video_resolution":"480P","state":"waiting"}}}}"#
            ),
            format!(
                r#"{{{head},"type":"booking.ready","class_id":"c-1","data":{{"record_id":"lesson","path":"/c/l.flv","bytes":2048}}}}"#
            ),
            format!(
                r#"{{{head},"type":"transcode.started","data":{{"record_id":"lesson","video_resolution":"480P","provider":"local","attempt":1}}}}"#
            ),
            format!(
                r#"{{{head},"type":"job.changed","data":{{"kind":"fetch","key":"lesson 77","state":"running"}}}}"#
            ),
            format!(
                r#"{{{head},"type":"alarm","data":{{"code":501,"error":"URL_MISSING","reason":"none","subject":"s","count":1}}}}"#
            ),
        ];
        assert_eq!(
            lines(&items.join(",")),
            [
                "19:00:03  c-1          booking.accepted      lesson in 480P",
                "19:00:03  c-1          booking.ready         /c/l.flv, 2.0 KiB",
                "19:00:03  lesson_480P  transcode.started     local, attempt 1",
                "19:00:03  lesson       job.changed           fetch running",
                "19:00:03  s            alarm                 501 URL_MISSING: none",
            ]
        );
    }

    #[test]
    fn only_a_success_has_a_body_that_is_read() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\na: b\r\n\r\n{}").unwrap(), b"{}");
        assert!(body(b"HTTP/1.1 503 no\r\n\r\n{}").is_err());
        assert!(body(b"HTTP/1.1 200 OK\r\n").is_err());
    }
}
