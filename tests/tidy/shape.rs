//! Sizes: how long files and functions are, and how much of them is comment.

use crate::limits;
use crate::source::{SourceFile, is_test_path};

/// Something with a length: a file or a function.
pub(crate) struct Sized {
    /// A path, or `path::function`.
    pub(crate) name: String,
    /// Its lines.
    pub(crate) lines: usize,
}

/// Returns every file's length, inline tests left out; a file of nothing but tests counts whole.
pub(crate) fn file_lengths(files: &[SourceFile]) -> Vec<Sized> {
    let length = |file: &SourceFile| match is_test_path(&file.path) {
        true => file.raw.len(),
        false => file.product_code().count(),
    };
    files.iter().map(|file| Sized { name: file.path.clone(), lines: length(file) }).collect()
}

/// Returns every function's length, tests left out.
pub(crate) fn function_lengths(files: &[SourceFile]) -> Vec<Sized> {
    let functions =
        files.iter().flat_map(|file| file.functions().into_iter().map(move |function| (file, function)));
    functions
        .map(|(file, function)| Sized {
            name: format!("{}::{}", file.path, function.name),
            lines: function.lines.len(),
        })
        .collect()
}

/// Returns what is longer than `limit` and than its entry in `ratchet`, and the entries that could be lower.
pub(crate) fn ratchet_breaches(sizes: &[Sized], limit: usize, ratchet: &[(&str, usize)]) -> Vec<String> {
    let entry = |name: &str| ratchet.iter().find(|(listed, _)| *listed == name).map(|(_, lines)| *lines);
    let too_long = sizes.iter().filter(|size| size.lines > entry(&size.name).unwrap_or(limit).max(limit));
    let long = too_long.map(|size| format!("{}: {} lines, {limit} are enough", size.name, size.lines));
    long.chain(slack_entries(sizes, limit, ratchet)).collect()
}

fn slack_entries(sizes: &[Sized], limit: usize, ratchet: &[(&str, usize)]) -> Vec<String> {
    let today = |name: &str| sizes.iter().filter(|size| size.name == name).map(|size| size.lines).max();
    let message = |(name, listed): &(&str, usize)| match today(name) {
        Some(lines) if lines > limit && lines < *listed => Some(format!("{name}: lower its entry to {lines}")),
        Some(lines) if lines > limit => None,
        _ => Some(format!("{name}: remove its entry")),
    };
    ratchet.iter().filter_map(message).collect()
}

/// Returns the length below which `percent` of all `sizes` lie (nearest rank).
pub(crate) fn percentile(sizes: &[Sized], percent: usize) -> usize {
    let mut lines: Vec<usize> = sizes.iter().map(|size| size.lines).collect();
    lines.sort_unstable();
    let rank = (lines.len() * percent).div_ceil(100).max(1);
    lines.get(rank - 1).copied().unwrap_or(0)
}

/// Returns how many in a hundred lines that are not blank are comments, tests left out.
pub(crate) fn comment_percent(files: &[SourceFile]) -> usize {
    let (mut comments, mut all) = (0, 0);
    for file in files {
        for (index, code) in file.product_code() {
            if !file.raw[index].trim().is_empty() {
                all += 1;
                comments += usize::from(code.trim().is_empty());
            }
        }
    }
    comments * 100 / usize::max(all, 1)
}

/// Returns the files that nothing excuses.
pub(crate) fn over_hard_cap(files: &[SourceFile]) -> Vec<String> {
    let long = file_lengths(files).into_iter().filter(|size| size.lines > limits::FILE_LINES_MAX);
    long.map(|size| format!("{}: {} lines", size.name, size.lines)).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        Sized, comment_percent, file_lengths, function_lengths, over_hard_cap, percentile, ratchet_breaches,
    };
    use crate::source::SourceFile;

    fn sized(name: &str, lines: usize) -> Sized {
        Sized { name: name.to_owned(), lines }
    }

    #[test]
    fn what_is_too_long_or_grew_is_seen() {
        let sizes = [sized("new", 11), sized("grown", 16), sized("same", 15), sized("short", 10)];
        let found = ratchet_breaches(&sizes, 10, &[("grown", 15), ("same", 15)]);
        assert_eq!(found, ["new: 11 lines, 10 are enough", "grown: 16 lines, 10 are enough"]);
    }

    #[test]
    fn an_entry_that_could_be_lower_is_seen() {
        let sizes = [sized("shrunk", 12), sized("short", 9)];
        let found = ratchet_breaches(&sizes, 10, &[("shrunk", 15), ("short", 15), ("gone", 15)]);
        assert_eq!(found, ["shrunk: lower its entry to 12", "short: remove its entry", "gone: remove its entry"]);
    }

    #[test]
    fn tests_do_not_make_a_file_long() {
        let tests = format!("fn a() {{\n}}\n#[cfg(test)]\nmod tests {{\n{}}}\n", "// x\n".repeat(800));
        let files = [SourceFile::parse("src/a.rs", &tests), SourceFile::parse("src/b.rs", &"// x\n".repeat(701))];
        assert_eq!(file_lengths(&files)[0].lines, 2);
        assert_eq!(function_lengths(&files)[0].lines, 2);
        assert_eq!(over_hard_cap(&files), ["src/b.rs: 701 lines"]);
    }

    #[test]
    fn the_percentile_is_the_nearest_rank() {
        let sizes: Vec<Sized> = (1..=10).map(|lines| sized("f", lines)).collect();
        assert_eq!((percentile(&sizes, 50), percentile(&sizes, 90), percentile(&[], 50)), (5, 9, 0));
    }

    #[test]
    fn a_line_with_code_is_no_comment() {
        let file = SourceFile::parse("src/a.rs", "//! x\n\nlet a = 1; // why\n/* b\n */\n");
        assert_eq!(comment_percent(&[file]), 75);
    }
}
