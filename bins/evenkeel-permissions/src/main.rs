//! The `evenkeel-permissions` program.
#![forbid(unsafe_code)]
fn main() {}
