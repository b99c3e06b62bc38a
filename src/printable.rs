//! Strangers' words made safe to show: names of files, metadata and messages must not move the cursor, end a line, or turn
//! what stands beside them around. What they mean is untouched: nothing is lost, it is spelled out.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns `text` with what steers a terminal or a reader spelled out, as `\u{1b}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if steers(letter) {
            let _ = write!(escaped, "{}", letter.escape_default());
        } else {
            escaped.push(letter);
        }
    }
    Cow::Owned(escaped)
}

/// Returns a JSON document with the same in its strings spelled out as JSON does: it reads the same, and is safe to look at.
/// (What ASCII has of it JSON demands to be escaped anyway, DEL aside; line ends between its parts stay.)
pub fn in_json(document: String) -> String {
    let is_safe = |letter: char| letter.is_ascii_control() && letter != '\u{7f}' || !steers(letter);
    if document.chars().all(is_safe) {
        return document;
    }
    let mut escaped = String::with_capacity(document.len() + 8);
    for letter in document.chars() {
        if is_safe(letter) {
            escaped.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// Returns whether a character is no sign but an order: to a terminal (C0, DEL, C1), to whoever splits lines, or to whoever
/// puts letters in their direction (Unicode's UAX 9). The joiners of emoji and of Indic scripts are left alone.
fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{61c}' | '\u{200e}' | '\u{200f}' // marks of a direction
            | '\u{2028}' | '\u{2029}' // ends of lines and paragraphs
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // embeddings, overrides and isolates
            | '\u{206a}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{feff}' // old switches, annotations, a byte order
            | '\u{e0000}'..='\u{e007f}' // tags nobody sees
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_a_reader_is_spelled_out_m20() {
        assert_eq!(printable("\u{1b}[31mred\u{7}\n\u{9b}2J\0"), "\\u{1b}[31mred\\u{7}\\n\\u{9b}2J\\u{0}");
        assert_eq!(printable("a\u{202e}vlf.exe\u{2066}\u{2028}"), "a\\u{202e}vlf.exe\\u{2066}\\u{2028}");
        assert!(matches!(printable("Übung – 第1课.flv 👩‍🏫 {{\"}}"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_document_means_the_same_and_stays_on_its_lines_m20() {
        let name = "a\u{202e}\u{9b}\u{7f}\u{e0041}\n课";
        let plain = format!("{{\n  \"path\": {}\n}}", serde_json::to_string(name).unwrap());
        let safe = in_json(plain.clone());
        assert!(!safe.contains(|letter| steers(letter) && letter != '\n') && safe.contains("课"), "{safe}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!((read(&safe), safe.lines().count()), (read(&plain), 3));
    }
}
