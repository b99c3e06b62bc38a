//! Which libraries the process runs with: what decides, beside the settings, which bytes come out.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// Names of the libraries that touch pictures or packets; FFmpeg's own and those it leaves the work to.
const PREFIXES: [&str; 7] = ["libav", "libsw", "libpostproc", "libx264", "libx265", "libSvtAv1Enc", "libzimg"];

/// Returns a line for each library that is loaded and touches media: its version where it tells one; and its file with
/// size and time, since libx264 and zimg keep their builds to themselves.
pub fn libraries() -> Vec<String> {
    let mut lines: Vec<String> =
        super::sys::library_versions().into_iter().map(|(name, version)| format!("{name} {version}")).collect();
    // Without /proc the versions must do.
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut files: Vec<&str> = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).collect();
    files.sort_unstable();
    files.dedup();
    for path in files {
        let name = path.rsplit('/').next().unwrap_or_default();
        if PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            && let Ok(file) = fs::metadata(path)
        {
            lines.push(format!("{name} {} {}.{}", file.len(), file.mtime(), file.mtime_nsec()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_that_make_the_bytes_are_named() {
        let lines = libraries();
        for name in ["libavcodec ", "libx264", "libzimg"] {
            assert!(lines.iter().any(|line| line.starts_with(name)), "{name}: {lines:?}");
        }
    }
}
