#![expect(missing_docs, reason = "a field is named after what it is")]

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Code;

/// What an action did, or why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionCode {
    /// It did what it was to do.
    Done(Aim),
    /// It did not.
    Cannot { aim: Aim, why: Box<Code> },
    /// It was given up.
    NotDoneWithin { action: String, after: Duration },
    /// No check says on what it should act.
    NotNamed(Named),
    /// No check has said so by now.
    NotNamedYet(Named),
    /// A group of programs was restarted; `failed` has whoever does not run, and why.
    GroupRestarted {
        group: String,
        running: usize,
        of: usize,
        failed: Vec<(String, String)>,
        left_stopped: Vec<String>,
    },
    /// A program that a restart had stopped was started.
    ProgramStarted { program: String },
    /// It was left alone, because somebody else saw to it.
    ProgramLeft { program: String, state: String },
    /// A program that takes a signal must run.
    DoesNotRun,
    /// A unit that should be started was active.
    ActiveAlready { unit: String },
    /// A unit is not as it should be after the order.
    AfterwardsIs { state: String, sub: String, result: Option<String> },
    /// A unit was started although it had hit its start limit.
    StartedPastLimit { unit: String },
    /// There were no processes left over.
    NothingLeftOver,
    /// Processes outlive their unit by its settings.
    KillModeLeavesProcesses,
    /// The unit file is newer than what systemd knows.
    UnitFileChanged,
    /// No new run of a unit began.
    SameRun,
    /// A job of systemd ended otherwise than it should.
    JobEnded { end: String },
    /// Processes that were left over were ended; the first of them by name.
    LeftOversEnded { count: usize, processes: Vec<NamedProcess>, killed: usize },
    /// They start others faster than they are ended.
    LeftOversOutrun { ended: Box<Code> },
    /// A supervisord that lives has no programs left over.
    NotLeftOver { why: Box<Code> },
    /// A daemon runs.
    RunsAs { pid: u32 },
    /// A process that was left over does not end.
    LeftOverStays { process: NamedProcess, state: String },
    /// A process could not be ended.
    CannotEnd { process: NamedProcess, why: Box<Code> },
    /// Processes could not be looked for.
    CannotLookForProcesses { why: String },
    /// A process got its signal; whether it ended is known where that was asked for.
    SignalSent { signal: String, process: NamedProcess, ended: Option<bool> },
    /// The process that a check named is gone.
    NamedIsGone { pid: u32 },
    /// It is one that is never signalled.
    NotSignalled { pid: u32, why: Untouchable },
    /// A command ended well.
    CommandRan { command: String },
    /// A command ended otherwise; `said` is its last line.
    CommandEnded { command: String, code: Option<i32>, signal: Option<i32>, said: Option<String> },
    /// What a notice says.
    Notice { target: String, cause: String, reason: String, incident: u64 },
    /// A pane has another process.
    PaneRespawned { pane: String, pid: u32, before: u32 },
    /// There is no such pane.
    NoSuchPane,
    /// The pane has the same process, or none.
    NoOtherProcess,
    /// A server made its socket again.
    SocketMade { pid: u32, socket: String },
    /// What should be kept before the action could not be.
    NotWritten { why: String },
    /// There is no permission rule of that name.
    NoPermissionRule { rule: String },
    /// There is no cleanup rule of that name.
    NoCleanupRule { rule: String },
    /// A cleanup rule was run.
    CleanupRan {
        rule: String,
        entries: usize,
        bytes: u64,
        action: String,
        undo: Option<String>,
        left: Option<Left>,
    },
    /// A permission rule could not be applied.
    RuleFailed { rule: String, why: Box<Code> },
    /// All is as a permission rule says.
    RuleHolds { rule: String },
    /// A permission rule was applied; the first repairs one by one.
    RuleApplied { rule: String, done: usize, found: usize, repairs: Vec<Repair> },
    /// It ended by a defect of evenkeel.
    Defect,
}

/// What an action is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    RestartProgram { program: String },
    RestartGroup { group: String },
    StartProgram { program: String },
    SignalProgram { signal: String, program: String },
    RestartUnit { unit: String },
    StartUnit { unit: String },
    StopUnit { unit: String },
    ReloadUnit { unit: String },
    ResetUnit { unit: String },
    RespawnPane { pane: String },
    RecreateSocket,
}

/// What a check names for an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Named {
    Program,
    Group,
    Pane,
    Process,
}

/// Why a process is never signalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Untouchable {
    FirstProcess,
    Ourselves,
    OfKernel,
    Dead,
}

/// A process, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedProcess {
    pub pid: u32,
    pub name: String,
}

/// One repair that a permission rule made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    pub what: String,
    pub path: String,
    pub before: String,
    pub after: String,
}

/// What a rule left: how many entries, and why the first of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    pub entries: usize,
    pub path: String,
    pub why: Box<Code>,
}

impl fmt::Display for Aim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RestartProgram { program } => write!(formatter, "restart program `{program}`"),
            Self::RestartGroup { group } => write!(formatter, "restart group `{group}`"),
            Self::StartProgram { program } => write!(formatter, "start program `{program}`"),
            Self::SignalProgram { signal, program } => {
                write!(formatter, "send SIG{signal} to program `{program}`")
            }
            Self::RestartUnit { unit } => write!(formatter, "restart unit `{unit}`"),
            Self::StartUnit { unit } => write!(formatter, "start unit `{unit}`"),
            Self::StopUnit { unit } => write!(formatter, "stop unit `{unit}`"),
            Self::ReloadUnit { unit } => write!(formatter, "reload unit `{unit}`"),
            Self::ResetUnit { unit } => write!(formatter, "reset unit `{unit}`"),
            Self::RespawnPane { pane } => write!(formatter, "respawn the pane `{pane}`"),
            Self::RecreateSocket => formatter.write_str("bring the socket of tmux back"),
        }
    }
}

impl fmt::Display for NamedProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "process {} (`{}`)", self.pid, self.name)
    }
}
