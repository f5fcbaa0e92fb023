//! What a program inherits of the one that starts it, and is not meant for it.

#![expect(clippy::disallowed_methods, reason = "files of /proc, which nobody else makes")]

use std::ffi::OsString;
use std::fs;
use std::sync::{OnceLock, PoisonError, RwLock};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use tokio::process::Command;

/// What a service manager told this program about itself, whose word another one would give in its place. Source: `systemd.exec(5)`,
/// `sd_notify(3)`, `sd_listen_fds(3)`.
const TOLD_US_ALONE: [&str; 16] = [
    "CACHE_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LOGS_DIRECTORY",
    "MANAGERPID",
    "NOTIFY_SOCKET",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "SYSTEMD_EXEC_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

static KEPT: RwLock<Vec<OsString>> = RwLock::new(Vec::new());

/// Has all programs that are started from now on find none of these variables, unless their command sets them: those that this
/// program takes its settings from, for they may be secrets.
pub fn keep_from_commands(names: impl IntoIterator<Item = OsString>) {
    *KEPT.write().unwrap_or_else(PoisonError::into_inner) = names.into_iter().collect();
}

pub(crate) fn withhold_variables(command: &mut Command) {
    for told_us_alone in TOLD_US_ALONE {
        command.env_remove(told_us_alone);
    }
    for kept in KEPT.read().unwrap_or_else(PoisonError::into_inner).iter() {
        command.env_remove(kept);
    }
}

static FORMER_LIMIT: OnceLock<Rlimit> = OnceLock::new();

/// Raises the number of descriptors that this program may have open as far as it may be raised: a deep tree takes one a level,
/// and each attempt of a check one. Programs that are started from now on have the former limit, for which some are written.
pub fn use_all_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if limit.current != limit.maximum && setrlimit(Resource::Nofile, raised).is_ok() {
        let _ = FORMER_LIMIT.set(limit);
    }
}

/// Gives a process what is usual: see [`use_all_descriptors`] and [`spare_no_longer`].
pub(crate) fn make_ordinary(pid: Option<u32>) {
    let Some(pid) = pid else { return };
    spare_no_longer(pid);
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let (Some(limit), Some(_)) = (FORMER_LIMIT.get(), process) {
        // Fails only if it has other rights than this program by now, and then it keeps what it inherited.
        let _ = prlimit(process, Resource::Nofile, *limit);
    }
}

/// Has a process count as any other when memory runs out, where this one is to be spared: what it starts may be what eats the
/// memory. A process that it has started by then keeps what it inherited.
fn spare_no_longer(pid: u32) {
    static SPARED: OnceLock<bool> = OnceLock::new();
    if *SPARED.get_or_init(|| score().is_some_and(|score| score < 0)) {
        // It may have ended; and one that may not be written to is no child of a spared program.
        let _ = fs::write(format!("/proc/{pid}/oom_score_adj"), "0");
    }
}

/// How the kernel adjusts the badness of this process, from -1000 (never ended) to 1000.
fn score() -> Option<i32> {
    fs::read_to_string("/proc/self/oom_score_adj").ok()?.trim().parse().ok()
}
