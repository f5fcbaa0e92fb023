//! `cargo xtask bench all`: every bench, one after the other, one table of all that must be reached, and one document.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Instant, SystemTime};

use evenkeel_figures::{Bar, Machine, Report, SCHEMA, Verdict, load};
use serde_json::{Value, json};

use super::{BENCHES, Bench, build};
use crate::{Outcome, process, test};

const USAGE: &str = "\
usage: cargo xtask bench all [FLAG]...

  --peers            measure the others that do the same as well; Debian packages that are missing are installed
  --quick            fewer rounds and smaller trees: some minutes in place of about an hour
  --only BENCH       that bench alone; repeatable
  --superlance DIR   where `memmon` and `httpok` are, for the agent at rest [default: the search path]
  --json FILE        write all that was measured as one document
";

#[derive(Debug, Default, PartialEq)]
struct Args<'a> {
    peers: bool,
    quick: bool,
    only: Vec<&'a str>,
    superlance: Option<&'a str>,
    json: Option<&'a str>,
    help: bool,
}

/// One bench, and what came of it.
struct Done {
    name: &'static str,
    seconds: f64,
    load_before: f64,
    /// `Err`: it broke off.
    report: Result<Report, String>,
}

/// Runs them all, also if one is missed or breaks off, and says at the end what is missed.
pub(crate) fn all(flags: &[&str]) -> Outcome {
    let args = read(flags)?;
    if args.help {
        print!("{USAGE}");
        return Ok(());
    }
    if args.peers {
        test::provide_tools()?;
    }
    let wanted = |bench: &&Bench| args.only.is_empty() || args.only.contains(&bench.name);
    let benches: Vec<_> = BENCHES.iter().filter(wanted).collect();
    let programs: BTreeSet<&str> =
        benches.iter().flat_map(|bench| bench.programs.iter().copied()).collect();
    build(&programs.into_iter().collect::<Vec<_>>())?;

    let (machine, before) = (Machine::here(), load());
    println!("\n{machine}; load {before:.1}");
    let done: Vec<_> = benches.into_iter().map(|bench| run(bench, &args)).collect();
    let after = load();
    println!("\n{}", table(&done));
    println!("{machine}; load {before:.1} before, {after:.1} after");
    if let Some(file) = args.json {
        let document = document(&machine, [before, after], &args, &done);
        std::fs::write(file, format!("{document:#}\n"))
            .map_err(|error| format!("cannot write {file}: {error}"))?;
        println!("wrote {file}");
    }
    let missed = missed(&done);
    if missed.is_empty() { Ok(()) } else { Err(format!("missed:\n{}", missed.join("\n"))) }
}

fn read<'a>(flags: &[&'a str]) -> Result<Args<'a>, String> {
    let mut args = Args::default();
    let mut rest = flags.iter().copied();
    while let Some(flag) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("`{flag}` needs a value\n\n{USAGE}"));
        match flag {
            "--peers" => args.peers = true,
            "--quick" => args.quick = true,
            "--help" | "-h" => args.help = true,
            "--json" => args.json = Some(value()?),
            "--superlance" => args.superlance = Some(value()?),
            "--only" => {
                let name = value()?;
                if !BENCHES.iter().any(|bench| bench.name == name) {
                    return Err(format!("there is no bench `{name}`\n\n{}", super::help()));
                }
                args.only.push(name);
            }
            other => return Err(format!("`{other}` is not understood\n\n{USAGE}")),
        }
    }
    Ok(args)
}

fn run(bench: &Bench, args: &Args<'_>) -> Done {
    let mut flags = bench.flags(args.quick, args.peers);
    if bench.name == "idle" {
        flags.extend(args.superlance.into_iter().flat_map(|folder| ["--superlance", folder]));
    }
    let (began, load_before) = (Instant::now(), load());
    let report = measure(&bench.command(&flags));
    let seconds = began.elapsed().as_secs_f64();
    println!("\n== {} ({seconds:.0} s, load {load_before:.1} at its start)\n", bench.name);
    match &report {
        Ok(report) => print!("{}\n{}", report.figures_table(), report.bars_table()),
        Err(problem) => println!("{problem}"),
    }
    Done { name: bench.name, seconds, load_before, report }
}

