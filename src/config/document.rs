//! `docs/configuration.md` and the sample `reelmill.toml`, made from the table of keys.
//!
//! The committed files are compared with what this makes, so neither can say something that the program does not do.

use super::key::Key;
use super::legacy::{LEGACY_KEYS, LegacyKey};
use super::setting::{ABOUT, KEYS};

/// The width of a comment's line in the sample.
const COMMENT_WIDTH: usize = 100;

const PREFACE: &str = r#"# Configuration

This page is made by `reelmill config document` from the table that the program itself reads; a test holds the two
together. `reelmill config sample` prints the same as a file to begin with, `packaging/reelmill.toml`.

```
reelmill config check [--config FILE] [--env-file FILE]      is all of it right? Every fault at once, with file and line
reelmill config show --origin [KEY…]                         what holds, and where each value comes from
```

## Where settings come from

Each place goes before those above it:

1. the defaults of this page;
2. a `.env` of an older system, where `--env-file` names one;
3. `reelmill.toml`: the file that `--config` names, else `/etc/reelmill/reelmill.toml` if it is there;
4. environment variables: `REELMILL_` and the key in capitals, with `__` for the point: `REELMILL_DOWNLOAD__RATE=500k`.
   Lists are written as in TOML: `REELMILL_DOWNLOAD__ALLOW='["127.0.0.0/8"]'`. A variable that is set to nothing is
   set: an error where nothing is no value.

Everything is checked before anything is done. A key that does not exist, a key set twice, a value that breaks its rule:
each is told on a line of its own with its place, what stands there, the rule and an example, and the exit code is 78:

```
error[CONFIG_INVALID]: the configuration is wrong in 2 places
  reelmill.toml:12: download.rate = "1000kb": a rate as wget takes it, in bytes per second with k, m or g (k is 1024), 0 for no limit; for example "1000k"
  reelmill.toml:20: cache.cuont_max: there is no such key; did you mean cache.count_max?
```

## Units

| what | how it is written |
| --- | --- |
| rates | bytes per second, as wget takes them: `250000`, `1000k`, `1.5m`, `1g`, in capitals too; **k is 1024**, so `1000k` is 1,024,000 bytes per second. `0` is no limit |
| sizes | bytes: `4096`; `KiB`, `MiB`, `GiB`, `TiB` are powers of 1024, `KB`, `MB`, `GB`, `TB` of 1000 |
| times | `500ms`, `10s`, `30m`, `24h`, `7d`, and together, the longer first: `1h30m` |

## Secrets

A secret stands in a file of its own, which nobody but its owner may read (mode 600); keys that end in `_file` name these
files. In a variable it is the same: `REELMILL_API__TOKEN_FILE=/run/secrets/token`. Where such a key is empty, systemd's
credential of the key's name without `_file` is taken: `LoadCredential=api.token:/etc/reelmill/api.token`. A secret in
the configuration or in a variable itself is refused, and so is a URL with a password. No message and no command
shows a secret.

## Keys

`fetch` and `worker` are the commands that act on a key. Commands that are not in this version yet are named all the same:
their keys are checked and shown, and nothing acts on them.
"#;

/// Returns `docs/configuration.md`.
pub fn document() -> String {
    let mut text = PREFACE.to_owned();
    for (about, keys) in tables() {
        let table = keys[0].parts().0;
        let heading = if table.is_empty() { "At the top of the file".to_owned() } else { format!("`[{table}]`") };
        text.push_str(&format!("\n### {heading}\n\n{about}\n"));
        keys.iter().for_each(|key| text.push_str(&entry(key)));
    }
    text.push_str(
        "\n## A `.env` of an older system\n\n`--env-file FILE` reads it. These are its keys; any other is an error.\n\n\
         | key | sets | written as | |\n| --- | --- | --- | --- |\n",
    );
    LEGACY_KEYS.iter().for_each(|old| text.push_str(&legacy_row(old)));
    text
}

