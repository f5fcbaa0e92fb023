use std::time::Duration;

use dxr::Value;

use super::{Client, STATE_POLL, text};
use crate::program::ProcessInfo;
use crate::{CallError, FaultCode, Program, ProgramState};

/// What became of the programs of a group that was restarted, by their full names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restarted {
    /// Those that run.
    pub running: Vec<String>,
    /// Those that were started and do not run, each with why.
    pub failed: Vec<(String, String)>,
    /// Those that had been stopped on purpose, and were left so.
    pub left_stopped: Vec<String>,
}

impl Client {
    /// The programs of a group, in the daemon's own order; none if there is no such group.
    pub async fn programs_of(
        &self,
        group: &str,
        deadline: Duration,
    ) -> Result<Vec<Program>, CallError> {
        self.within(deadline, self.of_group(group)).await
    }

    /// Stops the programs of a group and starts them. Done when each of them runs or has failed to.
    ///
    /// A program that was stopped before, as on purpose, stays stopped. Fails with [`FaultCode::BadName`] if there is no
    /// such group. After a failure some programs may be stopped.
    pub async fn restart_group(
        &self,
        group: &str,
        deadline: Duration,
    ) -> Result<Restarted, CallError> {
        self.within(deadline, async {
            let before = self.of_group(group).await?;
            if before.is_empty() {
                let text = format!("BAD_NAME: there is no group `{group}`");
                return Err(CallError::Fault { code: FaultCode::BadName as i32, text });
            }
            let (stopped, wanted): (Vec<_>, Vec<_>) =
                before.into_iter().partition(|program| program.state == ProgramState::Stopped);
            let wanted: Vec<_> = wanted.iter().map(Program::full_name).collect();
            // supervisord stops them all at once, and answers when the last has ended.
            self.call::<Value>(
                "supervisor.stopProcessGroup",
                vec![text(group), Value::Boolean(true)],
            )
            .await?;
            let mut restarted = Restarted {
                left_stopped: stopped.iter().map(Program::full_name).collect(),
                ..Restarted::default()
            };
            // Not waited for one by one: each takes its own `startsecs`.
            let mut started = Vec::new();
            for name in wanted {
                let params = vec![text(&name), Value::Boolean(false)];
                match self.call::<bool>("supervisor.startProcess", params).await {
                    Ok(_) => started.push(name),
                    // Somebody else was quicker.
                    Err(error) if error.is_fault(FaultCode::AlreadyStarted) => started.push(name),
                    Err(CallError::Fault { text, .. }) => restarted.failed.push((name, text)),
                    Err(error) => return Err(error),
                }
            }
            self.settled(group, started, &mut restarted).await?;
            Ok(restarted)
        })
        .await
    }

    /// Waits until each of `started` runs or has failed to.
    async fn settled(
        &self,
        group: &str,
        mut started: Vec<String>,
        restarted: &mut Restarted,
    ) -> Result<(), CallError> {
        loop {
            for program in self.of_group(group).await? {
                let name = program.full_name();
                let Some(at) = started.iter().position(|started| *started == name) else {
                    continue;
                };
                match program.state {
                    ProgramState::Starting | ProgramState::Backoff => continue,
                    ProgramState::Running => restarted.running.push(name),
                    state => {
                        let why = if program.spawn_error.is_empty() {
                            state.to_string()
                        } else {
                            format!("{state}: {}", program.spawn_error)
                        };
                        restarted.failed.push((name, why));
                    }
                }
                started.swap_remove(at);
            }
            if started.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(STATE_POLL).await;
        }
    }

    async fn of_group(&self, group: &str) -> Result<Vec<Program>, CallError> {
        let infos: Vec<ProcessInfo> = self.call("supervisor.getAllProcessInfo", Vec::new()).await?;
        let programs = infos.into_iter().map(Program::from);
        Ok(programs.filter(|program| program.group == group).collect())
    }
}
