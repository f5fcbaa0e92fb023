//! The hot paths as workloads of fixed sizes. `cargo xtask bench gate` runs each below valgrind, which counts the instructions of
//! [`counted_by_callgrind`] alone: what is set up before it is not part of the figure.
//!
//! Instructions and not times: they are the same on a busy machine, and to a per mille from run to run. What the kernel does is not
//! among them.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its output is what xtask reads")]

mod calls;
mod drawn;
mod engine;
mod files;
mod kept;

use std::hint::black_box;
use std::process::ExitCode;

use serde_json::json;

/// One hot path. Its cost is that of one item more: the difference of the two sizes, without what is spent once.
struct Workload {
    name: &'static str,
    /// What one item is.
    item: &'static str,
    small: u32,
    large: u32,
    run: fn(u32),
}

/// Those of 20 and of 200 checks.
const SERIES: [u32; 2] = [20 * drawn::A_CHECK, 200 * drawn::A_CHECK];

const WORKLOADS: [Workload; 15] = [
    Workload::new("breaker", "call that passes", [1_000, 10_000], calls::breaker),
    Workload::new("breaker-open", "refusal", [1_000, 10_000], calls::refusal),
    Workload::new("breaker-failsafe", "call that passes", [1_000, 10_000], calls::failsafe),
    Workload::new("breaker-recloser", "call that passes", [1_000, 10_000], calls::recloser),
    Workload::new("backoff", "delay", [1_000, 10_000], calls::backoff),
    Workload::new("health", "result", [1_000, 10_000], calls::health),
    Workload::new("forecast", "reading", [100, 1_000], calls::forecast),
    Workload::new("engine", "check, in one interval", [100, 1_000], engine::interval),
    Workload::new("names", "name, three globs", [1_000, 10_000], files::names),
    Workload::new("exposition", "series", SERIES, drawn::exposition),
    Workload::new("exposition-same", "series, not changed", SERIES, drawn::exposition_again),
    Workload::new("rules", "series with 60 samples", SERIES, drawn::rules),
    Workload::new("page", "check", [20, 200], drawn::page),
    Workload::new("journal", "line of history", [100, 1_000], kept::journal),
    Workload::new("settings", "check with a recovery", [20, 200], kept::settings),
];

impl Workload {
    const fn new(
        name: &'static str,
        item: &'static str,
        [small, large]: [u32; 2],
        run: fn(u32),
    ) -> Self {
        Self { name, item, small, large, run }
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["list"] => {
            let listed = WORKLOADS.each_ref().map(|workload| {
                let Workload { name, item, small, large, .. } = workload;
                json!({ "name": name, "item": item, "small": small, "large": large })
            });
            println!("{}", json!(listed));
            ExitCode::SUCCESS
        }
        ["run", name, size] => {
            let workload = WORKLOADS.iter().find(|workload| workload.name == name);
            let (Some(workload), Ok(size)) = (workload, size.parse()) else {
                println!("there is no workload `{name}` of size `{size}`");
                return ExitCode::from(2);
            };
            (workload.run)(size);
            ExitCode::SUCCESS
        }
        _ => {
            println!("run by `cargo xtask bench gate`; by hand: `list`, or `run NAME SIZE`");
            ExitCode::SUCCESS
        }
    }
}

/// What is counted. Valgrind is told this name, so nothing else may have it, and it is a function of its own in every build.
#[inline(never)]
fn counted_by_callgrind<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}
