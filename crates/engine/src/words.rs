//! Records in words, for people.

use std::fmt::{self, Display};
use std::time::Duration;

use evenkeel_recovery::breaker::Reason;
use evenkeel_shown::Unit;
use jiff::Timestamp;

use crate::event::Fight;
use crate::record::{Causes, Next, Record};
use crate::refusal::Refusal;

impl Record {
    /// The line, for people.
    #[expect(clippy::too_many_lines, reason = "one line for each kind, which read best together")]
    pub fn message(&self) -> String {
        match self {
            Self::CheckChanged { from, to, reason, .. } => {
                let reason =
                    reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("{} -> {}{reason}", from.as_str(), to.as_str())
            }
            Self::BreakerChanged { change, causes, .. } => {
                let (from, to) = (change.from.as_str(), change.to.as_str());
                let counts = match change.reason {
                    Reason::Tripped(counts) => {
                        format!(": {} of {} attempts failed", counts.failures, counts.results)
                    }
                    Reason::TooSlow(counts) => {
                        format!(": {} of {} attempts were slow", counts.slow, counts.results)
                    }
                    _ => String::new(),
                };
                let causes = causes.as_ref().map_or_else(String::new, |causes| {
                    let Causes { first, last, .. } = causes;
                    format!("; first: {first}; last: {last}")
                });
                format!("breaker {from} -> {to}{counts}{causes}")
            }
            Self::Repaired { .. }
            | Self::RepairedMore { .. }
            | Self::Fought { .. }
            | Self::FoughtMore { .. }
            | Self::RuleFailed { .. }
            | Self::Cleaned { .. }
            | Self::Purged { .. } => self.about_files(),
            Self::IncidentOpened { cause, evidence, .. } => format!("down by {cause}: {evidence}"),
            Self::Refused { action, reason, also, budget, .. } => {
                let all: Vec<_> =
                    [reason].into_iter().chain(also).map(Refusal::to_string).collect();
                let all = all.join("; ");
                format!("{action} not done: {all}; {budget}")
            }
            Self::Victim { cause, of, .. } => {
                let of = of.join("`, `");
                format!("down by {cause}, a victim of `{of}`: left alone until that is up again")
            }
            Self::StormBegan { targets, down, of, within, of_timeouts } => {
                let (named, within) = (targets.join(", "), span(*within));
                let late = if *of_timeouts { " (by timeouts, which count as unknown)" } else { "" };
                format!(
                    "{down} of {of} targets went down within {within}{late}: the host is suspected, and nobody is restarted: {named}"
                )
            }
            Self::StormEnded { lasted } => {
                format!("over after {}: targets are looked at afresh", span(*lasted))
            }
            Self::Starved { late } => {
                let late = span(*late);
                format!(
                    "the agent itself was kept from running for {late}: what failed meanwhile is unknown"
                )
            }
            Self::FlappingStarted { percent, .. } => {
                format!(
                    "goes up and down too often ({percent:.0} % of its last states changed): left alone until it is calm"
                )
            }
            Self::FlappingEnded { percent, .. } => {
                format!("calm again ({percent:.0} % of its last states changed)")
            }
            Self::RestartedByOthers { charged, .. } if charged.is_empty() => {
                "was started anew, and not by the agent".to_owned()
            }
            Self::RestartedByOthers { charged, .. } => {
                let charged = charged.join(", ");
                format!(
                    "was started anew, and not by the agent; charged to the budget of {charged}"
                )
            }
            Self::Skipped { action, step, reason, .. } => {
                format!("{action}: step {} is skipped: {reason}", step + 1)
            }
            Self::Intended { action, step, attempt, budget_left, .. } => {
                let (step, attempt) = (step + 1, attempt + 1);
                format!(
                    "{action}: step {step}, attempt {attempt}; {budget_left} left in the budget"
                )
            }
            Self::Evidence { evidence, .. } => evidence.summary(),
            Self::Acted { action, detail, .. } => format!("{action} ended: {detail}"),
            Self::Judged { action, outcome, next, .. } => {
                format!("{action}: {}; {next}", outcome.as_str())
            }
            Self::IncidentClosed { lasted, .. } => {
                format!("over after {:.1} s", lasted.as_secs_f64())
            }
            Self::Held { until: Some(until), reason, by, .. } => {
                format!("held by {by} until {}: {reason}", clock_time(*until))
            }
            Self::Held { until: None, reason, by, .. } => {
                format!("held by {by} until it is released: {reason}")
            }
            Self::Released { by, lasted, .. } => {
                format!("released by {by} after {}", span(*lasted))
            }
            Self::HoldEnded { reason, lasted, .. } => {
                format!("the hold ended by itself after {}: {reason}", span(*lasted))
            }
            Self::Reset { by, .. } => format!("reset by {by}: a fresh try after a fresh look"),
        }
    }

    fn about_files(&self) -> String {
        match self {
            Self::Repaired { path, what, before, after, by, wrong_for, .. } => {
                let wrong_for = wrong_for.map_or_else(String::new, |wrong_for| {
                    format!(", wrong for {}", span(wrong_for))
                });
                let by = by.as_ref().map_or_else(String::new, |by| format!(", by {}", by.shown));
                format!("{what} of {path}: {before} -> {after}{wrong_for}{by}")
            }
            Self::RepairedMore { what, entries, .. } => {
                format!("{entries} more entries put right: {what}")
            }
            Self::Fought { fight, .. } => {
                let Fight { path, what, ours, theirs, by, times, pause } = fight;
                let by = by.as_ref().map_or("somebody unknown", |by| &by.shown);
                let pause = pause.as_secs();
                format!(
                    "{what} of {path}: put right to {ours} {times} times, and to {theirs} again and again by {by}; left alone for {pause} s"
                )
            }
            Self::FoughtMore { entries, .. } => {
                format!("{entries} more entries are fought over, and left alone for a while")
            }
            Self::RuleFailed { entries: 0, reason, .. } => reason.clone(),
            Self::RuleFailed { entries, reason, .. } => {
                format!("{entries} left as they are: {reason}")
            }
            Self::Cleaned { action, entries, bytes, run: Some(run), .. } => {
                format!(
                    "{action}: {}, {}; `evenkeel undo {run}` brings them back",
                    counted(*entries as u64),
                    Unit::size(*bytes)
                )
            }
            Self::Cleaned { action, entries, bytes, run: None, .. } => {
                format!("{action}: {}, {} given back", counted(*entries as u64), Unit::size(*bytes))
            }
            Self::Purged { entries, bytes, .. } => {
                format!(
                    "out of the trash: {}, {} given back",
                    counted(*entries),
                    Unit::size(*bytes)
                )
            }
            // All others are about checks and targets.
            _ => String::new(),
        }
    }
}

impl Display for Next {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified => write!(formatter, "verified by the same checks"),
            Self::DownAgain => write!(formatter, "down again"),
            Self::Retry { after } => {
                write!(formatter, "next attempt in {:.1} s", after.as_secs_f64())
            }
            Self::Step { step } => write!(formatter, "next is step {}", step + 1),
            Self::FreshAttempt { after } => {
                write!(formatter, "the ladder is used up; one fresh attempt in {}", span(*after))
            }
            Self::Nothing => write!(formatter, "nothing is left to try"),
        }
    }
}

fn counted(entries: u64) -> String {
    if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") }
}

/// A time of day, for people: UTC, because a library reads no time zone of its host.
pub(crate) fn clock_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A span of time with a unit that fits it.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    if seconds < 1.0 {
        format!("{:.3} ms", seconds * 1e3)
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else if seconds < 3600.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3600.0)
    }
}
