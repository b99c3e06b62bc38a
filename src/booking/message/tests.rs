//! Every bad message that we know of by name, every spelling that is taken, and properties of any bytes whatever.

use proptest::prelude::*;

use super::*;
use crate::download::Guard;
use crate::failure::{Failure, FailureClass};

fn admits(url: &Url) -> Result<(), String> {
    Guard::default().target(url).map(drop).map_err(|refusal| refusal.to_string())
}

fn read(body: &str) -> Result<Message, Invalid> {
    parse(body.as_bytes(), Channel::Bookings, &admits)
}

/// A booking of which `change` replaces one field, or leaves it out where it is empty.
fn with(field: &str, value: &str) -> String {
    let mut fields = vec![
        ("class_id", r#""c-1""#),
        ("record_id", "6666"),
        ("video_url", r#""http://origin.example/6666.flv""#),
        ("video_url_list", r#"{"480P":"http://origin.example/6666_480P.flv"}"#),
    ];
    fields.retain(|(name, _)| *name != field);
    if !value.is_empty() {
        fields.push((field, value));
    }
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

fn booked(body: &str) -> Booking {
    match read(body) {
        Ok(Message::Booking(booking)) => *booking,
        other => panic!("{body}: {other:?}"),
    }
}

fn resulted(body: &str) -> TranscodeResult {
    match read(body) {
        Ok(Message::Result(result)) => result,
        other => panic!("{body}: {other:?}"),
    }
}

#[track_caller]
fn check(field: &str, value: &str, rule: &str, got: &str) {
    check_body(&with(field, value), field, rule, got);
}

#[track_caller]
fn check_body(body: &str, field: &str, rule: &str, got: &str) {
    let invalid = read(body).expect_err(body);
    assert_eq!((invalid.field.as_str(), invalid.rule, invalid.got.as_str()), (field, rule, got), "{body}");
}

const NAME: &str = "1 to 64 of a-z, A-Z, 0-9, '_', '-' and '.', the first neither '-' nor '.'";
const NO_FILE: &str = "a name that does not end like a file's or a rendition's";
const NO_DEVICE: &str = "a name that is no device's";
const CLASS: &str = "1 to 128 bytes without white space, control characters, '/', '\\' and '#'";
const WEB: &str = "an http or https address";
const SHORT: &str = "an address of at most 4096 bytes";
const PLAIN: &str = "an address without control characters";
const NOBODY: &str = "an address without a user name and a password";
const DIALLED: &str = "an address that this node may fetch from";
const LIST: &str = "an object of at most 64 renditions";
const TIME: &str = "Unix seconds of the years 2001 to 2100";
const PRIORITY_RULE: &str = "a whole number from 0 to 100";
const CMD: &str = "booking, over, cancel or transcoding";

#[test]
fn what_is_no_message_at_all_is_refused_whole() {
    check_body("", "message", "JSON", r#""" (EOF while parsing a value at line 1 column 0)"#);
    check_body("hello", "message", "JSON", r#""hello" (expected value at line 1 column 1)"#);
    let truncated = r#"{"class_id":"c-1","record_id":66"#;
    let got = r#""{\"class_id\":\"c-1\",\"reco… (EOF while parsing an object at line 1 column 32)"#;
    check_body(truncated, "message", "JSON", got);
    check_body(
        r#"{"priority":NaN}"#,
        "message",
        "JSON",
        r#""{\"priority\":NaN}" (expected value at line 1 column 13)"#,
    );
    let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    assert_eq!(read(&deep).unwrap_err().rule, "JSON");
    assert_eq!(read(&"[".repeat(10_000)).unwrap_err().rule, "JSON");
    check_body("[1,2]", "message", "a JSON object", "a list of 2");
    check_body("null", "message", "a JSON object", "null");
    check_body("\"{}\"", "message", "a JSON object", "\"{}\"");
    check_body(&" ".repeat(10 << 20), "message", "at most 1 MiB", "10485760 bytes");
    assert_eq!(parse(b"{\"class_id\":\"\xff\"}", Channel::Bookings, &admits).unwrap_err().rule, "JSON");
}

#[test]
fn a_field_that_is_missing_or_null_is_named() {
    for value in ["", "null"] {
        check("class_id", value, CLASS, "nothing");
        check("record_id", value, NAME, "nothing");
    }
    let body = r#"{"class_id":"c-1","record_id":1,"video_url_list":{}}"#;
    check_body(body, "video_url", "there, or a video_url_list that is not empty", "nothing");
    check_body(r#"{"cmd":"over"}"#, "class_id", CLASS, "nothing");
    check_body(r#"{"cmd":"cancel"}"#, "class_id", CLASS, "nothing");
    let result = r#"{"cmd":"transcoding","record_id":1,"video_resolution":240}"#;
    check_body(result, "result", "sucess, success or a failure", "nothing");
    check_body(
        r#"{"cmd":"transcoding","record_id":1,"result":"sucess"}"#,
        "video_resolution",
        RENDITION,
        "nothing",
    );
    check_body(r#"{"cmd":"transcoding","result":"sucess","video_resolution":240}"#, "record_id", NAME, "nothing");
}

#[test]
fn a_value_of_the_wrong_sort_is_refused_in_every_field() {
    let fields = [
        ("class_id", CLASS),
        ("record_id", NAME),
        ("institution_id", NAME),
        ("video_url", WEB),
        ("video_resolution", RENDITION),
        ("video_url_list", LIST),
        ("start_time", TIME),
        ("end_time", TIME),
        ("priority", PRIORITY_RULE),
        ("callback_url", WEB),
        ("push_url", "text of at most 4096 bytes without control characters"),
        ("course_name", "text of at most 4096 bytes"),
        ("cmd", CMD),
    ];
    for (field, rule) in fields {
        check(field, "true", rule, "true");
        check(field, "[1]", rule, "a list of 1");
        check(field, "1.5", rule, "1.5");
        check(field, "1e3", rule, "1000.0");
    }
    for (field, rule) in fields.into_iter().filter(|(field, _)| *field != "video_url_list") {
        check(field, r#"{"a":1}"#, rule, "an object of 1");
    }
}

#[test]
fn numbers_beyond_their_field_are_refused() {
    for (field, rule) in [("start_time", TIME), ("end_time", TIME), ("priority", PRIORITY_RULE)] {
        for number in ["-1", "9223372036854775808", "\"\"", "\"12x\"", "\"+5\"", "\" 5\"", "\"NaN\""] {
            check(field, number, rule, number);
        }
    }
    check("priority", "101", PRIORITY_RULE, "101");
    check("start_time", "0", TIME, "0");
    check("start_time", "978307199", TIME, "978307199");
    check("start_time", "4133980800", TIME, "4133980800");
    check("record_id", "-1", NAME, "-1");
    check("record_id", "18446744073709551616", NAME, "1.8446744073709552e+19");
    check("video_resolution", "-720", RENDITION, "-720");
}

#[test]
fn x18_a_recording_s_name_is_a_folder_s_and_leads_nowhere_else() {
    for name in [
        "",
        ".",
        "..",
        "../../etc/passwd",
        "a/b",
        "a\\\\b",
        "%2e%2e%2f",
        "\\u0000",
        "a\\u0000",
        "-rf",
        ".work",
        "a b",
        "６６６６",
        "第1课",
        "a:b",
        "~",
        "a\\n",
    ] {
        for field in ["record_id", "institution_id"] {
            if !(name.is_empty() && field == "institution_id") {
                let got = serde_json::from_str::<String>(&format!("\"{name}\"")).unwrap();
                check(field, &format!("\"{name}\""), NAME, &format!("{got:?}"));
            }
        }
    }
    let long = format!("\"{}\"", "7".repeat(300));
    check("record_id", &long, NAME, &format!("\"{}…", "7".repeat(78)));
    for name in ["6666.flv", "6666.FLV", "6666_720P", "a_1p", "_0480P"] {
        check("record_id", &format!("\"{name}\""), NO_FILE, &format!("\"{name}\""));
    }
    for name in ["CON", "nul", "Aux.1", "COM1", "lpt9.x.y", "prn"] {
        check("record_id", &format!("\"{name}\""), NO_DEVICE, &format!("\"{name}\""));
    }
    for name in ["6666", "a.b_c", "_720Px", "a_P", "a_12345P", "CONE", "COM0", "COM10", "7-8"] {
        assert_eq!(booked(&with("record_id", &format!("\"{name}\""))).record, name);
    }
}

#[test]
fn a_class_s_name_may_be_in_any_letters_and_ends_where_it_ends() {
    for name in ["", "a b", "a/b", "a#2", "a\\\\b", "a\\u0000", "a\\n", "a\\u3000b"] {
        let got = serde_json::from_str::<String>(&format!("\"{name}\"")).unwrap();
        check("class_id", &format!("\"{name}\""), CLASS, &format!("{got:?}"));
    }
    check("class_id", &format!("\"{}\"", "x".repeat(129)), CLASS, &format!("\"{}…", "x".repeat(78)));
    for (name, expected) in [("\"第1课\"", "第1课"), ("1029", "1029"), ("-1", "-1"), ("\"..\"", "..")] {
        assert_eq!(booked(&with("class_id", name)).class.class_id, expected);
    }
}

#[test]
fn sizes_are_those_of_the_ladder_in_each_of_their_spellings() {
    for text in ["\"720P\"", "\"720p\"", "720", "\"720\""] {
        assert_eq!(booked(&with("video_resolution", text)).resolution.unwrap().to_string(), "720P");
    }
    for text in ["240", "\"240\"", "\"240P\""] {
        let body = format!(r#"{{"cmd":"transcoding","record_id":"6666","video_resolution":{text},"result":"x"}}"#);
        assert_eq!(resulted(&body).resolution.short_side(), 240);
    }
    for text in ["\"720p \"", "\"99999P\"", "\"0P\"", "\"\"", "\"HD\"", "0", "721"] {
        check("video_resolution", text, RENDITION, text);
    }
}

#[test]
fn times_are_taken_in_seconds_and_where_they_can_be_nothing_else_in_milliseconds() {
    for (text, expected) in [
        ("1760000000", 1_760_000_000_000),
        ("\"1760000000\"", 1_760_000_000_000),
        ("1760000000.25", 1_760_000_000_250),
        ("1760000000123", 1_760_000_000_123),
        ("978307200", 978_307_200_000),
        ("4133980799", 4_133_980_799_000),
    ] {
        assert_eq!(booked(&with("start_time", text)).start_milliseconds, Some(expected), "{text}");
    }
    let body = with("start_time", r#"1760000000,"end_time":1760000000"#);
    check_body(&body, "end_time", "after start_time", "1760000000");
    let body = with("start_time", r#"1760000000,"end_time":"1760003600""#);
    assert_eq!(booked(&body).end_milliseconds, Some(1_760_003_600_000));
}

#[test]
fn a_command_is_said_except_by_a_booking_among_bookings() {
    let class = |institution: &str| ClassKey { institution: institution.to_owned(), class_id: "c-1".to_owned() };
    let over = r#"{"cmd":"over","class_id":"c-1","institution_id":22}"#;
    assert_eq!(read(over), Ok(Message::Over(class("22"))));
    let cancel = r#"{"cmd":"cancel","class_id":"c-1","institution_id":""}"#;
    assert_eq!(parse(cancel.as_bytes(), Channel::Control, &admits), Ok(Message::Cancel(class(""))));
    let silent = parse(with("", "").as_bytes(), Channel::Control, &admits).unwrap_err();
    assert_eq!((silent.field.as_str(), silent.rule, silent.got.as_str()), ("cmd", CMD, "nothing"));
    for text in ["\"bookings\"", "\"\"", "\"OVER\"", "7"] {
        check("cmd", text, CMD, text);
    }
    assert_eq!(booked(&with("cmd", "null")), booked(&with("cmd", "\"booking\"")));
}

#[test]
fn x7_a_result_is_a_success_in_either_spelling_and_else_a_failure() {
    let body = |result: &str, rest: &str| {
        format!(r#"{{"cmd":"transcoding","record_id":6666,"video_resolution":"720P","result":{result}{rest}}}"#)
    };
    let url = r#","transcode_video_url":"http://store.example/a.flv","type":"OSS","attempt":"2""#;
    for text in ["\"sucess\"", "\"success\"", "\"SUCCESS\""] {
        let result = resulted(&body(text, url));
        assert!(result.is_success && result.url.is_some());
        assert_eq!((result.provider.as_deref(), result.attempt), (Some("oss"), Some(2)));
    }
    for text in ["\"fail\"", "\"\"", "\"succes\"", "false", "true", "0", "[]"] {
        let result = resulted(&body(text, url));
        assert!(!result.is_success && result.url.is_none(), "{text}");
    }
    // Nobody fetches from where a failure points.
    assert!(!resulted(&body("\"fail\"", r#","transcode_video_url":"""#)).is_success);
    let provider = "oss or ecs";
    check_body(&body("\"fail\"", r#","type":"mps""#), "type", provider, "\"mps\"");
    check_body(&body("\"fail\"", r#","type":"local""#), "type", provider, "\"local\"");
    check_body(&body("\"fail\"", r#","attempt":-1"#), "attempt", "a whole number", "-1");
    let inside = body("\"sucess\"", r#","transcode_video_url":"http://10.0.0.1/a.flv""#);
    check_body(
        &inside,
        "transcode_video_url",
        DIALLED,
        r#""http://10.0.0.1/a.flv" (10.0.0.1 is a private address)"#,
    );
}

#[test]
fn a_byte_order_mark_unknown_fields_and_keys_twice_are_no_reason_to_let_a_class_down() {
    let plain = booked(&with("", ""));
    assert_eq!(booked(&format!("\u{feff}{}", with("", ""))), plain);
    assert_eq!(booked(&with("teacher", r#"{"name":["x"]}"#)), plain);
    let twice = with("priority", r#"10,"priority":90"#);
    assert_eq!(booked(&twice).priority, 90);
    assert_eq!((plain.priority, plain.class.institution.as_str(), plain.record.as_str()), (50, "", "6666"));
    assert_eq!(booked(&with("record_id", "\"6666\"")), plain);
}

#[test]
fn the_class_of_a_bad_message_is_told_where_it_can_be_read() {
    let class = |body: &str| read(body).unwrap_err().class.map(|class| class.to_string());
    assert_eq!(class(&with("record_id", "\"..\"")).as_deref(), Some("c-1"));
    assert_eq!(class(&with("record_id", r#""..","institution_id":22"#)).as_deref(), Some("22/c-1"));
    assert_eq!(class(r#"{"cmd":"pause","class_id":7}"#).as_deref(), Some("7"));
    assert_eq!(class(&with("institution_id", "\"..\"")), None);
    assert_eq!(class(&with("class_id", "\"a b\"")), None);
    // A result is a rendition's.
    assert_eq!(class(r#"{"cmd":"transcoding","class_id":"c-1","record_id":".."}"#), None);
}

#[test]
fn a_bad_message_is_an_error_with_a_code_and_what_is_shown_of_it_is_short_and_visible() {
    let invalid = read(&with("record_id", "\"a\\u001b[2J\\u202e\"")).unwrap_err();
    assert_eq!((invalid.code(), invalid.class()), ("MSG_INVALID", FailureClass::Usage));
    assert_eq!(invalid.to_string(), format!("record_id: {NAME}, not \"a\\u{{1b}}[2J\\u{{202e}}\""));
    assert!(!invalid.cure().is_empty());
    let long = read(&with("video_url", &format!("\"http://10.0.0.1/{}\"", "课".repeat(300)))).unwrap_err();
    assert_eq!(long.got.chars().count(), GOT_CHARS_MAX);
    assert!(long.got.ends_with("… (10.0.0.1 is a private address)"), "{}", long.got);
}

#[test]
fn the_end_of_a_class_is_written_as_it_is_read() {
    for institution in ["", "22"] {
        let class = ClassKey { institution: institution.to_owned(), class_id: "第1课".to_owned() };
        let over = parse(ended_body("over", &class).as_bytes(), Channel::Control, &admits);
        assert_eq!(over, Ok(Message::Over(class.clone())));
        let cancel = parse(ended_body("cancel", &class).as_bytes(), Channel::Control, &admits);
        assert_eq!(cancel, Ok(Message::Cancel(class)));
    }
}

mod address;
mod property;
