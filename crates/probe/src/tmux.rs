mod stillness;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evenkeel_process::Process;
use evenkeel_shown::said::WorkloadCode;
use evenkeel_tmux::{Pane, Server, TmuxError};
use tokio::time::Instant;

use crate::prober::{Attempt, Step, off_thread};
use crate::{Facts, FailureClass, Outcome, Part, ProgramGlob, TmuxTarget};

pub(crate) use stillness::Stillness;

/// Asks the server for its panes, and notes each of those that are looked at as a part.
pub(crate) async fn measure(
    stillness: &Mutex<Stillness>,
    target: &TmuxTarget,
    attempt: &mut Attempt,
) -> Outcome {
    match look(stillness, target, attempt).await {
        Ok(()) => Outcome::Good,
        Err(outcome) => outcome,
    }
}

async fn look(
    stillness: &Mutex<Stillness>,
    target: &TmuxTarget,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    attempt.step = Step::Daemon;
    let place = target.place.clone();
    let (server, fault) =
        off_thread(move || place.server()).await?.map_err(|error| of_error(&error))?;
    // A server behind such a folder may answer whoever is connected already, and nobody else.
    if let Some(fault) = fault {
        return Err(Outcome::bad(FailureClass::Denied, fault));
    }
    let left = |attempt: &Attempt| attempt.deadline.saturating_duration_since(Instant::now());
    let panes = server.panes(left(attempt)).await.map_err(|error| of_error(&error))?;
    let chosen: Vec<_> =
        panes.into_iter().filter(|pane| is_chosen(&target.sessions, &pane.session)).collect();
    let reads = target.reads_contents || target.stalled_after.is_some();
    let still = if reads {
        let shown =
            contents(&server, &chosen, left(attempt)).await.map_err(|error| of_error(&error))?;
        // Under the lock for as long as a map is walked, and never across a wait.
        let mut stillness = stillness.lock().unwrap_or_else(PoisonError::into_inner);
        stillness.observe(server.socket(), Instant::now(), shown)
    } else {
        BTreeMap::new()
    };
    let sessions: BTreeSet<_> = chosen.iter().map(|pane| pane.session.clone()).collect();
    let server_pid = chosen.first().map_or(0, |pane| pane.server);
    let stalled_after = target.stalled_after;
    let parts = off_thread(move || {
        let of_pane = |pane: &Pane| {
            let still = still.get(&life(pane)).copied();
            let unread = reads && !pane.dead && still.is_none();
            let part = part(pane, still, stalled_after);
            if unread { Part { outcome: unread_pane(&part.name), ..part } } else { part }
        };
        chosen.iter().map(of_pane).collect::<Vec<_>>()
    });
    attempt.parts = parts.await?;
    let dead = attempt.parts.iter().filter(|part| part.facts.text("state") == Some("dead")).count();
    let counts = [("sessions", sessions.len()), ("panes", attempt.parts.len()), ("dead", dead)];
    attempt.facts = counts.into_iter().map(|(field, count)| (field, count as u64)).collect();
    attempt.facts.set("server_pid", server_pid);
    attempt.took_in_all();
    absent(&target.sessions, &sessions).map_or(Ok(()), Err)
}

fn is_chosen(globs: &[ProgramGlob], session: &str) -> bool {
    globs.is_empty() || globs.iter().any(|glob| glob.matches_name(session))
}

/// What is expected and not there.
fn absent(globs: &[ProgramGlob], sessions: &BTreeSet<String>) -> Option<Outcome> {
    let missing =
        globs.iter().filter(|glob| !sessions.iter().any(|session| glob.matches_name(session)));
    let sessions: Vec<_> = missing.map(|glob| glob.as_str().to_owned()).collect();
    (!sessions.is_empty())
        .then(|| Outcome::bad(FailureClass::Missing, WorkloadCode::NoSession { sessions }))
}

/// What the living panes show, by their lives.
async fn contents(
    server: &Server,
    panes: &[Pane],
    deadline: Duration,
) -> Result<BTreeMap<String, u64>, TmuxError> {
    let living: Vec<_> = panes.iter().filter(|pane| !pane.dead).collect();
    let ids: Vec<_> = living.iter().map(|pane| pane.id.as_str()).collect();
    let mut shown = server.contents(&ids, deadline).await?;
    Ok(living.iter().filter_map(|pane| Some((life(pane), shown.remove(&pane.id)?))).collect())
}

/// Names this life of a pane: what it showed before its command was started anew is of no account.
fn life(pane: &Pane) -> String {
    format!("{}@{}", pane.id, pane.pid)
}

fn part(pane: &Pane, still: Option<Duration>, stalled_after: Option<Duration>) -> Part {
    let name = pane.name();
    let still = still.map(|still| still.max(idle_of_window(pane)));
    let mut facts = Facts::default();
    facts.set("pid", pane.pid);
    if let Some(still) = still {
        facts.set("unchanged_seconds", still.as_secs_f64());
    }
    let process = Process::open(pane.pid);
    let is_gone = match process.as_ref().map(Process::stat) {
        Ok(stat) => stat.map_or_else(|error| error.is_gone(), |stat| stat.is_dead()),
        Err(error) => error.is_gone(),
    };
    let incarnation = process.map(|process| process.identity().incarnation());
    if let (false, true, Ok(incarnation)) = (pane.dead, pane.is_believed, incarnation) {
        facts.set("incarnation", incarnation);
    }
    for (field, value) in [("exit_status", pane.status), ("exit_signal", pane.signal)] {
        if let Some(value) = value {
            facts.set(field, value);
        }
    }
    let stalled = still.zip(stalled_after).filter(|(still, limit)| still >= limit);
    let (state, outcome) = match (pane.dead, stalled) {
        (true, _) => ("dead", how_it_died(pane, &name, is_gone)),
        (false, Some((still, _))) => {
            let (pane, seconds) = (name.clone(), still.as_secs());
            let detail = WorkloadCode::PaneStalled { pane, seconds };
            ("stalled", Outcome::bad(FailureClass::Timeout, detail))
        }
        (false, None) => ("ok", Outcome::Good),
    };
    facts.set("state", state);
    Part { name, outcome, facts }
}

