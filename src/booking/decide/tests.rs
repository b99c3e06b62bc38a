//! The state machine as a table in a file, and as a model that goes through every sequence of a few events.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::*;

const NOW: i64 = 1_000_000;
const TIMEOUT: i64 = 7_200;
const LOCAL_TIMEOUT: i64 = 3_600;
const RETRY_AFTER: i64 = 1_800;
const URL: &str = "http://store/a.flv";

fn policy(providers: &[&str]) -> Policy {
    Policy {
        providers: providers.iter().map(|&name| name.to_owned()).collect(),
        timeout_milliseconds: TIMEOUT,
        local_timeout_milliseconds: LOCAL_TIMEOUT,
        retry_after_timeout_milliseconds: RETRY_AFTER,
        is_only_node: true,
    }
}

fn field() -> Policy {
    policy(&["oss", "ecs"])
}

fn known(state: State, returns: u8) -> Known {
    Known { state, returns }
}

fn transcoding(provider: &str, attempt: u32, deadline_milliseconds: i64) -> State {
    State::Transcoding { provider: provider.to_owned(), attempt, deadline_milliseconds }
}

fn made(provider: &str, attempt: u32, url: Option<&str>) -> State {
    State::Succeeded { provider: provider.to_owned(), attempt, url: url.map(str::to_owned) }
}

fn failed(provider: &str, attempt: u32) -> State {
    State::Failed { provider: provider.to_owned(), attempt }
}

fn timed_out(provider: &str, attempt: u32, since_milliseconds: i64) -> State {
    State::TimedOut { provider: provider.to_owned(), attempt, since_milliseconds }
}

fn success(provider: Option<&str>, attempt: Option<u32>, url: Option<&str>) -> Event {
    Event::Succeeded { provider: provider.map(str::to_owned), attempt, url: url.map(str::to_owned) }
}

fn failure(provider: Option<&str>, attempt: Option<u32>) -> Event {
    Event::Failed { provider: provider.map(str::to_owned), attempt }
}

fn place(url: Option<&String>) -> String {
    url.map_or("the cache".to_owned(), |url| url.trim_start_matches("http://").to_owned())
}

fn spelled(provider: &str, attempt: u32) -> String {
    format!("{}#{attempt}", if provider.is_empty() { "?" } else { provider })
}

fn state(known: &Known) -> String {
    let text = match &known.state {
        State::Absent { attempt } => format!("absent #{attempt}"),
        State::Transcoding { provider, attempt, deadline_milliseconds } => {
            format!("transcoding {} until {:+}", spelled(provider, *attempt), deadline_milliseconds - NOW)
        }
        State::Succeeded { provider, attempt, url } => {
            let url = url.as_ref().map_or(String::new(), |url| format!(" at {}", place(Some(url))));
            format!("succeeded {}{url}", spelled(provider, *attempt))
        }
        State::Failed { provider, attempt } => format!("failed {}", spelled(provider, *attempt)),
        State::TimedOut { provider, attempt, since_milliseconds } => {
            format!("timed_out {} since {:+}", spelled(provider, *attempt), since_milliseconds - NOW)
        }
    };
    if known.returns == 0 { text } else { format!("{text}, returns {}", known.returns) }
}

fn said(provider: Option<&String>, attempt: Option<u32>) -> String {
    let provider = provider.map_or("somebody", String::as_str);
    attempt.map_or_else(|| provider.to_owned(), |attempt| spelled(provider, attempt))
}

fn happened(event: &Event) -> String {
    match event {
        Event::Booked { is_cached } => if *is_cached { "booked, cached" } else { "booked" }.to_owned(),
        Event::Succeeded { provider, attempt, url } => {
            let url = url.as_ref().map_or("nowhere".to_owned(), |url| place(Some(url)));
            format!("success of {} at {url}", said(provider.as_ref(), *attempt))
        }
        Event::Failed { provider, attempt } => format!("failure of {}", said(provider.as_ref(), *attempt)),
        Event::DeadlinePassed => "deadline".to_owned(),
        Event::UrlUseless => "URL useless".to_owned(),
    }
}

