use evenkeel_cli::{Common, Exit, Failure, escaped, print_json, print_line, print_table};
use evenkeel_journal::{Event, Filter, Reader};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::args::Events;

/// `evenkeel events`: lines of history, oldest first.
pub(crate) fn events(common: &Common, args: &Events) -> Result<Exit, Failure> {
    let age =
        SignedDuration::try_from(args.since).map_err(|error| Failure::usage(error.to_string()))?;
    let since = Timestamp::now()
        .checked_sub(age)
        .map_err(|error| Failure::usage(format!("--since: {error}")))?;
    let filter = Filter {
        since: Some(since),
        kind: args.kind.clone(),
        target: args.target.clone(),
        ..Filter::default()
    };
    let events = reader(common)?.events(&filter).map_err(|error| Failure::refused(&error))?;
    if common.json {
        print_json(&json!({ "events": events }));
    } else {
        print_events(&events);
    }
    Ok(Exit::Holds)
}

/// `evenkeel why`: one incident, from its evidence to its proof.
pub(crate) fn why(common: &Common, what: &str) -> Result<Exit, Failure> {
    let reader = reader(common)?;
    let id = match what.parse() {
        Ok(id) => Some(id),
        Err(_) => reader.latest_incident(what).map_err(|error| Failure::refused(&error))?,
    };
    let why = match id {
        Some(id) => reader.why(id).map_err(|error| Failure::refused(&error))?,
        None => None,
    };
    let why = why.ok_or_else(|| {
        Failure::refused_because(format!("history knows no incident of `{what}`"))
    })?;
    if common.json {
        print_json(&why);
        return Ok(Exit::Holds);
    }
    let incident = &why.incident;
    let end = match (&incident.closed, &incident.outcome) {
        (Some(closed), outcome) => {
            format!("ended {closed} ({})", outcome.as_deref().unwrap_or("unknown"))
        }
        (None, _) => "not over".to_owned(),
    };
    let opened = incident.opened;
    print_line(format!(
        "incident {} of {}: began {opened}, {end}",
        incident.id,
        escaped(&incident.target)
    ));
    print_line(format!("down by {}\n", escaped(&incident.cause)));
    print_events(&why.events);
    Ok(Exit::Holds)
}

fn reader(common: &Common) -> Result<Reader, Failure> {
    Reader::open(&common.settings()?.agent.state_dir).map_err(|error| Failure::refused(&error))
}

fn print_events(events: &[Event]) {
    let rows = events.iter().map(|event| {
        let incident = event.incident.map(|incident| incident.to_string()).unwrap_or_default();
        [
            event.at.to_string(),
            event.kind.clone(),
            escaped(&event.target),
            incident,
            escaped(&event.message),
        ]
    });
    print_table(&["AT", "KIND", "TARGET", "INCIDENT", "WHAT"], rows);
}
