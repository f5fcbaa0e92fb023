use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use evenkeel_safefs::withhold_descriptors;
use evenkeel_shown::said::{CommandCode as Code, Said};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout};

use crate::group::Group;
use crate::inherited::{make_ordinary, withhold_variables};
use crate::input::Input;
use crate::output::Output;
use crate::{CommandSpec, RunAs};

/// How long a killed program is waited for; one that hangs in the kernel is left to the runtime.
const REAP: Duration = Duration::from_millis(500);

/// How a program ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// Its exit code, if it exited.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// The first bytes of its standard output, up to the command's limit.
    pub stdout: Vec<u8>,
    /// The first bytes of its standard error, up to the command's limit.
    pub stderr: Vec<u8>,
    /// Whether either stream had more than is kept.
    pub truncated: bool,
    /// From start to end.
    pub took: Duration,
}

/// Why there is no result of a program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The command has no program.
    #[error("the command is empty")]
    Empty,
    /// There is no such program.
    #[error("`{}` was not found", program.display())]
    NotFound {
        /// As the command names it.
        program: OsString,
    },
    /// The program may not be run.
    #[error("`{}` may not be run: permission denied", program.display())]
    Denied {
        /// As the command names it.
        program: OsString,
    },
    /// It was not done in time; its whole process group was killed.
    #[error("`{}` was killed: it was not done within {after:?}", program.display())]
    TimedOut {
        /// As the command names it.
        program: OsString,
        /// The deadline.
        after: Duration,
    },
    /// The system failed to start it, or to wait for it.
    #[error("cannot run `{}`", program.display())]
    Io {
        /// As the command names it.
        program: OsString,
        /// What the system said.
        source: io::Error,
    },
}

impl RunError {
    /// The error and what the system says of it, as a value.
    pub fn said(&self) -> Said {
        let shown = |program: &OsString| program.display().to_string();
        let code = match self {
            Self::Empty => Code::Empty,
            Self::NotFound { program } => Code::NotFound { program: shown(program) },
            Self::Denied { program } => Code::Denied { program: shown(program) },
            Self::TimedOut { program, after } => {
                Code::Killed { program: shown(program), after: *after }
            }
            Self::Io { program, .. } => Code::CannotRun { program: shown(program) },
        };
        Said::with_source(self, code)
    }
}

struct Running {
    // First, so that it is dropped first: once the child is waited for, its number may mean another group.
    group: Group,
    child: Child,
    stdin: Input<ChildStdin>,
    stdout: Output<ChildStdout>,
    stderr: Output<ChildStderr>,
}

/// Runs `spec` to its end, in a process group of its own.
///
/// Returns when the program itself ends, also while a daemon it started keeps its output open. Fails if it cannot be
/// started or is not done within `timeout`; its process group is then killed with all below it, and also when the future is
/// dropped. A process that left the group and whose parent ended, as a daemon does, is out of reach, and survives.
pub async fn run(spec: &CommandSpec, timeout: Duration) -> Result<Completed, RunError> {
    let program = spec.argv.first().filter(|program| !program.is_empty()).ok_or(RunError::Empty)?;
    let started = Instant::now();
    let failed = |source| RunError::Io { program: program.clone(), source };
    let mut running = start(spec, program)?;
    let Ok(ended) = tokio::time::timeout(timeout, running.end()).await else {
        running.kill().await;
        return Err(RunError::TimedOut { program: program.clone(), after: timeout });
    };
    let status = ended.map_err(failed)?;
    let took = started.elapsed();
    running.stdout.drain().and_then(|()| running.stderr.drain()).map_err(failed)?;
    Ok(running.completed(status, took))
}

fn start(spec: &CommandSpec, program: &OsString) -> Result<Running, RunError> {
    let mut command = Command::new(program);
    withhold_variables(&mut command);
    command
        .args(&spec.argv[1..])
        .envs(spec.env.iter().map(|(name, value)| (name, value)))
        .stdin(if spec.stdin.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(RunAs { uid, gid }) = spec.run_as {
        command.uid(uid).gid(gid);
    }
    // What this program was handed is not for others; where the kernel cannot withhold it, it is not our own at least.
    let _ = withhold_descriptors();
    if let Some(cwd) = &spec.cwd {
        command.current_dir(cwd);
    }
    let mut child = command.spawn().map_err(|source| match source.kind() {
        // The same error stands for a directory that is not there.
        io::ErrorKind::NotFound if spec.cwd.as_ref().is_none_or(|cwd| cwd.is_dir()) => {
            RunError::NotFound { program: program.clone() }
        }
        io::ErrorKind::PermissionDenied => RunError::Denied { program: program.clone() },
        _ => RunError::Io { program: program.clone(), source },
    })?;
    make_ordinary(child.id());
    Ok(Running {
        group: Group::led_by(child.id()),
        stdin: Input::new(child.stdin.take(), &spec.stdin),
        stdout: Output::new(child.stdout.take(), spec.output_limit),
        stderr: Output::new(child.stderr.take(), spec.output_limit),
        child,
    })
}

impl Completed {
    /// Whether it exited with 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// How it ended, in words: `exit code 3`, `signal 9`.
    pub fn ending(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "an unknown end".to_owned(),
        }
    }
}

impl Running {
    async fn end(&mut self) -> io::Result<ExitStatus> {
        let status = tokio::select! {
            status = self.child.wait() => status,
            () = self.stdin.pump() => unreachable!("a pump never ends"),
            () = self.stdout.pump() => unreachable!("a pump never ends"),
            () = self.stderr.pump() => unreachable!("a pump never ends"),
        }?;
        self.group.release();
        Ok(status)
    }

    async fn kill(&mut self) {
        self.group.kill();
        let _ = timeout(REAP, self.child.wait()).await;
    }

    fn completed(self, status: ExitStatus, took: Duration) -> Completed {
        let (stdout, more_stdout) = self.stdout.finish();
        let (stderr, more_stderr) = self.stderr.finish();
        Completed {
            code: status.code(),
            signal: status.signal(),
            stdout,
            stderr,
            truncated: more_stdout || more_stderr,
            took,
        }
    }
}
