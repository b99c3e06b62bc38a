//! Words and names that may stand nowhere.
//!
//! The words are spelled in two parts, so that this file does not contain them.

use crate::source::{SourceFile, word_positions};

const UNFINISHED_WORDS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
const UNFINISHED_MACROS: [&str; 3] = ["dbg", "todo", "unimplemented"];
const MACHINE_PATHS: [&str; 3] = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// Returns the files that do not say at their top what they are for.
pub(crate) fn without_module_comment(files: &[SourceFile]) -> Vec<String> {
    let opens = |file: &SourceFile| file.raw.first().is_some_and(|line| line.starts_with("//!"));
    files.iter().filter(|file| !opens(file)).map(|file| file.at(0)).collect()
}

/// Returns the calls outside of tests that end the process on what should be an error.
pub(crate) fn unwrap_calls(files: &[SourceFile]) -> Vec<String> {
    let calls = |line: &str| word_positions(line, "unwrap").into_iter().any(|at| line[at + 6..].starts_with('('));
    let lines = files.iter().flat_map(|file| file.product_code().map(move |(index, line)| (file, index, line)));
    lines.filter(|(_, _, line)| calls(line)).map(|(file, index, _)| file.at(index)).collect()
}

/// Returns the marks of unfinished work, in code and comments, tests included.
pub(crate) fn unfinished_marks(files: &[SourceFile]) -> Vec<String> {
    let lines = files.iter().flat_map(|file| (0..file.raw.len()).map(move |index| (file, index)));
    lines.filter(|(file, index)| is_unfinished(file, *index)).map(|(file, index)| file.at(index)).collect()
}

fn is_unfinished(file: &SourceFile, index: usize) -> bool {
    let is_call = |name: &&str| {
        let code = &file.code[index];
        word_positions(code, name).into_iter().any(|at| code[at + name.len()..].starts_with('!'))
    };
    UNFINISHED_WORDS.iter().any(|word| !word_positions(&file.raw[index], word).is_empty())
        || UNFINISHED_MACROS.iter().any(is_call)
}

/// Returns the lines of a text that name a folder of somebody's machine.
pub(crate) fn machine_paths(path: &str, text: &str) -> Vec<String> {
    let named = |line: &str| MACHINE_PATHS.iter().any(|folder| line.contains(folder));
    let lines = text.lines().enumerate().filter(|(_, line)| named(line));
    lines.map(|(index, line)| format!("{path}:{}: {}", index + 1, line.trim())).collect()
}

/// Returns the paths that have a part of this name, the extension aside.
pub(crate) fn banned_names(paths: &[&str], banned: &[&str]) -> Vec<String> {
    let is_banned = |path: &&str| path.split('/').any(|part| banned.contains(&part.trim_end_matches(".rs")));
    paths.iter().copied().filter(is_banned).map(str::to_owned).collect()
}

/// Returns the modules declared inside of a file under one of these names.
pub(crate) fn banned_modules(files: &[SourceFile], banned: &[&str]) -> Vec<String> {
    let lines = files.iter().flat_map(|file| file.code.iter().enumerate().map(move |line| (file, line)));
    lines
        .filter(|(_, (_, line))| crate::tree::declared_module(line).is_some_and(|name| banned.contains(&name)))
        .map(|(file, (index, _))| file.at(index))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{
        UNFINISHED_WORDS, banned_modules, banned_names, machine_paths, unfinished_marks, unwrap_calls,
        without_module_comment,
    };
    use crate::source::SourceFile;

    fn file(text: &str) -> [SourceFile; 1] {
        [SourceFile::parse("src/a.rs", text)]
    }

    #[test]
    fn a_file_that_opens_otherwise_is_seen() {
        assert_eq!(without_module_comment(&file("use a;\n//! x")), ["src/a.rs:1"]);
        assert_eq!(without_module_comment(&file("")), ["src/a.rs:1"]);
        assert!(without_module_comment(&file("//! x")).is_empty());
    }

    #[test]
    fn an_unwrap_outside_of_tests_is_seen() {
        assert_eq!(unwrap_calls(&file("a.unwrap_or(1);\na.unwrap();\n")), ["src/a.rs:2"]);
        assert!(
            unwrap_calls(&file("// a.unwrap()\n#[cfg(test)]\nmod t {\n    fn a() { b.unwrap() }\n}")).is_empty()
        );
    }

    #[test]
    fn unfinished_work_is_seen_in_comments_and_tests() {
        for word in UNFINISHED_WORDS {
            assert_eq!(unfinished_marks(&file(&format!("// {word}: later"))), ["src/a.rs:1"]);
        }
        assert_eq!(unfinished_marks(&file("#[cfg(test)]\nmod t {\n    fn a() { todo!() }\n}")), ["src/a.rs:3"]);
        assert!(unfinished_marks(&file("let todo = 1; // todo! is a macro")).is_empty());
    }

    #[test]
    fn a_folder_of_somebody_s_machine_is_seen() {
        let line = concat!("see /ho", "me/me/clip.flv");
        assert_eq!(machine_paths("README.md", &format!("a\n{line}")), [format!("README.md:2: {line}")]);
        assert!(machine_paths("README.md", "/usr/lib/x and ~/clips").is_empty());
    }

    #[test]
    fn a_name_that_says_nothing_is_seen() {
        let banned = ["util", "core"];
        let paths = ["src/util.rs", "src/core/a.rs", "src/score.rs", "src/utility/a.rs"];
        assert_eq!(banned_names(&paths, &banned), ["src/util.rs", "src/core/a.rs"]);
        assert_eq!(banned_modules(&file("pub(crate) mod util {\n}"), &banned), ["src/a.rs:1"]);
    }
}
