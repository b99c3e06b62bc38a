//! The tests' own apparatus, judged by clients and tools that are not ours: faults prove nothing when they are not the
//! faults they are said to be.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use reelmill::content_hash::of_bytes;

use crate::support::bytes::Noise;
use crate::support::certificate::Authority;
use crate::support::clip::scratch;
use crate::support::nginx::Nginx;
use crate::support::oracle::tool;
use crate::support::origin::{Answer, End, LAST_MODIFIED, Object, Origin};
use crate::support::power::Disk;
use crate::support::proxy::{Proxy, Toxic};

/// Runs curl with these words and returns its exit code, how much it printed, and the hash of that.
fn curl(words: &[&str]) -> (i32, usize, String) {
    let output = Command::new("curl").args(["-s", "--max-time", "20"]).args(words).output().unwrap();
    printed(output.status.code().unwrap(), &output.stdout)
}

/// What curl should have answered: bytes compared by their hashes, which a failing test can show.
fn printed(code: i32, bytes: &[u8]) -> (i32, usize, String) {
    (code, bytes.len(), of_bytes(bytes))
}

#[test]
fn the_origin_answers_whole_parts_and_heads_as_curl_wants_them() {
    let object = Object::new(300_000, 1);
    let origin = Origin::honest(object.clone());
    let url = origin.url("/lesson.flv");
    assert_eq!(curl(&[&url]), printed(0, &object.bytes));
    assert_eq!(curl(&["-r", "1000-1999", &url]), printed(0, &object.bytes[1000..2000]));
    assert_eq!(
        curl(&["-r", "299999-", "-H", "If-Range: \"object-1\"", &url]),
        printed(0, &object.bytes[299_999..])
    );
    assert_eq!(
        curl(&["-r", "5-", "-H", &format!("If-Range: {LAST_MODIFIED}"), &url]),
        printed(0, &object.bytes[5..])
    );
    assert_eq!(curl(&["-r", "5-", "-H", "If-Range: \"other\"", &url]), printed(0, &object.bytes));
    let head = String::from_utf8(tool("curl", &["-s", "-I", &url, "-r", "300000-"])).unwrap();
    assert!(head.starts_with("HTTP/1.1 416") && head.contains("Content-Range: bytes */300000"), "{head}");
    let asked = origin.asked();
    assert_eq!(
        (asked[5].method.as_str(), asked[5].path.as_str(), asked[5].offset()),
        ("HEAD", "/lesson.flv", 300_000)
    );
    assert_eq!((asked[1].sent(), asked[3].header("IF-RANGE")), (1000, Some(LAST_MODIFIED)));
    assert_eq!(origin.sent(), 300_000 + 1000 + 1 + 299_995 + 300_000);
}