fn done(effect: &Effect) -> String {
    match effect {
        Effect::Wait => "wait".to_owned(),
        Effect::Proceed { url } => format!("proceed with {}", place(url.as_ref())),
        Effect::Refuse(code) => format!("refuse {}", code.number()),
        Effect::Ask { provider, attempt, deadline_milliseconds } => {
            format!("ask {} until {:+}", spelled(provider, *attempt), deadline_milliseconds - NOW)
        }
        Effect::CancelAttempt { provider, attempt } => format!("cancel {}", spelled(provider, *attempt)),
        Effect::ProceedAll { url } => format!("proceed all with {}", place(url.as_ref())),
        Effect::RefuseAll(code) => format!("refuse all {}", code.number()),
        Effect::Alarm(alarm) => {
            let code = alarm.code().map_or(String::new(), |code| format!(" {}", code.number()));
            format!("alarm {}{code}", alarm.name())
        }
        Effect::Note(text) => format!("note: {text}"),
    }
}

fn row(rule: &str, known: &Known, event: &Event, policy: &Policy) -> String {
    let decision = decide(known, event, policy, NOW);
    let after = if decision.known == *known { "=".to_owned() } else { state(&decision.known) };
    let effects: Vec<String> = decision.effects.iter().map(done).collect();
    format!("{rule} | {} | {} | {after} | {}", state(known), happened(event), effects.join("; "))
}

/// Every state that a chain of two can be in, and those that an older system or another chain left.
fn states() -> Vec<Known> {
    vec![
        Known::NOTHING,
        known(transcoding("oss", 1, NOW + 5), 0),
        known(transcoding("oss", 1, NOW), 0),
        known(transcoding("ecs", 2, NOW), 0),
        known(transcoding("ecs", 4, NOW + 5), 1),
        known(transcoding("gone", 3, NOW), 0),
        known(transcoding("", 0, NOW), 0),
        known(transcoding("local", 3, NOW), 0),
        known(made("oss", 1, Some(URL)), 0),
        known(made("oss", 2, Some(URL)), 1),
        known(made("ecs", 2, None), 0),
        known(made("local", 3, None), 0),
        known(made("local", 3, Some(URL)), 0),
        known(made("", 0, None), 0),
        known(made("", 0, Some(URL)), 0),
        known(failed("ecs", 2), 0),
        known(failed("ecs", 4), 1),
        known(timed_out("ecs", 2, NOW - RETRY_AFTER + 1), 0),
        known(timed_out("ecs", 4, NOW - RETRY_AFTER), 1),
    ]
}

fn events() -> Vec<(&'static str, Event)> {
    let other = Some("http://store/b.flv");
    vec![
        ("3", Event::Booked { is_cached: false }),
        ("3", Event::Booked { is_cached: true }),
        ("4", success(None, None, other)),
        ("4", success(Some("oss"), Some(1), other)),
        ("4", success(Some("ecs"), None, other)),
        ("4", success(Some("oss"), None, None)),
        ("4", success(Some("local"), Some(3), None)),
        ("5", failure(None, None)),
        ("5", failure(Some("oss"), Some(1))),
        ("5", failure(Some("ecs"), None)),
        ("5", failure(Some("local"), Some(3))),
        ("5", failure(None, Some(9))),
        ("6", Event::DeadlinePassed),
        ("3", Event::UrlUseless),
    ]
}

#[test]
fn every_state_meets_every_event_as_the_table_says() {
    let mut table = "rule | known | event | known then | effects\n".to_owned();
    for known in states() {
        for (rule, event) in events() {
            let is_unknown = known == Known::NOTHING && matches!(rule, "4" | "5");
            let is_late = rule == "4" && matches!(known.state, State::TimedOut { .. });
            let rule = if is_unknown {
                "7"
            } else if is_late {
                "6"
            } else {
                rule
            };
            writeln!(table, "{}", row(rule, &known, &event, &field())).unwrap();
        }
    }
    insta::assert_snapshot!("table", table);
}

