//! What goes wrong on a host of which nothing else is said.

use std::time::Duration;

use evenkeel_config::Settings;

use super::{Fault, Faults, Span, Strike, What, When};

const DAY: Duration = Duration::from_hours(24);

impl Faults {
    /// What goes wrong with everything now and then.
    pub fn usual(_settings: &Settings) -> Self {
        let all = || Strike::on(["*"]);
        let short = Span::between(Duration::from_mins(1), Duration::from_mins(10));
        let mut faults = Self::none();
        let mut add = |name: &str, every: u32, what: What| {
            faults.faults.insert(name.to_owned(), Fault { when: When::every(DAY * every), what });
        };
        add("crash", 7, What::Crash(all()));
        add("hang", 14, What::Hang(all()));
        add("outage", 10, What::Network(all().together().lasting(short)));
        faults
    }
}