#[test]
fn the_origin_drops_resets_and_tells_lies_as_its_script_says() {
    let object = Object::new(300_000, 2);
    let origin = Origin::scripted(object.clone(), |asked, answer| match asked.path.as_str() {
        "/drop" => {
            answer.stop(100_001, End::Close);
        }
        "/long" => {
            answer.set("Content-Length", 10).end(End::Close);
        }
        "/cut" => {
            answer.chunked().stop(70_000, End::Close);
        }
        "/chunked" => {
            answer.chunked();
        }
        "/moved" => answer.set("Location", "/chunked").status = 302,
        _ => *answer = Answer::of(404),
    });
    let get = |path: &str| curl(&[&origin.url(path)]);
    // 18: the transfer ended early. 56: failure in receiving.
    assert_eq!(get("/drop"), printed(18, &object.bytes[..100_001]));
    assert_eq!(get("/long"), printed(0, &object.bytes[..10]));
    assert_eq!(get("/cut"), printed(18, &object.bytes[..70_000]));
    assert_eq!(get("/chunked"), printed(0, &object.bytes));
    assert_eq!(curl(&["-L", &origin.url("/moved")]), printed(0, &object.bytes));
    assert_eq!(curl(&["-f", &origin.url("/none")]).0, 22);
    let resetting = Origin::scripted(object, |_, answer| {
        answer.stop(100, End::Reset);
    });
    let mut socket = TcpStream::connect(("127.0.0.1", resetting.port())).unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let error = socket.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn the_origin_over_tls_is_trusted_by_its_authority_s_friends_and_by_nobody_else() {
    let folder = scratch();
    let authority = Authority::new();
    let file = authority.write(folder.path());
    let file = file.to_str().unwrap();
    let object = Object::new(1000, 3);
    let serve = |tls| Origin::secured(object.clone(), tls, |_, _| ());
    let right = serve(authority.server("127.0.0.1"));
    assert_eq!(curl(&["--cacert", file, &right.url("/")]), printed(0, &object.bytes));
    // 60: the certificate is not to be believed.
    assert_eq!(curl(&[&right.url("/")]).0, 60);
    for wrong in [authority.server("elsewhere.example"), authority.expired("127.0.0.1")] {
        assert_eq!(curl(&["--cacert", file, &serve(wrong).url("/")]).0, 60);
    }
}

#[test]
fn wget_resumes_from_the_origin_after_drops_at_random_places() {
    let folder = scratch();
    let object = Object::new(2_000_000, 4);
    let origin = Origin::scripted(object.clone(), |asked, answer| {
        let place = Noise::new(u64::try_from(asked.index).unwrap()).below(500_000);
        if asked.index < 5 {
            answer.stop(place, if asked.index % 2 == 0 { End::Close } else { End::Reset });
        }
    });
    let path = folder.path().join("lesson.flv");
    tool("wget", &["-q", "--waitretry=0", "-O", path.to_str().unwrap(), &origin.url("/lesson.flv")]);
    assert!(std::fs::read(&path).unwrap() == *object.bytes);
    assert!(origin.asked().len() > 5 && origin.asked()[1].offset() > 0, "{:?}", origin.asked());
}

#[test]
fn the_origin_is_as_slow_and_as_endless_as_its_script_says() {
    let origin = Origin::scripted(Object::new(1000, 5), |asked, answer| match asked.path.as_str() {
        "/page" => {
            answer.body(b"<html>".to_vec());
        }
        "/drip" => {
            answer.pace(1, Duration::from_millis(100));
        }
        "/silence" => {
            answer.stop(10, End::Silence);
        }
        _ => {
            answer.endless_head(Duration::ZERO);
        }
    });
    assert_eq!(curl(&[&origin.url("/page")]), printed(0, b"<html>"));
    // 28: too slow. 56: a head of more than curl takes.
    assert_eq!(curl(&["-y", "1", "-Y", "100", &origin.url("/drip")]).0, 28);
    assert_eq!(curl(&["--max-time", "0.2", &origin.url("/silence")]).0, 28);
    assert_eq!(curl(&[&origin.url("/head")]).0, 56);
    origin.until(|asked| asked.len() == 4 && asked[2].sent() == 10);
}

#[test]
fn a_weak_or_missing_validator_of_the_origin_never_grants_a_part() {
    let weak = Object::new(100, 6).tagged(Some("W/\"6\"")).changed(None).dated(None);
    for object in [weak.clone(), weak.tagged(None)] {
        let origin = Origin::honest(object.clone());
        for validator in ["W/\"6\"", "\"6\"", LAST_MODIFIED] {
            let answered = curl(&["-r", "9-", "-H", &format!("If-Range: {validator}"), &origin.url("/")]);
            assert_eq!(answered, printed(0, &object.bytes), "{validator}");
        }
    }
}

#[test]
fn a_power_cut_takes_what_was_not_synced_and_leaves_what_was() {
    let disk = Disk::new(16);
    let path = |name: &str| disk.path().join(name);
    for cut in 0..2 {
        fs::write(path("kept"), format!("kept {cut}")).unwrap();
        File::open(path("kept")).and_then(|file| file.sync_all()).unwrap();
        File::open(disk.path()).and_then(|folder| folder.sync_all()).unwrap();
        fs::write(path("lost"), "lost").unwrap();
        disk.cut();
        assert!(fs::write(path("late"), "late").is_err());
        disk.restore();
        assert_eq!(fs::read_to_string(path("kept")).unwrap(), format!("kept {cut}"));
        assert!(fs::read(path("lost")).is_ok_and(|bytes| bytes.is_empty()) || !path("lost").try_exists().unwrap());
    }
}

#[test]
fn nginx_behind_a_bad_network_is_resumed_by_wget_and_torn_for_curl() {
    let nginx = Nginx::start("");
    let bytes = Object::new(400_000, 7).bytes;
    fs::write(nginx.files().join("lesson.flv"), &bytes[..]).unwrap();
    let proxy = Proxy::to(nginx.port(), |count| match count {
        0 => vec![Toxic::Down],
        1 => vec![Toxic::LimitData(50_000), Toxic::Slicer(7001)],
        2 => vec![Toxic::Reset(90_000), Toxic::Latency(Duration::from_millis(1))],
        _ => vec![],
    });
    let url = proxy.url("http", "/lesson.flv");
    let folder = scratch();
    let path = folder.path().join("lesson.flv");
    tool("wget", &["-q", "--waitretry=0", "-O", path.to_str().unwrap(), &url]);
    assert!(fs::read(&path).unwrap() == bytes[..]);
    assert_eq!((proxy.connections(), nginx.answers().len()), (4, 3), "{:?}", nginx.answers());
    assert!(nginx.answers()[2].starts_with("206 "), "{:?}", nginx.answers());
    let bad = Proxy::to(nginx.port(), |count| match count {
        0 => vec![Toxic::BlackHole(1000)],
        1 => vec![Toxic::Bandwidth(10_000)],
        _ => vec![Toxic::Reset(1000)],
    });
    let url = bad.url("http", "/lesson.flv");
    for code in [28, 28, 56] {
        assert_eq!(curl(&["--max-time", "0.5", &url]).0, code);
    }
    assert!((2000 + 1000..2000 + 8000).contains(&bad.passed()), "{}", bad.passed());
    assert_eq!(curl(&[&nginx.url("lesson.flv")]), printed(0, &bytes));
}
