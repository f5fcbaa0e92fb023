//! Rules touch what they are about, take no more than they may, and leave nothing to do behind them.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_engine::{Effect, Input};
use evenkeel_simulator::Event;

use super::{Law, Seen};

#[derive(Default)]
pub(super) struct Files {
    /// Whether the run of each cleanup rule that is under way may write.
    cleans: BTreeMap<usize, bool>,
    sweeps: BTreeSet<usize>,
    keeps: BTreeMap<usize, bool>,
}

impl Law for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn saw(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let settings = seen.host.settings();
        match seen.event {
            Event::AgentStarted { .. } | Event::Reloaded(_) => *self = Self::default(),
            Event::Effect(Effect::Keep { rule, write }) => {
                known(*rule, settings.permissions.len())?;
                if self.keeps.insert(*rule, *write).is_some() {
                    return Err(format!("rule {rule} is ordered to be kept twice"));
                }
            }
            Event::Effect(Effect::Sweep { rule }) => {
                known(*rule, settings.permissions.len())?;
                if !self.keeps.contains_key(rule) {
                    return Err(format!("rule {rule} is swept, and nobody keeps it"));
                }
                if !self.sweeps.insert(*rule) {
                    return Err(format!("rule {rule} is swept while it is swept"));
                }
            }
            Event::Effect(Effect::Clean { rule, write }) => {
                known(*rule, settings.cleanup.len())?;
                if self.cleans.insert(*rule, *write).is_some() {
                    return Err(format!("rule {rule} cleans while it cleans"));
                }
            }
            Event::Input(Input::Swept { rule, .. }) => {
                self.sweeps.remove(rule);
            }
            Event::Input(Input::Cleaned { rule, result }) => {
                let write = self.cleans.remove(rule).unwrap_or_default();
                let Ok(outcome) = result else { return Ok(()) };
                let policy = settings.cleanup.get(*rule).map(|rule| rule.policy.draft());
                let taken = outcome.taken.len() as u64;
                let files = policy.and_then(|policy| policy.max_files).unwrap_or(u64::MAX);
                let bytes = policy.and_then(|policy| policy.max_bytes).unwrap_or(u64::MAX);
                if taken > files || outcome.bytes > bytes {
                    let most = format!("{files} entries and {bytes} bytes");
                    return Err(format!(
                        "{taken} with {} bytes taken, and {most} may be",
                        outcome.bytes
                    ));
                }
                if !write && !outcome.taken.is_empty() {
                    return Err("something was taken, and nothing may be".to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn known(rule: usize, rules: usize) -> Result<(), String> {
    if rule < rules { Ok(()) } else { Err(format!("there is no rule {rule}")) }
}
