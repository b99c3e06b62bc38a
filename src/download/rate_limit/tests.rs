//! The limit under tokio's paused clock, where seconds take no time and nothing is late.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use tokio::task::JoinSet;

use super::*;

fn rate(bytes_per_second: u64) -> Rate {
    NonZeroU64::new(bytes_per_second)
}

const SECOND: Duration = Duration::from_secs(1);
const WGET_1000K: u64 = 1000 * 1024;

/// Starts a job for each cap that passes pieces of its size for ever, and returns what each has passed so far.
fn jobs(node: &Arc<RateLimit>, pieces: &[(u64, Rate)]) -> (JoinSet<()>, Vec<Arc<AtomicU64>>) {
    let mut tasks = JoinSet::new();
    let counts = pieces.iter().map(|&(piece, cap)| {
        let (mut limit, count) = (JobLimit::new(cap, Arc::clone(node)), Arc::new(AtomicU64::new(0)));
        let shared = Arc::clone(&count);
        tasks.spawn(async move {
            loop {
                limit.pass(piece).await;
                shared.fetch_add(piece, Ordering::Relaxed);
            }
        });
        count
    });
    let counts = counts.collect();
    (tasks, counts)
}

fn sum(counts: &[Arc<AtomicU64>]) -> u64 {
    counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
}

fn assert_near(actual: u64, expected: u64, percent: u64) {
    assert!(
        actual.abs_diff(expected) * 100 <= expected * percent,
        "{actual}, not within {percent} % of {expected}"
    );
}

#[tokio::test(start_paused = true)]
async fn d11_three_downloads_share_one_budget_and_none_starves() {
    let node = Arc::new(RateLimit::new(rate(WGET_1000K)));
    // Jobs with large pieces gain nothing by it.
    let (_tasks, counts) = jobs(&node, &[(64 << 10, None), (16 << 10, None), (1000, None)]);
    tokio::time::sleep(5 * SECOND).await;
    assert_near(sum(&counts), 5 * WGET_1000K, 5);
    tokio::time::sleep(25 * SECOND).await;
    assert_near(sum(&counts), 30 * WGET_1000K, 1);
    for count in &counts {
        assert_near(count.load(Ordering::Relaxed), 10 * WGET_1000K, 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_capped_job_leaves_its_rest_to_the_others() {
    let node = Arc::new(RateLimit::new(rate(1_000_000)));
    let (_tasks, counts) = jobs(&node, &[(10_000, rate(100_000)), (10_000, None)]);
    tokio::time::sleep(30 * SECOND).await;
    let passed: Vec<u64> = counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    assert_near(passed[0], 3_000_000, 2);
    assert_near(passed[1], 27_000_000, 2);
}

#[tokio::test(start_paused = true)]
async fn a_new_rate_holds_at_once_for_those_who_wait() {
    let node = Arc::new(RateLimit::new(rate(1)));
    let (_tasks, counts) = jobs(&node, &[(10_000, None)]);
    tokio::time::sleep(SECOND).await;
    // The first turn passes on credit and owes minutes at this rate.
    node.set(rate(1_000_000));
    tokio::time::sleep(10 * SECOND).await;
    assert_near(sum(&counts), 10_000_000, 2);
    node.set(rate(1000));
    let before = sum(&counts);
    tokio::time::sleep(100 * SECOND).await;
    assert_near(sum(&counts) - before, 100_000, 12);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_nothing_waits_and_lifting_it_wakes_the_waiting() {
    let node = Arc::new(RateLimit::new(rate(1)));
    let mut limit = JobLimit::new(None, Arc::clone(&node));
    let began = Instant::now();
    let waiting = tokio::spawn(async move { limit.pass(1 << 40).await });
    tokio::time::sleep(SECOND).await;
    node.set(None);
    waiting.await.unwrap();
    assert!(began.elapsed() < 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_waiting_keeps_nobody_from_his_turn() {
    let node = Arc::new(RateLimit::new(rate(10_000)));
    let (mut tasks, _) = jobs(&node, &[(10_000, None), (10_000, None)]);
    tokio::time::sleep(SECOND).await;
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
    let (_others, counts) = jobs(&node, &[(1000, None)]);
    tokio::time::sleep(10 * SECOND).await;
    assert_near(sum(&counts), 100_000, 3);
}

proptest! {
    /// Whatever asks, whenever, and however late: never more than the rate, a turn and the burst allow, and never less
    /// than the rate while somebody asks all the time.
    #[test]
    fn the_rate_is_neither_passed_nor_missed(
        bytes_per_second in 1000..100_000_000_u64,
        lateness in proptest::collection::vec(0..20_u64, 1..200),
    ) {
        let began = Instant::now();
        let (mut pace, mut now, mut passed) = (Pace::new(rate(bytes_per_second), began), began, 0);
        let turn = turn_bytes(NonZeroU64::new(bytes_per_second).unwrap());
        for late in lateness {
            while let Err(due) = pace.pass(turn, now) {
                prop_assert!(due > now);
                now = due + Duration::from_millis(late);
            }
            passed += turn;
        }
        #[expect(clippy::cast_precision_loss, reason = "a bound")]
        let allowed = ((now - began) + BURST).as_secs_f64() * bytes_per_second as f64 + turn as f64;
        #[expect(clippy::cast_precision_loss, reason = "a bound")]
        let passed = passed as f64;
        prop_assert!(passed <= allowed + 1.0, "{passed} of {allowed}");
        #[expect(clippy::cast_precision_loss, reason = "a bound")]
        let owed = (now - began).as_secs_f64() * bytes_per_second as f64 - 0.1 * bytes_per_second as f64;
        prop_assert!(passed >= owed - 1.0, "{passed} of {owed}");
    }
}
