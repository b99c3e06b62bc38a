//! The lines of a `.env` file: `KEY=VALUE` with comments, quotes and `export`, as shells and their imitations write it.
//!
//! Nothing is expanded, and no value goes over a line's end: what would need that is refused. What the keys mean is
//! known to `legacy`.

/// A line that sets something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    /// The line, from 1.
    pub(super) line: u32,
    /// The key.
    pub(super) name: String,
    /// The value without its quotes.
    pub(super) value: String,
}

/// A line that cannot be understood, and why. Nothing of it is repeated: it may hold a secret.
pub(super) type BadLine = (u32, &'static str);

/// Understands a file, line by line.
pub(super) fn parse(bytes: &[u8]) -> (Vec<Assignment>, Vec<BadLine>) {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let (mut assignments, mut bad) = (Vec::new(), Vec::new());
    for (raw, line) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        match str::from_utf8(raw).map_err(|_| "this line is not UTF-8; save the file as UTF-8").and_then(pair) {
            Ok(Some((name, value))) => assignments.push(Assignment { line, name, value }),
            Ok(None) => {}
            Err(why) => bad.push((line, why)),
        }
    }
    (assignments, bad)
}

/// Returns the key and the value of a line; `None` for an empty line or a comment.
fn pair(line: &str) -> Result<Option<(String, String)>, &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let (name, value) = line.split_once('=').ok_or("a line is KEY=VALUE, a comment, or empty")?;
    let name = name.trim_end();
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    if !is_name {
        return Err("a key is made of letters, digits and _");
    }
    unquoted(value.trim_start()).map(|value| Some((name.to_owned(), value)))
}

fn unquoted(value: &str) -> Result<String, &'static str> {
    let (text, rest) = match value.chars().next() {
        Some('\'') => {
            let (text, rest) = value[1..].split_once('\'').ok_or("the quote is not closed on its line")?;
            (text.to_owned(), rest)
        }
        Some('"') => double_quoted(&value[1..])?,
        // A `#` begins a comment behind a space only: it is part of many values.
        _ => {
            let end = value.find(" #").or_else(|| value.find("\t#")).unwrap_or(value.len());
            let text = if value.starts_with('#') { "" } else { value[..end].trim_end() };
            (text.to_owned(), "")
        }
    };
    let rest = rest.trim_start();
    if rest.is_empty() || rest.starts_with('#') { Ok(text) } else { Err("something follows the closing quote") }
}

/// Returns what stands before the closing quote, and what behind it.
fn double_quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match letters.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                _ => return Err("in double quotes, \\ stands before \" or \\ only"),
            },
            _ => value.push(letter),
        }
    }
    Err("the quote is not closed on its line")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_understood_as_a_shell_would() {
        let text = "\u{feff}A=1\r\n# comment\n\n  export B = two words # comment\nC='a # b' # c\n\
                    D=\"say \\\"x\\\" \\\\\"\nE=\nF=a#b\nG=\"\"\nexport=1\nH=#x\n";
        let (assignments, bad) = parse(text.as_bytes());
        assert_eq!(bad, []);
        let found: Vec<_> =
            assignments.iter().map(|one| (one.line, one.name.as_str(), one.value.as_str())).collect();
        assert_eq!(
            found,
            [
                (1, "A", "1"),
                (4, "B", "two words"),
                (5, "C", "a # b"),
                (6, "D", "say \"x\" \\"),
                (7, "E", ""),
                (8, "F", "a#b"),
                (9, "G", ""),
                (10, "export", "1"),
                (11, "H", ""),
            ]
        );
    }

    #[test]
    fn lines_that_cannot_be_understood_are_told_one_by_one() {
        let text = b"A\n=1\n1A=1\nA B=1\nA='x\nA=\"x\nA='x'y\nA=\"\\n\"\nA=\xff\nB=1";
        let (assignments, bad) = parse(text);
        assert_eq!(assignments.iter().map(|one| one.line).collect::<Vec<_>>(), [10]);
        assert_eq!(bad.iter().map(|(line, _)| *line).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
        assert!(bad[8].1.contains("not UTF-8") && bad[4].1.contains("not closed"), "{bad:?}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_no_line_is_lost(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (assignments, bad) = parse(&bytes);
            let lines = bytes.split(|byte| *byte == b'\n').count();
            prop_assert!(assignments.len() + bad.len() <= lines);
        }

        #[test]
        fn a_quoted_value_comes_back_as_it_was(value in "[^'\n\r]{0,40}") {
            let (assignments, bad) = parse(format!("KEY='{value}'").as_bytes());
            prop_assert_eq!(bad, vec![]);
            prop_assert_eq!(&assignments[0].value, &value);
        }
    }
}
