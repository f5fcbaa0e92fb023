//! What the engine and the history know, as the rows of pages.

use evenkeel_engine::{
    AlertStatus, CheckStatus, HoldStatus, RecoveryStatus, Refusal, RuleStatus, SloStatus,
};
use evenkeel_journal::{Event, Incident, IntentRecord};
use evenkeel_pages::{
    ActionRow, AlertRow, BudgetRow, CheckRow, CleanupRow, DriftRow, EventRow, HoldRow, IncidentRow,
    PartRow, RecoveryRow, RuleRow, Sample, SloRow, Stretch, View, said,
};
use evenkeel_shown::said::{AgentCode, Code};
use jiff::SignedDuration;
use serde::Deserialize as _;
use serde_json::Value;

use crate::explain::BudgetUse;
use crate::history::{self, ENDED_BEFORE};

/// How the names of what something says as data end; before that they are called as it is.
const CODE: &str = "_code";
/// The longest text of a value that a page shows of evidence.
const LONGEST_VALUE: usize = 2_000;

pub(super) fn check(status: &CheckStatus) -> CheckRow {
    let parts = status.parts.iter().map(|part| PartRow {
        name: part.name.clone(),
        state: part.state.clone(),
        reason: part.reason.clone(),
        reason_code: part.reason_code.as_deref().cloned(),
    });
    CheckRow {
        name: status.name.clone(),
        kind: status.kind.clone(),
        target: status.target.clone(),
        state: status.state.clone(),
        flapping: status.flapping,
        held: status.held,
        since: status.since,
        reason: status.reason.clone(),
        reason_code: status.reason_code.as_deref().cloned(),
        last_ms: status.last_ms,
        interval_ms: status.interval_ms,
        breaker: status.breaker.clone(),
        rss_bytes: status.rss_bytes,
        limit_eta: status
            .limit_eta_seconds
            .and_then(|eta| SignedDuration::try_from_secs_f64(eta).ok()),
        parts: parts.collect(),
        stretches: None,
    }
}

pub(super) fn recovery(status: &RecoveryStatus) -> RecoveryRow {
    RecoveryRow {
        target: status.target.clone(),
        phase: status.phase.clone(),
        attempt: status.attempt,
        step: status.step.clone(),
        budget_remaining: status.budget_remaining,
        reason: status.reason.clone(),
        reason_code: status.reason_code.as_deref().cloned(),
        refusal: data(status.refusal.as_ref()),
    }
}

/// A refusal as data; null without one.
pub(super) fn data(refusal: Option<&Refusal>) -> Value {
    refusal.and_then(|refusal| serde_json::to_value(refusal).ok()).unwrap_or_default()
}

pub(super) fn rule(status: &RuleStatus) -> RuleRow {
    RuleRow {
        name: status.name.clone(),
        kind: status.kind.clone(),
        path: status.path.clone(),
        last_run: status.last_run,
        ok: status.ok,
        detail: status.detail.clone(),
        detail_code: status.detail_code.as_deref().cloned(),
        repairs: status.repairs,
        watched: status.watched.clone(),
        watched_code: status.watched_code.as_deref().cloned(),
    }
}

pub(super) fn hold(status: &HoldStatus) -> HoldRow {
    HoldRow {
        target: status.target.clone(),
        since: status.since,
        until: status.until,
        reason: status.reason.clone(),
        by: status.by.clone(),
    }
}

pub(super) fn alert(status: &AlertStatus) -> AlertRow {
    AlertRow {
        name: status.name.clone(),
        severity: status.severity.clone(),
        since: status.since,
        summary: status.summary.clone(),
    }
}

/// A promise, with how it was over its window.
pub(super) fn slo(status: &SloStatus, stretches: Vec<Stretch>) -> SloRow {
    let span = |seconds: f64| SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
    SloRow {
        name: status.name.clone(),
        checks: status.checks.clone(),
        // The status has it as it was written; what was checked once can be read.
        objective: status.objective.parse().unwrap_or_default(),
        window: SignedDuration::from_secs(i64::try_from(status.window_seconds).unwrap_or(i64::MAX)),
        availability: status.availability,
        coverage: status.coverage,
        // Of nothing known there is no budget to tell of.
        budget_remaining: status.availability.map(|_| status.budget_remaining),
        bad: span(status.budget_used_seconds),
        span: status.from..status.until,
        stretches,
    }
}

