//! `reelmill.toml`: its bytes to settings, and to faults with their lines.

use std::collections::BTreeSet;
use std::path::Path;

use super::error::Fault;
use super::key::{Key, suggestion};
use super::origin::Origin;
use super::reading::{Entry, Layer};
use super::setting::KEYS;
use super::written::{self, Member, Shape};

/// Understands the file. Where a line is no TOML or no UTF-8, what it might have meant is not judged as well.
pub(super) fn layer(path: &Path, bytes: &[u8]) -> Layer {
    let at = |line: u32| Origin::File { path: path.to_owned(), line };
    let (members, syntax) = written::document(&String::from_utf8_lossy(bytes));
    let mut layer = Layer::default();
    let mut broken: BTreeSet<u32> = BTreeSet::new();
    for line in lines_without_utf8(bytes) {
        broken.insert(line);
        layer.faults.push(Fault::of(at(line), None, "this line is not UTF-8; save the file as UTF-8"));
    }
    let named = with_full_names(members);
    for fault in syntax {
        // One slip often makes the parser stumble several times.
        if broken.insert(fault.line) {
            let key = named.iter().find(|(_, member)| member.line == fault.line);
            let key = key.and_then(|(name, _)| KEYS.iter().find(|key| key.name == name));
            layer.faults.push(Fault {
                example: key.map(|key| format!("{} = {}", key.parts().1, key.example)),
                ..Fault::of(at(fault.line), key.map(|key| key.name), fault.what)
            });
        }
    }
    for (name, member) in named.into_iter().filter(|(_, member)| !broken.contains(&member.line)) {
        let line = member.line;
        match entry(&name, member, &at) {
            Ok(entry) => layer.entries.push(entry),
            Err(fault) if broken.contains(&line) => drop(fault),
            Err(fault) => layer.faults.push(*fault),
        }
    }
    layer
}

/// Returns the lines that hold bytes which are no UTF-8.
pub(super) fn lines_without_utf8(bytes: &[u8]) -> Vec<u32> {
    let lines = bytes.split(|byte| *byte == b'\n').zip(1..);
    lines.filter(|(line, _)| str::from_utf8(line).is_err()).map(|(_, number)| number).collect()
}

/// Returns every key that is no known table, with its full name.
fn with_full_names(members: Vec<Member>) -> Vec<(String, Member)> {
    let mut named = Vec::new();
    for member in members {
        match member.value.shape {
            Shape::Table(inner) if is_table(&member.name) => {
                named.extend(inner.into_iter().map(|inner| (format!("{}.{}", member.name, inner.name), inner)));
            }
            _ => named.push((member.name.clone(), member)),
        }
    }
    named
}

fn is_table(name: &str) -> bool {
    !name.is_empty() && KEYS.iter().any(|key| key.parts().0 == name)
}

fn entry(name: &str, member: Member, at: &impl Fn(u32) -> Origin) -> Result<Entry, Box<Fault>> {
    let line = member.line;
    let Some(key) = KEYS.iter().find(|key| key.name == name) else {
        return Err(Box::new(unknown(name, &member, at(line))));
    };
    Entry::new(key, member.value, at(line)).map_err(|refusal| {
        // In a list of many lines, the line of the item.
        let place = at(if refusal.part.line == 0 { line } else { refusal.part.line });
        let (rule, value) = key.explain(&refusal);
        Box::new(Fault { value, example: Some(key.example.to_owned()), ..Fault::of(place, Some(name), rule) })
    })
}

/// Returns why a name is none of ours. Its value is not repeated: it may be a secret.
fn unknown(name: &str, member: &Member, place: Origin) -> Fault {
    if let Some(key) = KEYS.iter().find(|key| key.secret_name() == Some(name)) {
        return direct_secret(key, place);
    }
    if is_table(name) {
        return Fault::of(place, Some(name), format!("this is a table; write [{name}] and its keys below"));
    }
    let is_table = matches!(member.value.shape, Shape::Table(_));
    let tables = KEYS.iter().map(|key| key.parts().0).filter(|table| is_table && !table.is_empty());
    let keys = KEYS.iter().map(|key| key.name).filter(|_| !is_table);
    let what = if is_table { "table" } else { "key" };
    let rule = match suggestion(name, tables.chain(keys)) {
        Some(meant) => format!("there is no such {what}; did you mean {meant}?"),
        None => format!("there is no such {what}; reelmill config document lists them all"),
    };
    Fault::of(place, Some(&name.escape_debug().to_string()), rule)
}

fn direct_secret(key: &Key, place: Origin) -> Fault {
    let rule =
        format!("a secret does not stand here; put it into a file of mode 600 and name that in {}", key.name);
    Fault {
        value: Some("<hidden>".to_owned()),
        example: Some(format!("{} = {}", key.parts().1, key.example)),
        ..Fault::of(place, key.secret_name(), rule)
    }
}
