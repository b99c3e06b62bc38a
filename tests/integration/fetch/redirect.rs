//! D9: where redirects may lead and where not, and what they must not carry along.

use super::Place;
use crate::support::certificate::Authority;
use crate::support::invariant::{Left, SECRET};
use crate::support::origin::{Answer, Asked, Object, Origin};

/// A script that sends everybody who asks for `/` to `place`, which begins with neither.
fn away(place: &str) -> impl Fn(&Asked, &mut Answer) + Send + Sync + 'static {
    let place = place.to_owned();
    move |asked, answer| {
        if asked.path == "/" {
            *answer = to(&place);
        }
    }
}

fn to(place: &str) -> Answer {
    let mut answer = Answer::of(302);
    // A body that must not end up in the file.
    answer.body(b"<html>elsewhere</html>".to_vec()).set("Location", place);
    answer
}

/// A script of `/0`, which leads to `/1`, and so on `hops` times.
fn chain(hops: usize) -> impl Fn(&Asked, &mut Answer) + Send + Sync + 'static {
    move |asked, answer| {
        let step: usize = asked.path[1..].parse().unwrap();
        if step < hops {
            *answer = to(&format!("/{}", step + 1));
            answer.status = [301, 302, 303, 307, 308][step % 5];
        }
    }
}

#[test]
fn d9_five_hops_are_followed_and_a_sixth_is_refused() {
    let (place, object) = (Place::new(), Object::new(10_000, 1));
    let origin = Origin::scripted(object.clone(), chain(5));
    let document = place.fetches(&origin.url("/0"), "", &object);
    assert_eq!((&document["url"], &document["final_url"]), (&origin.url("/0").into(), &origin.url("/5").into()));
    let origin = Origin::scripted(object, chain(6));
    Place::new().fails(&origin.url("/0"), "", (3, "DL_REDIRECT_REFUSED"), Left::Nothing);
    assert_eq!(origin.asked().len(), 6);
}

#[test]
fn d9_an_address_without_end_is_refused() {
    let endless = format!("/{}", "x".repeat(70_000));
    let origin = Origin::scripted(Object::new(1000, 20), away(&endless));
    Place::new().fails(&origin.url("/"), "", (3, "DL_REDIRECT_REFUSED"), Left::Nothing);
    let line = origin.url(&endless);
    Place::new().fails(&line, "", (2, "URL_INVALID"), Left::Nothing);
}

#[test]
fn d9_a_loop_is_refused() {
    let origin = Origin::scripted(Object::new(1000, 2), |asked, answer| {
        *answer = to(if asked.path == "/" { "/again" } else { "/" });
    });
    Place::new().fails(&origin.url("/"), "", (3, "DL_REDIRECT_REFUSED"), Left::Nothing);
    assert!(origin.asked().len() <= 6, "{:?}", origin.asked());
}

#[test]
fn d9_relative_absolute_and_foreign_places_are_followed() {
    let object = Object::new(1000, 3);
    let other = Origin::honest(object.clone());
    for (to, end) in
        [("x/y?z=1", None), ("./x", None), ("?q", None), ("/é", None), ("other", Some(other.url("/there")))]
    {
        let target = end.clone().unwrap_or_else(|| to.to_owned());
        let origin = Origin::scripted(object.clone(), away(&target));
        Place::new().fetches(&origin.url("/"), "", &object);
        assert!(end.is_none() || other.asked()[0].path == "/there");
    }
}

#[test]
fn d9_to_where_nobody_may_dial_is_refused_at_each_hop() {
    for target in [
        "http://10.0.0.1/",
        "http://192.168.1.1:8080/lesson.flv",
        "http://172.16.0.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://0.0.0.0/",
        "http://2130706433:1/../../",
        "http://0xa000001/",
    ] {
        // Only what is named may be dialled: this very machine by its usual address. The number is that address too.
        let is_here = target.contains("2130706433");
        let origin = Origin::scripted(Object::new(1000, 4), away(target));
        let code = if is_here { (75, "DL_UNREACHABLE") } else { (2, "URL_FORBIDDEN") };
        Place::new().fails(&origin.url("/"), "--retries 0 --connect-timeout 2", code, Left::Nothing);
        assert_eq!(origin.asked().len(), 1, "{target}");
    }
}

