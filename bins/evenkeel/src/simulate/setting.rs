//! What is to be played: settings, what goes wrong with them, for how long, with which chance.

use std::path::Path;
use std::time::Duration;

use evenkeel_cli::{Common, Failure, escaped};
use evenkeel_config::{Settings, Sources, format_duration};
use evenkeel_simulator::{Faults, Recorded, Scenario};
use jiff::Timestamp;

use super::{many, recorded};
use crate::args::Simulate as Args;
use crate::named;
use crate::written::seconds_only;

/// The begin of a simulated time of which nothing else is known: a Monday.
const BEGAN: &str = "2026-01-05T00:00:00Z";

/// All that a simulation depends on.
#[derive(Debug)]
pub(super) struct Setting {
    /// One set of settings, or two that are compared.
    pub(super) policies: Vec<Policy>,
    pub(super) began: Timestamp,
    pub(super) lasts: Duration,
    pub(super) seed: u64,
    pub(super) seeds: u32,
    /// What goes wrong, in words.
    pub(super) faults: String,
    /// Whether that was recorded: each outage is a fault then, and no table has room for them.
    pub(super) is_recorded: bool,
    /// The command that gives the same output again.
    pub(super) again: String,
    /// What is worth knowing before, for standard error.
    pub(super) remarks: Vec<String>,
}

/// Settings, and what goes wrong with them.
#[derive(Debug)]
pub(super) struct Policy {
    /// The settings, by their files.
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) faults: Faults,
}

impl Setting {
    /// Reads what was named. Fails with what is wrong with it.
    pub(super) fn read(common: &Common, args: &Args) -> Result<Self, Failure> {
        let name = match common.config.as_slice() {
            [] => "the settings of this host".to_owned(),
            files => files.iter().map(escaped).collect::<Vec<_>>().join(" and "),
        };
        let mut named = vec![(name, common.settings()?)];
        if let Some(file) = &args.compare {
            let sources = Sources { files: vec![file.clone()], ..common.sources() };
            named.push((escaped(file), evenkeel_config::load(&sources).map_err(Failure::usage)?));
        }
        for (name, settings) in &named {
            if settings.checks.is_empty()
                && settings.permissions.is_empty()
                && settings.cleanup.is_empty()
            {
                return Err(Failure::usage(format!(
                    "nothing is checked or kept by {name}: there is nothing to simulate"
                )));
            }
        }
        let mut setting = Self {
            policies: Vec::new(),
            began: BEGAN.parse().expect("a time"),
            lasts: args.lasts,
            seed: args.seed,
            seeds: args.seeds,
            faults: "what usually goes wrong".to_owned(),
            is_recorded: args.from_journal.is_some(),
            again: again(common, args),
            remarks: Vec::new(),
        };
        if let Some(dir) = &args.from_journal {
            let recorded = recorded::read(dir, args.since)?;
            setting.replay(dir, &recorded, named)?;
        } else if let Some(file) = &args.faults {
            setting.faults = format!("the faults of {}", escaped(file));
            let text = named::read(file)?;
            for (name, settings) in named {
                let faults = Faults::parse(file, &text, &settings).map_err(Failure::usage)?;
                setting.policies.push(Policy { name, settings, faults });
            }
        } else {
            for (name, settings) in named {
                let faults = Faults::usual(&settings);
                setting.policies.push(Policy { name, settings, faults });
            }
        }
        Ok(setting)
    }

    /// What was recorded goes wrong again.
    fn replay(
        &mut self,
        dir: &Path,
        recorded: &Recorded,
        policies: Vec<(String, Settings)>,
    ) -> Result<(), Failure> {
        (self.began, self.lasts) = (recorded.from, recorded.lasts());
        self.faults = format!(
            "what the history in {} knows from {} until {}",
            escaped(dir),
            seconds_only(recorded.from),
            seconds_only(recorded.until)
        );
        for (name, settings) in policies {
            recorded::refuse_unknown(dir, recorded, &name, &settings)?;
            let replay = recorded.faults(&settings);
            self.remarks.push(format!(
                "{name}: {} in the history, of which {} ended by an action then and {} though actions did not help, or not at all",
                many(replay.outages as u64, "outage"),
                replay.healed,
                replay.unhealed
            ));
            if !replay.left_out.is_empty() {
                let names: Vec<_> = replay.left_out.iter().map(escaped).collect();
                self.remarks
                    .push(format!("{name} does not look at: {}; left out", names.join(", ")));
            }
            self.policies.push(Policy { name, settings, faults: replay.faults });
        }
        Ok(())
    }

    pub(super) fn scenario(&self, policy: usize, seed: u64) -> Scenario {
        let Policy { settings, faults, .. } = &self.policies[policy];
        Scenario {
            settings: settings.clone(),
            faults: faults.clone(),
            lasts: self.lasts,
            seed,
            began: self.began,
        }
    }

    /// The seeds, in their order.
    pub(super) fn all_seeds(&self) -> impl Iterator<Item = u64> {
        let first = self.seed;
        (0..u64::from(self.seeds)).map(move |more| first.wrapping_add(more))
    }
}

/// The command that gives the same output again, as one types it.
fn again(common: &Common, args: &Args) -> String {
    let mut words = vec!["evenkeel simulate".to_owned()];
    let mut add = |flag: &str, value: &str| words.push(format!("--{flag} {}", quoted(value)));
    for file in &common.config {
        add("config", &file.to_string_lossy());
    }
    for set in &common.set {
        // A setting may be a secret; its key is none.
        add("set", &format!("{}=…", set.split('=').next().unwrap_or_default()));
    }
    if let Some(file) = &args.compare {
        add("compare", &file.to_string_lossy());
    }
    match (&args.from_journal, &args.faults) {
        (Some(dir), _) => {
            add("from-journal", &dir.to_string_lossy());
            add("since", &format_duration(args.since));
        }
        (None, faults) => {
            if let Some(file) = faults {
                add("faults", &file.to_string_lossy());
            }
            add("for", &format_duration(args.lasts));
        }
    }
    add("seed", &args.seed.to_string());
    if args.seeds > 1 {
        add("seeds", &args.seeds.to_string());
    }
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./:,=+@%".contains(char);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", escaped(word).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quoted("a/b-1.toml"), "a/b-1.toml");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
