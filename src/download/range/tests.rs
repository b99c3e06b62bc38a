//! The rules as a table, and as properties of any answer whatever.

use proptest::prelude::*;

use super::*;
use crate::failure::Failure;

const TAG: &str = "\"v1\"";

fn rest(from: u64, total: Option<u64>) -> Asked {
    Asked::Rest { from, total, validator: Validator::ETag(TAG.to_owned()) }
}

fn head(status: u16) -> Head {
    Head { status, etag: Some(TAG.to_owned()), ..Head::default() }
}

fn part(content_range: &str) -> Head {
    Head { content_range: Some(content_range.to_owned()), ..head(206) }
}

/// An action in a few words.
fn word(action: &Action) -> String {
    match action {
        Action::Take { offset, length, total, instead } => {
            let number = |number: &Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
            let instead = if instead.is_some() { " instead" } else { "" };
            format!("take {offset}+{} of {}{instead}", number(length), number(total))
        }
        Action::Complete => "complete".to_owned(),
        Action::StartOver { is_fault: true, .. } => "fault".to_owned(),
        Action::StartOver { .. } => "start over".to_owned(),
        Action::Redirect(to) => format!("redirect {to}"),
        Action::Retry(error, after) => {
            format!("retry {} {}", error.code(), after.map_or(0, |after| after.as_secs()))
        }
        Action::Refuse(error) => format!("refuse {}", error.code()),
    }
}

fn decided(asked: &Asked, head: &Head) -> String {
    word(&decide(asked, head))
}

#[test]
fn d4_a_part_is_appended_only_where_it_continues_what_is_here() {
    let asked = rest(100, Some(200));
    for (range, expected) in [
        ("bytes 100-199/200", "take 100+100 of 200"),
        ("Bytes 100-199/200", "take 100+100 of 200"),
        ("bytes 100-149/200", "take 100+50 of 200"),
        ("bytes 100-199/*", "take 100+100 of 200"),
        ("bytes 99-199/200", "fault"),
        ("bytes 101-199/200", "fault"),
        ("bytes 0-199/200", "fault"),
        ("bytes 100-199/201", "fault"),
        ("bytes 100-200/200", "fault"),
        ("bytes 199-100/200", "fault"),
        ("bytes */200", "fault"),
        ("bytes 100-18446744073709551615/*", "fault"),
        ("bytes 100-99999999999999999999/*", "fault"),
        ("bytes +100-199/200", "fault"),
        ("items 100-199/200", "fault"),
        ("100-199/200", "fault"),
        ("", "fault"),
    ] {
        assert_eq!(decided(&asked, &part(range)), expected, "{range}");
    }
    assert_eq!(decided(&asked, &head(206)), "fault", "no Content-Range");
    let multipart =
        Head { content_type: Some("multipart/byteranges; boundary=x".to_owned()), ..part("bytes 100-199/200") };
    assert_eq!(decided(&asked, &multipart), "fault");
    let short = Head { content_length: Some(99), ..part("bytes 100-199/200") };
    assert_eq!(decided(&asked, &short), "fault");
    assert_eq!(decided(&Asked::Whole, &part("bytes 0-199/200")), "fault");
    assert_eq!(decided(&rest(100, None), &part("bytes 100-199/200")), "take 100+100 of 200");
    assert_eq!(decided(&rest(100, None), &part("bytes 100-199/*")), "take 100+100 of ?");
}

#[test]
fn d2_a_changed_object_is_never_appended() {
    let asked = rest(100, Some(200));
    let other = Head { etag: Some("\"v2\"".to_owned()), ..part("bytes 100-199/200") };
    assert_eq!(decided(&asked, &other), "start over");
    let silent = Head { etag: None, ..part("bytes 100-199/200") };
    assert_eq!(decided(&asked, &silent), "start over");
    let weak = Head { etag: Some("W/\"v1\"".to_owned()), ..part("bytes 100-199/200") };
    assert_eq!(decided(&asked, &weak), "start over");
    let whole = Head { etag: Some("\"v2\"".to_owned()), content_length: Some(300), ..head(200) };
    assert_eq!(decided(&asked, &whole), "take 0+300 of 300 instead");
}

#[test]
fn a_part_by_date_needs_the_same_date_or_none() {
    let date = "Fri, 01 Aug 2025 10:00:00 GMT";
    let validator = Validator::LastModified(date.to_owned());
    let asked = Asked::Rest { from: 100, total: Some(200), validator };
    let with = |modified: Option<&str>| Head {
        etag: None,
        last_modified: modified.map(str::to_owned),
        ..part("bytes 100-199/200")
    };
    assert_eq!(decided(&asked, &with(Some(date))), "take 100+100 of 200");
    assert_eq!(decided(&asked, &with(None)), "take 100+100 of 200");
    assert_eq!(decided(&asked, &with(Some("Fri, 01 Aug 2025 10:00:01 GMT"))), "start over");
}

