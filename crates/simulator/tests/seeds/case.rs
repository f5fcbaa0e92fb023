//! One run, as text that can be kept: settings, faults, how long, and the seed of all chance in it.

use std::time::Duration;

use evenkeel_config::{ConfigError, Settings, load_text};
use evenkeel_simulator::{Faults, Scenario, What};
use jiff::Timestamp;
use toml::{Table, Value};

/// All that a run depends on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) lasts: Duration,
    pub(crate) settings: Table,
    /// A fault file.
    pub(crate) faults: Table,
    /// The settings that a fault of the name `reload` reads, where they are others than those in force.
    pub(crate) reloads: Table,
}

/// When every run begins: not on a whole slice, and an hour before a quiet window opens.
const BEGAN: &str = "2026-03-29T00:00:17Z";

impl Case {
    /// The settings of a table, as an agent would load them.
    pub(crate) fn load(settings: &Table) -> Result<Settings, ConfigError> {
        load_text("case.toml", &settings.to_string())
    }

    /// What is to be run. Fails if its settings are refused: what was left out of it was needed.
    pub(crate) fn scenario(&self) -> Result<Scenario, String> {
        let settings = Self::load(&self.settings).map_err(|error| format!("{error:?}"))?;
        let text = self.faults.to_string();
        let mut faults = Faults::parse("faults.toml", &text, &settings)
            .map_err(|error| format!("{error}\n{text}"))?;
        for (name, other) in &self.reloads {
            let other = other.as_table().ok_or("no settings")?;
            let other = Self::load(other).map_err(|error| format!("{error:?}"))?;
            if let Some(fault) = faults.faults.get_mut(name) {
                fault.what = What::Reload(Some(Box::new(other)));
            }
        }
        let began: Timestamp = BEGAN.parse().expect("a time of day");
        Ok(Scenario { settings, faults, lasts: self.lasts, seed: self.seed, began })
    }

    /// As a file has it.
    pub(crate) fn to_text(&self) -> String {
        let mut table = Table::new();
        table.insert("seed".to_owned(), Value::from(self.seed.to_string()));
        let seconds = i64::try_from(self.lasts.as_secs()).unwrap_or(i64::MAX);
        table.insert("lasts_seconds".to_owned(), Value::from(seconds));
        table.insert("settings".to_owned(), self.settings.clone().into());
        table.insert("faults".to_owned(), self.faults.clone().into());
        table.insert("reloads".to_owned(), self.reloads.clone().into());
        table.to_string()
    }

    /// Reads what [`Case::to_text`] wrote.
    pub(crate) fn of_text(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error| format!("{error}"))?;
        let seed = table.get("seed").and_then(Value::as_str).and_then(|seed| seed.parse().ok());
        let seconds = table.get("lasts_seconds").and_then(Value::as_integer);
        let part =
            |key: &str| table.get(key).and_then(Value::as_table).cloned().unwrap_or_default();
        Ok(Self {
            seed: seed.ok_or("no `seed`")?,
            lasts: Duration::from_secs(
                seconds
                    .and_then(|seconds| u64::try_from(seconds).ok())
                    .ok_or("no `lasts_seconds`")?,
            ),
            settings: part("settings"),
            faults: part("faults"),
            reloads: part("reloads"),
        })
    }
}
