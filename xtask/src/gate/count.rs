//! Runs each workload below callgrind, at both of its sizes.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::process;

/// The one function whose instructions count; it is called so in `tests/gate/src/main.rs`.
const COUNTED: &str = "*counted_by_callgrind*";

/// What one workload took at two sizes: items, instructions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counted {
    pub(super) name: String,
    pub(super) item: String,
    pub(super) small: (u32, f64),
    pub(super) large: (u32, f64),
}

/// Counts all workloads of this program.
pub(super) fn all(program: &Path) -> Result<Vec<Counted>, String> {
    let listed = process::output(program, &["list"])?;
    let listed: Vec<Value> =
        serde_json::from_str(&listed).map_err(|error| format!("the list of workloads: {error}"))?;
    listed.iter().map(|workload| one(program, workload)).collect()
}

fn one(program: &Path, workload: &Value) -> Result<Counted, String> {
    let text = |key: &str| workload[key].as_str().unwrap_or_default().to_owned();
    let size = |key: &str| {
        let size = workload[key].as_u64().and_then(|size| u32::try_from(size).ok());
        size.ok_or_else(|| format!("a workload without `{key}`: {workload}"))
    };
    let (name, small, large) = (text("name"), size("small")?, size("large")?);
    // Both at once: a machine has two processors as a rule.
    let (few, many) = std::thread::scope(|scope| {
        let few = scope.spawn(|| instructions(program, &name, small));
        let many = instructions(program, &name, large);
        (few.join().unwrap_or_else(|_| Err("a thread broke off".to_owned())), many)
    });
    let counted = Counted { item: text("item"), small: (small, few?), large: (large, many?), name };
    Ok(counted)
}

fn instructions(program: &Path, name: &str, size: u32) -> Result<f64, String> {
    let out = std::env::temp_dir().join(format!("ek-gate-{}-{name}-{size}", std::process::id()));
    let told = Command::new("taskset")
        // On one processor nothing shares its work out among threads, which would not be counted.
        .args(["--cpu-list", &first_processor(), "valgrind", "--tool=callgrind"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .args(["run", name, &size.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run valgrind: {error}"))?;
    let written = std::fs::read_to_string(&out).unwrap_or_default();
    let _ = std::fs::remove_file(&out);
    let count = total(&written).filter(|count| *count > 0.0);
    count.filter(|_| told.status.success()).ok_or_else(|| {
        let words = String::from_utf8_lossy(&told.stderr).into_owned();
        format!("`{name}` of size {size} was not counted: {}\n{words}", told.status)
    })
}

/// One that this program may use.
fn first_processor() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let first = allowed.and_then(|list| list.trim().split([',', '-']).next()).unwrap_or("0");
    first.to_owned()
}

/// The sum that callgrind writes at the end of its file.
fn total(written: &str) -> Option<f64> {
    let line = written
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_a_file_of_callgrind_is_found() {
        assert_eq!(
            total("version: 1\nevents: Ir\nsummary: 7\nfn=(1)\n12 7\n\ntotals: 7\n"),
            Some(7.0)
        );
        assert_eq!(total("events: Ir\n"), None);
    }
}
