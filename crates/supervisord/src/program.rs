use std::fmt;
use std::time::Duration;

use dxr::TryFromValue;
use serde::{Serialize, Serializer};

/// One program of supervisord, as it was when it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// The group it belongs to; its own name if it belongs to none.
    pub group: String,
    /// Its name within the group.
    pub name: String,
    /// What supervisord has it do.
    pub state: ProgramState,
    /// Its process, while it has one.
    pub pid: Option<u32>,
    /// How it exited last; -1 if a signal ended it, 0 if it never ended.
    pub exit_status: i64,
    /// Why it could not be started; empty if it could.
    pub spawn_error: String,
    /// How long it runs; `None` if it does not.
    pub uptime: Option<Duration>,
    /// Whether it was not started since supervisord was.
    pub never_started: bool,
    /// When it was started last, in seconds since 1970 by supervisord's clock; 0 if it never was.
    ///
    /// It stays when the program has ended, and so tells whether somebody started it since it was last looked at.
    pub started: u64,
}

/// State of a program. Source: `supervisor/states.py`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramState {
    /// Stopped on request, or never started.
    Stopped,
    /// Started, but not yet for `startsecs`.
    Starting,
    /// Runs.
    Running,
    /// Ended too early; is tried again.
    Backoff,
    /// Was told to end, and has not yet.
    Stopping,
    /// Ended by itself.
    Exited,
    /// Could not be started; is not tried again.
    Fatal,
    /// supervisord itself does not know.
    UnknownToSupervisord,
    /// A number this list lacks.
    Unknown(i64),
}

/// As `getAllProcessInfo` and `getProcessInfo` answer; what is not named is not needed.
#[derive(Debug, TryFromValue)]
pub(crate) struct ProcessInfo {
    group: String,
    name: String,
    state: i32,
    pid: i32,
    exitstatus: i32,
    spawnerr: String,
    start: i32,
    now: i32,
}

impl Program {
    /// The name that calls take: `name`, or `group:name` for a program in a group of another name.
    pub fn full_name(&self) -> String {
        full_name(&self.group, &self.name)
    }
}

pub(crate) fn full_name(group: &str, name: &str) -> String {
    if group == name { name.to_owned() } else { format!("{group}:{name}") }
}

impl ProgramState {
    /// The state that supervisord numbers so.
    pub fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Stopped,
            10 => Self::Starting,
            20 => Self::Running,
            30 => Self::Backoff,
            40 => Self::Stopping,
            100 => Self::Exited,
            200 => Self::Fatal,
            1000 => Self::UnknownToSupervisord,
            other => Self::Unknown(other),
        }
    }

    /// The state that supervisord writes so, such as `RUNNING`.
    pub fn from_name(name: &str) -> Option<Self> {
        const NAMED: [ProgramState; 8] = [
            ProgramState::Stopped,
            ProgramState::Starting,
            ProgramState::Running,
            ProgramState::Backoff,
            ProgramState::Stopping,
            ProgramState::Exited,
            ProgramState::Fatal,
            ProgramState::UnknownToSupervisord,
        ];
        NAMED.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether a stop has something to end: it runs, or is tried again and again. Source: `RUNNING_STATES`.
    pub fn can_be_stopped(self) -> bool {
        matches!(self, Self::Running | Self::Starting | Self::Backoff)
    }

    /// As supervisord writes it, such as `RUNNING`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "STOPPED",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Backoff => "BACKOFF",
            Self::Stopping => "STOPPING",
            Self::Exited => "EXITED",
            Self::Fatal => "FATAL",
            Self::UnknownToSupervisord | Self::Unknown(_) => "UNKNOWN",
        }
    }
}

impl fmt::Display for ProgramState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for ProgramState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl From<ProcessInfo> for Program {
    fn from(info: ProcessInfo) -> Self {
        let state = ProgramState::from_code(info.state.into());
        // `start` stays when the program has ended; only a living one is up for any time.
        let alive = matches!(
            state,
            ProgramState::Running | ProgramState::Starting | ProgramState::Stopping
        );
        let up = u64::try_from(i64::from(info.now) - i64::from(info.start)).unwrap_or(0);
        Self {
            group: info.group,
            name: info.name,
            state,
            // 0 stands for none.
            pid: u32::try_from(info.pid).ok().filter(|pid| *pid != 0),
            exit_status: info.exitstatus.into(),
            spawn_error: info.spawnerr,
            uptime: alive.then(|| Duration::from_secs(up)),
            never_started: info.start == 0,
            started: u64::try_from(info.start).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(state: i32, pid: i32) -> ProcessInfo {
        ProcessInfo {
            group: "web".into(),
            name: "worker".into(),
            state,
            pid,
            exitstatus: 0,
            spawnerr: String::new(),
            start: 1_000,
            now: 1_060,
        }
    }

    #[test]
    fn a_running_program_has_a_process_and_an_uptime() {
        let program = Program::from(info(20, 77));
        assert_eq!(program.state, ProgramState::Running);
        assert_eq!(program.pid, Some(77));
        assert_eq!(program.uptime, Some(Duration::from_mins(1)));
    }

    #[test]
    fn an_ended_program_has_neither() {
        let program = Program::from(info(100, 0));
        assert_eq!((program.pid, program.uptime), (None, None));
    }

    #[test]
    fn a_clock_set_back_gives_no_negative_uptime() {
        let program = Program::from(ProcessInfo { now: 10, ..info(20, 77) });
        assert_eq!(program.uptime, Some(Duration::ZERO));
    }

    #[test]
    fn a_program_alone_in_its_group_goes_by_its_name() {
        let grouped = Program::from(info(0, 0));
        assert_eq!(grouped.full_name(), "web:worker");
        let alone = Program { group: "worker".into(), ..grouped };
        assert_eq!(alone.full_name(), "worker");
    }

    #[test]
    fn a_state_that_is_not_known_keeps_its_number() {
        assert_eq!(ProgramState::from_code(55), ProgramState::Unknown(55));
    }
}
