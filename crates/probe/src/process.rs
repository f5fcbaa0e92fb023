use std::path::Path;
use std::time::Duration;

use evenkeel_supervisord::Client;
use nix::unistd::User;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::prober::{Attempt, Step, off_thread};
use crate::procfs::{self, Seen};
use crate::supervisor::of_call;
use crate::{Facts, FailureClass, Outcome, ProcessTarget};

/// The kernel keeps this much of a program's name.
const COMM_LIMIT: usize = 15;

/// Finds the processes and looks at each.
pub(crate) async fn measure(target: &ProcessTarget, attempt: &mut Attempt) -> Result<(), Outcome> {
    let target = match target {
        ProcessTarget::SupervisorDaemon { socket } => {
            attempt.step = Step::Daemon;
            let asked = Client::new(socket).daemon_pid(attempt.timeout).await;
            ProcessTarget::Pid(asked.map_err(|error| of_call(&error))?)
        }
        other => other.clone(),
    };
    attempt.facts = off_thread(move || look(&target)).await??;
    Ok(())
}

fn look(target: &ProcessTarget) -> Result<Facts, Outcome> {
    let pids = match target {
        ProcessTarget::Pid(pid) => vec![*pid],
        ProcessTarget::Pidfile(path) => vec![pid_of(path)?],
        ProcessTarget::Name { name, user } => named(name, user.as_deref())?,
        ProcessTarget::SupervisorDaemon { .. } => Vec::new(),
    };
    let mut living = Vec::new();
    let mut zombie = false;
    for pid in pids {
        match procfs::see(pid) {
            Ok(Some(seen)) if seen.zombie => zombie = true,
            Ok(Some(seen)) => living.push((pid, seen)),
            Ok(None) => {}
            Err(error) => {
                let class = class_of(&error);
                return Err(Outcome::unknown(
                    class,
                    format!("cannot look at process {pid}: {error}"),
                ));
            }
        }
    }
    match living.iter().min_by_key(|(pid, seen)| (seen.started, *pid)) {
        Some((oldest, seen)) => Ok(facts(*oldest, seen, &living)),
        None if zombie => {
            Err(Outcome::bad(FailureClass::Missing, format!("{target} is dead: a zombie")))
        }
        None => Err(Outcome::bad(FailureClass::Missing, format!("{target} does not run"))),
    }
}

fn facts(oldest: u32, first: &Seen, living: &[(u32, Seen)]) -> Facts {
    let sum = |of: fn(&Seen) -> u64| living.iter().map(|(_, seen)| of(seen)).sum::<u64>();
    let age = procfs::uptime().unwrap_or_default().saturating_sub(first.started);
    let boot = Duration::from_secs(procfs::boot_time().unwrap_or_default());
    let mut facts = Facts::default();
    facts.set("pid", oldest);
    facts.set("processes", living.len() as u64);
    facts.set("rss_bytes", sum(|seen| seen.rss_bytes));
    facts.set("threads", sum(|seen| seen.threads));
    facts.set("age_seconds", age.as_secs_f64());
    facts.set("start_time_seconds", (boot + first.started).as_secs_f64());
    facts
}

fn pid_of(path: &Path) -> Result<u32, Outcome> {
    let text = procfs::read_small(path).map_err(|error| {
        if procfs::is_gone(&error) {
            return Outcome::bad(
                FailureClass::Missing,
                format!("there is no pid file `{}`", path.display()),
            );
        }
        Outcome::unknown(class_of(&error), format!("cannot read `{}`: {error}", path.display()))
    })?;
    // Some write more than the number, on lines of their own.
    let first = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned();
    match first.parse() {
        Ok(pid) if pid != 0 => Ok(pid),
        // It may be about to be written: not known to be dead.
        _ => Err(Outcome::unknown(
            FailureClass::Body,
            format!("`{}` holds no process number", path.display()),
        )),
    }
}

fn named(name: &str, user: Option<&str>) -> Result<Vec<u32>, Outcome> {
    let user = user.map(uid_of).transpose()?;
    let mut system = System::new().map_err(|error| {
        Outcome::unknown(FailureClass::Limit, format!("cannot list processes: {error}"))
    })?;
    let kind = ProcessRefreshKind::nothing()
        .without_tasks()
        .with_user(UpdateKind::OnlyIfNotSet)
        .with_exe(if name.len() > COMM_LIMIT {
            UpdateKind::OnlyIfNotSet
        } else {
            UpdateKind::Never
        })
        .with_cmd(if name.len() > COMM_LIMIT {
            UpdateKind::OnlyIfNotSet
        } else {
            UpdateKind::Never
        });
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
    let chosen = |process: &&sysinfo::Process| {
        is_named(process, name)
            && user.is_none_or(|user| process.user_id().is_some_and(|uid| **uid == user))
    };
    Ok(system.processes().values().filter(chosen).map(|process| process.pid().as_u32()).collect())
}

fn is_named(process: &sysinfo::Process, name: &str) -> bool {
    if process.name() == name {
        return true;
    }
    // The kernel cut the name: the file, or for a script its first arguments, still have it whole.
    let cut =
        process.name().to_str().is_some_and(|cut| cut.len() == COMM_LIMIT && name.starts_with(cut));
    let file_name = |path: &Path| path.file_name().is_some_and(|file| file == name);
    cut && (process.exe().is_some_and(file_name)
        || process.cmd().iter().take(2).any(|word| file_name(Path::new(word))))
}

fn uid_of(user: &str) -> Result<u32, Outcome> {
    match user.parse() {
        Ok(number) => Ok(number),
        Err(_) => match User::from_name(user) {
            Ok(Some(found)) => Ok(found.uid.as_raw()),
            // Whether one was meant to be there cannot be told.
            Ok(None) => {
                Err(Outcome::unknown(FailureClass::Missing, format!("there is no user `{user}`")))
            }
            Err(errno) => {
                let detail = format!("cannot look up user `{user}`: {errno}");
                Err(Outcome::unknown(FailureClass::Limit, detail))
            }
        },
    }
}

fn class_of(error: &std::io::Error) -> FailureClass {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => FailureClass::Denied,
        _ => FailureClass::Limit,
    }
}
