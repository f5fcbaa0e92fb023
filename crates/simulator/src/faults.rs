//! What goes wrong, how often and for how long: plain data, from a file ([`Faults::parse`]), built in, or made by a program.

mod defaults;
mod raw;
mod read;

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_config::Settings;
use jiff::SignedDuration;

pub use self::read::FaultFileError;

/// What goes wrong on a host, and how the host behaves otherwise.
///
/// Plain data: whoever makes one in a program names targets as the settings do; what names nothing strikes nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Faults {
    /// The faults, by their names.
    pub faults: BTreeMap<String, Fault>,
    /// How actions behave; the first that is meant counts. What none is meant by heals, within seconds.
    pub actions: Vec<ActionModel>,
    /// The parts of checks that have any, such as the programs of a supervisor; by the check's name. A check that is not here has
    /// the parts that its settings name, or a few.
    pub parts: BTreeMap<String, Vec<String>>,
    /// How fast a host that is well is.
    pub pace: Pace,
}

/// One fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// When it strikes.
    pub when: When,
    /// What it does.
    pub what: What,
}

/// When a fault strikes: at each of these times since the begin, and besides once in a while.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct When {
    /// The mean time from one to the next, of each target by itself; the times are exponential. `None`: only at fixed times.
    pub every: Option<Duration>,
    /// Since the begin of the run.
    pub at: Vec<Duration>,
}

/// A time between two bounds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The shortest.
    pub least: Duration,
    /// The longest.
    pub most: Duration,
}

/// Whom a fault of targets strikes, and how it ends.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Strike {
    /// A recovery's name (all that its checks look at, at once), `recovery/part` or `check/part`, a check's name (what that check
    /// alone looks at), or `*`: each recovery, each part, and each check that no recovery listens to.
    pub targets: Vec<String>,
    /// Whether these are names of checks and parts alone, also where a recovery has the same name.
    pub checks_alone: bool,
    /// Whether it strikes all of them at the same time, or each by itself.
    pub together: bool,
    /// When it ends by itself; `None`: never.
    pub lasts: Option<Span>,
    /// The actions that end it, by their names in settings; `None`: each that restarts what it acts on.
    pub cured_by: Option<Vec<String>>,
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// A target ends: it refuses connections, exits, is not there.
    Crash(Strike),
    /// A target lives and answers nobody. Whoever only looks whether it lives sees nothing.
    Hang(Strike),
    /// A target answers late; later than a check's timeout is a failure.
    Slow(Strike, Span),
    /// A number that checks see of a target grows, until it is started anew or dies of it.
    Leak(Strike, Leak),
    /// A target goes down and up by itself.
    Flap(Strike, Flap),
    /// What is looked at over the network is not reached. The targets themselves are well.
    Network(Strike),
    /// A target cannot be looked at, whatever it does: its checks can tell nothing.
    Blind(Strike),
    /// These targets are down while one of the others is: dependencies that the settings may not know. Those they know hold in
    /// any case.
    Depends {
        /// Who depends.
        targets: Vec<String>,
        /// On whom.
        on: Vec<String>,
    },
    /// Entries of permission rules are changed by somebody.
    Drift(Drift),
    /// Files become due for cleanup rules.
    Due(Due),
    /// A disk that a check looks at fills, until one of its cleanup rules takes something away.
    Fill(Fill),
    /// The agent is killed, and comes back.
    AgentCrash(AgentCrash),
    /// Nothing can be written to the disk of the history for some time.
    JournalFull(Span),
    /// The clock is set.
    ClockStep(SignedDuration),
    /// The whole host sleeps.
    Suspend(Span),
    /// The agent is kept from running.
    Starve(Span),
    /// The whole host boots anew, as after a power cut.
    Reboot(Reboot),
    /// An operator holds targets for some time, or until they are released.
    Hold {
        /// The targets, as an order names them: recoveries, their parts, checks, `*`.
        targets: Vec<String>,
        /// For how long.
        lasts: Option<Span>,
    },
    /// An operator releases them.
    Release(Vec<String>),
    /// An operator gives them a fresh try.
    Reset(Vec<String>),
    /// Settings are read again: these, or those that are in force. Others than for the same checks and rules are not taken.
    Reload(Option<Box<Settings>>),
}

/// How a number grows.
#[derive(Debug, Clone, PartialEq)]
pub struct Leak {
    /// The fact, such as `rss_bytes`.
    pub field: String,
    /// What it is right after a start.
    pub from: f64,
    /// How much is added to it in an hour.
    pub per_hour: f64,
    /// At which number the target dies of it.
    pub until: f64,
}

/// How a target goes down and up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flap {
    /// How long it is down each time.
    pub down: Span,
    /// How long it is up in between.
    pub up: Span,
}

/// How entries of a permission rule come to deviate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The rules; `*`: each.
    pub rules: Vec<String>,
    /// How many entries each time.
    pub entries: u32,
    /// For how long somebody undoes each repair, a second after it; `None`: nobody does.
    pub fights: Option<Duration>,
}

/// How files become due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The cleanup rules; `*`: each.
    pub rules: Vec<String>,
    /// How many files each time.
    pub entries: u32,
    /// How large each of them is.
    pub bytes: u64,
}

