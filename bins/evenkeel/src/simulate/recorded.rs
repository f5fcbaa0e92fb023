//! A recorded time, from the history in a state directory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use evenkeel_cli::{Failure, escaped};
use evenkeel_config::{Settings, nearest};
use evenkeel_journal::{Event, Filter, Intent, JournalError, Reader};
use evenkeel_simulator::{Action, Recorded, SLO_SUBJECT, Subject};
use jiff::{SignedDuration, Timestamp};

/// The time of `since` that ends with the last sign of life in the history.
///
/// Not now: the same history must give the same time tomorrow. Fails if there is no history, if it is of a newer version, or if it
/// knows nothing.
pub(super) fn read(dir: &Path, since: Duration) -> Result<Recorded, Failure> {
    let reader = Reader::open(dir).map_err(|error| Failure::refused(&error))?;
    let recorded = recorded(&reader, since).map_err(|error| Failure::refused(&error))?;
    recorded.filter(|recorded| recorded.from < recorded.until).ok_or_else(|| {
        Failure::refused_because(format!(
            "the history in {} knows no time in which an agent ran",
            escaped(dir)
        ))
    })
}

/// Refuses settings with a check of which the history knows nothing: nothing could be said of it.
pub(super) fn refuse_unknown(
    dir: &Path,
    recorded: &Recorded,
    name: &str,
    settings: &Settings,
) -> Result<(), Failure> {
    let unknown = recorded.unknown_checks(settings);
    if unknown.is_empty() {
        return Ok(());
    }
    let known = || recorded.subjects.iter().map(|subject| subject.name.as_str());
    let lines = unknown.iter().map(|check| match nearest(check, known()) {
        Some(near) => format!("\n  check `{}`: did you mean `{}`?", escaped(check), escaped(near)),
        None => format!("\n  check `{}`", escaped(check)),
    });
    Err(Failure::usage(format!(
        "the history in {} knows nothing of what {name} looks at:{}",
        escaped(dir),
        lines.collect::<String>()
    )))
}

fn recorded(reader: &Reader, since: Duration) -> Result<Option<Recorded>, JournalError> {
    let runs = reader.runs(Timestamp::MIN, Timestamp::MAX)?;
    let (Some(first), Some(until)) =
        (runs.iter().map(|run| run.from).min(), runs.iter().map(|run| run.alive).max())
    else {
        return Ok(None);
    };
    let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
    let from = until.checked_sub(since).unwrap_or(Timestamp::MIN).max(first);
    let between = runs.windows(2).map(|pair| pair[0].until.unwrap_or(pair[0].alive)..pair[1].from);
    let gaps = between.filter(|gap| gap.start < gap.end && gap.end > from);
    Ok(Some(Recorded {
        from,
        until,
        subjects: subjects(reader, &(from..until))?,
        actions: actions(reader, from)?,
        gaps: gaps.collect(),
    }))
}

/// Checks by the time that was counted of them; their parts, and what checks with parts are themselves, by their changes of state.
fn subjects(reader: &Reader, span: &Range<Timestamp>) -> Result<Vec<Subject>, JournalError> {
    let changes = changes(reader, span)?;
    let mut subjects = Vec::new();
    for name in reader.stretch_subjects()? {
        if name.starts_with(SLO_SUBJECT) {
            continue;
        }
        let mut subject = Subject { name: name.clone(), ..Subject::default() };
        for stretch in reader.stretches(&name, span.start, span.end)? {
            let times = match stretch.verdict.as_str() {
                "bad" => &mut subject.down,
                "maintenance" => &mut subject.held,
                "unknown" => &mut subject.unknown,
                _ => continue,
            };
            times.push(stretch.from..stretch.until);
        }
        let parts: Vec<_> = changes
            .iter()
            .filter(|(place, _)| {
                place.strip_prefix(&name).is_some_and(|rest| rest.starts_with('/'))
            })
            .collect();
        if !parts.is_empty() {
            // Its time is bad where one of its parts is: what it is itself, its own changes tell.
            subject.down = changes.get(&name).cloned().unwrap_or_default();
        }
        subjects.push(subject);
        subjects.extend(parts.into_iter().map(|(place, down)| Subject {
            name: place.clone(),
            down: down.clone(),
            ..Subject::default()
        }));
    }
    Ok(subjects)
}