#[test]
fn d6_the_whole_instead_of_a_part_is_taken_from_the_beginning() {
    let whole = Head { content_length: Some(200), ..head(200) };
    assert_eq!(decided(&rest(100, Some(200)), &whole), "take 0+200 of 200 instead");
    assert_eq!(decided(&Asked::Whole, &whole), "take 0+200 of 200");
    assert_eq!(decided(&Asked::Whole, &head(200)), "take 0+? of ?");
}

#[test]
fn d5_nothing_more_is_complete_only_where_everything_is_here() {
    let none = |range: &str| Head { content_range: Some(range.to_owned()), ..head(416) };
    let asked = rest(200, None);
    for (head, expected) in [
        (none("bytes */200"), "complete"),
        (Head { etag: None, ..none("bytes */200") }, "complete"),
        (Head { etag: Some("\"v2\"".to_owned()), ..none("bytes */200") }, "start over"),
        (none("bytes */150"), "start over"),
        (none("bytes */250"), "start over"),
        (none("bytes 0-1/200"), "start over"),
        (head(416), "start over"),
    ] {
        assert_eq!(decided(&asked, &head), expected, "{head:?}");
    }
    assert_eq!(decided(&rest(200, Some(200)), &none("bytes */200")), "complete");
    assert_eq!(
        decided(&rest(200, Some(300)), &none("bytes */200")),
        "start over",
        "cut short at the origin meanwhile"
    );
    assert_eq!(decided(&Asked::Whole, &none("bytes */0")), "refuse DL_HTTP_STATUS");
}

#[test]
fn d10_refusals_are_final_and_troubles_are_not() {
    for (status, expected) in [
        (403, "refuse DL_HTTP_STATUS"),
        (404, "refuse DL_HTTP_STATUS"),
        (410, "refuse DL_HTTP_STATUS"),
        (204, "refuse DL_HTTP_STATUS"),
        (304, "refuse DL_HTTP_STATUS"),
        (401, "refuse DL_HTTP_STATUS"),
        (408, "retry DL_SERVER 0"),
        (429, "retry DL_SERVER 0"),
        (500, "retry DL_SERVER 0"),
        (503, "retry DL_SERVER 0"),
    ] {
        assert_eq!(decided(&Asked::Whole, &head(status)), expected, "{status}");
    }
}

#[test]
fn d10_the_time_that_the_origin_asks_for_is_understood() {
    let date = "Fri, 01 Aug 2025 10:00:00 GMT";
    for (text, date, seconds) in [
        ("7", None, Some(7)),
        ("Fri, 01 Aug 2025 10:00:30 GMT", Some(date), Some(30)),
        ("Fri, 01 Aug 2025 09:00:00 GMT", Some(date), Some(0)),
        ("Fri, 01 Aug 2025 10:00:30 GMT", None, None),
        ("-3", None, None),
        ("soon", Some(date), None),
    ] {
        let head = Head { retry_after: Some(text.to_owned()), date: date.map(str::to_owned), ..Head::default() };
        assert_eq!(head.retry_after(), seconds.map(Duration::from_secs), "{text}");
    }
}

#[test]
fn d7_a_compressed_body_is_refused() {
    for (encoding, expected) in [
        ("gzip", "refuse DL_ENCODED"),
        ("br", "refuse DL_ENCODED"),
        ("identity", "take 0+? of ?"),
        ("", "take 0+? of ?"),
    ] {
        let head = Head { content_encoding: Some(encoding.to_owned()), ..head(200) };
        assert_eq!(decided(&Asked::Whole, &head), expected, "{encoding}");
    }
}

