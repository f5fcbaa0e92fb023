//! Units of systemd, over its bus.
//!
//! A job that systemd calls done is not yet a unit that runs: each order has what must be so afterwards, and is not done
//! before systemd says that it is.

use std::time::Duration;

use evenkeel_shown::said::{ActionCode, Aim, Code, Said, UnitCode};
use evenkeel_systemd::{ActiveState, JobEnd, Manager, SystemdError, Unit, UnitName};
use tokio::time::Instant;

use super::aim::{cannot, reached};
use super::error::{ActionError, permanent, retryable};
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
) -> Result<Said, ActionError> {
    Systemd { manager: Manager::system(), deadline }.order(order, unit).await
}

/// Restarts a unit; between its stop and its start, what it left in its cgroup is ended if `end_left_overs`. One that was stopped on
/// purpose stays so if `leave_stopped`.
pub(super) async fn restart(
    unit: &UnitName,
    end_left_overs: bool,
    leave_stopped: bool,
    deadline: Instant,
) -> Result<Said, ActionError> {
    let systemd = Systemd { manager: Manager::system(), deadline };
    let aim = Aim::RestartUnit { unit: unit.to_string() };
    let before = systemd.look(unit, &aim).await?;
    if leave_stopped && before.is_stopped_on_purpose() {
        return Err(match before.active {
            // It may hang in that, and is restarted by a further attempt then.
            ActiveState::Deactivating => {
                retryable(cannot(&aim, Said::from(UnitCode::Stopping { unit: before.id })))
            }
            _ => permanent(cannot(&aim, Said::from(UnitCode::Inactive { unit: before.id }))),
        });
    }
    systemd.restart(unit, &before, &aim, end_left_overs).await
}

/// The manager, for the time of one action.
struct Systemd {
    manager: Manager,
    deadline: Instant,
}

impl Systemd {
    async fn order(&self, order: UnitOrder, name: &UnitName) -> Result<Said, ActionError> {
        let unit = name.to_string();
        let aim = match order {
            UnitOrder::Start => Aim::StartUnit { unit },
            UnitOrder::Stop => Aim::StopUnit { unit },
            UnitOrder::Reload => Aim::ReloadUnit { unit },
            UnitOrder::ResetFailed => Aim::ResetUnit { unit },
        };
        let left = || self.left();
        match order {
            UnitOrder::Start => {
                let before = self.look(name, &aim).await?;
                if before.active == ActiveState::Active {
                    let code = ActionCode::ActiveAlready { unit: name.to_string() };
                    return Ok(Said::new(format!("unit `{name}` was active already"), code));
                }
                self.start(name, &before, &aim).await
            }
            UnitOrder::Stop => {
                done(self.manager.stop(name, left()).await, &aim)?;
                let after = self.look(name, &aim).await?;
                match after.active {
                    ActiveState::Inactive | ActiveState::Failed => {
                        Ok(reached(format!("stopped unit `{name}`"), aim))
                    }
                    _ => Err(retryable(cannot(&aim, afterwards(&after)))),
                }
            }
            UnitOrder::Reload => {
                done(self.manager.reload(name, left()).await, &aim)?;
                let after = self.look(name, &aim).await?;
                if after.active != ActiveState::Active {
                    return Err(retryable(cannot(&aim, afterwards(&after))));
                }
                let reloaded = reached(format!("reloaded unit `{name}`"), aim);
                Ok(with(reloaded, [outdated(&after)]))
            }
            UnitOrder::ResetFailed => {
                self.manager
                    .reset_failed(name, left())
                    .await
                    .map_err(|error| of_error(&error, &aim))?;
                Ok(reached(format!("reset unit `{name}`"), aim))
            }
        }
    }

    async fn restart(
        &self,
        name: &UnitName,
        before: &Unit,
        aim: &Aim,
        end_left_overs: bool,
    ) -> Result<Said, ActionError> {
        if before.hit_start_limit() && !end_left_overs {
            return self.start(name, before, aim).await;
        }
        if !end_left_overs {
            done(self.manager.restart(name, self.left()).await, aim)?;
            let after = self.runs_anew(name, before, aim).await?;
            let restarted = reached(format!("restarted unit `{name}`"), aim.clone());
            return Ok(with(restarted, [beware(before), outdated(&after)]));
        }
        // With `KillMode=process` a stop ends the main process only, and a start would run each worker twice.
        done(self.manager.stop(name, self.left()).await, aim)?;
        let ended = left_overs::end_of_unit(&before.id, self.deadline).await?;
        let started = self.start(name, before, aim).await?;
        let ended = match ended {
            Some(ended) => ended.said(),
            None => Said::new("nothing was left over", ActionCode::NothingLeftOver),
        };
        let text = format!("stopped unit `{name}`, {ended}, {started}");
        let stopped = ActionCode::Done(Aim::StopUnit { unit: name.to_string() }).into();
        Ok(Said::new(text, Code::All(vec![stopped, ended.into_code(), started.into_code()])))
    }