fn how_it_died(pane: &Pane, name: &str, is_gone: bool) -> Outcome {
    let (status, signal) = (pane.status, pane.signal);
    let pane = name.to_owned();
    match (status, signal) {
        (_, Some(signal)) => {
            Outcome::bad(FailureClass::Exit, WorkloadCode::PaneSignalled { pane, signal })
        }
        (Some(0), None) => Outcome::unknown(FailureClass::Missing, WorkloadCode::PaneDone { pane }),
        (Some(status), None) => {
            Outcome::bad(FailureClass::Exit, WorkloadCode::PaneExited { pane, status })
        }
        // Now and then tmux (3.3a) does not notice that it ended, or forgets how: it is a zombie or gone, so dead all the same.
        (None, None) if is_gone => {
            Outcome::bad(FailureClass::Exit, WorkloadCode::PaneDead { pane })
        }
        (None, None) => Outcome::unknown(FailureClass::Missing, WorkloadCode::PaneDying { pane }),
    }
}

fn unread_pane(name: &str) -> Outcome {
    Outcome::unknown(FailureClass::Limit, WorkloadCode::PaneUnread { pane: name.to_owned() })
}

/// How long nothing was written in the pane's window, if the pane is the only one there: also from before anybody looked.
fn idle_of_window(pane: &Pane) -> Duration {
    if pane.window_panes != 1 {
        return Duration::ZERO;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_secs(pane.window_activity))
}

/// That the server answers is what the check is for: one that does not is down, and unknown is what says nothing about it.
fn of_error(error: &TmuxError) -> Outcome {
    let detail = error.said();
    match error {
        TmuxError::Missing { .. } | TmuxError::Deleted { .. } => {
            Outcome::bad(FailureClass::Missing, detail)
        }
        TmuxError::Dead { .. } => Outcome::bad(FailureClass::Refused, detail),
        TmuxError::TimedOut { .. } => Outcome::bad(FailureClass::Timeout, detail),
        TmuxError::Denied { .. } => Outcome::unknown(FailureClass::Denied, detail),
        TmuxError::NoProgram { .. } | TmuxError::NoUser { .. } => {
            Outcome::unknown(FailureClass::Missing, detail)
        }
        TmuxError::Refused { .. } | TmuxError::Protocol { .. } => {
            Outcome::unknown(FailureClass::Body, detail)
        }
        _ => Outcome::unknown(FailureClass::Limit, detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pane() -> Pane {
        Pane::named("web", 0, 1, 4_000_000)
    }

    #[test]
    fn a_dead_pane_is_bad_unless_it_was_done() {
        let died =
            |status, signal| part(&Pane { dead: true, status, signal, ..pane() }, None, None);
        let bad = |detail| Outcome::bad(FailureClass::Exit, detail);
        assert_eq!(died(Some(7), None).outcome, bad("the pane `web:0.1` exited with 7"));
        assert_eq!(died(None, Some(11)).outcome, bad("the pane `web:0.1` was ended by signal 11"));
        assert!(matches!(died(Some(0), None).outcome, Outcome::Unknown(_)));
        let untold = bad("the pane `web:0.1` is dead, and tmux does not say how it ended");
        assert_eq!(died(None, None).outcome, untold);
        let waited_for = Pane { dead: true, pid: std::process::id(), ..pane() };
        assert!(matches!(part(&waited_for, None, None).outcome, Outcome::Unknown(_)));
        assert_eq!(died(Some(7), None).facts.number("exit_status"), Some(7.0));
    }

    #[test]
    fn a_pane_is_stalled_from_exactly_its_limit_on() {
        let limit = Some(Duration::from_mins(10));
        let pane = Pane { window_panes: 2, ..pane() };
        let state = |seconds| {
            part(&pane, Some(Duration::from_secs(seconds)), limit)
                .facts
                .text("state")
                .map(str::to_owned)
        };
        assert_eq!(state(599).as_deref(), Some("ok"));
        assert_eq!(state(600).as_deref(), Some("stalled"));
        let unseen = part(&pane, None, limit);
        assert_eq!(unseen.outcome, Outcome::Good, "what was not read says nothing");
    }

    #[test]
    fn expected_sessions_must_be_there() {
        let globs: Vec<_> = ["web", "job-*"].map(|glob| ProgramGlob::try_new(glob).unwrap()).into();
        let there =
            |names: &[&str]| absent(&globs, &names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(there(&["web", "job-1", "other"]), None);
        let detail = "tmux has no session `web` and none `job-*`";
        assert_eq!(there(&["website"]), Some(Outcome::bad(FailureClass::Missing, detail)));
        assert!(
            is_chosen(&globs, "job-9") && !is_chosen(&globs, "other") && is_chosen(&[], "other")
        );
    }
}
