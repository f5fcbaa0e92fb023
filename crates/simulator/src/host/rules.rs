//! Permission and cleanup rules: who keeps them, and what there is to do.

use std::time::Duration;

use evenkeel_engine::{CleanOutcome, Input, KeepOutcome, Remaining, SweepOutcome};
use evenkeel_recovery::actions::Action;
use evenkeel_shown::said::Said;

use super::{Host, Plan};
use crate::faults::{Drift, Due};
use crate::observer::Event;
use crate::world::Symptom;

/// How long the kernel takes to tell of a change.
const NOTICED: Duration = Duration::from_millis(1);
/// How long somebody takes to undo a repair.
const UNDONE: Duration = Duration::from_secs(1);
/// How long a sweep or a cleanup takes.
const SWEPT: Duration = Duration::from_millis(50);

/// What happens to the entries of a permission rule.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entries {
    /// Whoever keeps them is told of a change, or looks again.
    Noticed,
    /// Somebody undoes a repair of one of them.
    Undone(u32),
    /// They are swept by an engine of that agent.
    Swept((u32, u32)),
}

impl Entries {
    /// Whether it is the agent that does it.
    pub(crate) const fn is_of_the_agent(&self) -> bool {
        !matches!(self, Self::Undone(_))
    }
}

/// A kind of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Permissions,
    Cleanup,
}

impl Host<'_, '_> {
    pub(super) fn rules_named(&self, names: &[String], kind: Kind) -> Vec<String> {
        let files = &self.world.files;
        let known: Vec<&String> = match kind {
            Kind::Permissions => files.permissions.iter().map(|rule| &rule.name).collect(),
            Kind::Cleanup => files.cleanups.iter().map(|rule| &rule.name).collect(),
        };
        let all = names.iter().any(|name| name == "*");
        known.into_iter().filter(|name| all || names.contains(name)).cloned().collect()
    }

    /// Entries of rules are changed.
    pub(super) fn drift(&mut self, fault: &str, rules: &[String], drift: &Drift) {
        self.tally.struck(fault, false);
        self.show(&Event::FaultBegan { fault, places: rules });
        let until = drift.fights.map(|lasts| self.now + lasts);
        for name in rules {
            let known = &mut self.world.files.permissions;
            let Some(rule) = known.iter().position(|rule| rule.name == *name) else { continue };
            for entry in 0..drift.entries {
                known[rule].drift(entry, self.now, until);
            }
            self.notice(rule);
        }
    }

    /// Whoever watches a rule is told, if somebody does.
    fn notice(&mut self, rule: usize) {
        let kept = &self.world.files.permissions[rule];
        if kept.watch && kept.keeper.is_some() {
            let at = self.now + NOTICED;
            self.queue.plan(at, Plan::Entries { rule, what: Entries::Noticed });
        }
    }

    pub(super) fn keep(&mut self, rule: usize, write: bool) {
        if let Some(kept) = self.world.files.permissions.get_mut(rule) {
            kept.keeper = Some(write);
        }
    }

    pub(super) fn sweep(&mut self, engine: (u32, u32), rule: usize) {
        let what = Entries::Swept(engine);
        self.queue.plan(self.now + SWEPT, Plan::Entries { rule, what });
    }

    pub(super) fn entries(&mut self, rule: usize, what: Entries) {
        if let Entries::Undone(entry) = what {
            let undone = self.world.files.permissions.get_mut(rule);
            if undone.is_some_and(|kept| kept.undo(entry, self.now)) {
                self.notice(rule);
            }
            return;
        }
        let swept = match what {
            Entries::Swept((agent, generation)) => {
                if !self.is_current(agent, generation) {
                    return;
                }
                true
            }
            _ => false,
        };
        let Some(kept) = self.world.files.permissions.get_mut(rule) else { return };
        let Some(write) = kept.keeper else { return };
        let looked = kept.look(self.now, write, swept);
        for entry in looked.undone {
            let what = Entries::Undone(entry);
            self.queue.plan(self.now + UNDONE, Plan::Entries { rule, what });
        }
        if let Some(again) = looked.again.into_iter().min() {
            self.queue.plan(again, Plan::Entries { rule, what: Entries::Noticed });
        }
        let (repaired, fights, remaining) = (looked.repaired, looked.fights, looked.remaining);
        if swept {
            let outcome = SweepOutcome { repaired, fights, remaining, took: SWEPT };
            self.tell_soon(Input::Swept { rule, result: Ok(outcome) });
        } else if !(repaired.is_empty() && fights.is_empty() && remaining.is_empty()) {
            let outcome = KeepOutcome { repaired, fights, remaining, cleared: Vec::new() };
            self.tell_soon(Input::Kept { rule, outcome });
        }
    }

