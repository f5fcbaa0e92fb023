use std::fmt;
use std::future::Future;
use std::time::Duration;

use evenkeel_command::CommandSpec;
use evenkeel_process::Identity;
use evenkeel_shown::said::{ActionCode, Said};
use serde::{Deserialize, Serialize};

use super::ActionError;

/// What commands are told in their environment.
pub const VARIABLES: [&str; 5] = [
    "EVENKEEL_TARGET",
    "EVENKEEL_INCIDENT",
    "EVENKEEL_INTENT",
    "EVENKEEL_CAUSE",
    "EVENKEEL_REASON",
];

/// How much of a reason goes into the environment of a command.
const REASON_LIMIT: usize = 1024;

/// What an action is told of the incident that it is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occasion {
    /// The number of the incident.
    pub incident: u64,
    /// The number of the action in the history, once it is on disk there.
    pub intent: Option<i64>,
    /// The target.
    pub target: String,
    /// The checks that are down.
    pub cause: String,
    /// What their last results said. A target may have chosen the words.
    pub reason: String,
    /// The process that the checks named last, of the target itself.
    pub process: Option<Identity>,
    /// The processes of all parts of the checks, as they were seen last.
    pub workers: Vec<Identity>,
    /// Whether the unit of systemd is started even if it is stopped: a check says that it has to run, or an earlier action of the
    /// incident was about it, so that its stop may be evenkeel's own.
    pub unit_is_wanted: bool,
}

/// A program of supervisord that is about to be stopped, to be started again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedProgram {
    /// Its full name.
    pub name: String,
    /// When it was started last, as supervisord says it: while that is so, nobody has started it since.
    pub started: u64,
}

/// What actions need of whoever has them performed: this crate knows neither permissions nor cleanup, and keeps nothing.
pub trait Rules: Sync {
    /// Keeps, so that it outlives this process, that these programs are about to be stopped. What is not told is not done:
    /// a failure keeps them running.
    fn stopping(
        &self,
        programs: Vec<StoppedProgram>,
    ) -> impl Future<Output = Result<(), ActionError>> + Send {
        drop(programs);
        async { Ok(()) }
    }

    /// Repairs what deviates from the permission rule of this name, and says what was done.
    fn repair(
        &self,
        rule: &str,
        timeout: Duration,
    ) -> impl Future<Output = Result<Said, ActionError>> + Send;

    /// Runs the cleanup rule of this name within its own caps, and says what was done.
    fn clean(
        &self,
        rule: &str,
        timeout: Duration,
    ) -> impl Future<Output = Result<Said, ActionError>> + Send;
}

/// For whoever has no rules.
impl Rules for () {
    async fn repair(&self, rule: &str, _: Duration) -> Result<Said, ActionError> {
        Err(ActionError::no_permission_rule(rule))
    }

    async fn clean(&self, rule: &str, _: Duration) -> Result<Said, ActionError> {
        Err(ActionError::no_cleanup_rule(rule))
    }
}

impl ActionError {
    /// That a step names a permission rule that is none.
    pub fn no_permission_rule(rule: &str) -> Self {
        let code = ActionCode::NoPermissionRule { rule: rule.to_owned() };
        super::permanent(Said::new(format!("there is no permission rule `{rule}`"), code))
    }

    /// That a step names a cleanup rule that is none.
    pub fn no_cleanup_rule(rule: &str) -> Self {
        let code = ActionCode::NoCleanupRule { rule: rule.to_owned() };
        super::permanent(Said::new(format!("there is no cleanup rule `{rule}`"), code))
    }
}

impl Occasion {
    /// What a notice says.
    pub(super) fn said(&self) -> Said {
        let (target, cause) = (self.target.clone(), self.cause.clone());
        let (reason, incident) = (self.shown_reason(), self.incident);
        Said::new(self.to_string(), ActionCode::Notice { target, cause, reason, incident })
    }

    fn shown_reason(&self) -> String {
        one_line(&self.reason).chars().take(REASON_LIMIT).collect()
    }

    /// `command` with the occasion in its environment, as [`VARIABLES`]; the intent of a notice is empty, for that is no attempt.
    pub(super) fn tell(&self, command: &CommandSpec) -> CommandSpec {
        let reason = self.shown_reason();
        let intent = self.intent.map(|id| id.to_string()).unwrap_or_default();
        let values =
            [self.target.clone(), self.incident.to_string(), intent, self.cause.clone(), reason];
        let told = VARIABLES.into_iter().zip(values);
        told.fold(command.clone(), |command, (name, value)| command.env(name, value))
    }
}

/// What a notice says.
impl fmt::Display for Occasion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { incident, target, cause, .. } = self;
        let reason = self.shown_reason();
        write!(formatter, "`{target}` is down by {cause}: {reason} (incident {incident})")
    }
}

/// Without anything that a terminal would obey, or that a variable cannot hold.
fn one_line(text: &str) -> String {
    text.chars()
        .map(
            |char| if char.is_control() || evenkeel_shown::is_invisible(char) { ' ' } else { char },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_a_target_is_cut_and_cannot_break_out_of_its_variable() {
        let reason = format!("status 500\0\x1b[31m\n{}", "x".repeat(5_000));
        let occasion = Occasion { target: "web".into(), reason, ..Occasion::default() };
        let command = occasion.tell(&CommandSpec::new(["true"]));
        let (_, told) = command.env.iter().find(|(name, _)| name == "EVENKEEL_REASON").unwrap();
        let told = told.to_str().unwrap();
        assert!(told.starts_with("status 500  [31m xxx"), "{told}");
        assert_eq!(told.chars().count(), REASON_LIMIT);
        assert!(!occasion.to_string().contains('\x1b'));
    }
}
