use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_moment::Moment;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;

use crate::{Entry, Filter, Intent, Journal, OpenError, Reader, Stamp};

mod curves;
mod documented;
mod killed;
mod older;
mod opening;
mod pruning;
mod records;
mod standing;
mod stretches;

struct Scratch {
    _scratch: TempDir,
    state_dir: PathBuf,
}

impl Scratch {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        Self { state_dir: scratch.path().join("state"), _scratch: scratch }
    }

    /// A journal of which nothing was lost.
    fn journal(&self) -> Journal {
        let (journal, findings) = Journal::open(&self.state_dir, at(0)).unwrap();
        assert_eq!(findings, []);
        journal
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.state_dir).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.state_dir.join(crate::FILE_NAME)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.state_dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(days * 24)
}

fn entry<'a>(kind: &'a str, target: &'a str) -> Entry<'a> {
    Entry { kind, target, incident: None, message: "a line", data: json!({ "n": 1 }) }
}

fn intent(target: &str, wall: Timestamp, boot_id: &str) -> Intent {
    Intent {
        incident: 1,
        target: target.to_owned(),
        step: 0,
        attempt: 2,
        action: "restart".to_owned(),
        boot_id: boot_id.to_owned(),
        boottime: Moment::from_nanos(123_456_789),
        wall,
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
