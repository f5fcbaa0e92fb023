//! Settings and scenarios that the tests share, and an observer that keeps what it was told.

use std::time::Duration;

use evenkeel_config::{Settings, load_text};
use evenkeel_engine::Record;
use evenkeel_moment::Moment;
use evenkeel_simulator::{
    Event, Fault, Faults, Observer, Scenario, Summary, View, What, When, run,
};
use jiff::Timestamp;

pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);
/// A day in September 2026.
pub(crate) const BEGAN: Timestamp = Timestamp::constant(1_790_000_000, 0);

/// So many services of the same kind, `web-1` and so on, each with its check and its recovery.
pub(crate) fn services(count: usize, more: &str) -> Settings {
    let service = |number: usize| {
        format!(
            "[check.web-{number}]\nhttp = {{ url = \"http://127.0.0.1:1/\" }}\ninterval = \"30s\"\ntimeout = \"1s\"\n\
             [recovery.web-{number}]\nwhen = [\"web-{number}\"]\nsteps = [{{ action = \"exec\", command = [\"restart\"] }}]\n"
        )
    };
    let all: String = (1..=count).map(service).collect();
    load_text("test.toml", &format!("{all}{more}")).expect("settings of the test")
}

/// What happened, in words.
#[derive(Debug, Default)]
pub(crate) struct Log(pub(crate) Vec<(Moment, Timestamp, Record)>);

impl Observer for Log {
    fn saw(&mut self, now: Moment, wall: Timestamp, event: &Event<'_>, _: &View<'_>) {
        if let Some(record) = event.record() {
            self.0.push((now, wall, record.clone()));
        }
    }
}

impl Log {
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        self.0.iter().map(|(_, _, record)| record.kind()).collect()
    }
}

pub(crate) fn faults(all: impl IntoIterator<Item = (&'static str, When, What)>) -> Faults {
    let faults = all.into_iter().map(|(name, when, what)| (name.to_owned(), Fault { when, what }));
    Faults { faults: faults.collect(), ..Faults::none() }
}

pub(crate) fn scenario(settings: Settings, faults: Faults, lasts: Duration) -> Scenario {
    Scenario { settings, faults, lasts, seed: 7, began: BEGAN }
}

/// Plays it; what it came to, and the lines of its history.
pub(crate) fn play(scenario: &Scenario) -> (Summary, Log) {
    let mut log = Log::default();
    let summary = run(scenario, &mut [&mut log]);
    (summary, log)
}
