use std::collections::BTreeMap;

use rustix::fs::{Dir, Mode, OFlags, openat};

use crate::read::read_at;
use crate::{LookError, Process, State, stat};

const SMALL: usize = 16 * 1024;
/// How many threads are looked at; a process with more has a fault that its first thousands show.
const THREADS: usize = 4096;

/// One thread of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Its number; the first thread has that of the process.
    pub tid: u32,
    /// Its name, with everything escaped that does not print.
    pub name: String,
    /// What it does.
    pub state: State,
    /// Where in the kernel it waits, as far as the kernel says.
    pub wait_channel: Option<String>,
    /// The calls inside the kernel that it is in, the innermost first; empty where the kernel does not say, which takes
    /// `CAP_SYS_ADMIN`.
    pub kernel_stack: Vec<String>,
}

/// The threads of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Threads {
    /// How many threads do what.
    pub states: BTreeMap<&'static str, u64>,
    /// Some of them: first those that no signal reaches, then by number.
    pub some: Vec<Thread>,
    /// Whether there are more than were looked at.
    pub cut: bool,
}

impl Process {
    /// What its threads do; `limit` of them are looked at closely.
    pub fn threads(&self, limit: usize) -> Result<Threads, LookError> {
        let fail = |errno| LookError::of(self.what("task"), errno);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(self.dir(), "task", flags, Mode::empty()).map_err(fail)?;
        let mut threads = Threads::default();
        let mut found = Vec::new();
        for entry in Dir::read_from(&dir).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let name = String::from_utf8_lossy(entry.file_name().to_bytes()).into_owned();
            if name.parse::<u32>().is_err() {
                continue;
            }
            if found.len() == THREADS {
                threads.cut = true;
                break;
            }
            // One that ended meanwhile is no loss.
            let Ok(text) = read_at(&dir, &format!("{name}/stat"), SMALL) else { continue };
            if let Some(stat) = stat::parse(&text.bytes) {
                *threads.states.entry(stat.state.as_str()).or_default() += 1;
                found.push(stat);
            }
        }
        found.sort_by_key(|stat| (stat.state != State::DiskSleep, stat.identity.pid));
        threads.some = found
            .into_iter()
            .take(limit)
            .map(|stat| {
                let tid = stat.identity.pid;
                let read = |name: &str| {
                    let text = read_at(&dir, &format!("{tid}/{name}"), SMALL).ok();
                    text.map(|text| text.lossy().into_owned()).unwrap_or_default()
                };
                let wait_channel = read("wchan").trim().escape_default().to_string();
                let stack = read("stack");
                Thread {
                    tid,
                    name: stat.shown_name(),
                    state: stat.state,
                    wait_channel: Some(wait_channel).filter(|at| !at.is_empty() && at != "0"),
                    kernel_stack: stack.lines().map(call).collect(),
                }
            })
            .collect();
        Ok(threads)
    }
}

/// `[<0>] do_wait+0x5f/0xb0` without the address, which is 0 for whoever may not know it.
fn call(line: &str) -> String {
    let call = line.split_once("] ").map_or(line, |(_, call)| call);
    call.escape_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_of_ours_is_counted() {
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let second = std::thread::spawn(move || told.recv());
        let threads = Process::open(std::process::id()).unwrap().threads(1).unwrap();
        assert!(threads.states.values().sum::<u64>() >= 2, "{threads:?}");
        assert_eq!((threads.some.len(), threads.cut), (1, false));
        drop(tell);
        second.join().unwrap().unwrap_err();
    }

    #[test]
    fn a_call_is_shown_without_its_address() {
        assert_eq!(call("[<0>] do_wait+0x5f/0xb0"), "do_wait+0x5f/0xb0");
        assert_eq!(call("odd\u{1b}"), "odd\\u{1b}");
    }
}
