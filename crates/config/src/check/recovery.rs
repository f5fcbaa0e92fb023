use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_command::CommandSpec;
use evenkeel_recovery::actions::Action;
use evenkeel_recovery::backoff::{DEFAULT_FLOOR, RetryPlan};
use evenkeel_recovery::budget::{Budgets, Rate};

use super::{Checker, OUT_OF_BOUNDS, plain};
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::settings::{Check, Recovery, Step};
use crate::value::Lasting;

/// How long a step may take unless it says otherwise.
const STEP_TIMEOUT: Duration = Duration::from_mins(1);

/// The actions that a step can name, each with the keys that belong to it.
const ACTIONS: [(&str, &[&str]); 3] = [
    ("supervisor.restart-program", &["program", "url"]),
    ("systemd.restart", &["unit"]),
    ("exec", &["command"]),
];

/// What a recovery knows of the checks of the settings.
#[derive(Clone, Copy)]
struct Known<'a> {
    raw: &'a BTreeMap<String, raw::Check>,
    checked: &'a [Check],
}

impl Checker {
    pub(super) fn recoveries(
        &mut self,
        rules: &BTreeMap<String, raw::Recovery>,
        raw: &BTreeMap<String, raw::Check>,
        checked: &[Check],
    ) -> Vec<Recovery> {
        let known = Known { raw, checked };
        rules.iter().filter_map(|(name, raw)| self.recovery(name, raw, known)).collect()
    }

    fn recovery(&mut self, name: &str, raw: &raw::Recovery, known: Known<'_>) -> Option<Recovery> {
        let rule = Key::of(&["recovery"]).named(name);
        let named = self.name_is_good(&rule);
        let when =
            self.need(&rule, "when", raw.when.as_ref(), "when = [\"health\"]").map(|when| when.0);
        let when = when.filter(|when| self.checks_are_known(&rule.child("when"), when, known.raw));
        let steps = self.steps(&rule, raw, when.as_deref().unwrap_or_default(), known);
        let retry = self.retry_plan(&rule, raw);
        let budgets = self.budgets(&rule, raw.budget.as_ref());
        let verify_timeout = self.above_zero(&rule, "verify_timeout", raw.verify_timeout);
        let stable_for = self.above_zero(&rule, "stable_for", raw.stable_for);
        if let (Some(when), Some(verify_timeout)) = (&when, verify_timeout) {
            self.refuse_hasty_verdict(&rule, when, verify_timeout, known.checked);
        }
        let recovery = Recovery {
            name: name.to_owned(),
            when: when?,
            steps: steps?,
            retry: retry?,
            budgets: budgets?,
            verify_timeout: verify_timeout?,
            stable_for: stable_for?,
        };
        (named && self.budget_can_bind(&rule, &recovery)).then_some(recovery)
    }

    fn retry_plan(&mut self, rule: &Key, raw: &raw::Recovery) -> Option<RetryPlan> {
        let backoff = raw.backoff.as_ref()?;
        let table = rule.child("backoff");
        let (Lasting(initial), Lasting(max)) = (backoff.initial?, backoff.max?);
        let floor = DEFAULT_FLOOR.min(initial);
        let plan = RetryPlan::try_new(
            initial,
            backoff.multiplier?,
            max,
            backoff.jitter?,
            raw.max_retries?,
            floor,
        );
        plan.map_err(|error| {
            let key = if error.key == "max_retries" {
                rule.child(error.key)
            } else {
                table.child(error.key)
            };
            self.refuse_policy(&key, &error.value, OUT_OF_BOUNDS, &error.accepted);
        })
        .ok()
    }

    fn budgets(&mut self, rule: &Key, raw: Option<&raw::Budget>) -> Option<Budgets> {
        let table = rule.child("budget");
        let per_target = self.rate(&table.child("per_target"), raw?.per_target.as_deref());
        let per_host = self.rate(&table.child("per_host"), raw?.per_host.as_deref());
        Some(Budgets { per_target: per_target?, per_host: per_host? })
    }

