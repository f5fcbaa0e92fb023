//! `cargo xtask fuzz`: builds the targets of `tests/fuzz` with counters in them, and has libFuzzer look for what breaks them.
//!
//! Needs a C++ compiler for libFuzzer itself, and neither a nightly compiler nor cargo-fuzz: the counters are a pass of LLVM that
//! any rustc runs when it is asked to.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{Outcome, process, root};

/// What cargo-fuzz asks of rustc, but for the sanitizer, which takes a nightly compiler: our crates have no unsafe code for it to watch.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebuginfo=line-tables-only",
];
const SECONDS: u32 = 60;
/// One input that takes longer counts as broken; they take milliseconds.
const LONGEST_INPUT_SECONDS: u32 = 5;
const MOST_MEMORY_MB: u32 = 1024;
/// Longer inputs find no more, and are slower.
const MOST_INPUT_BYTES: u32 = 8192;

/// What is to be run, and for how long each.
#[derive(Debug, PartialEq, Eq)]
struct Plan<'a> {
    seconds: u32,
    /// All, if none is named.
    targets: Vec<&'a str>,
}

/// Builds and runs the targets that `args` name, one after the other; fails if one of them is broken by an input.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let plan = Plan::from_args(args)?;
    let known = targets()?;
    if let Some(other) = plan.targets.iter().find(|name| !known.contains(**name)) {
        let known: Vec<_> = known.iter().map(String::as_str).collect();
        return Err(format!("there is no target `{other}`; there are {}", known.join(", ")));
    }
    let wanted: Vec<&str> = known
        .iter()
        .map(String::as_str)
        .filter(|name| plan.targets.is_empty() || plan.targets.contains(name))
        .collect();
    let triple = host_triple()?;
    build(&triple, &wanted)?;
    println!("\n{:<14} {:>10} {:>7} {:>6}  outcome", "target", "inputs", "edges", "new");
    let mut broken = Vec::new();
    for target in wanted {
        let looked = fuzz(&triple, target, plan.seconds)?;
        println!("{target:<14} {looked}");
        if let Some(input) = &looked.broken_by {
            println!(
                "  broken by {input}; run it again: {} {input}",
                binary(&triple, target).display()
            );
            println!("{}", looked.words);
            broken.push(target);
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(format!("broken: {}", broken.join(", "))) }
}

