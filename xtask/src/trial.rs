//! `cargo xtask chaos` and `cargo xtask soak`: builds the agent as it is shipped, and the program that puts it on trial.

use crate::{Outcome, SHIPPED, process, target, test};

/// Faults by a seed; `flags` go to the program that injects them.
pub(crate) fn chaos(flags: &[&str]) -> Outcome {
    run("chaos", flags)
}

/// A hundred times the ordinary events; `flags` go to the program that makes them.
pub(crate) fn soak(flags: &[&str]) -> Outcome {
    run("soak", flags)
}

fn run(program: &str, flags: &[&str]) -> Outcome {
    test::provide_tools()?;
    let bins = ["--bin", "evenkeel", "--bin", program];
    process::run("cargo", &[&["build", "--release"], &SHIPPED[..], &bins].concat())?;
    // It finds the agent beside itself.
    let built = target().join("release").join(program);
    process::run(built.to_str().ok_or("the work tree's path is not UTF-8")?, flags)
}
