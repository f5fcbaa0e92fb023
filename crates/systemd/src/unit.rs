use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use zbus::Variant;

use crate::text::plain;

/// How systemd says "none", "not measured" and "without a limit" in a number.
const NONE: u64 = u64::MAX;

/// One unit as systemd has it at one moment.
///
/// What only services have (a result, restarts, a main process) is empty for other kinds of units.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unit {
    /// Its own name, which is another one than was asked for if that was an alias.
    pub id: String,
    /// Whether its file was read.
    pub load: LoadState,
    /// Whether it runs.
    pub active: ActiveState,
    /// The state in the words of its own kind: `running`, `auto-restart`, `start-pre`, `exited`, …
    pub sub: String,
    /// How its last run went: `success`, `exit-code`, `signal`, `watchdog`, `start-limit-hit`, …
    pub result: String,
    /// How often systemd has restarted it by itself since it was last started by someone.
    pub restarts: u32,
    /// Names this very run of the unit: another one after each start. `None` if it was never started.
    pub invocation: Option<String>,
    /// The main process, while there is one.
    pub main_pid: Option<u32>,
    /// Its control group, from the root of the hierarchy on, such as `/system.slice/nginx.service`. `None` while it has no process.
    pub control_group: Option<String>,
    /// Memory of the whole control group; `None` where the kernel or the settings do not account it.
    pub memory_bytes: Option<u64>,
    /// Which of its processes systemd ends when it stops the unit; `None` for a kind without processes.
    pub kill_mode: Option<KillMode>,
    /// `simple`, `notify`, `oneshot`, …; empty for what is no service.
    pub service_type: String,
    /// The control group is frozen: no process of it runs.
    pub frozen: bool,
    /// The unit file was changed, and systemd goes on with what it read before.
    pub needs_daemon_reload: bool,
    /// When it came into this state, on the monotonic clock. `None` if it never changed.
    pub since: Option<Duration>,
    /// It counts as active after its main process has ended (`RemainAfterExit=`).
    pub remains: bool,
    /// When its last main process ended, on the monotonic clock.
    pub main_exited: Option<Duration>,
    /// When it was active last, on the monotonic clock.
    pub active_until: Option<Duration>,
    /// How long systemd waits before it restarts the service the next time.
    pub restart_delay: Option<Duration>,
    /// How long each step of a start may take; `None` without a limit.
    pub start_timeout: Option<Duration>,
    /// How long each step of a stop may take; `None` without a limit.
    pub stop_timeout: Option<Duration>,
}

/// Whether a unit's file was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadState {
    /// It was.
    Loaded,
    /// There is none.
    NotFound,
    /// The unit is masked: someone decided that it must not be started.
    Masked,
    /// The file cannot be used: `bad-setting`, `error`, …
    Other(String),
}

/// Whether a unit runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ActiveState {
    /// It does.
    Active,
    /// It does, and reads its settings again.
    Reloading,
    /// It does not, and nothing went wrong.
    Inactive,
    /// It does not, and [`Unit::result`] says why.
    Failed,
    /// On its way up, also in the pause before systemd restarts it.
    Activating,
    /// On its way down.
    Deactivating,
    /// Another state, in systemd's own word.
    Other(String),
}

/// Which processes of a unit are ended when it is stopped. Source: `systemd.kill(5)`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KillMode {
    /// All in its control group.
    ControlGroup,
    /// The main process is asked, then all are killed.
    Mixed,
    /// Only the main process: its children outlive it, and a start afterwards runs them twice.
    Process,
    /// None.
    None,
    /// Another mode, in systemd's own word.
    Other(String),
}

/// Every property of one object, as they came.
#[derive(Debug)]
pub(crate) struct Properties<'a>(pub(crate) HashMap<&'a str, Variant<'a>>);

