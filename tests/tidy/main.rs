//! The shape of the tree, held by tests: fences, layers, names, sizes, dead files, error codes.
//!
//! Every rule names the offending file and line. The numbers and tables are in `limits.rs`; each rule's own tests, in
//! the file of the rule, show that it can fail. What the compiler or clippy can hold is left to them (`Cargo.toml`).

mod fence;
mod layer;
mod limits;
mod shape;
mod source;
mod text;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use source::SourceFile;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every file under `folder` (from the root) with one of these endings; nothing where there is no such folder.
fn paths_under(folder: &str, endings: &[&str]) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root().join(folder)) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.expect("a folder of the tree can be listed");
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().expect("its kind is known").is_dir() {
            found.extend(paths_under(&path, endings));
        } else if endings.iter().any(|ending| path.ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &str) -> String {
    let whole: &Path = &root().join(path);
    fs::read_to_string(whole).unwrap_or_else(|error| panic!("{path} cannot be read: {error}"))
}

fn sources(folders: &[&str]) -> Vec<SourceFile> {
    let paths = folders.iter().flat_map(|folder| paths_under(folder, &[".rs"]));
    let files: Vec<SourceFile> = paths.map(|path| SourceFile::parse(&path, &read(&path))).collect();
    assert!(!files.is_empty(), "no source in {folders:?}: the rule would hold nothing");
    files
}

/// Returns all Rust files of the package.
fn all_sources() -> Vec<SourceFile> {
    let mut files = sources(&["src", "tests", "benches"]);
    files.push(SourceFile::parse("build.rs", &read("build.rs")));
    files
}

/// Fails with the whole list.
#[track_caller]
fn expect_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

#[test]
fn every_file_says_at_its_top_what_it_is_for() {
    expect_none("a file opens with `//!`", &text::without_module_comment(&all_sources()));
}

#[test]
fn fenced_words_stay_inside_their_fence() {
    let files = all_sources();
    let breaches: Vec<String> =
        limits::FENCES.iter().flat_map(|fence| fence::fence_breaches(&files, fence)).collect();
    expect_none("one part of the tree alone may say this", &breaches);
}

#[test]
fn sql_stays_inside_the_store() {
    expect_none("SQL has one place", &fence::sql_outside(&sources(&["src"]), limits::SQL_INSIDE));
}

#[test]
fn modules_use_only_what_lies_below_them() {
    expect_none("the directions are in limits.rs", &layer::layer_breaches(&sources(&["src"]), limits::LAYERS));
}

#[test]
fn the_table_of_layers_has_no_circle_and_no_stage_on_a_stage() {
    expect_none("the table contradicts itself", &layer::table_faults(limits::LAYERS, limits::STAGES));
}

#[test]
fn no_file_or_module_has_a_name_that_says_nothing() {
    let files = all_sources();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut offences = text::banned_names(&paths, limits::BANNED_NAMES);
    offences.extend(text::banned_modules(&files, limits::BANNED_NAMES));
    expect_none("name it after what is inside", &offences);
}

#[test]
fn files_stay_short_and_long_ones_shrink() {
    let files = all_sources();
    let lengths = shape::file_lengths(&files);
    expect_none("split it", &shape::ratchet_breaches(&lengths, limits::FILE_LINES, limits::LONG_FILES));
    expect_none("no entry helps here", &shape::over_hard_cap(&files));
}

#[test]
fn functions_stay_short_and_long_ones_shrink() {
    let lengths = shape::function_lengths(&all_sources());
    expect_none("split it", &shape::ratchet_breaches(&lengths, limits::FUNCTION_LINES, limits::LONG_FUNCTIONS));
}

#[test]
fn most_functions_are_short() {
    let lengths = shape::function_lengths(&sources(&["src"]));
    let (median, p90) = (shape::percentile(&lengths, 50), shape::percentile(&lengths, 90));
    assert!(median < limits::FUNCTION_LINES_MEDIAN, "the median function has {median} lines");
    assert!(p90 <= limits::FUNCTION_LINES_P90, "one function in ten has more than {p90} lines");
}

#[test]
fn comments_are_neither_missing_nor_everywhere() {
    let percent = shape::comment_percent(&sources(&["src"]));
    assert!(limits::COMMENT_PERCENT.contains(&percent), "{percent} % of the lines are comments");
}

#[test]
fn nothing_unwraps_outside_of_tests() {
    expect_none("return the error, or `expect` with the reason", &text::unwrap_calls(&all_sources()));
}

#[test]
fn nothing_is_marked_as_unfinished() {
    expect_none("finish it or leave it out", &text::unfinished_marks(&all_sources()));
}

#[test]
fn every_source_file_is_compiled() {
    expect_none("declare or delete", &tree::dead_files(&sources(&["src"]), &["src/lib.rs", "src/main.rs"]));
    let roots = ["tests/tidy/main.rs", "tests/integration/main.rs", "tests/integration/leak.rs"];
    expect_none("declare or delete", &tree::dead_files(&sources(&["tests"]), &roots));
}

#[test]
fn no_path_of_somebody_s_machine_is_mentioned() {
    let endings = [".rs", ".md", ".toml", ".c", ".h", ".sh"];
    let folders = ["src", "tests", "benches", "docs", "packaging", "vendor", "scripts"];
    let mut paths: Vec<String> = folders.iter().flat_map(|folder| paths_under(folder, &endings)).collect();
    paths.extend(["build.rs", "Makefile", "ARCHITECTURE.md", "CHANGELOG.md"].map(str::to_owned));
    let offences: Vec<String> = paths.iter().flat_map(|path| text::machine_paths(path, &read(path))).collect();
    expect_none("it exists on one machine only", &offences);
}

#[test]
fn error_codes_and_their_document_agree() {
    let codes = tree::codes_in_source(&sources(&["src"]));
    let documented = tree::codes_in_document(&read("docs/errors.md"));
    expect_none("every code has a cause and a cure", &tree::code_differences(&codes, &documented));
}

#[test]
fn every_error_code_is_reached_by_a_test() {
    let codes = tree::codes_in_source(&sources(&["src"]));
    let files: Vec<SourceFile> = all_sources().into_iter().filter(|file| !file.path.contains("tidy")).collect();
    expect_none(
        "reach it by a test, or say why not",
        &tree::untested_codes(&codes, &files, limits::UNTESTED_CODES),
    );
}
