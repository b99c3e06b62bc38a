//! Each form: what it takes, how that is spelled, and what it refuses.

use std::time::Duration;

use super::*;
use crate::config::value::{Isolation, TimeOfDay};
use crate::config::written::Shape;
use crate::media::Encoder;

fn toml(text: &str) -> Written {
    Written::parse(text).unwrap_or_else(|| panic!("{text} is no TOML"))
}

/// Checks that these TOML values are spelled like that, and that what was spelled is understood as the same.
fn takes(form: &dyn Spelling, pairs: &[(&str, &str)]) {
    for (text, spelled) in pairs {
        assert_eq!(form.respell(&toml(text)).as_deref(), Ok(*spelled), "{text}");
        assert_eq!(form.respell(&toml(spelled)).as_deref(), Ok(*spelled), "{text}");
    }
}

fn refuses(form: &dyn Spelling, texts: &[&str]) {
    for text in texts {
        let refused = form.respell(&toml(text));
        assert!(refused.is_err(), "{text}: {refused:?}");
    }
}

#[test]
fn numbers_keep_to_their_range_and_their_type() {
    takes(&Counts { min: 0, max: 9 }, &[("0", "0"), ("0x9", "9")]);
    refuses(
        &Counts { min: 1, max: 9 },
        &["0", "10", "-1", "1.0", "\"1\"", "\"\"", "99999999999999999999", "true", "[1]"],
    );
    takes(&Decimals { min: 0.0, max: 51.0 }, &[("0", "0"), ("24", "24"), ("24.50", "24.5")]);
    refuses(&Decimals { min: 0.0, max: 51.0 }, &["nan", "inf", "-0.1", "51.1", "\"24\"", "1e99"]);
    takes(&Switches, &[("true", "true"), ("false", "false")]);
    refuses(&Switches, &["1", "\"true\"", "\"yes\"", "\"\""]);
}

#[test]
fn units_are_text_and_a_plain_number_is_bytes_but_no_time() {
    takes(&Rates, &[("\"1000k\"", "\"1000k\""), ("0", "\"0\""), ("1024", "\"1k\""), ("\"1M\"", "\"1m\"")]);
    refuses(&Rates, &["\"1000kb\"", "\"\"", "-1", "nan", "true", "[]", "2020-01-01"]);
    takes(&Sizes { min: 1 }, &[("\"100GiB\"", "\"100GiB\""), ("4096", "\"4KiB\"")]);
    refuses(&Sizes { min: 1 }, &["0", "\"100G\"", "-1", "1.5"]);
    let times = Times { min: Duration::from_secs(1), max: Duration::from_hours(1) };
    takes(&times, &[("\"60m\"", "\"1h\""), ("\"1500ms\"", "\"1s500ms\"")]);
    refuses(&times, &["30", "\"30\"", "\"0s\"", "\"999ms\"", "\"61m\"", "\"\""]);
}

#[test]
fn paths_are_absolute_and_only_some_may_be_empty() {
    takes(&AbsolutePaths, &[("'/var/lib/reelmill'", "\"/var/lib/reelmill\"")]);
    refuses(&AbsolutePaths, &["''", "'state'", "'./state'", "\"/a\\nb\"", "1"]);
    takes(&OptionalPaths, &[("''", "\"\""), ("'/etc/ca.pem'", "\"/etc/ca.pem\"")]);
    takes(&SecretFiles, &[("''", "\"\""), ("'/run/token'", "\"/run/token\"")]);
    refuses(&SecretFiles, &["'token'", "'sk-123'"]);
}

#[test]
fn an_address_has_a_port_and_no_name() {
    takes(&Addresses, &[("'127.0.0.1:8700'", "\"127.0.0.1:8700\""), ("'[::1]:80'", "\"[::1]:80\"")]);
    refuses(&Addresses, &["''", "'localhost:8700'", "'127.0.0.1'", "':8700'", "'127.0.0.1:70000'"]);
}

