//! A fault file as it is written.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use evenkeel_config::{parse_duration, parse_size};
use jiff::SignedDuration;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::{CrashAt, Orphan, Span};

/// All of a fault file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) usual: Option<bool>,
    pub(super) fault: BTreeMap<String, Fault>,
    pub(super) action: BTreeMap<String, Behaviour>,
    pub(super) parts: BTreeMap<String, Vec<String>>,
    pub(super) host: Host,
}

/// One fault: all keys of all kinds; which of them a kind has is checked.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Fault {
    pub(super) kind: Option<Kind>,
    pub(super) every: Option<Time>,
    pub(super) at: Option<OneOrMany<Time>>,
    pub(super) targets: Option<OneOrMany<String>>,
    pub(super) together: bool,
    pub(super) lasts: Option<Times>,
    pub(super) cured_by: Option<OneOrMany<String>>,
    pub(super) latency: Option<Times>,
    pub(super) field: Option<String>,
    pub(super) from: Option<Amount>,
    pub(super) per_hour: Option<Amount>,
    pub(super) until: Option<Amount>,
    pub(super) down: Option<Times>,
    pub(super) up: Option<Times>,
    pub(super) on: Option<OneOrMany<String>>,
    pub(super) rules: Option<OneOrMany<String>>,
    pub(super) entries: Option<u32>,
    pub(super) fights: Option<Time>,
    pub(super) bytes: Option<Amount>,
    pub(super) checks: Option<OneOrMany<String>>,
    pub(super) cleaned_by: Option<OneOrMany<String>>,
    pub(super) when: Option<CrashAt>,
    pub(super) action: Option<Orphan>,
    pub(super) by: Option<Shift>,
}

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Crash,
    Hang,
    Slow,
    Leak,
    Flap,
    Network,
    Blind,
    Depends,
    Drift,
    Due,
    Fill,
    AgentCrash,
    JournalFull,
    ClockStep,
    Suspend,
    Starve,
    Reboot,
    Hold,
    Release,
    Reset,
    Reload,
}

/// How actions behave.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Behaviour {
    pub(super) targets: Option<OneOrMany<String>>,
    pub(super) action: Option<String>,
    pub(super) takes: Option<Times>,
    pub(super) heals: Option<f64>,
    pub(super) heals_from_step: Option<u32>,
    pub(super) fails: Option<f64>,
    pub(super) impossible: Option<f64>,
    pub(super) hangs: Option<f64>,
}

/// How fast the host is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Host {
    pub(super) answer: Option<Times>,
    pub(super) write: Option<Time>,
    pub(super) restart: Option<Times>,
}

/// A list, or its only item without the brackets.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<Item> {
    One(Item),
    Many(Vec<Item>),
}

/// A duration, as settings write it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time(pub(super) Duration);

/// A duration, or two bounds of one: `1s..5s`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times(pub(super) Span);

/// By how much a clock is set: `1h`, `-1h`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift(pub(super) SignedDuration);

/// A number, or a size: `300MB`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount(pub(super) f64);

impl Kind {
    /// The keys that belong to it, besides `kind`.
    pub(super) const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Crash | Self::Hang | Self::Network | Self::Blind => {
                &["every", "at", "targets", "together", "lasts", "cured_by"]
            }
            Self::Slow => &["every", "at", "targets", "together", "lasts", "cured_by", "latency"],
            Self::Leak => &[
                "every", "at", "targets", "together", "lasts", "cured_by", "field", "from",
                "per_hour", "until",
            ],
            Self::Flap => {
                &["every", "at", "targets", "together", "lasts", "cured_by", "down", "up"]
            }
            Self::Depends => &["targets", "on"],
            Self::Drift => &["every", "at", "rules", "entries", "fights"],
            Self::Due => &["every", "at", "rules", "entries", "bytes"],
            Self::Fill => &["every", "at", "checks", "from", "per_hour", "cleaned_by"],
            Self::AgentCrash => &["every", "at", "when", "action"],
            Self::JournalFull | Self::Suspend | Self::Starve => &["every", "at", "lasts"],
            Self::ClockStep => &["every", "at", "by"],
            Self::Reboot => &["every", "at", "lasts", "by"],
            Self::Hold => &["every", "at", "targets", "lasts"],
            Self::Release | Self::Reset => &["every", "at", "targets"],
            Self::Reload => &["every", "at"],
        }
    }

    /// Those without which it means nothing.
    pub(super) const fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Slow => &["latency"],
            Self::Leak => &["per_hour", "until"],
            Self::Depends => &["targets", "on"],
            Self::Fill => &["checks", "per_hour"],
            Self::JournalFull | Self::Suspend | Self::Starve | Self::Reboot => &["lasts"],
            Self::ClockStep => &["by"],
            Self::Hold | Self::Release | Self::Reset => &["targets"],
            _ => &[],
        }
    }
}

impl<Item> OneOrMany<Item> {
    pub(super) fn into_list(self) -> Vec<Item> {
        match self {
            Self::One(item) => vec![item],
            Self::Many(items) => items,
        }
    }
}

/// A text with a form of its own; a number is read as its text, so that the problem is about its form.
struct Formed<Value>(&'static str, fn(&str) -> Result<Value, String>);

impl<Value> Visitor<'_> for Formed<Value> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        (self.1)(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        self.visit_str(&number.to_string())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Formed("a duration, such as \"5s\"", time)).map(Self)
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let what = "a duration, such as \"5s\", or two, such as \"1s..5s\"";
        deserializer.deserialize_any(Formed(what, times)).map(Self)
    }
}

impl<'de> Deserialize<'de> for Shift {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let what = "a duration forward or back, such as \"1h\" or \"-1h\"";
        deserializer.deserialize_any(Formed(what, shift)).map(Self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(Formed("a number, or a size such as \"300MB\"", amount))
            .map(Self)
    }
}

fn time(text: &str) -> Result<Duration, String> {
    if text.trim_start().starts_with('-') {
        return Err(format!(
            "`{text}` is negative: time goes forward\naccepted: a number with a unit, such as `250ms`, `5s`, `10m`, `1h`, `7d`"
        ));
    }
    parse_duration(text).map_err(|error| error.to_string())
}

fn times(text: &str) -> Result<Span, String> {
    let Some((least, most)) = text.split_once("..") else { return time(text).map(Span::of) };
    let (least, most) = (time(least)?, time(most.trim_start_matches('='))?);
    if most < least {
        return Err(format!("`{text}` ends before it begins\naccepted: such as `1s..5s`"));
    }
    Ok(Span::between(least, most))
}

fn shift(text: &str) -> Result<SignedDuration, String> {
    let (back, rest) = match text.trim().strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.trim().trim_start_matches('+')),
    };
    let by = SignedDuration::try_from(time(rest)?).map_err(|error| error.to_string())?;
    Ok(if back { -by } else { by })
}

fn amount(text: &str) -> Result<f64, String> {
    let number = match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => number,
        _ => {
            let bytes = parse_size(text).map_err(|error| error.to_string())?;
            #[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
            let bytes = bytes as f64;
            bytes
        }
    };
    if number < 0.0 {
        return Err(format!(
            "`{text}` is negative\naccepted: a number from 0 on, or a size such as `300MB`"
        ));
    }
    Ok(number)
}
