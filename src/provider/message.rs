//! What a cloud transcoder is sent, and what stands in the event that it is made of.

use serde::{Deserialize, Serialize};

/// The particulars of `transcode.requested`, as far as a provider needs them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Requested {
    pub record_id: String,
    pub video_resolution: String,
    pub provider: String,
    pub attempt: u32,
    /// Until when the answer is of use, in Unix seconds.
    pub deadline: Option<i64>,
    pub source_url: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    record_id: &'a str,
    video_resolution: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    institution_id: &'a str,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign: Option<String>,
}

/// Understands what an event says; nothing where it is another event.
pub(super) fn requested(data: &str) -> Option<Requested> {
    serde_json::from_str(data).ok()
}

/// Returns the body of a request.
pub(super) fn body(asked: &Requested, institution_id: &str, sign: Option<String>) -> String {
    let body = Body {
        record_id: &asked.record_id,
        video_resolution: &asked.video_resolution,
        institution_id,
        attempt: asked.attempt,
        source_url: asked.source_url.as_deref(),
        sign,
    };
    serde_json::to_string(&body).expect("these hold strings and numbers only")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_older_systems_say_and_what_helps_besides() {
        let asked = requested(
            r#"{"record_id":"6666","video_resolution":"720P","provider":"oss","attempt":2,"deadline":1,"source_url":"http://origin/6666.flv"}"#,
        );
        assert_eq!(
            body(&asked.unwrap(), "22", Some("ab".to_owned())),
            r#"{"record_id":"6666","video_resolution":"720P","institution_id":"22","attempt":2,"source_url":"http://origin/6666.flv","sign":"ab"}"#
        );
        assert_eq!(requested(r#"{"booking_sequence":1}"#), None);
    }
}
