//! What the steps of a recovery do.

use std::path::PathBuf;
use std::time::Duration;

use evenkeel_command::CommandSpec;
use evenkeel_recovery::actions::{Action, Signal, UnitOrder};
use evenkeel_systemd::UnitName;

use super::Checker;
use super::recovery::Known;
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::settings::Step;

/// How long a step may take unless it says otherwise.
const STEP_TIMEOUT: Duration = Duration::from_mins(1);

/// The actions that a step can name, each with the keys that belong to it.
pub(crate) const ACTIONS: [(&str, &[&str]); 15] = [
    ("supervisor.restart-program", &["program", "url"]),
    ("supervisor.restart-group", &["group", "url"]),
    ("supervisor.signal", &["signal", "program", "url"]),
    ("systemd.restart", &["unit", "end_left_overs"]),
    ("systemd.start", &["unit"]),
    ("systemd.stop", &["unit"]),
    ("systemd.reload", &["unit"]),
    ("systemd.reset-failed", &["unit"]),
    ("tmux.respawn-pane", &["pane"]),
    ("tmux.recreate-socket", &[]),
    ("signal", &["signal"]),
    ("exec", &["command", "end_left_overs", "url"]),
    ("permissions.repair", &["rule"]),
    ("cleanup.run", &["rule"]),
    ("notify", &["command"]),
];

/// The names of the actions that a step can take.
pub fn action_names() -> impl Iterator<Item = &'static str> {
    ACTIONS.iter().map(|(name, _)| *name)
}

