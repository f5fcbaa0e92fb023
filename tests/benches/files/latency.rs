//! How long drift lasts under a watch: from before another process's `chmod` until the mode is seen to be right again.
//!
//! The agent is the built program, as it is; what is inside does not matter here.

use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use evenkeel_tests::{Agent, Daemon, HangingEndpoint, LONG, Scratch, installed, is_root, until};

use crate::args::Args;
use crate::host;
use crate::report::{Burst, Latency, Report};
use crate::tree::Tree;

const FILES: u64 = 1000;
/// Fewer than are taken for a fight about one file.
const TIMES_EACH: usize = 2;
const PROBES: usize = 10;
/// A drift that lasts so long counts as missed.
const MISSED: Duration = Duration::from_secs(10);
/// How long the first repair is waited for before it is asked for again.
const POLL: Duration = Duration::from_millis(100);
/// Lets the agent come to rest, so that the next one finds it idle.
const REST: Duration = Duration::from_millis(2);

pub(crate) fn measure(args: &Args, report: &mut Report) {
    let Some(place) = args.places.first() else { return };
    eprintln!("drift under a watch on {} …", host::filesystem(place));
    report.latencies.push(bare(place));
    report.latencies.push(single(place, "idle", ""));
    if is_root() && installed("setpriv") {
        let start = Agent::start_without_fanotify;
        let watched = Watched::start_by(start, place, FILES, "");
        report.latencies.push(sample(&watched.tree, place, "idle, by inotify", false));
    }
    let hanging: Vec<_> = (0..PROBES).map(|_| HangingEndpoint::start()).collect();
    let probe = |(number, endpoint): (usize, &HangingEndpoint)| {
        format!(
            "[check.hanging-{number}]\nhttp = {{ url = \"{}\" }}\ntimeout = \"4s\"\nretries = 0\ninterval = \"5s\"\n",
            endpoint.url()
        )
    };
    let checks: String = hanging.iter().enumerate().map(probe).collect();
    report.latencies.push(single(place, "10 probes hang", &checks));
    let files = args.up_to.min(100_000);
    report.bursts.push(burst(place, files));
}

/// What the kernel and this machine take by themselves.
fn bare(place: &Path) -> Latency {
    let tree = Tree::new(place, FILES);
    let own = std::env::current_exe().expect("a program knows where it is");
    let args = ["--watch".into(), tree.folder(0).into_os_string()];
    let log = tree.beside().join("watch.log");
    let daemon = Daemon::start("the bare loop", own, args, &log);
    // It is there once it has put one right.
    let file = tree.paths().next().expect("a tree has files");
    until("the bare loop repairs", LONG, || {
        chmod(&file, 0o644);
        lasts(&file, POLL).is_some()
    });
    let latency = sample(&tree, place, "none: bare inotify + chmod", true);
    drop(daemon);
    latency
}

fn single(place: &Path, what: &'static str, checks: &str) -> Latency {
    let watched = Watched::start(place, FILES, checks);
    sample(&watched.tree, place, what, false)
}

fn sample(tree: &Tree, place: &Path, what: &'static str, is_bare: bool) -> Latency {
    let mut micros = Vec::new();
    let mut missed = 0;
    for _ in 0..TIMES_EACH {
        for path in tree.paths() {
            std::thread::sleep(REST);
            match lasts(&path, MISSED) {
                Some(lasted) => micros.push(lasted.as_secs_f64() * 1e6),
                None => missed += 1,
            }
        }
    }
    Latency { is_bare, what, filesystem: host::filesystem(place), micros, missed }
}

/// Many files at once.
fn burst(place: &Path, files: u64) -> Burst {
    let watched = Watched::start(place, files, "");
    let started = Instant::now();
    watched.tree.spoil();
    let spoiled = started.elapsed();
    let deadline = started + MISSED * 6;
    let mut right = 0;
    while right < files && Instant::now() < deadline {
        right = watched.tree.with_mode(0o644);
    }
    let took = started.elapsed();
    Burst { filesystem: host::filesystem(place), files, spoiled, took, missed: files - right }
}

/// An agent that watches a tree.
struct Watched {
    tree: Tree,
    _agent: Agent,
}

impl Watched {
    fn start(place: &Path, files: u64, checks: &str) -> Self {
        Self::start_by(Agent::start, place, files, checks)
    }

    fn start_by(
        start: impl FnOnce(&Scratch, &str) -> Agent,
        place: &Path,
        files: u64,
        checks: &str,
    ) -> Self {
        let tree = Tree::new(place, files);
        let settings = format!(
            "[permissions.bench]\npath = {:?}\nrecursive = true\ndirectory_mode = \"0755\"\n\
             files = [{{ match = \"*.hash\", mode = \"0644\" }}]\nwatch = true\ninterval = \"1h\"\n{checks}",
            tree.root().display().to_string()
        );
        let agent = start(&Scratch::below(tree.beside()), &settings);
        // It answers before it watches.
        let first = tree.paths().next().expect("a tree has files");
        lasts(&first, MISSED)
            .unwrap_or_else(|| panic!("nothing is repaired: {}", agent.daemon.log()));
        Self { tree, _agent: agent }
    }
}

/// Gives one file a wrong mode; how long it keeps it. `None` if longer than `most`.
///
/// What counts is the moment at which the kernel says that the mode changed back, if its clock is fine enough for that
/// (Linux 6.13): who asks again and again is in the way of the repair on that processor, and sees it only once it may run.
fn lasts(path: &Path, most: Duration) -> Option<Duration> {
    let file = File::open(path).expect("it is there");
    let (started, wall) = (Instant::now(), SystemTime::now());
    file.set_permissions(Permissions::from_mode(0o600)).expect("its mode can be set");
    while started.elapsed() < most {
        let metadata = file.metadata().expect("it is open");
        if metadata.mode() & 0o7777 == 0o644 {
            let seen = started.elapsed();
            let changed = Duration::new(
                metadata.ctime().unsigned_abs(),
                u32::try_from(metadata.ctime_nsec()).expect("less than a second"),
            );
            let restored = (SystemTime::UNIX_EPOCH + changed).duration_since(wall);
            return Some(restored.map_or(seen, |restored| restored.min(seen)));
        }
    }
    None
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode can be set");
}
