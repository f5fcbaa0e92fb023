//! What a process looks like, and where it is kept while it is looked at.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_process::{Identity, LookError, Pressure, Process, Resource};
use serde::Serialize;
use tokio::sync::oneshot;

use super::text::{shown, shown_arguments};

const THREADS: usize = 16;
const CALLS: usize = 24;
const FILES: usize = 16;
const ARGUMENTS: usize = 4096;
/// How much of a path or an argument list is kept.
const SHOWN: usize = 400;
/// Looks that hang in the kernel; beyond as many no other is begun.
const HANGING: usize = 16;

/// Adds one thing to what was seen.
type Step = fn(&Process, &mut ProcessSeen) -> Result<(), LookError>;

static LOOKING: AtomicUsize = AtomicUsize::new(0);

/// A process, before an action changes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ProcessSeen {
    /// Its number.
    pub pid: u32,
    /// The name of its program.
    pub name: String,
    /// What it does: `running`, `sleeping`, `disk-sleep` (no signal reaches it), `stopped`, `zombie`, …
    pub state: &'static str,
    /// For how long it runs.
    pub age_seconds: f64,
    /// Whether its cgroup is frozen.
    #[serde(skip_serializing_if = "is_false")]
    pub frozen: bool,
    /// How many of its threads do what.
    pub threads: BTreeMap<&'static str, u64>,
    /// Some threads, and where in the kernel they are.
    pub waiting: Vec<ThreadSeen>,
    /// What it has open.
    pub descriptors: Option<DescriptorsSeen>,
    /// Its limits that are not infinite: `soft`, or `soft (up to hard)`.
    pub limits: BTreeMap<String, String>,
    /// The cgroup that counts its memory.
    pub cgroup: Option<CgroupSeen>,
    /// Its memory.
    pub memory: Option<MemorySeen>,
    /// Its arguments, with secrets hidden.
    pub command: Option<String>,
}

/// One thread.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ThreadSeen {
    /// Its number.
    pub tid: u32,
    /// Its name.
    pub name: String,
    /// What it does.
    pub state: &'static str,
    /// The function of the kernel in which it waits.
    pub wait_channel: Option<String>,
    /// The calls inside the kernel, the innermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kernel_stack: Vec<String>,
}

/// Open descriptors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DescriptorsSeen {
    /// How many.
    pub open: u64,
    /// How many of each kind.
    pub by_kind: BTreeMap<String, u64>,
    /// The files that most of them are open on.
    pub most_open: Vec<(String, u64)>,
    /// Whether there are more than were looked at.
    pub more: bool,
}

/// A cgroup.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CgroupSeen {
    /// Its path in the hierarchy.
    pub path: String,
    /// What is charged to it.
    pub memory_bytes: Option<u64>,
    /// How much it may have.
    pub memory_limit_bytes: Option<u64>,
    /// How many of its processes the kernel ended for want of memory.
    pub oom_kills: Option<u64>,
    /// Percent of the last ten seconds in which some task of it waited, by resource.
    pub pressure: BTreeMap<&'static str, f64>,
}

/// Memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MemorySeen {
    /// Resident, shared pages included.
    pub rss_bytes: u64,
    /// Resident, shared pages in equal parts.
    pub pss_bytes: Option<u64>,
    /// Swapped out.
    pub swap_bytes: u64,
    /// Address space of the heap, and of memory without a file.
    pub heap_bytes: Option<u64>,
    /// Address space of memory without a file besides the heap and the first stack.
    pub anonymous_bytes: Option<u64>,
    /// How many mappings there are.
    pub mappings: Option<u64>,
    /// The largest mapped files.
    pub largest_files: Vec<(String, u64)>,
}

/// A look that is under way; what it has seen so far can be taken at any time.
pub(super) struct Look {
    kept: Arc<Mutex<Kept>>,
    pub(super) done: oneshot::Receiver<()>,
}

#[derive(Debug, Default)]
struct Kept {
    seen: Option<ProcessSeen>,
    missing: Vec<String>,
}

/// Starts to look at a process, on a thread of its own: reading the memory map of a process that hangs in the kernel can
/// hang as well, and then only that thread does. `Err`: why there is nothing to look at.
pub(super) fn look(identity: Identity) -> Result<Look, String> {
    if LOOKING.fetch_add(1, Ordering::SeqCst) >= HANGING {
        LOOKING.fetch_sub(1, Ordering::SeqCst);
        return Err("earlier looks at processes hang in the kernel".to_owned());
    }
    let kept = Arc::new(Mutex::new(Kept::default()));
    let (tell, done) = oneshot::channel();
    let shared = Arc::clone(&kept);
    let started = std::thread::Builder::new()
        .name("evidence".to_owned())
        .stack_size(256 * 1024)
        .spawn(move || {
            see(identity, &shared);
            LOOKING.fetch_sub(1, Ordering::SeqCst);
            // Nobody waits any more.
            let _ = tell.send(());
        });
    match started {
        Ok(_) => Ok(Look { kept, done }),
        Err(error) => {
            LOOKING.fetch_sub(1, Ordering::SeqCst);
            Err(format!("no thread to look with: {error}"))
        }
    }
}

impl Look {
    /// What has been seen by now, and what could not be.
    pub(super) fn take(&self) -> (Option<ProcessSeen>, Vec<String>) {
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        (kept.seen, kept.missing)
    }
}