#[test]
fn d3_only_strong_validators_count() {
    let date = Some("Fri, 01 Aug 2025 10:00:00 GMT".to_owned());
    let earlier = Some("Fri, 01 Aug 2025 09:59:59 GMT".to_owned());
    let with = |etag: Option<&str>, last_modified: &Option<String>, date: &Option<String>| Head {
        etag: etag.map(str::to_owned),
        last_modified: last_modified.clone(),
        date: date.clone(),
        ..Head::default()
    };
    for (head, is_strong) in [
        (with(Some("\"v1\""), &None, &None), true),
        (with(Some("\"\""), &None, &None), true),
        (with(Some("\"v\u{e9}\""), &None, &None), false),
        (with(Some("\"v 1\""), &None, &None), false),
        (with(Some("W/\"v1\""), &None, &None), false),
        (with(Some("W/\"v1\""), &earlier, &date), false),
        (with(Some("v1"), &None, &None), false),
        (with(Some("\""), &None, &None), false),
        (with(None, &earlier, &date), true),
        (with(None, &date, &date), false),
        (with(None, &date, &earlier), false),
        (with(None, &earlier, &None), false),
        (with(None, &Some("yesterday".to_owned()), &date), false),
        (with(None, &None, &date), false),
    ] {
        assert_eq!(head.validator().is_ok(), is_strong, "{head:?}");
    }
}

#[test]
fn a_look_learns_what_the_answer_tells_and_begins_nothing() {
    let look = |head: Head| decided(&Asked::Look, &head);
    assert_eq!(look(part("bytes 0-0/200")), "take 0+? of 200");
    assert_eq!(look(part("bytes 0-0/*")), "take 0+? of ?");
    assert_eq!(look(part("nonsense")), "take 0+? of ?");
    assert_eq!(look(Head { content_length: Some(200), ..head(200) }), "take 0+200 of 200");
    assert_eq!(look(Head { content_range: Some("bytes */0".to_owned()), ..head(416) }), "take 0+? of 0");
    assert_eq!(look(head(416)), "take 0+? of ?");
    assert_eq!(look(head(404)), "refuse DL_HTTP_STATUS");
    assert_eq!(look(head(503)), "retry DL_SERVER 0");
}

#[test]
fn a_validator_is_the_same_after_it_was_text() {
    for validator in [
        Validator::ETag("\"abc:def\"".to_owned()),
        Validator::ETag("\"\"".to_owned()),
        Validator::LastModified("Fri, 01 Aug 2025 10:00:00 GMT".to_owned()),
    ] {
        assert_eq!(Validator::parse(&validator.to_text()), Some(validator));
    }
    assert_eq!(Validator::ETag(TAG.to_owned()).to_text(), "etag:\"v1\"");
    for text in ["", "etag:", "etag:v1", "etag:W/\"v1\"", "etag:\"v\n1\"", "date:", "date:yesterday", "\"v1\""] {
        assert_eq!(Validator::parse(text), None, "{text:?}");
    }
}

fn any_head() -> impl Strategy<Value = Head> {
    let status = prop_oneof![Just(200), Just(206), Just(416), Just(302), 100..600_u16];
    let tag = prop_oneof![Just(None), Just(Some(TAG.to_owned())), Just(Some("\"v2\"".to_owned()))];
    let range = prop_oneof![
        Just(None),
        "\\PC{0,40}".prop_map(Some),
        (0..300_u64, 0..300_u64, 0..300_u64).prop_map(|(a, b, c)| Some(format!("bytes {a}-{b}/{c}"))),
        (0..300_u64).prop_map(|total| Some(format!("bytes */{total}"))),
    ];
    let length = proptest::option::of(0..300_u64);
    (status, tag, range, length).prop_map(|(status, etag, content_range, content_length)| Head {
        status,
        etag,
        content_range,
        content_length,
        ..Head::default()
    })
}

proptest! {
    /// Nothing is here that a look could go on from, throw away or complete.
    #[test]
    fn a_look_is_answered_refused_sent_on_or_put_off(head in any_head()) {
        let action = decide(&Asked::Look, &head);
        let begins = matches!(action, Action::Complete | Action::StartOver { .. } | Action::Take { instead: Some(_), .. });
        prop_assert!(!begins);
    }

    /// Whatever an origin answers, bytes are appended at exactly the end of what is here, and only when the answer
    /// carries the validator of what is here.
    #[test]
    fn x16_nothing_is_ever_appended_blindly(from in 1..300_u64, total in proptest::option::of(1..300_u64), head in any_head()) {
        match decide(&rest(from, total), &head) {
            Action::Take { offset: 0, .. } => prop_assert_eq!(head.status, 200),
            Action::Take { offset, length, total: said, .. } => {
                prop_assert_eq!((offset, head.status, head.etag.as_deref()), (from, 206, Some(TAG)));
                prop_assert!(said.is_none_or(|said| offset + length.unwrap() <= said));
                prop_assert!(total.is_none() || said == total);
            }
            Action::Complete => prop_assert!(head.status == 416 && head.etag.as_deref() != Some("\"v2\"")),
            _ => {}
        }
    }
}
