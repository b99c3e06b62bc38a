//! How long a message takes to be understood, or to be refused: at most 1 ms a KiB, whoever wrote it and whatever for.
//!
//! Sizes are those of a booking as it is sent, and of the largest that is read at all.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use reelmill::booking::Channel;
use reelmill::booking::message::{BODY_BYTES_MAX, parse};
use url::Url;

const BOOKING: &str = r#"{"cmd":"booking","class_id":"c-1029","institution_id":"22","course_name":"Algebra 3",
"record_id":6666,"video_url":"http://origin.example/6666.flv","video_resolution":"720P",
"video_url_list":{"480P":"http://origin.example/6666_480P.flv"},"start_time":1760000000,"end_time":1760003600,
"push_url":"rtmp://live.example/a","callback_url":"https://school.example/told","priority":50}"#;

fn admits(_: &Url) -> Result<(), String> {
    Ok(())
}

/// A message of the largest size, made of `piece` between two ends.
fn filled(start: &str, piece: &str, end: &str) -> String {
    let count = (BODY_BYTES_MAX - start.len() - end.len()) / piece.len();
    format!("{start}{}{end}", piece.repeat(count))
}

fn messages() -> [(&'static str, String); 6] {
    [
        ("a_booking", BOOKING.to_owned()),
        (
            "unknown_fields",
            filled(r#"{"class_id":"c-1","x":["#, "[0],", r#"0],"record_id":1,"video_url":"http://a.example"}"#),
        ),
        (
            "a_key_many_times",
            filled("{", r#""class_id":"c-1","#, r#""record_id":1,"video_url":"http://a.example"}"#),
        ),
        ("a_long_name", filled(r#"{"record_id":1,"class_id":""#, r"\u0041", "\"}")),
        ("a_long_address", filled(r#"{"record_id":1,"class_id":1,"video_url":"http://a.example/"#, "课", "\"}")),
        ("not_json", filled("{", "x", "}")),
    ]
}

fn understanding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("understanding");
    for (name, body) in messages() {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| parse(body.as_bytes(), Channel::Bookings, &admits)));
    }
    group.finish();
}

criterion_group!(benches, understanding);
criterion_main!(benches);
