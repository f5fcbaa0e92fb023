//! How a time went: availability of objectives and checks, incidents, and what was done, from the history alone.
//!
//! The same document is `evenkeel report --json`, its table and its page; no agent need run.

mod done;
mod draw;
mod subject;
mod trend;

use std::time::Duration;

use evenkeel_config::Settings;
use evenkeel_engine::{SloStatus, slo_subject};
use evenkeel_journal::{Filter, Reader};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use self::done::Done;
pub use self::done::{Cause, IncidentReport};
pub use self::draw::draw;
pub use self::subject::{Day, SubjectReport};
use crate::explain::ExplainError;
use crate::objectives;

/// Incidents in a report at most, the newest.
const MOST_INCIDENTS: u32 = 200;

/// How a time went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The host, as it calls itself.
    pub host: String,
    /// The version of evenkeel.
    pub version: String,
    /// Where the time begins.
    pub from: Timestamp,
    /// Where it ends.
    pub until: Timestamp,
    /// The objectives, each over its own window.
    pub slos: Vec<SloStatus>,
    /// The objectives, as `slo:NAME`, then the checks, over the time of the report.
    pub subjects: Vec<SubjectReport>,
    /// Incidents that were open in that time, newest first, and at most 200.
    pub incidents: Vec<IncidentReport>,
    /// What was done, by cause, what was done most first.
    pub causes: Vec<Cause>,
}

/// Reports the time of `since` that ends `now`; days are those of `zone`.
///
/// Fails if the history cannot be read.
pub fn report(
    reader: &Reader,
    settings: &Settings,
    since: Duration,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Report, ExplainError> {
    let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
    let from = now.checked_sub(since).unwrap_or(Timestamp::MIN);
    let mut slos = Vec::new();
    let mut subjects = Vec::new();
    for slo in &settings.slos {
        slos.push(objectives::status(slo, &objectives::account(reader, slo, now)?, now));
        let name = slo_subject(&slo.name);
        subjects.push(subject::subject(reader, &name, &(from..now), &slo.promise, zone)?);
    }
    for check in &settings.checks {
        let promise = subject::of_check(check.interval, from..now);
        subjects.push(subject::subject(reader, &check.name, &(from..now), &promise, zone)?);
    }
    let filter = Filter { since: Some(from), limit: Some(MOST_INCIDENTS), ..Filter::default() };
    let done = Done::read(reader, from)?;
    let mut incidents = Vec::new();
    for incident in reader.incidents(&filter)?.iter().rev() {
        incidents.push(done.incident(reader, incident)?);
    }
    Ok(Report {
        host: crate::page::host_name().to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        from,
        until: now,
        slos,
        subjects,
        incidents,
        causes: done.causes(),
    })
}