impl Properties<'_> {
    fn text(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(Variant::Str(text)) => plain(text.as_str()),
            _ => String::new(),
        }
    }

    fn number(&self, name: &str) -> Option<u64> {
        match self.0.get(name) {
            Some(Variant::U64(number)) => Some(*number),
            Some(Variant::U32(number)) => Some((*number).into()),
            _ => None,
        }
    }

    fn is(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Variant::Bool(true)))
    }

    fn microseconds(&self, name: &str) -> Option<Duration> {
        self.number(name).filter(|number| *number != NONE).map(Duration::from_micros)
    }

    fn hex(&self, name: &str) -> Option<String> {
        let Some(Variant::Array(bytes)) = self.0.get(name) else { return None };
        let hex = bytes.iter().take(16).map(|byte| match byte {
            Variant::U8(byte) => format!("{byte:02x}"),
            _ => String::new(),
        });
        Some(hex.collect::<String>()).filter(|hex| !hex.is_empty())
    }

    /// `None` if this is no unit.
    pub(crate) fn unit(&self) -> Option<Unit> {
        let id = self.text("Id");
        let (load, active) = (self.text("LoadState"), self.text("ActiveState"));
        if id.is_empty() || load.is_empty() || active.is_empty() {
            return None;
        }
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let small = |name| self.number(name).and_then(|number| u32::try_from(number).ok());
        let at = |name| self.microseconds(name).filter(|at| !at.is_zero());
        Some(Unit {
            load: LoadState::of(load),
            active: ActiveState::of(active),
            sub: self.text("SubState"),
            result: self.text("Result"),
            restarts: small("NRestarts").unwrap_or(0),
            invocation: self.hex("InvocationID"),
            main_pid: small("MainPID").filter(|pid| *pid != 0),
            control_group: some(self.text("ControlGroup")),
            memory_bytes: self.number("MemoryCurrent").filter(|bytes| *bytes != NONE),
            kill_mode: some(self.text("KillMode")).map(KillMode::of),
            service_type: self.text("Type"),
            frozen: self.text("FreezerState") == "frozen",
            needs_daemon_reload: self.is("NeedDaemonReload"),
            since: at("StateChangeTimestampMonotonic"),
            remains: self.is("RemainAfterExit"),
            main_exited: at("ExecMainExitTimestampMonotonic"),
            active_until: at("ActiveExitTimestampMonotonic"),
            // Since 254 the delay can grow from restart to restart.
            restart_delay: self
                .microseconds("RestartUSecNext")
                .or_else(|| self.microseconds("RestartUSec")),
            start_timeout: self.microseconds("TimeoutStartUSec"),
            stop_timeout: self.microseconds("TimeoutStopUSec"),
            id,
        })
    }
}

impl Unit {
    /// A service of this name that is loaded and was never started.
    pub fn named(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            load: LoadState::Loaded,
            active: ActiveState::Inactive,
            sub: "dead".to_owned(),
            result: "success".to_owned(),
            restarts: 0,
            invocation: None,
            main_pid: None,
            control_group: None,
            memory_bytes: None,
            kill_mode: Some(KillMode::ControlGroup),
            service_type: "simple".to_owned(),
            frozen: false,
            needs_daemon_reload: false,
            since: None,
            remains: false,
            main_exited: None,
            active_until: None,
            restart_delay: None,
            start_timeout: None,
            stop_timeout: None,
        }
    }

    /// It was started too often within its `StartLimitIntervalSec=`: systemd starts it no more until that is over, or reset.
    pub fn hit_start_limit(&self) -> bool {
        self.active == ActiveState::Failed && self.result == "start-limit-hit"
    }

    /// It does not run, nothing went wrong, and nobody ordered that: it is done, or its main process ended while the unit was
    /// active. Of a unit that is ordered to stop, the process ends after it was active last.
    pub fn ended_by_itself(&self) -> bool {
        self.active == ActiveState::Inactive && (self.is_done_at_its_end() || self.ended_first())
    }

    /// A service that someone stopped in this boot, as far as systemd still knows, or is stopping now.
    pub fn is_stopped_on_purpose(&self) -> bool {
        let rests = matches!(self.active, ActiveState::Inactive | ActiveState::Deactivating);
        let is_service = !self.service_type.is_empty() && self.load == LoadState::Loaded;
        let was_active = self.active_until.is_some() && !self.is_done_at_its_end();
        rests && is_service && was_active && !self.ended_first()
    }

    /// A oneshot that is inactive whenever it has done its work.
    fn is_done_at_its_end(&self) -> bool {
        self.service_type == "oneshot" && !self.remains
    }

    /// Its main process ended before the unit did, and is not meant to.
    fn ended_first(&self) -> bool {
        let ends = self.main_exited.zip(self.active_until);
        !self.remains && ends.is_some_and(|(main, unit)| main <= unit)
    }

    /// systemd itself is about to restart it.
    pub fn awaits_restart(&self) -> bool {
        self.active == ActiveState::Activating && self.sub.starts_with("auto-restart")
    }
}

impl LoadState {
    fn of(word: String) -> Self {
        match word.as_str() {
            "loaded" => Self::Loaded,
            "not-found" => Self::NotFound,
            "masked" => Self::Masked,
            _ => Self::Other(word),
        }
    }

    /// systemd's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Loaded => "loaded",
            Self::NotFound => "not-found",
            Self::Masked => "masked",
            Self::Other(word) => word,
        }
    }
}

impl ActiveState {
    fn of(word: String) -> Self {
        match word.as_str() {
            "active" => Self::Active,
            "reloading" => Self::Reloading,
            "inactive" => Self::Inactive,
            "failed" => Self::Failed,
            "activating" => Self::Activating,
            "deactivating" => Self::Deactivating,
            _ => Self::Other(word),
        }
    }

    /// systemd's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Reloading => "reloading",
            Self::Inactive => "inactive",
            Self::Failed => "failed",
            Self::Activating => "activating",
            Self::Deactivating => "deactivating",
            Self::Other(word) => word,
        }
    }
}

