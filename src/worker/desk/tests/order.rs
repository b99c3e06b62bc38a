//! Every order in which a booking, a result, the passing of time, the end of a class, the work itself and a crash can follow
//! each other: no class waits for somebody who will not come, and none is answered twice.

use super::{HOUR, PROVIDERS, Scene, World, booking, result, terms};
use crate::failure::FailureClass;
use crate::store::{BookingRow, BookingState, JobKind, JobState, RenditionState, StoreError};
use crate::worker::terms::Terms;

const RECORD: u32 = 6666;
/// Steps after the first booking. Every further one takes eight times as long; the full form (`make campaign`) has two more.
const STEPS_MAX: usize = 3;

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    BookFirst,
    BookSecond,
    ResultGood,
    ResultBad,
    Over,
    TimePasses,
    FetchWorks,
    FetchFails,
    TranscodeWorks,
    TranscodeFails,
    /// The process ends: what was to follow from the last transaction did not, and the next one takes up what is there.
    Crash,
}

const STEPS: [Step; 11] = [
    Step::BookFirst,
    Step::BookSecond,
    Step::ResultGood,
    Step::ResultBad,
    Step::Over,
    Step::TimePasses,
    Step::FetchWorks,
    Step::FetchFails,
    Step::TranscodeWorks,
    Step::TranscodeFails,
    Step::Crash,
];

