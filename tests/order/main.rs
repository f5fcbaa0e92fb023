//! `cargo xtask order` runs this: an agent at rest with what `cargo xtask bench idle` gives it, and then asked for its pages and with
//! something to repair, is watched for which of its functions run.
//!
//! `order PROGRAM FUNCTIONS`: FUNCTIONS has the address of one function in each line, and what ran is printed as `rest ADDRESS` or
//! `later ADDRESS`, all in hexadecimal.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is what a person or a program reads"
)]
#![expect(clippy::disallowed_methods, reason = "it works in a scratch directory of its own")]

use std::process::ExitCode;

#[cfg(target_arch = "x86_64")]
mod trace;
#[cfg(target_arch = "x86_64")]
mod watch;

#[cfg(target_arch = "x86_64")]
fn order(args: &[String]) -> Result<String, String> {
    let [program, functions] = args else { return Err("usage: order PROGRAM FUNCTIONS".into()) };
    watch::order(program.as_ref(), functions.as_ref())
}

#[cfg(not(target_arch = "x86_64"))]
fn order(_: &[String]) -> Result<String, String> {
    Err("functions are watched on x86-64 alone; their names are the same on other processors"
        .into())
}

fn main() -> ExitCode {
    match order(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(ran) => {
            print!("{ran}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
