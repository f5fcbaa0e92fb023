//! What actions are called, and to which targets they apply.

use std::fmt;

use evenkeel_systemd::UnitName;

use super::{Action, UnitOrder};

impl Action {
    /// The unit of systemd that it may leave stopped or started.
    pub fn starts_or_stops_unit(&self) -> Option<&UnitName> {
        match self {
            Self::SystemdRestart { unit, .. }
            | Self::SystemdOrder { unit, order: UnitOrder::Start | UnitOrder::Stop } => Some(unit),
            _ => None,
        }
    }

    /// The name that settings, metrics and the journal use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SupervisorRestartProgram { .. } => "supervisor.restart-program",
            Self::SupervisorRestartGroup { .. } => "supervisor.restart-group",
            Self::SupervisorFinishRestart { .. } => "supervisor.finish-restart",
            Self::SupervisorSignal { .. } => "supervisor.signal",
            Self::SystemdRestart { .. } => "systemd.restart",
            Self::SystemdOrder { order, .. } => order.action_name(),
            Self::TmuxRespawnPane { .. } => "tmux.respawn-pane",
            Self::TmuxRecreateSocket { .. } => "tmux.recreate-socket",
            Self::Signal { .. } => "signal",
            Self::Exec { .. } => "exec",
            Self::Notify { .. } => "notify",
            Self::PermissionsRepair { .. } => "permissions.repair",
            Self::CleanupRun { .. } => "cleanup.run",
        }
    }

    /// The name, and what it acts on.
    pub fn describe(&self) -> String {
        self.to_string()
    }

    /// Whether it may heal something: then it is charged to the budgets, verified, and tried again. A notice may not.
    pub fn may_heal(&self) -> bool {
        !matches!(self, Self::Notify { .. })
    }

    /// Whether it is charged to the budgets and its intent is kept: what begins something that may heal. A notice heals
    /// nothing, and the second half of a restart was charged with the first.
    pub fn is_attempt(&self) -> bool {
        self.may_heal() && !matches!(self, Self::SupervisorFinishRestart { .. })
    }

    /// Whether it stops programs of supervisord and starts them, so that it may be cut off in between.
    pub fn restarts_programs(&self) -> bool {
        matches!(self, Self::SupervisorRestartProgram { .. } | Self::SupervisorRestartGroup { .. })
    }

    /// Whether it ends or changes what runs, so that what is to be seen of it is seen before.
    pub fn destroys_evidence(&self) -> bool {
        match self {
            Self::SupervisorRestartProgram { .. }
            | Self::SupervisorRestartGroup { .. }
            | Self::SupervisorSignal { .. }
            | Self::SystemdRestart { .. }
            | Self::SystemdOrder { .. }
            | Self::TmuxRespawnPane { .. }
            | Self::Signal { .. }
            | Self::Exec { .. } => true,
            Self::SupervisorFinishRestart { .. }
            | Self::TmuxRecreateSocket { .. }
            | Self::Notify { .. }
            | Self::PermissionsRepair { .. }
            | Self::CleanupRun { .. } => false,
        }
    }

    /// The action for one part of a check, such as one program of a supervisor, or for the whole check.
    ///
    /// `None` if it cannot apply: restarting a program takes the name of one.
    #[must_use]
    pub fn for_part(&self, part: Option<&str>) -> Option<Self> {
        let mut action = self.clone();
        match &mut action {
            Self::SupervisorRestartProgram { program, .. }
            | Self::SupervisorSignal { program, .. } => {
                *program = Some(program.take().or_else(|| part.map(str::to_owned))?);
            }
            Self::SupervisorRestartGroup { group, .. } => {
                let of_part = || part.map(|part| part.split(':').next().unwrap_or(part).to_owned());
                *group = Some(group.take().or_else(of_part)?);
            }
            Self::TmuxRespawnPane { pane, .. } => {
                *pane = Some(pane.take().or_else(|| part.map(str::to_owned))?);
            }
            _ => {}
        }
        Some(action)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        match self {
            Self::SupervisorRestartProgram { program: Some(name), .. }
            | Self::SupervisorRestartGroup { group: Some(name), .. }
            | Self::TmuxRespawnPane { pane: Some(name), .. }
            | Self::PermissionsRepair { rule: name }
            | Self::CleanupRun { rule: name } => write!(formatter, " {name}"),
            Self::SupervisorFinishRestart { stopped, .. } => {
                let names = stopped.iter().map(|stopped| stopped.name.as_str());
                write!(formatter, " {}", names.collect::<Vec<_>>().join(" "))
            }
            Self::TmuxRecreateSocket { place } => write!(formatter, " {place}"),
            Self::SystemdRestart { unit, .. } | Self::SystemdOrder { unit, .. } => {
                write!(formatter, " {unit}")
            }
            Self::SupervisorSignal { program, signal, .. } => {
                write!(formatter, " {signal}")?;
                program.iter().try_for_each(|program| write!(formatter, " {program}"))
            }
            Self::Signal { signal } => write!(formatter, " {signal}"),
            Self::Exec { command, .. } | Self::Notify { command: Some(command) } => {
                write!(formatter, " {command}")
            }
            Self::SupervisorRestartProgram { program: None, .. }
            | Self::SupervisorRestartGroup { group: None, .. }
            | Self::TmuxRespawnPane { pane: None, .. }
            | Self::Notify { command: None } => Ok(()),
        }
    }
}
