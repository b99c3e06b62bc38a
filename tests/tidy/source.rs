//! Rust source as the rules want it: lines of code without comments and literals, literals apart, tests marked.
//!
//! Not a parser: a scanner that knows comments, literals and braces, which is all that the rules ask for. It must be
//! right about well-formed code only, since the compiler sees every file as well.

use std::ops::Range;

/// One source file.
pub(crate) struct SourceFile {
    /// Path from the root of the package, with `/`.
    pub(crate) path: String,
    /// The lines as written.
    pub(crate) raw: Vec<String>,
    /// The lines with comments, and what is inside literals, replaced by spaces.
    pub(crate) code: Vec<String>,
    /// String literals with the index of the line on which each begins.
    pub(crate) strings: Vec<(usize, String)>,
    /// Per line: whether it belongs to tests.
    pub(crate) is_test: Vec<bool>,
}

/// A function with a body: its name and its lines, signature and braces included.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) lines: Range<usize>,
}

impl SourceFile {
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let scanned = scan(text);
        let raw: Vec<String> = text.lines().map(str::to_owned).collect();
        let code: Vec<String> = scanned.code.lines().map(str::to_owned).collect();
        let is_test = if is_test_path(path) { vec![true; raw.len()] } else { test_lines(&code) };
        Self { path: path.to_owned(), raw, code, strings: scanned.strings, is_test }
    }

    /// Returns the lines of code that are not tests, each with its index.
    pub(crate) fn product_code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.iter().enumerate();
        lines.filter(|(index, _)| !self.is_test[*index]).map(|(index, line)| (index, line.as_str()))
    }

    /// Returns where `line` (an index) is, for a message.
    pub(crate) fn at(&self, line: usize) -> String {
        format!("{}:{}", self.path, line + 1)
    }

    /// Returns the functions outside of tests.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for (index, line) in self.product_code() {
            for (column, name) in function_names(line) {
                if let Some(end) = body_end(&self.code, index, column) {
                    found.push(Function { name: name.to_owned(), lines: index..end + 1 });
                }
            }
        }
        found
    }
}

/// Tells files that are tests from the first line to the last.
pub(crate) fn is_test_path(path: &str) -> bool {
    path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Returns where `word` stands in `line` as a whole word.
pub(crate) fn word_positions(line: &str, word: &str) -> Vec<usize> {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let whole =
        |&at: &usize| !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next());
    line.match_indices(word).map(|(at, _)| at).filter(whole).collect()
}

/// Returns the identifier at the start of `text`, perhaps empty.
pub(crate) fn leading_identifier(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

/// Returns the functions that begin on this line, each with the column behind its name. `fn(` is a type.
fn function_names(line: &str) -> Vec<(usize, &str)> {
    let behind = word_positions(line, "fn").into_iter().map(|at| at + 2);
    let named = behind.filter_map(|at| Some((at + 1, leading_identifier(line[at..].strip_prefix(' ')?))));
    named.filter(|(_, name)| !name.is_empty()).map(|(at, name)| (at + name.len(), name)).collect()
}

/// Returns the line on which the braces that open after (`line`, `column`) close; `None` when a `;` comes first, as
/// for a trait's method without a body.
pub(crate) fn body_end(code: &[String], line: usize, column: usize) -> Option<usize> {
    let mut braces = 0_usize;
    let mut brackets = 0_usize;
    for (index, text) in code.iter().enumerate().skip(line) {
        let from = if index == line { column } else { 0 };
        for c in text[from..].chars() {
            match c {
                '(' | '[' => brackets += 1,
                ')' | ']' => brackets = brackets.saturating_sub(1),
                '{' => braces += 1,
                '}' if braces <= 1 => return Some(index),
                '}' => braces -= 1,
                ';' if braces == 0 && brackets == 0 => return None,
                _ => {}
            }
        }
    }
    None
}

/// Marks what `#[cfg(test)]` stands before.
fn test_lines(code: &[String]) -> Vec<bool> {
    let mut marks = vec![false; code.len()];
    for (index, line) in code.iter().enumerate() {
        let Some(column) = line.find("#[cfg(test)]") else { continue };
        let behind = column + "#[cfg(test)]".len();
        let end = body_end(code, index, behind).unwrap_or(index + usize::from(line.trim_end().len() == behind));
        let last = end.min(code.len() - 1);
        marks[index..=last].fill(true);
    }
    marks
}

struct Scanned {
    code: String,
    strings: Vec<(usize, String)>,
}

/// Replaces comments and the insides of literals by spaces, keeping every line end.
fn scan(text: &str) -> Scanned {
    let mut scanner = Scanner { rest: text, line: 0, out: Scanned { code: String::new(), strings: Vec::new() } };
    while !scanner.rest.is_empty() {
        scanner.step();
    }
    scanner.out
}

struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    out: Scanned,
}

