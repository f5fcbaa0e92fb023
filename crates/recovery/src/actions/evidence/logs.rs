//! The last lines that a program wrote.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use evenkeel_command::{CommandSpec, RunError, run};
use evenkeel_safefs::{Root, Terms, Trust};
use evenkeel_supervisord::{CallError, Channel, Client};
use serde::Serialize;
use tokio::time::Instant;

use super::text::last_lines;
use crate::actions::error::with_source;

/// How many lines are kept of each log.
const LINES: usize = 50;
/// How much of a line is kept.
const LINE: usize = 300;
/// How much of the end of a log is read.
const TAIL: u16 = 16 * 1024;

/// The last lines of one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogTail {
    /// Whose, such as `standard error of program web`.
    pub of: String,
    /// Where it is kept.
    pub file: Option<PathBuf>,
    /// The lines, the oldest first; made printable, cut, and with secrets hidden.
    pub lines: Vec<String>,
}

/// The ends of what a program of supervisord wrote, and what could not be read.
pub(super) async fn of_program(
    socket: &Path,
    program: &str,
    until: Instant,
) -> (Vec<LogTail>, Vec<String>) {
    let client = Client::new(socket);
    let left = || until.saturating_duration_since(Instant::now());
    let logs = match client.logs(program, left()).await {
        Ok(logs) => logs,
        Err(error) => {
            return (Vec::new(), vec![format!("logs of `{program}`: {}", of_call(&error))]);
        }
    };
    let (mut tails, mut missing) = (Vec::new(), Vec::new());
    let both = [
        ("standard output", logs.stdout, Channel::Stdout),
        ("standard error", logs.stderr, Channel::Stderr),
    ];
    for (name, file, channel) in both {
        let Some(file) = file else { continue };
        let of = format!("{name} of program {program}");
        // The file itself first: supervisord fails, and writes a traceback, at a byte that is not UTF-8. But what another user's supervisord names may be a
        // file that he may not read: he is to read it himself.
        let opened = if logs.speaks_for_all {
            end_of(file.clone(), until).await
        } else {
            Err("named by a supervisord of another user, and left to it".to_owned())
        };
        let read = match opened {
            Ok(read) => Ok(read),
            Err(why) => client
                .log_tail(program, channel, TAIL, left())
                .await
                .map(|text| (text.into_bytes(), false))
                .map_err(|error| format!("{of}: {why}; {}", of_call(&error))),
        };
        match read {
            Ok((text, whole)) => {
                let lines = last_lines(&text, LINES, LINE, whole);
                tails.push(LogTail { of, file: Some(file), lines });
            }
            Err(why) => missing.push(why),
        }
    }
    (tails, missing)
}

/// The last lines of a unit in systemd's journal.
pub(super) async fn of_unit(unit: &str, until: Instant) -> (Vec<LogTail>, Vec<String>) {
    let lines = LINES.to_string();
    let argv = [
        "journalctl",
        "--quiet",
        "--no-pager",
        "--output",
        "short-iso",
        "--lines",
        &lines,
        "--unit",
        unit,
    ];
    let mut command = CommandSpec::new(argv).env("LC_ALL", "C");
    command.output_limit = usize::from(TAIL) * 2;
    let left = until.saturating_duration_since(Instant::now());
    let of = format!("journal of unit {unit}");
    match run(&command, left).await {
        Ok(completed) if completed.success() => {
            let lines = last_lines(&completed.stdout, LINES, LINE, true);
            (vec![LogTail { of, file: None, lines }], Vec::new())
        }
        Ok(completed) => (Vec::new(), vec![format!("{of}: {}", completed.ending())]),
        // A host without systemd's journal.
        Err(RunError::NotFound { .. }) => (Vec::new(), Vec::new()),
        Err(error) => (Vec::new(), vec![format!("{of}: {}", with_source(&error))]),
    }
}

/// The end of a file, and whether it is the whole of it.
///
/// The path may lead through directories that others can write: nothing but a regular file is opened, by no link.
async fn end_of(path: PathBuf, until: Instant) -> Result<(Vec<u8>, bool), String> {
    let (tell, told) = tokio::sync::oneshot::channel();
    // Not on a thread that the runtime waits for: a disk that hangs must not hold up the end of the agent.
    let started = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
        // Nobody waits any more.
        let _ = tell.send(read_end(&path));
    });
    started.map_err(|error| error.to_string())?;
    match tokio::time::timeout_at(until, told).await {
        Ok(Ok(read)) => read,
        _ => Err("not read in time".to_owned()),
    }
}

fn read_end(path: &Path) -> Result<(Vec<u8>, bool), String> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err("not the path of a file".to_owned());
    };
    let text = |error: &dyn std::error::Error| with_source(error);
    let root = Root::open(folder, Trust::Owners).map_err(|error| text(&error))?;
    let terms = Terms { mnt_id: root.metadata().identity.mnt_id, owners: None };
    let pinned = root.dir().pin(name).map_err(|error| text(&error))?;
    let judged = pinned.judge(&terms).map_err(|error| text(&error))?;
    let mut file = judged.reader().map_err(|error| text(&error))?;
    let length = file.seek(SeekFrom::End(0)).map_err(|error| text(&error))?;
    let start = length.saturating_sub(TAIL.into());
    file.seek(SeekFrom::Start(start)).map_err(|error| text(&error))?;
    let mut end = Vec::new();
    file.take(TAIL.into()).read_to_end(&mut end).map_err(|error| text(&error))?;
    Ok((end, start == 0))
}

fn of_call(error: &CallError) -> String {
    with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a scratch directory of its own")]
    fn only_the_end_of_a_regular_file_is_read() {
        let scratch = tempfile::tempdir().unwrap();
        let log = scratch.path().join("log");
        std::fs::write(&log, vec![b'x'; 100_000]).unwrap();
        assert_eq!(read_end(&log), Ok((vec![b'x'; TAIL.into()], false)));
        std::fs::write(&log, "short").unwrap();
        assert_eq!(read_end(&log), Ok((b"short".to_vec(), true)));
        let link = scratch.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(read_end(&link).is_err(), "a link is not followed");
        let fifo = scratch.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        assert!(read_end(&fifo).is_err(), "and nothing is waited for");
    }
}