/// A line of the last ones, which are kept short.
pub(super) fn event(event: &history::Event) -> EventRow {
    let data = event.data.as_deref().and_then(|data| serde_json::from_str(data).ok());
    EventRow {
        id: event.id,
        at: event.at,
        kind: event.kind.clone(),
        target: event.target.clone(),
        incident: event.incident,
        message: event.message.clone(),
        data: data.unwrap_or_default(),
    }
}

pub(super) fn line(event: &Event) -> EventRow {
    EventRow {
        id: event.id,
        at: event.at,
        kind: event.kind.clone(),
        target: event.target.clone(),
        incident: event.incident,
        message: event.message.clone(),
        data: event.data.clone(),
    }
}

pub(super) fn incident(incident: &Incident, actions: Option<usize>) -> IncidentRow {
    IncidentRow {
        id: incident.id,
        target: incident.target.clone(),
        cause: incident.cause.clone(),
        opened: incident.opened,
        closed: incident.closed,
        outcome: incident.outcome.clone(),
        actions: actions.and_then(|actions| u32::try_from(actions).ok()),
    }
}

/// An action; its history of `events` has what its detail says as data.
pub(super) fn action(record: &IntentRecord, events: &[Event]) -> ActionRow {
    let detail = record.settled.as_ref().map(|settled| settled.detail.clone());
    ActionRow {
        at: record.intent.wall,
        action: record.intent.action.clone(),
        step: record.intent.step,
        attempt: record.intent.attempt,
        outcome: record.settled.as_ref().map(|settled| settled.outcome.clone()),
        detail_code: detail.as_deref().and_then(|detail| code(detail, events)),
        detail,
    }
}

/// What the detail of an action says. The intent keeps the English text alone; the line that has the same text says the same.
fn code(detail: &str, events: &[Event]) -> Option<Code> {
    if detail == ENDED_BEFORE {
        return Some(AgentCode::EndedBeforeAction.into());
    }
    let acted = events.iter().filter(|event| event.kind == "acted");
    let same = acted.map(|event| &event.data).find(|data| data["detail"] == detail)?;
    Code::deserialize(&same["detail_code"]).ok()
}

pub(super) fn budget(used: &BudgetUse) -> BudgetRow {
    BudgetRow {
        scope: used.scope.clone(),
        recovery: used.recovery.clone(),
        used: used.used,
        count: used.count,
        window: used.window.clone(),
    }
}

/// A `repaired` event; `None` for what another version wrote otherwise.
pub(super) fn drift(event: &Event) -> Option<DriftRow> {
    let text = |key: &str| event.data[key].as_str().map(str::to_owned);
    Some(DriftRow {
        at: event.at,
        rule: event.target.clone(),
        path: text("path")?,
        what: text("what")?,
        before: text("before")?,
        after: text("after")?,
        by: event.data["by"]["shown"].as_str().map(str::to_owned),
    })
}

/// A `cleaned` event; `None` for what another version wrote otherwise.
pub(super) fn cleanup(event: &Event) -> Option<CleanupRow> {
    let data = &event.data;
    Some(CleanupRow {
        at: event.at,
        rule: event.target.clone(),
        action: data["action"].as_str()?.to_owned(),
        entries: data["entries"].as_u64()?,
        bytes: data["bytes"].as_u64()?,
        sample: sample(data),
        undo: data["run"].as_str().map(str::to_owned),
    })
}

/// What a `cleaned` event names of what was taken.
pub(super) fn sample(data: &Value) -> Vec<Sample> {
    let texts = data["sample"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let each = texts.enumerate().map(|(place, text)| Sample {
        text: text.to_owned(),
        code: Code::deserialize(&data["sample_code"][place]).ok(),
    });
    each.collect()
}

/// Evidence by name, each value as text in the language of `view`.
pub(super) fn evidence(view: &View, evidence: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let told = |name: &str, value: &Value| {
        let code = Code::deserialize(&evidence[format!("{name}{CODE}")]).ok();
        said(view, &text(value), code.as_ref())
    };
    let cut = |text: String| text.chars().take(LONGEST_VALUE).collect();
    match evidence {
        Value::Null => Vec::new(),
        Value::Object(all) => {
            // The page says the rest in its own words.
            let own = |name: &str| ["kind", "incident", "target", "cause"].contains(&name);
            let of_another =
                |name: &str| name.strip_suffix(CODE).is_some_and(|name| all.contains_key(name));
            let shown = all
                .iter()
                .filter(|(name, value)| !own(name) && !of_another(name) && !value.is_null());
            shown
                .take(50)
                .map(|(name, value)| (name.replace('_', " "), cut(told(name, value))))
                .collect()
        }
        other => vec![("evidence".to_owned(), cut(text(other)))],
    }
}
