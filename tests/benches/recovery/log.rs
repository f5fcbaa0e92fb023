//! When a log got which line: seen from outside, in the same way for every tool.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How exactly times are known.
const POLL: Duration = Duration::from_millis(5);

/// A log that is being read as it grows.
#[derive(Debug)]
pub(crate) struct Log {
    stop: mpsc::Sender<()>,
    reader: JoinHandle<Vec<(Instant, String)>>,
}

impl Log {
    pub(crate) fn watch(path: PathBuf) -> Self {
        let (stop, stopped) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut lines = Vec::new();
            let mut seen = 0;
            loop {
                let ends = stopped.recv_timeout(POLL) != Err(RecvTimeoutError::Timeout);
                let now = Instant::now();
                let text = fs::read(&path).unwrap_or_default();
                let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let new = String::from_utf8_lossy(text.get(seen..whole).unwrap_or_default());
                lines.extend(new.lines().map(|line| (now, line.to_owned())));
                seen = whole;
                if ends {
                    return lines;
                }
            }
        });
        Self { stop, reader }
    }

    /// Everything that was written, with when it was seen.
    pub(crate) fn end(self) -> Vec<(Instant, String)> {
        drop(self.stop);
        self.reader.join().unwrap_or_default()
    }
}
