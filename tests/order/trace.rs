//! Which functions of a program run: each begins with a breakpoint, which is taken away when it is first reached.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
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

/// Follows a program from its start to its end; `pid` has stopped itself, and becomes the program as soon as it goes on.
///
/// Fails if it does not end well. Whoever calls this may wait for no other child meanwhile.
pub(super) fn follow(
    pid: Pid,
    functions: &BTreeSet<u64>,
    is_rest_over: &AtomicBool,
) -> Result<Ran, String> {
    let failed = |what: &str, error: nix::Error| format!("cannot {what} the agent: {error}");
    waitpid(pid, Some(WaitPidFlag::WUNTRACED)).map_err(|error| failed("await", error))?;
    let children =
        Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK;
    let options = Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL | children;
    ptrace::seize(pid, options).map_err(|error| failed("trace", error)).inspect_err(|_| {
        // It has stopped, and would stay so.
        let _ = kill(pid, Signal::SIGKILL);
    })?;
    kill(pid, Signal::SIGCONT).map_err(|error| failed("wake", error))?;
    let mut set = Breakpoints::default();
    let mut ran = Ran::default();
    loop {
        let status = waitpid(None, Some(WaitPidFlag::__WALL));
        let (thread, signal) = match status.map_err(|error| failed("await", error))? {
            WaitStatus::Exited(ended, 0) if ended == pid => return Ok(ran),
            end @ (WaitStatus::Exited(ended, _) | WaitStatus::Signaled(ended, ..))
                if ended == pid =>
            {
                return Err(format!("the agent did not end well: {end:?}"));
            }
            WaitStatus::PtraceEvent(thread, _, event) => {
                if thread == pid && event == ptrace::Event::PTRACE_EVENT_EXEC as i32 {
                    set = Breakpoints::set(pid, functions)
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
                let reached = set.reached(thread);
                when.extend(reached.map_err(|error| format!("a breakpoint stays: {error}"))?);
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
    fn set(pid: Pid, functions: &BTreeSet<u64>) -> io::Result<Self> {
        let program = fs::read_link(format!("/proc/{pid}/exe"))?;
        let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
        let name = program.to_string_lossy();
        let first = maps.lines().find(|line| line.ends_with(&*name));
        let base = first.and_then(|line| u64::from_str_radix(line.split('-').next()?, 16).ok());
        let base = base.ok_or(io::ErrorKind::NotFound)?;
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
    fn reached(&self, thread: Pid) -> io::Result<Option<u64>> {
        let mut registers = match ptrace::getregs(thread) {
            // It was killed meanwhile.
            Err(nix::Error::ESRCH) => return Ok(None),
            registers => registers?,
        };
        let function = registers.rip.checked_sub(self.base + 1);
        let known = function.and_then(|function| self.replaced.get_key_value(&function));
        let Some((function, byte)) = known else { return Ok(None) };
        memory(thread)?.write_all_at(&[*byte], self.base + function)?;
        registers.rip -= 1;
        ptrace::setregs(thread, registers)?;
        Ok(Some(*function))
    }
}

fn memory(pid: Pid) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(format!("/proc/{pid}/mem"))
}