/// When each check and part was down, by the lines of its changes.
fn changes(
    reader: &Reader,
    span: &Range<Timestamp>,
) -> Result<BTreeMap<String, Vec<Range<Timestamp>>>, JournalError> {
    let mut down: BTreeMap<String, Vec<Range<Timestamp>>> = BTreeMap::new();
    let mut open: BTreeMap<String, Timestamp> = BTreeMap::new();
    for event in of_kind(reader, "check_changed", span.start)? {
        let check = event.data["check"].as_str().unwrap_or(&event.target);
        let place = match event.data["part"].as_str() {
            Some(part) => format!("{check}/{part}"),
            None => check.to_owned(),
        };
        let times = down.entry(place.clone()).or_default();
        let (was, is) = (is_down(&event.data["from"]), is_down(&event.data["to"]));
        match (open.remove(&place), was, is) {
            (Some(since), _, true) => drop(open.insert(place, since)),
            (Some(since), _, false) => times.push(since..event.at),
            (None, _, true) => drop(open.insert(place, event.at)),
            // It was down before the first line that is known.
            (None, true, false) if times.is_empty() => times.push(span.start..event.at),
            (None, _, false) => {}
        }
    }
    for (place, since) in open {
        down.entry(place).or_default().push(since..span.end);
    }
    Ok(down)
}

/// Whether a state, as the history has it, is one in which a target is taken for down.
fn is_down(state: &serde_json::Value) -> bool {
    let name = state["state"].as_str().or(state.as_str());
    matches!(name, Some("down" | "recovering"))
}

/// The actions that were judged since `from`.
fn actions(reader: &Reader, from: Timestamp) -> Result<Vec<Action>, JournalError> {
    let mut intents: BTreeMap<i64, Vec<(Intent, Option<Timestamp>)>> = BTreeMap::new();
    let mut actions = Vec::new();
    for event in of_kind(reader, "judged", from)? {
        let Some(incident) = event.incident else { continue };
        let begun = match intents.entry(incident) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let of_incident = reader.intents(incident)?;
                let known = of_incident
                    .into_iter()
                    .map(|record| (record.intent, record.settled.map(|settled| settled.at)));
                place.insert(known.collect())
            }
        };
        actions.push(action(&event, begun));
    }
    Ok(actions)
}

fn action(judged: &Event, intents: &[(Intent, Option<Timestamp>)]) -> Action {
    // What is judged is what was begun last.
    let begun = intents.iter().rfind(|(intent, _)| intent.wall <= judged.at);
    let text = |key: &str| judged.data[key].as_str().unwrap_or_default();
    let took = begun.and_then(|(intent, settled)| {
        Duration::try_from(settled.as_ref()?.duration_since(intent.wall)).ok()
    });
    Action {
        target: judged.target.clone(),
        causes: text("cause").split(", ").map(str::to_owned).collect(),
        began: begun.map_or(judged.at, |(intent, _)| intent.wall),
        took,
        recovered: text("outcome") == "recovered",
    }
}

fn of_kind(reader: &Reader, kind: &str, since: Timestamp) -> Result<Vec<Event>, JournalError> {
    reader.events(&Filter { since: Some(since), kind: Some(kind.to_owned()), ..Filter::default() })
}

