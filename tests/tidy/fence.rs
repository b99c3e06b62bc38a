//! Fences: words that may stand in one part of the tree only.

use crate::limits::Fence;
use crate::source::{SourceFile, word_positions};

/// Returns every place outside of `fence` that uses one of its words.
pub(crate) fn fence_breaches(files: &[SourceFile], fence: &Fence) -> Vec<String> {
    let outside = files.iter().filter(|file| !is_inside(&file.path, fence.inside));
    outside.flat_map(|file| breaches_in(file, fence)).collect()
}

fn breaches_in(file: &SourceFile, fence: &Fence) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in file.code.iter().enumerate() {
        if fence.tests_are_free && file.is_test[index] {
            continue;
        }
        for word in fence.words.iter().filter(|word| uses(line, word, fence.followed_by)) {
            found.push(format!(
                "{}: `{word}` belongs to {}, in {}",
                file.at(index),
                fence.what,
                fence.inside.join(", ")
            ));
        }
    }
    found
}

fn uses(line: &str, word: &str, followed_by: &str) -> bool {
    word_positions(line, word).into_iter().any(|at| line[at + word.len()..].starts_with(followed_by))
}

fn is_inside(path: &str, inside: &[&str]) -> bool {
    inside.iter().any(|place| match *place {
        folder if folder.ends_with('/') => path.starts_with(folder),
        file if file.contains('/') || file == "build.rs" => path == file,
        name => path.rsplit('/').next() == Some(name),
    })
}

/// Returns every literal outside of `inside` that is a statement for the database.
pub(crate) fn sql_outside(files: &[SourceFile], inside: &[&str]) -> Vec<String> {
    let outside = files.iter().filter(|file| !is_inside(&file.path, inside));
    let literals = outside.flat_map(|file| file.strings.iter().map(move |(line, text)| (file, *line, text)));
    literals
        .filter(|(_, _, text)| is_sql(text))
        .map(|(file, line, _)| format!("{}: SQL belongs to {}", file.at(line), inside.join(", ")))
        .collect()
}

fn is_sql(text: &str) -> bool {
    let statement = text.trim_start();
    let pairs = [("SELECT ", " FROM "), ("UPDATE ", " SET "), ("WITH ", " AS (")];
    ["INSERT INTO ", "DELETE FROM ", "CREATE TABLE ", "CREATE INDEX ", "ALTER TABLE ", "PRAGMA "]
        .iter()
        .any(|opening| statement.starts_with(opening))
        || pairs.iter().any(|(opening, then)| statement.starts_with(opening) && statement.contains(then))
}

#[cfg(test)]
mod tests {
    use super::{fence_breaches, sql_outside};
    use crate::limits::{FENCES, Fence, SQL_INSIDE};
    use crate::source::SourceFile;

    fn fence(word: &str) -> &'static Fence {
        FENCES.iter().find(|fence| fence.words.contains(&word)).expect("the table has this word")
    }

    fn breaches(word: &str, path: &str, text: &str) -> usize {
        fence_breaches(&[SourceFile::parse(path, text)], fence(word)).len()
    }

    #[test]
    fn unsafe_code_is_seen_outside_of_av_only() {
        assert_eq!(breaches("unsafe", "src/proof/mod.rs", "unsafe { x() }"), 1);
        assert_eq!(breaches("unsafe", "tests/integration/main.rs", "use ffmpeg_next as f;"), 1);
        assert_eq!(breaches("unsafe", "src/av/sys.rs", "unsafe { x() }"), 0);
        assert_eq!(breaches("unsafe", "src/proof/mod.rs", "#![deny(unsafe_code)] // unsafe"), 0);
    }

    #[test]
    fn the_environment_is_seen_outside_of_cli_only() {
        assert_eq!(breaches("env", "src/transcode/plan.rs", "std::env::var(name)"), 1);
        assert_eq!(breaches("env", "src/cli.rs", "std::env::var(name)"), 0);
        assert_eq!(breaches("env", "src/transcode/plan.rs", "env!(\"CARGO_PKG_VERSION\")"), 0);
        assert_eq!(breaches("env", "tests/integration/main.rs", "std::env::temp_dir()"), 0);
        assert_eq!(breaches("from_env", "src/telemetry.rs", "EnvFilter::from_default_env()"), 1);
    }

    #[test]
    fn derived_wire_formats_are_seen_outside_of_wire_files_only() {
        assert_eq!(breaches("Serialize", "src/media/info.rs", "#[derive(Debug, Serialize)]"), 1);
        assert_eq!(breaches("Serialize", "src/command/wire.rs", "#[derive(Debug, Serialize)]"), 0);
        assert_eq!(breaches("Serialize", "src/command/firewire.rs", "#[derive(Debug, Serialize)]"), 1);
    }

    #[test]
    fn sql_is_seen_outside_of_store_only() {
        let found = |path, text| sql_outside(&[SourceFile::parse(path, text)], SQL_INSIDE).len();
        assert_eq!(found("src/cache/lru.rs", "let q = \"SELECT a FROM b\";"), 1);
        assert_eq!(found("src/store/job.rs", "let q = \"SELECT a FROM b\";"), 0);
        assert_eq!(found("src/cache/lru.rs", "let q = \"SELECT one\"; // SELECT a FROM b"), 0);
    }
}
