//! Runs the engine on the real host.
#![forbid(unsafe_code)]
