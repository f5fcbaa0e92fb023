//! The `evenkeel-metrics` program.
#![forbid(unsafe_code)]
fn main() {}