fn take(scene: &mut Scene<'_>, step: Step) -> Result<(), StoreError> {
    const GONE: (&str, FailureClass) = ("DL_HTTP_STATUS", FailureClass::Source);
    const BROKEN: (&str, FailureClass) = ("MEDIA_TRUNCATED", FailureClass::Source);
    match step {
        Step::BookFirst => scene.take(&booking("c-1", RECORD)).map(drop),
        Step::BookSecond => scene.take(&booking("c-2", RECORD)).map(drop),
        Step::ResultGood => scene.take(&result(RECORD, "oss", true)).map(drop),
        Step::ResultBad => scene.take(&result(RECORD, "oss", false)).map(drop),
        Step::Over => scene.take(r#"{"cmd":"over","class_id":"c-1"}"#).map(drop),
        Step::TimePasses => {
            scene.now += 2 * HOUR;
            pass_time(scene)
        }
        Step::FetchWorks => scene.work(JobKind::Fetch, Ok(())).map(drop),
        Step::FetchFails => scene.work(JobKind::Fetch, Err(GONE)).map(drop),
        Step::TranscodeWorks => scene.work(JobKind::Transcode, Ok(())).map(drop),
        Step::TranscodeFails => scene.work(JobKind::Transcode, Err(BROKEN)).map(drop),
        Step::Crash => crash(scene),
    }
}

fn pass_time(scene: &mut Scene<'_>) -> Result<(), StoreError> {
    while scene.at_desk(|desk| desk.pass_time())? > 0 {}
    unstick(scene)
}

fn unstick(scene: &mut Scene<'_>) -> Result<(), StoreError> {
    let mut after = 0;
    while let Some(last) = scene.at_desk(|desk| desk.unstick(after))? {
        after = last;
    }
    Ok(())
}

/// A job is claimed, and the process ends.
fn crash(scene: &mut Scene<'_>) -> Result<(), StoreError> {
    for kind in JobKind::ALL {
        scene.claim(kind)?;
    }
    while scene.at_desk(|desk| desk.recover())? > 0 {}
    unstick(scene)
}

/// Whoever waits has somebody who will come.
fn check(scene: &Scene<'_>, so_far: &[Step]) -> Result<(), StoreError> {
    for row in scene.tx.bookings().live(0, 100)? {
        let file = &row.new.file;
        let is_live = |kind, key: &str| {
            let job = scene.tx.jobs().live(&file.institution, kind, key)?;
            Ok::<_, StoreError>(job.is_some_and(|job| job.state != JobState::Held))
        };
        let key = super::super::key_of(file).unwrap().to_string();
        match row.state {
            BookingState::Waiting => {
                let rendition = scene.tx.renditions().get(&file.institution, &file.record, file.resolution)?;
                let rendition = rendition.unwrap_or_else(|| panic!("nobody was asked: {so_far:?}"));
                assert_eq!(rendition.state, RenditionState::Transcoding, "{so_far:?}");
                let is_ours = rendition.provider == "local";
                assert!(!is_ours || is_live(JobKind::Transcode, &key)?, "nobody makes it: {so_far:?}");
            }
            BookingState::Downloading => {
                let job = super::super::fetch_key(&key, super::super::url_of(&row));
                assert!(is_live(JobKind::Fetch, &job)?, "nobody fetches it: {so_far:?}");
            }
            BookingState::Ready => assert!(scene.held.contains(&super::super::holder_of(&row).name), "{so_far:?}"),
            _ => {}
        }
    }
    Ok(())
}

/// Each booking was accepted once, answered once at most, and ended once at most.
fn check_events(scene: &Scene<'_>, rows: &[BookingRow], so_far: &[Step]) -> Result<(), StoreError> {
    let events = scene.tx.outbox().after(0, 10_000)?;
    for row in rows {
        let own = format!("\"booking_sequence\":{},", row.new.sequence);
        let told: Vec<&str> = events
            .iter()
            .filter(|event| event.class_id.as_ref() == Some(&row.new.class_id) && event.data.contains(&own))
            .map(|event| event.event_type.name())
            .collect();
        let is_one_of: [&[&str]; 5] = [
            &["booking.accepted", "booking.failed"],
            &["booking.accepted", "booking.over"],
            &["booking.accepted", "booking.cancelled"],
            &["booking.accepted", "booking.ready", "booking.over"],
            &["booking.accepted", "booking.ready", "booking.cancelled"],
        ];
        assert!(is_one_of.contains(&told.as_slice()), "{told:?} after {so_far:?}");
    }
    Ok(())
}

/// Plays one order, and then lets days pass. Returns whether its last step changed anything: else what begins with it was
/// played without that step.
fn play(scene: &mut Scene<'_>, steps: &[Step]) -> Result<bool, StoreError> {
    let mut has_changed = true;
    for (place, step) in steps.iter().enumerate() {
        let before = (scene.now, scene.tx.outbox().last()?);
        take(scene, *step)?;
        has_changed = before != (scene.now, scene.tx.outbox().last()?);
        check(scene, &steps[..=place])?;
    }
    for _ in 0..4 {
        scene.now += 25 * HOUR;
        pass_time(scene)?;
        check(scene, steps)?;
    }
    assert_eq!(scene.tx.bookings().live(0, 1)?, [], "still alive after {steps:?}");
    assert!(scene.held.is_empty(), "{:?} still held after {steps:?}", scene.held);
    let rows = scene.tx.bookings().page(&crate::store::BookingFilter::default(), 0, 100)?;
    check_events(scene, &rows, steps)?;
    Ok(has_changed)
}

/// Plays every order that begins so and has at most `more` steps more; returns how many those are.
fn explore(world: &World, terms: &Terms, begun: &[Step], more: usize) -> usize {
    let steps = begun.to_vec();
    let has_changed = world.play(move |scene| play(scene, &steps), terms.clone());
    if more == 0 || !has_changed {
        return 1;
    }
    let next = STEPS.iter().map(|step| explore(world, terms, &[begun, &[*step]].concat(), more - 1));
    next.sum::<usize>() + 1
}

#[test]
fn b6_in_every_order_of_what_can_happen_no_class_waits_for_ever_and_none_is_answered_twice() {
    #[expect(clippy::disallowed_methods, reason = "how long a test may take is no setting of the program")]
    let asked = std::env::var("REELMILL_ORDER_STEPS").ok().and_then(|steps| steps.parse().ok());
    for providers in [&["oss", "ecs"][..], &PROVIDERS, &["local"]] {
        let played = explore(&World::new(), &terms(providers), &[Step::BookFirst], asked.unwrap_or(STEPS_MAX));
        // Fewer would mean that steps have become void.
        assert!(played > 150, "{played} orders with {providers:?}");
    }
}
