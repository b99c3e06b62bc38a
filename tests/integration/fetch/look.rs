//! A look at what an origin has: what is learnt, from how much, and what it makes of faults.

use reelmill::download::{DownloadError, Looked, Validator, parse_url, system_resolver};
use reelmill::failure::Failure;
use tokio::sync::watch;

use super::shared::{block_on, downloader};
use crate::support::origin::{Answer, LAST_MODIFIED, Object, Origin};

fn look(url: &str) -> Result<Looked, DownloadError> {
    let (_stop, stopped) = watch::channel(false);
    block_on(downloader(system_resolver(), None).look(&parse_url(url).unwrap(), stopped))
}

fn code(origin: &Origin) -> &'static str {
    look(&origin.url("/")).unwrap_err().code()
}

#[test]
fn a_look_tells_length_and_validator_and_takes_one_byte() {
    let origin =
        Origin::scripted(Object::new(3_000_000, 1), |_, answer| answer.set("Content-Type", "video/x-flv").done());
    let looked = look(&origin.url("/lesson.flv")).unwrap();
    let expected = Looked {
        final_url: origin.url("/lesson.flv"),
        total: Some(3_000_000),
        validator: Some(Validator::ETag("\"object-1\"".to_owned())),
        content_type: Some("video/x-flv".to_owned()),
    };
    assert_eq!(looked, expected);
    let asked = &origin.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.header("range"), asked.header("if-range")),
        ("GET", Some("bytes=0-0"), None)
    );
    assert_eq!(origin.sent(), 1);
}

#[test]
fn an_origin_without_parts_is_looked_at_too_and_its_body_left() {
    const BYTES: usize = 64 << 20;
    let object = Object::new(BYTES, 2).tagged(None);
    let whole = object.clone();
    let origin = Origin::scripted(object, move |_, answer| {
        answer.status = 200;
        answer.unset("Content-Range").part(&whole.bytes, 0..BYTES).done();
    });
    let looked = look(&origin.url("/")).unwrap();
    assert_eq!(looked.total, Some(BYTES as u64));
    assert_eq!(looked.validator, Some(Validator::LastModified(LAST_MODIFIED.to_owned())));
    assert!(origin.sent() < BYTES / 4, "{}", origin.sent());
}

#[test]
fn what_an_origin_does_not_tell_is_not_known() {
    let object = Object::new(5000, 3).tagged(Some("W/\"weak\""));
    let whole = object.clone();
    let origin = Origin::scripted(object, move |_, answer| {
        answer.status = 200;
        answer.unset("Content-Range").part(&whole.bytes, 0..5000).chunked().done();
    });
    let looked = look(&origin.url("/")).unwrap();
    assert_eq!((looked.total, looked.validator), (None, None));
    assert_eq!(look(&Origin::honest(Object::new(0, 4)).url("/")).unwrap().total, Some(0));
}

#[test]
fn d9_a_look_follows_redirects_and_no_further_than_a_download() {
    let away = |asked: &crate::support::origin::Asked, answer: &mut Answer| {
        if asked.path == "/" {
            *answer = Answer::of(302);
            answer.set("Location", "/elsewhere");
        }
    };
    let origin = Origin::scripted(Object::new(100, 5), away);
    assert_eq!(look(&origin.url("/")).unwrap().final_url, origin.url("/elsewhere"));
    let forbidden = Origin::scripted(Object::new(100, 6), |_, answer| {
        *answer = Answer::of(302);
        answer.set("Location", "http://169.254.169.254/");
    });
    assert_eq!(code(&forbidden), "URL_FORBIDDEN");
}

#[test]
fn d10_a_no_for_now_is_looked_at_again_and_a_no_for_good_is_taken() {
    let busy = |count: usize| {
        Origin::scripted(Object::new(100, 7), move |asked, answer| {
            if asked.index < count {
                *answer = Answer::of(503);
            }
        })
    };
    let (thrice, always) = (busy(3), busy(usize::MAX));
    assert_eq!(look(&thrice.url("/")).unwrap().total, Some(100));
    assert_eq!((code(&always), always.asked().len()), ("DL_SERVER", 4));
    let gone = Origin::scripted(Object::new(100, 8), |_, answer| *answer = Answer::of(404));
    assert_eq!((code(&gone), gone.asked().len()), ("DL_HTTP_STATUS", 1));
}

#[test]
fn a_look_ends_when_it_is_to() {
    let origin = Origin::honest(Object::new(100, 9));
    let (stop, stopped) = watch::channel(false);
    stop.send_replace(true);
    let url = parse_url(&origin.url("/")).unwrap();
    let stopped = block_on(downloader(system_resolver(), None).look(&url, stopped));
    assert_eq!(stopped.unwrap_err().code(), "CANCELLED");
}
