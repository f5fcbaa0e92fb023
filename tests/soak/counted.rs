//! Counters of an agent, added up over reloads: what is set up anew begins at nothing.

use evenkeel_tests::Samples;

/// What is counted: its name for people, and in `/metrics`.
const COUNTERS: [(&str, &str); 7] = [
    ("attempts of checks", "evenkeel_check_duration_seconds_count"),
    ("attempts that failed", "evenkeel_check_failures_total"),
    ("actions", "evenkeel_recovery_actions_total"),
    ("repairs", "evenkeel_permission_repairs_total"),
    ("files taken or cut", "evenkeel_cleanup_files_total"),
    ("journal errors", "evenkeel_agent_journal_errors_total"),
    ("samples lost", "evenkeel_agent_journal_samples_lost_total"),
];

/// Each counter, as it was last seen and in all.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    last: [u64; COUNTERS.len()],
    all: [u64; COUNTERS.len()],
}

impl Counted {
    /// Takes in a page of metrics. What happened between the last page before a reload and the reload is not seen.
    pub(crate) fn add(&mut self, page: &Samples) {
        for (place, (_, metric)) in COUNTERS.iter().enumerate() {
            let now = page.count(metric, &[]);
            let since = now.checked_sub(self.last[place]);
            self.all[place] += since.unwrap_or(now);
            self.last[place] = now;
        }
    }

    /// Each counter with its name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        COUNTERS.iter().zip(self.all).map(|((name, _), count)| (*name, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_began_anew_goes_on() {
        let mut counted = Counted::default();
        for value in [3, 5, 2] {
            counted.add(&Samples::parse(&format!(
                "evenkeel_check_failures_total{{check=\"a\"}} {value}"
            )));
        }
        let failures = counted.all().find(|(name, _)| *name == "attempts that failed");
        assert_eq!(failures, Some(("attempts that failed", 7)));
    }
}