/// One step, where it stands, and what it may refer to.
#[derive(Clone, Copy)]
struct Place<'a> {
    rule: &'a Key,
    key: &'a Key,
    raw: &'a raw::Step,
    when: &'a [String],
    known: Known<'a>,
}

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
        self.refuse_stray_keys(key, raw, &name, own_keys);
        let timeout = match raw.timeout {
            Some(given) => self.above_zero(key, "timeout", Some(given)),
            None => Some(STEP_TIMEOUT),
        };
        let place = Place { rule, key, raw, when, known };
        let action = self.action(&name, place);
        Some(Step { action: action?, timeout: timeout? })
    }

    fn refuse_stray_keys(&mut self, key: &Key, raw: &raw::Step, action: &str, own: &[&str]) {
        let given = [
            ("program", raw.program.is_some()),
            ("group", raw.group.is_some()),
            ("signal", raw.signal.is_some()),
            ("url", raw.url.is_some()),
            ("unit", raw.unit.is_some()),
            ("pane", raw.pane.is_some()),
            ("command", raw.command.is_some()),
            ("rule", raw.rule.is_some()),
            ("end_left_overs", raw.end_left_overs.is_some()),
        ];
        for (stray, _) in given.into_iter().filter(|(name, given)| *given && !own.contains(name)) {
            let at = key.child(stray);
            let accepted = format!("accepted beside `action` and `timeout`: {}", own.join(", "));
            self.refuse_with(
                &at,
                format!("`{at}` does not belong to the action `{action}`"),
                "of no use here",
                &[&accepted],
            );
        }
    }

    fn action(&mut self, name: &str, place: Place<'_>) -> Option<Action> {
        let Place { key, raw, .. } = place;
        match name {
            "supervisor.restart-program" => {
                let socket = self.socket_of_step(place)?;
                Some(Action::SupervisorRestartProgram { socket, program: raw.program.clone() })
            }
            "supervisor.restart-group" => {
                let socket = self.socket_of_step(place)?;
                Some(Action::SupervisorRestartGroup { socket, group: raw.group.clone() })
            }
            "supervisor.signal" => {
                let (socket, signal) = (self.socket_of_step(place), self.signal(key, raw));
                let program = raw.program.clone();
                Some(Action::SupervisorSignal { socket: socket?, program, signal: signal? })
            }
            "systemd.restart" => {
                let unit = self.unit(key, raw)?;
                // Of supervisord's units Debian's says `KillMode=process`; of others, what stays may be meant to.
                let end_left_overs =
                    raw.end_left_overs.unwrap_or_else(|| place.listens_to_supervisor());
                Some(Action::SystemdRestart { unit, end_left_overs })
            }
            "systemd.start" => self.unit_order(UnitOrder::Start, place),
            "systemd.stop" => self.unit_order(UnitOrder::Stop, place),
            "systemd.reload" => self.unit_order(UnitOrder::Reload, place),
            "systemd.reset-failed" => self.unit_order(UnitOrder::ResetFailed, place),
            "tmux.respawn-pane" => {
                let place = self.tmux_of_step((place.rule, key), place.when, place.known.raw)?;
                Some(Action::TmuxRespawnPane { place, pane: raw.pane.clone() })
            }
            "tmux.recreate-socket" => {
                let place = self.tmux_of_step((place.rule, key), place.when, place.known.raw)?;
                Some(Action::TmuxRecreateSocket { place })
            }
            "signal" => {
                let signal = self.signal(key, raw);
                self.refuse_signal_to_nobody(place).then_some(Action::Signal { signal: signal? })
            }
            "permissions.repair" => {
                let rule = self.rule_of_step(place, "permissions", place.known.permissions)?;
                Some(Action::PermissionsRepair { rule })
            }
            "cleanup.run" => {
                let rule = self.rule_of_step(place, "cleanup", place.known.cleanup)?;
                Some(Action::CleanupRun { rule })
            }
            "notify" => {
                let command = match &raw.command {
                    Some(command) => Some(self.command(&key.child("command"), command.clone())?),
                    None => None,
                };
                Some(Action::Notify { command })
            }
            _ => self.exec(place),
        }
    }

    fn exec(&mut self, place: Place<'_>) -> Option<Action> {
        let Place { key, raw, .. } = place;
        let example = "command = [\"/usr/local/bin/mend\", \"app\"]";
        let command = self.need(key, "command", raw.command.as_ref(), example)?;
        let command = self.command(&key.child("command"), command);
        if raw.end_left_overs != Some(true) {
            if raw.url.is_some() {
                let at = key.child("url");
                let accepted = "accepted with end_left_overs = true: the supervisor whose programs are left over";
                self.refuse_with(
                    &at,
                    format!("`{at}` does not belong to the action `exec`"),
                    "of no use without `end_left_overs = true`",
                    &[accepted],
                );
            }
            return Some(Action::Exec { command: command?, left_overs_of: None });
        }
        let socket = self.socket_of_step(place);
        Some(Action::Exec { command: command?, left_overs_of: Some(socket?) })
    }

    fn unit(&mut self, key: &Key, raw: &raw::Step) -> Option<UnitName> {
        let unit = self.need(key, "unit", raw.unit.as_ref(), "unit = \"app\"")?;
        self.unit_name(&key.child("unit"), &unit)
    }

    fn unit_order(
        &mut self,
        order: UnitOrder,
        Place { key, raw, .. }: Place<'_>,
    ) -> Option<Action> {
        Some(Action::SystemdOrder { order, unit: self.unit(key, raw)? })
    }

    fn signal(&mut self, key: &Key, raw: &raw::Step) -> Option<Signal> {
        let name = self.need(key, "signal", raw.signal.as_ref(), "signal = \"HUP\"")?;
        let at = key.child("signal");
        name.parse()
            .map_err(|_| {
                // `sigterm` and `SIGTREM` are near `TERM` once they are written as it is.
                let upper = name.to_ascii_uppercase();
                let given = upper.strip_prefix("SIG").unwrap_or(&upper);
                let message = format!("`{at}` cannot be `{name}`");
                self.refuse_unknown(&at, message, given, &Signal::names());
            })
            .ok()
    }

    /// A rule that a step names, of the rules of its kind.
    fn rule_of_step(&mut self, place: Place<'_>, kind: &str, known: &[&str]) -> Option<String> {
        let Place { key, raw, .. } = place;
        let rule = self.need(key, "rule", raw.rule.as_ref(), "rule = \"state\"")?;
        if known.contains(&rule.as_str()) {
            return Some(rule);
        }
        let at = key.child("rule");
        self.refuse_unknown(&at, format!("`{at}` names no rule `{kind}.{rule}`"), &rule, known);
        None
    }

    /// A signal goes to the process that a check named: some check must name one.
    fn refuse_signal_to_nobody(&mut self, place: Place<'_>) -> bool {
        let Place { rule, key, when, known, .. } = place;
        let names_a_process = |name: &String| {
            known
                .raw
                .get(name)
                .is_some_and(|check| check.process.is_some() || check.supervisor.is_some())
        };
        // What is wrong with `when` was said.
        if when.is_empty() || when.iter().any(names_a_process) {
            return true;
        }
        let problem = Problem::new(format!("`{key}` has nobody to signal"))
            .key_is(key)
            .at(self.tree.place_of_value(key))
            .label("no check of `when` says which process is meant")
            .see(self.tree.place_of_value(&rule.child("when")), "the checks it listens to")
            .help(
                "accepted: `when` with a check of a process or a supervisor; or the action `exec`",
            );
        self.tree.add(key, problem);
        false
    }

    fn socket_of_step(&mut self, place: Place<'_>) -> Option<PathBuf> {
        let Place { rule, key, raw, when, known } = place;
        match &raw.url {
            Some(url) => self.supervisor_socket(&key.child("url"), url),
            None => self.only_supervisor(rule, key, when, known),
        }
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

impl Place<'_> {
    /// Whether the recovery is about a supervisord or its programs.
    fn listens_to_supervisor(&self) -> bool {
        self.when.iter().filter_map(|name| self.known.raw.get(name)).any(|check| {
            let of_daemon = |process: &raw::Process| process.supervisor_daemon == Some(true);
            check.supervisor.is_some() || check.process.as_ref().is_some_and(of_daemon)
        })
    }
}
