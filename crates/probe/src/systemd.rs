use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use evenkeel_process::{Process, State};
use evenkeel_shown::said::{Note, UnitCode};
use evenkeel_systemd::{ActiveState, LoadState, Manager, SystemdError, Unit};
use nix::time::{ClockId, clock_gettime};

use crate::account::uid_of;
use crate::prober::{Attempt, Step, off_thread};
use crate::{Facts, FailureClass, Outcome, SystemdTarget};

/// What systemd may be late by when it keeps to its own times.
const SLACK: Duration = Duration::from_secs(10);

/// Connections to systemd, by the user whose manager it is. Each is made at its first use and closed when it is idle.
#[derive(Debug, Default)]
pub(crate) struct Managers(Mutex<BTreeMap<Option<u32>, Manager>>);

impl Managers {
    fn of(&self, user: Option<u32>) -> Manager {
        let mut managers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let manager = || user.map_or_else(Manager::system, Manager::of_user);
        managers.entry(user).or_insert_with(manager).clone()
    }
}

/// Asks systemd for the unit, and judges its state unless a condition does.
pub(crate) async fn measure(
    managers: &Managers,
    target: &SystemdTarget,
    attempt: &mut Attempt,
) -> Outcome {
    match look(managers, target, attempt).await {
        Ok(outcome) | Err(outcome) => outcome,
    }
}

async fn look(
    managers: &Managers,
    target: &SystemdTarget,
    attempt: &mut Attempt,
) -> Result<Outcome, Outcome> {
    attempt.step = Step::Daemon;
    let user = match target.user.clone() {
        Some(user) => Some(off_thread(move || uid_of(&user)).await??),
        None => None,
    };
    let asked = managers.of(user).unit(&target.unit, attempt.timeout).await;
    let unit = asked.map_err(|error| of_error(&error))?;
    let in_state = age(&unit);
    attempt.facts = facts(&unit, in_state);
    attempt.took_in_all();
    if target.needs_memory && attempt.facts.get("memory_bytes").is_none() {
        let detail = UnitCode::MemoryUntold { unit: unit.id };
        return Ok(Outcome::unknown(FailureClass::Missing, detail));
    }
    if target.any_state {
        return Ok(Outcome::Good);
    }
    let outcome = judge(&unit, in_state);
    match (outcome, unit.main_pid) {
        // systemd does not look at what its processes do.
        (Outcome::Good, Some(pid)) => off_thread(move || judge_process(&unit, pid)).await,
        (outcome, _) => Ok(outcome),
    }
}

fn facts(unit: &Unit, in_state: Duration) -> Facts {
    let mut facts = Facts::default();
    facts.set("active_state", unit.active.as_str());
    facts.set("sub_state", unit.sub.as_str());
    facts.set("load_state", unit.load.as_str());
    facts.set("result", unit.result.as_str());
    facts.set("restarts", unit.restarts);
    facts.set("main_pid", unit.main_pid.unwrap_or(0));
    facts.set("state_seconds", in_state.as_secs_f64());
    facts.set("invocation_id", unit.invocation.as_deref().unwrap_or_default());
    // What has no process has no memory.
    if let Some(bytes) = unit.memory_bytes.or(unit.control_group.is_none().then_some(0)) {
        facts.set("memory_bytes", bytes);
    }
    if let Some(invocation) = &unit.invocation {
        facts.set("incarnation", invocation.as_str());
    }
    facts
}

