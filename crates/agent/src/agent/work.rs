//! What the engine asks for, as tasks and threads of their own: nothing waits for it.

use std::sync::atomic::Ordering;

use evenkeel_cleanup::Clock;
use evenkeel_engine::Input;
use evenkeel_probe::Target;
use evenkeel_shown::said::AgentCode;

use super::{Hint, Notice, Shell};
use crate::executor::clean;
use crate::keep;

impl<N: Fn(Notice)> Shell<N> {
    pub(super) fn hinted(&mut self, hint: Hint) {
        let checks = self.engine.settings().checks.iter().enumerate();
        let meant: Vec<_> = checks
            .filter(|(_, check)| match hint {
                Hint::Supervisor => matches!(check.target, Target::Supervisor(_)),
            })
            .map(|(check, _)| check)
            .collect();
        for check in meant {
            self.handle(Input::Hinted { check });
        }
    }

    pub(super) fn probe(&self, check: usize, run: u64) {
        let Some(spec) = self.engine.settings().checks.get(check) else { return };
        let (target, timeout) = (spec.target.clone(), spec.timeout);
        let (prober, answer) = (self.prober.clone(), self.answer());
        tokio::spawn(async move {
            let measurement = prober.measure(&target, timeout).await;
            answer(Input::Measured { check, run, measurement });
        });
    }

    pub(super) fn sweep(&mut self, rule: usize) {
        let Some(spec) = self.engine.settings().permissions.get(rule) else { return };
        let (metrics, watching) = (self.publisher.metrics.clone(), self.watching);
        let (answers, generation) = (self.answers.clone(), self.generation);
        let say = move |said| {
            // As for every answer: closed only at the very end.
            let _ = answers.send((generation, said));
        };
        let start = |write| keep::start(rule, spec, (write, watching), metrics, say);
        if let Err(error) = self.keepers.sweep(rule, start) {
            let text = format!("no thread to do it: {error}");
            let code = AgentCode::NoThread { why: error.to_string() };
            let result = Err(evenkeel_shown::said::Said::new(text, code));
            self.answer()(Input::Swept { rule, result });
        }
    }

    pub(super) fn clean(&mut self, rule: usize, write: bool) {
        let Some(spec) = self.engine.settings().cleanup.get(rule).cloned() else { return };
        let (ending, answer) = (self.ending.clone(), self.answer());
        self.writing += 1;
        tokio::task::spawn_blocking(move || {
            let goes_on = || !ending.load(Ordering::Relaxed);
            let result = clean(&spec, Clock::of_host(), write, goes_on);
            answer(Input::Cleaned { rule, result });
        });
    }
}
