//! Fault files: read by the reader of settings, and checked against the settings that they are for.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use evenkeel_config::{Document, Problem, Settings, action_names};
use jiff::SignedDuration;

use super::raw::{self, Kind, OneOrMany};
use super::{
    ActionModel, AgentCrash, Drift, Due, Fault, Faults, Fill, Flap, Leak, Pace, Reboot, Span,
    Strike, What, When,
};
use crate::world::World;

/// What is wrong with a fault file: every problem with its file, line, key, value, and what is accepted.
#[derive(Debug, Clone)]
pub struct FaultFileError {
    problems: Vec<Problem>,
}

/// Reads one fault file.
struct Reader<'a> {
    document: Document,
    /// The names that faults of targets may give.
    targets: Vec<String>,
    settings: &'a Settings,
}

impl FaultFileError {
    /// The problems, from top to bottom.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for FaultFileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => formatter.write_str("the fault file has a problem")?,
            count => write!(formatter, "the fault file has {count} problems")?,
        }
        self.problems.iter().try_for_each(|problem| write!(formatter, "\n\n{problem}"))
    }
}

impl std::error::Error for FaultFileError {}

impl Faults {
    /// Reads a fault file for these settings; `name` is for its problems. The usual faults are added if it says so, and if it
    /// names none.
    ///
    /// Fails with every problem: what is no fault, a time that is none, a name that the settings do not have.
    pub fn parse(
        name: impl AsRef<Path>,
        text: &str,
        settings: &Settings,
    ) -> Result<Self, FaultFileError> {
        let (document, raw) = Document::read::<raw::File>(name, text);
        let mut reader = Reader { document, targets: Vec::new(), settings };
        let parts = reader.parts(raw.parts);
        let known = Self { parts: parts.clone(), ..Self::none() };
        reader.targets = World::names(settings, &known);
        let usual = raw.usual.unwrap_or(raw.fault.is_empty());
        let mut faults = if usual { Self::usual(settings) } else { Self::none() };
        faults.parts = parts;
        faults.pace = pace(&raw.host);
        for (name, fault) in raw.fault {
            if let Some(fault) = reader.fault(&name, fault) {
                faults.faults.insert(name, fault);
            }
        }
        for (name, action) in raw.action {
            faults.actions.push(reader.action(&name, action));
        }
        let problems = reader.document.into_problems();
        if problems.is_empty() { Ok(faults) } else { Err(FaultFileError { problems }) }
    }
}