impl<'a> Plan<'a> {
    /// Reads `[--seconds N] [TARGET]...`.
    fn from_args(args: &[&'a str]) -> Result<Self, String> {
        let mut plan = Self { seconds: SECONDS, targets: Vec::new() };
        let mut rest = args;
        loop {
            rest = match rest {
                [] => return Ok(plan),
                ["--seconds", number, rest @ ..] => {
                    let seconds = number.parse().ok().filter(|seconds| *seconds > 0);
                    plan.seconds = seconds
                        .ok_or_else(|| format!("`--seconds {number}`: a whole number from 1 on"))?;
                    rest
                }
                ["--seconds"] => return Err("`--seconds` lacks its number".to_owned()),
                [flag, ..] if flag.starts_with('-') => {
                    return Err(format!("`{flag}` is not understood"));
                }
                [target, rest @ ..] => {
                    plan.targets.push(target);
                    rest
                }
            }
        }
    }
}

/// The names of the targets: those of their binaries.
fn targets() -> Result<BTreeSet<String>, String> {
    let folder = root().join("tests/fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&folder)
        .map_err(|error| format!("cannot read `{}`: {error}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect())
}

fn build(triple: &str, targets: &[&str]) -> Outcome {
    let bins = targets.iter().flat_map(|target| ["--bin", target]);
    let args: Vec<_> = ["build", "--package", "evenkeel-fuzz", "--features", "libfuzzer"]
        .into_iter()
        // A named target keeps the flags from build scripts and macros, which run in the compiler.
        .chain(["--profile", "fuzz", "--target", triple])
        .chain(bins)
        .collect();
    let folder = folder();
    let folder = folder.to_str().ok_or("the work tree's path is not UTF-8")?;
    let env = [("RUSTFLAGS", &*FLAGS.join(" ")), ("CARGO_TARGET_DIR", folder)];
    process::run_with("cargo", &args, &env)
}

/// What libFuzzer says. Its own finds stay in the build folder, and are where the next run goes on from.
fn fuzz(triple: &str, target: &str, seconds: u32) -> Result<Looked, String> {
    let (found, broken) = (folder().join("found").join(target), folder().join("broken"));
    for folder in [&found, &broken] {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make `{}`: {error}", folder.display()))?;
    }
    let output = Command::new(binary(triple, target))
        .args([&found, &root().join("tests/fuzz/corpus").join(target)])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={LONGEST_INPUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={MOST_MEMORY_MB}"))
        .arg(format!("-max_len={MOST_INPUT_BYTES}"))
        .arg(format!("-artifact_prefix={}/{target}-", broken.display()))
        .arg("-print_final_stats=1")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run the target `{target}`: {error}"))?;
    let looked = Looked::new(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() || looked.broken_by.is_some() {
        Ok(looked)
    } else {
        Err(format!("`{target}`: {}\n{}", output.status, looked.words))
    }
}

/// What came of one target.
#[derive(Debug, Default, PartialEq, Eq)]
struct Looked {
    inputs: String,
    edges: String,
    new: String,
    /// The file with the input that broke it.
    broken_by: Option<String>,
    /// The end of what libFuzzer said.
    words: String,
}

impl Looked {
    fn new(said: &str) -> Self {
        let after = |word: &str| {
            let line = said.lines().rev().find(|line| line.contains(word))?;
            line.split_once(word)?.1.split_whitespace().next().map(str::to_owned)
        };
        let lines: Vec<_> = said.lines().collect();
        Self {
            inputs: after("stat::number_of_executed_units:").unwrap_or_default(),
            edges: after("cov:").unwrap_or_default(),
            new: after("stat::new_units_added:").unwrap_or_default(),
            broken_by: after("Test unit written to"),
            words: lines[lines.len().saturating_sub(40)..].join("\n"),
        }
    }
}

impl std::fmt::Display for Looked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let outcome = if self.broken_by.is_some() { "BROKEN" } else { "holds" };
        write!(formatter, "{:>10} {:>7} {:>6}  {outcome}", self.inputs, self.edges, self.new)
    }
}

fn binary(triple: &str, target: &str) -> PathBuf {
    folder().join(triple).join("fuzz").join(target)
}

/// Apart from other builds: everything in it has counters.
fn folder() -> PathBuf {
    root().join("target/fuzz")
}

fn host_triple() -> Result<String, String> {
    let text = process::output("rustc", &["-vV"])?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| "rustc does not say what it runs on".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_seconds_are_read_in_any_order() {
        let plan = Plan::from_args(&["dns", "--seconds", "5", "http"]).unwrap();
        assert_eq!(plan, Plan { seconds: 5, targets: vec!["dns", "http"] });
        assert_eq!(Plan::from_args(&[]).unwrap(), Plan { seconds: SECONDS, targets: Vec::new() });
        for args in [&["--seconds"][..], &["--seconds", "0"], &["--seconds", "x"], &["--runs"]] {
            assert!(Plan::from_args(args).is_err(), "{args:?}");
        }
    }

    #[test]
    fn what_libfuzzer_says_is_understood() {
        let said = "#8\tINITED cov: 12 ft: 3\n#9\tDONE   cov: 918 ft: 4652 corp: 949/1334Kb\n\
            stat::number_of_executed_units: 108653\nstat::new_units_added:          2208\n";
        let looked = Looked::new(said);
        assert_eq!(looked.to_string(), "    108653     918   2208  holds");
        let said = "artifact_prefix='/t/'; Test unit written to /t/dns-crash-1\n";
        assert_eq!(Looked::new(said).broken_by.as_deref(), Some("/t/dns-crash-1"));
    }

    #[test]
    fn every_target_of_the_repository_is_known() {
        assert!(targets().unwrap().contains("settings"));
    }
}
