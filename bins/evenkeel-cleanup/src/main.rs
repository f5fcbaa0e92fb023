//! The `evenkeel-cleanup` program.
#![forbid(unsafe_code)]
fn main() {}