#[test]
fn a_url_has_its_scheme_and_no_password() {
    let urls = Urls { schemes: &["http", "https"] };
    takes(&urls, &[("''", "\"\""), ("'https://a.example/b'", "\"https://a.example/b\"")]);
    refuses(
        &urls,
        &["'ftp://a.example'", "'a.example'", "'http://'", "'http://me:pw@a.example/'", "'http://me@a/'"],
    );
    refuses(&urls, &["'https://a.example/?token=x'", "'https://a.example/#x'"]);
    let places = Urls { schemes: &["s3", "file"] };
    takes(
        &places,
        &[("'file:///srv/media'", "\"file:///srv/media\""), ("'s3://b/p?endpoint=h'", "\"s3://b/p?endpoint=h\"")],
    );
    refuses(&places, &["'s3:'", "'s3://b?secret=x'"]);
}

#[test]
fn names_have_no_spaces() {
    takes(&Names, &[("'class:booking'", "\"class:booking\"")]);
    refuses(&Names, &["''", "'a b'", "' '", "\"a\\tb\"", "1", &format!("'{}'", "x".repeat(201))]);
    takes(&OptionalNames, &[("''", "\"\""), ("'node-1'", "\"node-1\"")]);
    refuses(&OptionalNames, &["' '"]);
}

#[test]
fn a_template_names_only_places_that_are_filled_in() {
    let address =
        Templates { made: Made::Url, places: &["record_id", "RES"], needs: &["record_id"], may_be_empty: true };
    takes(&address, &[("'http://o/{record_id}.flv'", "\"http://o/{record_id}.flv\""), ("''", "\"\"")]);
    refuses(&address, &["'http://o/{record}.flv'", "'http://o/x.flv'", "'{record_id}'", "'http://{record_id'"]);
    refuses(&address, &["'http://o/record_id}{record_id}'", "'http://o/{record_id}}'", "'http://o/{{record_id}}'"]);
    refuses(&address, &["'http://user:pass@o/{record_id}'", "'ftp://o/{record_id}'", "'http://o/{record_id}#x'"]);
    let key =
        Templates { made: Made::Key, places: &["record", "RES"], needs: &["record", "RES"], may_be_empty: false };
    takes(&key, &[("'a/{record}/{RES}.flv'", "\"a/{record}/{RES}.flv\"")]);
    refuses(&key, &["''", "'{RES}.flv'", "'/{record}/{RES}'", "'../{record}/{RES}'", "'{record}//{RES}'"]);
    let text = Templates { made: Made::Text, places: &["RES"], needs: &[], may_be_empty: true };
    takes(&text, &[("''", "\"\""), ("'{RES}'", "\"{RES}\"")]);
}

#[test]
fn a_choice_is_one_of_its_words() {
    let choices = Choices { words: &[("process", Isolation::Process), ("none", Isolation::None)] };
    takes(&choices, &[("'none'", "\"none\"")]);
    refuses(&choices, &["''", "'Process'", "false"]);
    takes(&Presets { encoder: Encoder::X264 }, &[("'veryfast'", "\"veryfast\"")]);
    refuses(&Presets { encoder: Encoder::X264 }, &["'very fast'", "''"]);
    assert_eq!(Form::rule(&choices), "\"process\" or \"none\"");
}

#[test]
fn an_allow_list_holds_hosts_addresses_and_networks_without_ports() {
    takes(
        &AllowLists,
        &[
            ("[]", "[]"),
            ("['127.0.0.0/8', 'Origin.Example']", "[\"127.0.0.0/8\", \"origin.example\"]"),
            ("['10.0.0.5', 'fd00::/8', '::1']", "[\"10.0.0.5/32\", \"fd00::/8\", \"::1/128\"]"),
        ],
    );
    refuses(&AllowLists, &["''", "[1]", "['']", "['10.0.0.5/8']", "['10.0.0.0/33']", "['a:80']", "['*.example']"]);
    refuses(&AllowLists, &["['http://a']", "['-a']", "['a..b']", "['10.0.0.256']", "['a b']"]);
    let long = format!("[{}]", "'a',".repeat(1001));
    refuses(&AllowLists, &[&long]);
}

