//! The figures that must be reached.

use crate::contest::quantile;
use crate::report::{Contest, Latency, Report};
use crate::{floor, host};

/// Below it the start of a program outweighs its work.
const FEWEST_FILES: u64 = 100_000;
/// A ratio of two programs in the same round.
const RATIO_TOLERANCE: f64 = 1.05;
/// A time, which depends on the machine.
const TIME_TOLERANCE: f64 = 1.10;

const MOST_TIMES_FLOOR: f64 = 1.15;
const LEAST_TIMES_AS_FAST: f64 = 3.0;
const MOST_RSS_BYTES: u64 = 16 << 20;
const MOST_MICROS_A_DELETION: f64 = 30.0;
const MOST_MEDIAN_MICROS: f64 = 100.0;
const MOST_P99_MICROS: f64 = 2000.0;

/// One figure, and whether it is reached.
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) measured: String,
    pub(crate) limit: String,
    pub(crate) holds: bool,
}

/// Judges what was measured; what was not measured, or only on small trees, has no bar.
pub(crate) fn judge(report: &Report) -> Vec<Bar> {
    let mut bars = Vec::new();
    let large = report.contests.iter().filter(|contest| contest.files >= FEWEST_FILES);
    for contest in large {
        match contest.row {
            "sweep" => bars.extend(sweep(contest).into_iter().flatten()),
            "delete" => bars.extend(delete(contest)),
            _ => {}
        }
    }
    bars.extend(report.latencies.iter().flat_map(latency));
    bars.extend(report.bursts.iter().map(|burst| Bar {
        what: format!("{} files changed in a burst on {}", burst.files, burst.filesystem),
        measured: format!("{} missed", burst.missed),
        limit: "none missed".to_owned(),
        holds: burst.missed == 0,
    }));
    bars
}

fn sweep(contest: &Contest) -> Option<[Bar; 3]> {
    let ours = contest.standings.first()?;
    let name = floor::name(host::processors().min(2));
    let floor = contest.standings.iter().find(|standing| standing.name == name)?;
    let find = contest.standings.iter().find(|standing| standing.name == "find")?;
    let (ratio, gain) = (ours.times(floor), find.times(ours));
    Some([
        Bar {
            what: format!("{}: beside the bare loop", contest.title()),
            measured: format!("{ratio:.2} times"),
            limit: format!("≤ {MOST_TIMES_FLOOR} times"),
            holds: ratio <= MOST_TIMES_FLOOR * RATIO_TOLERANCE,
        },
        Bar {
            what: format!("{}: beside find", contest.title()),
            measured: format!("{gain:.2} times as fast"),
            limit: format!("≥ {LEAST_TIMES_AS_FAST} times, with two processors"),
            holds: gain >= LEAST_TIMES_AS_FAST / RATIO_TOLERANCE || host::processors() == 1,
        },
        Bar {
            what: format!("{}: peak memory", contest.title()),
            measured: format!("{:.1} MB", mb(ours.rss_bytes())),
            limit: format!("≤ {} MB", MOST_RSS_BYTES >> 20),
            holds: ours.rss_bytes() <= MOST_RSS_BYTES,
        },
    ])
}

fn delete(contest: &Contest) -> Option<Bar> {
    let micros = contest.standings.first()?.median_micros();
    Some(Bar {
        what: contest.title(),
        measured: format!("{micros:.1} µs a file"),
        limit: format!("≤ {MOST_MICROS_A_DELETION} µs a file"),
        holds: micros <= MOST_MICROS_A_DELETION * TIME_TOLERANCE,
    })
}

fn latency(latency: &Latency) -> [Bar; 3] {
    let what = |what: &str| format!("drift repaired, {}: {what}", latency.what);
    let bar = |name: &str, share: f64, most: f64| {
        let micros = quantile(latency.micros.iter().copied(), share);
        Bar {
            what: what(name),
            measured: format!("{micros:.0} µs"),
            limit: format!("≤ {most} µs"),
            holds: micros <= most * TIME_TOLERANCE,
        }
    };
    [
        bar("median", 0.5, MOST_MEDIAN_MICROS),
        bar("p99", 0.99, MOST_P99_MICROS),
        Bar {
            what: what("missed"),
            measured: latency.missed.to_string(),
            limit: "none".to_owned(),
            holds: latency.missed == 0,
        },
    ]
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
pub(crate) fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