    fn rate(&mut self, key: &Key, text: Option<&str>) -> Option<Rate> {
        let text = text?;
        text.parse()
            .map_err(|_| {
                let accepted =
                    "a count from 1, a slash, and a window of at most 31 days, such as \"3/1h\"";
                self.refuse_policy(key, text, "not a rate", accepted);
            })
            .ok()
    }

    /// A budget that the delays never let be used up is no limit, though it looks like one.
    fn budget_can_bind(&mut self, rule: &Key, recovery: &Recovery) -> bool {
        let steps = u32::try_from(recovery.steps.len()).unwrap_or(u32::MAX);
        let rate = recovery.budgets.per_target;
        let Err(never) = rate.can_ever_bind(&recovery.retry, steps, recovery.stable_for) else {
            return true;
        };
        let key = rule.child("budget.per_target");
        let most = never.most_starts;
        let problem = Problem::new(format!("`{key}` can never be used up"))
            .key_is(&key)
            .at(self.tree.place_of_value(&key))
            .label(format!(
                "with these delays at most {most} actions start within {}",
                plain(rate.window())
            ))
            .see(self.tree.place_of_key(&rule.child("backoff")), "the delays between attempts")
            .help(format!(
                "accepted: a count of less than {most}, a longer window, or shorter delays"
            ));
        self.tree.add(&key, problem);
        false
    }

    /// The proof needs `success_threshold` good results in a row, each as long as an attempt may take.
    fn refuse_hasty_verdict(
        &mut self,
        rule: &Key,
        when: &[String],
        verify_timeout: Duration,
        checks: &[Check],
    ) {
        for check in checks.iter().filter(|check| when.contains(&check.name)) {
            let successes = check.health.success_threshold();
            let (look, attempt) = (check.look_again(), check.timeout);
            let needed = (look + attempt) * successes;
            if needed <= verify_timeout {
                continue;
            }
            let key = rule.child("verify_timeout");
            let check_key = Key::of(&["check"]).named(&check.name);
            let arithmetic = format!(
                "{successes} × ({} + {}) = {}, more than {}",
                plain(look),
                plain(attempt),
                plain(needed),
                plain(verify_timeout)
            );
            let problem = Problem::new(format!("`{key}` is too short for the check `{}` to prove anything", check.name))
                .key_is(&key)
                .at(self.tree.place_of_value(&key))
                .label(arithmetic)
                .see(self.tree.place_of_key(&check_key), "needs that long at worst")
                .help("the proof is `success_threshold` good results, each a pause of a tenth of the interval (100ms to 5s) and at most `timeout`");
            self.tree.add(&key, problem);
            return;
        }
    }

    fn steps(
        &mut self,
        rule: &Key,
        raw: &raw::Recovery,
        when: &[String],
        known: Known<'_>,
    ) -> Option<Vec<Step>> {
        let key = rule.child("steps");
        let Some(raw_steps) = &raw.steps else {
            self.lacks(rule, "steps", "steps = [{ action = \"systemd.restart\", unit = \"app\" }]");
            return None;
        };
        if raw_steps.is_empty() {
            self.refuse(&key, format!("`{key}` has no step"), "nothing could be done");
            return None;
        }
        let steps: Vec<_> = raw_steps
            .iter()
            .enumerate()
            .filter_map(|(index, step)| self.step(rule, &key.item(index), step, when, known))
            .collect();
        (steps.len() == raw_steps.len()).then_some(steps)
    }

