//! The waiting lists of the old orchestrator in Redis: `<record>_<resolution>`, classes one after the other. Only reads.

use std::time::Duration;

use redis::{Client, Connection, RedisError, cmd};
use url::Url;

use super::LegacyError;
use crate::cache::Key;
use crate::media::RenditionName;

/// A Redis beside the node answers in less, or not at all.
const PATIENCE: Duration = Duration::from_secs(5);
/// Names that Redis looks through for one answer: some milliseconds of its time, which others share.
const SCAN_COUNT: u32 = 1000;
/// Lists that are read: more than old nodes have left behind in years, and a hundred megabytes of names.
const LISTS_MAX: usize = 1_000_000;
/// Classes that are read of one list.
const CLASSES_MAX: usize = 10_000;

/// The classes that wait for a rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingList {
    /// Its name in Redis.
    pub name: String,
    /// The recording.
    pub record: String,
    /// The rendition.
    pub resolution: RenditionName,
    /// The classes, as they were written; the first to come first.
    pub classes: Vec<String>,
    /// How many more there are.
    pub more: u64,
}

/// Reads all waiting lists. The address may hold a password; it is in no error.
///
/// # Errors
/// The address is none, or Redis does not answer.
pub fn waiting_lists(address: &str) -> Result<Vec<WaitingList>, LegacyError> {
    let url = Url::parse(address).map_err(|_| LegacyError::RedisAddress)?;
    let client = Client::open(url.clone()).map_err(|_| LegacyError::RedisAddress)?;
    read(&client).map_err(|error| LegacyError::Redis { place: place(&url), cause: cause(&error, &url) })
}

fn read(client: &Client) -> Result<Vec<WaitingList>, RedisError> {
    let mut connection = client.get_connection_with_timeout(PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut lists = Vec::new();
    for (name, record, resolution) in names(&mut connection)? {
        if kind(&name, &mut connection)? != "list" {
            continue;
        }
        let length: u64 = cmd("LLEN").arg(&name).query(&mut connection)?;
        let classes: Vec<Vec<u8>> = cmd("LRANGE").arg(&name).arg(0).arg(CLASSES_MAX - 1).query(&mut connection)?;
        let more = length.saturating_sub(classes.len() as u64);
        let classes = classes.iter().map(|class| String::from_utf8_lossy(class).into_owned()).collect();
        lists.push(WaitingList { name, record, resolution, classes, more });
    }
    Ok(lists)
}

/// Returns the names that can be those of waiting lists, each once, sorted.
fn names(connection: &mut Connection) -> Result<Vec<(String, String, RenditionName)>, RedisError> {
    let mut found = std::collections::BTreeMap::new();
    let mut cursor = 0_u64;
    loop {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg("*_*").arg("COUNT").arg(SCAN_COUNT);
        let (next, names): (u64, Vec<Vec<u8>>) = scan.query(connection)?;
        let names = names.into_iter().filter_map(|name| String::from_utf8(name).ok());
        found.extend(names.filter_map(|name| rendition(&name).map(|rendition| (name, rendition))));
        cursor = next;
        if cursor == 0 || found.len() >= LISTS_MAX {
            break;
        }
    }
    Ok(found.into_iter().take(LISTS_MAX).map(|(name, (record, resolution))| (name, record, resolution)).collect())
}

fn kind(name: &str, connection: &mut Connection) -> Result<String, RedisError> {
    cmd("TYPE").arg(name).query(connection)
}

/// Returns what a name like `6666_720P` or `6666_240` stands for.
fn rendition(name: &str) -> Option<(String, RenditionName)> {
    let (record, label) = name.rsplit_once('_')?;
    let resolution = RenditionName::parse(label).ok()?;
    Key::new("", record, Some(resolution)).ok()?;
    Some((record.to_owned(), resolution))
}

/// Returns where Redis is, without who asks.
fn place(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => url.path().to_owned(),
    }
}

/// Returns what Redis said; should it ever repeat the password, without that.
fn cause(error: &RedisError, url: &Url) -> String {
    let text = error.to_string();
    let queried = url.query_pairs().filter(|(name, _)| name == "pass").map(|(_, value)| value.into_owned());
    let secrets = url.password().map(str::to_owned).into_iter().chain(queried);
    secrets.filter(|secret| !secret.is_empty()).fold(text, |text, secret| text.replace(&secret, "…"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    #[test]
    fn a_list_is_known_by_its_name() {
        for (name, record, short_side) in
            [("6666_720P", "6666", 720), ("6666_240", "6666", 240), ("a_b_480p", "a_b", 480)]
        {
            let (found, resolution) = rendition(name).unwrap();
            assert_eq!((found.as_str(), resolution.short_side()), (record, short_side), "{name}");
        }
        for name in ["6666", "6666_x", "6666_721P", "_720P", "a/b_720P", "session_id"] {
            assert_eq!(rendition(name), None, "{name}");
        }
    }

    #[test]
    fn no_error_repeats_the_password() {
        for address in ["redis://me:hunter2@127.0.0.1:1/0", "unix:///nowhere/r.sock?pass=hunter2"] {
            let error = waiting_lists(address).unwrap_err();
            assert_eq!(error.code(), "LEGACY_REDIS");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        for address in ["hunter2", "http://me:hunter2@x/", ""] {
            let error = waiting_lists(address).unwrap_err();
            assert_eq!((error.code(), format!("{error:?}")), ("LEGACY_REDIS_ADDRESS", "RedisAddress".to_owned()));
        }
    }
}