    /// Starts it once, if need be in spite of its start limit: evenkeel's own budget is the limit here.
    async fn start(&self, name: &UnitName, before: &Unit, aim: &Aim) -> Result<Said, ActionError> {
        let reset = before.hit_start_limit();
        if reset {
            self.manager
                .reset_failed(name, self.left())
                .await
                .map_err(|error| of_error(&error, aim))?;
        }
        done(self.manager.start(name, self.left()).await, aim)?;
        let after = self.runs_anew(name, before, aim).await?;
        let unit = name.to_string();
        let started = if reset {
            let text = format!("reset its start limit and started unit `{name}`");
            Said::new(text, ActionCode::StartedPastLimit { unit })
        } else {
            reached(format!("started unit `{name}`"), Aim::StartUnit { unit })
        };
        Ok(with(started, [outdated(&after)]))
    }

    /// The unit, if it runs and is not the run of before.
    async fn runs_anew(
        &self,
        name: &UnitName,
        before: &Unit,
        aim: &Aim,
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
            ActiveState::Active | ActiveState::Reloading => {
                let text = "systemd called it done, but it is the same run as before";
                Err(retryable(cannot(aim, Said::new(text, ActionCode::SameRun))))
            }
            _ => {
                let (state, sub) = (after.active.to_string(), after.sub);
                let text = format!("afterwards it is {state} ({sub}), result {}", after.result);
                let result = Some(after.result);
                let code = ActionCode::AfterwardsIs { state, sub, result };
                Err(retryable(cannot(aim, Said::new(text, code))))
            }
        }
    }

    async fn look(&self, name: &UnitName, aim: &Aim) -> Result<Unit, ActionError> {
        self.manager.unit(name, self.left()).await.map_err(|error| of_error(&error, aim))
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

fn done(end: Result<JobEnd, SystemdError>, aim: &Aim) -> Result<(), ActionError> {
    match end {
        Ok(JobEnd::Done) => Ok(()),
        Ok(end) => {
            let text = format!("the job of systemd ended with `{end}`");
            let code = ActionCode::JobEnded { end: end.to_string() };
            Err(retryable(cannot(aim, Said::new(text, code))))
        }
        Err(error) => Err(of_error(&error, aim)),
    }
}

fn of_error(error: &SystemdError, aim: &Aim) -> ActionError {
    let reason = cannot(aim, error.said());
    if error.may_pass() { retryable(reason) } else { permanent(reason) }
}

/// What people would otherwise find out in the night.
fn beware(before: &Unit) -> Option<Said> {
    let leaves =
        before.kill_mode.as_ref().is_some_and(evenkeel_systemd::KillMode::may_leave_processes);
    let text = "its `KillMode=` lets processes outlive it: see `end_left_overs`";
    leaves.then(|| Said::new(text, ActionCode::KillModeLeavesProcesses))
}

fn outdated(after: &Unit) -> Option<Said> {
    let text = "its unit file was changed, and systemd has not read it again";
    after.needs_daemon_reload.then(|| Said::new(text, ActionCode::UnitFileChanged))
}

/// What was done, with what else there is to say.
fn with<const N: usize>(done: Said, more: [Option<Said>; N]) -> Said {
    let mut all = vec![done];
    all.extend(more.into_iter().flatten());
    if all.len() == 1 { all.remove(0) } else { Said::joined(all) }
}

/// How a unit is that should be otherwise.
fn afterwards(after: &Unit) -> Said {
    let (state, sub) = (after.active.to_string(), after.sub.clone());
    let text = format!("afterwards it is {state} ({sub})");
    Said::new(text, ActionCode::AfterwardsIs { state, sub, result: None })
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
        let aim = Aim::RestartUnit { unit: "web".to_owned() };
        let near = vec!["webd.service".to_owned()];
        let missing = of_error(&SystemdError::NoSuchUnit { unit: unit.clone(), near }, &aim);
        assert!(is_permanent(&missing));
        assert_eq!(
            missing.reason().text(),
            "cannot restart unit `web`: systemd knows no unit `web.service`; like it: `webd.service`"
        );
        for error in [
            SystemdError::NotBooted,
            SystemdError::Denied { reason: "no".into() },
            SystemdError::Masked { unit },
        ] {
            assert!(is_permanent(&of_error(&error, &aim)), "{error}");
        }
        for error in [
            SystemdError::Lost { reason: "gone".into() },
            SystemdError::TimedOut {
                what: evenkeel_systemd::Awaited::Answer,
                after: Duration::ZERO,
            },
            SystemdError::NoBus { socket: "/s".into(), reason: "nobody listens" },
        ] {
            assert!(!is_permanent(&of_error(&error, &aim)), "{error}");
        }
    }

    #[test]
    fn a_job_that_ends_otherwise_may_end_well_another_time() {
        let aim = Aim::StartUnit { unit: "web".to_owned() };
        assert_eq!(done(Ok(JobEnd::Done), &aim), Ok(()));
        let error = done(Ok(JobEnd::Dependency), &aim).unwrap_err();
        assert!(!is_permanent(&error));
        assert_eq!(
            error.reason().text(),
            "cannot start unit `web`: the job of systemd ended with `dependency`"
        );
    }
}
