//! What holds of all bookings and of all bytes.

use super::*;

/// Text of letters that are odd somewhere, with those of names among them.
const TEXT: &str = "[ a-zA-Z0-9_.:/?#@%&=课é\u{202e}\"\\\\-]{0,40}";

fn url() -> impl Strategy<Value = Option<Url>> {
    let text = (r"(http|https)://[a-z]{1,8}\.example(:443)?", "[^\u{0}-\u{1f}\u{7f}-\u{9f}#]{0,30}");
    text.prop_map(|(origin, path)| Url::parse(&format!("{origin}/{path}")).ok())
}

fn time() -> impl Strategy<Value = Option<i64>> {
    proptest::option::of(978_307_200_000..2_500_000_000_000_i64)
}

fn list() -> impl Strategy<Value = BTreeMap<RenditionName, Url>> {
    let name = proptest::sample::select(&RenditionName::KNOWN[..]).prop_map(RenditionName::of_source);
    let url = url().prop_filter_map("an address", |url| url);
    proptest::collection::btree_map(name, url, 0..4)
}

prop_compose! {
    fn bookings()(
        class_id in "[a-zA-Z0-9课é_.:-]{1,30}",
        institution in "([a-zA-Z0-9]{0,10})",
        course_name in TEXT,
        record in "[a-zA-Z0-9][a-zA-Z0-9-]{0,20}x",
        video_url in url().prop_filter_map("an address", |url| url),
        resolution in proptest::option::of(proptest::sample::select(&RenditionName::KNOWN[..])),
        list in list(),
        start in time(),
        length in proptest::option::of(1..100_000_000_000_i64),
        push_url in proptest::option::of(TEXT),
        callback_url in url(),
        priority in 0..=100_u8,
    ) -> Booking {
        Booking {
            class: ClassKey { institution, class_id },
            course_name: course_name.trim().to_owned(),
            record,
            video_url: Some(video_url),
            resolution: resolution.map(RenditionName::of_source),
            list,
            start_milliseconds: start,
            end_milliseconds: length.map(|length| start.unwrap_or(978_307_200_000) + length),
            push_url: push_url.filter(|text| !text.is_empty()),
            callback_url,
            priority,
        }
    }
}

fn is_well_shown(invalid: &Invalid) -> bool {
    let is_visible = |text: &str| !text.contains(char::is_control);
    invalid.got.chars().count() <= GOT_CHARS_MAX && is_visible(&invalid.got) && is_visible(&invalid.field)
}

proptest! {
    #[test]
    fn what_is_written_of_a_booking_is_read_as_that_booking(booking in bookings()) {
        let body = to_body(&booking);
        for channel in [Channel::Bookings, Channel::Control] {
            let read = parse(body.as_bytes(), channel, &|_| Ok(()));
            prop_assert_eq!(read, Ok(Message::Booking(Box::new(booking.clone()))), "{}", &body);
        }
    }

    #[test]
    fn any_bytes_are_a_message_or_refused_in_few_words(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Err(invalid) = parse(&bytes, Channel::Bookings, &admits) {
            prop_assert!(is_well_shown(&invalid), "{invalid:?}");
        }
    }

    /// Whatever is taken is written in one way: what was read from that is the same again.
    #[test]
    fn a_booking_with_some_field_of_any_text_is_read_the_same_from_its_own_form_or_refused(
        field in proptest::sample::select(&["class_id", "record_id", "video_url", "course_name", "push_url", "x"][..]),
        text in "\\PC{0,60}|[\\x00-\\xff]{0,20}",
    ) {
        match read(&with(field, &Value::from(text).to_string())) {
            Ok(Message::Booking(booking)) => prop_assert_eq!(booked(&to_body(&booking)), *booking),
            Ok(other) => prop_assert!(false, "{other:?}"),
            Err(invalid) => prop_assert!(is_well_shown(&invalid), "{invalid:?}"),
        }
    }
}
