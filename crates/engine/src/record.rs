use std::fmt::{self, Display};
use std::time::Duration;

use evenkeel_health::State;
use evenkeel_moment::Moment;
use evenkeel_recovery::actions::evidence::Evidence;
use evenkeel_recovery::breaker;
use jiff::Timestamp;
use serde::Serialize;

use crate::event::{Fight, Party};
use crate::order::WHOLE_HOST;

/// A line of history: what was seen, decided, refused or done, and why.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// A check, or one part of it, changed its state.
    CheckChanged {
        /// The check.
        check: String,
        /// The part, such as one program of a supervisor; `None`: the check itself.
        part: Option<String>,
        /// The state it had.
        from: State,
        /// The state it has.
        to: State,
        /// What the last result said.
        reason: Option<String>,
    },
    /// A check's breaker changed its state.
    BreakerChanged {
        /// The check.
        check: String,
        /// From what to what, and why.
        change: breaker::Change,
    },
    /// An entry deviated and was put right.
    Repaired {
        /// The permission rule.
        rule: String,
        /// The entry.
        path: String,
        /// What was wrong: mode, owner, group, created.
        what: String,
        /// As it was.
        before: String,
        /// As it is now.
        after: String,
        /// Who put it wrong, where the kernel named him.
        by: Option<Party>,
        /// How long it was wrong at least, where that is known.
        wrong_for: Option<Duration>,
    },
    /// More entries than history lists one by one were put right.
    RepairedMore {
        /// The permission rule.
        rule: String,
        /// What was wrong: mode, owner, group, created.
        what: String,
        /// How many more.
        entries: usize,
    },
    /// Somebody keeps undoing a repair; for a while the entry is left alone.
    Fought {
        /// The permission rule.
        rule: String,
        /// Who fights over what.
        #[serde(flatten)]
        fight: Fight,
    },
    /// A rule left something as it should not be, or could not be run at all.
    RuleFailed {
        /// The rule.
        rule: String,
        /// How many entries; 0: the rule as a whole.
        entries: usize,
        /// The first of the reasons.
        reason: String,
    },
    /// A cleanup took something away.
    Cleaned {
        /// The cleanup rule.
        rule: String,
        /// delete, truncate, trash or compress.
        action: String,
        /// How many entries.
        entries: usize,
        /// Bytes given back; of what is in the trash, once it goes from there.
        bytes: u64,
        /// The first of them.
        sample: Vec<String>,
        /// What an undo takes to bring them back, if they are kept.
        #[serde(skip_serializing_if = "Option::is_none")]
        run: Option<String>,
    },
    /// What a cleanup kept in the trash went for good, because its term was over.
    Purged {
        /// The cleanup rule.
        rule: String,
        /// How many entries.
        entries: u64,
        /// Bytes given back.
        bytes: u64,
    },
    /// A target is down for sure.
    IncidentOpened {
        /// The incident.
        incident: u64,
        /// The target.
        target: String,
        /// The checks that are down.
        cause: String,
        /// What their last results said.
        evidence: String,
    },
    /// An action was considered and not taken.
    Refused {
        /// The incident.
        incident: u64,
        /// The target.
        target: String,
        /// The checks that are down.
        cause: String,
        /// The action that was not taken.
        action: String,
        /// Why.
        reason: Refusal,
    },
    /// An action was decided on; it starts after this line is on disk.
    Intended {
        /// The incident.
        incident: u64,
        /// The target.
        target: String,
        /// The action.
        action: String,
        /// The step of the ladder, from 0.
        step: u32,
        /// The attempt at that step, from 0.
        attempt: u32,
        /// Actions left in the target's budget after this one.
        budget_left: u32,
    },
    /// What was to be seen of the target before its action changed it.
    Evidence {
        /// The incident.
        incident: u64,
        /// The target.
        target: String,
        /// What was seen, and what could not be.
        #[serde(flatten)]
        evidence: Box<Evidence>,
    },
    /// An action ended; whether it helped is yet to be seen.
    Acted {
        /// The incident.
        incident: u64,
        /// The target.
        target: String,
        /// The action.
        action: String,
        /// What was done, or why not.
        detail: String,
    },
    /// What became of an action.
    Judged {
        /// The incident.
        incident: u64,
        /// The target.
        target: String,
        /// The checks that were down.
        cause: String,
        /// The action's stable name.
        action: String,
        /// What became of it.
        outcome: Outcome,
        /// What follows.
        next: String,
    },
    /// The target was up long enough, or came back by itself: the incident is over.
    IncidentClosed {
        /// The incident.
        incident: u64,
        /// The target.
        target: String,
        /// How long it lasted.
        lasted: Duration,
    },
    /// An operator ordered that nothing is done about a target.
    Held {
        /// The target, as he named it; `*` is the whole host.
        target: String,
        /// When the hold ends by itself; `None`: not before it is released.
        until: Option<Timestamp>,
        /// Why.
        reason: String,
        /// Who ordered it.
        by: String,
    },
    /// An operator ended a hold.
    Released {
        /// The target, as the hold named it.
        target: String,
        /// Who ended it.
        by: String,
        /// How long it had lasted.
        lasted: Duration,
    },
    /// A hold came to its end by itself.
    HoldEnded {
        /// The target, as the hold named it.
        target: String,
        /// Why it had been ordered.
        reason: String,
        /// How long it had lasted.
        lasted: Duration,
    },
    /// An operator gave a target a fresh try.
    Reset {
        /// The target, as he named it.
        target: String,
        /// Who ordered it.
        by: String,
    },
}

