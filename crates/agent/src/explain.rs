//! Why something was done, or not done: what the history and the settings say of an incident, a target, a check or a rule.
//!
//! The same document answers `evenkeel why` and `/api/why/{id}`, with the agent running or not.

pub(crate) mod answer;

use std::time::Duration;

use evenkeel_config::{Recovery, Settings, format_duration, nearest};
use evenkeel_journal::{
    Event, Filter, Hold, Incident, IntentRecord, JournalError, Reader, Stamp, Standing,
};
use evenkeel_recovery::budget::Rate;
use evenkeel_shown::said::{AgentCode, Allowed, Instead, Said};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Lines of history that an explanation has at most, the newest.
const LINES: u32 = 500;
/// What the words and data of those lines may take together.
const BYTES: u64 = 4 << 20;

/// What happened so long before an incident may have led to it.
const LEAD: SignedDuration = SignedDuration::from_mins(5);

/// The causal record of what was asked about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// What was asked about, by its name; for an incident its target.
    pub subject: String,
    /// What that is: recovery, check, permissions, cleanup, or history for what the settings no longer name.
    pub kind: String,
    /// The short answer, for people.
    pub answer: String,
    /// The rules that decided, as the settings have them now.
    pub rules: Vec<Said>,
    /// The holds that bear on it.
    pub holds: Vec<Hold>,
    /// What of its budgets is used.
    pub budgets: Vec<BudgetUse>,
    /// Where its recovery stands.
    pub standing: Option<Standing>,
    /// The incident that was asked about, or the latest one.
    pub incident: Option<Incident>,
    /// What was intended for it, and how that ended.
    pub intents: Vec<IntentRecord>,
    /// What happened, oldest first: refusals, actions, proofs; of an incident, or to the subject.
    pub events: Vec<Event>,
    /// Whether it is about one run of a cleanup, which is its only event.
    #[serde(skip)]
    pub(crate) of_run: bool,
}

/// How much of one budget is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BudgetUse {
    /// Whose it is: target, group or host.
    pub scope: String,
    /// The recovery whose settings name it.
    pub recovery: String,
    /// Actions within the window that ends now.
    pub used: u32,
    /// Actions that it allows within the window.
    pub count: u32,
    /// The window, as the settings write it.
    pub window: String,
}

/// Names in a hint: what runs on the host may have given the history any number of them.
const LISTED: usize = 50;

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// There is no such thing, now or in the history.
    #[error("{message}")]
    Unknown {
        /// What is unknown, and what is known that comes near.
        message: Said,
    },
    /// The history cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Explains `what`: an incident's number, a recovery's target, a check or a rule. `now` tells which holds and charges count.
///
/// Fails if neither the settings nor the history know it, and names what comes near.
pub fn explain(
    reader: &Reader,
    settings: &Settings,
    what: &str,
    now: &Stamp,
) -> Result<Explanation, ExplainError> {
    if let Ok(id) = what.parse() {
        let why = reader.why(id, bounds())?.ok_or_else(|| unknown_incident(id))?;
        let mut explanation = of_subject(reader, settings, &why.incident.target, now)?;
        explanation.incident = Some(why.incident);
        explanation.intents = why.intents;
        explanation.events = newest(why.events);
        return Ok(answer::answered(explanation, now.wall));
    }
    if let Some(cleaned) = cleaned_by(reader, what)? {
        let mut explanation = of_subject(reader, settings, &cleaned.target, now)?;
        (explanation.of_run, explanation.events) = (true, vec![cleaned]);
        return Ok(answer::answered(explanation, now.wall));
    }
    let mut explanation = of_subject(reader, settings, what, now)?;
    if explanation.kind == "history"
        && explanation.events.is_empty()
        && explanation.incident.is_none()
    {
        return Err(unknown(reader, settings, what)?);
    }
    if let Some(incident) = &explanation.incident
        && let Some(why) = reader.why(incident.id, bounds())?
    {
        let (id, from) = (incident.id, incident.opened.checked_sub(LEAD).unwrap_or(Timestamp::MIN));
        explanation.intents = why.intents;
        // One story: of the incident, what led to it, and what else happened to the same names since.
        explanation
            .events
            .retain(|event| event.at >= from && event.incident.is_none_or(|of| of == id));
        explanation.events.extend(why.events);
        explanation.events.sort_by_key(|event| event.id);
        explanation.events.dedup_by_key(|event| event.id);
        explanation.events = newest(explanation.events);
    }
    Ok(answer::answered(explanation, now.wall))
}

/// Which events are wanted, as people ask for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Not older than this.
    pub since: Option<Duration>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only of this check, rule or recovery target, and its parts.
    pub target: Option<String>,
    /// At most so many, the newest.
    pub limit: Option<u32>,
    /// The newest whose words and data together take no more bytes.
    pub bytes: Option<u64>,
}

