use std::path::Path;
use std::time::Duration;

use evenkeel_agent::{HostClock, IncidentReport, Lang, Report, SloStatus, SubjectReport};
use evenkeel_cli::{Common, Exit, Failure, escaped, print_json, print_line, print_table, with_bar};
use evenkeel_config::Settings;
use evenkeel_journal::Reader;
use jiff::tz::TimeZone;

use crate::args::Report as Args;
use crate::named;
use crate::written::{lasting, percent, seconds_only};

/// `evenkeel report`: how a time went, as tables, as a document, or as a page in a file.
pub(crate) fn report(common: &Common, args: &Args) -> Result<Exit, Failure> {
    let settings = common.settings()?;
    let report = with_bar(common, "reading the history", || read(&settings, args))?;
    if common.json {
        print_json(&report);
    } else if args.html.is_none() {
        print(&report);
    }
    Ok(Exit::Holds)
}

/// The report, and its page in a file if one is wanted.
fn read(settings: &Settings, args: &Args) -> Result<Report, Failure> {
    let reader =
        Reader::open(&settings.agent.state_dir).map_err(|error| Failure::refused(&error))?;
    let (now, zone) = (HostClock.wall(), HostClock.zone());
    let report = evenkeel_agent::report(&reader, settings, args.since, now, &zone)
        .map_err(|error| Failure::refused(&error))?;
    if let Some(file) = &args.html {
        let lang = args.lang.as_deref().and_then(Lang::of_tag).unwrap_or_default();
        write_page(file, &reader, settings, &report, (lang, zone))?;
    }
    Ok(report)
}

fn write_page(
    file: &Path,
    reader: &Reader,
    settings: &Settings,
    report: &Report,
    (lang, zone): (Lang, TimeZone),
) -> Result<(), Failure> {
    let page = evenkeel_agent::draw(reader, settings, report, lang, zone)
        .map_err(|error| Failure::refused(&error))?;
    named::write_page(file, &page, "the report")
}

fn print(report: &Report) {
    print_line(format!(
        "{} from {} until {}",
        escaped(&report.host),
        seconds_only(report.from),
        seconds_only(report.until)
    ));
    if !report.slos.is_empty() {
        print_line("");
        print_table(
            &[
                "PROMISE",
                "OBJECTIVE",
                "WINDOW",
                "AVAILABILITY",
                "COVERAGE",
                "BUDGET LEFT",
                "USED",
                "BURN 1H",
                "BURN 6H",
            ],
            report.slos.iter().map(slo),
        );
    }
    print_line("");
    print_table(
        &["CHECK", "AVAILABILITY", "COVERAGE", "BAD", "UNKNOWN", "MAINTENANCE", "WORST DAYS"],
        report.subjects.iter().map(subject),
    );
    print_line("");
    if report.incidents.is_empty() {
        print_line("no incident in this time");
    } else {
        print_table(
            &["INCIDENT", "TARGET", "SINCE", "LASTED", "CAUSE", "OUTCOME", "ACTIONS"],
            report.incidents.iter().map(|one| incident(one, report)),
        );
    }
    if !report.causes.is_empty() {
        print_line("");
        print_table(
            &["TARGET", "CAUSE", "DONE", "OUTCOME", "TIMES"],
            report.causes.iter().map(|cause| {
                [
                    escaped(&cause.target),
                    escaped(&cause.cause),
                    escaped(&cause.action),
                    cause.outcome.clone(),
                    cause.count.to_string(),
                ]
            }),
        );
    }
}

fn slo(slo: &SloStatus) -> [String; 9] {
    let burn = |window: &str| {
        let burn = slo.burn.iter().find(|burn| burn.window == window);
        burn.and_then(|burn| burn.rate).map_or("-".to_owned(), |rate| format!("{rate:.1}"))
    };
    [
        escaped(&slo.name),
        slo.objective.clone(),
        lasting(Duration::from_secs(slo.window_seconds).as_secs_f64()),
        percent(slo.availability),
        percent(slo.coverage),
        slo.availability
            .map_or("-".to_owned(), |_| format!("{:.1} %", slo.budget_remaining * 100.0)),
        format!("{} of {}", lasting(slo.budget_used_seconds), lasting(slo.budget_seconds)),
        burn("1h"),
        burn("6h"),
    ]
}

fn subject(subject: &SubjectReport) -> [String; 7] {
    let length = Duration::try_from_secs_f64(subject.slice_seconds).unwrap_or_default();
    let time = |slices: u64| {
        let slices = u32::try_from(slices).unwrap_or(u32::MAX);
        lasting(length.saturating_mul(slices).as_secs_f64())
    };
    let worst = subject.worst_days.iter().map(|day| {
        let bad = Duration::from_millis(day.bad_ms.unsigned_abs());
        format!("{} {}", day.day, lasting(bad.as_secs_f64()))
    });
    [
        escaped(&subject.name),
        percent(subject.availability),
        percent(subject.coverage),
        time(subject.bad),
        time(subject.unknown),
        time(subject.maintenance),
        worst.collect::<Vec<_>>().join(", "),
    ]
}

fn incident(incident: &IncidentReport, report: &Report) -> [String; 7] {
    let lasted = incident.closed.unwrap_or(report.until).duration_since(incident.opened);
    [
        incident.id.to_string(),
        escaped(&incident.target),
        seconds_only(incident.opened),
        lasting(lasted.as_secs_f64()),
        escaped(&incident.cause),
        incident.outcome.clone().unwrap_or_else(|| "open".to_owned()),
        incident.actions.to_string(),
    ]
}
