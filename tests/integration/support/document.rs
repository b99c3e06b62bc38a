//! Examples in documents, so that what a page says is what the program does.

use std::fs;
use std::path::Path;

/// A fenced block.
pub(crate) struct Block {
    /// What stands behind its language: ```` ```json booking valid ```` has `booking` and `valid`.
    pub(crate) words: Vec<String>,
    /// What it says.
    pub(crate) text: String,
    /// On which line it begins.
    pub(crate) line: usize,
}

/// Returns a document, by its path from the root of the package.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Returns the JSON blocks of a document that say what they are.
pub(crate) fn blocks(path: &str) -> Vec<Block> {
    let text = text(path);
    let mut found: Vec<Block> = Vec::new();
    let mut is_inside = false;
    for (index, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if is_inside => is_inside = false,
            Some(info) => {
                is_inside = true;
                let words = info.split_whitespace().map(str::to_owned).collect();
                found.push(Block { words, text: String::new(), line: index + 1 });
            }
            None if is_inside => {
                let block = found.last_mut().expect("inside of one");
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    found.retain(|block| block.words.first().is_some_and(|word| word == "json") && block.words.len() > 1);
    for block in &mut found {
        block.words.remove(0);
    }
    found
}
