//! The pages for people: the overview, a target, an incident.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use evenkeel_engine::Status;
use evenkeel_pages::{Frame, IncidentPage, Overview, Target, View, Window, said};
use evenkeel_shown::said::{AgentCode, Said};

use super::answer::answer;
use super::look::{Refusal, look};
use super::viewer::Viewer;
use super::{Desk, Question, ask, curves, packing, past_of, rows};
use crate::explain::explain;

/// Lines of history on the first page.
const EVENTS: usize = 30;

/// The first page.
pub(super) async fn overview(State(desk): State<Desk>, request: Request) -> Response {
    let (visit, status) = match Visit::begin(&desk, request).await {
        Ok(begun) => begun,
        Err(ended) => return ended,
    };
    let past = past_of::overview(&desk, &status).await;
    let holds = status.holds.iter().map(rows::hold).collect();
    let mut checks: Vec<_> = status.checks.iter().map(rows::check).collect();
    for (check, stretches) in checks.iter_mut().zip(past.stretches) {
        check.stretches = Some(stretches);
    }
    let overview = Overview {
        frame: visit.frame,
        healthy: status.healthy,
        storm: status.storm.clone(),
        storm_refusal: rows::data(status.storm_refusal.as_ref()),
        checks,
        span: past.span,
        recoveries: status.recoveries.iter().map(rows::recovery).collect(),
        rules: status.rules.iter().map(rows::rule).collect(),
        slos: past.slos,
        holds,
        alerts: status
            .alerts
            .iter()
            .filter(|alert| alert.state == "firing")
            .map(rows::alert)
            .collect(),
        incidents: past.incidents,
        drifts: past.drifts,
        cleanups: past.cleanups,
        events: desk.recent.last(EVENTS).iter().map(rows::event).collect(),
    };
    let html = evenkeel_pages::overview(&visit.viewer.view, &overview);
    packing::page(StatusCode::OK, html, visit.gzip, &visit.viewer.cookies)
}

/// The page of a check, a part of one, a recovery or a rule.
pub(super) async fn target(
    State(desk): State<Desk>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let (visit, status) = match Visit::begin(&desk, request).await {
        Ok(begun) => begun,
        Err(ended) => return ended,
    };
    let window = visit.viewer.asked("window").and_then(Window::of_name).unwrap_or_default();
    let (now, lang) = (status.now, visit.viewer.view.lang);
    let asked = name.clone();
    let looked = look(&desk, move |reader, settings, stamp| {
        let explanation = explain(&reader, &settings, &asked, &stamp)?;
        let past = past_of::target(&reader, &settings, &asked, (window, now), lang)?;
        Ok((explanation, past))
    });
    let (explanation, mut past) = match looked.await {
        Ok((explanation, past)) => (Some(explanation), past),
        // Without a history on disk the page still says how things are now.
        Err((StatusCode::NOT_FOUND, _)) if is_known(&status, &name) => {
            (None, past_of::TargetPast::none(window, now))
        }
        Err(refusal) => return visit.refuse(&refusal),
    };
    let (whole, part_name) = match name.split_once('/') {
        Some((whole, rest)) if status.checks.iter().any(|check| check.name == whole) => {
            (whole, Some(rest.to_owned()))
        }
        _ => (name.as_str(), None),
    };
    let shown = status.checks.iter().find(|check| check.name == whole);
    if let Some(check) = shown.filter(|_| part_name.is_none()) {
        curves::add_trend(&mut past.curves, check, now);
    }
    let of_target = |target: &str| {
        target == name
            || target.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('/'))
            || past.recoveries.iter().any(|recovery| {
                target == recovery
                    || target
                        .strip_prefix(recovery.as_str())
                        .is_some_and(|rest| rest.starts_with('/'))
            })
    };
    let events =
        explanation.iter().flat_map(|explanation| &explanation.events).rev().map(rows::line);
    let holds = status.holds.iter().filter(|hold| {
        hold.target == "*"
            || hold.target == name
            || hold.target == whole
            || past.recoveries.contains(&hold.target)
    });
    let data = Target {
        frame: visit.frame,
        kind: explanation
            .as_ref()
            .map_or_else(|| kind_of(&status, whole).to_owned(), |found| found.kind.clone()),
        window,
        span: past.span,
        answer: explanation
            .as_ref()
            .map(|found| answer(&visit.viewer.view, found))
            .unwrap_or_default(),
        settings: explanation
            .iter()
            .flat_map(|found| &found.rules)
            .map(|rule| said(&visit.viewer.view, rule, rule.code()))
            .collect(),
        check: shown.map(rows::check),
        part: part_name,
        rule: status.rules.iter().find(|rule| rule.name == name).map(rows::rule),
        recoveries: status
            .recoveries
            .iter()
            .filter(|recovery| of_target(&recovery.target))
            .map(rows::recovery)
            .collect(),
        stretches: past.stretches,
        curves: past.curves,
        budgets: explanation.iter().flat_map(|found| &found.budgets).map(rows::budget).collect(),
        holds: holds.map(rows::hold).collect(),
        incidents: past.incidents,
        drifts: past.drifts,
        cleanups: past.cleanups,
        events: events.take(100).collect(),
        name,
    };
    let html = evenkeel_pages::target(&visit.viewer.view, &data);
    packing::page(StatusCode::OK, html, visit.gzip, &visit.viewer.cookies)
}

