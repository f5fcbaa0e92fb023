use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_moment::Moment;
use evenkeel_shown::said::Said;

use crate::event::{CleanOutcome, Effect, Fight, KeepOutcome, Remaining, Repaired, SweepOutcome};
use crate::record::Record;

/// History lists this many repairs of one minute one by one, and counts the rest.
const LISTED_REPAIRS: usize = 100;
/// The same of fights.
const LISTED_FIGHTS: usize = 20;
const LISTING: Duration = Duration::from_mins(1);
/// So often in a minute history has what is left behind, and after it what was left last: whoever may change entries decides how often that changes.
const LISTED_LEFT: usize = 20;
/// A cleanup's line of history names this many of the entries taken.
const LISTED_TAKEN: usize = 20;

/// Lines of one kind since the minute began that they are counted in.
#[derive(Debug, Clone, Copy)]
struct Listed {
    lines: usize,
    since: Moment,
}

impl Listed {
    const fn none(now: Moment) -> Self {
        Self { lines: 0, since: now }
    }

    /// Takes the place of one more line, if there is one among `most` a minute.
    fn takes(&mut self, now: Moment, most: usize) -> bool {
        if now.saturating_since(self.since) >= LISTING {
            *self = Self::none(now);
        }
        let takes = self.lines < most;
        self.lines += usize::from(takes);
        takes
    }
}

/// When a permission or cleanup rule is due, and what its last run left behind.
#[derive(Debug)]
pub(crate) struct RuleCore {
    pub(crate) name: String,
    pub(crate) interval: Duration,
    due: Moment,
    running: bool,
    /// Whether the standing order to keep it was given.
    pub(crate) is_kept: bool,
    /// How the kernel tells of changes, if it does.
    pub(crate) watched: Option<Said>,
    pub(crate) last_run: Option<Moment>,
    /// What was left, by path, and why; or why the rule could not be run. Of many, only the reasons of some have their codes.
    pub(crate) remaining: Result<BTreeMap<String, Said>, Said>,
    pub(crate) handled: u64,
    /// Entries repaired not long ago, and until when they still count as errors.
    held: Option<(usize, Moment)>,
    repairs: Listed,
    fights: Listed,
    /// How often it was written what is left.
    told: Listed,
    /// Whether what is left is not written yet.
    is_untold: bool,
}