/// What cannot hang comes first: the memory map of a process takes a lock that a process which hangs may hold.
fn see(identity: Identity, kept: &Mutex<Kept>) {
    let note = |change: &mut dyn FnMut(&mut Kept)| {
        change(&mut kept.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let process = match Process::open_exactly(identity) {
        Ok(process) => process,
        Err(error) => return note(&mut |kept| kept.missing.push(error.to_string())),
    };
    let steps: [Step; 8] = [state, threads, descriptors, limits, cgroup, memory, maps, command];
    let mut seen = ProcessSeen { pid: identity.pid, ..ProcessSeen::default() };
    for step in steps {
        let looked = step(&process, &mut seen);
        note(&mut |kept| {
            kept.seen = Some(seen.clone());
            if let Err(error) = &looked {
                kept.missing.push(error.to_string());
            }
        });
        if looked.is_err_and(|error| error.is_gone()) {
            return;
        }
    }
}

fn state(process: &Process, seen: &mut ProcessSeen) -> Result<(), LookError> {
    let stat = process.stat()?;
    seen.name = stat.shown_name();
    seen.state = stat.state.as_str();
    seen.age_seconds = stat.identity.age(evenkeel_process::uptime()).as_secs_f64();
    Ok(())
}

fn threads(process: &Process, seen: &mut ProcessSeen) -> Result<(), LookError> {
    let threads = process.threads(THREADS)?;
    seen.threads = threads.states;
    let thread = |thread: evenkeel_process::Thread| ThreadSeen {
        tid: thread.tid,
        name: thread.name,
        state: thread.state.as_str(),
        wait_channel: thread.wait_channel,
        kernel_stack: thread.kernel_stack.into_iter().take(CALLS).collect(),
    };
    seen.waiting = threads.some.into_iter().map(thread).collect();
    Ok(())
}

fn descriptors(process: &Process, seen: &mut ProcessSeen) -> Result<(), LookError> {
    let found = process.open_files(FILES)?;
    let cut = |(path, count): (String, u64)| (shown(path.as_bytes(), SHOWN), count);
    seen.descriptors = Some(DescriptorsSeen {
        open: found.open,
        by_kind: found.kinds,
        most_open: found.most.into_iter().map(cut).collect(),
        more: found.cut,
    });
    Ok(())
}

fn limits(process: &Process, seen: &mut ProcessSeen) -> Result<(), LookError> {
    let text = |soft: String, hard: String| {
        if soft == hard { soft } else { format!("{soft} (up to {hard})") }
    };
    seen.limits = process
        .limits()?
        .into_iter()
        .filter(|(_, soft, _)| soft != "unlimited")
        .map(|(name, soft, hard)| (name, text(soft, hard)))
        .collect();
    Ok(())
}

fn cgroup(process: &Process, seen: &mut ProcessSeen) -> Result<(), LookError> {
    let cgroups = process.cgroups()?;
    seen.frozen = cgroups.is_frozen();
    // Without a controller for memory, the place still says where the process belongs.
    let Some(place) = cgroups.memory.as_ref().or(cgroups.systemd.as_ref()) else { return Ok(()) };
    let memory = place.memory().ok();
    let pressure = [Resource::Cpu, Resource::Memory, Resource::Io].into_iter().filter_map(|of| {
        let pressure = cgroups.unified.as_ref()?.pressure(of).ok()?;
        Some((of.as_str(), pressure.some_avg10))
    });
    seen.cgroup = Some(CgroupSeen {
        path: shown(place.path().as_bytes(), SHOWN),
        memory_bytes: memory.as_ref().map(|memory| memory.current_bytes),
        memory_limit_bytes: memory.as_ref().and_then(|memory| memory.limit_bytes),
        oom_kills: memory.and_then(|memory| memory.oom_kills),
        pressure: pressure.collect(),
    });
    Ok(())
}

fn memory(process: &Process, seen: &mut ProcessSeen) -> Result<(), LookError> {
    let memory = process.memory()?;
    seen.memory = Some(MemorySeen {
        rss_bytes: memory.rss_bytes,
        pss_bytes: memory.pss_bytes,
        swap_bytes: memory.swap_bytes,
        ..MemorySeen::default()
    });
    Ok(())
}

fn maps(process: &Process, seen: &mut ProcessSeen) -> Result<(), LookError> {
    let maps = process.maps()?;
    let cut = |(path, bytes): (String, u64)| (shown(path.as_bytes(), SHOWN), bytes);
    if let Some(memory) = &mut seen.memory {
        memory.heap_bytes = Some(maps.heap_bytes);
        memory.anonymous_bytes = Some(maps.anonymous_bytes);
        memory.mappings = Some(maps.mappings);
        memory.largest_files = maps.files.into_iter().map(cut).collect();
    }
    Ok(())
}

fn command(process: &Process, seen: &mut ProcessSeen) -> Result<(), LookError> {
    let arguments = process.arguments(ARGUMENTS)?;
    seen.command = Some(shown_arguments(&arguments, SHOWN)).filter(|text| !text.is_empty());
    Ok(())
}

/// The pressure on the whole host: percent of the last ten seconds in which some task waited.
pub(super) fn pressure_of_host() -> BTreeMap<&'static str, f64> {
    let of = |resource| Some((Resource::as_str(resource), Pressure::of_host(resource).ok()?));
    let all = [Resource::Cpu, Resource::Memory, Resource::Io].into_iter().filter_map(of);
    all.map(|(name, pressure)| (name, pressure.some_avg10)).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}
