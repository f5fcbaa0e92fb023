//! Settings cut down to a part, for who asked for that part alone.

use evenkeel_recovery::actions::Action;

use super::{CleanupRule, PermissionRule, Recovery, Settings};

/// Rules that are not kept by themselves, and done where a step of a recovery asks for one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OnCall {
    /// Who may read which files.
    pub permissions: Vec<PermissionRule>,
    /// What may grow how old and how large.
    pub cleanup: Vec<CleanupRule>,
}

impl Settings {
    /// Leaves what is named. A recovery brings the checks with it that it listens to, and the rules that its steps ask for, those [on call](OnCall);
    /// a check brings those that it depends on. A recovery that is not named stays where all that it listens to is, an objective where all of its checks are.
    pub fn keep_only(&mut self, names: &[String]) {
        let is_named = |name: &str| names.iter().any(|one| one == name);
        // One that listens to something else as well would be told less than it needs.
        self.recoveries.retain(|recovery| {
            is_named(&recovery.name) || recovery.when.iter().all(|check| is_named(check))
        });
        self.keep_with_recoveries(is_named);
    }

    /// Leaves the recoveries, with what they bring with them as in [`keep_only`](Self::keep_only).
    pub fn keep_recoveries(&mut self) {
        self.keep_with_recoveries(|_| false);
    }

    fn keep_with_recoveries(&mut self, is_named: impl Fn(&str) -> bool) {
        let named = self.checks.iter().map(|check| &check.name).filter(|name| is_named(name));
        let listened = self.recoveries.iter().flat_map(|recovery| &recovery.when);
        let mut wanted: Vec<String> = named.chain(listened).cloned().collect();
        let mut place = 0;
        // Without what it depends on a check's failure would be taken for its own.
        while let Some(name) = wanted.get(place).cloned() {
            let check = self.checks.iter().find(|check| check.name == name);
            for needed in check.into_iter().flat_map(|check| &check.depends_on) {
                if !wanted.contains(needed) {
                    wanted.push(needed.clone());
                }
            }
            place += 1;
        }
        self.checks.retain(|check| wanted.contains(&check.name));
        // What some of its checks say is not what it promises.
        self.slos.retain(|slo| slo.checks.iter().all(|check| wanted.contains(check)));
        let asked = rules(&self.recoveries, |action| match action {
            Action::PermissionsRepair { rule } => Some(rule),
            _ => None,
        });
        let rules_of = std::mem::take(&mut self.permissions);
        (self.permissions, self.on_call.permissions) =
            split(rules_of, |rule| &rule.name, &is_named, &asked);
        let asked = rules(&self.recoveries, |action| match action {
            Action::CleanupRun { rule } => Some(rule),
            _ => None,
        });
        let rules_of = std::mem::take(&mut self.cleanup);
        (self.cleanup, self.on_call.cleanup) =
            split(rules_of, |rule| &rule.name, &is_named, &asked);
    }
}

/// The rules that are named, and of the others those that are asked for.
fn split<Rule>(
    rules: Vec<Rule>,
    name: impl Fn(&Rule) -> &String,
    is_named: impl Fn(&str) -> bool,
    asked: &[String],
) -> (Vec<Rule>, Vec<Rule>) {
    let (named, mut others): (Vec<_>, Vec<_>) =
        rules.into_iter().partition(|rule| is_named(name(rule)));
    others.retain(|rule| asked.contains(name(rule)));
    (named, others)
}

/// The rules that the steps ask for.
fn rules(recoveries: &[Recovery], rule: impl Fn(&Action) -> Option<&String>) -> Vec<String> {
    let steps = recoveries.iter().flat_map(|recovery| &recovery.steps);
    steps.filter_map(|step| rule(&step.action)).cloned().collect()
}