/// The events that are wanted, oldest first. `now` is the time of day.
///
/// Fails if neither evenkeel nor this history knows the kind, and names what comes near; likewise for a target that neither
/// the settings nor the history know.
pub fn find_events(
    reader: &Reader,
    settings: &Settings,
    wanted: Wanted,
    now: Timestamp,
) -> Result<Vec<Event>, ExplainError> {
    let Wanted { since, kind, target, limit, bytes } = wanted;
    let since = since.map(|age| {
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        now.checked_sub(age).unwrap_or(Timestamp::MIN)
    });
    let filter = Filter { since, kind, target, limit, bytes, incident: None };
    let events = reader.events(&filter)?;
    // A word that nobody knows finds nothing: whoever typed it wrong must not take that for peace.
    if events.is_empty() {
        let (kinds, targets) = reader.words()?;
        if let Some(kind) = &filter.kind {
            let own = evenkeel_engine::Record::KINDS.into_iter().chain(crate::history::KINDS);
            let known = kinds.into_iter().chain(own.map(str::to_owned)).collect();
            expect_known("the kind of an event", kind, known)?;
        }
        if let Some(target) = &filter.target {
            let known = names(settings).into_iter().chain(targets).collect();
            expect_known("known to the settings or the history", target, known)?;
        }
    }
    Ok(events)
}

pub(crate) fn expect_known(
    what: &str,
    given: &str,
    mut known: Vec<String>,
) -> Result<(), ExplainError> {
    known.sort();
    known.dedup();
    let is_part =
        |known: &String| known.strip_prefix(given).is_some_and(|part| part.starts_with('/'));
    if known.iter().any(|known| known == given || is_part(known)) {
        return Ok(());
    }
    let near = nearest(given, known.iter().map(String::as_str)).map(str::to_owned);
    let more = known.len().saturating_sub(LISTED);
    known.truncate(LISTED);
    let instead = near.map_or(Instead::Of { names: known, more }, Instead::Near);
    let hint = match &instead {
        Instead::Near(near) => format!("did you mean `{near}`?"),
        Instead::Of { names, more: 0 } => format!("there is: {}", names.join(", ")),
        Instead::Of { names, more } => {
            format!("there is: {} and {more} more", names.join(", "))
        }
    };
    let name = given.escape_debug().to_string();
    let text = format!("`{name}` is not {what}; {hint}");
    let message = Said::new(text, AgentCode::UnknownName { name, instead });
    Err(ExplainError::Unknown { message })
}

/// The line of the cleanup run of this id.
fn cleaned_by(reader: &Reader, run: &str) -> Result<Option<Event>, JournalError> {
    // Names of rules and targets come in the same place, and are not worth a search.
    if !run.starts_with(|first: char| first.is_ascii_digit()) {
        return Ok(None);
    }
    reader.cleaned(run)
}

/// Everything that is known of a name, without the answer.
fn of_subject(
    reader: &Reader,
    settings: &Settings,
    name: &str,
    now: &Stamp,
) -> Result<Explanation, ExplainError> {
    let whole = name.split_once('/').map_or(name, |(whole, _)| whole);
    let recovery = settings.recoveries.iter().find(|recovery| recovery.name == whole);
    let check = settings.checks.iter().find(|check| check.name == whole);
    // A check and its recovery often share their name: what was done is the more telling, and the lines are one story.
    let kind = match (recovery, check) {
        (Some(_), _) => "recovery",
        (None, Some(_)) => "check",
        (None, None) if settings.permissions.iter().any(|rule| rule.name == name) => "permissions",
        (None, None) if settings.cleanup.iter().any(|rule| rule.name == name) => "cleanup",
        (None, None) => "history",
    };
    // Of a check: the recoveries that listen to it.
    let recoveries: Vec<_> = match recovery {
        Some(recovery) => vec![recovery],
        None => settings
            .recoveries
            .iter()
            .filter(|recovery| recovery.when.iter().any(|check| check == whole))
            .collect(),
    };
    let targets: Vec<_> = match kind {
        "check" => recoveries.iter().map(|recovery| recovery.name.as_str()).collect(),
        _ => vec![name],
    };
    let of_name = Filter { target: Some(name.to_owned()), ..bounds() };
    let mut incident = None;
    for target in &targets {
        let latest =
            Filter { target: Some((*target).to_owned()), limit: Some(1), ..Filter::default() };
        incident = incident
            .into_iter()
            .chain(reader.incidents(&latest)?)
            .max_by_key(|found: &Incident| found.id);
    }
    let standing = reader.standings()?.into_iter().find(|standing| standing.target == name);
    let bears = |hold: &Hold| {
        hold.target == "*"
            || hold.target == whole
            || hold.target == name
            || targets.contains(&hold.target.as_str())
            || recoveries.iter().any(|recovery| recovery.when.contains(&hold.target))
    };
    let holds = reader.holds()?.into_iter().filter(bears).filter(|hold| is_in_force(hold, now));
    Ok(Explanation {
        subject: name.to_owned(),
        kind: kind.to_owned(),
        answer: String::new(),
        of_run: false,
        rules: recoveries.iter().map(|recovery| rule(recovery)).collect(),
        holds: holds.collect(),
        budgets: budgets(reader, settings, &recoveries, (name, now))?,
        standing,
        incident,
        intents: Vec::new(),
        events: reader.events(&of_name)?,
    })
}

