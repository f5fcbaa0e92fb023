//! What was measured, and whether it is good enough.

use std::fmt::Write as _;
use std::time::Duration;

use evenkeel_figures::{Bar, Figure, Limit, Verdict, version};

use crate::client::Client;
use crate::server::PUSHGATEWAY;

/// A page of 10,000 series, from the request until its last byte.
const MOST_P99: Duration = Duration::from_millis(5);
/// A time depends on the machine.
const TOLERANCE: f64 = 1.10;

pub(crate) struct Row {
    name: String,
    is_ours: bool,
    is_bare: bool,
    series: usize,
    bytes: usize,
    /// Processor time of a page, on average.
    cpu: Duration,
    /// From the shortest to the longest.
    times: Vec<Duration>,
}

impl Row {
    pub(crate) fn new(client: &Client, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let pages = u32::try_from(times.len()).unwrap_or(u32::MAX).max(1);
        Self {
            name: client.name.clone(),
            is_ours: client.is_ours,
            is_bare: client.is_bare,
            series: client.series,
            bytes: client.bytes,
            cpu: client.cpu / pages,
            times,
        }
    }

    fn quantile(&self, percent: usize) -> Duration {
        let last = self.times.len() - 1;
        self.times[(self.times.len() * percent / 100).min(last)]
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn figure(&self) -> Figure {
        Figure::new("a page of metrics", &*self.name)
            .with("series", self.series as f64)
            .with("bytes", self.bytes as f64)
            .with("cpu_ms", millis(self.cpu))
            .with("p50_ms", millis(self.quantile(50)))
            .with("p99_ms", millis(self.quantile(99)))
            .with("max_ms", millis(self.quantile(100)))
    }

    fn median_times(&self, other: &Self) -> f64 {
        self.quantile(50).as_secs_f64() / other.quantile(50).as_secs_f64()
    }
}

pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    pub(crate) rounds: usize,
}

impl Report {
    /// Why the time of a page says nothing: other programs take the processors.
    fn disturbed(&self) -> Option<String> {
        let bare = self.rows.iter().find(|row| row.is_bare)?.quantile(99);
        (bare > MOST_P99 / 2).then(|| format!("bare bytes themselves take {:.1} ms", millis(bare)))
    }

    /// What must be reached, of each format.
    fn bars(&self) -> Vec<Bar> {
        let most = Limit::AtMost(millis(MOST_P99));
        let peer = self.rows.iter().find(|row| !row.is_ours && !row.is_bare);
        let beside = |bar: Bar, time: &dyn Fn(&Row) -> Duration| match peer {
            Some(peer) => bar.beside(&peer.name, millis(time(peer))),
            None => bar,
        };
        let ours = self.rows.iter().filter(|row| row.is_ours);
        ours.flat_map(|row| {
            let what =
                |what: &str| format!("/metrics with {} series, {}: {what}", row.series, row.name);
            let p99 = Bar::new(what("p99"), millis(row.quantile(99)), "ms", most, TOLERANCE);
            // A page that is soon enough even so is good enough.
            let p99 = match p99.verdict {
                Verdict::Met => p99,
                _ => p99.unless(self.disturbed()),
            };
            // Other programs have little part in it.
            let cpu = Bar::new(what("processor time"), millis(row.cpu), "ms", most, 1.0);
            [beside(p99, &|row| row.quantile(99)), beside(cpu, &|row| row.cpu)]
        })
        .collect()
    }

    pub(crate) fn shared(&self) -> evenkeel_figures::Report {
        let mut shared = evenkeel_figures::Report::new("metrics");
        shared.peer(PUSHGATEWAY, version(PUSHGATEWAY, "--version"));
        shared.figures = self.rows.iter().map(Row::figure).collect();
        shared.bars = self.bars();
        shared
    }

    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        let ours = self.rows.iter().rfind(|row| row.is_ours);
        let head = ["series", "kB", "p50 ms", "p99 ms", "max ms", "CPU ms", "times ours"];
        let [series, bytes, p50, p99, max, cpu, ratio] = head;
        let mut line = |text: std::fmt::Arguments<'_>| {
            table.write_fmt(text).expect("a string takes everything");
            table.push('\n');
        };
        line(format_args!(
            "{:<28} {series:>7} {bytes:>6} {p50:>8} {p99:>8} {max:>8} {cpu:>8} {ratio:>10}",
            format!("{} pages each", self.rounds)
        ));
        for row in &self.rows {
            let times = ours.map_or(1.0, |ours| row.median_times(ours));
            line(format_args!(
                "{:<28} {:>7} {:>6} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {times:>10.2}",
                row.name,
                row.series,
                row.bytes / 1000,
                millis(row.quantile(50)),
                millis(row.quantile(99)),
                millis(row.quantile(100)),
                millis(row.cpu),
            ));
        }
        table
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
