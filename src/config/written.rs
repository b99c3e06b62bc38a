//! A value as somebody wrote it, each part with its line, before anybody knows what it means.
//!
//! The `config` crate and serde lose the lines of the file on the way; this keeps them, so that each refusal can name
//! its place.

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// So much of a value is repeated in a message.
const SHOWN_CHARACTERS: usize = 80;

/// A value and the line on which it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written {
    /// The line, from 1; 0 where there are no lines.
    pub(super) line: u32,
    /// What stands there.
    pub(super) shape: Shape,
}

/// What a value looks like.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// Characters that nobody gave a type: of a variable, or of a `.env` file.
    Words(String),
    /// A TOML string.
    Text(String),
    /// A TOML number, in decimal digits.
    Number(String),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML date or time, which no setting is.
    Moment(String),
    /// A TOML array.
    List(Vec<Written>),
    /// A TOML table, in the order of the lines.
    Table(Vec<Member>),
}

/// A key of a table with its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    /// The key.
    pub(super) name: String,
    /// The key's line.
    pub(super) line: u32,
    /// The value.
    pub(super) value: Written,
}

/// Something that is no TOML.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SyntaxFault {
    /// Its line.
    pub(super) line: u32,
    /// What is wrong there, as the parser says it, on one line; no value is repeated.
    pub(super) what: String,
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    fn at(&self, offset: usize) -> u32 {
        u32::try_from(self.0.partition_point(|begin| *begin <= offset)).unwrap_or(u32::MAX)
    }
}

impl Written {
    /// Returns untyped characters.
    pub(super) fn words(text: &str, line: u32) -> Self {
        Self { line, shape: Shape::Words(text.to_owned()) }
    }

    /// Understands a single TOML value; `None` where it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let value = DeValue::parse(text).ok()?;
        Some(Self { line: 0, ..Self::of(&value, &Lines(Vec::new())) })
    }

    fn of(value: &Spanned<DeValue<'_>>, lines: &Lines) -> Self {
        let shape = match value.get_ref() {
            DeValue::String(text) => Shape::Text(text.to_string()),
            DeValue::Integer(number) => Shape::Number(decimal(number)),
            DeValue::Float(number) => Shape::Number(number.as_str().to_owned()),
            DeValue::Boolean(value) => Shape::Boolean(*value),
            DeValue::Datetime(moment) => Shape::Moment(moment.to_string()),
            DeValue::Array(items) => Shape::List(items.iter().map(|item| Self::of(item, lines)).collect()),
            DeValue::Table(table) => Shape::Table(members(table, lines)),
        };
        Self { line: lines.at(value.span().start), shape }
    }

    /// Returns the characters of a string, typed or not.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Words(text) | Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the characters of a string or the digits of a number.
    pub(super) fn text_or_digits(&self) -> Option<&str> {
        match &self.shape {
            Shape::Number(digits) => Some(digits),
            _ => self.text(),
        }
    }

    /// Returns the digits of a number. A quoted one is none in TOML; a variable's words may be one.
    pub(super) fn digits(&self) -> Option<&str> {
        match &self.shape {
            Shape::Number(digits) | Shape::Words(digits) => Some(digits),
            _ => None,
        }
    }

    /// Returns the parts of a list; words are understood as TOML. `None` where it is no list.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        match &self.shape {
            Shape::List(items) => Some(items.clone()),
            Shape::Words(text) => match Self::parse(text)?.shape {
                Shape::List(items) => Some(items),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the value as a message repeats it: on one line, and not all of a long one.
    pub(super) fn shown(&self) -> String {
        let text = match &self.shape {
            Shape::Words(text) | Shape::Text(text) => format!("{text:?}"),
            Shape::Number(text) | Shape::Moment(text) => text.clone(),
            Shape::Boolean(value) => value.to_string(),
            Shape::List(_) => "[…]".to_owned(),
            Shape::Table(_) => "{…}".to_owned(),
        };
        match text.char_indices().nth(SHOWN_CHARACTERS) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

/// Understands a whole file: the keys of its top level, and everything in it that is no TOML. What could be understood
/// is there even beside faults, so that all that is wrong can be told at once.
pub(super) fn document(text: &str) -> (Vec<Member>, Vec<SyntaxFault>) {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    let fault = |error: toml::de::Error| {
        let span = error.span().unwrap_or(0..0);
        SyntaxFault { line: lines.at(span.start), what: sentence(error.message(), text.get(span)) }
    };
    (members(table.get_ref(), &lines), errors.into_iter().map(fault).collect())
}

/// Returns the parser's words on one line, and plainer ones where it is terse. The place of a key set twice is the
/// key; other places may hold a value, which is not repeated.
fn sentence(message: &str, place: Option<&str>) -> String {
    match message {
        "duplicate key" => format!("{} is set twice; keep one of them", place.unwrap_or("this").escape_debug()),
        "string values must be quoted, expected literal string" => "text must stand in quotes".to_owned(),
        other => other.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

fn members(table: &DeTable<'_>, lines: &Lines) -> Vec<Member> {
    let mut members: Vec<Member> = (table.iter())
        .map(|(key, value)| Member {
            name: key.get_ref().to_string(),
            line: lines.at(key.span().start),
            value: Written::of(value, lines),
        })
        .collect();
    members.sort_by_key(|member| member.line);
    members
}

/// Returns the digits in base ten; what no number of ours could hold stays as it is and is refused later.
fn decimal(number: &DeInteger<'_>) -> String {
    match u128::from_str_radix(number.as_str(), number.radix()) {
        Ok(value) => value.to_string(),
        Err(_) => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_knows_its_line() {
        let (members, faults) = document("a = 1\n[b]\nc = [\n  'x',\n  0x1f,\n]\r\n[[b.d]]\ne = true\n");
        assert_eq!(faults, []);
        let Shape::Table(inner) = &members[1].value.shape else { panic!("{members:?}") };
        let Shape::List(items) = &inner[0].value.shape else { panic!("{inner:?}") };
        assert_eq!((members[0].line, inner[0].line, items[0].line, items[1].line), (1, 3, 4, 5));
        assert_eq!(items[1].digits(), Some("31"));
        let Shape::List(tables) = &inner[1].value.shape else { panic!("{inner:?}") };
        let Shape::Table(last) = &tables[0].shape else { panic!("{tables:?}") };
        assert_eq!((last[0].line, &last[0].value.shape), (8, &Shape::Boolean(true)));
    }

    #[test]
    fn all_faults_of_a_file_are_found_beside_what_could_be_understood() {
        let (members, faults) = document("a = 1000k\nb = 2\nb = 3\nc = \"x\nd = 4\n");
        let told: Vec<_> = faults.iter().map(|fault| (fault.line, fault.what.as_str())).collect();
        let quoted = "invalid basic string, expected `\"`";
        assert_eq!(told, [(1, "text must stand in quotes"), (3, "b is set twice; keep one of them"), (4, quoted)]);
        assert_eq!(members.last().map(|member| member.name.as_str()), Some("d"));
    }

    #[test]
    fn a_message_repeats_a_long_value_in_part_and_an_odd_one_escaped() {
        let long = Written::words(&"ü".repeat(200), 1).shown();
        assert_eq!((long.chars().count(), long.ends_with('…')), (SHOWN_CHARACTERS + 1, true));
        assert_eq!(Written::words("a\n\u{1b}", 1).shown(), "\"a\\n\\u{1b}\"");
    }
}
