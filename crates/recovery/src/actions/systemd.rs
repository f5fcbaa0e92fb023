//! Units of systemd, over its bus.
//!
//! A job that systemd calls done is not yet a unit that runs: each order has what must be so afterwards, and is not done
//! before systemd says that it is.

use std::fmt;
use std::time::Duration;

use evenkeel_systemd::{ActiveState, JobEnd, Manager, SystemdError, Unit, UnitName};
use tokio::time::Instant;

use super::error::{ActionError, permanent, retryable, with_source};
use super::left_overs;

/// What systemd can be told to do with a unit, besides a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitOrder {
    /// Starts it. One that was started too often is started once more; one that runs is left alone.
    Start,
    /// Stops it.
    Stop,
    /// Has it read its settings again, without a new start.
    Reload,
    /// Forgets that it failed, and how often it was started; nothing is started.
    ResetFailed,
}

impl UnitOrder {
    /// The name of the action.
    pub(super) fn action_name(self) -> &'static str {
        match self {
            Self::Start => "systemd.start",
            Self::Stop => "systemd.stop",
            Self::Reload => "systemd.reload",
            Self::ResetFailed => "systemd.reset-failed",
        }
    }
}

/// Does what `order` says.
pub(super) async fn order(
    order: UnitOrder,
    unit: &UnitName,
    deadline: Instant,
) -> Result<String, ActionError> {
    Systemd { manager: Manager::system(), deadline }.order(order, unit).await
}

/// Restarts a unit; between its stop and its start, what it left in its cgroup is ended if `end_left_overs`.
pub(super) async fn restart(
    unit: &UnitName,
    end_left_overs: bool,
    deadline: Instant,
) -> Result<String, ActionError> {
    Systemd { manager: Manager::system(), deadline }.restart(unit, end_left_overs).await
}

/// The manager, for the time of one action.
struct Systemd {
    manager: Manager,
    deadline: Instant,
}

impl Systemd {
    async fn order(&self, order: UnitOrder, name: &UnitName) -> Result<String, ActionError> {
        let aim = format!("{} unit `{name}`", Verb(order));
        let left = || self.left();
        match order {
            UnitOrder::Start => {
                let before = self.look(name, &aim).await?;
                if before.active == ActiveState::Active {
                    return Ok(format!("unit `{name}` was active already"));
                }
                self.start(name, &before, &aim).await
            }
            UnitOrder::Stop => {
                done(self.manager.stop(name, left()).await, &aim)?;
                let after = self.look(name, &aim).await?;
                match after.active {
                    ActiveState::Inactive | ActiveState::Failed => {
                        Ok(format!("stopped unit `{name}`"))
                    }
                    state => Err(retryable(format!(
                        "cannot {aim}: afterwards it is {state} ({})",
                        after.sub
                    ))),
                }
            }
            UnitOrder::Reload => {
                done(self.manager.reload(name, left()).await, &aim)?;
                let after = self.look(name, &aim).await?;
                if after.active != ActiveState::Active {
                    return Err(retryable(format!(
                        "cannot {aim}: afterwards it is {} ({})",
                        after.active, after.sub
                    )));
                }
                Ok(format!("reloaded unit `{name}`{}", outdated(&after)))
            }
            UnitOrder::ResetFailed => {
                self.manager
                    .reset_failed(name, left())
                    .await
                    .map_err(|error| of_error(&error, &aim))?;
                Ok(format!("reset unit `{name}`"))
            }
        }
    }

    async fn restart(&self, name: &UnitName, end_left_overs: bool) -> Result<String, ActionError> {
        let aim = format!("restart unit `{name}`");
        let before = self.look(name, &aim).await?;
        if before.hit_start_limit() && !end_left_overs {
            return self.start(name, &before, &aim).await;
        }
        if !end_left_overs {
            done(self.manager.restart(name, self.left()).await, &aim)?;
            let after = self.runs_anew(name, &before, &aim).await?;
            return Ok(format!("restarted unit `{name}`{}{}", beware(&before), outdated(&after)));
        }
        // With `KillMode=process` a stop ends the main process only, and a start would run each worker twice.
        done(self.manager.stop(name, self.left()).await, &aim)?;
        let ended = left_overs::end_of_unit(&before.id, self.deadline).await?;
        let started = self.start(name, &before, &aim).await?;
        Ok(match ended {
            Some(ended) => format!("stopped unit `{name}`, {ended}, {started}"),
            None => format!("stopped unit `{name}`, nothing was left over, {started}"),
        })
    }

