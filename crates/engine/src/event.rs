use std::sync::Arc;
use std::time::Duration;

use evenkeel_probe::{FailureClass, Measurement};
use evenkeel_recovery::actions::{Action, Occasion, StoppedProgram};
use evenkeel_recovery::machine::Ended;
use evenkeel_shown::said::Said;
use serde::Serialize;

use crate::order::Order;
use crate::record::Record;
use crate::sampled::Sampled;
use crate::slices::Slice;

/// What the shell observed.
#[derive(Debug, Clone)]
pub enum Input {
    /// An attempt that [`Effect::Probe`] asked for has ended.
    Measured {
        /// The check, by its place in the settings.
        check: usize,
        /// The run that the effect named.
        run: u64,
        /// What was seen.
        measurement: Measurement,
    },
    /// Everything was looked at, because of [`Effect::Sweep`] or because the kernel's events alone would not tell; `Err`: it
    /// could not be done, and why.
    Swept {
        /// The permission rule, by its place in the settings.
        rule: usize,
        /// What was found and done.
        result: Result<SweepOutcome, Said>,
    },
    /// A cleanup that [`Effect::Clean`] asked for has ended; `Err`: it could not be done or was refused, and why.
    Cleaned {
        /// The cleanup rule, by its place in the settings.
        rule: usize,
        /// What was done.
        result: Result<CleanOutcome, Said>,
    },
    /// What the kernel's events named was seen to, as [`Effect::Keep`] asked for.
    Kept {
        /// The permission rule, by its place in the settings.
        rule: usize,
        /// What was found and done.
        outcome: KeepOutcome,
    },
    /// How a permission rule is watched from now on.
    Watched {
        /// The permission rule, by its place in the settings.
        rule: usize,
        /// In words.
        how: Said,
    },
    /// An action that [`Effect::Act`] asked for is about to stop programs and to start them again. It waits until that is on
    /// disk: whatever cuts it off, what it stopped is not taken for stopped on purpose.
    Stopping {
        /// The intent that the effect named.
        intent: u64,
        /// The programs.
        programs: Vec<StoppedProgram>,
    },
    /// An action that [`Effect::Act`] asked for has ended.
    Acted {
        /// The intent that the effect named.
        intent: u64,
        /// Whether another try could help.
        ended: Ended,
        /// What was done, or why not.
        detail: Said,
    },
    /// Somebody saw that a check's target may have changed: a look now may find what the next one would find later.
    Hinted {
        /// The check, by its place in the settings.
        check: usize,
    },
    /// An operator orders something; [`Engine::knows_target`](crate::Engine::knows_target) was asked before.
    Order(Order),
    /// Time went by.
    Tick,
}

/// What the shell shall do, in the order given.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Measure a check once and answer with [`Input::Measured`].
    Probe {
        /// The check, by its place in the settings.
        check: usize,
        /// The run, to be named in the answer.
        run: u64,
    },
    /// Keep a permission rule from now on: see to what the kernel's events name, and tell with [`Input::Kept`].
    ///
    /// A standing order, given once: whoever waits for a decision on each event repairs late.
    Keep {
        /// The permission rule, by its place in the settings.
        rule: usize,
        /// Whether to repair what deviates.
        write: bool,
    },
    /// Sweep a permission rule that is kept, and answer with [`Input::Swept`].
    Sweep {
        /// The permission rule, by its place in the settings.
        rule: usize,
    },
    /// Run a cleanup rule and answer with [`Input::Cleaned`].
    Clean {
        /// The cleanup rule, by its place in the settings.
        rule: usize,
        /// Whether to take away what is due.
        write: bool,
    },
    /// Write the intent durably, then act, then answer with [`Input::Acted`].
    Act(Box<Act>),
    /// Write to the history.
    Record(Box<Record>),
    /// Count slices of availability.
    Slice(Slice),
    /// Count for the metrics; not worth a line of history.
    Count(Count),
    /// Keep as points of curves; what is lost of it is no harm.
    Sample(Sampled),
}

impl From<Record> for Effect {
    fn from(record: Record) -> Self {
        Self::Record(Box::new(record))
    }
}

