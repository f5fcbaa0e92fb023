//! `cargo xtask order`: which functions an agent runs, so that the linker places them together.
//!
//! The kernel maps a program in pieces of 64 KiB around each place that runs. Of an agent's code only a part ever runs, and it would lie in nearly
//! all of the pieces (docs/decisions/0017).

mod host;
mod names;
mod trace;

use std::fs;

use self::names::Function;
use crate::{Outcome, process, root, target};

/// What the linker is given by `bins/evenkeel/build.rs`.
const SCRIPT: &str = "bins/evenkeel/order.ld";

/// Builds the agent with the names of its functions, watches which of them run, and writes the script.
pub(crate) fn run() -> Outcome {
    let build = ["build", "--profile", "order", "--package", "evenkeel", "--bin", "evenkeel"];
    process::run("cargo", &build)?;
    let program = target().join("order/evenkeel");
    let read = process::output("readelf", &["-sW".as_ref(), program.as_os_str()])?;
    let functions: Vec<Function> = read.lines().filter_map(Function::parse).collect();
    let ran = host::ran(&program, &functions)?;
    let at_rest = names::order(&functions, &ran.at_rest);
    let others: Vec<Function> = functions
        .iter()
        .filter(|one| !at_rest.iter().any(|line| line.takes(&one.name)))
        .cloned()
        .collect();
    let later = names::order(&others, &ran.later);
    for (when, ran, lines) in [("at rest", &ran.at_rest, &at_rest), ("later", &ran.later, &later)] {
        let sum = |is_counted: &dyn Fn(&Function) -> bool| -> u64 {
            functions.iter().filter(|one| is_counted(one)).map(|one| one.size).sum()
        };
        println!(
            "{when} {} functions ran, {} of {} bytes; {} lines take {} bytes together",
            ran.len(),
            sum(&|one| ran.contains(&one.address)),
            sum(&|_| true),
            lines.len(),
            sum(&|one| lines.iter().any(|line| line.takes(&one.name))),
        );
    }
    let path = root().join(SCRIPT);
    fs::write(&path, names::script(&at_rest, &later))
        .map_err(|error| format!("`{SCRIPT}`: {error}"))?;
    println!("wrote {SCRIPT}");
    Ok(())
}