    /// Starts it once, if need be in spite of its start limit: evenkeel's own budget is the limit here.
    async fn start(
        &self,
        name: &UnitName,
        before: &Unit,
        aim: &str,
    ) -> Result<String, ActionError> {
        let reset = before.hit_start_limit();
        if reset {
            self.manager
                .reset_failed(name, self.left())
                .await
                .map_err(|error| of_error(&error, aim))?;
        }
        done(self.manager.start(name, self.left()).await, aim)?;
        let after = self.runs_anew(name, before, aim).await?;
        let first = if reset { "reset its start limit and " } else { "" };
        Ok(format!("{first}started unit `{name}`{}", outdated(&after)))
    }

    /// The unit, if it runs and is not the run of before.
    async fn runs_anew(
        &self,
        name: &UnitName,
        before: &Unit,
        aim: &str,
    ) -> Result<Unit, ActionError> {
        let after = self.look(name, aim).await?;
        let is_new = after.invocation.is_some() && after.invocation != before.invocation;
        match after.active {
            ActiveState::Active | ActiveState::Reloading if is_new => Ok(after),
            // A oneshot that did its work and is through.
            ActiveState::Inactive
                if is_new && after.service_type == "oneshot" && after.result == "success" =>
            {
                Ok(after)
            }
            ActiveState::Active | ActiveState::Reloading => Err(retryable(format!(
                "cannot {aim}: systemd called it done, but it is the same run as before"
            ))),
            _ => Err(retryable(format!(
                "cannot {aim}: afterwards it is {} ({}), result {}",
                after.active, after.sub, after.result
            ))),
        }
    }

    async fn look(&self, name: &UnitName, aim: &str) -> Result<Unit, ActionError> {
        self.manager.unit(name, self.left()).await.map_err(|error| of_error(&error, aim))
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// How an order reads after "cannot".
struct Verb(UnitOrder);

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            UnitOrder::Start => "start",
            UnitOrder::Stop => "stop",
            UnitOrder::Reload => "reload",
            UnitOrder::ResetFailed => "reset",
        })
    }
}

fn done(end: Result<JobEnd, SystemdError>, aim: &str) -> Result<(), ActionError> {
    match end {
        Ok(JobEnd::Done) => Ok(()),
        Ok(end) => Err(retryable(format!("cannot {aim}: the job of systemd ended with `{end}`"))),
        Err(error) => Err(of_error(&error, aim)),
    }
}

fn of_error(error: &SystemdError, aim: &str) -> ActionError {
    let reason = format!("cannot {aim}: {}", with_source(error));
    if error.may_pass() { retryable(reason) } else { permanent(reason) }
}

/// What people would otherwise find out in the night.
fn beware(before: &Unit) -> &'static str {
    let leaves =
        before.kill_mode.as_ref().is_some_and(evenkeel_systemd::KillMode::may_leave_processes);
    if leaves { "; its `KillMode=` lets processes outlive it: see `end_left_overs`" } else { "" }
}

fn outdated(after: &Unit) -> &'static str {
    if after.needs_daemon_reload {
        "; its unit file was changed, and systemd has not read it again"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_permanent(error: &ActionError) -> bool {
        matches!(error, ActionError::Permanent { .. })
    }

    #[test]
    fn only_what_no_attempt_can_mend_is_permanent() {
        let unit = UnitName::try_new("web").unwrap();
        let near = vec!["webd.service".to_owned()];
        let missing =
            of_error(&SystemdError::NoSuchUnit { unit: unit.clone(), near }, "restart unit `web`");
        assert!(is_permanent(&missing));
        assert_eq!(
            missing.reason(),
            "cannot restart unit `web`: systemd knows no unit `web.service`; like it: `webd.service`"
        );
        for error in [
            SystemdError::NotBooted,
            SystemdError::Denied { reason: "no".into() },
            SystemdError::Masked { unit },
        ] {
            assert!(is_permanent(&of_error(&error, "x")), "{error}");
        }
        for error in [
            SystemdError::Lost { reason: "gone".into() },
            SystemdError::TimedOut { what: "answer", after: Duration::ZERO },
            SystemdError::NoBus { socket: "/s".into(), reason: "nobody listens" },
        ] {
            assert!(!is_permanent(&of_error(&error, "x")), "{error}");
        }
    }

    #[test]
    fn a_job_that_ends_otherwise_may_end_well_another_time() {
        assert_eq!(done(Ok(JobEnd::Done), "start unit `web`"), Ok(()));
        let error = done(Ok(JobEnd::Dependency), "start unit `web`").unwrap_err();
        assert!(!is_permanent(&error));
        assert_eq!(
            error.reason(),
            "cannot start unit `web`: the job of systemd ended with `dependency`"
        );
    }
}
