//! Layers: which top-level module of the crate may use which.

use crate::source::{SourceFile, leading_identifier, word_positions};

/// A table of modules, each with those that it may use.
type Layers = [(&'static str, &'static [&'static str])];

/// Returns every use of a module that `layers` does not grant, and every module that the table lacks.
pub(crate) fn layer_breaches(files: &[SourceFile], layers: &Layers) -> Vec<String> {
    files.iter().flat_map(|file| breaches_in(file, layers)).collect()
}

fn breaches_in(file: &SourceFile, layers: &Layers) -> Vec<String> {
    let Some(module) = top_module(&file.path) else { return Vec::new() };
    let Some((_, granted)) = layers.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{}: module `{module}` needs a row in the table of layers", file.path)];
    };
    let uses = crate_uses(file).into_iter();
    // What starts with a capital is an item that lib.rs itself offers; the map has none today.
    uses.filter(|(_, used)| used != module && !granted.contains(&used.as_str()))
        .map(|(line, used)| format!("{}: `{module}` may not use `{used}`", file.at(line)))
        .collect()
}

/// Returns the top-level module of a file under `src`; `None` for lib.rs, which only lists them.
fn top_module(path: &str) -> Option<&str> {
    let first = path.strip_prefix("src/")?.split('/').next()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (name != "lib").then_some(name)
}

/// Returns the top-level modules that a file names, through `crate::`, enough `super::`, or `reelmill::`, each with
/// its line.
pub(crate) fn crate_uses(file: &SourceFile) -> Vec<(usize, String)> {
    let code = product_text(file);
    let to_root = "super::".repeat(depth(&file.path));
    let mut found = Vec::new();
    for root in ["crate::", "reelmill::", to_root.as_str()] {
        let word = root.split("::").next().unwrap_or(root);
        for at in word_positions(&code, word) {
            // `super::` in the middle of a longer row of them was met at its beginning.
            let inner = code[..at].ends_with("super::");
            if !inner && let Some(rest) = code[at..].strip_prefix(root) {
                let line = code[..at].matches('\n').count();
                found.extend(first_segments(rest).into_iter().map(|name| (line, name)));
            }
        }
    }
    found
}

fn product_text(file: &SourceFile) -> String {
    let line = |(index, line): (usize, &String)| if file.is_test[index] { String::new() } else { line.clone() };
    file.code.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns how many `super` lead from a file to the root of the crate.
fn depth(path: &str) -> usize {
    let parts = path.trim_start_matches("src/").split('/').count();
    if path.ends_with("/mod.rs") { parts - 1 } else { parts }
}

/// Returns the names that follow a path's root: one, or those of a braced list.
fn first_segments(rest: &str) -> Vec<String> {
    let Some(list) = rest.strip_prefix('{') else { return vec![leading_identifier(rest).to_owned()] };
    let mut names = Vec::new();
    let mut nested = 0_usize;
    let mut at_start = true;
    for (at, c) in list.char_indices() {
        match c {
            '{' => nested += 1,
            '}' if nested == 0 => break,
            '}' => nested -= 1,
            ',' if nested == 0 => at_start = true,
            c if at_start && !c.is_whitespace() => {
                names.push(leading_identifier(&list[at..]).to_owned());
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

/// Returns what is wrong with the table itself: a circle, or a stage that is granted another.
pub(crate) fn table_faults(layers: &Layers, stages: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    for (module, granted) in layers {
        if reaches(layers, granted, module, layers.len()) {
            faults.push(format!("`{module}` comes back to itself"));
        }
        let other = granted.iter().find(|used| stages.contains(used));
        if let (true, Some(other)) = (stages.contains(module), other) {
            faults.push(format!("stage `{module}` is granted stage `{other}`"));
        }
    }
    faults
}

fn reaches(layers: &Layers, from: &[&str], target: &str, steps_left: usize) -> bool {
    let granted = |name: &str| layers.iter().find(|(module, _)| *module == name).map_or(&[][..], |(_, list)| *list);
    from.contains(&target)
        || (steps_left > 0 && from.iter().any(|name| reaches(layers, granted(name), target, steps_left - 1)))
}

#[cfg(test)]
mod tests {
    use super::{crate_uses, layer_breaches, table_faults};
    use crate::source::SourceFile;

    const SAMPLE: &[(&str, &[&str])] = &[("media", &[]), ("av", &["media"]), ("main", &["av"])];

    fn breaches(path: &str, text: &str) -> usize {
        layer_breaches(&[SourceFile::parse(path, text)], SAMPLE).len()
    }

    #[test]
    fn a_use_against_the_direction_is_seen() {
        assert_eq!(breaches("src/media/time.rs", "use crate::av::Frame;"), 1);
        assert_eq!(breaches("src/media/time.rs", "fn a(x: &super::super::av::Frame) {}"), 1);
        assert_eq!(breaches("src/media/mod.rs", "use super::av::Frame;"), 1);
        assert_eq!(breaches("src/main.rs", "use reelmill::{av, media::Ratio};"), 1);
        assert_eq!(breaches("src/strange.rs", "fn a() {}"), 1);
    }

    #[test]
    fn a_use_in_the_direction_or_in_tests_is_granted() {
        assert_eq!(
            breaches("src/av/mod.rs", "use crate::media::Ratio;\nuse crate::av::error;\nuse super::media;"),
            0
        );
        assert_eq!(breaches("src/media/time.rs", "use super::av;\n// crate::av\nfn a() { \"crate::av\"; }"), 0);
        assert_eq!(breaches("src/media/time.rs", "#[cfg(test)]\nmod tests {\n    use crate::av::X;\n}"), 0);
    }

    #[test]
    fn a_braced_list_names_each_of_its_modules() {
        let file = SourceFile::parse("src/av/mod.rs", "use crate::{\n    media::{A, b::C},\n    proof,\n};");
        let names: Vec<String> = crate_uses(&file).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["media", "proof"]);
    }

    #[test]
    fn a_circle_and_a_stage_on_a_stage_are_seen() {
        assert_eq!(table_faults(&[("a", &["b"]), ("b", &["a"])], &[]).len(), 2);
        assert_eq!(table_faults(&[("a", &["b"]), ("b", &[])], &["a", "b"]).len(), 1);
        assert!(table_faults(SAMPLE, &["av"]).is_empty());
    }
}
