//! The `evenkeel` program.
#![forbid(unsafe_code)]
fn main() {}