/// Whether a hold has not run out at `now`.
pub fn is_in_force(hold: &Hold, now: &Stamp) -> bool {
    hold.until.as_ref().is_none_or(|until| !until.left(now, Duration::MAX).is_zero())
}

/// As much as an explanation holds: lines of evidence are long.
fn bounds() -> Filter {
    Filter { limit: Some(LINES), bytes: Some(BYTES), ..Filter::default() }
}

fn newest(mut events: Vec<Event>) -> Vec<Event> {
    let surplus = events.len().saturating_sub(LINES as usize);
    events.drain(..surplus);
    events
}

fn rule(recovery: &Recovery) -> Said {
    let steps: Vec<_> = recovery.steps.iter().map(|step| step.action.describe()).collect();
    let (target, group, host) = (
        allowed(recovery.budgets.per_target),
        allowed(recovery.budgets.per_group),
        allowed(recovery.budgets.per_host),
    );
    let text = format!(
        "recovery.{}: when {} down: {}; {} further attempts each, then the next step; at most {} for one target, {} in \
         the group {} and {} on the host; proved by the same checks within {}",
        recovery.name,
        match recovery.when.as_slice() {
            [one] => format!("{one} is"),
            several => format!("one of {} is", several.join(", ")),
        },
        steps.join(", then "),
        recovery.retry.max_retries(),
        per(target),
        per(group),
        recovery.group,
        per(host),
        format_duration(recovery.verify_timeout),
    );
    let code = AgentCode::RecoverySet {
        recovery: recovery.name.clone(),
        when: recovery.when.clone(),
        steps,
        retries: recovery.retry.max_retries(),
        target,
        group,
        of_group: recovery.group.clone(),
        host,
        verified_within: recovery.verify_timeout,
    };
    Said::new(text, code)
}

fn allowed(rate: Rate) -> Allowed {
    Allowed { count: rate.count(), window: rate.window() }
}

fn per(allowed: Allowed) -> String {
    format!("{} in {}", allowed.count, format_duration(allowed.window))
}

fn budgets(
    reader: &Reader,
    settings: &Settings,
    recoveries: &[&Recovery],
    (name, now): (&str, &Stamp),
) -> Result<Vec<BudgetUse>, JournalError> {
    let windows = recoveries.iter().flat_map(|recovery| {
        let budgets = &recovery.budgets;
        [budgets.per_target, budgets.per_group, budgets.per_host].map(|rate| rate.window())
    });
    let Some(longest) = windows.max() else { return Ok(Vec::new()) };
    let longest = SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX);
    let ledger = reader.ledger(now.wall.checked_sub(longest).unwrap_or(Timestamp::MIN))?;
    let mut uses = Vec::new();
    for recovery in recoveries {
        let target = if name.contains('/') { name } else { &recovery.name };
        let of_group = |target: &str| {
            let whole = target.split_once('/').map_or(target, |(whole, _)| whole);
            settings.recoveries.iter().any(|one| one.name == whole && one.group == recovery.group)
        };
        let budgets = &recovery.budgets;
        for (scope, rate) in [
            ("target", budgets.per_target),
            ("group", budgets.per_group),
            ("host", budgets.per_host),
        ] {
            let counts = |intent: &&evenkeel_journal::Intent| {
                let stamp = Stamp {
                    boot_id: intent.boot_id.clone(),
                    boottime: intent.boottime,
                    wall: intent.wall,
                };
                let whose = match scope {
                    "target" => intent.target == target,
                    "group" => of_group(&intent.target),
                    _ => true,
                };
                whose && stamp.age(now) < rate.window()
            };
            uses.push(BudgetUse {
                scope: scope.to_owned(),
                recovery: recovery.name.clone(),
                used: u32::try_from(ledger.iter().filter(counts).count()).unwrap_or(u32::MAX),
                count: rate.count(),
                window: format_duration(rate.window()),
            });
        }
    }
    Ok(uses)
}

fn unknown_incident(id: i64) -> ExplainError {
    let text = format!("the history knows no incident {id}");
    ExplainError::Unknown { message: Said::new(text, AgentCode::NoIncident { id }) }
}

fn unknown(reader: &Reader, settings: &Settings, what: &str) -> Result<ExplainError, JournalError> {
    let (_, targets) = reader.words()?;
    let known = names(settings).into_iter().chain(targets).collect();
    Ok(match expect_known("known to the settings or the history", what, known) {
        Err(error) => error,
        Ok(()) => {
            let text = format!("nothing is known of `{what}`");
            let code = AgentCode::NothingKnown { name: what.to_owned() };
            ExplainError::Unknown { message: Said::new(text, code) }
        }
    })
}

/// All names that the settings give.
fn names(settings: &Settings) -> Vec<String> {
    let recoveries = settings.recoveries.iter().map(|recovery| &recovery.name);
    let checks = settings.checks.iter().map(|check| &check.name);
    let permissions = settings.permissions.iter().map(|rule| &rule.name);
    let cleanup = settings.cleanup.iter().map(|rule| &rule.name);
    recoveries.chain(checks).chain(permissions).chain(cleanup).cloned().collect()
}
