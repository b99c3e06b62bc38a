//! Other processes as `/proc` tells of them.

use std::fs;

/// Returns the processes that this one has started and not waited for.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| fields(*pid).is_some_and(|(_, of)| of == parent)).collect()
}

/// Returns whether a process is there and not dead.
pub(crate) fn is_there(pid: u32) -> bool {
    fields(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

/// Returns a process's state and its parent.
fn fields(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Returns the processes whose command line says that they are children of one of these, wherever they were moved to since.
pub(crate) fn said_children_of(parents: &[u32]) -> Vec<u32> {
    let says = |pid: &u32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&str> =
            words.split(|byte| *byte == 0).filter_map(|word| std::str::from_utf8(word).ok()).collect();
        let parent = words.iter().position(|word| *word == "--parent").and_then(|at| words.get(at + 1));
        words.contains(&"child")
            && parent.and_then(|pid| pid.parse().ok()).is_some_and(|pid| parents.contains(&pid))
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(says).collect()
}
