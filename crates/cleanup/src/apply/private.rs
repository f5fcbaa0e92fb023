use std::io;
use std::time::SystemTime;

use evenkeel_safefs::{Private, Returned, Root, escaped};

use super::report::{Recovered, Report};

/// Why the private directory of a root cannot be worked in.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrivateError {
    #[error("another run is at work in this root")]
    Busy,
    #[error("cannot work in the private directory of the root: {0}")]
    Io(io::Error),
}

/// The private directory of the root, made if it is `needed`; what killed runs left in it has been put right.
pub(super) fn private_directory<'r>(
    root: &'r Root,
    needed: bool,
    report: &mut Report,
) -> Result<Option<Private<'r>>, PrivateError> {
    let opened =
        if needed { Private::open(root).map(Some) } else { Private::find(root) }.map_err(told)?;
    let Some(private) = opened else { return Ok(None) };
    for recovered in private.recover().map_err(told)? {
        let outcome = match recovered.outcome {
            Returned::InPlace => "back in its place".to_owned(),
            Returned::Replaced => "its compressed copy was in place; it is gone".to_owned(),
            Returned::Kept { reason } => format!("still in the private directory: {reason}"),
        };
        let (path, run) = (root.path().join(&recovered.path), recovered.id);
        tracing::warn!(
            path = %escaped(&path),
            run,
            outcome,
            "an earlier run was killed with this entry in its hands"
        );
        report.recovered.push(Recovered { path, run, outcome });
    }
    Ok(Some(private))
}

/// The time in a name: `20261125T072301Z`.
pub(super) fn run_id(now: SystemTime) -> String {
    humantime::format_rfc3339_seconds(now)
        .to_string()
        .chars()
        .filter(|char| !matches!(char, '-' | ':'))
        .collect()
}

fn told(error: io::Error) -> PrivateError {
    match error.kind() {
        io::ErrorKind::ResourceBusy => PrivateError::Busy,
        _ => PrivateError::Io(error),
    }
}
