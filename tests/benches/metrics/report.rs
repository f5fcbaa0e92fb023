//! What was measured, and whether it is good enough.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;

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

    /// Each bar in words, and whether it is reached; `None`: it says nothing.
    fn bars(&self) -> Vec<(String, Option<bool>)> {
        let most = MOST_P99.mul_f64(TOLERANCE);
        let disturbed = self.disturbed();
        let ours = self.rows.iter().filter(|row| row.is_ours);
        ours.flat_map(|row| {
            let p99 = row.quantile(99);
            let what = format!("{}: p99 {:.2} ms, at most 5", row.name, millis(p99));
            // A page that is soon enough even so is good enough.
            let time = match &disturbed {
                Some(why) if p99 > most => (format!("{what}; not judged, {why}"), None),
                _ => (what, Some(p99 <= most)),
            };
            // Other programs have little part in it.
            let cpu = format!("{}: {:.2} ms of a processor, at most 5", row.name, millis(row.cpu));
            [time, (cpu, Some(row.cpu <= MOST_P99))]
        })
        .collect()
    }

    pub(crate) fn holds(&self) -> bool {
        self.bars().iter().all(|(_, holds)| holds.unwrap_or(true))
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
        for (what, holds) in self.bars() {
            let verdict = match holds {
                Some(true) => "holds",
                Some(false) => "MISSED",
                None => "not judged",
            };
            line(format_args!("{verdict:<10} {what}"));
        }
        table
    }

    pub(crate) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "name": row.name, "series": row.series, "bytes": row.bytes, "cpu_ms": millis(row.cpu),
                "p50_ms": millis(row.quantile(50)), "p99_ms": millis(row.quantile(99)), "max_ms": millis(row.quantile(100)),
            })
        });
        let bars =
            self.bars().into_iter().map(|(what, holds)| json!({ "what": what, "holds": holds }));
        json!({
            "rounds": self.rounds,
            "load_at_end": std::fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next(),
            "rows": rows.collect::<Vec<_>>(),
            "bars": bars.collect::<Vec<_>>(),
        })
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
