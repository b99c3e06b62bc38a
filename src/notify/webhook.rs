//! Events as HTTP requests, after Standard Webhooks 1.0: `webhook` gets every event, `callback` those of a class at the
//! address that came with its booking.
//!
//! What is dialled the download's guard has judged; redirects are not followed, since nobody has judged where they lead.
//! Any 2xx takes the event, whatever becomes of the answer's body.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::message::envelope;
use super::signature::{Content, Secrets};
use super::target::{Refused, Sending, Target};
use crate::clock::Clock;
use crate::download::{Dialer, DownloadError, Posted, Timeouts};
use crate::store::Event;

/// The name of the target that gets every event.
pub const WEBHOOK: &str = "webhook";
/// The name of the target that gets the events of classes that asked for it.
pub const CALLBACK: &str = "callback";
/// How long a receiver may take: what Standard Webhooks recommends at least.
pub const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(5), header: Duration::from_secs(15) };

/// Bytes of an answer's text that are logged: enough to tell why.
const TEXT_CHARS_MAX: usize = 200;

/// What posts for both targets.
#[derive(Clone, Debug)]
pub struct Poster {
    /// What dials, within [`TIMEOUTS`].
    pub dialer: Dialer,
    /// What signs.
    pub secrets: Secrets,
    /// What an attempt's time is taken from.
    pub clock: Arc<dyn Clock>,
}

impl Poster {
    /// Posts an event and returns the answer.
    async fn post(
        &self,
        url: &Url,
        event: &Event,
        sign: impl Fn(&Secrets, &str, &Content<'_>) -> Option<String>,
    ) -> Result<(), Failed> {
        let body = envelope(event);
        let timestamp = self.clock.now_milliseconds() / 1000;
        let content = Content { id: &event.event_id, timestamp, body: &body };
        let signed = sign(&self.secrets, &event.institution, &content).ok_or(Failed::Unsigned)?;
        let fields = [
            ("content-type", "application/json".to_owned()),
            ("webhook-id", event.event_id.clone()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signed),
        ];
        let posted = self.dialer.post(url, &fields, body).await?;
        judge(&posted).map_err(Failed::Refused)
    }
}

/// Why an event was not posted.
enum Failed {
    Unsigned,
    Dialling(DownloadError),
    Refused(Refused),
}

impl From<DownloadError> for Failed {
    fn from(error: DownloadError) -> Self {
        Self::Dialling(error)
    }
}

impl Failed {
    /// Returns what that means for the event. `is_fixed` tells whether whoever wrote the address can mend it: the
    /// operator can, and then everything is told; a booking's address stays as it is.
    fn refused(self, is_fixed: bool) -> Refused {
        match self {
            Self::Unsigned => Refused::later("no secret signs for the institution"),
            Self::Refused(refused) => refused,
            Self::Dialling(error) => {
                let is_final = matches!(error, DownloadError::Forbidden(_) | DownloadError::UrlInvalid { .. });
                let why = with_source(&error);
                if is_final && !is_fixed { Refused::Never { why } } else { Refused::later(why) }
            }
        }
    }
}

fn with_source(error: &DownloadError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// Returns what an answer means.
fn judge(posted: &Posted) -> Result<(), Refused> {
    let status = posted.status;
    match status {
        200..=299 => Ok(()),
        410 => Err(Refused::Never { why: "the receiver is gone (status 410)".to_owned() }),
        300..=399 => Err(Refused::later(format!("redirects (status {status}), which is not followed"))),
        _ => {
            let after = posted.retry_after.filter(|_| matches!(status, 429 | 502..=504));
            Err(Refused::Later { why: format!("status {status}"), said: said(posted), after })
        }
    }
}

/// Returns the beginning of an answer's text. It stays in our log: a booking may name any address that we reach, and whoever
/// sent it is told why in the end.
fn said(posted: &Posted) -> String {
    let text = posted.text.trim().chars().take(TEXT_CHARS_MAX);
    text.map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// The target that gets every event: the operator's own receiver.
#[derive(Debug)]
pub struct Webhook {
    poster: Poster,
    url: Url,
}

impl Webhook {
    /// Returns the target at `url`.
    pub const fn new(poster: Poster, url: Url) -> Self {
        Self { poster, url }
    }
}

impl Target for Webhook {
    fn name(&self) -> &str {
        WEBHOOK
    }

    fn send<'a>(&'a self, event: &'a Event) -> Sending<'a> {
        Box::pin(async move {
            let posted = self.poster.post(&self.url, event, Secrets::sign_for_node).await;
            posted.map_err(|failed| failed.refused(true))
        })
    }
}

/// The target that gets the events of a class at the address that its booking named.
#[derive(Debug)]
pub struct Callback {
    poster: Poster,
}

impl Callback {
    /// Returns the target.
    pub const fn new(poster: Poster) -> Self {
        Self { poster }
    }

    async fn call(&self, event: &Event) -> Result<(), Refused> {
        let never = |why: &str| Refused::Never { why: why.to_owned() };
        let url = event.callback_url.as_deref().ok_or_else(|| never("the class named no address"))?;
        let url = Url::parse(url).map_err(|_| never("the class's address cannot be read"))?;
        let posted = self.poster.post(&url, event, Secrets::sign_for_institution).await;
        posted.map_err(|failed| failed.refused(false))
    }
}

impl Target for Callback {
    fn name(&self) -> &str {
        CALLBACK
    }

    fn send<'a>(&'a self, event: &'a Event) -> Sending<'a> {
        Box::pin(self.call(event))
    }

    fn door(&self, event: &Event) -> String {
        let url = event.callback_url.as_deref().and_then(|url| Url::parse(url).ok());
        url.map(|url| url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16) -> Result<(), Refused> {
        let retry_after = Some(Duration::from_secs(7));
        judge(&Posted { status, retry_after, text: " out\nof order ".to_owned() })
    }

    #[test]
    fn an_answer_takes_the_event_or_says_when_to_come_again_or_never() {
        for status in [200, 202, 204, 299] {
            assert_eq!(judged(status), Ok(()));
        }
        let refused = |status: u16, after: Option<u64>| Refused::Later {
            why: format!("status {status}"),
            said: "out of order".to_owned(),
            after: after.map(Duration::from_secs),
        };
        for status in [429, 502, 503, 504] {
            assert_eq!(judged(status), Err(refused(status, Some(7))));
        }
        for status in [400, 401, 404, 500, 501, 599] {
            assert_eq!(judged(status), Err(refused(status, None)));
        }
        assert!(matches!(judged(410), Err(Refused::Never { .. })));
        assert!(matches!(judged(307), Err(Refused::Later { after: None, .. })));
    }
}
