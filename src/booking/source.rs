//! What a class needs, by its booking alone: a file that lies somewhere, or a rendition that may have to be made, and from
//! what. Pure; what is known of the rendition is [`super::decide`]'s.

use url::Url;

use super::Booking;
use crate::media::RenditionName;

/// What a class needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// Rules 1 and 2: a file whose place the booking tells.
    Direct {
        /// Where it lies.
        url: Url,
        /// In which size it is kept; none for the recording as it is.
        resolution: Option<RenditionName>,
    },
    /// Rule 3: a rendition that the booking does not list.
    Rendition {
        /// Which.
        resolution: RenditionName,
        /// What it can be made from.
        source: Option<Source>,
    },
    /// A booking with neither a size nor a URL: no message is understood as such.
    Nothing,
}

/// What a rendition is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where it lies.
    pub url: Url,
    /// In which size; none for the recording itself.
    pub label: Option<RenditionName>,
    /// What a person may want to know of the choice.
    pub note: Option<String>,
}

/// Returns what the class of this booking needs.
pub fn want(booking: &Booking) -> Want {
    match booking.resolution {
        None => as_it_is(booking),
        Some(resolution) => match booking.list.get(&resolution) {
            Some(url) => Want::Direct { url: url.clone(), resolution: Some(resolution) },
            None => Want::Rendition { resolution, source: source(booking, resolution) },
        },
    }
}

/// Rule 1. What the list says is 1080P is kept as 1080P, for others to find.
fn as_it_is(booking: &Booking) -> Want {
    let recording = booking.video_url.as_ref().map(|url| (url, None));
    let largest = || booking.list.last_key_value().map(|(label, url)| (url, Some(*label)));
    match recording.or_else(largest) {
        Some((url, resolution)) => Want::Direct { url: url.clone(), resolution },
        None => Want::Nothing,
    }
}

/// The smallest that is large enough, as it is the cheapest to fetch and to decode; the recording itself counts as larger
/// than any rendition.
fn source(booking: &Booking, target: RenditionName) -> Option<Source> {
    let found = |(label, url): (&RenditionName, &Url)| (url.clone(), Some(*label));
    let listed = booking.list.range(target..).next().map(found);
    let recording = || booking.video_url.clone().map(|url| (url, None));
    if let Some((url, label)) = listed.or_else(recording) {
        return Some(Source { url, label, note: None });
    }
    let (label, url) = booking.list.last_key_value()?;
    let note = format!("nothing as large as {target} is listed: made from {label}, and not enlarged");
    Some(Source { url: url.clone(), label: Some(*label), note: Some(note) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::booking::ClassKey;

    fn url(text: &str) -> Url {
        Url::parse(&format!("http://origin.example/{text}.flv")).unwrap()
    }

    fn name(text: &str) -> RenditionName {
        RenditionName::parse(text).unwrap()
    }

    fn booking(resolution: &str, recording: &str, list: &str) -> Booking {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let list: BTreeMap<_, _> = list.split_whitespace().map(|label| (name(label), url(label))).collect();
        Booking {
            class: ClassKey { institution: String::new(), class_id: "c-1".to_owned() },
            course_name: String::new(),
            record: "6666".to_owned(),
            video_url: text(recording).map(|text| url(&text)),
            resolution: text(resolution).map(|text| name(&text)),
            list,
            start_milliseconds: None,
            end_milliseconds: None,
            push_url: None,
            callback_url: None,
            priority: 50,
        }
    }

    fn file(url: &Url, label: Option<RenditionName>) -> String {
        let label = label.map_or("whole".to_owned(), |label| label.to_string());
        format!("{} as {label}", url.path().trim_start_matches('/'))
    }

    fn told(want: &Want) -> String {
        match want {
            Want::Direct { url, resolution } => format!("fetch {}", file(url, *resolution)),
            Want::Rendition { resolution, source: None } => format!("make {resolution} from nothing"),
            Want::Rendition { resolution, source: Some(source) } => {
                let note = source.note.as_ref().map_or(String::new(), |note| format!("; {note}"));
                format!("make {resolution} from {}{note}", file(&source.url, source.label))
            }
            Want::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn a_class_gets_what_its_booking_tells_and_else_what_can_be_made_of_it() {
        for (resolution, recording, list, expected) in [
            // Rule 1.
            ("", "r", "", "fetch r.flv as whole"),
            ("", "r", "1080P 720P", "fetch r.flv as whole"),
            ("", "", "480P 1080P 720P", "fetch 1080P.flv as 1080P"),
            ("", "", "240P", "fetch 240P.flv as 240P"),
            // Rule 2.
            ("720P", "r", "480P 720P", "fetch 720P.flv as 720P"),
            ("720P", "", "720P", "fetch 720P.flv as 720P"),
            // Rule 3: the smallest that is large enough.
            ("480P", "r", "240P 720P 1080P", "make 480P from 720P.flv as 720P"),
            ("480P", "", "2160P 720P 1080P 360P", "make 480P from 720P.flv as 720P"),
            ("240P", "", "2160P", "make 240P from 2160P.flv as 2160P"),
            ("720P", "r", "", "make 720P from r.flv as whole"),
            ("720P", "r", "480P 240P", "make 720P from r.flv as whole"),
            ("2160P", "r", "1440P", "make 2160P from r.flv as whole"),
            (
                "720P",
                "",
                "240P 480P",
                "make 720P from 480P.flv as 480P; nothing as large as 720P is listed: made from 480P, and not enlarged",
            ),
            // No message is understood as such.
            ("720P", "", "", "make 720P from nothing"),
            ("", "", "", "nothing"),
        ] {
            let case = format!("{resolution:?} of {recording:?} and {list:?}");
            assert_eq!(told(&want(&booking(resolution, recording, list))), expected, "{case}");
        }
    }
}