#[test]
fn d9_metadata_is_never_dialled_whatever_is_allowed() {
    for target in ["http://169.254.169.254/", "http://[fd00:ec2::254]/", "http://100.100.100.200/"] {
        let origin = Origin::scripted(Object::new(1000, 5), away(target));
        let extra = "--allow 0.0.0.0/0 --allow ::/0 --allow 169.254.169.254 --retries 0";
        Place::new().fails(&origin.url("/"), extra, (2, "URL_FORBIDDEN"), Left::Nothing);
        Place::new().fails(target, extra, (2, "URL_FORBIDDEN"), Left::Nothing);
    }
}

#[test]
fn d9_other_schemes_are_refused() {
    for target in ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/x", "data:,x", "javascript:1"] {
        let origin = Origin::scripted(Object::new(1000, 6), away(target));
        let said = Place::new().fetch(&origin.url("/"), "");
        assert!(matches!(said.code(), "DL_REDIRECT_REFUSED" | "URL_FORBIDDEN"), "{target}\n{said}");
        assert_eq!(origin.asked().len(), 1, "{target}");
    }
}

#[test]
fn d9_a_redirect_without_or_with_an_unreadable_place_is_refused() {
    for target in ["", "http://", "http://[::", "http://a b/"] {
        let origin = Origin::scripted(Object::new(1000, 7), move |_, answer| {
            *answer = to(target);
            if target.is_empty() {
                answer.unset("Location");
            }
        });
        let said = Place::new().fetch(&origin.url("/"), "");
        assert_eq!((said.exit, said.code()), (3, "DL_REDIRECT_REFUSED"), "{target}\n{said}");
    }
}

#[test]
fn d9_from_https_to_http_is_refused_and_the_other_way_is_followed() {
    let (place, object, authority) = (Place::new(), Object::new(1000, 8), Authority::new());
    let file = authority.write(place.folder.path());
    let extra = format!("--ca-file {}", file.display());
    let plain = Origin::honest(object.clone());
    let secure = Origin::secured(object.clone(), authority.server("127.0.0.1"), away(&plain.url("/there")));
    let said = place.fetch(&secure.url("/"), &extra);
    assert_eq!((said.exit, said.code()), (3, "DL_REDIRECT_REFUSED"), "{said}");
    assert!(plain.asked().is_empty());
    let upgrade = Origin::scripted(object, away(&secure.url("/there")));
    place.fetch(&upgrade.url("/"), &extra).succeeded();
    assert_eq!(secure.asked().len(), 2);
}

#[test]
fn d9_a_password_in_a_place_is_refused_and_not_printed() {
    let origin = Origin::honest(Object::new(1000, 9));
    let target = format!("http://somebody:{SECRET}@127.0.0.1:{}/there", origin.port());
    let leading = Origin::scripted(Object::new(1000, 9), away(&target));
    for (url, exit) in [(leading.url("/"), &[2, 3][..]), (target, &[2])] {
        let said = Place::new().fetch(&url, "-vvv");
        assert!(
            exit.contains(&said.exit) && matches!(said.code(), "URL_FORBIDDEN" | "DL_REDIRECT_REFUSED"),
            "{said}"
        );
        assert!(!said.stderr.contains(SECRET) && !said.stdout.contains(SECRET), "{said}");
    }
    assert!(origin.asked().is_empty());
}

#[test]
fn d9_what_was_redirected_is_resumed_through_the_first_address() {
    // Signed places run out; the first address makes a new one.
    let (place, object) = (Place::new(), Object::new(100_000, 10));
    let origin = Origin::scripted(object.clone(), |asked, answer| match asked.path.as_str() {
        "/" => *answer = to(&format!("/signed?{}", asked.index)),
        "/signed?0" => answer.stop(50_000, crate::support::origin::End::Close).done(),
        _ => {}
    });
    place.fetches(&origin.url("/"), "", &object);
    let asked: Vec<(String, usize)> =
        origin.asked().iter().map(|asked| (asked.path.clone(), asked.offset())).collect();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert_eq!((asked[2].0.as_str(), &asked[3]), ("/", &("/signed?2".to_owned(), 50_000)));
}
