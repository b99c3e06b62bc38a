//! How a good recording becomes a bad one.

use fastrand::Rng;

use super::field::Field;

/// Bits in a million that are flipped at least, and the powers of ten that the rate spreads over.
const RATE_MIN: f64 = 0.000_01;
const RATE_DECADES: f64 = 3.0;
/// Fields of a length that are changed at most.
const FIELDS_MAX: usize = 4;

/// Returns the mutant: by its number, bits flipped anywhere or fields of a length changed.
pub(super) fn mutant(random: &mut Rng, good: &[u8], fields: &[Field], number: usize) -> Vec<u8> {
    let mut bytes = good.to_vec();
    if number.is_multiple_of(2) {
        flip_anywhere(random, &mut bytes);
    } else {
        for _ in 0..random.usize(1..=FIELDS_MAX) {
            let field = random.choice(fields).unwrap();
            change(random, &mut bytes, field);
        }
    }
    bytes
}

/// Flips bits all over the file at a rate between 0.00001 and 0.01, and at least one.
fn flip_anywhere(random: &mut Rng, bytes: &mut [u8]) {
    let rate = RATE_MIN * 10_f64.powf(random.f64() * RATE_DECADES);
    #[expect(clippy::cast_precision_loss, reason = "a file of some kilobytes")]
    let expected = bytes.len() as f64 * 8.0 * rate;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand at most")]
    let count = expected.round().max(1.0) as usize;
    for _ in 0..count {
        let at = random.usize(..bytes.len());
        bytes[at] ^= 1 << random.u8(..8);
    }
}

/// Gives a field another value: the ones that programmers forget, or any.
fn change(random: &mut Rng, bytes: &mut [u8], field: &Field) {
    let value = field.read(bytes);
    let most = field.most();
    let changed = match random.u8(..10) {
        0 => 0,
        1 => most,
        2 => most >> 1,
        3 => value.wrapping_add(1),
        4 => value.wrapping_sub(1),
        5 => value.wrapping_mul(2),
        6 => value / 2,
        7 => random.u64(..=most),
        8 => random.u64(..=value.saturating_mul(4).min(most)),
        _ => value ^ 1 << random.u32(..field.bits()),
    };
    field.write(bytes, changed & most);
}
