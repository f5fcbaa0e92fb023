//! The `evenkeel-probe` program.
#![forbid(unsafe_code)]
fn main() {}