/// The page of an incident.
pub(super) async fn incident(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (visit, _) = match Visit::begin(&desk, request).await {
        Ok(begun) => begun,
        Err(ended) => return ended,
    };
    if id.parse::<i64>().is_err() {
        let text = "an incident has a number, such as /incident/7";
        let text = Said::new(text, AgentCode::NotAnIncident);
        return visit.refuse(&(StatusCode::NOT_FOUND, text));
    }
    let found = match look(&desk, move |reader, settings, now| {
        explain(&reader, &settings, &id, &now)
    })
    .await
    {
        Ok(found) => found,
        Err(refusal) => return visit.refuse(&refusal),
    };
    let Some(incident) = &found.incident else {
        let text = Said::new("the history knows no such incident", AgentCode::NoSuchIncident);
        return visit.refuse(&(StatusCode::NOT_FOUND, text));
    };
    let view = &visit.viewer.view;
    let data = IncidentPage {
        frame: visit.frame,
        incident: rows::incident(incident, Some(found.intents.len())),
        answer: answer(view, &found),
        evidence: rows::evidence(view, &incident.evidence),
        settings: found.rules.iter().map(|rule| said(view, rule, rule.code())).collect(),
        actions: found.intents.iter().map(|intent| rows::action(intent, &found.events)).collect(),
        budgets: found.budgets.iter().map(rows::budget).collect(),
        events: found.events.iter().map(rows::line).collect(),
    };
    let html = evenkeel_pages::incident(view, &data);
    packing::page(StatusCode::OK, html, visit.gzip, &visit.viewer.cookies)
}

/// What is not there.
pub(super) async fn nothing(State(desk): State<Desk>, request: Request) -> Response {
    if request.uri().path().starts_with("/api/") {
        return packing::text(StatusCode::NOT_FOUND, "there is no such address\n");
    }
    match Visit::begin(&desk, request).await {
        Ok((visit, _)) => {
            let text = Said::new("there is no such page", AgentCode::NoSuchPage);
            visit.refuse(&(StatusCode::NOT_FOUND, text))
        }
        Err(ended) => ended,
    }
}

/// One request for a page.
struct Visit {
    viewer: Viewer,
    frame: Frame,
    gzip: bool,
}

impl Visit {
    /// Asks how things are, for whoever asks; fails with the answer if the agent is ending.
    async fn begin(desk: &Desk, request: Request) -> Result<(Self, Status), Response> {
        let (parts, _) = request.into_parts();
        let mut viewer = Viewer::of(&parts);
        let status =
            ask(desk, Question::Status).await.map_err(|(code, text)| packing::text(code, text))?;
        viewer.view.now = status.now;
        let observes =
            (status.mode == "observe").then(|| status.mode_reason.clone().unwrap_or_default());
        let frame = Frame {
            host: desk.host.to_string(),
            version: status.version.clone(),
            observes,
            observes_code: status.mode_reason_code.as_deref().cloned(),
            started_at: status.started_at,
            address: viewer.address.clone(),
        };
        let gzip = packing::takes_gzip(&parts.headers);
        Ok((Self { viewer, frame, gzip }, status))
    }

    /// A page that says why there is no other.
    fn refuse(&self, (code, text): &Refusal) -> Response {
        let view: &View = &self.viewer.view;
        let title = match *code {
            StatusCode::NOT_FOUND => view.lang.say("Not found", "見つかりません"),
            _ => view.lang.say("Cannot be shown", "表示できません"),
        };
        let text = said(view, text, text.code());
        let html = evenkeel_pages::message(view, &self.frame, title, &text);
        packing::page(*code, html, self.gzip, &self.viewer.cookies)
    }
}

/// Whether the agent has anything of this name now.
fn is_known(status: &Status, name: &str) -> bool {
    let whole = name.split_once('/').map_or(name, |(whole, _)| whole);
    status.checks.iter().any(|check| check.name == whole)
        || status.rules.iter().any(|rule| rule.name == name)
        || status.recoveries.iter().any(|recovery| recovery.target == name)
}

fn kind_of(status: &Status, name: &str) -> &'static str {
    if status.checks.iter().any(|check| check.name == name) {
        return "check";
    }
    match status.rules.iter().find(|rule| rule.name == name) {
        Some(rule) if rule.kind == "cleanup" => "cleanup",
        Some(_) => "permissions",
        None => "recovery",
    }
}

/// The name of this host, as it calls itself.
pub(crate) fn host_name() -> Arc<str> {
    rustix::system::uname().nodename().to_string_lossy().into_owned().into()
}
