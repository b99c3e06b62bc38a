//! Settings that are lists: who may be dialled, when which rate holds, who transcodes.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;

use super::number::Rates;
use super::{Form, Refusal, quoted};
use crate::config::value::{Allowed, Provider, TimeOfDay, Window};
use crate::config::written::{Member, Shape, Written};

/// A longer list is a mistake, and is looked through for every address that is dialled.
const LIST_LENGTH_MAX: usize = 1000;

fn items(written: &Written) -> Result<Vec<Written>, Refusal> {
    written.items().filter(|items| items.len() <= LIST_LENGTH_MAX).ok_or_else(|| Refusal::of(written))
}

fn spell_list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// Origins that may be dialled.
pub(in crate::config) struct AllowLists;

impl Form for AllowLists {
    type Value = Vec<Allowed>;

    fn unit(&self) -> &'static str {
        "list of hosts and networks"
    }

    fn rule(&self) -> Cow<'static, str> {
        "a list of host names, IP addresses and networks (the first address, / and a length), without port".into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        let entry = |item: &Written| item.text().and_then(allowed).ok_or_else(|| Refusal::of(item));
        items(written)?.iter().map(entry).collect()
    }

    fn spell(&self, value: &Self::Value) -> String {
        spell_list(value.iter().map(|entry| quoted(&entry.to_string())))
    }
}

fn allowed(text: &str) -> Option<Allowed> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Allowed::Network(address.into()));
    }
    if text.contains('/') {
        // An address in the middle of its network means another network, or a slip.
        let network = text.parse::<IpNet>().ok().filter(|network| network.trunc() == *network);
        return network.map(Allowed::Network);
    }
    let is_label = |label: &str| {
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(inside) && !label.starts_with('-')
    };
    // What ends in a number is an address that was mistyped: no top-level domain does.
    let last_is_word = text.rsplit('.').next().is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()));
    let is_host = text.len() <= 253 && last_is_word && text.split('.').all(is_label);
    is_host.then(|| Allowed::Host(text.to_ascii_lowercase()))
}

/// Who transcodes, in the order in which they are asked.
pub(in crate::config) struct ProviderLists;

const PROVIDERS: [(&str, Provider); 3] =
    [("oss", Provider::Oss), ("ecs", Provider::Ecs), ("local", Provider::Local)];

impl Form for ProviderLists {
    type Value = Vec<Provider>;

    fn unit(&self) -> &'static str {
        "list of names"
    }

    fn rule(&self) -> Cow<'static, str> {
        "a list of \"oss\", \"ecs\" and \"local\", each at most once and at least one of them".into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        let mut providers = Vec::new();
        for item in items(written)? {
            let named = PROVIDERS.iter().find(|(name, _)| item.text() == Some(*name)).map(|(_, meant)| *meant);
            let new = named.filter(|provider| !providers.contains(provider));
            providers.push(new.ok_or_else(|| Refusal::of(&item))?);
        }
        if providers.is_empty() { Err(Refusal::of(written)) } else { Ok(providers) }
    }

    fn spell(&self, value: &Self::Value) -> String {
        let names = value.iter().filter_map(|provider| PROVIDERS.iter().find(|(_, meant)| meant == provider));
        spell_list(names.map(|(name, _)| quoted(name)))
    }
}

/// Parts of the day with a rate of their own.
pub(in crate::config) struct Windows;

impl Form for Windows {
    type Value = Vec<Window>;

    fn unit(&self) -> &'static str {
        "list of windows"
    }

    fn rule(&self) -> Cow<'static, str> {
        "a list of { from = \"22:00\", to = \"06:00\", rate = \"0\" }: two different times of day and a rate".into()
    }

    fn parse(&self, written: &Written) -> Result<Self::Value, Refusal> {
        let mut windows: Vec<Window> = Vec::new();
        for item in items(written)? {
            let found = window(&item)?;
            if windows.iter().any(|other| overlap(*other, found)) {
                return Err(Refusal::by(&item, "two windows must not be open at the same time"));
            }
            windows.push(found);
        }
        Ok(windows)
    }

    fn spell(&self, value: &Self::Value) -> String {
        spell_list(value.iter().map(|window| {
            let rate = Rates.spell(&window.rate);
            format!("{{ from = \"{}\", to = \"{}\", rate = {rate} }}", window.from, window.to)
        }))
    }
}

/// Two windows are open together exactly when one is at the other's beginning.
fn overlap(one: Window, other: Window) -> bool {
    one.holds(other.from) || other.holds(one.from)
}

fn window(item: &Written) -> Result<Window, Refusal> {
    let Shape::Table(members) = &item.shape else { return Err(Refusal::of(item)) };
    if let Some(stranger) = members.iter().find(|member| !["from", "to", "rate"].contains(&member.name.as_str())) {
        let rule = format!("a window has from, to and rate, and no {}", stranger.name.escape_debug());
        return Err(Refusal { part: stranger.value.clone(), rule: Some(rule) });
    }
    let (from, to) = (time_of_day(member(item, members, "from")?)?, time_of_day(member(item, members, "to")?)?);
    let rate = member(item, members, "rate")?;
    let limit = Rates.parse(rate).map_err(|_| Refusal::by(rate, Rates.rule()))?;
    if from == to { Err(Refusal::of(item)) } else { Ok(Window { from, to, rate: limit }) }
}

fn member<'a>(item: &Written, members: &'a [Member], name: &str) -> Result<&'a Written, Refusal> {
    let found = members.iter().find(|member| member.name == name).map(|member| &member.value);
    found.ok_or_else(|| Refusal::by(item, format!("a window needs {name}")))
}

fn time_of_day(written: &Written) -> Result<TimeOfDay, Refusal> {
    let refusal = || Refusal::by(written, "a time of day in quotes, from \"00:00\" to \"23:59\"");
    let (hours, minutes) = written.text().and_then(|text| text.split_once(':')).ok_or_else(refusal)?;
    let number = |text: &str, limit: u16| {
        let is_pair = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|number| is_pair && *number < limit).ok_or_else(refusal)
    };
    Ok(TimeOfDay(number(hours, 24)? * 60 + number(minutes, 60)?))
}
