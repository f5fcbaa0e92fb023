//! What was measured, as tables or as one document.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bars::{Bar, Verdict, mb};
use crate::contest::{Standing, quantile};

pub(crate) struct Report {
    host: Value,
    pub(crate) contests: Vec<Contest>,
    pub(crate) latencies: Vec<Latency>,
    pub(crate) bursts: Vec<Burst>,
    /// What was not measured, and why.
    pub(crate) left_out: Vec<String>,
    pub(crate) bars: Vec<Bar>,
}

/// The same work by several; ours is the first.
pub(crate) struct Contest {
    pub(crate) row: &'static str,
    pub(crate) what: &'static str,
    pub(crate) filesystem: String,
    pub(crate) files: u64,
    pub(crate) standings: Vec<Standing>,
}

/// How long single drifts lasted.
pub(crate) struct Latency {
    /// Not ours, but what cannot be done without.
    pub(crate) is_bare: bool,
    pub(crate) what: &'static str,
    pub(crate) filesystem: String,
    pub(crate) micros: Vec<f64>,
    pub(crate) missed: u64,
}

/// Many files changed at once.
pub(crate) struct Burst {
    pub(crate) filesystem: String,
    pub(crate) files: u64,
    /// How long the changes took.
    pub(crate) spoiled: Duration,
    /// How long it took until all was right again, from the first change.
    pub(crate) took: Duration,
    pub(crate) missed: u64,
}

impl Contest {
    pub(crate) fn title(&self) -> String {
        format!("{} of {} files on {}, {}", self.row, self.files, self.filesystem, self.what)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Standing> {
        self.standings.iter().find(|standing| standing.name == name)
    }

    fn rows(&self) -> Vec<Value> {
        let Some(ours) = self.standings.first() else { return Vec::new() };
        self.standings.iter().map(|standing| standing.row(ours)).collect()
    }
}

impl Latency {
    fn row(&self) -> Value {
        let micros = |share| quantile(self.micros.iter().copied(), share);
        json!({
            "what": self.what,
            "filesystem": self.filesystem,
            "samples": self.micros.len(),
            "micros_p50": micros(0.5),
            "micros_p99": micros(0.99),
            "micros_max": micros(1.0),
            "missed": self.missed,
        })
    }
}

impl Report {
    pub(crate) fn new(host: Value) -> Self {
        Self {
            host,
            contests: Vec::new(),
            latencies: Vec::new(),
            bursts: Vec::new(),
            left_out: Vec::new(),
            bars: Vec::new(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        let contest = |contest: &Contest| {
            json!({
                "row": contest.row,
                "what": contest.what,
                "filesystem": contest.filesystem,
                "files": contest.files,
                "standings": contest.rows(),
            })
        };
        let burst = |burst: &Burst| {
            json!({
                "filesystem": burst.filesystem,
                "files": burst.files,
                "changes_seconds": burst.spoiled.as_secs_f64(),
                "repaired_seconds": burst.took.as_secs_f64(),
                "missed": burst.missed,
            })
        };
        let bar = |bar: &Bar| {
            json!({
                "what": bar.what,
                "measured": bar.measured,
                "limit": bar.limit,
                "verdict": verdict(&bar.verdict),
            })
        };
        json!({
            "host": self.host,
            "contests": self.contests.iter().map(contest).collect::<Vec<_>>(),
            "latencies": self.latencies.iter().map(Latency::row).collect::<Vec<_>>(),
            "bursts": self.bursts.iter().map(burst).collect::<Vec<_>>(),
            "left_out": self.left_out,
            "bars": self.bars.iter().map(bar).collect::<Vec<_>>(),
        })
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        for (key, value) in self.host.as_object().into_iter().flatten() {
            writeln!(out, "{key}: {}", value.as_str().map_or(value.to_string(), str::to_owned))?;
        }
        for contest in &self.contests {
            writeln!(out, "\n{}\n", contest.title())?;
            writeln!(
                out,
                "| who | µs a file | min | spread | CPU µs a file | times ours | CPU times ours | peak MB |"
            )?;
            writeln!(out, "|---|---:|---:|---:|---:|---:|---:|---:|")?;
            for row in contest.rows() {
                let number = |key: &str| row[key].as_f64().unwrap_or_default();
                writeln!(
                    out,
                    "| {} | {:.2} | {:.2} | {:.0} % | {:.2} | {:.2} | {:.2} | {:.1} |",
                    row["who"].as_str().unwrap_or_default(),
                    number("micros_a_file"),
                    number("micros_a_file_min"),
                    number("spread") * 100.0,
                    number("cpu_micros_a_file"),
                    number("times_ours"),
                    number("cpu_times_ours"),
                    mb(row["rss_bytes"].as_u64().unwrap_or_default()),
                )?;
            }
        }
        if !self.latencies.is_empty() {
            writeln!(out, "\nfrom a chmod until the mode is right again\n")?;
            writeln!(out, "| agent | samples | p50 µs | p99 µs | max µs | missed |")?;
            writeln!(out, "|---|---:|---:|---:|---:|---:|")?;
        }
        for row in self.latencies.iter().map(Latency::row) {
            let number = |key: &str| row[key].as_f64().unwrap_or_default();
            writeln!(
                out,
                "| {}, {} | {} | {:.0} | {:.0} | {:.0} | {} |",
                row["what"].as_str().unwrap_or_default(),
                row["filesystem"].as_str().unwrap_or_default(),
                row["samples"],
                number("micros_p50"),
                number("micros_p99"),
                number("micros_max"),
                row["missed"],
            )?;
        }
        for burst in &self.bursts {
            writeln!(
                out,
                "\n{} files changed within {:.2} s on {}: all right after {:.2} s, {} missed",
                burst.files,
                burst.spoiled.as_secs_f64(),
                burst.filesystem,
                burst.took.as_secs_f64(),
                burst.missed
            )?;
        }
        for left_out in &self.left_out {
            writeln!(out, "\nleft out: {left_out}")?;
        }
        if !self.bars.is_empty() {
            writeln!(out, "\n| must hold | measured | limit | |\n|---|---:|---:|---|")?;
        }
        for bar in &self.bars {
            let verdict = verdict(&bar.verdict);
            writeln!(out, "| {} | {} | {} | {verdict} |", bar.what, bar.measured, bar.limit)?;
        }
        Ok(())
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Holds => "holds".to_owned(),
        Verdict::Missed => "MISSED".to_owned(),
        Verdict::NotJudged(reason) => format!("not judged: {reason}"),
    }
}
