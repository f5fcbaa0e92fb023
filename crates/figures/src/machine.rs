use std::fmt;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// What was measured on. Everything is empty or 0 where the kernel does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The model of the processor.
    pub processor: String,
    /// How many of them this program may use.
    pub processors: usize,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// The release of the kernel.
    pub kernel: String,
}

impl Machine {
    /// This machine. Source: `/proc`.
    pub fn here() -> Self {
        let cpuinfo = read("/proc/cpuinfo");
        let model =
            cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let meminfo = read("/proc/meminfo");
        let kilobytes = meminfo.lines().find_map(|line| {
            line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok()
        });
        Self {
            processor: model.map(|(_, name)| name.to_owned()).unwrap_or_default(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: kilobytes.unwrap_or_default() * 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

/// In one line, for people.
impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, processors, memory_bytes, kernel } = self;
        let gigabytes = memory_bytes / 1_000_000_000;
        write!(f, "{processor}, {processors} processors, {gigabytes} GB, Linux {kernel}")
    }
}

/// How many want a processor, averaged over the last minute.
pub fn load() -> f64 {
    read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default()
}

/// The first line of what a program says of its version when it is asked with `flag`; `None` if it is not installed.
pub fn version(program: &str, flag: &str) -> Option<String> {
    let output = Command::new(program).arg(flag).output().ok()?;
    // Programs in Go tell it on standard error.
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).lines().next().map(|line| line.trim().to_owned())
}

#[expect(
    clippy::disallowed_methods,
    reason = "files of the kernel, whose names nobody can exchange"
)]
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
