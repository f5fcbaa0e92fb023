//! Checks of the workspace.
//!
//! `cargo xtask test` installs what the tests need and runs them all; `cargo xtask ci` runs everything a change must pass; `cargo xtask bench`
//! measures.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its output is what a person or a CI log reads")]
#![expect(
    clippy::disallowed_methods,
    reason = "it reads the work tree it is built from; nobody else writes there"
)]

mod bench;
mod ci;
mod deny;
mod dist;
mod fuzz;
mod gate;
mod invariants;
mod order;
mod process;
mod shipped;
mod simulate;
mod test;
mod trial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [-- ARGS]            install what the tests need, build the programs, run every test; ARGS go to `cargo test`
  ci [--except STEP]...     everything a change must pass: fmt, invariants, deny, clippy, doc, shipped, test, seeds, features, orders, gate
  ci --only STEP            that step alone
  bench                     lists what can be measured, beside which others
  bench all [FLAG]...       all of it, with one table of the figures that must be reached; fails when one is missed
  bench WHAT [FLAG]...      one of it
  bench gate [--update]     instructions of the hot paths beside a committed baseline; fails when they became more
  dist                      packs the programs, their pages and their unit for a host: an archive and a Debian package in target/dist
  order                     watches which functions an agent runs, for the linker to place them together: docs/decisions/0017
  fuzz [--seconds N] [TARGET]...   has libFuzzer look for inputs that break a parser, for so long each; docs/fuzzing.md lists the targets
  simulate [FLAG]...        random settings and faults under every law, 10,000 seeds; `--seeds N`, `--from SEED`, `--seed SEED --trace`
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
        ["bench"] => {
            print!("{}", bench::help());
            Ok(())
        }
        ["bench", "all", flags @ ..] => bench::all(flags),
        ["bench", "gate", flags @ ..] => gate::run(flags),
        ["bench", name, flags @ ..] => bench::one(name, flags),
        ["dist"] => dist::run(),
        ["order"] => order::run(),
        ["fuzz", args @ ..] => fuzz::run(args),
        ["simulate", flags @ ..] => simulate::run(flags),
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

/// The workspace as it is shipped: what is fuzzed would have its features in all of it.
const SHIPPED: [&str; 3] = ["--workspace", "--exclude", "evenkeel-fuzz"];

/// Where cargo puts what it builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |folder| root().join(folder))
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
