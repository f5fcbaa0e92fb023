use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Code;

/// What the agent says of itself, or of what it waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentCode {
    /// The settings say that it only observes.
    SettingsObserve,
    /// Whoever started it said that it only observes.
    ToldToObserve,
    /// It ends again and again.
    CrashLoop {
        /// Starts within ten minutes.
        starts: u32,
    },
    /// The history was damaged, and moved away.
    HistoryLost {
        /// What was wrong with it, as the journal found it.
        reason: String,
        /// The file as it was named.
        file: String,
        /// Where it is now.
        moved_to: String,
    },
    /// The history cannot be read.
    HistoryUnreadable {
        /// Why.
        error: String,
    },
    /// Something holds until a time.
    Until {
        /// What.
        what: Box<Code>,
        /// When that ends, in UTC.
        until: String,
    },
    /// An action was cut off by the end of the agent.
    EndedBeforeAction,
    /// The thread that keeps a rule ended.
    KeeperEnded,
    /// There was no thread for a rule.
    NoThread {
        /// In the system's own words.
        why: String,
    },
    /// An incident goes on that an earlier run of the agent opened.
    IncidentWasOpen,
    /// Nothing looks at a target any more.
    NoCheckSpeaks,
    /// It keeps no history on disk.
    NoHistoryKept,
    /// A look into the history came to no end.
    HistoryLookBrokeOff,
    /// An address names no page.
    NoSuchPage,
    /// Where an incident's number belongs is something else.
    NotAnIncident,
    /// The history knows no such incident.
    NoSuchIncident,
    /// The history knows no incident of this number.
    NoIncident {
        /// The number.
        id: i64,
    },
    /// Nothing is known of a name.
    NothingKnown {
        /// The name.
        name: String,
    },
    /// A name means nothing here.
    UnknownName {
        /// The name.
        name: String,
        /// What does mean something.
        instead: Instead,
    },
    /// How the settings have a target recovered.
    RecoverySet {
        /// The recovery.
        recovery: String,
        /// The checks that it listens to.
        when: Vec<String>,
        /// Its ladder, an action each.
        steps: Vec<String>,
        /// Further attempts at each step.
        retries: u32,
        /// Actions for one target.
        target: Allowed,
        /// Actions in its group.
        group: Allowed,
        /// The name of the group.
        of_group: String,
        /// Actions on the host.
        host: Allowed,
        /// How long the same checks have to prove an action.
        verified_within: Duration,
    },
    /// A program may still be starting.
    Starting {
        /// Seconds that it runs.
        runs_seconds: u64,
        /// Seconds that it may take.
        grace_seconds: u64,
    },
}

/// Names in the place of one that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instead {
    /// The one that was probably meant.
    Near(String),
    /// Those that there are.
    Of {
        /// The first of them.
        names: Vec<String>,
        /// How many more.
        more: usize,
    },
}

/// So many actions in any time of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// How many.
    pub count: u32,
    /// The time.
    pub window: Duration,
}