impl RuleCore {
    pub(crate) fn new(name: String, interval: Duration, now: Moment) -> Self {
        Self {
            name,
            interval,
            due: now,
            running: false,
            is_kept: false,
            watched: None,
            last_run: None,
            remaining: Ok(BTreeMap::new()),
            handled: 0,
            held: None,
            repairs: Listed::none(now),
            fights: Listed::none(now),
            told: Listed::none(now),
            is_untold: false,
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

    pub(crate) fn swept(
        &mut self,
        now: Moment,
        result: Result<SweepOutcome, Said>,
        hold: Duration,
        effects: &mut Vec<Effect>,
    ) {
        self.ended(now);
        let result = result.map(|outcome| {
            self.repaired(now, outcome.repaired, hold, effects);
            self.fought(now, outcome.fights, effects);
            outcome.remaining
        });
        self.left(now, result, effects);
    }

    /// Takes in what was done about what events named.
    pub(crate) fn kept(
        &mut self,
        now: Moment,
        outcome: KeepOutcome,
        hold: Duration,
        effects: &mut Vec<Effect>,
    ) {
        self.repaired(now, outcome.repaired, hold, effects);
        self.fought(now, outcome.fights, effects);
        // A rule that could not be applied as a whole stays so until the next sweep says otherwise.
        let Ok(remaining) = &mut self.remaining else { return };
        for path in outcome.cleared {
            self.is_untold |= remaining.remove(&path).is_some();
        }
        for Remaining { path, reason } in outcome.remaining {
            let is_first = remaining.first_key_value().is_none_or(|(first, _)| path <= *first);
            let reason = if is_first { reason } else { reason.in_list(remaining.len()) };
            self.is_untold |= remaining.get(&path).map(Said::text) != Some(reason.text());
            remaining.insert(path, reason);
        }
        self.tell_what_is_left(now, effects);
    }

    fn repaired(
        &mut self,
        now: Moment,
        repaired: Vec<Repaired>,
        hold: Duration,
        effects: &mut Vec<Effect>,
    ) {
        if repaired.is_empty() {
            return;
        }
        self.handled += repaired.len() as u64;
        let earlier = self.held.filter(|(_, until)| now < *until).map_or(0, |(count, _)| count);
        self.held = Some((earlier + repaired.len(), now + hold));
        let mut more = BTreeMap::<String, usize>::new();
        for repaired in repaired {
            if !self.repairs.takes(now, LISTED_REPAIRS) {
                *more.entry(repaired.what).or_default() += 1;
                continue;
            }
            effects.push(Effect::from(Record::Repaired {
                rule: self.name.clone(),
                path: repaired.path,
                what: repaired.what,
                before: repaired.before,
                after: repaired.after,
                by: repaired.by,
                wrong_for: repaired.wrong_for,
            }));
        }
        for (what, entries) in more {
            let rule = self.name.clone();
            effects.push(Effect::from(Record::RepairedMore { rule, what, entries }));
        }
    }

    fn fought(&mut self, now: Moment, fights: Vec<Fight>, effects: &mut Vec<Effect>) {
        let mut more = 0;
        for fight in fights {
            if self.fights.takes(now, LISTED_FIGHTS) {
                let rule = self.name.clone();
                effects.push(Effect::from(Record::Fought { rule, fight }));
            } else {
                more += 1;
            }
        }
        if more > 0 {
            let rule = self.name.clone();
            effects.push(Effect::from(Record::FoughtMore { rule, entries: more }));
        }
    }

    pub(crate) fn cleaned(
        &mut self,
        now: Moment,
        result: Result<CleanOutcome, Said>,
        effects: &mut Vec<Effect>,
    ) {
        self.ended(now);
        let result = result.map(|mut outcome| {
            self.handled += outcome.taken.len() as u64;
            if !outcome.taken.is_empty() {
                let entries = outcome.taken.len();
                outcome.taken.truncate(LISTED_TAKEN);
                effects.push(Effect::from(Record::Cleaned {
                    rule: self.name.clone(),
                    action: outcome.action,
                    entries,
                    bytes: outcome.bytes,
                    sample: outcome.taken.iter().map(|taken| taken.text().to_owned()).collect(),
                    sample_code: outcome.taken.into_iter().map(Said::into_code).collect(),
                    run: outcome.run,
                }));
            }
            if outcome.purged > 0 {
                let (entries, bytes) = (outcome.purged, outcome.purged_bytes);
                let rule = self.name.clone();
                effects.push(Effect::from(Record::Purged { rule, entries, bytes }));
            }
            outcome.remaining
        });
        self.left(now, result, effects);
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

    /// What was left, the first of it; or why the rule could not be run.
    pub(crate) fn left_first(&self) -> Option<Said> {
        match &self.remaining {
            Ok(remaining) => {
                let (path, reason) = remaining.first_key_value()?;
                Some(Said::at(path, reason.clone()))
            }
            Err(reason) => Some(reason.clone()),
        }
    }

    fn ended(&mut self, now: Moment) {
        self.running = false;
        self.last_run = Some(now);
    }

    /// Keeps what was left, and writes it to history when it differs from what the last run left.
    fn left(
        &mut self,
        now: Moment,
        remaining: Result<Vec<Remaining>, Said>,
        effects: &mut Vec<Effect>,
    ) {
        let remaining = remaining.map(|all| {
            let mut by_path = BTreeMap::<String, Said>::new();
            for Remaining { path, reason } in all {
                // Of the root of a rule, more than one thing may be said.
                let reason = match by_path.remove(&path) {
                    Some(earlier) => Said::joined(vec![earlier, reason]),
                    None => reason,
                };
                by_path.insert(path, reason);
            }
            let mut all = by_path;
            for (place, reason) in all.values_mut().enumerate() {
                *reason = std::mem::take(reason).in_list(place);
            }
            all
        });
        self.is_untold |= remaining != self.remaining;
        self.remaining = remaining;
        self.tell_what_is_left(now, effects);
    }

    fn tell_what_is_left(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if !self.is_untold {
            return;
        }
        let entries = self.remaining.as_ref().map_or(0, BTreeMap::len);
        let Some(reason) = self.left_first() else {
            self.is_untold = false;
            return;
        };
        if self.told.takes(now, LISTED_LEFT) {
            self.is_untold = false;
            let rule = self.name.clone();
            let (reason, reason_code) = reason.into_parts();
            effects.push(Effect::from(Record::RuleFailed { rule, entries, reason, reason_code }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            by: None,
            wrong_for: None,
        };
        SweepOutcome { repaired: vec![repaired; count], ..SweepOutcome::default() }
    }

    #[test]
    fn what_was_taken_is_one_line_and_what_went_from_the_trash_another() {
        let mut rule = RuleCore::new("old".into(), HOUR, at(0));
        let outcome = CleanOutcome {
            action: "trash".into(),
            run: Some("20261125T072301Z".into()),
            taken: vec!["/srv/a".into(); LISTED_TAKEN + 5],
            bytes: 70,
            purged: 3,
            purged_bytes: 9,
            ..CleanOutcome::default()
        };
        let mut effects = Vec::new();
        assert!(rule.start(at(0)));
        rule.cleaned(at(1), Ok(outcome), &mut effects);
        let messages: Vec<_> = effects
            .iter()
            .map(|effect| match effect {
                Effect::Record(record) => (record.kind(), record.message()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            messages,
            [
                (
                    "cleaned",
                    "trash: 25 entries, 70 B; `evenkeel undo 20261125T072301Z` brings them back"
                        .to_owned()
                ),
                ("purged", "out of the trash: 3 entries, 9 B given back".to_owned()),
            ]
        );
        let Effect::Record(record) = &effects[0] else { panic!("{effects:?}") };
        let Record::Cleaned { sample, .. } = &**record else { panic!("{effects:?}") };
        assert_eq!((sample.len(), rule.handled), (LISTED_TAKEN, 25));
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
    fn the_next_run_is_due_an_interval_after_the_last_began() {
        let mut rule = RuleCore::new("state".into(), HOUR, at(0));
        assert!(rule.start(at(0)));
        assert!(!rule.start(at(1)), "it runs");
        rule.swept(at(2), Ok(repairs(0)), HOLD, &mut Vec::new());
        assert!(!rule.start(at(3)));
        assert_eq!(rule.deadline(), Some(at(3600)));
    }

    #[test]
    fn events_change_what_is_left_entry_by_entry() {
        let mut rule = RuleCore::new("state".into(), HOUR, at(0));
        let left =
            |path: &str, reason: &str| Remaining { path: path.to_owned(), reason: reason.into() };
        let swept = SweepOutcome {
            remaining: vec![left("/a", "one"), left("/b", "two")],
            ..SweepOutcome::default()
        };
        let mut effects = Vec::new();
        rule.swept(at(0), Ok(swept), HOLD, &mut effects);
        let kept = KeepOutcome {
            remaining: vec![left("/b", "three"), left("/c", "four")],
            cleared: vec!["/a".to_owned()],
            ..KeepOutcome::default()
        };
        rule.kept(at(1), kept, HOLD, &mut effects);
        let now = [("/b", "three"), ("/c", "four")];
        let now = now.map(|(path, reason)| (path.to_owned(), reason.into()));
        assert_eq!(rule.remaining, Ok(now.into()));
        assert_eq!(effects.len(), 2, "each time it is something else: {effects:?}");
        rule.kept(at(2), KeepOutcome::default(), HOLD, &mut effects);
        assert_eq!((effects.len(), rule.errors(at(2))), (2, 2));
        rule.swept(at(3), Err("no such user".into()), HOLD, &mut effects);
        let kept = KeepOutcome { remaining: vec![left("/d", "five")], ..KeepOutcome::default() };
        rule.kept(at(4), kept, HOLD, &mut effects);
        assert_eq!(rule.remaining, Err("no such user".into()), "until a sweep says otherwise");
    }

    #[test]
    fn what_is_left_is_told_so_often_in_a_minute_and_then_as_it_is() {
        let mut rule = RuleCore::new("state".into(), HOUR, at(0));
        let mut effects = Vec::new();
        let kept = |mode: u32| {
            let path = "/a".to_owned();
            let remaining = vec![Remaining { path, reason: format!("mode {mode:o}").into() }];
            KeepOutcome { remaining, ..KeepOutcome::default() }
        };
        for mode in 0..1_000 {
            rule.kept(at(1), kept(mode), HOLD, &mut effects);
        }
        assert_eq!(effects.len(), LISTED_LEFT);
        rule.kept(at(61), KeepOutcome::default(), HOLD, &mut effects);
        assert_eq!(effects.len(), LISTED_LEFT + 1, "what came last is told once there is room");
        let Effect::Record(record) = effects.last().unwrap() else { panic!("{effects:?}") };
        let Record::RuleFailed { reason, .. } = &**record else { panic!("{effects:?}") };
        assert_eq!(reason, "/a: mode 1747");
        rule.kept(at(62), KeepOutcome::default(), HOLD, &mut effects);
        assert_eq!(effects.len(), LISTED_LEFT + 1, "and no more than once");
    }

    #[test]
    fn repairs_of_a_burst_count_together_until_an_alert_could_see_them() {
        let mut rule = RuleCore::new("state".into(), HOUR, at(0));
        let kept = || KeepOutcome { repaired: repairs(3).repaired, ..KeepOutcome::default() };
        rule.kept(at(0), kept(), HOLD, &mut Vec::new());
        rule.kept(at(60), kept(), HOLD, &mut Vec::new());
        assert_eq!((rule.errors(at(179)), rule.errors(at(180)), rule.handled), (6, 0, 6));
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
        let more = |effects: &[Effect]| match effects.last() {
            Some(Effect::Record(record))
                if let Record::RepairedMore { what, entries, .. } = &**record =>
            {
                (what.clone(), *entries)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(more(&effects), ("mode".to_owned(), 150));
        effects.clear();
        let kept = || KeepOutcome { repaired: repairs(7).repaired, ..KeepOutcome::default() };
        rule.kept(at(59), kept(), HOLD, &mut effects);
        assert_eq!((effects.len(), more(&effects)), (1, ("mode".to_owned(), 7)));
        effects.clear();
        rule.kept(at(60), kept(), HOLD, &mut effects);
        assert_eq!(effects.len(), 7, "another minute, another hundred");
    }

    #[test]
    fn a_fight_is_a_line_of_history_that_names_both_sides() {
        let mut rule = RuleCore::new("state".into(), HOUR, at(0));
        let fight = Fight {
            path: "/state/a.hash".into(),
            what: "mode".into(),
            ours: "0644".into(),
            theirs: "0600".into(),
            by: None,
            times: 5,
            pause: Duration::from_secs(10),
        };
        let mut effects = Vec::new();
        let kept = KeepOutcome { fights: vec![fight.clone()], ..KeepOutcome::default() };
        rule.kept(at(1), kept, HOLD, &mut effects);
        let [Effect::Record(record)] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!((record.kind(), record.target().as_str()), ("fought", "state"));
        assert_eq!(
            record.message(),
            "mode of /state/a.hash: put right to 0644 5 times, and to 0600 again and again by somebody unknown; left alone for 10 s"
        );
        for second in [1, 2] {
            let fights = vec![fight.clone(); LISTED_FIGHTS];
            let kept = KeepOutcome { fights, ..KeepOutcome::default() };
            rule.kept(at(second), kept, HOLD, &mut effects);
        }
        let more = effects.iter().filter_map(|effect| match effect {
            Effect::Record(record) => match &**record {
                Record::FoughtMore { entries, .. } => Some(*entries),
                _ => None,
            },
            _ => None,
        });
        let (lines, more) = (effects.len(), more.collect::<Vec<_>>());
        assert_eq!((lines, more), (LISTED_FIGHTS + 2, vec![1, LISTED_FIGHTS]));
    }
}
