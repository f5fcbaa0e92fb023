mod group;
mod log;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dxr::{TryFromValue, Value};
use evenkeel_process::{Process, may_name, speaks_for_all};

use crate::program::{ProcessInfo, full_name};
use crate::rpc;
use crate::{CallError, FaultCode, Program, ProgramState};

pub use group::Restarted;
pub use log::{Channel, Logs};

/// How often a program that is about to change its state is looked at.
const STATE_POLL: Duration = Duration::from_millis(100);
/// The longest name of a program with its group: it becomes a part of each line of history, and a label.
const NAME_BYTES: usize = 512;

/// Calls to one supervisord. Each makes its own connection, and ends within its deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A client of the daemon behind `socket`; connects to nothing yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// The socket file.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Every program, in the daemon's own order.
    pub async fn programs(&self, deadline: Duration) -> Result<Vec<Program>, CallError> {
        self.within(deadline, async {
            let (infos, user): (Vec<ProcessInfo>, _) =
                self.ask("supervisor.getAllProcessInfo", Vec::new()).await?;
            infos.into_iter().map(|info| self.believed(info, user)).collect()
        })
        .await
    }

    /// With which exit codes each program may end by itself, by its full name: `exitcodes` in supervisord's settings. Empty where
    /// supervisord is too old to say.
    pub async fn expected_exits(
        &self,
        deadline: Duration,
    ) -> Result<BTreeMap<String, Vec<i64>>, CallError> {
        let configs: Vec<BTreeMap<String, Value>> =
            self.within(deadline, self.call("supervisor.getAllConfigInfo", Vec::new())).await?;
        Ok(configs.iter().filter_map(expected_exits).collect())
    }

    /// The process of the daemon itself.
    pub async fn daemon_pid(&self, deadline: Duration) -> Result<u32, CallError> {
        let asked = self.ask("supervisor.getPID", Vec::new());
        let (pid, user): (i32, _) = self.within(deadline, asked).await?;
        let number = || self.protocol(format!("a process number of {pid}"));
        let pid = u32::try_from(pid).map_err(|_| number())?;
        his(pid, user).ok_or_else(|| {
            self.protocol(format!(
                "as its own process {pid}, which is not of user {user}, who answers"
            ))
        })
    }

    /// One program, by its full name.
    pub async fn program(&self, name: &str, deadline: Duration) -> Result<Program, CallError> {
        let asked = self.ask("supervisor.getProcessInfo", vec![one_name(name)?]);
        let (info, user) = self.within(deadline, asked).await?;
        self.believed(info, user)
    }

    /// Brings a restart to its end that was cut off after it stopped the program: waits until it has ended, and starts it.
    ///
    /// Only if the program is stopped and was not started since `started`, which [`Program::started`] said before the stop:
    /// otherwise somebody decided otherwise since, and it is left as it is. Gives the state in which it was found or, if it
    /// was started, [`ProgramState::Running`].
    pub async fn finish_restart(
        &self,
        name: &str,
        started: u64,
        deadline: Duration,
    ) -> Result<(bool, ProgramState), CallError> {
        self.within(deadline, async {
            self.stopped(name).await?;
            let info: ProcessInfo =
                self.call("supervisor.getProcessInfo", vec![one_name(name)?]).await?;
            let program = Program::from(info);
            if program.state != ProgramState::Stopped || program.started != started {
                return Ok((false, program.state));
            }
            match self.start_call(name).await {
                Err(error) if error.is_fault(FaultCode::AlreadyStarted) => {}
                other => other?,
            }
            Ok((true, ProgramState::Running))
        })
        .await
    }

    /// Stops the program if it runs, and starts it. Done when it runs, for as long as its `startsecs` asks.
    ///
    /// A program that someone else started meanwhile counts as started. After a failure it may be stopped.
    pub async fn restart(&self, name: &str, deadline: Duration) -> Result<(), CallError> {
        self.within(deadline, async {
            match self.stop_call(name).await {
                // It may be on its way out; a start at this moment would be an error inside supervisord.
                Err(error) if error.is_fault(FaultCode::NotRunning) => self.stopped(name).await?,
                other => other?,
            }
            match self.start_call(name).await {
                Err(error) if error.is_fault(FaultCode::AlreadyStarted) => Ok(()),
                other => other,
            }
        })
        .await
    }

    /// Starts the program. Done when it runs; fails with [`FaultCode::AlreadyStarted`] if it did already.
    pub async fn start(&self, name: &str, deadline: Duration) -> Result<(), CallError> {
        self.within(deadline, self.start_call(name)).await
    }

    /// Stops the program. Done when it has ended; fails with [`FaultCode::NotRunning`] if it did not run.
    pub async fn stop(&self, name: &str, deadline: Duration) -> Result<(), CallError> {
        self.within(deadline, self.stop_call(name)).await
    }

    async fn start_call(&self, name: &str) -> Result<(), CallError> {
        self.call::<bool>("supervisor.startProcess", one(name)?).await.map(drop)
    }

    async fn stop_call(&self, name: &str) -> Result<(), CallError> {
        self.call::<bool>("supervisor.stopProcess", one(name)?).await.map(drop)
    }

    /// Returns when the program is in no hurry to end any more.
    async fn stopped(&self, name: &str) -> Result<(), CallError> {
        loop {
            let info: ProcessInfo =
                self.call("supervisor.getProcessInfo", vec![text(name)]).await?;
            if Program::from(info).state != ProgramState::Stopping {
                return Ok(());
            }
            tokio::time::sleep(STATE_POLL).await;
        }
    }

    async fn call<Answer: TryFromValue>(
        &self,
        method: &str,
        params: Vec<Value>,
    ) -> Result<Answer, CallError> {
        self.ask(method, params).await.map(|(answer, _)| answer)
    }

    /// The answer, and the user as whom the daemon runs, or whoever answers in its place.
    async fn ask<Answer: TryFromValue>(
        &self,
        method: &str,
        params: Vec<Value>,
    ) -> Result<(Answer, u32), CallError> {
        // On the heap: every future that asks supervisord would be as large otherwise.
        let call = Box::pin(rpc::call(&self.socket, method, params));
        let rpc::Answer { value, user } = call.await?;
        let answer = Answer::try_from_value(&value);
        answer.map(|answer| (answer, user)).map_err(|error| self.protocol(error.to_string()))
    }

    /// What `user` says of a program, as far as he may: a process that is not his is none.
    fn believed(&self, info: ProcessInfo, user: u32) -> Result<Program, CallError> {
        let program = Program::from(info);
        let name = program.full_name().len();
        if name > NAME_BYTES {
            return Err(self.protocol(format!("a program whose name has {name} bytes")));
        }
        Ok(Program { pid: program.pid.and_then(|pid| his(pid, user)), ..program })
    }

    async fn within<Answer>(
        &self,
        deadline: Duration,
        work: impl Future<Output = Result<Answer, CallError>>,
    ) -> Result<Answer, CallError> {
        if let Ok(ended) = tokio::time::timeout(deadline, work).await {
            return ended;
        }
        // A daemon that is frozen is repaired in another way than one that has too much to do.
        let daemon = rpc::daemon_behind(&self.socket).await;
        Err(CallError::TimedOut { socket: self.socket.clone(), after: deadline, daemon })
    }

    fn protocol(&self, reason: String) -> CallError {
        CallError::Protocol { socket: self.socket.clone(), reason }
    }
}

