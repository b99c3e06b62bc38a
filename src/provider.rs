//! Asking another system for a rendition: the `transcode.requested` of its attempt, delivered to it like any other event, and
//! tried again like any other. Its answer is a message, in Redis or by HTTP; that is the desk's to take.
//!
//! Today there is the cloud transcoder that older systems call `oss`. Which provider is asked, and how long it has, is decided
//! elsewhere.

mod message;

use std::sync::Arc;

use md5::{Digest, Md5};
use url::Url;

use crate::clock::Clock;
use crate::download::{Dialer, DownloadError, Posted};
use crate::notify::{Refused, Sending, Target};
use crate::store::Event;
use message::{body, requested};

/// The cloud transcoder: provider and target in one name.
pub const OSS: &str = "oss";

/// How the `sign` of a request is made: the MD5 of a text in which the names in braces are replaced. Older systems ask for it;
/// it keeps nobody out who has seen one request.
#[derive(Clone)]
pub struct Sign {
    /// The text; empty where no sign is sent.
    pub template: String,
    /// What stands for `{secret}` in it.
    pub secret: String,
}

impl std::fmt::Debug for Sign {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Sign").field("template", &self.template).finish_non_exhaustive()
    }
}

impl Sign {
    /// Returns the sign of a request, in lower-case hex; none where none is sent.
    fn of(&self, record: &str, resolution: &str) -> Option<String> {
        if self.template.is_empty() {
            return None;
        }
        let text = self.template.replace("{record_id}", record).replace("{video_resolution}", resolution);
        // Last, since what a secret holds is no name in braces.
        let text = text.replace("{secret}", &self.secret);
        let digest = Md5::digest(text);
        Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Asks the cloud transcoder.
#[derive(Debug)]
pub struct Oss {
    /// What dials, where the guard lets it.
    pub dialer: Dialer,
    /// Where requests go.
    pub url: Url,
    /// How they are signed.
    pub sign: Sign,
    /// By which a request is too late.
    pub clock: Arc<dyn Clock>,
}

impl Oss {
    async fn ask(&self, event: &Event) -> Result<(), Refused> {
        let never = |why: &str| Refused::Never { why: why.to_owned() };
        let asked = requested(&event.data).ok_or_else(|| never("the request cannot be read"))?;
        // Nobody waits for it any more; another attempt may be behind it. The second that has begun counts to the end.
        if asked.deadline.is_some_and(|deadline| self.clock.now_milliseconds() / 1000 > deadline) {
            return Err(never("its deadline has passed"));
        }
        let sign = self.sign.of(&asked.record_id, &asked.video_resolution);
        let text = body(&asked, &event.institution, sign);
        let fields = [("content-type", "application/json".to_owned())];
        let posted = self.dialer.post(&self.url, &fields, text).await.map_err(|error| later(&error))?;
        judge(&posted)
    }
}

impl Target for Oss {
    fn name(&self) -> &str {
        OSS
    }

    fn send<'a>(&'a self, event: &'a Event) -> Sending<'a> {
        Box::pin(self.ask(event))
    }
}

fn later(error: &DownloadError) -> Refused {
    let cause = std::error::Error::source(error);
    Refused::later(cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")))
}

/// Returns what an answer means. What the cloud does not want it will not want a minute later: then the next provider is asked,
/// and nobody waits for the deadline.
fn judge(posted: &Posted) -> Result<(), Refused> {
    let why = format!("status {}", posted.status);
    match posted.status {
        200..=299 => Ok(()),
        408 | 429 | 500 | 502..=599 => Err(Refused::Later { why, said: String::new(), after: posted.retry_after }),
        _ => Err(Refused::Never { why }),
    }
}

/// Returns which attempt of which rendition a request was that a provider will never take; nothing for other events.
pub fn refused(event: &Event) -> Option<RefusedAttempt> {
    let asked = requested(&event.data)?;
    Some(RefusedAttempt {
        record: asked.record_id,
        resolution: asked.video_resolution,
        provider: asked.provider,
        attempt: asked.attempt,
    })
}

/// An attempt that a provider refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAttempt {
    /// Of which recording.
    pub record: String,
    /// Of which rendition.
    pub resolution: String,
    /// Who refused.
    pub provider: String,
    /// Which attempt.
    pub attempt: u32,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::download::{Guard, Tls, system_resolver};
    use crate::event::EventType;
    use crate::notify::TIMEOUTS;

    fn posted(status: u16) -> Posted {
        Posted { status, retry_after: Some(Duration::from_secs(7)), text: String::new() }
    }

    #[test]
    fn a_sign_is_the_md5_of_its_text_and_none_where_there_is_no_text() {
        let sign = Sign { template: "{record_id}{video_resolution}{secret}".to_owned(), secret: "s3".to_owned() };
        // printf 6666720Ps3 | md5sum
        assert_eq!(sign.of("6666", "720P").as_deref(), Some("4b57db204086dbdd4150f1d7ca6ace34"));
        assert_eq!(Sign { template: String::new(), ..sign.clone() }.of("6666", "720P"), None);
        assert!(!format!("{sign:?}").contains("s3"));
    }

    #[derive(Debug)]
    struct At(i64);

    impl Clock for At {
        fn now_milliseconds(&self) -> i64 {
            self.0
        }
    }

    #[tokio::test]
    async fn a_request_is_not_sent_any_more_once_its_deadline_has_passed() {
        let asked = async |now_milliseconds| {
            let dialer = Dialer {
                guard: Guard::new(Vec::new()),
                resolve: system_resolver(),
                tls: Tls::default(),
                timeouts: TIMEOUTS,
            };
            let (url, clock) = (Url::parse("http://127.0.0.1/").unwrap(), Arc::new(At(now_milliseconds)));
            let oss = Oss { dialer, url, sign: Sign { template: String::new(), secret: String::new() }, clock };
            let data =
                r#"{"record_id":"6666","video_resolution":"720P","provider":"oss","attempt":2,"deadline":7200}"#;
            oss.ask(&requested_event(data)).await
        };
        // The guard keeps it from being dialled, so that it is tried again.
        assert!(matches!(asked(7_200_999).await, Err(Refused::Later { .. })));
        assert_eq!(asked(7_201_000).await, Err(Refused::Never { why: "its deadline has passed".to_owned() }));
    }

    fn requested_event(data: &str) -> Event {
        Event {
            sequence: 1,
            event_id: "e-1".to_owned(),
            event_type: EventType::TranscodeRequested,
            institution: String::new(),
            class_id: None,
            job_id: None,
            time_milliseconds: 0,
            data: data.to_owned(),
            callback_url: None,
        }
    }

    #[test]
    fn what_the_cloud_refuses_is_refused_at_once_and_what_may_pass_is_tried_again() {
        assert_eq!(judge(&posted(202)), Ok(()));
        assert!(matches!(judge(&posted(503)), Err(Refused::Later { after: Some(_), .. })));
        // Nobody there takes such requests at all.
        assert!(matches!(judge(&posted(501)), Err(Refused::Never { .. })));
        assert!(matches!(judge(&posted(400)), Err(Refused::Never { .. })));
        assert!(matches!(judge(&posted(302)), Err(Refused::Never { .. })));
    }
}