#[track_caller]
fn check(policy: &Policy, before: State, event: &Event, expected: &str) {
    let line = row("", &known(before, 0), event, policy);
    assert_eq!(line.splitn(4, " | ").last(), Some(expected));
}

#[test]
fn rule_5_a_chain_that_changed_goes_on_from_its_first() {
    let ask = "transcoding oss#4 until +7200 | ask oss#4 until +7200";
    check(&field(), transcoding("gone", 3, NOW), &failure(None, None), ask);
    let failed = "failed oss#4 | refuse all 208";
    check(&policy(&["oss"]), transcoding("oss", 4, NOW), &failure(None, None), failed);
    check(&policy(&[]), transcoding("oss", 4, NOW), &failure(None, None), failed);
    check(
        &policy(&[]),
        State::Absent { attempt: 0 },
        &Event::Booked { is_cached: false },
        "failed ?#0 | refuse 208",
    );
}

#[test]
fn rule_5_a_name_that_stands_twice_in_the_chain_does_not_lead_round_in_a_circle() {
    let policy = policy(&["oss", "oss"]);
    check(&policy, transcoding("oss", 2, NOW), &failure(None, None), "failed oss#2 | refuse all 208");
}

#[test]
fn rule_6_this_node_s_own_attempt_has_its_own_time_and_stops_when_that_is_over() {
    let policy = policy(&["local", "ecs"]);
    let booked = Event::Booked { is_cached: false };
    let ask = "transcoding local#1 until +3600 | ask local#1 until +3600; wait";
    check(&policy, State::Absent { attempt: 0 }, &booked, ask);
    let next =
        "transcoding ecs#2 until +7200 | cancel local#1; alarm provider_timed_out 207; ask ecs#2 until +7200";
    check(&policy, transcoding("local", 1, NOW), &Event::DeadlinePassed, next);
}

#[test]
fn rule_7_a_result_for_an_unknown_key_is_another_node_s_where_there_are_several() {
    let policy = Policy { is_only_node: false, ..field() };
    let note = "= | note: a result of a rendition that is not known here";
    check(&policy, State::Absent { attempt: 0 }, &success(None, None, Some(URL)), note);
    check(&policy, State::Absent { attempt: 0 }, &failure(None, None), note);
}

/// What happens in the model: an event, after some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Booked,
    BookedCached,
    Success,
    SuccessOfAnother,
    SuccessWithoutUrl,
    SuccessOfAnotherWithoutUrl,
    Failure,
    StaleFailure,
    Deadline,
    UrlUseless,
}

impl Step {
    const ALL: [Self; 10] = [
        Self::Booked,
        Self::BookedCached,
        Self::Success,
        Self::SuccessOfAnother,
        Self::SuccessWithoutUrl,
        Self::SuccessOfAnotherWithoutUrl,
        Self::Failure,
        Self::StaleFailure,
        Self::Deadline,
        Self::UrlUseless,
    ];

    fn event(self, known: &Known) -> Event {
        let stale = known.state.attempt().checked_sub(1);
        let (current, attempt) = (Some(known.state.provider()), Some(known.state.attempt()));
        match self {
            Self::Booked => Event::Booked { is_cached: false },
            Self::BookedCached => Event::Booked { is_cached: true },
            Self::Success => success(current, attempt, Some(URL)),
            Self::SuccessOfAnother => success(Some("elsewhere"), stale, Some(URL)),
            Self::SuccessWithoutUrl => success(current, attempt, None),
            Self::SuccessOfAnotherWithoutUrl => success(Some("elsewhere"), stale, None),
            Self::Failure => failure(current, attempt),
            Self::StaleFailure => failure(Some("elsewhere"), stale),
            Self::Deadline => Event::DeadlinePassed,
            Self::UrlUseless => Event::UrlUseless,
        }
    }
}

