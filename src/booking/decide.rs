//! The state machine of a rendition: from what is known of it and what has just happened to what is known then and what is
//! to be done. Pure; whoever asks keeps the state, the waiting classes and the events in one transaction.
//!
//! ```text
//!              booked                      success
//!   absent ─────────────▶ transcoding ────────────────▶ succeeded
//!     ▲                    │  ▲  │ │                     ▲   │ URL useless, once; made here and gone
//!     │                    └──┘  │ └──▶ failed ──success─┤   │
//!     │   failure or deadline:   │        (last failed)  │   │
//!     │   the next provider      └────▶ timed_out ───────┘   │
//!     └──────────────────────────────────────────────────────┘
//! ```
//!
//! Rules 3 to 7 of a booking's way; a class that names no size, or one that its booking lists, never comes here
//! ([`super::source`]). A class that waits is always told later: only `transcoding` has waiting classes, it has a deadline,
//! and each way out of it says `ProceedAll` or `RefuseAll`.

mod known;

use super::Code;

pub use known::{Known, State};

/// The provider that is this node: what it made is a file of the cache, and no URL.
pub const LOCAL: &str = "local";

/// What holds for every rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Who is asked, one after the other. Of a name that stands there twice the last place counts.
    pub providers: Vec<String>,
    /// How long an attempt of another system may take.
    pub timeout_milliseconds: i64,
    /// How long one of this node may take.
    pub local_timeout_milliseconds: i64,
    /// How long a rendition that timed out is not asked for again.
    pub retry_after_timeout_milliseconds: i64,
    /// Whether a result that nobody here waits for can be nobody else's.
    pub is_only_node: bool,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A class needs it.
    Booked {
        /// Whether the file is in the cache.
        is_cached: bool,
    },
    /// Somebody says that it was made.
    Succeeded {
        /// Who.
        provider: Option<String>,
        /// In which attempt.
        attempt: Option<u32>,
        /// Where it lies.
        url: Option<String>,
    },
    /// Somebody says that it could not be made.
    Failed {
        /// Who.
        provider: Option<String>,
        /// In which attempt.
        attempt: Option<u32>,
    },
    /// The time of an attempt may be over.
    DeadlinePassed,
    /// For one class: the recorded URL answered 404 or 410, or its file failed the proof. Whoever says so has compared: it is
    /// the URL that is recorded now.
    UrlUseless,
}

/// What a person should be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A provider took too long, and another one is asked.
    ProviderTimedOut {
        /// Who.
        provider: String,
        /// In which attempt.
        attempt: u32,
    },
    /// A rendition is made on record, and the booking did not carry its URL.
    UrlMissing,
    /// A result of a rendition that nobody has asked for.
    UnknownResult,
}

impl Alarm {
    /// Returns the stable name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ProviderTimedOut { .. } => "provider_timed_out",
            Self::UrlMissing => "url_missing",
            Self::UnknownResult => "unknown_result",
        }
    }

    /// Returns the code by which people in the field know it.
    pub const fn code(&self) -> Option<Code> {
        match self {
            Self::ProviderTimedOut { .. } => Some(Code::TimedOut),
            Self::UrlMissing => Some(Code::UrlMissing),
            Self::UnknownResult => None,
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The class of this event waits.
    Wait,
    /// The class of this event gets the file: from the cache, else from this URL.
    Proceed {
        /// Where it lies.
        url: Option<String>,
    },
    /// The class of this event fails.
    Refuse(Code),
    /// A provider is asked.
    Ask {
        /// Who.
        provider: String,
        /// The number of this attempt.
        attempt: u32,
        /// When it is given up, in Unix milliseconds.
        deadline_milliseconds: i64,
    },
    /// An attempt is of no use any more.
    CancelAttempt {
        /// Whose.
        provider: String,
        /// Which.
        attempt: u32,
    },
    /// All that wait get the file, and nobody waits any more.
    ProceedAll {
        /// Where it lies.
        url: Option<String>,
    },
    /// All that wait fail, and nobody waits any more.
    RefuseAll(Code),
    /// A person should know.
    Alarm(Alarm),
    /// A line of the log, and nothing else.
    Note(&'static str),
}

/// What is known from now on, and what is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is known.
    pub known: Known,
    /// What is to be done, in this order.
    pub effects: Vec<Effect>,
}

/// Decides.
pub fn decide(known: &Known, event: &Event, policy: &Policy, now_milliseconds: i64) -> Decision {
    let moment = Moment { known, policy, now_milliseconds };
    match event {
        Event::Booked { is_cached } => moment.booked(*is_cached),
        Event::Succeeded { provider, attempt, url } => {
            moment.succeeded(&Word { provider: provider.as_deref(), attempt: *attempt }, url.as_ref())
        }
        Event::Failed { provider, attempt } => {
            moment.failed(&Word { provider: provider.as_deref(), attempt: *attempt })
        }
        Event::DeadlinePassed => moment.deadline_passed(),
        Event::UrlUseless => moment.url_useless(),
    }
}

/// Who says something about which attempt, as far as they tell.
struct Word<'a> {
    provider: Option<&'a str>,
    attempt: Option<u32>,
}

