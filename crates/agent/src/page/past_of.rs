//! What pages show of the past, read from the history on disk.

use std::ops::Range;
use std::time::Duration;

use evenkeel_config::Settings;
use evenkeel_engine::{SloStatus, Status, slo_subject};
use evenkeel_journal::{Filter, Reader};
use evenkeel_pages::{
    CleanupRow, Curve, DriftRow, Folded, IncidentRow, Lang, SloRow, Stretch, Verdict, Window,
};
use jiff::{Timestamp, ToSpan as _};

use super::look::look;
use super::{Desk, curves, rows};
use crate::explain::ExplainError;

/// Incidents, drift and cleanup runs on the first page; and on that of one target.
const FEW: u32 = 6;
const MANY: u32 = 30;
/// How far back the first page's strips look.
const OVERVIEW_HOURS: i64 = 24;

/// What the first page shows of the past.
pub(super) struct OverviewPast {
    pub(super) span: Range<Timestamp>,
    /// For each check of the status, if there is a history.
    pub(super) stretches: Vec<Vec<Stretch>>,
    pub(super) slos: Vec<SloRow>,
    pub(super) incidents: Vec<IncidentRow>,
    pub(super) drifts: Vec<DriftRow>,
    pub(super) cleanups: Vec<CleanupRow>,
}

/// So long the first page waits for what it tells of the past: another look may be under way.
const PATIENCE: Duration = Duration::from_secs(5);

/// The past for the first page. A history that cannot be read leaves it without one: what is now matters more.
pub(super) async fn overview(desk: &Desk, status: &Status) -> OverviewPast {
    let now = status.now;
    let span = now.checked_sub(OVERVIEW_HOURS.hours()).unwrap_or(now)..now;
    let none = OverviewPast {
        span: span.clone(),
        stretches: Vec::new(),
        slos: status.slos.iter().map(|promise| rows::slo(promise, Vec::new())).collect(),
        incidents: Vec::new(),
        drifts: Vec::new(),
        cleanups: Vec::new(),
    };
    if desk.archive.is_none() {
        return none;
    }
    let checks: Vec<_> = status.checks.iter().map(|check| check.name.clone()).collect();
    let promises = status.slos.clone();
    let looked = look(desk, move |reader, _settings, _| {
        let strips = checks.iter().map(|check| strip_of(&reader, &[check], &span));
        Ok(OverviewPast {
            stretches: strips.collect::<Result<_, _>>()?,
            slos: promises.iter().map(|slo| promise(&reader, slo)).collect::<Result<_, _>>()?,
            span,
            incidents: incidents(&reader, None, FEW)?,
            drifts: drifts(&reader, None, FEW)?,
            cleanups: cleanups(&reader, None, FEW)?,
        })
    });
    let error = match tokio::time::timeout(PATIENCE, looked).await {
        Ok(Ok(past)) => return past,
        Ok(Err((_, error))) => error.to_string(),
        Err(_) => format!("not within {} s", PATIENCE.as_secs()),
    };
    tracing::warn!(error, "the page is shown without its history");
    none
}

/// A promise, with how it was over its window.
pub(crate) fn promise(reader: &Reader, slo: &SloStatus) -> Result<SloRow, ExplainError> {
    let stretches = strip_of(reader, &[&slo_subject(&slo.name)], &(slo.from..slo.until))?;
    Ok(rows::slo(slo, stretches))
}

/// What the page of a target shows of the past.
pub(super) struct TargetPast {
    pub(super) span: Range<Timestamp>,
    pub(super) stretches: Option<Vec<Stretch>>,
    pub(super) curves: Vec<Curve>,
    /// The recoveries that listen to it, if it is a check.
    pub(super) recoveries: Vec<String>,
    pub(super) incidents: Vec<IncidentRow>,
    pub(super) drifts: Vec<DriftRow>,
    pub(super) cleanups: Vec<CleanupRow>,
}

impl TargetPast {
    /// No past: there is no history.
    pub(super) fn none(window: Window, now: Timestamp) -> Self {
        Self {
            span: span(window, now),
            stretches: None,
            curves: Vec::new(),
            recoveries: Vec::new(),
            incidents: Vec::new(),
            drifts: Vec::new(),
            cleanups: Vec::new(),
        }
    }
}

fn span(window: Window, now: Timestamp) -> Range<Timestamp> {
    now.checked_sub(window.hours().hours()).unwrap_or(now)..now
}

