//! Whole downloads from an origin of one canned answer: what no option of the command line reaches.

use std::num::NonZeroU64;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::content_hash;
use crate::download::{Dialer, Guard, Patience, RateLimit, StallRule, Timeouts, Tls, parse_url, system_resolver};
use crate::failure::Failure;

const SECOND: Duration = Duration::from_secs(1);

fn downloader() -> Downloader {
    Downloader {
        dialer: Dialer {
            guard: Guard::new(vec!["127.0.0.0/8".parse().unwrap()]),
            resolve: system_resolver(),
            tls: Tls::default(),
            timeouts: Timeouts { connect: 5 * SECOND, header: 5 * SECOND },
        },
        limit: Arc::new(RateLimit::new(None)),
        patience: Patience { retries: 0, wait: Duration::ZERO, wait_max: SECOND },
        stall: StallRule { bytes_per_second: 1, time: 5 * SECOND },
        redirects_max: 5,
    }
}

/// Answers every request with `answer`; returns the address.
async fn origin(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}/lesson.flv")
}

fn request(url: &str, folder: &Path) -> Request {
    Request {
        url: parse_url(url).unwrap(),
        output: folder.join("lesson.flv"),
        resume: true,
        overwrite: false,
        sha256: None,
        bytes_max: None,
        rate: None,
        room: None,
    }
}

async fn fetched(request: &Request) -> Result<Fetched, DownloadError> {
    let (_stop, stopping) = watch::channel(false);
    downloader().fetch(request, &Progress::default(), stopping).await
}

fn left(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[tokio::test]
async fn more_bytes_than_allowed_are_refused_whether_announced_or_not() {
    let folder = tempfile::tempdir().unwrap();
    for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef", "HTTP/1.0 200 OK\r\n\r\nabcdef"] {
        let url = origin(answer.to_owned()).await;
        let asked = Request { bytes_max: Some(5), ..request(&url, folder.path()) };
        assert_eq!(fetched(&asked).await.unwrap_err().code(), "DL_TOO_LARGE");
        assert_eq!(left(folder.path()), 0);
        let enough = Request { bytes_max: Some(6), ..asked };
        fetched(&enough).await.unwrap().discard().unwrap();
    }
}

#[tokio::test]
async fn the_origins_own_digest_is_held_against_the_bytes() {
    use base64::prelude::{BASE64_STANDARD, Engine};
    let folder = tempfile::tempdir().unwrap();
    let digest = |text: &str| {
        let hex = content_hash::of_bytes(text);
        let bytes: Vec<u8> =
            (0..64).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        format!("sha-256=:{}:", BASE64_STANDARD.encode(bytes))
    };
    let answer = |digest: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nRepr-Digest: {digest}\r\n\r\nabc");
    let right = request(&origin(answer(&digest("abc"))).await, folder.path());
    fetched(&right).await.unwrap().publish().unwrap();
    std::fs::remove_file(&right.output).unwrap();
    let wrong = request(&origin(answer(&digest("abd"))).await, folder.path());
    assert_eq!(fetched(&wrong).await.unwrap_err().code(), "DL_HASH_MISMATCH");
    assert_eq!(left(folder.path()), 0);
}

#[tokio::test]
async fn a_job_of_its_own_rate_is_slower_than_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let body = "x".repeat(40_000);
    let url = origin(format!("HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n{body}")).await;
    let began = std::time::Instant::now();
    let capped = Request { rate: NonZeroU64::new(100_000), ..request(&url, folder.path()) };
    fetched(&capped).await.unwrap().publish().unwrap();
    // 0.4 s by the rate, less what a burst may make up for; how much longer a busy machine takes nobody knows.
    assert!(began.elapsed() > Duration::from_millis(250));
}

#[tokio::test]
async fn a_stop_that_was_asked_for_before_is_heard_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = origin("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".to_owned()).await;
    let (_stop, stopping) = watch::channel(true);
    let result = downloader().fetch(&request(&url, folder.path()), &Progress::default(), stopping).await;
    assert_eq!(result.unwrap_err().code(), "CANCELLED");
    assert_eq!(left(folder.path()), 0);
}

#[tokio::test]
async fn what_a_killed_run_finished_is_held_against_the_hash_that_is_asked_for_now() {
    let folder = tempfile::tempdir().unwrap();
    let url = origin("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned()).await;
    let asked = request(&url, folder.path());
    let finish = || {
        let (mut part, _) = PartFile::open(&asked.output, asked.url.as_str(), true).unwrap();
        let origin = Origin {
            url: asked.url.to_string(),
            final_url: asked.url.to_string(),
            validator: None,
            total: Some(3),
        };
        part.begin(origin).unwrap();
        part.append(b"abc").unwrap();
        part.whole().unwrap();
        std::fs::rename(part.path(), &asked.output).unwrap();
    };
    let hash = |text: &str| Some(content_hash::of_bytes(text));
    let hashed = |sha256, resume| Request { sha256, resume, ..asked.clone() };
    finish();
    // A mistyped hash costs nothing: the right one finds the file still.
    assert_eq!(fetched(&hashed(hash("abd"), true)).await.unwrap_err().code(), "DL_HASH_MISMATCH");
    let found = fetched(&hashed(hash("abc"), true)).await.unwrap();
    assert_eq!(found.publish().unwrap().bytes, 3);
    assert_eq!((std::fs::read(&asked.output).unwrap(), left(folder.path())), (b"abc".to_vec(), 1));
    std::fs::remove_file(&asked.output).unwrap();
    finish();
    assert_eq!(fetched(&hashed(None, false)).await.unwrap_err().code(), "OUTPUT_EXISTS");
    // Nor does an origin that has nothing to replace it with.
    let replaced = Request { overwrite: true, ..hashed(None, false) };
    assert_eq!(fetched(&replaced).await.unwrap_err().code(), "DL_HTTP_STATUS");
    fetched(&asked).await.unwrap().publish().unwrap();
    assert_eq!(left(folder.path()), 1);
}

#[tokio::test]
async fn an_address_that_leads_nowhere_costs_nothing_of_what_another_brought() {
    let folder = tempfile::tempdir().unwrap();
    let good = request("http://127.0.0.1:9/lesson.flv", folder.path());
    let (mut part, _) = PartFile::open(&good.output, good.url.as_str(), true).unwrap();
    let origin_of_part = Origin {
        url: good.url.to_string(),
        final_url: good.url.to_string(),
        validator: Some(crate::download::Validator::ETag("\"v1\"".to_owned())),
        total: Some(6),
    };
    part.begin(origin_of_part).unwrap();
    part.append(b"abc").unwrap();
    part.sync().unwrap();
    drop(part);
    let gone =
        request(&origin("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned()).await, folder.path());
    assert_eq!(fetched(&gone).await.unwrap_err().code(), "DL_HTTP_STATUS");
    let (_, leftover) = PartFile::open(&good.output, good.url.as_str(), true).unwrap();
    assert_eq!(leftover, Leftover::Resumed(3));
}