fn expected_exits(config: &BTreeMap<String, Value>) -> Option<(String, Vec<i64>)> {
    let get = |key| config.get(key);
    let name = String::try_from_value(get("name")?).ok()?;
    let group = String::try_from_value(get("group")?).ok()?;
    let codes = Vec::<i32>::try_from_value(get("exitcodes")?).ok()?;
    Some((full_name(&group, &name), codes.into_iter().map(i64::from).collect()))
}

/// The process, if the user may say that it is one of his programs. Anybody may listen where a supervisord of his is to be.
fn his(pid: u32, user: u32) -> Option<u32> {
    let is_his = || Process::open(pid).is_ok_and(|process| may_name(user, &process));
    (speaks_for_all(user) || is_his()).then_some(pid)
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// What starting or stopping one program takes: its name, and to wait for the end of it.
///
/// `group:*` would stop a whole group, which nobody here means.
fn one(name: &str) -> Result<Vec<Value>, CallError> {
    Ok(vec![one_name(name)?, Value::Boolean(true)])
}

fn one_name(name: &str) -> Result<Value, CallError> {
    if name.ends_with([':', '*']) {
        let text = format!("`{name}` is not the name of one program");
        return Err(CallError::Fault { code: FaultCode::BadName as i32, text });
    }
    Ok(text(name))
}
