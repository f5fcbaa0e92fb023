use std::collections::BTreeMap;

use evenkeel_journal::{Event, Filter, Incident, JournalError, Reader};
use jiff::Timestamp;
use serde::Serialize;

/// Lines of history that are read of each kind at most, the newest.
const MOST_EVENTS: u32 = 20_000;
/// Causes in a report at most.
const MOST_CAUSES: usize = 200;

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentReport {
    /// Its number.
    pub id: i64,
    /// The recovery target.
    pub target: String,
    /// The checks that were down.
    pub cause: String,
    /// When it began.
    pub opened: Timestamp,
    /// When it ended; absent: it is open.
    pub closed: Option<Timestamp>,
    /// What came of the last action: recovered, relapsed or failed; `by itself` where none was judged; absent: it is open.
    pub outcome: Option<String>,
    /// How many actions were taken.
    pub actions: u32,
}

/// How often something was done for one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The recovery target, or the check that saw a restart by others.
    pub target: String,
    /// The checks that were down; empty for a restart by others.
    pub cause: String,
    /// What was done.
    pub action: String,
    /// What came of it: recovered, relapsed or failed; empty for a restart by others.
    pub outcome: String,
    /// How often.
    pub count: u64,
}

/// What was done in a time.
pub(super) struct Done {
    judged: Vec<Event>,
    by_others: Vec<Event>,
}

impl Done {
    pub(super) fn read(reader: &Reader, from: Timestamp) -> Result<Self, JournalError> {
        let of_kind = |kind: &str| {
            let (since, limit) = (Some(from), Some(MOST_EVENTS));
            reader.events(&Filter {
                since,
                kind: Some(kind.to_owned()),
                limit,
                ..Filter::default()
            })
        };
        Ok(Self { judged: of_kind("judged")?, by_others: of_kind("restarted_by_others")? })
    }

    pub(super) fn incident(
        &self,
        reader: &Reader,
        incident: &Incident,
    ) -> Result<IncidentReport, JournalError> {
        let last = self.judged.iter().rfind(|event| event.incident == Some(incident.id));
        let outcome = last.map_or("by itself".to_owned(), |event| text(event, "outcome"));
        let actions = reader.intents(incident.id)?.len();
        Ok(IncidentReport {
            id: incident.id,
            target: incident.target.clone(),
            cause: incident.cause.clone(),
            opened: incident.opened,
            closed: incident.closed,
            outcome: incident.closed.map(|_| outcome),
            actions: u32::try_from(actions).unwrap_or(u32::MAX),
        })
    }

    /// What was done how often, the most frequent first.
    pub(super) fn causes(&self) -> Vec<Cause> {
        let mut counts = BTreeMap::new();
        for event in &self.judged {
            let [cause, action, outcome] =
                ["cause", "action", "outcome"].map(|key| text(event, key));
            *counts.entry((event.target.clone(), cause, action, outcome)).or_insert(0) += 1;
        }
        for event in &self.by_others {
            let action = "restarted by others".to_owned();
            let nothing = String::new();
            *counts.entry((event.target.clone(), nothing.clone(), action, nothing)).or_insert(0) +=
                1;
        }
        let cause = |((target, cause, action, outcome), count)| Cause {
            target,
            cause,
            action,
            outcome,
            count,
        };
        let mut causes: Vec<_> = counts.into_iter().map(cause).collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
        causes.truncate(MOST_CAUSES);
        causes
    }
}

fn text(event: &Event, key: &str) -> String {
    event.data[key].as_str().unwrap_or_default().to_owned()
}
