//! How long drift lasts under a watch: from before another process's `chmod` until the mode is seen to be right again.
//!
//! The agent is the built program, as it is; what is inside does not matter here.

use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_tests::{Agent, HangingEndpoint, Scratch};

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
/// Lets the agent come to rest, so that the next one finds it idle.
const REST: Duration = Duration::from_millis(2);

pub(crate) fn measure(args: &Args, report: &mut Report) {
    let Some(place) = args.places.first() else { return };
    eprintln!("drift under a watch on {} …", host::filesystem(place));
    report.latencies.push(single(place, "idle", ""));
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

fn single(place: &Path, what: &'static str, checks: &str) -> Latency {
    let watched = Watched::start(place, FILES, checks);
    let mut micros = Vec::new();
    let mut missed = 0;
    for _ in 0..TIMES_EACH {
        for path in watched.tree.paths() {
            std::thread::sleep(REST);
            match lasts(&path) {
                Some(lasted) => micros.push(lasted.as_secs_f64() * 1e6),
                None => missed += 1,
            }
        }
    }
    Latency { what, filesystem: host::filesystem(place), micros, missed }
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
        let tree = Tree::new(place, files);
        let settings = format!(
            "[permissions.bench]\npath = {:?}\nrecursive = true\ndirectory_mode = \"0755\"\n\
             files = [{{ match = \"*.hash\", mode = \"0644\" }}]\nwatch = true\ninterval = \"1h\"\n{checks}",
            tree.root().display().to_string()
        );
        let agent = Agent::start(&Scratch::below(tree.beside()), &settings);
        // It answers before it watches.
        let first = tree.paths().next().expect("a tree has files");
        lasts(&first).unwrap_or_else(|| panic!("nothing is repaired: {}", agent.daemon.log()));
        Self { tree, _agent: agent }
    }
}

/// Gives one file a wrong mode; how long it keeps it. `None` if too long.
fn lasts(path: &Path) -> Option<Duration> {
    let file = File::open(path).expect("it is there");
    let started = Instant::now();
    file.set_permissions(Permissions::from_mode(0o600)).expect("its mode can be set");
    while started.elapsed() < MISSED {
        let mode = file.metadata().expect("it is open").mode();
        if mode & 0o7777 == 0o644 {
            return Some(started.elapsed());
        }
    }
    None
}
