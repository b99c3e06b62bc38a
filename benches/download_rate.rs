//! How exactly several downloads in one process keep one budget: `cargo bench --bench download_rate`.
//!
//! An origin that sends as fast as it can, 1, 3 and 10 downloads at 1000 KiB/s together, half a minute each. Told per
//! number of downloads: the average's error, the worst error of any 5 s, and what the slowest download got of its fair
//! share. Bytes count when they have come out of the socket; the first second, in which the kernel's buffers fill, counts
//! like the others.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use reelmill::download::{
    Dialer, Downloader, Guard, Patience, Progress, RateLimit, Request, StallRule, Timeouts, Tls, parse_url,
    system_resolver,
};
use tokio::sync::watch;
use tokio::time::{Instant, interval};

/// wget's `1000k`.
const RATE: u64 = 1000 * 1024;
const SECONDS: usize = 30;
const WINDOW_SECONDS: usize = 5;
const LOOKS_PER_SECOND: usize = 10;

/// Serves bytes without end to everybody, on a port of its own.
fn origin() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    port
}

fn serve(mut stream: TcpStream) {
    let (mut request, body) = ([0; 4096], vec![7; 64 << 10]);
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    let asked = stream.read(&mut request).and_then(|_| stream.write_all(head.as_bytes()));
    // Until the download has had enough and goes.
    while asked.is_ok() && stream.write_all(&body).is_ok() {}
}

fn downloader() -> Downloader {
    let second = Duration::from_secs(1);
    Downloader {
        dialer: Dialer {
            guard: Guard::new(vec!["127.0.0.0/8".parse().expect("a network")]),
            resolve: system_resolver(),
            tls: Tls::default(),
            timeouts: Timeouts { connect: 5 * second, header: 15 * second },
        },
        limit: Arc::new(RateLimit::new(NonZeroU64::new(RATE))),
        patience: Patience { retries: 0, wait: second, wait_max: second },
        stall: StallRule { bytes_per_second: 1, time: 30 * second },
        redirects_max: 0,
    }
}

/// Lets `count` downloads run and returns what each had after every look.
async fn watched(count: usize, port: u16) -> Vec<Vec<u64>> {
    let folder = tempfile::tempdir().expect("a folder for the parts");
    let (downloader, (stop, stopping)) = (Arc::new(downloader()), watch::channel(false));
    let progress: Vec<Arc<Progress>> = (0..count).map(|_| Arc::default()).collect();
    let tasks: Vec<_> = (0..count)
        .map(|index| {
            let request = Request {
                url: parse_url(&format!("http://127.0.0.1:{port}/")).expect("an address"),
                output: folder.path().join(index.to_string()),
                resume: false,
                overwrite: false,
                sha256: None,
                bytes_max: None,
                rate: None,
                room: None,
            };
            let (downloader, progress) = (Arc::clone(&downloader), Arc::clone(&progress[index]));
            let stopping = stopping.clone();
            tokio::spawn(async move { downloader.fetch(&request, &progress, stopping).await.map(|_| ()) })
        })
        .collect();
    while progress.iter().any(|progress| progress.bytes() == 0) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let looks = look(&progress).await;
    stop.send_replace(true);
    for task in tasks {
        let _ = task.await;
    }
    looks
}

async fn look(progress: &[Arc<Progress>]) -> Vec<Vec<u64>> {
    let began = Instant::now();
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(LOOKS_PER_SECOND).expect("a small number"));
    let mut looks = Vec::new();
    while looks.len() <= SECONDS * LOOKS_PER_SECOND {
        ticks.tick().await;
        looks.push(progress.iter().map(|progress| progress.bytes()).collect());
    }
    let late = began.elapsed().as_secs_f64() - f64::from(u32::try_from(SECONDS).expect("a small number"));
    assert!(late < 0.1, "this machine is too busy to measure: {late} s late");
    looks
}

#[expect(clippy::cast_precision_loss, reason = "percent")]
fn error(bytes: u64, seconds: usize) -> f64 {
    (bytes as f64 / (RATE * seconds as u64) as f64 - 1.0) * 100.0
}

#[expect(clippy::print_stdout, reason = "this is what it is for")]
#[expect(clippy::cast_precision_loss, reason = "percent")]
fn tell(count: usize, looks: &[Vec<u64>]) {
    let sums: Vec<u64> = looks.iter().map(|look| look.iter().sum()).collect();
    let span = WINDOW_SECONDS * LOOKS_PER_SECOND;
    let windows = sums.windows(span + 1).map(|window| error(window[span] - window[0], WINDOW_SECONDS));
    let worst = windows.max_by(|left, right| left.abs().total_cmp(&right.abs())).unwrap_or(0.0);
    let (first, last) = (&looks[0], &looks[looks.len() - 1]);
    let gained: Vec<u64> = last.iter().zip(first).map(|(last, first)| last - first).collect();
    let all: u64 = gained.iter().sum();
    let slowest = gained.iter().min().copied().unwrap_or(0) * gained.len() as u64;
    println!(
        "{count:>2} downloads: {:+.2} % over {SECONDS} s, {worst:+.2} % over the worst {WINDOW_SECONDS} s, \
         the slowest had {:.1} % of its share",
        error(all, SECONDS),
        slowest as f64 / all as f64 * 100.0
    );
}

fn main() {
    let port = origin();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    for count in [1, 3, 10] {
        tell(count, &runtime.block_on(watched(count, port)));
    }
}