/// What a bench prints at its end; what it says meanwhile is shown.
fn measure(command: &[&str]) -> Result<Report, String> {
    println!("\n$ cargo {}", command.join(" "));
    let output = process::command("cargo")
        .args(command)
        .current_dir(crate::root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    // It ends with 1 if a bar is missed, and has measured all the same.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Report::find(&text).ok_or_else(|| format!("it broke off ({}):\n{text}", output.status))
}

/// Every bar, bench by bench.
fn table(done: &[Done]) -> String {
    let mut lines = vec![Bar::HEAD.to_owned()];
    for one in done {
        match &one.report {
            Ok(report) => lines.extend(report.bars.iter().map(Bar::row)),
            Err(_) => lines.push(format!("| {} | | | | | **BROKE OFF** |", one.name)),
        }
    }
    let reports = done.iter().filter_map(|one| one.report.as_ref().ok());
    let left_out: BTreeSet<_> = reports.flat_map(|report| &report.left_out).collect();
    lines.extend(left_out.into_iter().map(|what| format!("left out: {what}")));
    lines.into_iter().map(|line| line + "\n").collect()
}

fn missed(done: &[Done]) -> Vec<String> {
    let mut missed = Vec::new();
    for one in done {
        match &one.report {
            Ok(report) => {
                let bars = report.bars.iter().filter(|bar| bar.verdict == Verdict::Missed);
                missed.extend(bars.map(|bar| bar.what.clone()));
            }
            Err(_) => missed.push(format!("{} broke off", one.name)),
        }
    }
    missed
}

/// As docs/bench.md describes it.
fn document(machine: &Machine, [before, after]: [f64; 2], args: &Args<'_>, done: &[Done]) -> Value {
    let benches = done.iter().map(|one| {
        json!({
            "bench": one.name,
            "seconds": one.seconds,
            "load_before": one.load_before,
            "report": one.report.as_ref().ok(),
            "broke_off": one.report.as_ref().err(),
        })
    });
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let commit = process::output("git", &["rev-parse", "HEAD"]).unwrap_or_default();
    json!({
        "schema": SCHEMA,
        "unix_seconds": since.map_or(0, |since| since.as_secs()),
        "commit": commit.trim(),
        "machine": machine,
        "load_before": before,
        "load_after": after,
        "quick": args.quick,
        "peers": args.peers,
        "benches": benches.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use evenkeel_figures::Limit;

    use super::*;

    fn done(name: &'static str, report: Result<Report, String>) -> Done {
        Done { name, seconds: 1.0, load_before: 0.0, report }
    }

    fn report(measured: f64) -> Report {
        let mut report = Report::new("x");
        report.bars.push(Bar::new("a bar", measured, "ms", Limit::AtMost(2.0), 1.0));
        report
    }

    #[test]
    fn flags_are_read_and_what_is_unknown_is_refused() {
        let args = read(&["--peers", "--only", "idle", "--json", "x.json"]).unwrap();
        assert!(args.peers && !args.quick && args.only == ["idle"] && args.json == Some("x.json"));
        assert!(read(&["--only", "idel"]).unwrap_err().contains("`idel`"));
        assert!(read(&["--json"]).unwrap_err().contains("needs a value"));
    }

    #[test]
    fn what_is_missed_and_what_broke_off_fail_and_are_in_the_table_and_the_document() {
        let all = [
            done("breaker", Ok(report(1.0))),
            done("idle", Ok(report(3.0))),
            done("page", Err("panicked".to_owned())),
        ];
        assert_eq!(missed(&all[..1]), Vec::<String>::new());
        assert_eq!(missed(&all), ["a bar", "page broke off"]);
        assert!(table(&all).contains("**MISSED**") && table(&all).contains("**BROKE OFF**"));
        let document = document(&Machine::default(), [0.0, 1.0], &Args::default(), &all);
        assert_eq!(document["benches"][1]["report"]["bars"][0]["verdict"], "missed");
        assert_eq!(document["benches"][2]["broke_off"], "panicked");
    }
}
