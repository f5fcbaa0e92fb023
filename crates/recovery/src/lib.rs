//! Decides when to repair what health says is down, how often, and when to stop.
#![forbid(unsafe_code)]

pub mod actions;
pub mod backoff;
pub mod breaker;
pub mod budget;
pub mod machine;