impl KillMode {
    fn of(word: String) -> Self {
        match word.as_str() {
            "control-group" => Self::ControlGroup,
            "mixed" => Self::Mixed,
            "process" => Self::Process,
            "none" => Self::None,
            _ => Self::Other(word),
        }
    }

    /// Whether processes of the unit may outlive it.
    pub fn may_leave_processes(&self) -> bool {
        matches!(self, Self::Process | Self::None)
    }

    /// systemd's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ControlGroup => "control-group",
            Self::Mixed => "mixed",
            Self::Process => "process",
            Self::None => "none",
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for LoadState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for ActiveState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for KillMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties() -> Properties<'static> {
        Properties(HashMap::from([
            ("Id", "web.service".into()),
            ("LoadState", "loaded".into()),
            ("ActiveState", "failed".into()),
            ("SubState", "failed".into()),
            ("Result", "start-limit-hit".into()),
            ("NRestarts", Variant::U32(5)),
            ("MainPID", Variant::U32(0)),
            ("MemoryCurrent", Variant::U64(NONE)),
            ("TimeoutStartUSec", Variant::U64(90_000_000)),
            ("TimeoutStopUSec", Variant::U64(NONE)),
            ("InvocationID", Variant::from(vec![0xab_u8, 0x01])),
            ("KillMode", "process".into()),
            ("NeedDaemonReload", Variant::Bool(true)),
        ]))
    }

    #[test]
    fn a_unit_is_read_from_its_properties() {
        let unit = properties().unit().unwrap();
        assert!(unit.hit_start_limit() && !unit.awaits_restart() && unit.needs_daemon_reload);
        assert_eq!((unit.restarts, unit.main_pid, unit.memory_bytes), (5, None, None));
        assert_eq!(unit.invocation.as_deref(), Some("ab01"));
        assert_eq!(unit.start_timeout, Some(Duration::from_secs(90)));
        assert_eq!(unit.stop_timeout, None);
        assert!(unit.kill_mode.unwrap().may_leave_processes());
    }

    #[test]
    fn values_of_other_types_than_expected_say_nothing() {
        let mut properties = properties();
        properties.0.insert("NRestarts", "many".into());
        properties.0.insert("Result", Variant::U32(7));
        properties.0.insert("InvocationID", Variant::Bool(true));
        let unit = properties.unit().unwrap();
        assert_eq!((unit.restarts, unit.result.as_str(), unit.invocation), (0, "", None));
        properties.0.insert("ActiveState", Variant::Bool(true));
        assert_eq!(properties.unit(), None);
    }

    #[test]
    fn a_word_of_a_later_systemd_is_kept() {
        let mut properties = properties();
        properties.0.insert("ActiveState", "refreshing".into());
        assert_eq!(properties.unit().unwrap().active, ActiveState::Other("refreshing".to_owned()));
    }

    /// Of a unit whose main process ended at `main`, and that was active last at `unit`: whether it ended by itself, and whether
    /// someone stopped it.
    fn judged(main: u64, unit: u64, change: impl FnOnce(&mut Unit)) -> (bool, bool) {
        let at = |seconds| (seconds > 0).then_some(Duration::from_secs(seconds));
        let mut web = Unit::named("web.service");
        (web.main_exited, web.active_until) = (at(main), at(unit));
        change(&mut web);
        (web.ended_by_itself(), web.is_stopped_on_purpose())
    }

    #[test]
    fn who_stopped_a_unit_shows_in_what_ended_first() {
        assert_eq!(judged(7, 5, |_| ()), (false, true), "the order came first");
        assert_eq!(judged(5, 7, |_| ()), (true, false), "the process ended first");
        assert_eq!(judged(5, 5, |_| ()), (true, false));
        assert_eq!(judged(0, 0, |_| ()), (false, false), "nothing is known");
        let stopping = |unit: &mut Unit| unit.active = ActiveState::Deactivating;
        assert_eq!(judged(0, 5, stopping), (false, true), "it is being stopped");
        assert_eq!(judged(4, 5, stopping), (false, false), "it ends by itself");
        assert_eq!(judged(7, 5, |unit| unit.active = ActiveState::Active), (false, false));
        assert_eq!(judged(7, 5, |unit| unit.active = ActiveState::Failed), (false, false));
        let oneshot = |unit: &mut Unit| unit.service_type = "oneshot".to_owned();
        assert_eq!(judged(5, 0, oneshot), (true, false), "it is through");
        let remaining = |unit: &mut Unit| {
            oneshot(unit);
            unit.remains = true;
        };
        assert_eq!(judged(3, 9, remaining), (false, true), "its process ended long before");
        let mount = |unit: &mut Unit| unit.service_type = String::new();
        assert_eq!(judged(0, 5, mount), (false, false), "it has no process");
    }
}
