//! What changes while the agent runs: its settings, whether it may act, and that it ends.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use evenkeel_config::Settings;
use evenkeel_engine::{Effect, Input};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{Answer, Notice, Shell};
use crate::history::{Batch, Note, Seen};

/// How long the end of the agent waits for what runs.
const DRAIN: Duration = Duration::from_secs(30);

impl<N: Fn(Notice)> Shell<N> {
    /// Ends a time of only observing whose end has come: what was lost is older than any budget by now.
    pub(super) fn end_observing(&mut self) {
        let now = self.clock.now();
        if self.observing_until.is_none_or(|until| now < until) {
            return;
        }
        self.observing_until = None;
        self.engine.end_observe_only();
        tracing::warn!("the time of only observing is over");
        let (target, message) = ("agent".to_owned(), "may act again".to_owned());
        let note = Note { kind: "observe_only_ended", target, message, data: Value::Null };
        self.history.note(self.clock.wall(), note);
        // Everyone was told to write nothing: they begin anew.
        self.pending.get_or_insert_with(|| self.engine.settings().clone());
    }

    /// Takes new settings, to be put in force by [`Shell::renew`]; refused ones leave those in force as they are.
    pub(super) fn reload(&mut self, reload: Result<Box<Settings>, String>) {
        let settings = match reload {
            // A file that is written in place is empty for a moment, and reads as settings that ask for nothing: whoever reloads then
            // must not lose everything that is kept. An agent that is to keep nothing can be stopped.
            Ok(new) if new.is_idle() && !self.engine.settings().is_idle() => {
                tracing::error!(
                    "the new settings name no check and no rule, those in force stay: is the file being written?"
                );
                self.publisher.metrics.reloaded(Err(evenkeel_metrics::ReloadRefused));
                return;
            }
            Ok(settings) => settings,
            Err(error) => {
                tracing::error!("the new settings are refused, those in force stay: {error}");
                self.publisher.metrics.reloaded(Err(evenkeel_metrics::ReloadRefused));
                return;
            }
        };
        (self.notify)(Notice::Reloading);
        let (old, new) = (&self.engine.settings().agent, &settings.agent);
        if (&old.state_dir, &old.socket, old.listen) != (&new.state_dir, &new.socket, new.listen) {
            tracing::warn!(
                "agent.state_dir, agent.socket and agent.listen take effect at the next start"
            );
        }
        self.pending = Some(*settings);
    }

    /// Puts taken settings in force once no action runs; budgets and open incidents live on.
    pub(super) fn renew(&mut self) {
        if self.pending.is_none() || self.engine.is_acting() {
            return;
        }
        // The old rules have said their last word before the new ones say their first: a keeper takes what this process
        // does for its own, so that of two at once the loser would not notice.
        self.keepers.stop();
        if self.keepers.running() > 0 {
            return;
        }
        let Some(settings) = self.pending.take() else { return };
        self.publisher.forget(self.engine.settings());
        self.publisher.add(&settings);
        self.alerting.renew(&settings);
        self.generation += 1;
        let now = self.clock.now();
        let past = self.archive.as_deref();
        self.objectives.renew(&settings, past, self.clock.wall());
        self.engine.reconfigure(now, now.as_nanos(), settings);
        self.publisher.metrics.reloaded(Ok(SystemTime::now()));
        tracing::info!("new settings are in force");
        self.handle(Input::Tick);
        (self.notify)(Notice::Ready);
    }

    /// Lets what writes come to its end, and begins nothing new.
    pub(super) async fn drain(&mut self, inbox: &mut mpsc::UnboundedReceiver<Answer>) {
        self.stopping = true;
        self.ending.store(true, Ordering::Relaxed);
        self.engine.close_the_gate();
        self.keepers.stop();
        if self.writing > 0 {
            let (running, seconds) = (self.writing, DRAIN.as_secs());
            tracing::info!(running, "ending: waits up to {seconds} s for actions and cleanups");
        }
        let drained = async {
            while self.writing + self.keepers.running() > 0 {
                match inbox.recv().await {
                    Some(answer) => self.answered(answer),
                    None => break,
                }
            }
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("ending although something still runs; its intent stays open");
        }
    }

    /// Counts what is settled because nobody will look any more.
    pub(super) fn settle(&mut self) {
        let now = self.clock.stamp(&self.boot_id);
        let effects = self.engine.settle(now.boottime).into_iter();
        let slices = effects.filter_map(|effect| match effect {
            Effect::Slice(slice) => Some(slice),
            _ => None,
        });
        let stretches = slices.map(|slice| self.count(slice)).collect();
        self.history.see(now.wall, Seen { stretches, ..Seen::default() });
    }

    /// Lets alerts come to their end, and keeps what of them survives.
    pub(super) async fn end_alerting(
        &mut self,
        survivors: &mut mpsc::UnboundedReceiver<(&'static str, Value)>,
    ) {
        self.alerting.close().await;
        while let Ok((key, value)) = survivors.try_recv() {
            self.history.keep(key, value);
        }
    }

    /// Writes what survives once more: some of it changes with every result, and is written with other changes only.
    pub(super) fn keep_what_survives(&self) {
        let now = self.clock.stamp(&self.boot_id);
        let past = Some(self.engine.past(now.boottime, now.wall));
        self.history.write(Batch { past, ..Batch::at(now) });
    }
}
