//! Downloads as a node has them: several in one process within one budget, with a resolver and a limit of its own.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reelmill::download::{
    Dialer, DownloadError, Downloader, Guard, Patience, Progress, RateLimit, Report, Request, Resolve, StallRule,
    Timeouts, Tls, parse_url, system_resolver,
};
use reelmill::failure::Failure;
use tokio::runtime;
use tokio::sync::watch;

use super::Place;
use crate::support::origin::{End, Object, Origin};

/// A downloader that may dial this machine, within `rate` bytes a second.
pub(crate) fn downloader(resolve: Resolve, rate: Option<u64>) -> Downloader {
    let second = Duration::from_secs(1);
    Downloader {
        dialer: Dialer {
            guard: Guard::new(vec!["127.0.0.0/8".parse().unwrap()]),
            resolve,
            tls: Tls::default(),
            timeouts: Timeouts { connect: 5 * second, header: 15 * second },
        },
        limit: Arc::new(RateLimit::new(rate.and_then(NonZeroU64::new))),
        patience: Patience { retries: 3, wait: Duration::ZERO, wait_max: second },
        stall: StallRule { bytes_per_second: 1024, time: 30 * second },
        redirects_max: 5,
    }
}

fn request(place: &Place, url: &str, bytes_max: Option<u64>) -> Request {
    Request {
        url: parse_url(url).unwrap(),
        output: place.output(),
        resume: true,
        overwrite: false,
        sha256: None,
        bytes_max,
        rate: None,
        room: None,
    }
}

async fn fetch(downloader: &Downloader, request: &Request, progress: &Progress) -> Result<Report, DownloadError> {
    let (_stop, stopped) = watch::channel(false);
    downloader.fetch(request, progress, stopped).await?.publish()
}

pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn d11_three_downloads_share_one_budget_and_none_starves() {
    const RATE: u64 = 1000 << 10;
    let objects = [1, 2, 3].map(|seed| Object::new(600 << 10, seed));
    let origins = objects.each_ref().map(|object| Origin::honest(object.clone()));
    let places = [Place::new(), Place::new(), Place::new()];
    let requests: Vec<Request> =
        places.iter().zip(&origins).map(|(place, origin)| request(place, &origin.url("/"), None)).collect();
    let downloader = downloader(system_resolver(), Some(RATE));
    let progress = [Progress::default(), Progress::default(), Progress::default()];
    let began = Instant::now();
    let at_a_second = block_on(async {
        let second = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            progress.each_ref().map(Progress::bytes)
        };
        let all = async {
            tokio::try_join!(
                fetch(&downloader, &requests[0], &progress[0]),
                fetch(&downloader, &requests[1], &progress[1]),
                fetch(&downloader, &requests[2], &progress[2])
            )
        };
        let (at_a_second, all) = tokio::join!(second, all);
        all.unwrap();
        at_a_second
    });
    for (place, object) in places.iter().zip(&objects) {
        assert!(std::fs::read(place.output()).unwrap() == object.bytes[..]);
    }
    // Not how fast at least: others compute here. The rest is tested under a clock that waits for everybody.
    let limit = f64::from(u32::try_from(RATE).unwrap()) * 1.05;
    let took = began.elapsed().as_secs_f64();
    assert!(f64::from(3 * (600 << 10)) / took <= limit, "all in {took} s");
    let fair = at_a_second.iter().sum::<u64>() / 3;
    assert!(at_a_second.iter().all(|bytes| bytes * 5 >= fair), "{at_a_second:?} after a second");
}

#[test]
fn d9_a_name_that_moves_into_a_private_network_between_two_attempts_is_not_followed_there() {
    let (place, object) = (Place::new(), Object::new(300_000, 4));
    let origin = Origin::scripted(object, |_, answer| answer.stop(200_000, End::Close).done());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolve: Resolve = Arc::new(move |_| {
        let address: [u8; 4] =
            if count.fetch_add(1, Ordering::SeqCst) == 0 { [127, 0, 0, 1] } else { [10, 0, 0, 1] };
        Box::pin(async move { Ok(vec![IpAddr::from(address)]) })
    });
    let request = request(&place, &format!("http://origin.example:{}/", origin.port()), None);
    let error = block_on(fetch(&downloader(resolve, None), &request, &Progress::default())).unwrap_err();
    assert_eq!((error.code(), origin.asked().len()), ("URL_FORBIDDEN", 1), "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 2, "each attempt resolves once and dials what it was told");
}

#[test]
fn d9_a_name_with_one_private_address_among_others_is_refused() {
    let (place, origin) = (Place::new(), Origin::honest(Object::new(1000, 5)));
    let resolve: Resolve =
        Arc::new(|_| Box::pin(async { Ok([[127, 0, 0, 1], [169, 254, 169, 254]].map(IpAddr::from).to_vec()) }));
    let request = request(&place, &format!("http://origin.example:{}/", origin.port()), None);
    let error = block_on(fetch(&downloader(resolve, None), &request, &Progress::default())).unwrap_err();
    assert_eq!((error.code(), origin.asked().len()), ("URL_FORBIDDEN", 0), "{error}");
}

#[test]
fn more_than_the_caller_takes_is_refused_by_its_length_or_on_the_way() {
    for has_length in [true, false] {
        let place = Place::new();
        let origin = Origin::scripted(Object::new(300_000, 6), move |_, answer| {
            if !has_length {
                answer.chunked();
            }
        });
        let request = request(&place, &origin.url("/"), Some(299_999));
        let downloader = downloader(system_resolver(), None);
        let error = block_on(fetch(&downloader, &request, &Progress::default())).unwrap_err();
        assert_eq!((error.code(), origin.asked().len()), ("DL_TOO_LARGE", 1), "{error}");
        assert!(crate::support::binary::names(place.folder.path()).is_empty());
    }
}