/// Returns each table's sentence and keys, in their order.
fn tables() -> impl Iterator<Item = (&'static str, Vec<&'static Key>)> {
    ABOUT.iter().map(|(first, about)| {
        let table = first.split_once('.').map_or("", |(table, _)| table);
        (about.trim(), KEYS.iter().filter(|key| key.parts().0 == table).collect())
    })
}

fn entry(key: &Key) -> String {
    let mut lines = vec![
        format!("default `{}`", key.default),
        format!("unit: {}", key.form.unit()),
        format!("allowed: {}", key.form.rule()),
        format!("example `{}`", key.example),
        format!("`{}`", key.variable()),
    ];
    lines.extend(key.secret_name().map(|name| format!("credential `{name}`")));
    let old = LEGACY_KEYS.iter().filter(|old| old.key == Some(key.name));
    lines.extend(old.map(|old| format!("`{}` in a `.env`", old.name)));
    lines.push(format!("acted on by {}", key.reader.commands()));
    format!("\n#### `{}`\n\n{}\n\n- {}\n", key.name, flowing(key.effect), lines.join("\n- "))
}

fn legacy_row(old: &LegacyKey) -> String {
    let sets = old.key.map_or_else(|| "nothing".to_owned(), |key| format!("`{key}`"));
    let rule = if old.rule.is_empty() && old.key.is_some() { "the same" } else { old.rule };
    format!("| `{}` | {sets} | {rule} | {} |\n", old.name, old.note)
}

/// Returns text that was written over several lines as one.
fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a `reelmill.toml` in which every key stands, commented out, with its default.
pub fn sample() -> String {
    let mut text = "# reelmill.toml: every key with its default. Take away the # in front of what you change.\n\
                    # Check it with `reelmill config check --config FILE`; docs/configuration.md says more.\n"
        .to_owned();
    for (about, keys) in tables() {
        let table = keys[0].parts().0;
        text.push('\n');
        text.push_str(&comment(about));
        if !table.is_empty() {
            text.push_str(&format!("[{table}]\n"));
        }
        for key in keys {
            let rule =
                format!("{} Allowed: {}. For example {}.", flowing(key.effect), key.form.rule(), key.example);
            text.push_str(&format!("\n{}#{} = {}\n", comment(&rule), key.parts().1, key.default));
        }
    }
    text
}

/// Returns `text` as lines of comment.
fn comment(text: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in text.split_whitespace() {
        let last = lines.last_mut().filter(|line| line.chars().count() + word.chars().count() < COMMENT_WIDTH);
        match last {
            Some(line) => line.push_str(&format!(" {word}")),
            None => lines.push(format!("# {word}")),
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::file;

    #[track_caller]
    fn is_committed(path: &str, made: &str, command: &str) {
        let committed =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default();
        // Not assert_eq: the whole of both would be printed.
        let line = committed.lines().zip(made.lines()).position(|(one, other)| one != other).map_or(0, |at| at + 1);
        assert!(
            committed == made,
            "{path}:{line} is not what the table says; run `cargo run -- config {command} > {path}`"
        );
    }

    #[test]
    fn the_committed_document_and_sample_are_what_the_table_says() {
        is_committed("docs/configuration.md", &document(), "document");
        is_committed("packaging/reelmill.toml", &sample(), "sample");
    }

    #[test]
    fn the_sample_is_right_as_it_is_and_with_every_key_taken_in() {
        let sample = sample();
        let live: String = (sample.lines())
            .map(|line| {
                line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' ')).unwrap_or(line)
            })
            .fold(String::new(), |text, line| text + line + "\n");
        for (text, settings) in [(&sample, 0), (&live, KEYS.len())] {
            let layer = file::layer(Path::new("reelmill.toml"), text.as_bytes());
            assert_eq!((layer.entries.len(), layer.faults), (settings, vec![]));
        }
    }
}