/// What a worker would know: who waits, who was told, whose attempt runs.
#[derive(Clone, Debug)]
struct Model {
    known: Known,
    now_milliseconds: i64,
    classes: u32,
    waiting: BTreeSet<u32>,
    told: BTreeSet<u32>,
    live: Option<(String, u32)>,
    attempts: u32,
}

impl Model {
    fn new() -> Self {
        Self {
            known: Known::NOTHING,
            now_milliseconds: NOW,
            classes: 0,
            waiting: BTreeSet::new(),
            told: BTreeSet::new(),
            live: None,
            attempts: 0,
        }
    }

    /// Every step takes a while; at a deadline that long that it has passed.
    fn step(&mut self, step: Step, policy: &Policy) {
        self.now_milliseconds += if step == Step::Deadline { TIMEOUT } else { RETRY_AFTER / 3 };
        self.classes += 1;
        let decision = decide(&self.known, &step.event(&self.known), policy, self.now_milliseconds);
        let ends_attempt = matches!(step, Step::Failure | Step::Deadline | Step::Success | Step::SuccessWithoutUrl);
        if ends_attempt && decision.known != self.known {
            self.live = None;
        }
        self.known = decision.known;
        for effect in &decision.effects {
            self.apply(effect);
        }
        self.check(step);
    }

    fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Wait => assert!(self.waiting.insert(self.classes)),
            Effect::Proceed { .. } | Effect::Refuse(_) => assert!(self.told.insert(self.classes)),
            Effect::ProceedAll { .. } | Effect::RefuseAll(_) => {
                for class in std::mem::take(&mut self.waiting) {
                    assert!(self.told.insert(class), "class {class} is told twice");
                }
            }
            Effect::Ask { provider, attempt, .. } => {
                assert_eq!(self.live, None, "one attempt at a time");
                assert!(*attempt > self.attempts, "attempt {attempt} comes again");
                (self.live, self.attempts) = (Some((provider.clone(), *attempt)), *attempt);
            }
            // An attempt of this node that is over by its deadline has left the model already.
            Effect::CancelAttempt { provider, attempt } => {
                assert!(self.live.take().is_none_or(|live| live == (provider.clone(), *attempt)));
            }
            Effect::Alarm(_) | Effect::Note(_) => {}
        }
    }

    fn check(&self, step: Step) {
        let running = match &self.known.state {
            State::Transcoding { provider, attempt, .. } => Some((provider.clone(), *attempt)),
            _ => None,
        };
        assert_eq!(running, self.live, "what is known is what runs, after {step:?}");
        assert!(self.waiting.is_empty() || running.is_some(), "they wait for nobody, after {step:?}");
        let is_asking = matches!(step, Step::Booked | Step::BookedCached | Step::UrlUseless);
        let is_answered = self.told.contains(&self.classes) || self.waiting.contains(&self.classes);
        assert_eq!(is_asking, is_answered, "a class that asks is answered, and nobody else, after {step:?}");
    }
}

fn go_through(model: &Model, policy: &Policy, steps: usize) -> usize {
    let mut ends = model.clone();
    for _ in &policy.providers {
        ends.step(Step::Deadline, policy);
    }
    assert!(ends.waiting.is_empty(), "silence of all providers ends all waiting");
    if steps == 0 {
        return 1;
    }
    let next = Step::ALL.map(|step| {
        let mut model = model.clone();
        model.step(step, policy);
        go_through(&model, policy, steps - 1)
    });
    next.iter().sum()
}

#[test]
fn no_class_waits_for_ever_and_none_is_told_twice_whatever_happens_in_whatever_order() {
    for (policy, steps) in [(field(), 5), (policy(&["local"]), 6), (policy(&["local", "oss", "ecs"]), 5)] {
        assert_eq!(go_through(&Model::new(), &policy, steps), 10_usize.pow(u32::try_from(steps).unwrap()));
    }
}
