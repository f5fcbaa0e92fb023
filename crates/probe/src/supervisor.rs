use std::collections::BTreeMap;

use evenkeel_process::{Identity, Process};
use evenkeel_supervisord::{CallError, Client, Program, ProgramState};

use crate::looks::Turns;
use crate::nearest::nearest;
use crate::prober::{Attempt, Step, off_thread};
use crate::program_memory;
use crate::{Facts, FailureClass, Outcome, Part, ProgramGlob, ProgramMemory, SupervisorTarget};
use evenkeel_shown::excerpt;
use evenkeel_shown::said::{Note, WorkloadCode};

/// Exit codes with which a program may end by itself, where supervisord did not say.
const EXPECTED_EXITS: [i64; 1] = [0];
/// How much of what supervisord says of a failure is repeated.
const REASON_CHARS: usize = 200;

/// Which exits are expected of each program, by its full name.
type Exits = BTreeMap<String, Vec<i64>>;

/// Asks for every program, and notes each of those that are looked at as a part.
pub(crate) async fn measure(
    turns: &Turns,
    target: &SupervisorTarget,
    attempt: &mut Attempt,
) -> Outcome {
    attempt.step = Step::Daemon;
    let client = Client::new(&target.socket);
    let programs = match client.programs(attempt.timeout).await {
        Ok(programs) => programs,
        Err(error) => {
            note_daemon(&error, &mut attempt.facts);
            return of_call(&error);
        }
    };
    let exits = expected_exits(&client, target, &programs, attempt).await;
    let mut parts = parts(target, &programs, &exits);
    attempt.took_in_all();
    let memory = target.memory;
    let look = move || {
        parts.iter_mut().for_each(add_incarnation);
        program_memory::add(&mut parts, memory);
        parts
    };
    let deadline = attempt.deadline;
    let looked = async {
        match memory {
            // The kernel walks page tables, for which it may wait without end.
            ProgramMemory::TreeProportional => {
                turns.take(&format!("{target:?}"), attempt, look).await
            }
            ProgramMemory::None | ProgramMemory::Own | ProgramMemory::Tree => {
                off_thread(look).await
            }
        }
    };
    attempt.parts = match tokio::time::timeout_at(deadline, looked).await {
        Ok(Ok(parts)) => parts,
        Ok(Err(outcome)) => return outcome,
        Err(_) => return attempt.step.timed_out(attempt.timeout),
    };
    let count =
        |test: fn(&Part) -> bool| attempt.parts.iter().filter(|part| test(part)).count() as u64;
    let running = count(|part| part.facts.text("state") == Some(ProgramState::Running.as_str()));
    let failed = count(|part| matches!(part.outcome, Outcome::Bad(_)));
    let chosen = attempt.parts.len() as u64;
    for (field, count) in [("programs", chosen), ("running", running), ("failed", failed)] {
        attempt.facts.set(field, count);
    }
    attempt.facts.set("daemon", "answers");
    Outcome::Good
}

/// Asked for only if somebody exited: nobody else's state depends on it.
async fn expected_exits(
    client: &Client,
    target: &SupervisorTarget,
    programs: &[Program],
    attempt: &Attempt,
) -> Exits {
    let exited = |program: &&Program| {
        program.state == ProgramState::Exited
            && target.programs.iter().any(|glob| glob.matches(program))
    };
    if !programs.iter().any(|program| exited(&program)) {
        return Exits::new();
    }
    let left = attempt.deadline.saturating_duration_since(tokio::time::Instant::now());
    client.expected_exits(left).await.unwrap_or_default()
}

/// What tells one life of a program from the next: its process, by number and start.
///
/// The start is the kernel's: supervisord moves its own when a clock is set back. Where `/proc` does not show the process, as
/// from another namespace, the number alone has to do.
fn add_incarnation(part: &mut Part) {
    let Some(pid) = program_memory::pid_of(&part.facts) else { return };
    let incarnation = match Process::open(pid) {
        Ok(process) => process.identity().incarnation(),
        Err(_) => pid.to_string(),
    };
    part.facts.set("incarnation", incarnation);
}

/// How the daemon fails to answer, as facts.
fn note_daemon(error: &CallError, facts: &mut Facts) {
    let daemon = match error {
        CallError::Refused { .. } => "killed",
        CallError::Missing { .. } => "absent",
        CallError::Deleted { .. } => "socket-deleted",
        CallError::TimedOut { daemon: Some(daemon), .. } if daemon.activity.is_frozen() => "frozen",
        CallError::TimedOut { .. } => "silent",
        _ => return,
    };
    facts.set("daemon", daemon);
    if let Some(daemon) = error.daemon() {
        facts.set("daemon_pid", daemon.identity.pid);
        facts.set("daemon_activity", daemon.activity.as_str());
        let children = daemon.children.iter().map(Identity::incarnation);
        facts.set("daemon_children", children.collect::<Vec<_>>().join(" "));
    }
}

/// One part for each program that is chosen, and for each that is named and not there.
fn parts(target: &SupervisorTarget, programs: &[Program], exits: &Exits) -> Vec<Part> {
    let chosen = &target.programs;
    let any =
        |globs: &[ProgramGlob], program: &Program| globs.iter().any(|glob| glob.matches(program));
    let there =
        programs.iter().filter(|program| any(chosen, program) && !any(&target.except, program));
    let missing = chosen
        .iter()
        .filter(|glob| !programs.iter().any(|program| glob.matches(program)))
        .filter_map(ProgramGlob::exact_name)
        .map(|name| Part {
            name: name.to_owned(),
            outcome: no_such_program(name, programs),
            facts: Facts::default(),
        });
    there.map(|program| part(program, target.judge_states, exits)).chain(missing).collect()
}

