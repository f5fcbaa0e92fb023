//! The lines of history ([`Record`]), and what each of them is about ([`about`]).

mod about;

use std::time::Duration;

use evenkeel_health::State;
use evenkeel_recovery::actions::evidence::Evidence;
use evenkeel_recovery::breaker;
use evenkeel_shown::said::{Code, Said};
use jiff::Timestamp;
use serde::Serialize;

use crate::event::{Fight, Party};
use crate::refusal::{Refusal, Usage};

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
        /// The same as data, where evenkeel itself says it.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason_code: Option<Box<Code>>,
    },
    /// A check's breaker changed its state.
    BreakerChanged {
        /// The check.
        check: String,
        /// From what to what, and why.
        change: breaker::Change,
        /// What failed, where it opened for failures.
        #[serde(skip_serializing_if = "Option::is_none")]
        causes: Option<Causes>,
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
    /// More entries than history lists one by one are fought over.
    FoughtMore {
        /// The permission rule.
        rule: String,
        /// How many more.
        entries: usize,
    },
    /// A rule left something as it should not be, or could not be run at all.
    RuleFailed {
        /// The rule.
        rule: String,
        /// How many entries; 0: the rule as a whole.
        entries: usize,
        /// The first of the reasons.
        reason: String,
        /// The same as data, where evenkeel itself says it.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason_code: Option<Box<Code>>,
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
        /// The first of them, each with why it was due.
        sample: Vec<String>,
        /// The same as data; what others wrote is there as they wrote it.
        sample_code: Vec<Code>,
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
        /// The same as data, where evenkeel itself says it.
        #[serde(skip_serializing_if = "Option::is_none")]
        evidence_code: Option<Box<Code>>,
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
        /// Why: what decided.
        reason: Refusal,
        /// What else stood in the way.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        also: Vec<Refusal>,
        /// How much of the target's own budget was used.
        budget: Usage,
    },
    /// A step cannot be taken here, so it was neither charged nor attempted, and the next one follows.
    Skipped {
        /// The incident.
        incident: u64,
        /// The target.
        target: String,
        /// The checks that are down.
        cause: String,
        /// The step's action.
        action: String,
        /// The step of the ladder, from 0.
        step: u32,
        /// What it lacks.
        reason: String,
        /// The same as data, where evenkeel itself says it.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason_code: Option<Box<Code>>,
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
        /// The same as data, where evenkeel itself says it.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail_code: Option<Box<Code>>,
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
        next: Next,
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
    /// A target is down because of what it depends on: it is left alone, and opens no incident of its own.
    Victim {
        /// The target.
        target: String,
        /// Its checks that are down.
        cause: String,
        /// The checks that it depends on and that are not up.
        of: Vec<String>,
    },
    /// Most targets went down together: the host is suspected, and nobody is restarted until fewer are down.
    StormBegan {
        /// The first of them, in the order in which they went down.
        targets: Vec<String>,
        /// How many are down.
        down: usize,
        /// Of how many.
        of: usize,
        /// Within which time.
        within: Duration,
        /// Whether they fail by timeouts: these count as unknown until the storm is over.
        of_timeouts: bool,
    },
    /// Fewer targets are down again.
    StormEnded {
        /// How long it lasted.
        lasted: Duration,
    },
    /// The agent itself was kept from running: what failed meanwhile counts as unknown.
    Starved {
        /// How much later it came than it had asked to be called.
        late: Duration,
    },
    /// A check, or one part of it, goes up and down too often.
    FlappingStarted {
        /// The check.
        check: String,
        /// The part; `None`: the check itself.
        part: Option<String>,
        /// The weighed share of changes among its last states.
        percent: f64,
    },
    /// It is calm again.
    FlappingEnded {
        /// The check.
        check: String,
        /// The part; `None`: the check itself.
        part: Option<String>,
        /// The weighed share of changes among its last states.
        percent: f64,
    },
    /// What a check watches was started anew, and not by the agent; a restart is a restart, so it is charged.
    RestartedByOthers {
        /// The check.
        check: String,
        /// The part; `None`: the check itself.
        part: Option<String>,
        /// The targets whose budgets it was charged to.
        charged: Vec<String>,
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

/// The failures in the window of a breaker that opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Causes {
    /// What the oldest of them was.
    pub first: String,
    /// The same as data, where evenkeel itself says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_code: Option<Box<Code>>,
    /// What the newest was, which opened it.
    pub last: String,
    /// The same as data, where evenkeel itself says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_code: Option<Box<Code>>,
}

impl Causes {
    /// Of the oldest and the newest.
    pub fn new(first: &Said, last: &Said) -> Self {
        let ((first, first_code), (last, last_code)) = (first.to_parts(), last.to_parts());
        Self { first, first_code, last, last_code }
    }
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

/// What follows an action that was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "then")]
pub enum Next {
    /// The same checks say that it is up: that is to last.
    Verified,
    /// It is to be up again first.
    DownAgain,
    /// The same step once more.
    Retry {
        /// After this time.
        after: Duration,
    },
    /// The next step of the ladder.
    Step {
        /// Which, from 0.
        step: u32,
    },
    /// The ladder is used up: one attempt now and then.
    FreshAttempt {
        /// After this time.
        after: Duration,
    },
    /// The ladder is used up.
    Nothing,
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
