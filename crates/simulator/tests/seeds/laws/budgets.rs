//! Never more actions in any stretch of time than a budget allows, and one at a time: whatever happened to agents in between.

use evenkeel_engine::{Act, Effect, Record};
use evenkeel_moment::{Moment, Stamp};
use evenkeel_recovery::budget::{LONGEST_WINDOW, Rate};
use evenkeel_simulator::Event;

use super::known::recovery_of;
use super::{Law, Seen};

#[derive(Default)]
pub(super) struct Budgets {
    starts: Vec<Start>,
    /// When the action was decided on that has not begun.
    decided: Option<Stamp<u32>>,
    /// The action that the living agent runs.
    running: Option<u64>,
}

struct Start {
    at: Stamp<u32>,
    /// What the last agent that started takes it to be.
    known_at: Moment,
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
                self.decided = Some(seen.stamp());
            }
            event if let Some(Record::RestartedByOthers { charged, .. }) = event.record() => {
                let starts = charged.iter().cloned();
                self.starts.extend(starts.map(|target| Start::new(seen.stamp(), target, false)));
            }
            Event::ActionBegan(act) => {
                if let Some(running) = self.running.replace(act.intent) {
                    return Err(format!("{} begins while {running} runs", act.intent));
                }
                let at = self.decided.take().unwrap_or_else(|| seen.stamp());
                let starts = act.charges.iter().map(|_| act.target.clone());
                self.starts.extend(starts.map(|target| Start::new(at, target, true)));
            }
            Event::ActionEnded { orphan: false, .. } => self.running = None,
            Event::AgentCrashed { .. } => (self.running, self.decided) = (None, None),
            Event::NotWritten { intent: Some(_) } => self.decided = None,
            Event::AgentStarted { past, .. } => {
                for start in &mut self.starts {
                    start.known_at = start.at.moment(&seen.stamp());
                }
                // What others did and was not on disk yet, nobody knows of any more. What we did must be.
                self.starts.retain(|start| {
                    start.ours
                        || past
                            .charged
                            .iter()
                            .any(|(at, target)| at == start.known_at && target == start.target)
                });
            }
            _ => {}
        }
        Ok(())
    }
}

impl Start {
    fn new(at: Stamp<u32>, target: String, ours: bool) -> Self {
        Self { at, known_at: at.boottime, target, ours }
    }

    /// Since when it counts: a clock that was set ahead over a boot makes it look older, and nothing can be known of that.
    fn charged_at(&self) -> Moment {
        self.at.boottime.min(self.known_at)
    }
}

impl Budgets {
    /// Whether an action still fits into every budget of its recovery.
    fn fits(&mut self, seen: &Seen<'_>, act: &Act) -> Result<(), String> {
        let needs = act.charges.len();
        if needs == 0 {
            return Ok(());
        }
        let now = seen.now;
        self.starts.retain(|start| now.saturating_since(start.charged_at()) < LONGEST_WINDOW);
        let settings = seen.host.settings();
        let Some(recovery) = recovery_of(settings, &act.target) else { return Ok(()) };
        let group = |target: &str| recovery_of(settings, target).map(|one| &one.group);
        let used = |rate: Rate, is_charged: &dyn Fn(&str) -> bool| {
            let young = |start: &&Start| now.saturating_since(start.charged_at()) < rate.window();
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
