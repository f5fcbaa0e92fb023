//! What was measured, as tables or as one document.

use std::fmt::Write as _;
use std::time::Duration;

use evenkeel_figures::{Figure, load, quantile, version};

use crate::contest::Standing;

pub(crate) struct Report {
    /// What all benches have: the machine, who is there to be measured, what is missed.
    pub(crate) shared: evenkeel_figures::Report,
    pub(crate) contests: Vec<Contest>,
    pub(crate) latencies: Vec<Latency>,
    pub(crate) bursts: Vec<Burst>,
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

    fn rows(&self) -> Vec<Figure> {
        let Some(ours) = self.standings.first() else { return Vec::new() };
        self.standings.iter().map(|standing| standing.row(&self.title(), ours)).collect()
    }
}

impl Latency {
    fn row(&self) -> Figure {
        let micros = |share| quantile(self.micros.iter().copied(), share);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        Figure::new(
            "from a chmod until the mode is right again",
            format!("{}, {}", self.what, self.filesystem),
        )
        .with("samples", self.micros.len() as f64)
        .with("micros_p50", micros(0.5))
        .with("micros_p99", micros(0.99))
        .with("micros_max", micros(1.0))
        .with("missed", self.missed as f64)
    }
}

impl Burst {
    fn row(&self) -> Figure {
        let title = format!("{} files changed at once on {}", self.files, self.filesystem);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        Figure::new(title, "evenkeel run")
            .with("changes_seconds", self.spoiled.as_secs_f64())
            .with("repaired_seconds", self.took.as_secs_f64())
            .with("missed", self.missed as f64)
    }
}

impl Report {
    pub(crate) fn new() -> Self {
        let mut shared = evenkeel_figures::Report::new("files");
        for peer in ["find", "systemd-tmpfiles"] {
            shared.peer(peer, version(peer, "--version"));
        }
        Self { shared, contests: Vec::new(), latencies: Vec::new(), bursts: Vec::new() }
    }

    /// As JSON, in one line.
    pub(crate) fn document(&self) -> String {
        let mut shared = self.shared.clone();
        shared.figures.extend(self.contests.iter().flat_map(Contest::rows));
        shared.figures.extend(self.latencies.iter().map(Latency::row));
        shared.figures.extend(self.bursts.iter().map(Burst::row));
        shared.document()
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{}; load {:.1}", self.shared.machine, load())?;
        for (name, version) in &self.shared.peers {
            writeln!(out, "{name}: {version}")?;
        }
        for contest in &self.contests {
            writeln!(out, "\n{}\n", contest.title())?;
            writeln!(
                out,
                "| who | µs a file | min | spread | CPU µs a file | times ours | CPU times ours | peak MB |"
            )?;
            writeln!(out, "|---|---:|---:|---:|---:|---:|---:|---:|")?;
            for row in contest.rows() {
                let number = |key: &str| row.values.get(key).copied().unwrap_or_default();
                writeln!(
                    out,
                    "| {} | {:.2} | {:.2} | {:.0} % | {:.2} | {:.2} | {:.2} | {:.1} |",
                    row.who,
                    number("micros_a_file"),
                    number("micros_a_file_min"),
                    number("spread") * 100.0,
                    number("cpu_micros_a_file"),
                    number("times_ours"),
                    number("cpu_times_ours"),
                    number("rss_bytes") / 1e6,
                )?;
            }
        }
        if !self.latencies.is_empty() {
            writeln!(out, "\nfrom a chmod until the mode is right again\n")?;
            writeln!(out, "| agent | samples | p50 µs | p99 µs | max µs | missed |")?;
            writeln!(out, "|---|---:|---:|---:|---:|---:|")?;
        }
        for row in self.latencies.iter().map(Latency::row) {
            let number = |key: &str| row.values.get(key).copied().unwrap_or_default();
            writeln!(
                out,
                "| {} | {} | {:.0} | {:.0} | {:.0} | {} |",
                row.who,
                number("samples"),
                number("micros_p50"),
                number("micros_p99"),
                number("micros_max"),
                number("missed"),
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
        write!(out, "\n{}", self.shared.bars_table())
    }
}
