//! Addresses: which are taken, and how they are kept.

use super::*;

#[test]
fn a_list_names_renditions_and_their_addresses() {
    for (value, got) in [(r#"["http://a.example/"]"#, "a list of 1"), (r#""480P""#, r#""480P""#)] {
        check("video_url_list", value, LIST, got);
    }
    let entry = |number: u32| format!("\"{number}\":\"http://a.example/\"");
    let many: Vec<String> = (0..10_000).map(entry).collect();
    check("video_url_list", &format!("{{{}}}", many.join(",")), LIST, "an object of 10000");
    check("video_url_list", r#"{"HD":"http://a.example/"}"#, RENDITION, "\"HD\"");
    check_body(&with("video_url_list", r#"{"480p":7}"#), "video_url_list.480P", WEB, "7");
    let twice = r#"{"480P":"http://a.example/1","480":"http://a.example/2"}"#;
    assert_eq!(read(&with("video_url_list", twice)).unwrap_err().rule, "one address for each rendition");
    let same = r#"{"480P":"http://a.example/1","480":"http://a.example/1"}"#;
    assert_eq!(booked(&with("video_url_list", same)).list.len(), 1);
    assert_eq!(booked(&with("video_url_list", "{}")).list.len(), 0);
}

#[test]
fn addresses_are_plain_ones_of_the_web_that_may_be_dialled() {
    let long = format!("http://a.example/{}", "x".repeat(64 << 10));
    let grows = format!("http://a.example/{}", "课".repeat(1000));
    for (address, rule) in [
        ("", WEB),
        ("origin.example/6666.flv", WEB),
        ("//origin.example/6666.flv", WEB),
        ("file:///etc/passwd", WEB),
        ("ftp://origin.example/a", WEB),
        ("http://", WEB),
        ("http://user:pw@origin.example/", NOBODY),
        ("http://user@origin.example/", NOBODY),
        ("http://origin.example/a\\r\\nHost: b", PLAIN),
        ("http://origin.example/a\\tb", PLAIN),
        (&long, SHORT),
        (&grows, SHORT),
        ("http://[::1]/", DIALLED),
        ("http://0x7f000001/", DIALLED),
        ("http://2130706433/", DIALLED),
        ("http://127.1/", DIALLED),
        ("http://169.254.169.254/latest/meta-data/", DIALLED),
        ("http://origin.example:0/", DIALLED),
        ("http://origin.example:22/", DIALLED),
        ("http://origin.example:6379/", DIALLED),
    ] {
        let value = format!("\"{address}\"");
        assert_eq!(read(&with("video_url", &value)).expect_err(address).rule, rule, "{address}");
        let list = format!("{{\"480P\":{value}}}");
        assert_eq!(read(&with("video_url_list", &list)).expect_err(address).rule, rule, "{address}");
    }
    let got = r#""http://127.0.0.1/" (127.0.0.1 is this host itself)"#;
    check("video_url", "\"http://2130706433/\"", DIALLED, got);
    check("video_url", "\"http://user:pw@a.example/b\"", NOBODY, r#""http://***@a.example/b""#);
}

#[test]
fn an_address_is_kept_as_it_is_dialled() {
    for (written, kept) in [
        ("http://Origin.Example/a.flv#t=10", "http://origin.example/a.flv"),
        // A letter of another alphabet that looks like one of ours is seen as what it is.
        ("http://оrigin.example/", "http://xn--rigin-iye.example/"),
        ("https://origin.example:443/a?b=c", "https://origin.example/a?b=c"),
    ] {
        assert_eq!(booked(&with("video_url", &format!("\"{written}\""))).video_url.unwrap().as_str(), kept);
    }
}

#[test]
fn who_is_told_may_be_anywhere_and_where_it_is_pushed_to_anything() {
    let callback = booked(&with("callback_url", "\"http://10.0.0.1:8080/told\"")).callback_url.unwrap();
    assert_eq!(callback.as_str(), "http://10.0.0.1:8080/told");
    check("callback_url", "\"ftp://a.example/\"", WEB, "\"ftp://a.example/\"");
    check("callback_url", "\"http://a:b@c.example/\"", NOBODY, "\"http://***@c.example/\"");
    assert_eq!(booked(&with("push_url", "\"rtmp://live/a?k=1\"")).push_url.as_deref(), Some("rtmp://live/a?k=1"));
    assert_eq!(booked(&with("push_url", "\"\"")).push_url, None);
    assert_eq!(booked(&with("course_name", "\" Algebra\\n3 \"")).course_name, "Algebra 3");
    assert_eq!(booked(&with("course_name", "7")).course_name, "7");
}
