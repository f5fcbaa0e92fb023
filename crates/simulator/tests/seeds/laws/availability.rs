//! Slices and figures of availability, counted anew: each objective's from those of its checks, and each figure from its slices.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_config::{Settings, Slo};
use evenkeel_engine::{Effect, SLO_SUBJECT, Slice};
use evenkeel_metrics::availability::{self, Account, Verdict};
use evenkeel_simulator::Event;
use jiff::Timestamp;

use super::{Law, Seen};

#[derive(Default)]
pub(super) struct Availability {
    /// What was told of each subject, by the begin of each of its slices in milliseconds.
    told: BTreeMap<String, BTreeMap<i64, Verdict>>,
    /// How long the slices of each subject are.
    lengths: BTreeMap<String, Duration>,
    accounts: BTreeMap<String, Account>,
    /// Where the window of each account began at its latest, in milliseconds: what had left it by then is forgotten.
    kept_from: BTreeMap<String, i64>,
    /// Where what was told of each subject ends, since its slices began anew.
    until: BTreeMap<String, Timestamp>,
    /// By how much the time of day is ahead of the moment, in nanoseconds.
    ahead: Option<i128>,
}

impl Law for Availability {
    fn name(&self) -> &'static str {
        "availability"
    }

    fn saw(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match seen.event {
            // The settings may have changed while none ran.
            Event::AgentStarted { .. } => self.renew(seen.host.settings()),
            Event::Reloaded(settings) => self.renew(settings),
            Event::Effect(Effect::Slice(slice)) => self.take(seen, slice)?,
            Event::Ended => self.end(seen)?,
            _ => {}
        }
        // Slices begin anew where the clock was set, also by less than has gone by since: several small steps are a large one.
        let ahead = seen.wall.as_nanosecond() - i128::from(seen.now.as_nanos());
        if self.ahead.replace(ahead).is_some_and(|before| before != ahead) {
            self.until.clear();
        }
        Ok(())
    }
}

impl Availability {
    /// Other settings: what has slices of another length begins anew, and so does a promise that is another.
    fn renew(&mut self, settings: &Settings) {
        self.until.clear();
        let length = |subject: &str| match subject.strip_prefix(SLO_SUBJECT) {
            Some(name) => {
                settings.slos.iter().find(|slo| slo.name == name).map(|slo| slo.promise.slice)
            }
            None => settings
                .checks
                .iter()
                .find(|check| check.name == subject)
                .map(|check| check.interval),
        };
        let lengths = std::mem::take(&mut self.lengths);
        self.told.retain(|subject, _| {
            length(subject).is_some_and(|length| lengths.get(subject) == Some(&length))
        });
        let (told, kept_from) = (&mut self.told, &mut self.kept_from);
        self.accounts.retain(|name, account| {
            let slo = settings.slos.iter().find(|slo| slo.name == *name);
            let same = slo.is_some_and(|slo| slo.promise == *account.promise());
            if !same {
                kept_from.remove(name);
                told.remove(&format!("{SLO_SUBJECT}{name}"));
            }
            same
        });
        let subjects = self.told.keys().cloned();
        self.lengths =
            subjects.filter_map(|subject| Some((subject.clone(), length(&subject)?))).collect();
    }

    fn take(&mut self, seen: &Seen<'_>, slice: &Slice) -> Result<(), String> {
        let Slice { subject, verdict, from, until, slices, .. } = slice;
        let subject = &**subject;
        let settings = seen.host.settings();
        let slo = subject.strip_prefix(SLO_SUBJECT);
        let slo = slo.and_then(|name| settings.slos.iter().find(|slo| slo.name == name));
        let length = match slo {
            Some(slo) => slo.promise.slice,
            None => settings
                .checks
                .iter()
                .find(|check| check.name == subject)
                .map(|check| check.interval)
                .ok_or_else(|| format!("a slice of `{subject}`, which there is not"))?,
        };
        self.lengths.insert(subject.to_owned(), length);
        let length = millis(length);
        let (first, end) = (from.as_millisecond(), until.as_millisecond());
        if first % length != 0 || end % length != 0 || first >= end {
            return Err(format!("{subject}: a slice from {from} to {until}, of {length} ms each"));
        }
        if i64::from(*slices) != (end - first) / length {
            return Err(format!("{subject}: {slices} slices from {from} to {until}"));
        }
        if let Some(before) = self.until.insert(subject.to_owned(), *until)
            && before > *from
        {
            return Err(format!(
                "{subject}: a slice from {from}, and what was before ended {before}"
            ));
        }
        let told = self.told.entry(subject.to_owned()).or_default();
        // What was said before of this time and what comes after it is said anew.
        told.split_off(&first);
        let mut at = first;
        while at < end {
            told.insert(at, *verdict);
            at += length;
        }
        if let Some(slo) = slo {
            self.joins(settings, slo, first, end, *verdict)?;
            let account = self.accounts.entry(slo.name.clone());
            let account = account.or_insert_with(|| Account::new(slo.promise.clone()));
            account.add(availability::Slice { verdict: *verdict, from: *from, until: *until });
            let kept_from = self.kept_from.entry(slo.name.clone()).or_insert(i64::MIN);
            *kept_from = (*kept_from).max(end - millis(slo.promise.window));
        }
        Ok(())
    }