#[cfg(test)]
mod tests {
    use evenkeel_journal::{Journal, Stretch};
    use evenkeel_moment::Moment;
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + second).expect("a time")
    }

    /// A history of 1000 s: two runs of the agent, and a gap of 100 s between them.
    struct History {
        dir: tempfile::TempDir,
        journal: Journal,
    }

    impl History {
        fn new() -> Self {
            let dir = tempfile::tempdir().expect("a scratch directory");
            let (mut journal, _) = Journal::open(dir.path(), at(0)).expect("a journal");
            journal.begin_run(at(0)).expect("a run");
            journal.alive(at(400), true).expect("its end");
            journal.begin_run(at(500)).expect("another run");
            journal.alive(at(1_000), false).expect("a sign of life");
            Self { dir, journal }
        }

        fn stretch(&mut self, subject: &str, verdict: &str, from: i64, until: i64) {
            let (subject, verdict) = (subject.to_owned(), verdict.to_owned());
            let stretch = Stretch { subject, verdict, from: at(from), until: at(until), slices: 1 };
            self.journal.extend(&stretch).expect("a stretch");
        }

        fn changed(&mut self, second: i64, part: Option<&str>, from: &str, to: &str) {
            let data = json!({ "check": "jobs", "part": part, "from": { "state": from }, "to": { "state": to } });
            self.append(second, "check_changed", "jobs", None, data);
        }

        fn append(
            &mut self,
            second: i64,
            kind: &str,
            target: &str,
            incident: Option<i64>,
            data: serde_json::Value,
        ) {
            let entry = evenkeel_journal::Entry { kind, target, incident, message: kind, data };
            self.journal.append(at(second), &entry).expect("a line");
        }

        fn read(&self, since: Duration) -> Recorded {
            read(self.dir.path(), since).expect("a recorded time")
        }
    }

    fn subject<'a>(recorded: &'a Recorded, name: &str) -> &'a Subject {
        let found = recorded.subjects.iter().find(|subject| subject.name == name);
        found.unwrap_or_else(|| panic!("no {name} in {recorded:?}"))
    }

    #[test]
    fn the_time_ends_with_the_last_sign_of_life_and_a_gap_is_one() {
        let recorded = History::new().read(Duration::from_secs(700));
        assert_eq!((recorded.from, recorded.until), (at(300), at(1_000)));
        assert_eq!(recorded.gaps, [at(400)..at(500)]);
        let all = History::new().read(Duration::from_hours(24));
        assert_eq!(all.from, at(0), "nothing is known before the first run");
    }

    #[test]
    fn what_was_bad_held_or_unknown_is_told_and_promises_are_no_subjects() {
        let mut history = History::new();
        history.stretch("web", "good", 0, 100);
        history.stretch("web", "bad", 100, 130);
        history.stretch("web", "unknown", 130, 140);
        history.stretch("web", "maintenance", 600, 700);
        history.stretch("slo:site", "bad", 100, 130);
        let recorded = history.read(Duration::from_secs(1_000));
        let web = subject(&recorded, "web");
        assert_eq!(web.down, [at(100)..at(130)]);
        assert_eq!(
            (&web.unknown[..], &web.held[..]),
            (&[at(130)..at(140)][..], &[at(600)..at(700)][..])
        );
        assert_eq!(recorded.subjects.len(), 1);
    }

    #[test]
    fn parts_are_down_by_their_changes_and_their_check_is_not_because_of_them() {
        let mut history = History::new();
        history.stretch("jobs", "bad", 50, 200);
        history.changed(60, Some("a"), "up", "down");
        history.changed(90, Some("a"), "down", "recovering");
        history.changed(95, Some("a"), "recovering", "up");
        history.changed(150, Some("b"), "down", "up");
        history.changed(900, Some("b"), "up", "down");
        history.changed(160, None, "up", "down");
        history.changed(190, None, "down", "up");
        let recorded = history.read(Duration::from_secs(1_000));
        assert_eq!(subject(&recorded, "jobs/a").down, [at(60)..at(95)]);
        assert_eq!(subject(&recorded, "jobs/b").down, [at(0)..at(150), at(900)..at(1_000)]);
        assert_eq!(subject(&recorded, "jobs").down, [at(160)..at(190)]);
    }

    #[test]
    fn an_action_began_with_its_intent_and_is_judged_later() {
        let mut history = History::new();
        let incident = 7;
        let opened =
            history.journal.open_incident(incident, at(100), "site", "web, api", &json!(""));
        opened.expect("an incident");
        let intent = Intent {
            incident,
            target: "site".to_owned(),
            step: 0,
            attempt: 0,
            action: "restart".to_owned(),
            boot_id: "boot".to_owned(),
            boottime: Moment::ORIGIN,
            wall: at(110),
        };
        let number = history.journal.intend(&intent).expect("an intent");
        history.journal.settle(number, at(114), "ran", "").expect("its end");
        let data = json!({ "cause": "web, api", "outcome": "recovered" });
        history.append(130, "judged", "site", Some(incident), data);
        let recorded = history.read(Duration::from_secs(1_000));
        let expected = Action {
            target: "site".to_owned(),
            causes: vec!["web".to_owned(), "api".to_owned()],
            began: at(110),
            took: Some(Duration::from_secs(4)),
            recovered: true,
        };
        assert_eq!(recorded.actions, [expected]);
    }

    #[test]
    fn a_history_without_a_run_has_nothing_to_play() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        drop(Journal::open(dir.path(), at(0)).expect("a journal"));
        let error = read(dir.path(), Duration::from_mins(1)).expect_err("nothing is known");
        assert!(error.to_string().contains("knows no time in which an agent ran"), "{error}");
    }
}