/// How a disk fills.
#[derive(Debug, Clone, PartialEq)]
pub struct Fill {
    /// The checks that look at it.
    pub checks: Vec<String>,
    /// The share that is used at the begin and after each cleanup, in percent.
    pub from: f64,
    /// How much is added in an hour, in percent of all.
    pub per_hour: f64,
    /// The cleanup rules that bring it back; empty: none does.
    pub cleaned_by: Vec<String>,
}

/// When an agent is killed, and what becomes of what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentCrash {
    /// When.
    pub when: CrashAt,
    /// What becomes of an action that runs.
    pub action: Orphan,
}

/// How a host boots anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reboot {
    /// How long it takes from the end of everything that runs to the start of what starts with the host.
    pub lasts: Span,
    /// By how much the clock is set while nobody looks at it, as one without a battery is.
    pub clock: SignedDuration,
}

/// At which point an agent is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CrashAt {
    /// At once, whatever it does.
    #[default]
    Once,
    /// When the next intent is decided on and not on disk yet.
    BeforeIntent,
    /// When the next intent is on disk and its action has not begun.
    BeforeAction,
    /// In the middle of the next action.
    InAction,
}

/// What becomes of an action whose agent is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Orphan {
    /// The one or the other, each as likely.
    #[default]
    Either,
    /// It comes to its end, as a command that runs on.
    GoesOn,
    /// It ends where it is, as a restart of which only the stop was ordered.
    IsCut,
}

/// How actions on some targets behave.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionModel {
    /// Targets of recoveries, as [`Strike::targets`]; empty: all.
    pub targets: Vec<String>,
    /// The action's name in settings; `None`: each.
    pub action: Option<String>,
    /// How long it takes.
    pub takes: Span,
    /// How likely it heals, if it runs to its end. 0 is a lie: it ends well and has healed nothing.
    pub heals: f64,
    /// It heals from this step of the ladder on, counted from 1 as people do.
    pub heals_from_step: u32,
    /// How likely it fails, and might work another time.
    pub fails: f64,
    /// How likely it cannot be done at all.
    pub impossible: f64,
    /// How likely it hangs until its time is over.
    pub hangs: f64,
}

/// How fast a host is on which nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long a good attempt of a check takes.
    pub answer: Span,
    /// How long it takes until something is on disk.
    pub write: Duration,
    /// How long an agent that ended takes to come back.
    pub restart: Span,
}

impl Faults {
    /// A host on which nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }
}

impl When {
    /// Once in `mean`, by chance.
    pub const fn every(mean: Duration) -> Self {
        Self { every: Some(mean), at: Vec::new() }
    }

    /// At fixed times since the begin.
    pub fn at(times: impl IntoIterator<Item = Duration>) -> Self {
        Self { every: None, at: times.into_iter().collect() }
    }
}

impl Span {
    /// Always the same time.
    pub const fn of(time: Duration) -> Self {
        Self { least: time, most: time }
    }

    /// From one time to another.
    pub const fn between(least: Duration, most: Duration) -> Self {
        Self { least, most }
    }
}

impl What {
    /// The word that fault files use.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Crash(_) => "crash",
            Self::Hang(_) => "hang",
            Self::Slow(..) => "slow",
            Self::Leak(..) => "leak",
            Self::Flap(..) => "flap",
            Self::Network(_) => "network",
            Self::Blind(_) => "blind",
            Self::Depends { .. } => "depends",
            Self::Drift(_) => "drift",
            Self::Due(_) => "due",
            Self::Fill(_) => "fill",
            Self::AgentCrash(_) => "agent-crash",
            Self::JournalFull(_) => "journal-full",
            Self::ClockStep(_) => "clock-step",
            Self::Suspend(_) => "suspend",
            Self::Starve(_) => "starve",
            Self::Reboot(_) => "reboot",
            Self::Hold { .. } => "hold",
            Self::Release(_) => "release",
            Self::Reset(_) => "reset",
            Self::Reload(_) => "reload",
        }
    }

    /// Whom it strikes, if it is a fault of targets.
    pub const fn strike(&self) -> Option<&Strike> {
        match self {
            Self::Crash(strike)
            | Self::Hang(strike)
            | Self::Slow(strike, _)
            | Self::Leak(strike, _)
            | Self::Flap(strike, _)
            | Self::Network(strike)
            | Self::Blind(strike) => Some(strike),
            _ => None,
        }
    }
}

impl Strike {
    /// On these targets, each by itself, until an action ends it.
    pub fn on<Name: Into<String>>(targets: impl IntoIterator<Item = Name>) -> Self {
        Self { targets: targets.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The same, and it ends by itself after some time.
    #[must_use]
    pub fn lasting(self, span: Span) -> Self {
        Self { lasts: Some(span), ..self }
    }

    /// The same, on all of them at once.
    #[must_use]
    pub fn together(self) -> Self {
        Self { together: true, ..self }
    }
}

/// It runs for a second or so, and heals.
impl Default for ActionModel {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            action: None,
            takes: Span::between(Duration::from_millis(500), Duration::from_secs(3)),
            heals: 1.0,
            heals_from_step: 1,
            fails: 0.0,
            impossible: 0.0,
            hangs: 0.0,
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            answer: Span::between(Duration::from_millis(1), Duration::from_millis(20)),
            write: Duration::from_millis(2),
            restart: Span::between(Duration::from_secs(1), Duration::from_secs(3)),
        }
    }
}