/// An action that was decided on.
#[derive(Debug, Clone)]
pub struct Act {
    /// Names the action within this run of the engine.
    pub intent: u64,
    /// The incident it is for.
    pub incident: u64,
    /// The target it is for.
    pub target: String,
    /// The step of the ladder, from 0.
    pub step: u32,
    /// The attempt at that step, from 0.
    pub attempt: u32,
    /// What to do.
    pub action: Action,
    /// How long it may take.
    pub timeout: Duration,
    /// What it is told of the incident.
    pub occasion: Occasion,
    /// Whether what is to be seen of the target is kept first.
    pub evidence: bool,
    /// What is charged for it, one after the other: what it does to the host, each part by its name. None for what is no attempt.
    pub charges: Vec<String>,
}

/// A fact for the metrics alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Count {
    /// One attempt of a check ended.
    Attempt {
        /// The check's name.
        check: Arc<str>,
        /// How long it took.
        took: Duration,
        /// Why it failed, if it did.
        failure: Option<FailureClass>,
    },
    /// A check was due while its last run had not ended.
    Overrun {
        /// The check's name.
        check: Arc<str>,
    },
}

/// What a sweep found and did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SweepOutcome {
    /// What was put right.
    pub repaired: Vec<Repaired>,
    /// Repairs that somebody keeps undoing.
    pub fights: Vec<Fight>,
    /// What deviates still, and why.
    pub remaining: Vec<Remaining>,
    /// How long it took.
    pub took: Duration,
}

/// What was done about what events named.
#[derive(Debug, Clone, Default, Serialize)]
pub struct KeepOutcome {
    /// What was put right.
    pub repaired: Vec<Repaired>,
    /// Repairs that somebody keeps undoing.
    pub fights: Vec<Fight>,
    /// What deviates, and did not before or did otherwise.
    pub remaining: Vec<Remaining>,
    /// The entries that deviated before and do no more, escaped for printing.
    pub cleared: Vec<String>,
}

/// One repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// The entry, escaped for printing.
    pub path: String,
    /// What was wrong: mode, owner, group, created.
    pub what: String,
    /// As it was.
    pub before: String,
    /// As it is now.
    pub after: String,
    /// Who put it wrong, where the kernel named him.
    pub by: Option<Party>,
    /// How long it was wrong at least, where that is known.
    pub wrong_for: Option<Duration>,
}

/// A process that changed an entry, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Party {
    /// Its number.
    pub pid: u32,
    /// Its program, escaped for printing.
    pub exe: Option<String>,
    /// The user as whom it ran.
    pub uid: Option<u32>,
    /// The unit of systemd that it belonged to.
    pub unit: Option<String>,
    /// All of it, for people.
    pub shown: String,
}

/// A repair that somebody keeps undoing; for a while the entry is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fight {
    /// The entry, escaped for printing.
    pub path: String,
    /// What is fought over: mode, owner, group.
    pub what: String,
    /// What the rule wants.
    pub ours: String,
    /// What it is put to again and again.
    pub theirs: String,
    /// The other party, where the kernel named it.
    pub by: Option<Party>,
    /// How often it was put right.
    pub times: u32,
    /// How long it is left alone.
    pub pause: Duration,
}

/// Something that does not hold and was not put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remaining {
    /// The entry, escaped for printing.
    pub path: String,
    /// Why it was left.
    pub reason: Said,
}

/// What a cleanup did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CleanOutcome {
    /// What was done to each entry: delete, truncate, trash or compress.
    pub action: String,
    /// What an undo takes to bring them back, if they are kept.
    pub run: Option<String>,
    /// The entries taken, escaped for printing; of the first, also why.
    pub taken: Vec<Said>,
    /// Bytes that were given back; of what is in the trash, once it goes from there.
    pub bytes: u64,
    /// How many entries went from the trash for good.
    pub purged: u64,
    /// Bytes that this gave back.
    pub purged_bytes: u64,
    /// What was due and could not be taken, or was due and only observed.
    pub remaining: Vec<Remaining>,
    /// How long it took.
    pub took: Duration,
}
