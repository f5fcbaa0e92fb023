//! Every parser of what others write, as a function of bytes.
//!
//! Each function here is one [`Target`]: libFuzzer calls it (`cargo xtask fuzz`, `fuzz_targets/`), and so does `cargo test`, with
//! the committed inputs of `corpus/` and with what chance makes of them (`tests/corpus.rs`). A function returns for any bytes;
//! it panics where a law of its parser does not hold. docs/fuzzing.md says which these are, and who writes what they read.
#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "what is only readable from a file is put into scratch directories of this crate's own"
)]

mod certificate;
mod dns;
mod exposition;
mod http;
mod imports;
mod journal;
mod kernel_events;
mod listener;
mod manifest;
mod page;
mod proc;
mod settings;
mod shown;
mod supervisor;
mod tmux;
mod values;

mod peer;

pub use certificate::certificate;
pub use dns::dns;
pub use exposition::exposition;
pub use http::{banner, http, redirect};
pub use imports::imports;
pub use journal::{journal_file, journal_rows};
pub use kernel_events::{acl, kernel_events};
pub use listener::listener;
pub use manifest::manifest;
pub use page::page;
pub use proc::{mounts, proc};
pub use settings::settings;
pub use shown::shown;
pub use supervisor::supervisor;
pub use tmux::tmux;
pub use values::values;

/// One parser under test.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: that of its function, of its file in `fuzz_targets/`, and of its folder in `corpus/`.
    pub name: &'static str,
    /// Returns for any bytes, and panics where what was promised of them does not hold.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "acl", run: acl },
    Target { name: "banner", run: banner },
    Target { name: "certificate", run: certificate },
    Target { name: "dns", run: dns },
    Target { name: "exposition", run: exposition },
    Target { name: "http", run: http },
    Target { name: "imports", run: imports },
    Target { name: "journal_file", run: journal_file },
    Target { name: "journal_rows", run: journal_rows },
    Target { name: "kernel_events", run: kernel_events },
    Target { name: "listener", run: listener },
    Target { name: "manifest", run: manifest },
    Target { name: "mounts", run: mounts },
    Target { name: "page", run: page },
    Target { name: "proc", run: proc },
    Target { name: "redirect", run: redirect },
    Target { name: "settings", run: settings },
    Target { name: "shown", run: shown },
    Target { name: "supervisor", run: supervisor },
    Target { name: "tmux", run: tmux },
    Target { name: "values", run: values },
];

/// Fails if a terminal would obey something in `text`, or if a line of it could pass for two; line feeds are meant.
#[track_caller]
fn assert_harmless(text: &str) {
    let odd = text.chars().find(|char| char.is_control() && *char != '\n');
    assert!(odd.is_none(), "{odd:?} in {text:?}");
}

/// The parts of an input that has several, with `%%%%` between them; one at least.
fn parts(data: &[u8]) -> Vec<&[u8]> {
    const BETWEEN: &[u8] = b"%%%%";
    let mut parts = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        parts.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest);
    parts
}

/// A directory that goes with its value: in memory, where that is to be had, since it is made anew for each input.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a scratch directory")
}
