//! One line of a file that a crash may tear: a text, a blank, and the beginning of the text's SHA-256, so that a line of
//! which a part is missing or a digit changed is not believed.
//!
//! What the text says, and which line counts, is the reader's business.

use crate::content_hash;

/// How much of a line's hash stands in it: chance makes no mistake of it.
const SUM_BYTES: usize = 8;

/// Returns `text`, which holds no line break, as a line without its end.
pub fn seal(text: &str) -> String {
    format!("{text} {}", sum(text))
}

/// Returns the text of a line; nothing when the line is not as it was written.
pub fn unseal(line: &str) -> Option<&str> {
    let (text, sum) = line.rsplit_once(' ')?;
    (sum == self::sum(text)).then_some(text)
}

fn sum(text: &str) -> String {
    let mut sum = content_hash::of_bytes(text);
    sum.truncate(2 * SUM_BYTES);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_any_byte_changed_or_missing_is_not_believed() {
        let line = seal(r#"{"bytes": 1024}"#);
        assert_eq!(unseal(&line), Some(r#"{"bytes": 1024}"#));
        for at in 0..line.len() {
            let mut changed = line.clone().into_bytes();
            changed[at] ^= 1;
            assert_eq!(unseal(&String::from_utf8(changed).unwrap()), None, "{at}");
            assert_eq!(unseal(&line[..at]), None, "{at}");
        }
    }
}
