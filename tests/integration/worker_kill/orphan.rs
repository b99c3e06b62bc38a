//! How long work lies without anybody after a kill.

use std::time::{Duration, Instant};

use serde_json::json;

use super::daemon::{Daemon, Phase, Place};
use super::load::Origins;
use super::until;
use crate::support::setting::setting;

/// Of the kills of a campaign, one in so many is one of these.
const SHARE: usize = 6;
const KILLS: usize = 30;
/// Work is taken up again in this time.
const ORPHAN_TIME: Duration = Duration::from_secs(20);
/// A daemon that is killed takes its children with it in this time; many of them on a machine that is busy take longer.
const CHILDREN_END: Duration = Duration::from_secs(1);
/// Seconds of the recording: work for longer than anything here takes.
const LESSON_SECONDS: f64 = 300.0;

/// Returns the number of the transcode that runs, if one does.
fn transcode(daemon: &Daemon) -> Option<i64> {
    let running = daemon.running()?;
    running.into_iter().find(|(_, phase)| *phase == Phase::Transcoding).map(|(id, _)| id)
}

#[test]
fn random_kills_during_a_transcode_leave_it_alone_for_a_moment_only() {
    let kills = setting("REELMILL_KILLS", KILLS).div_ceil(SHARE);
    let (origins, place) = (Origins::new(LESSON_SECONDS), Place::new(None));
    let mut daemon = Daemon::start(&place);
    let mut times = Vec::new();
    for kill in 0..kills {
        assert!(daemon.until_ready(), "{:?}", daemon.ended());
        let class = format!("c-{kill}");
        let (record, url) = (format!("r{kill}"), origins.lesson_url());
        let body = json!({ "class_id": class, "record_id": record, "video_url": url, "video_resolution": "240P" });
        let (status, answer) = daemon.ask("POST /api/v1/bookings", "", &body.to_string()).unwrap();
        assert_eq!(status, 202, "{answer}");
        let mut id = None;
        until("transcoding", || {
            id = transcode(&daemon);
            id.is_some()
        });
        let took = daemon.kill();
        assert!(took <= CHILDREN_END, "its children were there for {took:?} more");
        let killed = Instant::now();
        daemon = Daemon::start(&place);
        assert!(daemon.until_ready(), "{:?}", daemon.ended());
        until("taken up again", || transcode(&daemon) == id);
        times.push(killed.elapsed());
        let body = json!({ "cmd": "cancel", "class_id": class }).to_string();
        assert_eq!(daemon.ask("POST /api/v1/control", "", &body).unwrap().0, 200);
        until("idle", || daemon.running().is_some_and(|running| running.is_empty()));
    }
    times.sort();
    let (median, p99) = (times[times.len() / 2], times[(times.len() * 99).div_ceil(100) - 1]);
    #[expect(clippy::print_stdout, reason = "the figure that a campaign is run for")]
    {
        println!("a transcode runs again after {median:?}, p99 {p99:?}, of {kills} kills");
    }
    assert!(p99 <= ORPHAN_TIME, "{times:?}");
}
