//! What was promised, and how it is kept: the account of each objective's window, as status and metrics show it.

use std::path::Path;

use evenkeel_config::{Settings, Slo};
use evenkeel_engine::{BurnStatus, SLO_SUBJECT, Slice, SloStatus, slo_subject};
use evenkeel_journal::{JournalError, Reader, Stretch};
use evenkeel_metrics::availability::{self, Account, Figures, Verdict};
use evenkeel_metrics::{BurnWindow, Metrics};
use evenkeel_shown::chain;
use jiff::{SignedDuration, Timestamp};

/// The window whose burn says when a budget is used up: long enough for a short outage not to make it tomorrow.
const OUTLOOK: BurnWindow = BurnWindow::Day;

/// The accounts of all objectives.
#[derive(Debug, Default)]
pub(crate) struct Objectives {
    of: Vec<(Slo, Account)>,
}

impl Objectives {
    /// What the settings promise, with what the history in `state_dir` knows of it until `now`; `None`: there is no history.
    pub(crate) fn new(settings: &Settings, state_dir: Option<&Path>, now: Timestamp) -> Self {
        let reader = state_dir.filter(|_| !settings.slos.is_empty()).map(Reader::open);
        let reader = reader.and_then(|reader| {
            reader
                .inspect_err(|error| {
                    tracing::warn!(error = chain(error), "availability starts without its past");
                })
                .ok()
        });
        let account = |slo: &Slo| {
            let Some(reader) = &reader else { return Account::new(slo.promise.clone()) };
            account(reader, slo, now).unwrap_or_else(|error| {
                tracing::warn!(slo = slo.name, error = chain(&error), "its past cannot be read");
                Account::new(slo.promise.clone())
            })
        };
        Self { of: settings.slos.iter().map(|slo| (slo.clone(), account(slo))).collect() }
    }

    /// Puts new settings in force; an objective that stays as it is keeps its account.
    pub(crate) fn renew(&mut self, settings: &Settings, state_dir: Option<&Path>, now: Timestamp) {
        let earlier = std::mem::take(&mut self.of);
        *self = Self::new(settings, state_dir, now);
        for (slo, account) in &mut self.of {
            // What is not written yet is in the account.
            if let Some((_, known)) = earlier.iter().find(|(known, _)| known == slo) {
                *account = known.clone();
            }
        }
    }

    /// Counts what was settled of an objective; slices of checks are none of its business.
    pub(crate) fn take(&mut self, slice: &Slice, metrics: &Metrics) {
        let Some(name) = slice.subject.strip_prefix(SLO_SUBJECT) else { return };
        let Slice { verdict, from, until, slices, .. } = *slice;
        if let Some((_, account)) = self.of.iter_mut().find(|(slo, _)| slo.name == name) {
            account.add(availability::Slice { verdict, from, until });
            metrics.slo_slices(name, verdict, slices.into());
        }
    }

    /// How each objective is kept at `now`.
    pub(crate) fn statuses(&self, now: Timestamp) -> Vec<SloStatus> {
        self.of.iter().map(|(slo, account)| status(slo, account, now)).collect()
    }
}

/// A slice as the history has it.
pub(crate) fn stretch(slice: Slice) -> Stretch {
    let Slice { subject, verdict, from, until, slices, .. } = slice;
    let (subject, verdict) = (subject.as_ref().to_owned(), verdict.as_str().to_owned());
    Stretch { subject, verdict, from, until, slices }
}

/// A stretch of the history as a slice; what has a verdict that is not known here is not known.
pub(crate) fn slice(stretch: &Stretch) -> availability::Slice {
    let verdict = Verdict::of_name(&stretch.verdict).unwrap_or(Verdict::Unknown);
    availability::Slice { verdict, from: stretch.from, until: stretch.until }
}

/// The account of an objective's window that ends at `now`, from the history.
///
/// Read day by day: of what changed all the time there may be more than fits in memory.
pub(crate) fn account(reader: &Reader, slo: &Slo, now: Timestamp) -> Result<Account, JournalError> {
    let subject = slo_subject(&slo.name);
    let mut account = Account::new(slo.promise.clone());
    if let Some(began) = reader.stretches_began(&subject)? {
        account.began(began);
    }
    let window = SignedDuration::try_from(slo.promise.window).unwrap_or(SignedDuration::MAX);
    let mut from = now.checked_sub(window).unwrap_or(Timestamp::MIN);
    while from < now {
        let until = from.checked_add(SignedDuration::from_hours(24)).unwrap_or(now).min(now);
        // What reaches over midnight is read twice, and what is said later of the same time wins.
        for stretch in reader.stretches(&subject, from, until)? {
            account.add(slice(&stretch));
        }
        from = until;
    }
    Ok(account)
}

/// How an objective is kept at `now`.
pub(crate) fn status(slo: &Slo, account: &Account, now: Timestamp) -> SloStatus {
    let promise = &slo.promise;
    let settles = promise.settles_within();
    let figures = account.figures(now, settles);
    let remaining = figures.budget_remaining();
    let burn = |window: BurnWindow| account.burn(window, now, settles);
    let exhausted_at = burn(OUTLOOK)
        .exhausts_in(remaining, promise.window)
        .and_then(|lasts| SignedDuration::try_from(lasts).ok())
        .and_then(|lasts| now.checked_add(lasts).ok());
    let Figures { span, counts, unknown_as_bad, availability, coverage, budget, used } = figures;
    SloStatus {
        name: slo.name.clone(),
        checks: slo.checks.clone(),
        objective: promise.objective.to_string(),
        window_seconds: promise.window.as_secs(),
        slice_seconds: promise.slice.as_secs_f64(),
        from: span.start,
        until: span.end,
        good: counts.good,
        bad: counts.bad,
        unknown: counts.unknown,
        unknown_as_bad,
        maintenance: counts.maintenance,
        availability: availability.map(availability::Decimal::to_f64),
        coverage: coverage.map(availability::Decimal::to_f64),
        budget_seconds: budget.as_secs_f64(),
        budget_used_seconds: used.as_secs_f64(),
        budget_remaining: remaining,
        burn: BurnWindow::ALL
            .iter()
            .map(|window| {
                let burn = burn(*window);
                BurnStatus { window: window.as_str().to_owned(), rate: burn.rate(), bad: burn.bad }
            })
            .collect(),
        exhausted_at,
    }
}