#[test]
fn providers_stand_in_any_order_and_once() {
    takes(&ProviderLists, &[("['oss', 'ecs', 'local']", "[\"oss\", \"ecs\", \"local\"]")]);
    refuses(&ProviderLists, &["[]", "['local', 'local']", "['Local']", "'local'"]);
}

#[test]
fn windows_have_two_times_and_a_rate_and_do_not_overlap() {
    takes(
        &Windows,
        &[
            ("[]", "[]"),
            (
                "[{ from = '22:00', to = '06:00', rate = 0 }, { rate = '2M', from = '06:00', to = '07:30' }]",
                "[{ from = \"22:00\", to = \"06:00\", rate = \"0\" }, \
                 { from = \"06:00\", to = \"07:30\", rate = \"2m\" }]",
            ),
        ],
    );
    for (text, rule) in [
        ("[{ from = '22:00', to = '22:00', rate = 0 }]", None),
        ("[{ from = '22:00', to = '06:00' }]", Some("a window needs rate")),
        ("[{ from = '22:00', to = '24:00', rate = 0 }]", Some("a time of day")),
        ("[{ from = '9:00', to = '10:00', rate = 0 }]", Some("a time of day")),
        ("[{ from = 09:00:00, to = '10:00', rate = 0 }]", Some("a time of day")),
        ("[{ from = '09:00', to = '10:00', rate = '1kb' }]", Some("a rate as wget takes it")),
        ("[{ from = '09:00', to = '10:00', rate = 0, day = 1 }]", Some("no day")),
        (
            "[{ from = '22:00', to = '06:00', rate = 0 }, { from = '05:59', to = '07:00', rate = 0 }]",
            Some("two windows"),
        ),
    ] {
        let refusal = Windows.parse(&toml(text)).unwrap_err();
        let told = refusal.rule.as_deref();
        assert!(told.is_some() == rule.is_some() && told.unwrap_or("").contains(rule.unwrap_or("")), "{text}");
    }
    let windows = Windows.parse(&toml("[{ from = '22:30', to = '06:00', rate = '1k' }]")).unwrap();
    assert_eq!((windows[0].from, windows[0].rate.unwrap().bytes_per_second()), (TimeOfDay(1350), 1024));
}

#[test]
fn the_words_of_a_variable_are_understood_by_the_form_they_are_for() {
    let words = |text: &str| Written { line: 0, shape: Shape::Words(text.to_owned()) };
    assert_eq!(Counts { min: 0, max: 9 }.parse(&words("7")), Ok(7));
    assert_eq!(Switches.parse(&words("true")), Ok(true));
    assert_eq!(Decimals { min: 0.0, max: 51.0 }.parse(&words("24.5")), Ok(24.5));
    assert_eq!(Spelling::respell(&AllowLists, &words("['a']")).as_deref(), Ok("[\"a\"]"));
    assert_eq!(Spelling::respell(&Rates, &words("1000k")).as_deref(), Ok("\"1000k\""));
    assert!(AllowLists.parse(&words("a")).is_err() && AllowLists.parse(&words("")).is_err());
    assert!(Counts { min: 0, max: 9 }.parse(&words("")).is_err() && Rates.parse(&words("")).is_err());
}

#[test]
fn what_may_hold_a_secret_is_hidden_when_it_is_refused() {
    let text = |text: &str| Written { line: 0, shape: Shape::Text(text.to_owned()) };
    assert!(Form::hides(&SecretFiles, &text("sk-123")) && !Form::hides(&SecretFiles, &text("/run/token")));
    let urls = Urls { schemes: &["redis"] };
    assert!(Form::hides(&urls, &text("redis://:pw@h")) && Form::hides(&urls, &text("s3://b?key=x")));
    assert!(!Form::hides(&urls, &text("http://h")));
}
