use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use evenkeel_safefs::{OpenError, Private, Root, RunInfo, Trust, User, as_user, escaped};
use serde::Serialize;

use crate::apply::{Failed, PrivateError, Progress, Recovered, Watch, put_right};
use crate::plan::path;

/// What is to be brought back.
#[derive(Debug, Clone, Copy)]
pub struct Undo<'a> {
    /// The root of the rule whose run it was.
    pub root: &'a Path,
    /// As whom the rule works, by name or number; `None`: the caller.
    pub run_as: Option<&'a str>,
    /// The run, as its report names it.
    pub id: &'a str,
    /// Only what was at this path or below; `None`: all.
    pub only: Option<&'a Path>,
}

/// One entry that is back in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// What is not as it was when it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What an undo did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UndoReport {
    /// Back in their places.
    pub restored: Vec<Restored>,
    /// Not back: they stay in the trash.
    pub failed: Vec<Failed>,
    /// Put right after an earlier run that was killed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recovered: Vec<Recovered>,
    /// Entries of the run that were not asked for.
    pub left: u64,
    /// Whether it was ended before the last one.
    pub ended: bool,
}

/// Why nothing was brought back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError {
    /// The root cannot be opened safely, or not at all.
    #[error(transparent)]
    Root(OpenError),
    /// There is no such user, or the caller cannot work as him.
    #[error("cannot work as `{user}`")]
    RunAs {
        /// As he was named.
        user: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Nothing is kept in the root under this name.
    #[error("no run `{id}` is kept in `{}`; kept: {}", escaped(root), list(known))]
    Unknown {
        /// The name that was given.
        id: String,
        /// The root.
        root: PathBuf,
        /// What there is.
        known: Vec<RunInfo>,
    },
    /// The private directory, or the run in it, cannot be worked with.
    #[error("cannot bring back run `{id}` in `{}`: {reason}", escaped(root))]
    Private {
        /// The name that was given.
        id: String,
        /// The root.
        root: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Undo<'_> {
    /// Brings back what the run kept: with mode, owner and times, over nothing that is there by now.
    ///
    /// One that cannot go back stays in the trash and does not keep the others; a later undo tries again. `watch` is told
    /// before each entry how far it is, and says whether it goes on.
    pub fn run(
        &self,
        now: SystemTime,
        mut watch: impl FnMut(Progress) -> ControlFlow<()> + Send,
    ) -> Result<UndoReport, UndoError> {
        as_user_of(self.run_as, || self.bring_back(now, &mut watch))?
    }

    fn bring_back(&self, now: SystemTime, watch: &mut Watch<'_>) -> Result<UndoReport, UndoError> {
        let root = Root::open(self.root, Trust::Owners).map_err(UndoError::Root)?;
        let mut report = UndoReport::default();
        let Some(private) = Private::find(&root).map_err(|error| self.failed(error))? else {
            return Err(self.unknown(Vec::new()));
        };
        report.recovered = put_right(&private, &root).map_err(|error| self.failed(error))?;
        let runs = private.runs().map_err(|error| self.failed(error))?;
        let Some(total) = runs.iter().find(|run| run.id == self.id).map(|run| run.held) else {
            return Err(self.unknown(runs));
        };
        let mut progress = Progress { total, ..Progress::default() };
        let undone = private.undo(self.id, now, |record| {
            let wanted = self.is_wanted(&root.path().join(&record.path));
            watch(progress)?;
            progress.done += 1;
            ControlFlow::Continue(wanted)
        });
        let undone = undone.map_err(|error| self.refused(&evenkeel_shown::chain(&error)))?;
        (report.left, report.ended) = (undone.left, undone.stopped);
        for entry in undone.entries {
            let path = root.path().join(&entry.path);
            match entry.result {
                Ok(note) => {
                    tracing::info!(path = %escaped(&path), run = self.id, note, "brought back");
                    report.restored.push(Restored { path, note });
                }
                Err(reason) => {
                    tracing::warn!(path = %escaped(&path), run = self.id, reason, "not brought back");
                    report.failed.push(Failed { path, reason: reason.into() });
                }
            }
        }
        Ok(report)
    }

    fn is_wanted(&self, path: &Path) -> bool {
        self.only.is_none_or(|only| path.starts_with(only))
    }

    fn unknown(&self, known: Vec<RunInfo>) -> UndoError {
        UndoError::Unknown { id: self.id.to_owned(), root: self.root.to_owned(), known }
    }

    fn failed(&self, error: io::Error) -> UndoError {
        self.refused(&PrivateError::from(error).to_string())
    }

    fn refused(&self, reason: &str) -> UndoError {
        UndoError::Private {
            id: self.id.to_owned(),
            root: self.root.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

/// The runs that keep something in a root, oldest first. Changes nothing.
pub fn kept(root: &Path, run_as: Option<&str>) -> Result<Vec<RunInfo>, UndoError> {
    as_user_of(run_as, || {
        let opened = Root::open(root, Trust::Owners).map_err(UndoError::Root)?;
        let looked = Private::find(&opened)
            .and_then(|private| private.map_or(Ok(Vec::new()), |private| private.runs()));
        looked.map_err(|error| UndoError::Private {
            id: String::new(),
            root: root.to_owned(),
            reason: PrivateError::from(error).to_string(),
        })
    })?
}

fn as_user_of<T: Send>(
    run_as: Option<&str>,
    work: impl FnOnce() -> T + Send,
) -> Result<T, UndoError> {
    let Some(user) = run_as else { return Ok(work()) };
    let no_user = || io::Error::new(io::ErrorKind::NotFound, "there is no such user");
    let worker = User::find(user).and_then(|found| found.ok_or_else(no_user));
    worker
        .and_then(|worker| as_user(&worker, work))
        .map_err(|source| UndoError::RunAs { user: user.to_owned(), source })
}

fn list(known: &[RunInfo]) -> String {
    if known.is_empty() {
        return "none".to_owned();
    }
    known.iter().map(|run| format!("`{}`", run.id)).collect::<Vec<_>>().join(", ")
}