/// Bad is what went wrong and stays so. What systemd is about to mend by itself, and what someone stopped, is neither good nor bad.
fn judge(unit: &Unit, in_state: Duration) -> Outcome {
    let id = || unit.id.clone();
    let pending = |detail: UnitCode| Outcome::unknown(FailureClass::Missing, detail);
    match unit.active {
        ActiveState::Active | ActiveState::Reloading if unit.frozen => {
            Outcome::bad(FailureClass::Timeout, UnitCode::Frozen { unit: id() })
        }
        ActiveState::Active | ActiveState::Reloading => Outcome::Good,
        ActiveState::Failed => Outcome::bad(FailureClass::Exit, why_failed(unit)),
        ActiveState::Inactive => match &unit.load {
            LoadState::Loaded if unit.ended_by_itself() => pending(UnitCode::Ended { unit: id() }),
            LoadState::Loaded => pending(UnitCode::Inactive { unit: id() }),
            LoadState::Masked => pending(UnitCode::Masked { unit: id() }),
            other => Outcome::bad(
                FailureClass::Missing,
                UnitCode::Unstartable { unit: id(), load: other.to_string() },
            ),
        },
        ActiveState::Activating if unit.awaits_restart() => {
            let delay = unit.restart_delay.unwrap_or_default();
            late(unit, in_state, Some(delay)).unwrap_or_else(|| {
                pending(UnitCode::AwaitsRestart {
                    unit: id(),
                    result: unit.result.clone(),
                    delay,
                    restarts: unit.restarts,
                })
            })
        }
        // Each step may take so long, and there are steps that take over from one that took too long.
        ActiveState::Activating => late(unit, in_state, unit.start_timeout.map(|limit| limit * 2))
            .unwrap_or_else(|| pending(on_its_way(unit, in_state, None))),
        ActiveState::Deactivating => late(unit, in_state, unit.stop_timeout.map(|limit| limit * 2))
            .unwrap_or_else(|| pending(on_its_way(unit, in_state, None))),
        _ => pending(on_its_way(unit, in_state, None)),
    }
}

/// Bad, if systemd itself should have gone on long ago.
fn late(unit: &Unit, in_state: Duration, limit: Option<Duration>) -> Option<Outcome> {
    let limit = limit?.saturating_add(SLACK);
    (in_state > limit)
        .then(|| Outcome::bad(FailureClass::Timeout, on_its_way(unit, in_state, Some(limit))))
}

fn on_its_way(unit: &Unit, in_state: Duration, limit: Option<Duration>) -> UnitCode {
    UnitCode::Is {
        unit: unit.id.clone(),
        active: unit.active.to_string(),
        sub: unit.sub.clone(),
        seconds: in_state.as_secs(),
        limit,
    }
}

fn why_failed(unit: &Unit) -> UnitCode {
    let (id, result) = (unit.id.clone(), unit.result.clone());
    UnitCode::Failed { unit: id, result, restarts: unit.restarts }
}

fn judge_process(unit: &Unit, pid: u32) -> Outcome {
    // If it cannot be looked at, or is another one in the meantime, what systemd says holds.
    let Ok(process) = Process::open(pid) else { return Outcome::Good };
    let (Ok(cgroups), Ok(stat)) = (process.cgroups(), process.stat()) else { return Outcome::Good };
    let is_of_unit = cgroups
        .unit()
        .is_some_and(|found| found.system == unit.id || found.user.as_ref() == Some(&unit.id));
    if is_of_unit && stat.state == State::Stopped {
        let unit = unit.id.clone();
        return Outcome::bad(FailureClass::Timeout, UnitCode::Stopped { unit, pid });
    }
    Outcome::Good
}

/// How long the unit is in its state.
fn age(unit: &Unit) -> Duration {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
    unit.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
}

