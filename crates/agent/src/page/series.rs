//! Curves and stretches of time over HTTP, as the page draws them.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use evenkeel_config::{Settings, parse_duration};
use evenkeel_journal::{Point, Reader};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Desk;
use super::look::{Refusal, look, plain};
use super::past::answer;
use crate::explain::{ExplainError, expect_known};

/// How far back is looked, unless it is said otherwise.
const SINCE: &str = "24h";
/// Points of a curve, unless another number is asked for; and the most there are in one.
const POINTS: usize = 500;
const MOST_POINTS: usize = 10_000;
/// Stretches in one answer.
const MOST_STRETCHES: u32 = 10_000;

#[derive(Debug, Deserialize)]
pub(super) struct SeriesQuery {
    subject: Option<String>,
    field: Option<String>,
    since: Option<String>,
    /// Seconds since 1970-01-01 UTC, in the place of `since`.
    from: Option<i64>,
    until: Option<i64>,
    points: Option<usize>,
}

#[derive(Debug, Deserialize)]
pub(super) struct StretchesQuery {
    subject: Option<String>,
    since: Option<String>,
}

/// A curve. `resolution` is how many seconds each point stands for, 0 where each is one sample.
#[derive(Debug, Serialize)]
struct Series {
    subject: String,
    field: String,
    resolution: f64,
    points: Vec<Point>,
}

/// The points of one curve; without `subject` and `field`, what there are curves of.
pub(super) async fn series(State(desk): State<Desk>, Query(query): Query<SeriesQuery>) -> Response {
    let points = query.points.unwrap_or(POINTS);
    if !(1..=MOST_POINTS).contains(&points) {
        let text = format!("points: `{points}` is not within 1 and {MOST_POINTS}\n");
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    let since = query.since.as_deref().unwrap_or(SINCE);
    let (subject, field) = match (query.subject, query.field) {
        (Some(subject), Some(field)) => (subject, field),
        (subject, None) => {
            let listed = look(&desk, move |reader, _, _| {
                let of = |(subject, field)| json!({ "subject": subject, "field": field });
                let fields = reader.fields(subject.as_deref())?;
                Ok(json!({ "series": fields.into_iter().map(of).collect::<Vec<_>>() }))
            });
            return answer(listed.await);
        }
        (None, Some(_)) => {
            let text = "subject: missing; it is a check, or `check/part`\n";
            return (StatusCode::BAD_REQUEST, text).into_response();
        }
    };
    let ago = match ago(since) {
        Ok(ago) => ago,
        Err(refusal) => return plain(refusal),
    };
    let (from, until) = match (moment("from", query.from), moment("until", query.until)) {
        (Ok(from), Ok(until)) => (from, until),
        (Err(refusal), _) | (_, Err(refusal)) => return plain(refusal),
    };
    let drawn = look(&desk, move |reader, settings, now| {
        expect_measured(&reader, &settings, &subject, &field)?;
        let from = from.unwrap_or_else(|| ago(now.wall));
        let until = until.unwrap_or_else(|| after(now.wall));
        let curve = reader.curve(&subject, &field, from, until, points)?;
        let resolution = curve.resolution.as_secs_f64();
        Ok(Series { subject, field, resolution, points: curve.points })
    });
    answer(drawn.await)
}

/// The stretches of one subject, and when the agent itself ran; without `subject`, whose time is counted.
pub(super) async fn stretches(
    State(desk): State<Desk>,
    Query(query): Query<StretchesQuery>,
) -> Response {
    let from = match ago(query.since.as_deref().unwrap_or(SINCE)) {
        Ok(ago) => ago,
        Err(refusal) => return plain(refusal),
    };
    let found = look(&desk, move |reader, settings, now| {
        let (from, until) = (from(now.wall), after(now.wall));
        let Some(subject) = query.subject else {
            return Ok(json!({ "subjects": reader.stretch_subjects()? }));
        };
        let stretches = reader.newest_stretches(&subject, from, until, MOST_STRETCHES)?;
        if stretches.is_empty() {
            let subjects = reader.stretch_subjects()?.into_iter();
            expect_known("counted", &subject, subjects.chain(checks(&settings)).collect())?;
        }
        Ok(json!({
            "subject": subject, "stretches": stretches, "runs": reader.runs(from, until)?,
        }))
    });
    answer(found.await)
}

/// A name that nobody knows must not be taken for a curve without points: that is one of which nothing was seen yet.
fn expect_measured(
    reader: &Reader,
    settings: &Settings,
    subject: &str,
    field: &str,
) -> Result<(), ExplainError> {
    let fields = reader.fields(Some(subject))?;
    let of_subject: Vec<_> =
        fields.into_iter().filter(|(of, _)| of == subject).map(|(_, field)| field).collect();
    if !of_subject.is_empty() {
        return expect_known(
            &format!("measured of `{}`", subject.escape_debug()),
            field,
            of_subject,
        );
    }
    let subjects = reader.fields(None)?.into_iter().map(|(subject, _)| subject);
    expect_known("measured", subject, subjects.chain(checks(settings)).collect())
}

fn checks(settings: &Settings) -> impl Iterator<Item = String> {
    settings.checks.iter().map(|check| check.name.clone())
}

/// The beginning of the time that `since` names, for a `now`.
fn ago(since: &str) -> Result<impl Fn(Timestamp) -> Timestamp + Send + use<>, Refusal> {
    let since = parse_duration(since)
        .map_err(|error| (StatusCode::BAD_REQUEST, format!("since: {error}").into()))?;
    Ok(move |now: Timestamp| now.checked_sub(since).unwrap_or(Timestamp::MIN))
}

/// A moment that a query names in seconds.
fn moment(name: &str, seconds: Option<i64>) -> Result<Option<Timestamp>, Refusal> {
    seconds.map(Timestamp::from_second).transpose().map_err(|_| {
        let text = format!("{name}: seconds since 1970-01-01 UTC");
        (StatusCode::BAD_REQUEST, text.into())
    })
}

/// The first moment that is not part of the time up to `now`.
fn after(now: Timestamp) -> Timestamp {
    now.checked_add(std::time::Duration::from_millis(1)).unwrap_or(Timestamp::MAX)
}
