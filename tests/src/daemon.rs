use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use evenkeel_process::{Process, Stat};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::until_some;

/// A program that runs beside the test, in a process group of its own, and ends with it.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Daemon {
    /// Starts `program`; what it writes goes to `log`.
    pub fn start<A: AsRef<OsStr>>(
        name: &str,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = A>,
        log: &Path,
    ) -> Self {
        let file =
            File::options().create(true).append(true).open(log).expect("a log can be written");
        // setpriv replaces itself by the program, which is told to end when the test is killed and can no longer do so.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--"])
            .arg(program)
            .args(args)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log can be opened twice"))
            .stderr(file)
            .spawn()
            .expect("setpriv of util-linux is there");
        Self { child, name: name.to_owned(), log: log.to_owned() }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has written so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Sends it a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(pid(&self.child), signal)
            .unwrap_or_else(|error| panic!("{signal} to {}: {error}", self.name));
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("an own child can be waited for")
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let name = self.name.clone();
        until_some(&format!("{name} ends"), deadline, || self.ended())
    }
}

impl Drop for Daemon {
    #[expect(clippy::print_stderr, reason = "the log of a daemon explains why its test failed")]
    fn drop(&mut self) {
        let group = pid(&self.child);
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill(group, Signal::SIGTERM);
            // A stopped process would not see it.
            let _ = kill(group, Signal::SIGCONT);
            let started = Instant::now();
            while matches!(self.child.try_wait(), Ok(None))
                && started.elapsed() < Duration::from_secs(10)
            {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(60)..].join("\n");
            eprintln!("---- the end of the log of {} ----\n{tail}\n----", self.name);
        }
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// Signals the process that has this number now, if it `is_it`. False if not, or if there is none.
///
/// A number that somebody noted a while ago may be another process's by now, or one of its threads'.
pub fn signal_if(number: u32, signal: Signal, is_it: impl FnOnce(&Stat) -> bool) -> bool {
    let Ok((process, stat)) = Process::open_with_stat(number) else { return false };
    // A thread has no handle.
    process.handle().is_ok_and(|handle| is_it(&stat) && handle.send(signal as i32).is_ok())
}
