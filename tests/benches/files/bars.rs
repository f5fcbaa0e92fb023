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

/// What the bare loop must get of its processors for a time to say something; other programs take the rest.
const LEAST_SHARE: f64 = 0.85;

/// One figure, and whether it is reached.
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) measured: String,
    pub(crate) limit: String,
    pub(crate) verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    Missed,
    /// Why it says nothing.
    NotJudged(String),
}

impl Verdict {
    fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Missed }
    }

    /// As it is, or not at all for this reason.
    fn unless(self, reason: Option<&String>) -> Self {
        reason.map_or(self, |reason| Self::NotJudged(reason.clone()))
    }
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
    let floor = report.latencies.iter().find(|latency| latency.is_bare);
    for agent in report.latencies.iter().filter(|latency| !latency.is_bare) {
        bars.extend(latency(agent, floor));
    }
    bars.extend(report.bursts.iter().map(|burst| Bar {
        what: format!("{} files changed in a burst on {}", burst.files, burst.filesystem),
        measured: format!("{} missed", burst.missed),
        limit: "none missed".to_owned(),
        verdict: Verdict::of(burst.missed == 0),
    }));
    bars
}

fn sweep(contest: &Contest) -> Option<[Bar; 3]> {
    let threads = host::processors().min(2);
    let ours = contest.standings.first()?;
    let floor = contest.find(&floor::name(threads))?;
    let find = contest.find("find")?;
    let (cost, gain, possible) = (ours.cpu_times(floor), find.times(ours), find.times(floor));
    let share = floor.share_of(threads);
    let disturbed = (share < LEAST_SHARE)
        .then(|| format!("other programs left the bare loop {:.0} % of its time", share * 100.0));
    let alone = (threads == 1).then(|| "there is one processor".to_owned());
    let impossible = (possible < LEAST_TIMES_AS_FAST)
        .then(|| format!("the bare loop itself is {possible:.2} times as fast"));
    let fast = Verdict::of(gain >= LEAST_TIMES_AS_FAST / RATIO_TOLERANCE);
    Some([
        Bar {
            what: format!("{}: processor time beside the bare loop", contest.title()),
            measured: format!("{cost:.2} times"),
            limit: format!("≤ {MOST_TIMES_FLOOR} times"),
            verdict: Verdict::of(cost <= MOST_TIMES_FLOOR * RATIO_TOLERANCE),
        },
        Bar {
            what: format!("{}: beside find", contest.title()),
            measured: format!("{gain:.2} times as fast"),
            limit: format!("≥ {LEAST_TIMES_AS_FAST} times, with two processors"),
            verdict: fast.unless(alone.or(disturbed).or(impossible).as_ref()),
        },
        Bar {
            what: format!("{}: peak memory", contest.title()),
            measured: format!("{:.1} MB", mb(ours.rss_bytes())),
            limit: format!("≤ {} MB", MOST_RSS_BYTES >> 20),
            verdict: Verdict::of(ours.rss_bytes() <= MOST_RSS_BYTES),
        },
    ])
}

fn delete(contest: &Contest) -> Option<Bar> {
    let ours = contest.standings.first()?;
    // Processor time leaves out the wait for a disk, so it only stands in where others took the processors.
    let disturbed = contest.find(floor::UNLINK)?.share_of(1) < LEAST_SHARE;
    let (how, micros) = if disturbed {
        ("processor time, as others took the processors", ours.cpu_micros())
    } else {
        ("time", ours.median_micros())
    };
    Some(Bar {
        what: format!("{}: {how}", contest.title()),
        measured: format!("{micros:.1} µs a file"),
        limit: format!("≤ {MOST_MICROS_A_DELETION} µs a file"),
        verdict: Verdict::of(micros <= MOST_MICROS_A_DELETION * TIME_TOLERANCE),
    })
}

fn latency(latency: &Latency, floor: Option<&Latency>) -> [Bar; 3] {
    let what = |what: &str| format!("drift repaired, {}: {what}", latency.what);
    let bar = |name: &str, share: f64, most: f64| {
        let micros = quantile(latency.micros.iter().copied(), share);
        let least = floor.map(|floor| quantile(floor.micros.iter().copied(), share));
        let disturbed = least
            .filter(|least| *least > most / 2.0)
            .map(|least| format!("a bare loop of inotify and chmod takes {least:.0} µs here"));
        Bar {
            what: what(name),
            measured: format!("{micros:.0} µs"),
            limit: format!("≤ {most} µs"),
            verdict: Verdict::of(micros <= most * TIME_TOLERANCE).unless(disturbed.as_ref()),
        }
    };
    [
        bar("median", 0.5, MOST_MEDIAN_MICROS),
        bar("p99", 0.99, MOST_P99_MICROS),
        Bar {
            what: what("missed"),
            measured: latency.missed.to_string(),
            limit: "none".to_owned(),
            verdict: Verdict::of(latency.missed == 0),
        },
    ]
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
pub(crate) fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