/// The past for the page of a target.
pub(super) fn target(
    reader: &Reader,
    settings: &Settings,
    name: &str,
    (window, now): (Window, Timestamp),
    lang: Lang,
) -> Result<TargetPast, ExplainError> {
    let span = span(window, now);
    let whole = name.split_once('/').map_or(name, |(whole, _)| whole);
    let recoveries: Vec<_> = settings
        .recoveries
        .iter()
        .filter(|recovery| {
            recovery.name == whole || recovery.when.iter().any(|check| check == whole)
        })
        .map(|recovery| recovery.name.clone())
        .collect();
    let mut found = incidents(reader, Some(name), MANY)?;
    for recovery in recoveries.iter().filter(|recovery| *recovery != name) {
        found.extend(incidents(reader, Some(recovery), MANY)?);
    }
    found.sort_by_key(|incident| std::cmp::Reverse(incident.id));
    found.dedup_by_key(|incident| incident.id);
    found.truncate(MANY as usize);
    // A recovery is as good as the worst of its checks, and a strip shows the worst.
    let of_recovery = settings.recoveries.iter().find(|recovery| recovery.name == name);
    let subjects = match of_recovery {
        Some(recovery) if !settings.checks.iter().any(|check| check.name == name) => {
            recovery.when.iter().map(String::as_str).collect()
        }
        _ => vec![name],
    };
    let is_rule = settings.permissions.iter().any(|rule| rule.name == name)
        || settings.cleanup.iter().any(|rule| rule.name == name);
    let strip = strip_of(reader, &subjects, &span)?;
    Ok(TargetPast {
        curves: curves::of_subject(reader, settings, name, &span, lang)?,
        stretches: (!is_rule).then_some(strip),
        span,
        recoveries,
        incidents: found,
        drifts: drifts(reader, Some(name), MANY)?,
        cleanups: cleanups(reader, Some(name), MANY)?,
    })
}

/// What a strip shows of these together, however many stretches there are.
fn strip_of(
    reader: &Reader,
    subjects: &[&str],
    span: &Range<Timestamp>,
) -> Result<Vec<Stretch>, ExplainError> {
    let mut folded = Folded::new(span.clone());
    for subject in subjects {
        reader.each_stretch(subject, span.start, span.end, |verdict, from, until| {
            folded.add(Stretch { from, until, verdict: Verdict::of_name(verdict) });
        })?;
    }
    Ok(folded.stretches())
}

/// How a check, or a part of one, was; all of it.
pub(crate) fn stretches(
    reader: &Reader,
    subject: &str,
    span: &Range<Timestamp>,
) -> Result<Vec<Stretch>, ExplainError> {
    let found = reader.stretches(subject, span.start, span.end)?;
    let drawn = found.into_iter().map(|stretch| Stretch {
        from: stretch.from,
        until: stretch.until,
        verdict: Verdict::of_name(&stretch.verdict),
    });
    Ok(drawn.collect())
}

fn incidents(
    reader: &Reader,
    target: Option<&str>,
    most: u32,
) -> Result<Vec<IncidentRow>, ExplainError> {
    let filter =
        Filter { target: target.map(str::to_owned), limit: Some(most), ..Filter::default() };
    let mut found = Vec::new();
    for incident in reader.incidents(&filter)?.iter().rev() {
        found.push(rows::incident(incident, None));
    }
    Ok(found)
}

fn drifts(reader: &Reader, rule: Option<&str>, most: u32) -> Result<Vec<DriftRow>, ExplainError> {
    Ok(events(reader, "repaired", rule, most)?.iter().filter_map(rows::drift).collect())
}

fn cleanups(
    reader: &Reader,
    rule: Option<&str>,
    most: u32,
) -> Result<Vec<CleanupRow>, ExplainError> {
    Ok(events(reader, "cleaned", rule, most)?.iter().filter_map(rows::cleanup).collect())
}

/// The newest events of a kind, newest first.
fn events(
    reader: &Reader,
    kind: &str,
    target: Option<&str>,
    most: u32,
) -> Result<Vec<evenkeel_journal::Event>, ExplainError> {
    let filter = Filter {
        kind: Some(kind.to_owned()),
        target: target.map(str::to_owned),
        limit: Some(most),
        ..Filter::default()
    };
    let mut events = reader.events(&filter)?;
    events.reverse();
    Ok(events)
}