/// What became of an action, as the metrics count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The same checks say that it helped.
    Recovered,
    /// It had helped, and the target is down again.
    Relapsed,
    /// It did not help in time, or could not be done.
    Failed,
}

impl Outcome {
    /// The outcome's name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::Relapsed => "relapsed",
            Self::Failed => "failed",
        }
    }
}

/// Why an action was not taken (R4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "refusal")]
pub enum Refusal {
    /// The agent has started just now and looks before it acts.
    Grace {
        /// When the grace ends.
        until: Moment,
    },
    /// The agent may only observe.
    ObserveOnly {
        /// Why it may only observe.
        why: String,
    },
    /// An operator ordered that nothing is done.
    Held {
        /// What he named: the target, its recovery, a check, or `*`.
        target: String,
        /// Why.
        reason: String,
        /// Who ordered it.
        by: String,
        /// When it ends by itself; `None`: not before it is released.
        until: Option<Timestamp>,
    },
    /// No step of the ladder fits this target.
    NoStep,
    /// One action at a time: another target's runs.
    Busy {
        /// The other target.
        with: String,
    },
    /// A check that the target listens to has not been looked at since the incident began: it may show a smaller cause.
    Looking {
        /// The check.
        check: String,
    },
    /// A part of the target is being recovered; the whole waits for it.
    PartsFirst {
        /// The part's target.
        part: String,
    },
    /// Only a trend asks for it, and a quiet window comes before the limit is reached.
    Quiet {
        /// The windows.
        windows: String,
        /// When the next one opens.
        opens: Timestamp,
        /// When the limit is likely reached.
        reaches: Timestamp,
    },
    /// The program that the step would restart was stopped on purpose, or is still starting.
    ProgramNotReady {
        /// The program.
        program: String,
        /// Why it is left alone.
        why: String,
    },
    /// The budget is used up.
    Budget {
        /// Which budget: target or host.
        scope: String,
        /// How long until it has room.
        retry_after: Duration,
    },
}

impl Refusal {
    /// Whether it ends by itself within moments, so that it is worth no line of history.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Looking { .. })
    }

    /// Whether it holds for as long as nobody changes anything, or for hours.
    pub const fn is_lasting(&self) -> bool {
        matches!(self, Self::ObserveOnly { .. } | Self::NoStep | Self::Quiet { .. })
    }
}

impl Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grace { .. } => {
                write!(formatter, "the agent has just started and looks before it acts")
            }
            Self::ObserveOnly { why } => write!(formatter, "observe only: {why}"),
            Self::Held { target, reason, by, until } => {
                write!(formatter, "held by {by}")?;
                if target == WHOLE_HOST {
                    write!(formatter, " with the whole host")?;
                }
                match until {
                    Some(until) => write!(formatter, " until {}", clock_time(*until))?,
                    None => write!(formatter, " until it is released")?,
                }
                write!(formatter, ": {reason}")
            }
            Self::NoStep => write!(formatter, "no step of the recovery fits this target"),
            Self::Busy { with } => {
                write!(formatter, "one action at a time; `{with}` has one running")
            }
            Self::Looking { check } => write!(formatter, "`{check}` is looked at first"),
            Self::PartsFirst { part } => write!(formatter, "`{part}` is being recovered first"),
            Self::Quiet { windows, opens, reaches } => write!(
                formatter,
                "waits for the quiet window {windows}, which opens at {}; the limit is likely reached at {}",
                clock_time(*opens),
                clock_time(*reaches)
            ),
            Self::ProgramNotReady { program, why } => {
                write!(formatter, "`{program}` is left alone: {why}")
            }
            Self::Budget { scope, retry_after } => {
                let seconds = retry_after.as_secs();
                write!(formatter, "the budget per {scope} is used up; room again in {seconds} s")
            }
        }
    }
}

