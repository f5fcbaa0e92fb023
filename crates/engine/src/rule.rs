use std::time::Duration;

use evenkeel_moment::Moment;

use crate::event::{CleanOutcome, Effect, Remaining, SweepOutcome};
use crate::record::Record;

/// History lists this many repairs of one sweep one by one, and counts the rest.
const LISTED_REPAIRS: usize = 100;
/// A cleanup's line of history names this many of the entries taken.
const LISTED_TAKEN: usize = 20;

/// When a permission or cleanup rule is due, and what its last run left behind.
#[derive(Debug)]
pub(crate) struct RuleCore {
    pub(crate) name: String,
    pub(crate) interval: Duration,
    due: Moment,
    running: bool,
    /// Changed while it ran: what it saw may be out of date.
    touched: bool,
    pub(crate) last_run: Option<Moment>,
    pub(crate) remaining: Result<Vec<Remaining>, String>,
    pub(crate) handled: u64,
    /// Entries repaired not long ago, and until when they still count as errors.
    held: Option<(usize, Moment)>,
}

impl RuleCore {
    pub(crate) fn new(name: String, interval: Duration, now: Moment) -> Self {
        Self {
            name,
            interval,
            due: now,
            running: false,
            touched: false,
            last_run: None,
            remaining: Ok(Vec::new()),
            handled: 0,
            held: None,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        (!self.running).then_some(self.due)
    }

    /// Whether a run starts now.
    pub(crate) fn start(&mut self, now: Moment) -> bool {
        if self.running || now < self.due {
            return false;
        }
        self.running = true;
        self.due = now + self.interval;
        true
    }

    pub(crate) fn touch(&mut self, now: Moment) {
        if self.running {
            self.touched = true;
        } else {
            self.due = now;
        }
    }

    pub(crate) fn swept(
        &mut self,
        now: Moment,
        result: Result<SweepOutcome, String>,
        hold: Duration,
        effects: &mut Vec<Effect>,
    ) {
        self.ended(now);
        let result = result.map(|outcome| {
            self.handled += outcome.repaired.len() as u64;
            if !outcome.repaired.is_empty() {
                self.held = Some((outcome.repaired.len(), now + hold));
            }
            let more = outcome.repaired.len().saturating_sub(LISTED_REPAIRS);
            for repaired in outcome.repaired.into_iter().take(LISTED_REPAIRS) {
                effects.push(Effect::Record(Record::Repaired {
                    rule: self.name.clone(),
                    path: repaired.path,
                    what: repaired.what,
                    before: repaired.before,
                    after: repaired.after,
                }));
            }
            if more > 0 {
                let rule = self.name.clone();
                effects.push(Effect::Record(Record::RepairedMore { rule, entries: more }));
            }
            outcome.remaining
        });
        self.left(result, effects);
    }

    pub(crate) fn cleaned(
        &mut self,
        now: Moment,
        result: Result<CleanOutcome, String>,
        effects: &mut Vec<Effect>,
    ) {
        self.ended(now);
        let result = result.map(|mut outcome| {
            self.handled += outcome.taken.len() as u64;
            if !outcome.taken.is_empty() {
                let entries = outcome.taken.len();
                outcome.taken.truncate(LISTED_TAKEN);
                effects.push(Effect::Record(Record::Cleaned {
                    rule: self.name.clone(),
                    action: outcome.action,
                    entries,
                    bytes: outcome.bytes,
                    sample: outcome.taken,
                }));
            }
            outcome.remaining
        });
        self.left(result, effects);
    }

    /// Entries that deviate now or did until not long ago, so that an alert rule that waits a minute sees them.
    ///
    /// A rule that could not be run at all counts as one.
    pub(crate) fn errors(&self, now: Moment) -> usize {
        let remaining = match &self.remaining {
            Ok(remaining) => remaining.len(),
            Err(_) => 1,
        };
        let held = self.held.filter(|(_, until)| now < *until).map_or(0, |(count, _)| count);
        remaining + held
    }

    fn ended(&mut self, now: Moment) {
        self.running = false;
        self.last_run = Some(now);
        if std::mem::take(&mut self.touched) {
            self.due = now;
        }
    }

    /// Keeps what was left, and writes it to history when it differs from what the last run left.
    fn left(&mut self, remaining: Result<Vec<Remaining>, String>, effects: &mut Vec<Effect>) {
        if remaining != self.remaining {
            let (entries, reason) = match &remaining {
                Ok(remaining) => (
                    remaining.len(),
                    remaining.first().map(|first| format!("{}: {}", first.path, first.reason)),
                ),
                Err(reason) => (0, Some(reason.clone())),
            };
            if let Some(reason) = reason {
                let rule = self.name.clone();
                effects.push(Effect::Record(Record::RuleFailed { rule, entries, reason }));
            }
        }
        self.remaining = remaining;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Repaired;

    const HOUR: Duration = Duration::from_hours(1);
    const HOLD: Duration = Duration::from_mins(2);

    fn at(seconds: u64) -> Moment {
        Moment::ORIGIN + Duration::from_secs(seconds)
    }

    fn repairs(count: usize) -> SweepOutcome {
        let repaired = Repaired {
            path: "/state/a.hash".into(),
            what: "mode".into(),
            before: "0600".into(),
            after: "0644".into(),
        };
        SweepOutcome { repaired: vec![repaired; count], ..SweepOutcome::default() }
    }

    #[test]
    fn a_repair_counts_as_an_error_until_an_alert_could_see_it() {
        let mut rule = RuleCore::new("state".into(), HOUR, at(0));
        assert!(rule.start(at(0)));
        rule.swept(at(1), Ok(repairs(2)), HOLD, &mut Vec::new());
        assert_eq!(rule.errors(at(120)), 2);
        assert_eq!(rule.errors(at(121)), 0);
    }

    #[test]
    fn a_change_while_it_runs_makes_it_run_again() {
        let mut rule = RuleCore::new("state".into(), HOUR, at(0));
        assert!(rule.start(at(0)));
        rule.touch(at(1));
        assert!(!rule.start(at(1)));
        rule.swept(at(2), Ok(repairs(0)), HOLD, &mut Vec::new());
        assert!(rule.start(at(2)));
        rule.swept(at(3), Ok(repairs(0)), HOLD, &mut Vec::new());
        assert!(!rule.start(at(3)));
        assert_eq!(rule.deadline(), Some(at(3602)));
    }

    #[test]
    fn the_same_failure_is_written_to_history_once() {
        let mut rule = RuleCore::new("state".into(), HOUR, at(0));
        let mut effects = Vec::new();
        for second in 0..3 {
            rule.swept(at(second), Err("no such user `supervisor`".into()), HOLD, &mut effects);
        }
        assert_eq!(effects.len(), 1);
        assert_eq!(rule.errors(at(9)), 1);
    }

    #[test]
    fn many_repairs_are_listed_up_to_a_bound_and_counted_beyond() {
        let mut rule = RuleCore::new("state".into(), HOUR, at(0));
        let mut effects = Vec::new();
        rule.swept(at(0), Ok(repairs(250)), HOLD, &mut effects);
        assert_eq!(effects.len(), LISTED_REPAIRS + 1);
        assert!(matches!(
            effects.last(),
            Some(Effect::Record(Record::RepairedMore { entries: 150, .. }))
        ));
    }
}