/// The program of this name: `name`, or `group:name`.
pub(crate) fn named_program<'a>(
    name: &str,
    programs: &'a [Program],
) -> Result<&'a Program, Outcome> {
    let found = programs.iter().find(|program| {
        program.full_name() == name || format!("{}:{}", program.group, program.name) == name
    });
    found.ok_or_else(|| no_such_program(name, programs))
}

fn no_such_program(name: &str, programs: &[Program]) -> Outcome {
    let names: Vec<_> = programs.iter().map(Program::full_name).collect();
    let near = nearest(name, names.iter().map(String::as_str));
    Outcome::bad(FailureClass::Missing, WorkloadCode::NoProgram { program: name.to_owned(), near })
}

fn part(program: &Program, judge_states: bool, exits: &Exits) -> Part {
    let mut facts = Facts::default();
    facts.set("state", program.state.as_str());
    facts.set("exit_status", f64::from(i32::try_from(program.exit_status).unwrap_or(i32::MAX)));
    facts.set("started", program.started);
    if let Some(pid) = program.pid {
        facts.set("pid", pid);
    }
    if let Some(uptime) = program.uptime {
        facts.set("uptime_seconds", uptime.as_secs());
    }
    let expected = exits.get(&program.full_name()).map_or(&EXPECTED_EXITS[..], Vec::as_slice);
    let outcome = match judge_exit(program, expected) {
        // Whoever asks only about those that run has nothing to say about one that does not.
        Outcome::Bad(failure) if !judge_states => Outcome::Unknown(failure),
        outcome => outcome,
    };
    Part { name: program.full_name(), outcome, facts }
}

/// As [`judge_exit`], of a program that may end with 0.
pub(crate) fn judge(program: &Program) -> Outcome {
    judge_exit(program, &EXPECTED_EXITS)
}

/// Only what went wrong by itself is bad: who stops a program on purpose does not want it restarted.
///
/// STOPPED is on purpose: supervisord says it only of a program that it was told to stop, or never told to start. EXITED is
/// as expected if the code is one of `exitcodes`; whether supervisord was to start it again (`autorestart`) it does not say.
fn judge_exit(program: &Program, expected: &[i64]) -> Outcome {
    let (name, status) = (program.full_name(), program.exit_status);
    let idle = |detail: WorkloadCode| Outcome::unknown(FailureClass::Missing, detail);
    match program.state {
        ProgramState::Running => Outcome::Good,
        ProgramState::Fatal | ProgramState::Backoff => {
            let reason = Some(program.spawn_error.trim()).filter(|reason| !reason.is_empty());
            let detail = WorkloadCode::ProgramFails {
                program: name,
                state: program.state.to_string(),
                reason: reason.map(|reason| excerpt(reason, REASON_CHARS)),
            };
            Outcome::bad(FailureClass::Exit, detail)
        }
        ProgramState::Exited if expected.contains(&status) => {
            idle(WorkloadCode::ProgramDone { program: name, status })
        }
        ProgramState::Exited => {
            let detail = match status {
                -1 => WorkloadCode::ProgramSignalled { program: name },
                status => WorkloadCode::ProgramExited { program: name, status },
            };
            Outcome::bad(FailureClass::Exit, detail)
        }
        ProgramState::Stopped if program.never_started => {
            idle(WorkloadCode::ProgramNotStarted { program: name })
        }
        ProgramState::Stopped => idle(WorkloadCode::ProgramStopped { program: name }),
        ProgramState::Starting
        | ProgramState::Stopping
        | ProgramState::UnknownToSupervisord
        | ProgramState::Unknown(_) => {
            idle(WorkloadCode::ProgramIs { program: name, state: program.state.to_string() })
        }
    }
}

/// Bad if the daemon is surely gone or frozen, and will not come back by itself; unknown if it cannot be asked.
pub(crate) fn of_call(error: &CallError) -> Outcome {
    let detail = error.said();
    match error {
        CallError::Refused { .. } => {
            Outcome::bad(FailureClass::Refused, detail.noted(Note::SupervisordDead))
        }
        CallError::Missing { .. } => {
            Outcome::bad(FailureClass::Missing, detail.noted(Note::SupervisordNotRunning))
        }
        CallError::Deleted { .. } => {
            Outcome::unknown(FailureClass::Missing, detail.noted(Note::SupervisordUnreachable))
        }
        CallError::Denied { .. } => Outcome::unknown(FailureClass::Denied, detail),
        CallError::TimedOut { daemon: Some(daemon), .. } if daemon.activity.is_frozen() => {
            Outcome::bad(FailureClass::Timeout, detail.noted(Note::SupervisordFrozen))
        }
        CallError::TimedOut { .. } => {
            Outcome::unknown(FailureClass::Timeout, detail.noted(Note::OverloadedOrStuck))
        }
        CallError::Fault { .. } | CallError::Protocol { .. } => {
            Outcome::unknown(FailureClass::Body, detail)
        }
        _ => Outcome::unknown(FailureClass::Limit, detail),
    }
}