impl Word<'_> {
    /// What came from an older system names nobody, and any word fits it. For this node only this node speaks, by name.
    fn fits(&self, provider: &str, attempt: u32) -> bool {
        let is_theirs = self.provider.map_or(provider != LOCAL, |theirs| theirs == provider);
        provider.is_empty() || (is_theirs && self.attempt.is_none_or(|theirs| theirs == attempt))
    }
}

struct Moment<'a> {
    known: &'a Known,
    policy: &'a Policy,
    now_milliseconds: i64,
}

impl Moment<'_> {
    /// Rule 3. A file that is here is what the class needs, whatever became of those who were to make it.
    fn booked(&self, is_cached: bool) -> Decision {
        if is_cached {
            return self.stay(vec![Effect::Proceed { url: self.known.state.url() }]);
        }
        match &self.known.state {
            State::Absent { .. } | State::Failed { .. } => self.begin(0),
            State::Transcoding { .. } => self.stay(vec![Effect::Wait]),
            State::Succeeded { provider, url, .. } => self.booked_on_record(provider, url.as_ref()),
            State::TimedOut { since_milliseconds, .. } => {
                let again = since_milliseconds.saturating_add(self.policy.retry_after_timeout_milliseconds);
                if self.now_milliseconds < again {
                    return self.stay(vec![Effect::Refuse(Code::TimedOut)]);
                }
                self.begin(0)
            }
        }
    }

    /// Made, but not in the cache. What was made here has no alarm: no booking could have carried its URL.
    fn booked_on_record(&self, provider: &str, url: Option<&String>) -> Decision {
        let proceed = |url: &String| Effect::Proceed { url: Some(url.clone()) };
        let alarm = Effect::Alarm(Alarm::UrlMissing);
        match url {
            Some(url) if provider == LOCAL => self.stay(vec![proceed(url)]),
            Some(url) => self.stay(vec![alarm, proceed(url)]),
            None if provider == LOCAL => self.begin(self.known.returns),
            None => self.stay(vec![alarm, Effect::Refuse(Code::UrlMissing)]),
        }
    }

    /// Rules 4, 6 and 7: a success wins over whatever else is known, if it leads anywhere. One that does not counts only for
    /// the attempt that was to tell: it must not take the place of something better.
    fn succeeded(&self, word: &Word<'_>, url: Option<&String>) -> Decision {
        let state = &self.known.state;
        let (current, attempt) = (state.provider(), state.attempt());
        let is_running = matches!(state, State::Transcoding { .. });
        let is_current = is_running && word.fits(current, attempt);
        let unnamed = if current == LOCAL { "" } else { current };
        let provider = word.provider.unwrap_or(unnamed);
        let leads_nowhere = url.is_none() && (provider != LOCAL || state.url().is_some());
        let made = State::Succeeded { provider: provider.to_owned(), attempt, url: url.cloned() };
        match state {
            State::Absent { .. } => self.unknown_result(),
            _ if leads_nowhere && !is_current => {
                self.stay(vec![Effect::Note("a success that does not tell where the rendition lies: ignored")])
            }
            State::Transcoding { .. } => self.succeeded_in_time(made, leads_nowhere, is_current),
            State::Succeeded { .. } => self.turn(made, vec![Effect::Note("another success")]),
            State::Failed { .. } | State::TimedOut { .. } => {
                self.turn(made, vec![Effect::Note("a late success: kept, and nobody is called again")])
            }
        }
    }

    fn succeeded_in_time(&self, made: State, leads_nowhere: bool, is_current: bool) -> Decision {
        let mut effects = Vec::new();
        if !is_current {
            let provider = self.known.state.provider().to_owned();
            effects.push(Effect::CancelAttempt { provider, attempt: made.attempt() });
        }
        match leads_nowhere {
            true => effects.extend([Effect::Alarm(Alarm::UrlMissing), Effect::RefuseAll(Code::UrlMissing)]),
            false => effects.push(Effect::ProceedAll { url: made.url() }),
        }
        self.turn(made, effects)
    }

    /// Rules 5 and 7.
    fn failed(&self, word: &Word<'_>) -> Decision {
        match &self.known.state {
            State::Absent { .. } => self.unknown_result(),
            State::Transcoding { provider, attempt, .. } if word.fits(provider, *attempt) => {
                self.ask_next(provider, Vec::new()).unwrap_or_else(|| {
                    let state = State::Failed { provider: provider.clone(), attempt: *attempt };
                    self.turn(state, vec![Effect::RefuseAll(Code::TranscodeFailed)])
                })
            }
            _ => self.stay(vec![Effect::Note("a failure that is not the current attempt's: ignored")]),
        }
    }

    /// Rule 6. Whoever says that the time is over may have been overtaken by a later attempt, or a later deadline.
    fn deadline_passed(&self) -> Decision {
        let State::Transcoding { provider, attempt, deadline_milliseconds } = &self.known.state else {
            return self.stay(Vec::new());
        };
        if self.now_milliseconds < *deadline_milliseconds {
            return self.stay(Vec::new());
        }
        let given_up = given_up(provider, *attempt);
        let alarm = Alarm::ProviderTimedOut { provider: provider.clone(), attempt: *attempt };
        let warned = given_up.iter().cloned().chain([Effect::Alarm(alarm)]).collect();
        self.ask_next(provider, warned).unwrap_or_else(|| {
            let since_milliseconds = self.now_milliseconds;
            let state = State::TimedOut { provider: provider.clone(), attempt: *attempt, since_milliseconds };
            let refused = given_up.into_iter().chain([Effect::RefuseAll(Code::TimedOut)]);
            self.turn(state, refused.collect())
        })
    }

    /// Rule 3, its end. Of classes that find out at once the first leads back, and the others join it.
    fn url_useless(&self) -> Decision {
        match &self.known.state {
            State::Succeeded { .. } if self.known.returns == 0 => self.begin(1),
            State::Succeeded { provider, attempt, .. } => {
                let state = State::Failed { provider: provider.clone(), attempt: *attempt };
                self.turn(state, vec![Effect::Refuse(Code::DownloadFailed)])
            }
            State::Failed { .. } => self.stay(vec![Effect::Refuse(Code::DownloadFailed)]),
            State::Absent { .. } | State::Transcoding { .. } | State::TimedOut { .. } => self.booked(false),
        }
    }

    /// Rule 7: with several nodes the result is another one's.
    fn unknown_result(&self) -> Decision {
        self.stay(vec![match self.policy.is_only_node {
            true => Effect::Alarm(Alarm::UnknownResult),
            false => Effect::Note("a result of a rendition that is not known here"),
        }])
    }

    fn begin(&self, returns: u8) -> Decision {
        let attempt = self.known.state.attempt();
        let (state, effects) = match self.policy.providers.first() {
            Some(provider) => {
                let (state, ask) = self.ask(provider);
                (state, vec![ask, Effect::Wait])
            }
            None => {
                let state = State::Failed { provider: String::new(), attempt };
                (state, vec![Effect::Refuse(Code::TranscodeFailed)])
            }
        };
        Decision { known: Known { state, returns }, effects }
    }

    /// Asks whoever comes after `provider`; one that the chain does not name, or no longer, comes before its first.
    fn ask_next(&self, provider: &str, mut effects: Vec<Effect>) -> Option<Decision> {
        let providers = &self.policy.providers;
        let next = providers.iter().rposition(|name| name == provider).map_or(0, |place| place + 1);
        let (state, ask) = self.ask(providers.get(next)?);
        effects.push(ask);
        Some(self.turn(state, effects))
    }

    fn ask(&self, provider: &str) -> (State, Effect) {
        let provider = provider.to_owned();
        let attempt = self.known.state.attempt().saturating_add(1);
        let timeout = match provider == LOCAL {
            true => self.policy.local_timeout_milliseconds,
            false => self.policy.timeout_milliseconds,
        };
        let deadline_milliseconds = self.now_milliseconds.saturating_add(timeout);
        let state = State::Transcoding { provider: provider.clone(), attempt, deadline_milliseconds };
        (state, Effect::Ask { provider, attempt, deadline_milliseconds })
    }

    fn turn(&self, state: State, effects: Vec<Effect>) -> Decision {
        Decision { known: Known { state, returns: self.known.returns }, effects }
    }

    fn stay(&self, effects: Vec<Effect>) -> Decision {
        Decision { known: self.known.clone(), effects }
    }
}

/// What becomes of an attempt whose time is over: this node's own stops, as it would take the place of others; a system
/// elsewhere may go on, as its late success is worth having.
fn given_up(provider: &str, attempt: u32) -> Option<Effect> {
    (provider == LOCAL).then(|| Effect::CancelAttempt { provider: provider.to_owned(), attempt })
}

#[cfg(test)]
mod tests;
