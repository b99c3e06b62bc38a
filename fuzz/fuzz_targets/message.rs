//! Any bytes are understood or refused in few words; what is understood as a booking is read the same from its own form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reelmill::booking::message::{GOT_CHARS_MAX, parse, to_body};
use reelmill::booking::{Channel, Message};

fuzz_target!(|body: &[u8]| {
    for channel in [Channel::Bookings, Channel::Control] {
        match parse(body, channel, &|_| Ok(())) {
            Ok(Message::Booking(booking)) => {
                let again = parse(to_body(&booking).as_bytes(), channel, &|_| Ok(()));
                assert_eq!(again, Ok(Message::Booking(booking)));
            }
            Ok(_) => {}
            Err(invalid) => assert!(invalid.got.chars().count() <= GOT_CHARS_MAX),
        }
    }
});
