//! What the figures were measured on.

use std::process::Command;

use serde_json::{Value, json};

pub(crate) fn describe() -> Value {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo").lines().find_map(|line| {
        line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name.to_owned())
    });
    json!({
        "processors": std::thread::available_parallelism().map_or(1, usize::from),
        "processor": processor,
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "load_at_start": read("/proc/loadavg").split(' ').next(),
        "build": if cfg!(debug_assertions) { "dev" } else { "release" },
        "monit": version("monit", "-V"),
        "supervisord": version("supervisord", "--version"),
        "tmux": version("tmux", "-V"),
    })
}

/// The first line of what a program says of its version; null if it is not installed.
fn version(program: &str, flag: &str) -> Value {
    let said = Command::new(program).arg(flag).output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    said.ok()
        .and_then(|text| text.lines().next().map(str::to_owned))
        .map_or(Value::Null, Value::from)
}