/// Bad only if systemd says that there is nothing of that name; unknown if it says nothing.
fn of_error(error: &SystemdError) -> Outcome {
    let detail = error.said();
    match error {
        SystemdError::NoSuchUnit { .. } => Outcome::bad(FailureClass::Missing, detail),
        SystemdError::NotBooted | SystemdError::NotOnBus { .. } => {
            Outcome::unknown(FailureClass::Missing, detail)
        }
        SystemdError::NoBus { .. } | SystemdError::Lost { .. } => {
            Outcome::unknown(FailureClass::Refused, detail)
        }
        SystemdError::Denied { .. } => Outcome::unknown(FailureClass::Denied, detail),
        SystemdError::TimedOut { .. } => {
            Outcome::unknown(FailureClass::Timeout, detail.noted(Note::FrozenOrOverloaded))
        }
        SystemdError::Refused { .. } | SystemdError::Protocol { .. } => {
            Outcome::unknown(FailureClass::Body, detail)
        }
        _ => Outcome::unknown(FailureClass::Limit, detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(active: ActiveState, sub: &str, result: &str) -> Unit {
        let mut unit = Unit::named("web.service");
        (unit.active, unit.sub, unit.result) = (active, sub.to_owned(), result.to_owned());
        unit
    }

    #[track_caller]
    fn check(unit: &Unit, in_state: u64, expected: &Outcome) {
        assert_eq!(&judge(unit, Duration::from_secs(in_state)), expected);
    }

    #[test]
    fn what_runs_is_good_unless_it_is_frozen() {
        check(&unit(ActiveState::Active, "running", "success"), 1, &Outcome::Good);
        check(&unit(ActiveState::Active, "exited", "success"), 1, &Outcome::Good);
        check(&unit(ActiveState::Reloading, "reload", "success"), 1, &Outcome::Good);
        let mut frozen = unit(ActiveState::Active, "running", "success");
        frozen.frozen = true;
        check(
            &frozen,
            1,
            &Outcome::bad(
                FailureClass::Timeout,
                "`web.service` is frozen: none of its processes runs",
            ),
        );
    }

    #[test]
    fn what_failed_is_bad_and_says_how() {
        let mut failed = unit(ActiveState::Failed, "failed", "signal");
        check(&failed, 1, &Outcome::bad(FailureClass::Exit, "`web.service` failed: signal"));
        failed.result = "start-limit-hit".to_owned();
        failed.restarts = 5;
        let words = "`web.service` failed: it was started too often, and systemd starts it no more (start-limit-hit), after 5 restarts by systemd";
        check(&failed, 1, &Outcome::bad(FailureClass::Exit, words));
    }

    #[test]
    fn what_someone_stopped_is_no_fault() {
        let mut stopped = unit(ActiveState::Inactive, "dead", "success");
        check(
            &stopped,
            1,
            &Outcome::unknown(FailureClass::Missing, "`web.service` is inactive, as on purpose"),
        );
        stopped.load = LoadState::Masked;
        check(
            &stopped,
            1,
            &Outcome::unknown(FailureClass::Missing, "`web.service` is masked, as on purpose"),
        );
        stopped.load = LoadState::Other("bad-setting".to_owned());
        let words = "`web.service` cannot be started: its unit file is in the state `bad-setting`";
        check(&stopped, 1, &Outcome::bad(FailureClass::Missing, words));
    }

    #[test]
    fn a_restart_that_systemd_makes_is_left_to_it_until_it_is_overdue() {
        let mut ended = unit(ActiveState::Activating, "auto-restart", "exit-code");
        (ended.restart_delay, ended.restarts) = (Some(Duration::from_secs(50)), 2);
        let words = "`web.service` ended (exit-code); systemd itself restarts it, 50s later, for the 2. time";
        check(&ended, 60, &Outcome::unknown(FailureClass::Missing, words));
        let words = "`web.service` is activating (auto-restart) for 61s, longer than the 60s that systemd would give it";
        check(&ended, 61, &Outcome::bad(FailureClass::Timeout, words));
    }

    #[test]
    fn a_start_or_stop_that_never_ends_is_bad_only_beyond_its_own_limit() {
        let mut starting = unit(ActiveState::Activating, "start-pre", "success");
        check(
            &starting,
            1_000_000,
            &Outcome::unknown(
                FailureClass::Missing,
                "`web.service` is activating (start-pre) for 1000000s",
            ),
        );
        starting.start_timeout = Some(Duration::from_secs(90));
        check(
            &starting,
            190,
            &Outcome::unknown(
                FailureClass::Missing,
                "`web.service` is activating (start-pre) for 190s",
            ),
        );
        let words = "`web.service` is activating (start-pre) for 191s, longer than the 190s that systemd would give it";
        check(&starting, 191, &Outcome::bad(FailureClass::Timeout, words));
    }

    #[test]
    fn only_a_unit_that_is_not_there_is_bad_and_no_answer_is_unknown() {
        let unit = evenkeel_systemd::UnitName::try_new("web").unwrap();
        let missing =
            of_error(&SystemdError::NoSuchUnit { unit, near: vec!["webd.service".to_owned()] });
        assert!(
            matches!(missing, Outcome::Bad(failure) if failure.detail.contains("`webd.service`"))
        );
        for error in [
            SystemdError::NotBooted,
            SystemdError::Denied { reason: "no".to_owned() },
            SystemdError::TimedOut { what: evenkeel_systemd::Awaited::Answer, after: SLACK },
            SystemdError::Lost { reason: "gone".to_owned() },
        ] {
            assert!(matches!(of_error(&error), Outcome::Unknown(_)), "{error}");
        }
    }
}