impl Record {
    /// All kinds that [`Record::kind`] gives, in the order in which things happen.
    pub const KINDS: [&str; 18] = [
        "check_changed",
        "breaker_changed",
        "repaired",
        "fought",
        "rule_failed",
        "cleaned",
        "purged",
        "incident_opened",
        "refused",
        "intended",
        "evidence",
        "acted",
        "judged",
        "incident_closed",
        "held",
        "released",
        "hold_ended",
        "reset",
    ];

    /// The kind, as history and its filters name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CheckChanged { .. } => "check_changed",
            Self::BreakerChanged { .. } => "breaker_changed",
            Self::Repaired { .. } | Self::RepairedMore { .. } => "repaired",
            Self::Fought { .. } => "fought",
            Self::RuleFailed { .. } => "rule_failed",
            Self::Cleaned { .. } => "cleaned",
            Self::Purged { .. } => "purged",
            Self::IncidentOpened { .. } => "incident_opened",
            Self::Refused { .. } => "refused",
            Self::Intended { .. } => "intended",
            Self::Evidence { .. } => "evidence",
            Self::Acted { .. } => "acted",
            Self::Judged { .. } => "judged",
            Self::IncidentClosed { .. } => "incident_closed",
            Self::Held { .. } => "held",
            Self::Released { .. } => "released",
            Self::HoldEnded { .. } => "hold_ended",
            Self::Reset { .. } => "reset",
        }
    }

    /// The check, rule or recovery target that the line is about.
    pub fn target(&self) -> String {
        match self {
            Self::CheckChanged { check, part: Some(part), .. } => format!("{check}/{part}"),
            Self::CheckChanged { check, part: None, .. } | Self::BreakerChanged { check, .. } => {
                check.clone()
            }
            Self::Repaired { rule, .. }
            | Self::RepairedMore { rule, .. }
            | Self::Fought { rule, .. }
            | Self::RuleFailed { rule, .. }
            | Self::Cleaned { rule, .. }
            | Self::Purged { rule, .. } => rule.clone(),
            Self::IncidentOpened { target, .. }
            | Self::Refused { target, .. }
            | Self::Intended { target, .. }
            | Self::Evidence { target, .. }
            | Self::Acted { target, .. }
            | Self::Judged { target, .. }
            | Self::IncidentClosed { target, .. }
            | Self::Held { target, .. }
            | Self::Released { target, .. }
            | Self::HoldEnded { target, .. }
            | Self::Reset { target, .. } => target.clone(),
        }
    }

    /// The incident that the line belongs to, if any.
    pub const fn incident(&self) -> Option<u64> {
        match self {
            Self::IncidentOpened { incident, .. }
            | Self::Refused { incident, .. }
            | Self::Intended { incident, .. }
            | Self::Evidence { incident, .. }
            | Self::Acted { incident, .. }
            | Self::Judged { incident, .. }
            | Self::IncidentClosed { incident, .. } => Some(*incident),
            _ => None,
        }
    }

    /// The line, for people.
    pub fn message(&self) -> String {
        match self {
            Self::CheckChanged { from, to, reason, .. } => {
                let reason =
                    reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("{} -> {}{reason}", from.as_str(), to.as_str())
            }
            Self::BreakerChanged { change, .. } => {
                format!("breaker {} -> {}", change.from.as_str(), change.to.as_str())
            }
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
            Self::RuleFailed { entries: 0, reason, .. } => reason.clone(),
            Self::RuleFailed { entries, reason, .. } => {
                format!("{entries} left as they are: {reason}")
            }
            Self::Cleaned { action, entries, bytes, run: Some(run), .. } => {
                format!(
                    "{action}: {entries} entries, {bytes} bytes; `evenkeel undo {run}` brings them back"
                )
            }
            Self::Cleaned { action, entries, bytes, run: None, .. } => {
                format!("{action}: {entries} entries, {bytes} bytes given back")
            }
            Self::Purged { entries, bytes, .. } => {
                format!("out of the trash: {entries} entries, {bytes} bytes given back")
            }
            Self::IncidentOpened { cause, evidence, .. } => format!("down by {cause}: {evidence}"),
            Self::Refused { action, reason, .. } => format!("{action} not done: {reason}"),
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
}

/// A time of day, for people: UTC, because a library reads no time zone of its host.
fn clock_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A span of time with a unit that fits it.
fn span(span: Duration) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every word that [`Record::kind`] can give stands in its text, one arm after the other.
    #[test]
    fn all_kinds_are_listed() {
        let source = include_str!("record.rs");
        let (_, kind) = source.split_once("pub const fn kind(&self)").expect("the function");
        let (arms, _) = kind.split_once("\n    }\n").expect("its end");
        let quoted = arms.split('"').skip(1).step_by(2);
        assert!(quoted.eq(Record::KINDS), "{arms}");
    }
}
