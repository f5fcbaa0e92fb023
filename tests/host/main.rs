//! The built programs against the real host: supervisord, Prometheus and Chromium, scratch directories, loopback ports.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

mod actions;
mod agent;
mod alerts;
mod apply;
mod bad_input;
mod command_line;
mod curves;
mod cut_off;
mod dashboard;
mod demo;
mod disk;
mod full;
mod import;
mod impostors;
mod leak;
mod listener;
mod listener_protocol;
mod memory;
mod native;
mod orders;
mod page;
mod page_live;
mod probe;
mod programs;
mod prometheus;
mod promql;
mod recovery;
mod report;
mod secrets;
mod shown;
mod simulate;
mod state;
mod supervisord;
mod supervisord_faults;
mod survive;
mod systemd;
mod tmux;
mod trash;
mod trials;
mod why;
