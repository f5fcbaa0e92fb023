//! An agent beside something else that has the last word on when it ends, such as a protocol.

use std::future::Future;

use evenkeel_agent::{Agent, Hint, Until};
use evenkeel_config::Settings;
use tokio::sync::{mpsc, oneshot};

use super::host::{boot_id, reloads, seed, stop_signal};
use super::runtime::block_on;
use crate::{Exit, Failure};

/// Hints that wait to be taken; further ones say nothing new.
const WAITING: usize = 4;

/// Tells the agent where to look; never waits.
#[derive(Debug, Clone)]
pub struct Hints(mpsc::Sender<Hint>);

impl Hints {
    /// A program or a group of supervisord changed.
    pub fn supervisor(&self) {
        // Where hints wait already, the look that they lead to sees this change as well.
        let _ = self.0.try_send(Hint::Supervisor);
    }
}

/// Runs the agent until `work` ends, or until SIGTERM or Ctrl-C; `work` goes on until the agent has let what runs end.
///
/// Fails as the work did. A service manager is told nothing: it waits for whoever started this program.
pub fn run_beside<Work: Future<Output = Result<(), Failure>> + Send + 'static>(
    settings: Settings,
    observe: bool,
    again: impl Fn() -> Result<Settings, Failure> + Send + 'static,
    work: impl FnOnce(Hints) -> Work,
) -> Result<Exit, Failure> {
    for advice in settings.advice() {
        tracing::warn!("{advice}");
    }
    block_on(async {
        let (sender, hints) = mpsc::channel(WAITING);
        let (told, mut ended) = oneshot::channel();
        let work = work(Hints(sender));
        let stop = stop_signal()?;
        let reloads = reloads(again)?;
        tokio::spawn(async move {
            // Nobody wants to know when the agent has ended before.
            let _ = told.send(work.await);
        });
        let mut how = Ok(());
        let stop = async {
            tokio::select! {
                () = stop => {}
                result = &mut ended => if let Ok(result) = result { how = result },
            }
        };
        let agent = Agent {
            settings,
            part: false,
            observe,
            seed: seed(),
            boot_id: boot_id(),
            until: Until::Stopped,
            listener: None,
            watchdog: None,
            notify: |_| {},
        };
        let ran = evenkeel_agent::run_hinted(agent, reloads, hints, stop).await;
        ran.map_err(|error| Failure::refused(&error))?;
        how.map(|()| Exit::Holds)
    })
}