impl Reader<'_> {
    fn parts(
        &mut self,
        raw: std::collections::BTreeMap<String, Vec<String>>,
    ) -> std::collections::BTreeMap<String, Vec<String>> {
        let known: Vec<&str> = self
            .settings
            .checks
            .iter()
            .filter(|check| matches!(check.target.kind(), "supervisor" | "tmux"))
            .map(|check| check.name.as_str())
            .collect();
        for name in raw.keys().filter(|name| !known.contains(&name.as_str())) {
            let message = format!("no check with parts is named `{name}`");
            self.document.refuse_key(&["parts", name], message, &known);
        }
        raw
    }

    fn fault(&mut self, name: &str, raw: raw::Fault) -> Option<Fault> {
        let table = ["fault", name];
        let given = self.document.keys_of(&table);
        let Some(kind) = raw.kind else {
            if !given.iter().any(|key| key == "kind") {
                let help = "for instance: kind = \"crash\"";
                let message = format!("`fault.{name}` needs `kind`");
                self.document.refuse(&table, message, "what does it do?", &[help]);
            }
            return None;
        };
        for key in given.iter().filter(|key| *key != "kind") {
            if !kind.keys().contains(&key.as_str()) {
                let message = format!("`{key}` means nothing for such a fault");
                self.document.refuse_key(&["fault", name, key], message, kind.keys());
            }
        }
        for key in kind.needs().iter().filter(|key| !given.iter().any(|given| given == *key)) {
            let message = format!("`fault.{name}` needs `{key}`");
            self.document.refuse(&table, message, format!("`{key}` is missing"), &[]);
        }
        let when = self.when(name, kind, &raw)?;
        let what = self.what(name, kind, raw)?;
        Some(Fault { when, what })
    }

    fn when(&mut self, name: &str, kind: Kind, raw: &raw::Fault) -> Option<When> {
        let every = raw.every.map(|every| every.0);
        let at: Vec<Duration> = raw
            .at
            .clone()
            .map_or_else(Vec::new, OneOrMany::into_list)
            .into_iter()
            .map(|time| time.0)
            .collect();
        if every.is_some_and(|every| every.is_zero()) {
            let key = ["fault", name, "every"];
            let message = "a fault cannot strike all the time";
            let help = "accepted: a mean time from one to the next, such as `7d`";
            self.document.refuse(&key, message, "0 is no time", &[help]);
            return None;
        }
        if every.is_none() && at.is_empty() && kind != Kind::Depends {
            let message = format!("`fault.{name}` never strikes");
            let help = "`every` says how often in the mean, `at` says when after the begin";
            self.document.refuse(&["fault", name], message, "needs `every` or `at`", &[help]);
            return None;
        }
        Some(When { every, at })
    }

    fn what(&mut self, name: &str, kind: Kind, raw: raw::Fault) -> Option<What> {
        let lasts = raw.lasts.map(|times| times.0);
        Some(match kind {
            Kind::Crash => What::Crash(self.strike(name, raw)),
            Kind::Hang => What::Hang(self.strike(name, raw)),
            Kind::Network => What::Network(self.strike(name, raw)),
            Kind::Blind => What::Blind(self.strike(name, raw)),
            Kind::Slow => {
                let latency = raw.latency?.0;
                What::Slow(self.strike(name, raw), latency)
            }
            Kind::Leak => {
                let leak = self.leak(name, &raw)?;
                What::Leak(self.strike(name, raw), leak)
            }
            Kind::Flap => {
                let usual = Span::between(Duration::from_secs(20), Duration::from_mins(2));
                let flap = Flap {
                    down: raw.down.map_or(usual, |times| times.0),
                    up: raw.up.map_or(usual, |times| times.0),
                };
                if flap.down.most.is_zero() && flap.up.most.is_zero() {
                    let message = "what flaps takes some time to go down or up";
                    let help = "one of `down` and `up` is more than 0";
                    self.document.refuse(
                        &["fault", name, "down"],
                        message,
                        "0 is no time",
                        &[help],
                    );
                    return None;
                }
                What::Flap(self.strike(name, raw), flap)
            }
            Kind::Depends => {
                let targets = self.named(&["fault", name, "targets"], raw.targets, &[]);
                let on = self.named(&["fault", name, "on"], raw.on, &[]);
                What::Depends { targets, on }
            }
            Kind::Drift => What::Drift(Drift {
                rules: self.permissions(name, raw.rules),
                entries: raw.entries.unwrap_or(1),
                fights: raw.fights.map(|time| time.0),
            }),
            Kind::Due => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a size, read as one from 0 on"
                )]
                let bytes = raw.bytes.map_or(1_000_000, |bytes| bytes.0 as u64);
                let (rules, entries) = (self.cleanups(name, "rules", raw.rules), raw.entries);
                What::Due(Due { rules, entries: entries.unwrap_or(1), bytes })
            }
            Kind::Fill => self.fill(name, raw)?,
            Kind::AgentCrash => What::AgentCrash(AgentCrash {
                when: raw.when.unwrap_or_default(),
                action: raw.action.unwrap_or_default(),
            }),
            Kind::JournalFull => What::JournalFull(lasts?),
            Kind::Suspend => What::Suspend(lasts?),
            Kind::Starve => What::Starve(lasts?),
            Kind::Reboot => What::Reboot(Reboot {
                lasts: lasts?,
                clock: raw.by.map_or(SignedDuration::ZERO, |by| by.0),
            }),
            Kind::ClockStep => What::ClockStep(raw.by?.0),
            Kind::Hold => What::Hold {
                targets: self.targets(&["fault", name, "targets"], raw.targets),
                lasts,
            },
            Kind::Release => What::Release(self.targets(&["fault", name, "targets"], raw.targets)),
            Kind::Reset => What::Reset(self.targets(&["fault", name, "targets"], raw.targets)),
            Kind::Reload => What::Reload(None),
        })
    }

    fn leak(&mut self, name: &str, raw: &raw::Fault) -> Option<Leak> {
        let until = raw.until?.0;
        let from = raw.from.map_or(until / 4.0, |amount| amount.0);
        if from >= until {
            let key = ["fault", name, "until"];
            let message = "a leak ends where it begins, or below";
            self.document.refuse(&key, message, format!("not above {from}"), &[]);
            return None;
        }
        let field = raw.field.clone().unwrap_or_else(|| "rss_bytes".to_owned());
        Some(Leak { field, from, per_hour: raw.per_hour?.0, until })
    }

    fn fill(&mut self, name: &str, raw: raw::Fault) -> Option<What> {
        let disks: Vec<&str> = self
            .settings
            .checks
            .iter()
            .filter(|check| check.target.kind() == "disk")
            .map(|check| check.name.as_str())
            .collect();
        let checks = raw.checks?.into_list();
        for (place, check) in checks.iter().enumerate() {
            if !disks.contains(&check.as_str()) {
                let message = format!("no check of a disk is named `{check}`");
                let key = ["fault", name, "checks", &place.to_string()];
                self.document.refuse_name(&key, message, check, &disks);
            }
        }
        let cleaned_by = self.cleanups(
            name,
            "cleaned_by",
            raw.cleaned_by.or_else(|| Some(OneOrMany::Many(Vec::new()))),
        );
        let from = raw.from.map_or(50.0, |amount| amount.0);
        Some(What::Fill(Fill { checks, from, per_hour: raw.per_hour?.0, cleaned_by }))
    }

    fn strike(&mut self, name: &str, raw: raw::Fault) -> Strike {
        let actions: Vec<&str> = action_names().collect();
        let cured_by = raw.cured_by.map(OneOrMany::into_list);
        for (place, action) in cured_by.iter().flatten().enumerate() {
            if !actions.contains(&action.as_str()) {
                let message = format!("no action is named `{action}`");
                let key = ["fault", name, "cured_by", &place.to_string()];
                self.document.refuse_name(&key, message, action, &actions);
            }
        }
        let all = || Some(OneOrMany::One("*".to_owned()));
        Strike {
            targets: self.targets(&["fault", name, "targets"], raw.targets.or_else(all)),
            checks_alone: false,
            together: raw.together,
            lasts: raw.lasts.map(|times| times.0),
            cured_by,
        }
    }

    /// Names of targets, each of which the settings must have, or `*` for all of them.
    fn targets(&mut self, key: &[&str], names: Option<OneOrMany<String>>) -> Vec<String> {
        self.named(key, names, &["*"])
    }

    /// Names of targets, each of which the settings must have, or one of these words.
    fn named(
        &mut self,
        key: &[&str],
        names: Option<OneOrMany<String>>,
        words: &[&'static str],
    ) -> Vec<String> {
        let names = names.map_or_else(Vec::new, OneOrMany::into_list);
        let known: Vec<&str> =
            self.targets.iter().map(String::as_str).chain(words.iter().copied()).collect();
        for (place, name) in names.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let message = format!("the settings have no target `{name}`");
                let key: Vec<&str> = key.iter().copied().chain([""]).collect();
                refuse_item(&mut self.document, &key, place, message, name, &known);
            }
        }
        names
    }

    fn permissions(&mut self, name: &str, rules: Option<OneOrMany<String>>) -> Vec<String> {
        let known: Vec<_> =
            self.settings.permissions.iter().map(|rule| rule.name.clone()).collect();
        self.rules(name, "rules", rules, &known, "permission")
    }

    fn cleanups(&mut self, name: &str, key: &str, rules: Option<OneOrMany<String>>) -> Vec<String> {
        let known: Vec<_> = self.settings.cleanup.iter().map(|rule| rule.name.clone()).collect();
        self.rules(name, key, rules, &known, "cleanup")
    }

    fn rules(
        &mut self,
        name: &str,
        key: &str,
        rules: Option<OneOrMany<String>>,
        known: &[String],
        kind: &str,
    ) -> Vec<String> {
        let rules = rules.map_or_else(|| vec!["*".to_owned()], OneOrMany::into_list);
        let known: Vec<&str> = known.iter().map(String::as_str).chain(["*"]).collect();
        for (place, rule) in rules.iter().enumerate() {
            if !known.contains(&rule.as_str()) {
                let message = format!("no {kind} rule is named `{rule}`");
                let key = ["fault", name, key, ""];
                refuse_item(&mut self.document, &key, place, message, rule, &known);
            }
        }
        rules
    }

    fn action(&mut self, name: &str, raw: raw::Behaviour) -> ActionModel {
        let usual = ActionModel::default();
        let actions: Vec<&str> = action_names().collect();
        if let Some(action) = raw.action.as_deref().filter(|action| !actions.contains(action)) {
            let message = format!("no action is named `{action}`");
            self.document.refuse_name(&["action", name, "action"], message, action, &actions);
        }
        let shares = [
            ("heals", raw.heals),
            ("fails", raw.fails),
            ("impossible", raw.impossible),
            ("hangs", raw.hangs),
        ];
        for (key, share) in shares {
            if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
                let message = format!("`{key}` says how likely it is");
                let help = "accepted: a number from 0 to 1";
                self.document.refuse(&["action", name, key], message, "out of bounds", &[help]);
            }
        }
        ActionModel {
            targets: self.targets(&["action", name, "targets"], raw.targets),
            action: raw.action,
            takes: raw.takes.map_or(usual.takes, |times| times.0),
            heals: raw.heals.unwrap_or(usual.heals),
            heals_from_step: raw.heals_from_step.unwrap_or(usual.heals_from_step),
            fails: raw.fails.unwrap_or(usual.fails),
            impossible: raw.impossible.unwrap_or(usual.impossible),
            hangs: raw.hangs.unwrap_or(usual.hangs),
        }
    }
}

fn pace(raw: &raw::Host) -> Pace {
    let usual = Pace::default();
    Pace {
        answer: raw.answer.map_or(usual.answer, |times| times.0),
        write: raw.write.map_or(usual.write, |time| time.0),
        restart: raw.restart.map_or(usual.restart, |times| times.0),
    }
}

/// Refuses one item of a list; the last segment of `key` stands for its place.
fn refuse_item(
    document: &mut Document,
    key: &[&str],
    place: usize,
    message: String,
    given: &str,
    known: &[&str],
) {
    let place = place.to_string();
    let key: Vec<&str> =
        key.iter().map(|segment| if segment.is_empty() { &place } else { *segment }).collect();
    document.refuse_name(&key, message, given, known);
}
