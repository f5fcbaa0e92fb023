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
mod gate;
mod invariants;
mod process;
mod shipped;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [-- ARGS]            install what the tests need, build the programs, run every test; ARGS go to `cargo test`
  ci [--except STEP]...     everything a change must pass: fmt, clippy, doc, test, features, orders, invariants, shipped, deny, gate
  ci --only STEP            that step alone
  bench                     lists what can be measured, beside which others
  bench all [FLAG]...       all of it, with one table of the figures that must be reached; fails when one is missed
  bench WHAT [FLAG]...      one of it
  bench gate [--update]     instructions of the hot paths beside a committed baseline; fails when they became more
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
