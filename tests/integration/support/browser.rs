//! A browser without a screen, as the player that has the last word.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// How long the browser may take for all; a machine under load starts it in seconds.
const SECONDS_MAX: &str = "90";

/// What the browser reports when it has ended by itself, or was ended.
const ENDED: &str = "ended";

/// Lets Chromium play the pictures of `names` in `folder`, their sound left out, each until time has passed; returns for
/// each how wide its picture was, or the error.
pub(crate) fn play(folder: &Path, names: &[&str]) -> BTreeMap<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    fs::write(folder.join("page.html"), page(address, names)).unwrap();
    let mut browser = Command::new("timeout")
        .arg(SECONDS_MAX)
        .args(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--mute-audio"])
        .args(["--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", folder.join("page.html").display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run timeout and chromium ({error}): `make test` installs them"));
    let pid = rustix::process::Pid::from_child(&browser);
    let watch = thread::spawn(move || {
        let _ = browser.wait();
        // Wakes whoever still waits for a report.
        let _ = TcpStream::connect(address).map(|mut stream| write!(stream, "GET /{ENDED}= HTTP/1.1\r\n\r\n"));
    });
    let mut told = BTreeMap::new();
    while told.len() < names.len() {
        let (name, outcome) = report(&listener);
        assert_ne!(name, ENDED, "the browser has ended, having told of {told:?}");
        told.insert(name, outcome);
    }
    // `timeout` hands it on to the browser.
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    watch.join().unwrap();
    told
}

/// Waits for one request and returns the name and the outcome in its path.
fn report(listener: &TcpListener) -> (String, String) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    let path = line.split_whitespace().nth(1).unwrap_or_default();
    let (name, outcome) = path.trim_start_matches('/').split_once('=').unwrap_or_default();
    (name.to_owned(), outcome.to_owned())
}

fn page(address: SocketAddr, names: &[&str]) -> String {
    let script = "
        for (const name of NAMES) {
            const video = document.createElement('video');
            const tell = (outcome) => {
                if (!video.told) { video.told = true; new Image().src = `http://ADDRESS/${name}=${outcome}`; }
            };
            video.muted = true;
            video.autoplay = true;
            video.ontimeupdate = () => { if (video.currentTime > 0.3) tell(video.videoWidth); };
            video.onerror = () => tell('error');
            video.src = name;
            document.body.append(video);
        }";
    let script = script.replace("NAMES", &format!("{names:?}")).replace("ADDRESS", &address.to_string());
    format!("<!DOCTYPE html><meta charset=utf-8><body><script>{script}</script></body>")
}
