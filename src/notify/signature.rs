//! Signing what is posted, after Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, one signature for each key
//! that is live, so that a receiver can be given a new key without a pause.
//!
//! Reading the files is the configuration's work; here their text is understood.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::NotifyError;

const NODE: &str = "webhook.secret_file";
const INSTITUTIONS: &str = "webhook.institution_secrets_file";
/// What Standard Webhooks asks of a key; a shorter one could be guessed from a signature.
const KEY_BYTES_MIN: usize = 24;

type Key = Vec<u8>;

/// The keys that sign: the node's own, and those of institutions.
#[derive(Clone, Default)]
pub struct Secrets {
    node: Vec<Key>,
    institutions: BTreeMap<String, Vec<Key>>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} keys, and those of {} institutions", self.node.len(), self.institutions.len())
    }
}

impl Secrets {
    /// Understands the text of the two files, where there is one: a key a line in `node`, and an institution, a space
    /// and a key of it a line in `institutions`.
    ///
    /// # Errors
    /// A line is no key.
    pub fn parse(node: Option<&str>, institutions: Option<&str>) -> Result<Self, NotifyError> {
        let mut secrets = Self::default();
        for (line, text) in lines(node) {
            secrets.node.push(key(text).map_err(refuse(NODE, line))?);
        }
        for (line, text) in lines(institutions) {
            let refuse = refuse(INSTITUTIONS, line);
            let Some((institution, text)) = text.split_once(char::is_whitespace) else {
                return Err(refuse("it is not an institution, a space and a secret"));
            };
            let key = key(text.trim_start()).map_err(refuse)?;
            secrets.institutions.entry(institution.to_owned()).or_default().push(key);
        }
        Ok(secrets)
    }

    /// Returns the signatures of what goes to the node's own receiver, who hears of all institutions: of the node's keys,
    /// and of those of the institution.
    pub(super) fn sign_for_node(&self, institution: &str, content: &Content<'_>) -> Option<String> {
        let own = self.institutions.get(institution).map_or(&[][..], Vec::as_slice);
        content.sign(self.node.iter().chain(own))
    }

    /// Returns the signatures of what goes to an institution's own receiver: of its keys; of the node's where it has none.
    pub(super) fn sign_for_institution(&self, institution: &str, content: &Content<'_>) -> Option<String> {
        content.sign(self.institutions.get(institution).unwrap_or(&self.node).iter())
    }
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    /// The event's id, the same at every attempt.
    pub(super) id: &'a str,
    /// When this attempt is made, in Unix seconds.
    pub(super) timestamp: i64,
    /// The body, byte for byte.
    pub(super) body: &'a str,
}

impl Content<'_> {
    /// Returns the header's value; `None` without keys.
    fn sign<'a>(&self, keys: impl Iterator<Item = &'a Key>) -> Option<String> {
        let signatures: Vec<_> = keys.map(|key| self.signature(key)).collect();
        (!signatures.is_empty()).then(|| signatures.join(" "))
    }

    fn signature(&self, key: &Key) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(format!("{}.{}.", self.id, self.timestamp).as_bytes());
        mac.update(self.body.as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// Returns the lines that say something, with their numbers.
fn lines(text: Option<&str>) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.unwrap_or_default().lines().map(str::trim).enumerate();
    lines.map(|(index, line)| (index + 1, line)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn refuse(setting: &'static str, line: usize) -> impl Fn(&'static str) -> NotifyError {
    move |why| NotifyError::Secret { setting, line, why }
}

fn key(text: &str) -> Result<Key, &'static str> {
    let key = match text.strip_prefix("whsec_") {
        Some(encoded) => STANDARD.decode(encoded).map_err(|_| "what follows whsec_ is not base64")?,
        None => text.as_bytes().to_vec(),
    };
    if key.len() < KEY_BYTES_MIN { Err("it has less than 24 bytes") } else { Ok(key) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    const CONTENT: Content<'_> =
        Content { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: "{\"test\": 2432232314}" };
    /// The key and the signature of the reference implementation's own test.
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const OTHER: &str = "a key of plain text, long enough";

    #[test]
    fn the_example_of_standard_webhooks_is_signed_as_there() {
        let secrets = Secrets::parse(Some(KEY), None).unwrap();
        assert_eq!(secrets.sign_for_node("22", &CONTENT).as_deref(), Some(SIGNATURE));
    }

    #[test]
    fn each_live_key_signs() {
        let secrets = Secrets::parse(Some(&format!("# the new one\n{OTHER}\n\n{KEY}\n")), None).unwrap();
        let signed = secrets.sign_for_node("", &CONTENT).unwrap();
        let signatures: Vec<_> = signed.split(' ').collect();
        assert_eq!((signatures.len(), signatures[1]), (2, SIGNATURE));
        assert_ne!(signatures[0], SIGNATURE);
    }

    #[test]
    fn an_institution_s_receiver_sees_its_own_keys_and_the_node_s_only_where_it_has_none() {
        let secrets = Secrets::parse(Some(OTHER), Some(&format!("22  {KEY}"))).unwrap();
        assert_eq!(secrets.sign_for_institution("22", &CONTENT).as_deref(), Some(SIGNATURE));
        let others = secrets.sign_for_institution("23", &CONTENT).unwrap();
        assert_eq!(others, secrets.sign_for_node("23", &CONTENT).unwrap());
        assert_eq!(secrets.sign_for_node("22", &CONTENT).unwrap(), format!("{others} {SIGNATURE}"));
        assert_eq!(Secrets::default().sign_for_institution("22", &CONTENT), None);
    }

    #[test]
    fn a_line_that_is_no_secret_is_refused_and_not_repeated() {
        let cases = [
            (Some("whsec_hunter2!"), None, "line 1 of webhook.secret_file", "not base64"),
            (Some("\nhunter2"), None, "line 2 of webhook.secret_file", "less than 24 bytes"),
            (None, Some("22"), "line 1 of webhook.institution_secrets_file", "a space and a secret"),
            (None, Some("22 hunter2"), "line 1 of webhook.institution_secrets_file", "less than 24 bytes"),
        ];
        for (node, institutions, place, why) in cases {
            let error = Secrets::parse(node, institutions).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(place) && text.contains(why) && !text.contains("hunter2"), "{text}");
            assert_eq!(error.code(), "WEBHOOK_SECRET");
        }
    }
}
