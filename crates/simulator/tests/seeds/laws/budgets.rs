//! Never more actions in any stretch of time than a budget allows, and one at a time: whatever happened to agents in between.

use std::time::Duration;

use evenkeel_engine::{Act, Effect, Record};
use evenkeel_moment::Moment;
use evenkeel_recovery::budget::{LONGEST_WINDOW, Rate};
use evenkeel_simulator::Event;
use jiff::Timestamp;

use super::known::recovery_of;
use super::{Law, Seen};

#[derive(Default)]
pub(super) struct Budgets {
    starts: Vec<Start>,
    /// The action that was decided on and has not begun, and when.
    decided: Option<(Act, When)>,
    /// Counts the boots of the host.
    boot: u32,
    /// The action that the living agent runs.
    running: Option<u64>,
}

/// A moment of a boot.
#[derive(Clone, Copy)]
struct When {
    boot: u32,
    at: Moment,
    wall: Timestamp,
    /// As far back as an agent that has started since may take it to be.
    known_at: Moment,
}

struct Start {
    when: When,
    target: String,
    /// Whether the host was changed by us; else somebody else did, and is charged for it.
    ours: bool,
}

impl Law for Budgets {
    fn name(&self) -> &'static str {
        "budgets"
    }

    fn saw(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match seen.event {
            Event::Effect(Effect::Act(act)) => {
                if let Some(running) = self.running {
                    return Err(format!("{} is decided on while {running} runs", act.target));
                }
                self.fits(seen, act)?;
                self.decided = Some(((**act).clone(), self.now(seen)));
            }
            event if let Some(Record::RestartedByOthers { charged, .. }) = event.record() => {
                let starts = charged.iter().cloned();
                let when = self.now(seen);
                self.starts.extend(starts.map(|target| Start { when, target, ours: false }));
            }
            Event::ActionBegan(act) => {
                if let Some(running) = self.running.replace(act.intent) {
                    return Err(format!("{} begins while {running} runs", act.intent));
                }
                let when = self.decided.take().map_or_else(|| self.now(seen), |(_, when)| when);
                let starts = act.charges.iter().map(|_| act.target.clone());
                self.starts.extend(starts.map(|target| Start { when, target, ours: true }));
            }
            Event::ActionEnded { orphan: false, .. } => self.running = None,
            Event::AgentCrashed { .. } => (self.running, self.decided) = (None, None),
            Event::NotWritten { intent: Some(_) } => self.decided = None,
            Event::HostCameUp => {
                self.boot += 1;
            }
            Event::AgentStarted { past, .. } => {
                for start in &mut self.starts {
                    start.when.learn(seen, self.boot);
                }
                // What others did and was not on disk yet, nobody knows of any more. What we did must be.
                self.starts.retain(|start| {
                    start.ours
                        || past.charged.iter().any(|(at, target)| {
                            *at == start.when.known_at && *target == start.target
                        })
                });
            }
            _ => {}
        }
        Ok(())
    }
}

impl When {
    /// What an agent that starts takes it to be: a moment of an earlier boot is known by the time of day.
    fn learn(&mut self, seen: &Seen<'_>, boot: u32) {
        if self.boot != boot {
            let age = Duration::try_from(seen.wall.duration_since(self.wall)).unwrap_or_default();
            self.known_at = seen.now.before(age);
        }
    }

    /// Since when it counts: a clock that was set ahead over a boot makes it look older, and nothing can be known of that.
    fn charged_at(&self) -> Moment {
        self.at.min(self.known_at)
    }
}

impl Budgets {
    fn now(&self, seen: &Seen<'_>) -> When {
        When { boot: self.boot, at: seen.now, wall: seen.wall, known_at: seen.now }
    }

    /// Whether an action still fits into every budget of its recovery.
    fn fits(&mut self, seen: &Seen<'_>, act: &Act) -> Result<(), String> {
        let needs = act.charges.len();
        if needs == 0 {
            return Ok(());
        }
        let now = seen.now;
        self.starts.retain(|start| now.saturating_since(start.when.charged_at()) < LONGEST_WINDOW);
        let settings = seen.host.settings();
        let Some(recovery) = recovery_of(settings, &act.target) else { return Ok(()) };
        let group = |target: &str| recovery_of(settings, target).map(|one| &one.group);
        let used = |rate: Rate, is_charged: &dyn Fn(&str) -> bool| {
            let young =
                |start: &&Start| now.saturating_since(start.when.charged_at()) < rate.window();
            self.starts.iter().filter(young).filter(|start| is_charged(&start.target)).count()
        };
        let budgets = &recovery.budgets;
        let own = used(budgets.per_target, &|target| target == act.target);
        let shared = used(budgets.per_group, &|target| group(target) == Some(&recovery.group));
        let all = used(budgets.per_host, &|_| true);
        for (whose, used, rate) in [
            ("target", own, budgets.per_target),
            ("group", shared, budgets.per_group),
            ("host", all, budgets.per_host),
        ] {
            if used + needs > rate.count() as usize {
                return Err(format!(
                    "{}: {used} of {rate} used per {whose}, {needs} more",
                    act.target
                ));
            }
        }
        Ok(())
    }
}
