use evenkeel_agent::Status;
use jiff::Timestamp;

use super::runtime::block_on;
use super::{client, control_socket};
use crate::{Common, Exit, Failure, escaped, print_json, print_line, print_table};

/// One line of a status.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) state: String,
    pub(super) detail: String,
    /// Since when the state has held, where that is known.
    pub(super) since: Option<Timestamp>,
    /// How much it wants attention: 0 none, 1 nobody knows yet, 2 soon, 3 now.
    pub(super) concern: u8,
}

/// Asks the running agent and prints what it says.
pub fn status(common: &Common) -> Result<Exit, Failure> {
    let socket = control_socket(common)?;
    let status: Status = block_on(async {
        client::get(&socket, "/api/status").await.map_err(|error| Failure::refused(&error))
    })?;
    print_status(common, &status);
    Ok(verdict(&status))
}

/// Prints a status as a table, or as JSON.
pub fn print_status(common: &Common, status: &Status) {
    if common.json {
        print_json(status);
        return;
    }
    if let Some(reason) = &status.mode_reason {
        print_line(format!("observe only: {}\n", escaped(reason)));
    }
    let rows = rows(status).into_iter().map(|row| [row.name, row.kind, row.state, row.detail]);
    print_table(&["NAME", "KIND", "STATE", "DETAIL"], rows);
}

/// What a status means for the exit code: something is wrong, or cannot be told, or all is well.
pub fn verdict(status: &Status) -> Exit {
    let unknown = status.checks.iter().any(|check| check.state == "unknown")
        || status.rules.iter().any(|rule| rule.ok.is_none());
    match (status.healthy, unknown) {
        (false, _) => Exit::Deviates,
        (true, true) => Exit::Refused,
        (true, false) => Exit::Holds,
    }
}

/// A status line by line, in the order of the settings.
pub(super) fn rows(status: &Status) -> Vec<Row> {
    let mut rows = Vec::new();
    for check in &status.checks {
        let detail = check.reason.as_deref().unwrap_or_default();
        let first = row(&check.name, &check.kind, &check.state, detail);
        rows.push(Row { since: check.since, ..first });
        for part in &check.parts {
            let name = format!("{}/{}", check.name, part.name);
            let detail = part.reason.as_deref().unwrap_or_default();
            rows.push(row(&name, &check.kind, &part.state, detail));
        }
    }
    for rule in &status.rules {
        let state = match rule.ok {
            Some(true) => "holds",
            Some(false) => "deviates",
            None => "unknown",
        };
        let detail = match &rule.watched {
            Some(how) if rule.detail.is_empty() => format!("watched by {how}"),
            _ => rule.detail.clone(),
        };
        rows.push(row(&rule.name, &rule.kind, state, &detail));
    }
    for recovery in status.recoveries.iter().filter(|recovery| recovery.phase != "healthy") {
        let detail = recovery.reason.as_deref().unwrap_or_default();
        rows.push(row(&recovery.target, "recovery", &recovery.phase, detail));
    }
    for hold in &status.holds {
        let until = hold.until.map_or("it is released".to_owned(), |until| until.to_string());
        let detail = format!("until {until} by {}: {}", hold.by, hold.reason);
        rows.push(Row { since: Some(hold.since), ..row(&hold.target, "hold", "held", &detail) });
    }
    for alert in status.alerts.iter().filter(|alert| alert.state != "resolved") {
        let first = row(&alert.name, "alert", &alert.state, &alert.summary);
        rows.push(Row { since: Some(alert.since), ..first });
    }
    rows
}

fn row(name: &str, kind: &str, state: &str, detail: &str) -> Row {
    let concern = match state {
        "up" | "holds" => 0,
        "unknown" => 1,
        "down" | "deviates" | "exhausted" | "firing" => 3,
        _ => 2,
    };
    // What a target answered is among it.
    let detail = escaped(detail.replace('\n', " "));
    let (kind, state) = (kind.to_owned(), state.to_owned());
    Row { name: escaped(name), kind, state, detail, since: None, concern }
}
