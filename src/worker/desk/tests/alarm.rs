//! Alarms: whose they are.

use super::{World, terms};
use crate::event::EventType;
use crate::store::StoreError;
use crate::worker::desk::{Alarm, Desk};

fn raise(desk: &Desk<'_>, institution: &str, reason: &str) -> Result<(), StoreError> {
    desk.alarm(&Alarm {
        event: EventType::Alarm,
        code: None,
        error: "MESSAGE_INVALID".to_owned(),
        reason: reason.to_owned(),
        institution: institution.to_owned(),
        subject: "record_id number".to_owned(),
    })
}

#[test]
fn each_institution_is_told_of_its_own_alarms_and_of_no_other_s() {
    let told = World::new().play(
        |scene| {
            scene.at_desk(|desk| raise(desk, "22", "first of 22"))?;
            scene.at_desk(|desk| raise(desk, "23", "first of 23"))?;
            scene.at_desk(|desk| raise(desk, "23", "second of 23"))?;
            scene.now += 61_000;
            scene.at_desk(|desk| desk.pass_time())?;
            scene.tx.outbox().after(0, 9)
        },
        terms(&["oss"]),
    );
    let institutions: Vec<_> = told.iter().map(|event| event.institution.as_str()).collect();
    assert_eq!(institutions, ["22", "23", "23"]);
    for event in told {
        assert!(event.data.contains(&format!("of {}", event.institution)), "{event:?}");
    }
}
