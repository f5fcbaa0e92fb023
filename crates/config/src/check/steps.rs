//! What the steps of a recovery do.

use std::path::PathBuf;
use std::time::Duration;

use evenkeel_command::CommandSpec;
use evenkeel_recovery::actions::Action;

use super::Checker;
use super::recovery::Known;
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::settings::Step;

/// How long a step may take unless it says otherwise.
const STEP_TIMEOUT: Duration = Duration::from_mins(1);

/// The actions that a step can name, each with the keys that belong to it.
const ACTIONS: [(&str, &[&str]); 3] = [
    ("supervisor.restart-program", &["program", "url"]),
    ("systemd.restart", &["unit"]),
    ("exec", &["command"]),
];

impl Checker {
    pub(super) fn steps(
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
    ) -> Option<PathBuf> {
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