impl Scanner<'_> {
    fn step(&mut self) {
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.blank(end);
        } else if self.rest.starts_with("/*") {
            self.blank(block_comment_len(self.rest));
        } else if let Some(content) = raw_string(self.rest) {
            self.literal(content);
        } else if self.rest.starts_with('"') {
            self.literal(1..1 + quoted_len(&self.rest[1..]));
        } else if let Some(len) = char_literal_len(self.rest) {
            self.blank(len);
        } else {
            let len = token_len(self.rest);
            self.keep(len);
        }
    }

    /// Blanks the content of a literal and remembers it. Of the delimiters the closing quote alone must be taken here,
    /// lest it opens another literal.
    fn literal(&mut self, content: Range<usize>) {
        self.out.strings.push((self.line, self.rest[content.clone()].to_owned()));
        self.keep(content.start);
        self.blank(content.len());
        self.keep(1.min(self.rest.len()));
    }

    fn keep(&mut self, len: usize) {
        let (taken, rest) = self.rest.split_at(len);
        self.out.code.push_str(taken);
        self.line += taken.matches('\n').count();
        self.rest = rest;
    }

    fn blank(&mut self, len: usize) {
        let (taken, rest) = self.rest.split_at(len);
        self.out.code.extend(taken.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        self.line += taken.matches('\n').count();
        self.rest = rest;
    }
}

/// Returns the length of what can be kept in one go: a word, so that the `r` of `bar"` opens no raw string, or a
/// single character.
fn token_len(text: &str) -> usize {
    let word = leading_identifier(text).len();
    if word > 0 { word } else { text.chars().next().map_or(0, char::len_utf8) }
}

fn block_comment_len(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Returns where the content of a raw string at the start of `text` is.
fn raw_string(text: &str) -> Option<Range<usize>> {
    let prefix = ["br", "cr", "r"].into_iter().find(|prefix| text.starts_with(prefix))?;
    let hashes = text[prefix.len()..].bytes().take_while(|&b| b == b'#').count();
    let open = prefix.len() + hashes;
    text[open..].starts_with('"').then_some(())?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(open + 1..open + 1 + text[open + 1..].find(&end)?)
}

/// Returns the length of a quoted text up to its closing quote.
fn quoted_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    text.len()
}

/// Returns the length of a character literal at the start of `text`; a lifetime has no closing quote.
fn char_literal_len(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    if let Some(escape) = inside.strip_prefix('\\') {
        let skip = escape.chars().next()?.len_utf8();
        return Some(2 + skip + escape[skip..].find('\'')? + 1);
    }
    let len = inside.chars().next()?.len_utf8();
    inside[len..].starts_with('\'').then_some(len + 2)
}

#[test]
fn comments_and_literals_are_no_code() {
    let text = "let a = \"unsafe\"; // unsafe\nlet b = r#\"un\"safe\"#; /* un /* x */\nsafe */ let c = 'x';";
    let file = SourceFile::parse("src/a.rs", text);
    assert!(file.code.iter().all(|line| !line.contains("safe")), "{:?}", file.code);
    assert_eq!(file.code[2].trim(), "let c =    ;");
    assert_eq!(file.strings, vec![(0, "unsafe".to_owned()), (1, "un\"safe".to_owned())]);
}

#[test]
fn quotes_in_characters_and_lifetimes_open_nothing() {
    let file = SourceFile::parse("src/a.rs", "fn a<'a>(x: &'a str) -> char { '\"' }\nlet y = '\\''; unsafe");
    assert!(file.strings.is_empty());
    assert!(file.code[1].ends_with("unsafe"));
}

#[test]
fn a_test_module_is_marked_to_its_closing_brace() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}";
    let file = SourceFile::parse("src/a.rs", text);
    assert_eq!(file.is_test, [false, true, true, true, true, false]);
    let declared = SourceFile::parse("src/a.rs", "#[cfg(test)]\nmod tests;\nfn a() {}");
    assert_eq!(declared.is_test, [true, true, false]);
}

#[test]
fn a_function_reaches_from_its_signature_to_its_brace() {
    let text = "trait T {\n    fn no_body(&self, x: [u8; 4]);\n}\nfn long(\n    f: fn(u8),\n) -> [u8; 2] {\n    if x { y }\n}";
    let functions = SourceFile::parse("src/a.rs", text).functions();
    assert_eq!(functions.len(), 1);
    assert_eq!((functions[0].name.as_str(), functions[0].lines.clone()), ("long", 3..8));
}
