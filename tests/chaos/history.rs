//! What an agent has written down, read with the `sqlite3` shell: by other eyes than its own.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use evenkeel_tests::{SystemdHost, run};
use serde_json::Value;

use crate::fault::Said;

/// Between two looks: how exactly it is known when something was written.
const POLL: Duration = Duration::from_millis(250);

/// A line of history, and when it was seen here.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) seen: Instant,
    pub(crate) id: i64,
    pub(crate) at_ms: i64,
    pub(crate) kind: String,
    pub(crate) target: String,
    pub(crate) message: String,
}

/// Where a history is.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    File(PathBuf),
    /// A file of a host of its own, where `sqlite3` has to be run: it follows `/proc/PID/root` back to this host.
    Within(Arc<SystemdHost>, &'static str),
}

/// A history that is read as it grows.
#[derive(Debug)]
pub(crate) struct History {
    source: Source,
    lines: Arc<Mutex<Vec<Line>>>,
    ended: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl History {
    pub(crate) fn follow(source: Source) -> Self {
        let (lines, ended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let reader = {
            let (source, lines, ended) = (source.clone(), Arc::clone(&lines), Arc::clone(&ended));
            std::thread::spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    read_on(&source, &lines);
                    std::thread::sleep(POLL);
                }
            })
        };
        Self { source, lines, ended, reader: Some(reader) }
    }

    /// How many lines there are: what comes after them is new.
    pub(crate) fn len(&self) -> usize {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The first line after the first `from` that says this, about the target or a part of it.
    pub(crate) fn find(&self, from: usize, said: Said) -> Option<Line> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let is_about = |line: &&Line| {
            let rest = line.target.strip_prefix(said.target);
            said.kinds.contains(&line.kind.as_str())
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                && line.message.contains(said.words)
        };
        lines.iter().skip(from).find(is_about).cloned()
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The rows that a query gives; `None` if the file cannot be read now.
    pub(crate) fn query(&self, sql: &str) -> Option<Vec<Value>> {
        self.source.query(sql)
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn read_on(source: &Source, lines: &Mutex<Vec<Line>>) {
    let last =
        lines.lock().unwrap_or_else(PoisonError::into_inner).last().map_or(0, |line| line.id);
    let sql = format!(
        "SELECT id, at_ms, kind, target, message FROM events WHERE id > {last} ORDER BY id"
    );
    let rows = source.query(&sql).unwrap_or_default();
    let seen = Instant::now();
    let new = rows.iter().filter_map(|row| {
        let text = |key: &str| row[key].as_str().map(str::to_owned);
        Some(Line {
            seen,
            id: row["id"].as_i64()?,
            at_ms: row["at_ms"].as_i64()?,
            kind: text("kind")?,
            target: text("target")?,
            message: text("message")?,
        })
    });
    lines.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
}

impl Source {
    fn query(&self, sql: &str) -> Option<Vec<Value>> {
        let args = ["-readonly", "-json", "-cmd", ".timeout 2000"].map(AsRef::as_ref).into_iter();
        let asked = match self {
            Self::File(file) => run("sqlite3", args.chain([file.as_os_str(), sql.as_ref()]), None),
            Self::Within(host, file) => {
                let program: &OsStr = "sqlite3".as_ref();
                host.run([program].into_iter().chain(args).chain([file.as_ref(), sql.as_ref()]))
            }
        };
        if asked.code != Some(0) {
            return None;
        }
        // It prints nothing at all for no row.
        let text = asked.stdout.trim();
        if text.is_empty() { Some(Vec::new()) } else { serde_json::from_str(text).ok() }
    }
}
