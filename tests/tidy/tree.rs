//! The tree as a whole: that every file is compiled, and that the error codes and their document agree.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{SourceFile, leading_identifier};

/// Returns the files that no `mod` declaration reaches from `roots`.
pub(crate) fn dead_files(files: &[SourceFile], roots: &[&str]) -> Vec<String> {
    let by_path: BTreeMap<&str, &SourceFile> = files.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&str> = roots.to_vec();
    while let Some(path) = waiting.pop() {
        let Some((&path, file)) = by_path.get_key_value(path) else { continue };
        if reached.insert(path) {
            let children = declared_files(file, roots.contains(&path));
            waiting.extend(
                children.iter().filter_map(|child| by_path.get_key_value(child.as_str())).map(|(key, _)| *key),
            );
        }
    }
    by_path.into_keys().filter(|path| !reached.contains(path)).map(str::to_owned).collect()
}

/// Returns where the modules that a file declares may be: `x.rs` or `x/mod.rs` in the file's own folder.
fn declared_files(file: &SourceFile, is_root: bool) -> Vec<String> {
    let (parent, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let owns_folder = is_root || name == "mod.rs";
    let folder = if owns_folder { parent.to_owned() } else { format!("{parent}/{}", name.trim_end_matches(".rs")) };
    let modules =
        file.code.iter().filter(|line| line.trim_end().ends_with(';')).filter_map(|line| declared_module(line));
    modules.flat_map(|module| [format!("{folder}/{module}.rs"), format!("{folder}/{module}/mod.rs")]).collect()
}

/// Returns the module that a line declares, in a file of its own or with braces.
pub(crate) fn declared_module(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("mod ")?;
    let visibility = before.rsplit(']').next().unwrap_or(before).trim();
    let declares = visibility.is_empty() || visibility == "pub" || visibility.starts_with("pub(");
    declares.then(|| leading_identifier(after.trim_start())).filter(|name| !name.is_empty())
}

/// Returns the error codes that functions named `code` answer, each with the place where it stands.
pub(crate) fn codes_in_source(files: &[SourceFile]) -> BTreeMap<String, String> {
    let mut codes = BTreeMap::new();
    for file in files {
        let bodies: Vec<_> = file.functions().into_iter().filter(|function| function.name == "code").collect();
        let inside = |line: &usize| bodies.iter().any(|body| body.lines.contains(line));
        for (line, text) in file.strings.iter().filter(|(line, text)| inside(line) && is_code(text)) {
            codes.insert(text.clone(), file.at(*line));
        }
    }
    codes
}

/// Returns the codes that the document explains: those in backticks that open a heading or a table's row.
pub(crate) fn codes_in_document(text: &str) -> BTreeSet<String> {
    let quoted = |line: &str| {
        let opening = line.trim_start_matches(['#', '|', ' ']);
        let is_entry = line.starts_with(['#', '|']);
        is_entry.then(|| opening.strip_prefix('`')?.split('`').next().map(str::to_owned)).flatten()
    };
    text.lines().filter_map(quoted).filter(|code| is_code(code)).collect()
}

fn is_code(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Returns the codes without an entry in the document, and the entries without a code.
pub(crate) fn code_differences(codes: &BTreeMap<String, String>, documented: &BTreeSet<String>) -> Vec<String> {
    let unexplained = codes.iter().filter(|(code, _)| !documented.contains(*code));
    let unknown = documented.iter().filter(|code| !codes.contains_key(*code));
    let unexplained = unexplained.map(|(code, at)| format!("{at}: `{code}` is not in docs/errors.md"));
    unexplained.chain(unknown.map(|code| format!("docs/errors.md: no error answers `{code}`"))).collect()
}

/// Returns the codes that no test's string names, those in `excused` aside; and the excuses that are no longer needed.
pub(crate) fn untested_codes(
    codes: &BTreeMap<String, String>,
    tests: &[SourceFile],
    excused: &[(&str, &str)],
) -> Vec<String> {
    let in_tests = |file: &SourceFile, line: usize| file.is_test.get(line).copied().unwrap_or(false);
    let named = |code: &str| {
        let mut strings =
            tests.iter().flat_map(|file| file.strings.iter().filter(|(line, _)| in_tests(file, *line)));
        strings
            .any(|(_, text)| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == code))
    };
    let is_excused = |code: &str| excused.iter().any(|(excuse, _)| *excuse == code);
    let untested = codes.iter().filter(|(code, _)| !named(code) && !is_excused(code));
    let needless = excused.iter().filter(|(code, _)| !codes.contains_key(*code) || named(code));
    let untested = untested.map(|(code, at)| format!("{at}: no test reaches `{code}`"));
    untested.chain(needless.map(|(code, _)| format!("`{code}` is excused and need not be"))).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        code_differences, codes_in_document, codes_in_source, dead_files, declared_module, untested_codes,
    };
    use crate::source::SourceFile;

    #[test]
    fn a_file_that_nothing_declares_is_seen() {
        let sources = [
            ("src/lib.rs", "pub mod a;\n// mod c;"),
            ("src/a/mod.rs", "mod b;"),
            ("src/a/b.rs", "#[cfg(test)]\nmod tests;"),
            ("src/a/b/tests.rs", ""),
            ("src/a/c.rs", ""),
            ("src/c.rs", ""),
        ];
        let files = sources.map(|(path, text)| SourceFile::parse(path, text));
        assert_eq!(dead_files(&files, &["src/lib.rs"]), ["src/a/c.rs", "src/c.rs"]);
    }

    #[test]
    fn a_declaration_is_told_from_other_text() {
        assert_eq!(declared_module("pub(crate) mod layer;"), Some("layer"));
        assert_eq!(declared_module("#[cfg(test)] mod tests {"), Some("tests"));
        assert_eq!(declared_module("let x = a mod b;"), None);
    }

    #[test]
    fn codes_and_document_that_differ_are_seen() {
        let source = "fn code(&self) -> &'static str {\n    match self {\n        A => \"GONE_BAD\",\n        B => \"OLD\",\n    }\n}\nfn b() { \"NOT_ONE\" }";
        let codes = codes_in_source(&[SourceFile::parse("src/a.rs", source)]);
        let document =
            codes_in_document("# Errors\n| `OLD` | cause |\n### `NEW`\nsee `AVERROR_EOF`\n| cause | `OTHER` |");
        assert_eq!(
            code_differences(&codes, &document),
            ["src/a.rs:3: `GONE_BAD` is not in docs/errors.md", "docs/errors.md: no error answers `NEW`"]
        );
    }

    #[test]
    fn a_code_without_a_test_and_an_excuse_without_need_are_seen() {
        let product = SourceFile::parse("src/a.rs", "fn code() {\n match x { 1 => \"BAD\", _ => \"WORSE\" }\n}");
        let test = SourceFile::parse("tests/integration/a.rs", "const X: &str = \"error[BAD]: so it is\";");
        let codes = codes_in_source(&[product]);
        let files = [test];
        assert_eq!(untested_codes(&codes, &files, &[]), ["src/a.rs:2: no test reaches `WORSE`"]);
        assert_eq!(untested_codes(&codes, &files, &[("WORSE", "")]), Vec::<String>::new());
        let needless = [("WORSE", ""), ("BAD", "")];
        assert_eq!(untested_codes(&codes, &files, &needless), ["`BAD` is excused and need not be"]);
    }
}
