use std::path::PathBuf;
use std::time::Duration;

use dxr::{TryFromValue, Value};
use evenkeel_process::speaks_for_all;

use super::{Client, his, one_name, text};
use crate::CallError;

/// Where a program's output goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logs {
    /// The file of its standard output; `None` if it is not kept.
    pub stdout: Option<PathBuf>,
    /// The file of its standard error; `None` if it is not kept, or kept with the output.
    pub stderr: Option<PathBuf>,
    /// The program's process, while it has one.
    pub pid: Option<u32>,
    /// What supervisord says of the program, such as `pid 12, uptime 0:00:05` or why it could not be started.
    pub description: String,
    /// Whether who says so may name any file: root or the caller, and not another user whose supervisord this is.
    pub speaks_for_all: bool,
}

/// Which of a program's two outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// As `getProcessInfo` answers.
#[derive(Debug, TryFromValue)]
struct LogInfo {
    pid: i32,
    stdout_logfile: String,
    stderr_logfile: String,
    description: String,
}

impl Client {
    /// Where the output of a program goes.
    pub async fn logs(&self, name: &str, deadline: Duration) -> Result<Logs, CallError> {
        let params = vec![one_name(name)?];
        let asked = self.ask("supervisor.getProcessInfo", params);
        let (info, user): (LogInfo, _) = self.within(deadline, asked).await?;
        let file = |path: String| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        Ok(Logs {
            stdout: file(info.stdout_logfile),
            stderr: file(info.stderr_logfile),
            pid: u32::try_from(info.pid)
                .ok()
                .filter(|pid| *pid != 0)
                .and_then(|pid| his(pid, user)),
            description: info.description,
            speaks_for_all: speaks_for_all(user),
        })
    }

    /// The last bytes that a program wrote, `limit` at most, as supervisord reads them.
    ///
    /// supervisord 4 fails with HTTP status 500, and logs a traceback, where they are not UTF-8; a character that is cut at
    /// the start is enough. Whoever may read the file of [`Client::logs`] does better to.
    pub async fn log_tail(
        &self,
        name: &str,
        channel: Channel,
        limit: u16,
        deadline: Duration,
    ) -> Result<String, CallError> {
        let method = match channel {
            Channel::Stdout => "supervisor.readProcessStdoutLog",
            Channel::Stderr => "supervisor.readProcessStderrLog",
        };
        // A negative offset counts from the end, and takes a length of 0.
        let params = vec![one_name(name)?, Value::Integer(-i32::from(limit)), Value::Integer(0)];
        self.within(deadline, self.call(method, params)).await
    }

    /// Sends a signal to a program, by its name without `SIG`. Fails with [`crate::FaultCode::NotRunning`] if it does not run.
    pub async fn signal(
        &self,
        name: &str,
        signal: &str,
        deadline: Duration,
    ) -> Result<(), CallError> {
        let params = vec![one_name(name)?, text(signal)];
        self.within(deadline, self.call::<bool>("supervisor.signalProcess", params)).await.map(drop)
    }
}