    /// Files become due.
    pub(super) fn fall_due(&mut self, fault: &str, rules: &[String], due: &Due) {
        self.tally.struck(fault, false);
        self.show(&Event::FaultBegan { fault, places: rules });
        for rule in &mut self.world.files.cleanups {
            if rules.contains(&rule.name) {
                rule.due += u64::from(due.entries);
                rule.fell_due += u64::from(due.entries);
                let bytes = u64::from(due.entries).saturating_mul(due.bytes);
                rule.due_bytes = rule.due_bytes.saturating_add(bytes);
                rule.most_due = rule.most_due.max(rule.due);
            }
        }
    }

    /// Runs a cleanup rule; its engine is told when it is done.
    pub(super) fn clean(&mut self, (agent, generation): (u32, u32), rule: usize, write: bool) {
        let result = self.cleaned(rule, write);
        let input = Box::new(Input::Cleaned { rule, result });
        self.queue.plan(self.now + SWEPT, Plan::Tell { agent, generation, input });
    }

    fn cleaned(&mut self, rule: usize, write: bool) -> Result<CleanOutcome, Said> {
        let policy = self.settings.cleanup.get(rule).map(|rule| &rule.policy);
        let (Some(policy), Some(cleaned)) = (policy, self.world.files.cleanups.get_mut(rule))
        else {
            return Ok(CleanOutcome::default());
        };
        let (entries, bytes) = (cleaned.due, cleaned.due_bytes);
        let action = policy.action().as_str().to_owned();
        let (files, size) = (policy.draft().max_files, policy.draft().max_bytes);
        let caps = [("max_files", files, entries, "entries"), ("max_bytes", size, bytes, "bytes")];
        for (cap, most, due, unit) in caps {
            if let Some(most) = most.filter(|most| due > *most) {
                cleaned.refused += 1;
                return Err(format!("{due} {unit} are due, more than {cap} = {most}").into());
            }
        }
        let paths = (0..entries).map(|entry| format!("file-{entry}"));
        if !write {
            let reason = Said::from("due; observe only");
            let remaining = paths.map(|path| Remaining { path, reason: reason.clone() }).collect();
            return Ok(CleanOutcome { action, remaining, took: SWEPT, ..CleanOutcome::default() });
        }
        (cleaned.due, cleaned.due_bytes) = (0, 0);
        (cleaned.taken, cleaned.taken_bytes) =
            (cleaned.taken + entries, cleaned.taken_bytes.saturating_add(bytes));
        let name = cleaned.name.clone();
        self.make_room(&name);
        let taken = paths.map(Said::from).collect();
        Ok(CleanOutcome { action, taken, bytes, took: SWEPT, ..CleanOutcome::default() })
    }

    /// What a cleanup rule has cleaned fills from where it began.
    fn make_room(&mut self, rule: &str) {
        for ailment in self.world.ailments.values_mut() {
            let fault = self.faults.faults.get(&ailment.fault).map(|fault| &fault.what);
            let Some(crate::faults::What::Fill(fill)) = fault else { continue };
            if let Symptom::Filling { since, .. } = &mut ailment.symptom
                && fill.cleaned_by.iter().any(|name| name == "*" || name == rule)
            {
                *since = self.now;
            }
        }
    }

    /// What an action does that performs a rule.
    pub(super) fn perform_rule(&mut self, action: &Action) {
        match action {
            Action::PermissionsRepair { rule } => {
                let rules = &mut self.world.files.permissions;
                if let Some(rule) = rules.iter_mut().find(|known| known.name == *rule) {
                    rule.look(self.now, true, true);
                }
            }
            Action::CleanupRun { rule } => {
                let rules = &self.settings.cleanup;
                if let Some(place) = rules.iter().position(|known| known.name == *rule) {
                    // What it could not do shows in the checks that it is for.
                    drop(self.cleaned(place, true));
                }
            }
            _ => {}
        }
    }
}
