//! Understands what Redis says about the entries of a stream. By hand, as the crate's own types give up on a whole answer
//! when one field of one entry is no text: one producer's mistake would hold up everybody.

use redis::Value;

use super::MESSAGE_FIELD;

/// An entry as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) content: Content,
}

/// What is in an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A message.
    Message(Vec<u8>),
    /// A message for one node, of that entry of the bookings stream.
    Handed { node: String, entry: String, body: Vec<u8> },
    /// A class that a node had is another's now.
    Moved { node: String, class: String },
    /// Fields, and none of them is the message.
    Other,
    /// Nothing any more: somebody removed it from the stream after it had been read.
    Gone,
}

/// What `XAUTOCLAIM` answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claimed {
    /// Where to go on; none at the end.
    pub(super) next: Option<String>,
    pub(super) entries: Vec<Entry>,
    /// How many were removed from the stream; the group has forgotten them.
    pub(super) gone: usize,
}

/// Understands the answer of `XREADGROUP` for one stream.
pub(super) fn read(answer: Value) -> Option<Vec<Entry>> {
    let Value::Array(streams) = answer else { return matches!(answer, Value::Nil).then(Vec::new) };
    let Value::Array(stream) = streams.into_iter().next()? else { return None };
    let [_, list] = <[Value; 2]>::try_from(stream).ok()?;
    entries(list)
}

/// Understands the answer of `XAUTOCLAIM`.
pub(super) fn claimed(answer: Value) -> Option<Claimed> {
    let Value::Array(parts) = answer else { return None };
    let mut parts = parts.into_iter();
    let next = text(parts.next()?)?;
    let entries = entries(parts.next()?)?;
    // Redis 6.2 does not have the third part: it lists what is gone among the entries.
    let gone = parts.next().map_or(0, |gone| if let Value::Array(ids) = gone { ids.len() } else { 0 });
    Some(Claimed { next: Some(next).filter(|next| next != "0-0"), entries, gone })
}

fn entries(list: Value) -> Option<Vec<Entry>> {
    let Value::Array(list) = list else { return None };
    list.into_iter().filter(|entry| *entry != Value::Nil).map(entry).collect()
}

fn entry(value: Value) -> Option<Entry> {
    let Value::Array(parts) = value else { return None };
    let [id, fields] = <[Value; 2]>::try_from(parts).ok()?;
    let content = match fields {
        Value::Nil => Content::Gone,
        Value::Array(fields) => content(fields),
        _ => return None,
    };
    Some(Entry { id: text(id)?, content })
}

/// Returns what the fields say; of several of one name the first counts. Fields of other names mean nothing.
fn content(fields: Vec<Value>) -> Content {
    let [mut body, mut node, mut entry, mut handed, mut moved] = [const { None }; 5];
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        let Value::BulkString(name) = name else { continue };
        let place = match name.as_slice() {
            name if name == MESSAGE_FIELD.as_bytes() => &mut body,
            b"node" => &mut node,
            b"entry" => &mut entry,
            b"handed" => &mut handed,
            b"moved" => &mut moved,
            _ => continue,
        };
        if place.is_none() {
            *place = Some(value);
        }
    }
    match (body, node.and_then(text), entry.and_then(text), handed, moved.and_then(text)) {
        (Some(Value::BulkString(body)), ..) => Content::Message(body),
        (None, Some(node), Some(entry), Some(Value::BulkString(body)), _) => Content::Handed { node, entry, body },
        (None, Some(node), _, _, Some(class)) => Content::Moved { node, class },
        _ => Content::Other,
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

/// Returns an entry's name as what it is: milliseconds, and a number among those of the same. Names sort by it.
pub(super) fn place(id: &str) -> Option<(u64, u64)> {
    let (milliseconds, number) = id.split_once('-')?;
    Some((milliseconds.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: impl AsRef<[u8]>) -> Value {
        Value::BulkString(text.as_ref().to_vec())
    }

    fn raw(id: &str, fields: Value) -> Value {
        Value::Array(vec![bytes(id), fields])
    }

    fn fields(pairs: &[(&[u8], &[u8])]) -> Value {
        Value::Array(pairs.iter().flat_map(|(name, value)| [bytes(name), bytes(value)]).collect())
    }

    fn known(id: &str, content: Content) -> Entry {
        Entry { id: id.to_owned(), content }
    }

    #[test]
    fn an_entry_that_is_odd_does_not_spoil_those_beside_it() {
        let list = Value::Array(vec![
            raw("1-0", fields(&[(b"\xff", b"x"), (b"message", b"a"), (b"message", b"b")])),
            raw("1-1", fields(&[(b"Message", b"a")])),
            raw("2-0", Value::Nil),
            raw("3-0", Value::Array(vec![bytes("message")])),
        ]);
        let answer = Value::Array(vec![Value::Array(vec![bytes("s"), list])]);
        let entries = [
            known("1-0", Content::Message(b"a".to_vec())),
            known("1-1", Content::Other),
            known("2-0", Content::Gone),
            known("3-0", Content::Other),
        ];
        assert_eq!(read(answer).unwrap(), entries);
    }

    #[test]
    fn what_nodes_say_to_each_other_is_told_from_messages() {
        let content = |pairs| {
            let answer = Value::Array(vec![Value::Nil, Value::Array(vec![raw("1-0", fields(pairs))])]);
            read(Value::Array(vec![answer])).unwrap().remove(0).content
        };
        let name = str::to_owned;
        let handed = Content::Handed { node: name("b"), entry: name("7-0"), body: b"{}".to_vec() };
        assert_eq!(content(&[(b"node", b"b"), (b"entry", b"7-0"), (b"handed", b"{}")]), handed);
        let moved = Content::Moved { node: name("b"), class: name("22/c-1") };
        assert_eq!(content(&[(b"node", b"b"), (b"moved", b"22/c-1")]), moved);
        assert_eq!(content(&[(b"handed", b"{}")]), Content::Other);
        assert_eq!(content(&[(b"handed", b"x"), (b"message", b"m")]), Content::Message(b"m".to_vec()));
    }

    #[test]
    fn nothing_new_is_no_entries_and_nonsense_is_told_from_it() {
        assert_eq!(read(Value::Nil), Some(Vec::new()));
        for answer in [Value::Int(1), Value::Array(Vec::new()), Value::Array(vec![Value::Int(1)])] {
            assert_eq!(read(answer.clone()), None, "{answer:?}");
            assert_eq!(claimed(answer.clone()), None, "{answer:?}");
        }
    }

    #[test]
    fn what_is_claimed_says_where_to_go_on_and_what_is_gone() {
        let list = |entries: Vec<Value>| Value::Array(entries);
        let seven = list(vec![bytes("5-0"), list(vec![raw("4-0", fields(&[]))]), list(vec![bytes("3-0")])]);
        let entries = vec![known("4-0", Content::Other)];
        assert_eq!(claimed(seven), Some(Claimed { next: Some("5-0".to_owned()), entries, gone: 1 }));
        let six = list(vec![bytes("0-0"), list(vec![Value::Nil])]);
        assert_eq!(claimed(six), Some(Claimed { next: None, entries: Vec::new(), gone: 0 }));
    }

    #[test]
    fn names_of_entries_sort_as_numbers() {
        assert!(place("9-10") > place("9-9") && place("10-0") > place("9-9"));
        assert_eq!((place("9"), place("x-1"), place("-")), (None, None, None));
    }
}
