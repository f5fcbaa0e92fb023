//! The `evenkeel-recovery` program.
#![forbid(unsafe_code)]
fn main() {}
