//! systemd: on a host of its own that a real one has booted.

mod agent;
mod client;
mod left_overs;
mod probe;
