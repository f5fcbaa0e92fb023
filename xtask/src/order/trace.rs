//! Which functions of a program run: each begins with a breakpoint, which is taken away when it is first reached.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// `int3` of x86-64: one byte, after which the thread stops.
const BREAKPOINT: u8 = 0xcc;

/// The addresses of functions that ran.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// From the start to rest.
    pub(super) at_rest: BTreeSet<u64>,
    /// Of the others, those that ran later.
    pub(super) later: BTreeSet<u64>,
}

/// Follows a program from its start; `pid` has stopped itself, and begins with the program as soon as it goes on.
///
/// Whoever calls this may have no other children.
pub(super) fn follow(
    pid: Pid,
    program: &Path,
    functions: &BTreeSet<u64>,
    is_rest_over: &AtomicBool,
) -> Result<Ran, String> {
    let failed = |what: &str, error: nix::Error| format!("cannot {what} the agent: {error}");
    waitpid(pid, Some(WaitPidFlag::WUNTRACED)).map_err(|error| failed("await", error))?;
    let children =
        Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK;
    let options = Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL | children;
    ptrace::seize(pid, options).map_err(|error| failed("trace", error))?;
    nix::sys::signal::kill(pid, Signal::SIGCONT).map_err(|error| failed("wake", error))?;
    let mut set = Breakpoints::default();
    let mut ran = Ran::default();
    loop {
        let status = waitpid(None, Some(WaitPidFlag::__WALL));
        let (thread, signal) = match status.map_err(|error| failed("await", error))? {
            WaitStatus::Exited(ended, _) | WaitStatus::Signaled(ended, ..) if ended == pid => {
                return Ok(ran);
            }
            WaitStatus::PtraceEvent(thread, _, event) => {
                if thread == pid && event == ptrace::Event::PTRACE_EVENT_EXEC as i32 {
                    set = Breakpoints::set(pid, program, functions)
                        .map_err(|error| format!("cannot set breakpoints: {error}"))?;
                }
                (thread, None)
            }
            WaitStatus::Stopped(thread, Signal::SIGTRAP) => {
                let when = if is_rest_over.load(Ordering::Relaxed) {
                    &mut ran.later
                } else {
                    &mut ran.at_rest
                };
                when.extend(set.reached(thread));
                (thread, None)
            }
            WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
            _ => continue,
        };
        // It may have been killed meanwhile; then its end is told next.
        let _ = ptrace::cont(thread, signal);
    }
}

/// What stood where breakpoints are now.
#[derive(Debug, Default)]
struct Breakpoints {
    base: u64,
    replaced: BTreeMap<u64, u8>,
}

impl Breakpoints {
    fn set(pid: Pid, program: &Path, functions: &BTreeSet<u64>) -> std::io::Result<Self> {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
        let name = program.to_string_lossy();
        let first = maps.lines().find(|line| line.ends_with(&*name));
        let base = first.and_then(|line| u64::from_str_radix(line.split('-').next()?, 16).ok());
        let base = base.ok_or(std::io::ErrorKind::NotFound)?;
        let memory = memory(pid)?;
        let mut replaced = BTreeMap::new();
        for function in functions {
            let mut byte = [0];
            memory.read_exact_at(&mut byte, base + function)?;
            memory.write_all_at(&[BREAKPOINT], base + function)?;
            replaced.insert(*function, byte[0]);
        }
        Ok(Self { base, replaced })
    }

    /// Takes the breakpoint away at which this thread stopped; `None` if it stopped at none.
    fn reached(&self, thread: Pid) -> Option<u64> {
        let mut registers = ptrace::getregs(thread).ok()?;
        let function = registers.rip.checked_sub(self.base + 1)?;
        let byte = self.replaced.get(&function)?;
        memory(thread).ok()?.write_all_at(&[*byte], self.base + function).ok()?;
        registers.rip -= 1;
        ptrace::setregs(thread, registers).ok()?;
        Some(function)
    }
}

fn memory(pid: Pid) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).open(format!("/proc/{pid}/mem"))
}
