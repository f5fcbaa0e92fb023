use std::io;
use std::ops::ControlFlow;
use std::time::SystemTime;

use evenkeel_safefs::{Private, Returned, Root, escaped};
use evenkeel_shown::said::{CleanupCode, Said, Task};

use super::cannot;
use super::report::{Failed, Recovered, Report};
use super::{Progress, Watch};

/// Why the private directory of a root cannot be worked in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrivateError {
    #[error("another run is at work in this root")]
    Busy,
    #[error("cannot work in the private directory of the root: {0}")]
    Io(io::Error),
}

impl PrivateError {
    /// The error as a value.
    pub(super) fn said(&self) -> Said {
        let text = self.to_string();
        match self {
            Self::Busy => Said::new(text, CleanupCode::AnotherRun),
            Self::Io(error) => {
                Said::because(text, CleanupCode::Cannot(Task::WorkInPrivate), &error)
            }
        }
    }
}

/// The private directory of the root, made if it is `needed`; what killed runs left in it has been put right.
pub(super) fn private_directory<'r>(
    root: &'r Root,
    needed: bool,
    recovered: &mut Vec<Recovered>,
) -> Result<Option<Private<'r>>, PrivateError> {
    let opened = if needed { Private::open(root).map(Some) } else { Private::find(root) };
    let Some(private) = opened? else { return Ok(None) };
    recovered.extend(put_right(&private, root)?);
    Ok(Some(private))
}

/// Brings back what runs that were killed had in their hands.
pub(crate) fn put_right(private: &Private<'_>, root: &Root) -> Result<Vec<Recovered>, io::Error> {
    let all = private.recover()?.into_iter().map(|recovered| {
        let outcome = match recovered.outcome {
            Returned::InPlace => "back in its place".to_owned(),
            Returned::Replaced => "gone: its compressed copy was in place".to_owned(),
            Returned::Kept { reason } => format!("still in the private directory: {reason}"),
        };
        let (path, run) = (root.path().join(&recovered.path), recovered.id);
        tracing::warn!(
            path = %escaped(&path),
            run,
            outcome,
            "an earlier run was killed with this entry in its hands"
        );
        Recovered { path, run, outcome }
    });
    Ok(all.collect())
}

/// Removes what was in the trash for its term.
pub(super) fn purge(
    private: &Private<'_>,
    root: &Root,
    now: SystemTime,
    watch: &mut Watch<'_>,
    report: &mut Report,
) -> ControlFlow<()> {
    let mut ended = ControlFlow::Continue(());
    let result = private.purge(now, |run, record, removed| {
        let path = root.path().join(&record.path);
        match removed {
            Ok(removed) => {
                tracing::info!(path = %escaped(&path), run, "gone from the trash for good");
                report.purged.entries += removed.entries;
                report.purged.bytes = report.purged.bytes.saturating_add(removed.bytes);
            }
            Err(error) => {
                let text = format!("cannot remove it from the trash of run `{run}`: {error}");
                tracing::warn!(path = %escaped(&path), reason = text, "still in the trash");
                let code = CleanupCode::CannotEmptyTrash { run: run.to_owned() };
                let reason = Said::because(text, code, &error);
                report.failed.push(Failed { path, reason });
            }
        }
        ended = watch(Progress::default());
        ended
    });
    if let Err(error) = result {
        let reason = cannot(Task::LookThroughTrash, &error);
        tracing::warn!(root = %escaped(root.path()), reason = reason.text());
        report.failed.push(Failed { path: root.path().to_owned(), reason });
    }
    ended
}

/// The time in a name: `20261125T072301Z`.
pub(super) fn run_id(now: SystemTime) -> String {
    humantime::format_rfc3339_seconds(now)
        .to_string()
        .chars()
        .filter(|char| !matches!(char, '-' | ':'))
        .collect()
}

impl From<io::Error> for PrivateError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ResourceBusy => Self::Busy,
            _ => Self::Io(error),
        }
    }
}
