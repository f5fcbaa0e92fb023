use evenkeel_config::Settings;
use evenkeel_engine::SLO_SUBJECT;
use evenkeel_journal::Reader;
use evenkeel_pages::{CauseRow, Curve, DayRow, IncidentRow, Lang, ReportData, Theme, Unit, View};
use jiff::tz::TimeZone;

use super::trend::with_trend;
use super::{IncidentReport, Report};
use crate::explain::ExplainError;
use crate::page::{curves, past_of};

/// Curves in a report at most.
const MOST_CURVES: usize = 24;

/// The report as one HTML page that loads nothing and runs nothing, in `lang` and by the clocks of `zone`.
pub fn draw(
    reader: &Reader,
    settings: &Settings,
    report: &Report,
    lang: Lang,
    zone: TimeZone,
) -> Result<String, ExplainError> {
    let span = report.from..report.until;
    let mut slos = Vec::new();
    for slo in &report.slos {
        slos.push(past_of::promise(reader, slo)?);
    }
    let mut days = Vec::new();
    for subject in &report.subjects {
        let stretches = past_of::stretches(reader, &subject.name, &span)?;
        let name = subject.name.strip_prefix(SLO_SUBJECT).unwrap_or(&subject.name).to_owned();
        days.push(DayRow { name, availability: subject.availability, stretches });
    }
    let mut drawn: Vec<Curve> = Vec::new();
    for check in &settings.checks {
        for curve in curves::of_subject(reader, settings, &check.name, &span, lang)? {
            // Of all that is measured, memory is what a report is read for; the rest has its page.
            if curve.unit == Unit::Bytes && !curve.points.is_empty() && drawn.len() < MOST_CURVES {
                drawn.push(with_trend(Curve {
                    source: None,
                    title: format!("{}: {}", check.name, curve.title),
                    ..curve
                }));
            }
        }
    }
    let data = ReportData {
        host: report.host.clone(),
        version: report.version.clone(),
        span,
        slos,
        days,
        incidents: report.incidents.iter().map(incident).collect(),
        curves: drawn,
        causes: report.causes.iter().map(cause).collect(),
        notes: notes(lang),
    };
    let view = View { lang, theme: Theme::Auto, zone, now: report.until };
    Ok(evenkeel_pages::report(&view, &data))
}

fn incident(incident: &IncidentReport) -> IncidentRow {
    IncidentRow {
        id: incident.id,
        target: incident.target.clone(),
        cause: incident.cause.clone(),
        opened: incident.opened,
        closed: incident.closed,
        outcome: incident.outcome.clone(),
        actions: Some(incident.actions),
    }
}

fn cause(cause: &super::Cause) -> CauseRow {
    CauseRow {
        target: cause.target.clone(),
        cause: cause.cause.clone(),
        action: cause.action.clone(),
        outcome: cause.outcome.clone(),
        count: cause.count,
    }
}

fn notes(lang: Lang) -> Vec<String> {
    let notes = [
        lang.say(
            "An outage counts from its first failed result, in slices as long as the interval of the check.",
            "停止は最初に失敗した結果から、チェック間隔を単位として数えます。",
        ),
        lang.say(
            "Time in which the agent did not run, or could not tell, is unknown: it is not counted as good, and lowers the coverage.",
            "エージェントが動いていない時間や判定できない時間は「不明」です。正常とは数えず、計測率が下がります。",
        ),
        lang.say(
            "Promises are over their own window; days and incidents are over the time of the report.",
            "SLO はそれぞれの期間、日ごとの推移とインシデントはレポートの期間が対象です。",
        ),
    ];
    notes.map(str::to_owned).to_vec()
}
