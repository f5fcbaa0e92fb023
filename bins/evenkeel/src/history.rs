use evenkeel_agent::{BudgetUse, ExplainError, Explanation, HostClock, Wanted};
use evenkeel_cli::agent::boot_id;
use evenkeel_cli::{Common, Exit, Failure, escaped, print_json, print_line, print_table};
use evenkeel_config::Settings;
use evenkeel_journal::{Event, IntentRecord, Reader, Stamp};
use jiff::Timestamp;
use serde_json::json;

use crate::args::Events;

/// `evenkeel events`: lines of history, oldest first.
pub(crate) fn events(common: &Common, args: &Events) -> Result<Exit, Failure> {
    let settings = common.settings()?;
    let wanted = Wanted {
        since: Some(args.since),
        kind: args.kind.clone(),
        target: args.target.clone(),
        limit: args.limit,
        bytes: None,
    };
    let reader = reader(&settings)?;
    let events = evenkeel_agent::find_events(&reader, &settings, wanted, HostClock.wall())
        .map_err(|error| failed(&error))?;
    if common.json {
        print_json(&json!({ "events": events }));
    } else {
        print_events(&events);
    }
    Ok(Exit::Holds)
}

/// `evenkeel why`: an incident from its evidence to its proof, or the last of what happened to a target or rule.
pub(crate) fn why(common: &Common, what: &str) -> Result<Exit, Failure> {
    let settings = common.settings()?;
    let clock = HostClock;
    let now = Stamp { boot_id: boot_id(), boottime: clock.now(), wall: clock.wall() };
    let why = evenkeel_agent::explain(&reader(&settings)?, &settings, what, &now)
        .map_err(|error| failed(&error))?;
    if common.json {
        print_json(&why);
    } else {
        print_why(&why);
    }
    Ok(Exit::Holds)
}

fn reader(settings: &Settings) -> Result<Reader, Failure> {
    Reader::open(&settings.agent.state_dir).map_err(|error| Failure::refused(&error))
}

fn failed(error: &ExplainError) -> Failure {
    match error {
        ExplainError::Unknown { message } => Failure::usage(message.to_string()),
        error => Failure::refused(error),
    }
}

fn print_why(why: &Explanation) {
    let name = escaped(&why.subject);
    match &why.incident {
        Some(incident) => {
            let end = incident
                .closed
                .map_or("not over".to_owned(), |closed| format!("over since {closed}"));
            print_line(format!(
                "incident {} of {}: since {}, {end}",
                incident.id,
                escaped(&incident.target),
                incident.opened
            ));
        }
        None => print_line(format!("{name} ({})", why.kind)),
    }
    print_line(format!("  {}\n", escaped(&why.answer)));
    for rule in &why.rules {
        print_line(format!("rule    {}", escaped(rule.text())));
    }
    for BudgetUse { scope, recovery, used, count, window } in &why.budgets {
        let whose = match scope.as_str() {
            "target" => "for the target",
            "group" => "in its group",
            _ => "on the host",
        };
        print_line(format!(
            "budget  {used} of {count} used in the last {window} {whose} (recovery.{})",
            escaped(recovery)
        ));
    }
    if let Some(standing) = &why.standing {
        let until = standing
            .until
            .as_ref()
            .map(|until| format!(" until {}", until.wall))
            .unwrap_or_default();
        print_line(format!(
            "now     {}{until}; step {}, attempt {}",
            standing.phase,
            standing.step + 1,
            standing.attempt + 1
        ));
    }
    if !why.intents.is_empty() {
        print_line("");
        print_table(
            &["ACTION", "STEP", "ATTEMPT", "STARTED", "ENDED", "WHAT CAME OF IT"],
            why.intents.iter().map(intent),
        );
    }
    if !why.events.is_empty() {
        print_line("");
        print_events(&why.events);
    }
}

fn intent(record: &IntentRecord) -> [String; 6] {
    let (ended, detail) = match &record.settled {
        Some(settled) if settled.outcome == "unknown" => {
            ("unknown".to_owned(), settled.detail.clone())
        }
        Some(settled) => (at(settled.at), settled.detail.clone()),
        None => ("not yet".to_owned(), String::new()),
    };
    let intent = &record.intent;
    [
        escaped(&intent.action),
        (intent.step + 1).to_string(),
        (intent.attempt + 1).to_string(),
        at(intent.wall),
        ended,
        escaped(detail),
    ]
}

/// A time to the millisecond, each as wide as another.
fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn print_events(events: &[Event]) {
    let rows = events.iter().map(|event| {
        let incident = event.incident.map(|incident| incident.to_string()).unwrap_or_default();
        [
            at(event.at),
            event.kind.clone(),
            escaped(&event.target),
            incident,
            escaped(&event.message),
        ]
    });
    print_table(&["AT", "KIND", "TARGET", "INCIDENT", "WHAT"], rows);
}
