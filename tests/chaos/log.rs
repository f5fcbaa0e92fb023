//! Logs whose every line is counted while a rule cuts them.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A writer with `O_APPEND` that numbers its lines: slowly, or as a flood.
#[derive(Debug)]
pub(crate) struct Flood {
    path: PathBuf,
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    fast: AtomicBool,
    ended: AtomicBool,
    written: AtomicU64,
}

impl Flood {
    pub(crate) fn start(path: PathBuf) -> Self {
        let shared = Arc::new(Shared::default());
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .expect("an own log can be opened");
        let theirs = Arc::clone(&shared);
        let writer = std::thread::spawn(move || {
            while !theirs.ended.load(Ordering::Relaxed) {
                let fast = theirs.fast.load(Ordering::Relaxed);
                for _ in 0..if fast { 500 } else { 1 } {
                    let number = theirs.written.load(Ordering::Relaxed) + 1;
                    let line = format!("{} {number}\n", std::process::id());
                    if file.write_all(line.as_bytes()).is_ok() {
                        theirs.written.store(number, Ordering::Relaxed);
                    }
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        Self { path, shared, writer: Mutex::new(Some(writer)) }
    }

    pub(crate) fn is_fast(&self, fast: bool) {
        self.shared.fast.store(fast, Ordering::Relaxed);
    }

    /// What it takes on disk: a filesystem that cannot take out blocks leaves a hole in their place.
    pub(crate) fn bytes(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.blocks() * 512)
    }

    pub(crate) fn written(&self) -> u64 {
        self.shared.written.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = writer.join();
        }
    }

    /// Ends the writer, and says what is lost of what it wrote.
    pub(crate) fn end(&self) -> Vec<String> {
        self.stop();
        let mut lost = lost(&self.path);
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let end = text.lines().last().and_then(|line| line.split_once(' ')?.1.parse().ok());
        if end != Some(self.written()) {
            lost.push(format!(
                "{}: {} lines written, the last is {end:?}",
                self.path.display(),
                self.written()
            ));
        }
        lost
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What is lost within a log of `WRITER NUMBER` lines: the head may be cut off at a line; after that each number of a writer follows
/// the one before, and a new writer begins with 1.
pub(crate) fn lost(path: &Path) -> Vec<String> {
    let text = match fs::read(path) {
        Ok(text) if !text.is_empty() => text,
        Ok(_) => return vec![format!("{}: is empty", path.display())],
        Err(error) => return vec![format!("{}: {error}", path.display())],
    };
    lost_of(&text).into_iter().map(|what| format!("{}: {what}", path.display())).collect()
}

fn lost_of(text: &[u8]) -> Vec<String> {
    // The last line may be under way.
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // A filesystem that cannot take out blocks keeps a hole in their place.
    let begin = text.iter().position(|byte| *byte != 0).unwrap_or(0).min(whole);
    let mut found = Vec::new();
    let mut before: Option<(u64, u64)> = None;
    for line in text[begin..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        // What a cut at a block leaves of a line is blanked, and stands at the head.
        if before.is_none() && line.iter().all(|byte| *byte == b' ') {
            continue;
        }
        let line = String::from_utf8_lossy(line);
        let read = |words: Option<(&str, &str)>| {
            let (writer, number) = words?;
            Some((writer.parse().ok()?, number.parse().ok()?))
        };
        let Some((writer, number)) = read(line.split_once(' ')) else {
            found.push(format!("a line that nobody wrote: `{line}`"));
            continue;
        };
        let follows = match before {
            None => true,
            Some((same, last)) if same == writer => number == last + 1,
            Some(_) => number == 1,
        };
        if !follows {
            found.push(format!("`{line}` after {before:?}"));
        }
        before = Some((writer, number));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_and_a_torn_line_are_lost_lines_and_a_cut_head_is_not() {
        assert_eq!(lost_of(b"7 3\n7 4\n8 1\n8 2\n8 "), Vec::<String>::new());
        assert_eq!(lost_of(b"\0\0\x007 3\n7 4\n"), Vec::<String>::new());
        assert_eq!(lost_of(b"   \n7 3\n7 4\n"), Vec::<String>::new());
        assert_eq!(lost_of(b"7 3\n  \n7 4\n").len(), 1);
        assert_eq!(lost_of(b"7 3\n7 5\n").len(), 1);
        assert_eq!(lost_of(b"7 3\n8 2\n").len(), 1);
        assert_eq!(lost_of(b"7 3\n\0\x007 4\n").len(), 1);
    }
}
