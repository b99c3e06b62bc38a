//! Failures that come when their attempt has no time left.

use super::{HOUR, PROVIDERS, Scene, World, booking, result, terms};
use crate::event::EventType;
use crate::store::{RenditionState, StoreError};

fn play(providers: &[&str], scene: impl FnOnce(&mut Scene<'_>) -> Result<(), StoreError> + Send + 'static) {
    World::new().play(scene, terms(providers));
}

#[test]
fn a_refusal_that_comes_after_its_attempt_s_deadline_is_that_deadline_s_end() {
    play(&["oss"], |scene| {
        scene.take(&booking("c-1", 6666))?;
        scene.now += 3 * HOUR;
        // Before anybody has looked at the time.
        scene.take(&result(6666, "oss", false))?;
        assert_eq!(scene.tx.bookings().latest("", "c-1")?.unwrap().code, Some(207));
        assert_eq!(scene.tx.renditions().get("", "6666", 720)?.unwrap().state, RenditionState::TimedOut);
        Ok(())
    });
    play(&PROVIDERS, |scene| {
        scene.take(&booking("c-1", 6666))?;
        scene.now += 3 * HOUR;
        scene.take(&result(6666, PROVIDERS[0], false))?;
        let rendition = scene.tx.renditions().get("", "6666", 720)?.unwrap();
        assert_eq!((rendition.provider.as_str(), rendition.attempt), (PROVIDERS[1], 2));
        let told = scene.tx.outbox().after(0, 99)?;
        assert!(told.iter().any(|event| event.event_type == EventType::Alarm), "of the one that took too long");
        Ok(())
    });
}
