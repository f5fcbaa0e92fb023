//! What a program inherits of the one that starts it, and is not meant for it.

#![expect(clippy::disallowed_methods, reason = "files of /proc, which nobody else makes")]

use std::ffi::OsString;
use std::fs;
use std::sync::{OnceLock, PoisonError, RwLock};

use tokio::process::Command;

/// What a service manager told this program, whose word another one would give in its place.
const TOLD_US_ALONE: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];

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

/// Has a process count as any other when memory runs out, where this one is to be spared: what it starts may be what eats the
/// memory. A process that it has started by then keeps what it inherited.
pub(crate) fn spare_no_longer(pid: Option<u32>) {
    static SPARED: OnceLock<bool> = OnceLock::new();
    let Some(pid) = pid else { return };
    if *SPARED.get_or_init(|| score().is_some_and(|score| score < 0)) {
        // It may have ended; and one that may not be written to is no child of a spared program.
        let _ = fs::write(format!("/proc/{pid}/oom_score_adj"), "0");
    }
}

/// How the kernel adjusts the badness of this process, from -1000 (never ended) to 1000.
fn score() -> Option<i32> {
    fs::read_to_string("/proc/self/oom_score_adj").ok()?.trim().parse().ok()
}
