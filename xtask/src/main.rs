//! Checks of the workspace.
//!
//! `cargo xtask test` installs what the tests need and runs them all; `cargo xtask ci` runs everything a change must pass.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its output is what a person or a CI log reads")]
#![expect(
    clippy::disallowed_methods,
    reason = "it reads the work tree it is built from; nobody else writes there"
)]

mod bench;
mod ci;
mod deny;
mod invariants;
mod process;
mod shipped;
mod test;
mod trial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [-- ARGS]            install what the tests need, build the programs, run every test; ARGS go to `cargo test`
  ci [--except STEP]...     everything a change must pass: fmt, clippy, doc, test, features, orders, invariants, shipped, deny
  ci --only STEP            that step alone
  bench breaker             what a call costs its circuit breaker; fails when a figure that must hold is missed
  bench journal             what the history costs; fails when a figure that must hold is missed
  bench trend               what a reading costs a forecast of a leak
  bench metrics [FLAG]...   how long a scraper waits for a page of 10,000 series; fails when a figure that must hold is missed
  bench recovery [FLAG]...  how soon faults are healed, and by how many actions; `--peers` measures Monit at the same time
  bench files [FLAG]...     what the programs cost beside others; fails when a figure that must hold is missed; `bench` tells more
  chaos [FLAG]...           faults by a seed against a real agent and real daemons; fails when anything that must hold did not; docs/chaos.md
  soak [FLAG]...            a real agent with a hundred times the ordinary events; fails when it grows; docs/soak.md
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        ["test"] => test::run(&[]),
        ["test", "--", more @ ..] => test::run(more),
        ["ci", flags @ ..] => match ci::Selection::from_flags(flags) {
            Ok(selection) => ci::run(&selection),
            Err(problem) => return usage(&problem),
        },
        ["bench", "files", flags @ ..] => bench::files(flags),
        ["bench", "metrics", flags @ ..] => bench::metrics(flags),
        ["bench", "recovery", flags @ ..] => bench::recovery(flags),
        ["bench", "breaker"] => bench::breaker(),
        ["bench", "journal"] => bench::journal(),
        ["bench", "page"] => bench::page(),
        ["bench", "trend"] => bench::trend(),
        ["bench"] => {
            println!("usage: cargo xtask bench <what> [FLAG]...\n\n{}", bench::BENCHES);
            Ok(())
        }
        ["chaos", flags @ ..] => trial::chaos(flags),
        ["soak", flags @ ..] => trial::soak(flags),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        [] => return usage("no command given"),
        [other, ..] => return usage(&format!("`{other}` is not understood")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn usage(problem: &str) -> ExitCode {
    println!("xtask: {problem}\n\n{USAGE}");
    ExitCode::from(2)
}

/// The top of the work tree.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is one folder below the top")
        .to_owned()
}

/// What a step found wrong, as one person reads it.
type Outcome = Result<(), String>;
