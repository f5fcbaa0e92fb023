use std::path::{Path, PathBuf};
use std::time::SystemTime;

use evenkeel_cleanup::{Failed, Undo, UndoError, UndoReport};
use evenkeel_config::Settings;
use evenkeel_safefs::{OpenError, Purpose, RunInfo};
use serde::Serialize;

use crate::{
    Bar, Common, Exit, Failure, Stop, escaped_path as escaped, print_json, print_line, print_table,
};

/// Where something may be kept: the root of a rule, and as whom the rule works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The root.
    pub root: PathBuf,
    /// The user, by name or number; `None`: the caller.
    pub run_as: Option<String>,
}

impl Place {
    /// Each root of the cleanup rules once; fails if there is no rule.
    pub fn all(settings: &Settings) -> Result<Vec<Self>, Failure> {
        let mut places: Vec<Self> = Vec::new();
        for rule in &settings.cleanup {
            let (root, run_as) =
                (rule.policy.path().to_owned(), rule.policy.draft().run_as.clone());
            if places.iter().all(|place| place.root != root) {
                places.push(Self { root, run_as });
            }
        }
        if places.is_empty() {
            return Err(Failure::usage("neither a PATH nor a [cleanup.*] rule in the settings"));
        }
        Ok(places)
    }

    fn runs(&self) -> Result<Vec<RunInfo>, UndoError> {
        match evenkeel_cleanup::kept(&self.root, self.run_as.as_deref()) {
            // What is not there keeps nothing.
            Err(UndoError::Root(OpenError::Missing { .. })) => Ok(Vec::new()),
            runs => runs,
        }
    }
}

#[derive(Serialize)]
struct Kept {
    root: String,
    runs: Vec<Run>,
}

#[derive(Serialize)]
struct Run {
    id: String,
    action: &'static str,
    started: Option<String>,
    entries: u64,
    /// Not before then it goes for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

/// Says what is kept in these places, by run.
pub fn kept(common: &Common, places: &[Place]) -> Result<Exit, Failure> {
    let look = |place: &Place| {
        let runs = place.runs().map_err(|error| Failure::refused(&error))?;
        let runs = runs.into_iter().filter(|run| run.held > 0).map(shown).collect();
        Ok(Kept { root: escaped(&place.root), runs })
    };
    let found = places.iter().map(look).collect::<Result<Vec<_>, Failure>>()?;
    if common.json {
        print_json(&found);
        return Ok(Exit::Holds);
    }
    let row = |root: &str, run: &Run| {
        let until = run.until.clone().unwrap_or_default();
        let started = run.started.clone().unwrap_or_default();
        [
            run.id.clone(),
            run.action.to_owned(),
            started,
            until,
            run.entries.to_string(),
            root.to_owned(),
        ]
    };
    let rows: Vec<_> =
        found.iter().flat_map(|place| place.runs.iter().map(|run| row(&place.root, run))).collect();
    if rows.is_empty() {
        print_line("nothing is kept");
    } else {
        print_table(&["run", "action", "started", "kept until", "entries", "root"], rows);
    }
    Ok(Exit::Holds)
}

fn shown(run: RunInfo) -> Run {
    let time = |time| humantime::format_rfc3339_seconds(time).to_string();
    let (action, until) = match run.purpose {
        Some(Purpose::Trash { expires }) => ("trash", Some(time(expires))),
        Some(Purpose::Delete) => ("delete", None),
        Some(Purpose::Compress) => ("compress", None),
        None => ("unknown", None),
    };
    Run { id: run.id, action, started: run.started.map(time), entries: run.held, until }
}

/// Brings back what the run `id` kept in one of these places, or of it only what was at or below `only`.
///
/// Fails if no place or more than one has such a run.
pub fn undo(
    common: &Common,
    places: &[Place],
    id: &str,
    only: Option<&Path>,
) -> Result<Exit, Failure> {
    let place = place_of(places, id)?;
    let stop = Stop::at_signals()?;
    let mut bar = Bar::new(common, escaped(&place.root));
    let undo = Undo { root: &place.root, run_as: place.run_as.as_deref(), id, only };
    let report = undo.run(SystemTime::now(), |progress| {
        bar.show(progress.done, progress.total);
        stop.goes_on()
    });
    drop(bar);
    let report = report.map_err(|error| Failure::refused(&error))?;
    if common.json {
        print_json(&report);
    } else {
        print_undone(&report, id);
    }
    Ok(match (report.restored.is_empty(), report.failed.is_empty()) {
        (true, false) => Exit::Refused,
        (_, true) if !report.ended => Exit::Holds,
        _ => Exit::Deviates,
    })
}

fn place_of<'a>(places: &'a [Place], id: &str) -> Result<&'a Place, Failure> {
    let (mut found, mut known) = (Vec::new(), Vec::new());
    for place in places {
        // A root that cannot be opened may be the one; it is better said than searched past in silence.
        for run in place.runs().map_err(|error| Failure::refused(&error))? {
            if run.id == id {
                found.push(place);
            } else if run.held > 0 {
                known.push(run.id);
            }
        }
    }
    match found.as_slice() {
        [place] => Ok(place),
        [] => {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(Failure::refused_because(format!("no run `{id}` is kept; kept: {known}")))
        }
        several => {
            let roots: Vec<_> = several.iter().map(|place| escaped(&place.root)).collect();
            let roots = roots.join("`, `");
            Err(Failure::usage(format!("run `{id}` is kept in `{roots}`; say in which")))
        }
    }
}

fn print_undone(report: &UndoReport, id: &str) {
    for restored in &report.restored {
        match &restored.note {
            Some(note) => print_line(format_args!("{}: {note}", escaped(&restored.path))),
            None => print_line(escaped(&restored.path)),
        }
    }
    for Failed { path, reason } in &report.failed {
        print_line(format_args!("failed: {}: {reason}", escaped(path)));
    }
    let (back, left) = (report.restored.len(), report.left);
    print_line(format_args!("{back} brought back of run {id}"));
    if report.ended {
        print_line("ended before the last one: the rest stays in the trash");
    } else if left > 0 {
        print_line(format_args!("{left} not asked for stay in the trash"));
    }
}