    /// Whether each slice of an objective is the worst of its checks' that touch it.
    fn joins(
        &self,
        settings: &Settings,
        slo: &Slo,
        first: i64,
        end: i64,
        verdict: Verdict,
    ) -> Result<(), String> {
        let length = millis(slo.promise.slice);
        let mut at = first;
        while at < end {
            let mut worst = Verdict::Good;
            for name in &slo.checks {
                let Some(spec) = settings.checks.iter().find(|check| check.name == *name) else {
                    continue;
                };
                let of = millis(spec.interval);
                let told = self.told.get(name);
                let touching = told.map(|told| told.range(at - of + 1..at + length));
                let mut any = false;
                for (_, verdict) in touching.into_iter().flatten() {
                    any = true;
                    worst = worse(worst, *verdict);
                }
                if !any {
                    worst = worse(worst, Verdict::Unknown);
                }
            }
            if worst != verdict {
                let at = Timestamp::from_millisecond(at).unwrap_or_default();
                return Err(format!(
                    "slo:{}: {verdict:?} at {at}, and its checks make {worst:?}",
                    slo.name
                ));
            }
            at += length;
        }
        Ok(())
    }

    /// Whether the figures are those that a count of the slices gives.
    fn end(&self, seen: &Seen<'_>) -> Result<(), String> {
        for slo in &seen.host.settings().slos {
            let account = self.accounts.get(&slo.name);
            // Other settings than those of the last agent wait for the next one.
            let Some(account) = account.filter(|account| *account.promise() == slo.promise) else {
                continue;
            };
            let told = &self.told[&format!("{SLO_SUBJECT}{}", slo.name)];
            // A clock that is set back brings back nothing that had left the window.
            let window = account.figures(seen.wall, slo.promise.settles_within()).span;
            if window.start.as_millisecond() < self.kept_from[&slo.name] {
                continue;
            }
            Self::figures(seen, slo, account, told)
                .map_err(|why| format!("slo:{}: {why}", slo.name))?;
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "shares of far fewer slices than 2^52")]
    fn figures(
        seen: &Seen<'_>,
        slo: &Slo,
        account: &Account,
        told: &BTreeMap<i64, Verdict>,
    ) -> Result<(), String> {
        let promise = &slo.promise;
        let figures = account.figures(seen.wall, promise.settles_within());
        let (first, end) = (figures.span.start.as_millisecond(), figures.span.end.as_millisecond());
        let length = millis(promise.slice);
        let count = |wanted: Verdict| {
            told.range(first..end).filter(|(_, verdict)| **verdict == wanted).count() as u64
        };
        let all = u64::try_from((end - first) / length).unwrap_or(0);
        let (good, bad, maintenance) =
            (count(Verdict::Good), count(Verdict::Bad), count(Verdict::Maintenance));
        let unknown = all - good - bad - maintenance;
        let counts = &figures.counts;
        let counted = (counts.good, counts.bad, counts.maintenance, counts.unknown);
        if counted != (good, bad, maintenance, unknown) {
            return Err(format!(
                "{counted:?}, and a count gives {:?}",
                (good, bad, maintenance, unknown)
            ));
        }
        let began = told.keys().next().copied().unwrap_or(end).clamp(first, end);
        let measured = u64::try_from((end - began) / length).unwrap_or(0);
        let owed = unknown - (all - measured).min(unknown);
        let spared = promise.exclude_unknown_up_to.to_f64() * (measured - maintenance) as f64;
        let as_bad = (owed as f64 - spared).max(0.0);
        if (figures.unknown_as_bad as f64 - as_bad).abs() > 1.0 {
            return Err(format!(
                "{} unknown are bad, and {as_bad} should be",
                figures.unknown_as_bad
            ));
        }
        let bad = bad + figures.unknown_as_bad;
        let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        let same = |figure: Option<f64>, counted: Option<f64>| match (figure, counted) {
            (Some(figure), Some(counted)) => (figure - counted).abs() < 1e-9,
            (figure, counted) => figure.is_none() == counted.is_none(),
        };
        let availability = figures.availability.map(availability::Decimal::to_f64);
        if !same(availability, share(good, good + bad)) {
            return Err(format!("availability {availability:?} of {good} good and {bad} bad"));
        }
        let coverage = figures.coverage.map(availability::Decimal::to_f64);
        if !same(coverage, share(good + counts.bad, all - maintenance)) {
            return Err(format!("coverage {coverage:?} of {all} slices"));
        }
        let budget = (1.0 - promise.objective.to_f64()) * promise.window.as_secs_f64();
        let left = (budget - bad as f64 * promise.slice.as_secs_f64()) / budget;
        if (figures.budget_remaining() - left).abs() > 1e-6 {
            return Err(format!(
                "{} of the budget left, and {left} is",
                figures.budget_remaining()
            ));
        }
        Ok(())
    }
}

fn worse(one: Verdict, other: Verdict) -> Verdict {
    let badness = |verdict: Verdict| match verdict {
        Verdict::Good => 0,
        Verdict::Maintenance => 1,
        Verdict::Unknown => 2,
        Verdict::Bad => 3,
    };
    if badness(one) < badness(other) { other } else { one }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
