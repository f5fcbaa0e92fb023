use evenkeel_supervisord::{CallError, Client, Program, ProgramState};

use crate::prober::{Attempt, Step, off_thread};
use crate::program_memory;
use crate::{Facts, FailureClass, Outcome, Part, ProgramGlob, ProgramMemory, SupervisorTarget};

/// Asks for every program, and notes each of those that are looked at as a part.
pub(crate) async fn measure(target: &SupervisorTarget, attempt: &mut Attempt) -> Outcome {
    attempt.step = Step::Daemon;
    let programs = match Client::new(&target.socket).programs(attempt.timeout).await {
        Ok(programs) => programs,
        Err(error) => return of_call(&error),
    };
    let mut parts = parts(target, &programs);
    if target.memory != ProgramMemory::None {
        let memory = target.memory;
        let looked = off_thread(move || {
            program_memory::add(&mut parts, memory);
            parts
        });
        parts = match tokio::time::timeout_at(attempt.deadline, looked).await {
            Ok(Ok(parts)) => parts,
            Ok(Err(outcome)) => return outcome,
            Err(_) => return attempt.step.timed_out(attempt.timeout),
        };
    }
    attempt.parts = parts;
    let count =
        |test: fn(&Part) -> bool| attempt.parts.iter().filter(|part| test(part)).count() as u64;
    let running = count(|part| part.facts.text("state") == Some(ProgramState::Running.as_str()));
    let failed = count(|part| matches!(part.outcome, Outcome::Bad(_)));
    let chosen = attempt.parts.len() as u64;
    attempt.facts =
        [("programs", chosen), ("running", running), ("failed", failed)].into_iter().collect();
    attempt.took_in_all();
    Outcome::Good
}

/// One part for each program that is chosen, and for each that is named and not there.
fn parts(target: &SupervisorTarget, programs: &[Program]) -> Vec<Part> {
    let chosen = &target.programs;
    let there = programs.iter().filter(|program| chosen.iter().any(|glob| glob.matches(program)));
    let missing = chosen
        .iter()
        .filter(|glob| !programs.iter().any(|program| glob.matches(program)))
        .filter_map(ProgramGlob::exact_name)
        .map(|name| Part {
            name: name.to_owned(),
            outcome: Outcome::bad(
                FailureClass::Missing,
                format!("supervisord has no program `{name}`"),
            ),
            facts: Facts::default(),
        });
    there.map(|program| part(program, target.judge_states)).chain(missing).collect()
}

fn part(program: &Program, judge_states: bool) -> Part {
    let mut facts = Facts::default();
    facts.set("state", program.state.as_str());
    facts.set("exit_status", f64::from(i32::try_from(program.exit_status).unwrap_or(i32::MAX)));
    if let Some(pid) = program.pid {
        facts.set("pid", pid);
    }
    if let Some(uptime) = program.uptime {
        facts.set("uptime_seconds", uptime.as_secs());
    }
    let outcome = match judge(program) {
        // Whoever asks only about those that run has nothing to say about one that does not.
        Outcome::Bad(failure) if !judge_states => Outcome::Unknown(failure),
        outcome => outcome,
    };
    Part { name: program.full_name(), outcome, facts }
}

/// Only what went wrong by itself is bad: who stops a program on purpose does not want it restarted.
fn judge(program: &Program) -> Outcome {
    let name = program.full_name();
    let state = program.state;
    let because = if program.spawn_error.is_empty() {
        String::new()
    } else {
        format!(": {}", program.spawn_error)
    };
    match state {
        ProgramState::Running => Outcome::Good,
        ProgramState::Fatal | ProgramState::Backoff => {
            Outcome::bad(FailureClass::Exit, format!("`{name}` is {state}{because}"))
        }
        ProgramState::Exited if program.exit_status != 0 => {
            let detail = match program.exit_status {
                -1 => format!("`{name}` was ended by a signal"),
                status => format!("`{name}` exited with {status}"),
            };
            Outcome::bad(FailureClass::Exit, detail)
        }
        ProgramState::Exited => Outcome::unknown(
            FailureClass::Missing,
            format!("`{name}` exited with 0, as one that is done"),
        ),
        ProgramState::Stopped => {
            Outcome::unknown(FailureClass::Missing, format!("`{name}` is stopped, as on purpose"))
        }
        ProgramState::Starting
        | ProgramState::Stopping
        | ProgramState::UnknownToSupervisord
        | ProgramState::Unknown(_) => {
            Outcome::unknown(FailureClass::Missing, format!("`{name}` is {state}"))
        }
    }
}

/// Bad if the daemon is surely gone; unknown if it cannot be asked.
pub(crate) fn of_call(error: &CallError) -> Outcome {
    let detail = error.to_string();
    match error {
        CallError::Refused { .. } => {
            Outcome::bad(FailureClass::Refused, format!("{detail}: supervisord is dead"))
        }
        CallError::Missing { .. } => Outcome::bad(
            FailureClass::Missing,
            format!("{detail}, and nobody listens: supervisord does not run"),
        ),
        CallError::Deleted { .. } => Outcome::unknown(
            FailureClass::Missing,
            format!("{detail}: it cannot be asked until it is restarted"),
        ),
        CallError::Denied { .. } => Outcome::unknown(FailureClass::Denied, detail),
        CallError::TimedOut { .. } => {
            Outcome::unknown(FailureClass::Timeout, format!("{detail}: frozen or overloaded"))
        }
        CallError::Fault { .. } | CallError::Protocol { .. } => {
            Outcome::unknown(FailureClass::Body, detail)
        }
        CallError::Io { source, .. } => {
            Outcome::unknown(FailureClass::Limit, format!("{detail}: {source}"))
        }
        _ => Outcome::unknown(FailureClass::Limit, detail),
    }
}
