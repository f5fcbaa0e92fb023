//! The invariants of `docs/ARCHITECTURE.md`, each checked on the work tree as it is.

mod code;
mod graph;
mod manifests;
mod source;

use crate::Outcome;

/// Checks every invariant and lists all that do not hold.
pub(crate) fn run() -> Outcome {
    let files = source::read_all()?;
    let findings: Vec<String> = [
        graph::check(&graph::read()?),
        manifests::check(&manifests::read_all()?),
        source::check(&files),
    ]
    .concat();
    if findings.is_empty() {
        println!("{} source files keep every invariant", files.len());
        return Ok(());
    }
    Err(findings.join("\n"))
}