    fn step(
        &mut self,
        rule: &Key,
        key: &Key,
        raw: &raw::Step,
        when: &[String],
        known: Known<'_>,
    ) -> Option<Step> {
        let names = ACTIONS.map(|(name, _)| name);
        let name = self.need(key, "action", raw.action.as_ref(), "action = \"systemd.restart\"")?;
        let Some((_, own_keys)) = ACTIONS.iter().find(|(known, _)| *known == name) else {
            let at = key.child("action");
            self.refuse_unknown(&at, format!("`{at}` cannot be `{name}`"), &name, &names);
            return None;
        };
        let given = [
            ("program", raw.program.is_some()),
            ("url", raw.url.is_some()),
            ("unit", raw.unit.is_some()),
            ("command", raw.command.is_some()),
        ];
        for (stray, _) in
            given.into_iter().filter(|(name, given)| *given && !own_keys.contains(name))
        {
            let at = key.child(stray);
            let accepted =
                format!("accepted beside `action` and `timeout`: {}", own_keys.join(", "));
            self.refuse_with(
                &at,
                format!("`{at}` does not belong to the action `{name}`"),
                "of no use here",
                &[&accepted],
            );
        }
        let timeout = match raw.timeout {
            Some(given) => self.above_zero(key, "timeout", Some(given)),
            None => Some(STEP_TIMEOUT),
        };
        let action = match name.as_str() {
            "supervisor.restart-program" => {
                let socket = match &raw.url {
                    Some(url) => self.supervisor_socket(&key.child("url"), url),
                    None => self.only_supervisor(rule, key, when, known),
                };
                Action::SupervisorRestartProgram { socket: socket?, program: raw.program.clone() }
            }
            "systemd.restart" => {
                let unit = self.need(key, "unit", raw.unit.as_ref(), "unit = \"app\"")?;
                if unit.is_empty() || unit.starts_with('-') || unit.contains(['/', ' ', '\0', '\n'])
                {
                    let accepted = "the name of a unit, such as `app` or `app.service`";
                    self.refuse_policy(
                        &key.child("unit"),
                        &unit,
                        "not the name of a unit",
                        accepted,
                    );
                    return None;
                }
                Action::SystemdRestart { unit }
            }
            _ => {
                let command = self.need(
                    key,
                    "command",
                    raw.command.as_ref(),
                    "command = [\"/usr/local/bin/mend\", \"app\"]",
                )?;
                Action::Exec { command: self.command(&key.child("command"), command)? }
            }
        };
        Some(Step { action, timeout: timeout? })
    }

    /// The socket of the one supervisor check among those that the recovery listens to.
    fn only_supervisor(
        &mut self,
        rule: &Key,
        step: &Key,
        when: &[String],
        known: Known<'_>,
    ) -> Option<std::path::PathBuf> {
        let mut urls: Vec<_> = when
            .iter()
            .filter_map(|name| {
                Some((name, known.raw.get(name)?.supervisor.as_ref()?.url.as_ref()?))
            })
            .collect();
        urls.sort_by_key(|(_, url)| *url);
        urls.dedup_by_key(|(_, url)| *url);
        match urls.as_slice() {
            [(name, url)] => {
                let key = Key::of(&["check"]).named(name).child("supervisor.url");
                self.supervisor_socket(&key, url)
            }
            // What is wrong with `when` was said; which check it would have been is not known.
            [] if !self.tree.is_sound(&rule.child("when")) || when.is_empty() => None,
            several => {
                let names: Vec<_> = several.iter().map(|(name, _)| format!("`{name}`")).collect();
                let label = if names.is_empty() {
                    "`when` names no supervisor check".to_owned()
                } else {
                    format!("`when` names several supervisor checks: {}", names.join(", "))
                };
                let problem =
                    Problem::new(format!("`{step}` does not say which supervisor is meant"))
                        .key_is(step.child("url"))
                        .at(self.tree.place_of_value(step))
                        .label(label)
                        .see(
                            self.tree.place_of_value(&rule.child("when")),
                            "the checks it listens to",
                        )
                        .help("such as: url = \"unix:///var/run/supervisor.sock\"");
                self.tree.add(&step.child("url"), problem);
                None
            }
        }
    }

    pub(super) fn command(&mut self, key: &Key, words: Vec<String>) -> Option<CommandSpec> {
        match words.first() {
            Some(program)
                if !program.is_empty() && words.iter().all(|word| !word.contains('\0')) =>
            {
                Some(CommandSpec::new(words))
            }
            _ => {
                let accepted = "accepted: the program and its arguments, such as [\"systemctl\", \"is-active\", \"app\"]; no shell reads it";
                self.refuse_with(
                    key,
                    format!("`{key}` names no program"),
                    "nothing to run",
                    &[accepted],
                );
                None
            }
        }
    }
}
