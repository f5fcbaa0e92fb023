//! The keepers of the permission rules, a thread each: what they tell becomes what the engine is told.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_config::PermissionRule;
use evenkeel_engine::{Fight, Input, KeepOutcome, Party, Remaining, Repaired, SweepOutcome};
use evenkeel_metrics::{Collector, Metrics};
use evenkeel_permissions as permissions;
use evenkeel_permissions::{By, Keeper, Left, News, Preference, Repair, Swept, Task};
use evenkeel_safefs::escaped;
use tokio::sync::oneshot;

use crate::history::Written;

/// What a keeper's thread says.
#[derive(Debug)]
pub(crate) enum Said {
    /// To the engine.
    Input(Input),
    /// To the engine, and whoever said it waits until what follows from it is on disk.
    Awaited(Input, oneshot::Sender<Written>),
    /// It ended: told to, or by a defect.
    Ended {
        /// The rule that it kept.
        rule: usize,
    },
}

/// The keepers, by the place of their rules in the settings.
#[derive(Debug, Default)]
pub(crate) struct Keepers {
    rules: Vec<Kept>,
    running: usize,
    stopped: bool,
}

#[derive(Debug)]
struct Kept {
    /// Whether it may write, as it was ordered.
    write: bool,
    keeper: Option<Keeper>,
}

impl Keepers {
    /// Threads that have not ended.
    pub(crate) fn running(&self) -> usize {
        self.running
    }

    /// Takes the standing order for the next rule, which begins with its first sweep.
    pub(crate) fn order(&mut self, rule: usize, write: bool) {
        self.stopped = false;
        self.rules.resize_with(self.rules.len().max(rule + 1), || Kept { write, keeper: None });
        if let Some(kept) = self.rules.get_mut(rule) {
            *kept = Kept { write, keeper: None };
        }
    }

    /// Has a rule swept, by the thread that keeps it. Fails if there is none and none can be started.
    pub(crate) fn sweep(
        &mut self,
        rule: usize,
        start: impl FnOnce(bool) -> io::Result<Keeper>,
    ) -> io::Result<()> {
        let Some(kept) = self.rules.get_mut(rule).filter(|_| !self.stopped) else {
            return Ok(());
        };
        let keeper = match kept.keeper.take() {
            Some(keeper) => keeper,
            None => {
                let keeper = start(kept.write)?;
                self.running += 1;
                keeper
            }
        };
        keeper.sweep();
        kept.keeper = Some(keeper);
        Ok(())
    }

    /// A thread has ended. Says whether nobody had told it to.
    pub(crate) fn ended(&mut self, rule: usize) -> bool {
        self.running -= 1;
        if let Some(kept) = self.rules.get_mut(rule) {
            kept.keeper = None;
        }
        !self.stopped
    }

    /// Asks all threads for their end, which each of them tells.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
        for kept in &mut self.rules {
            // Stopped by being dropped.
            kept.keeper = None;
        }
    }
}

/// Starts the thread of a rule; `watch`: whether events count, where the rule wants them.
pub(crate) fn start(
    rule: usize,
    spec: &PermissionRule,
    (write, watch): (bool, bool),
    metrics: Arc<Metrics>,
    say: impl Fn(Said) + Send + 'static,
) -> io::Result<Keeper> {
    let name = spec.name.clone();
    let task = Task {
        name: name.clone(),
        policy: spec.policy.clone(),
        write,
        watch: (watch && spec.watch).then_some(Preference::Best),
    };
    Keeper::start(task, move |news| match news {
        News::Swept(swept) => {
            let result = swept.map(swept_outcome).map_err(|error| error.said());
            let took = result.as_ref().map_or(Duration::ZERO, |outcome| outcome.took);
            metrics.swept(Collector::Permissions, &name, took, result.is_ok());
            say(Said::Input(Input::Swept { rule, result }));
        }
        News::Kept(kept) => {
            let outcome = KeepOutcome {
                repaired: kept.repaired.iter().map(repaired).collect(),
                fights: kept.fights.iter().map(fight).collect(),
                remaining: kept.left.into_iter().map(remaining).collect(),
                cleared: kept.cleared.iter().map(escaped).collect(),
            };
            say(Said::Input(Input::Kept { rule, outcome }));
        }
        News::Watched(how) => say(Said::Input(Input::Watched { rule, how })),
        News::Ended => say(Said::Ended { rule }),
    })
}

fn swept_outcome(swept: Swept) -> SweepOutcome {
    SweepOutcome {
        repaired: swept.repaired.iter().map(repaired).collect(),
        fights: swept.fights.iter().map(fight).collect(),
        remaining: swept.left.into_iter().map(remaining).collect(),
        took: swept.took,
    }
}

fn repaired(repair: &Repair) -> Repaired {
    Repaired {
        path: escaped(&repair.path),
        what: repair.kind.as_str().to_owned(),
        before: repair.before.to_string(),
        after: repair.after.to_string(),
        by: repair.by.as_deref().map(party),
        wrong_for: repair.wrong_for,
    }
}

fn fight(fight: &permissions::Fight) -> Fight {
    Fight {
        path: escaped(&fight.path),
        what: fight.kind.as_str().to_owned(),
        ours: fight.ours.to_string(),
        theirs: fight.theirs.to_string(),
        by: fight.by.as_deref().map(party),
        times: fight.times,
        pause: fight.pause,
    }
}

fn remaining(left: Left) -> Remaining {
    Remaining { path: escaped(&left.path), reason: left.reason }
}

fn party(by: &By) -> Party {
    Party {
        shown: by.to_string(),
        pid: by.pid,
        exe: by.exe.as_deref().map(escaped),
        uid: by.uid,
        unit: by.unit.clone(),
    }
}
