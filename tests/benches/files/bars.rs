//! The figures that must be reached.

use std::collections::BTreeMap;

use evenkeel_figures::{Bar, Limit, MOST_EXPONENT, exponent, quantile};

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
const MOST_RSS_MIB: f64 = 16.0;
const MOST_MICROS_A_DELETION: f64 = 30.0;
const MOST_MEDIAN_MICROS: f64 = 100.0;
const MOST_P99_MICROS: f64 = 2000.0;

/// What the bare loop must get of its processors for a time to say something; other programs take the rest.
const LEAST_SHARE: f64 = 0.85;

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
    bars.extend(report.bursts.iter().map(|burst| {
        let what =
            format!("{} files changed in a burst on {}: missed", burst.files, burst.filesystem);
        Bar::new(what, count(burst.missed), "", Limit::AtMost(0.0), 1.0)
    }));
    bars.extend(growth(&report.contests));
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
    let (title, times) = (contest.title(), "times");
    let (most, least) = (Limit::AtMost(MOST_TIMES_FLOOR), Limit::AtLeast(LEAST_TIMES_AS_FAST));
    Some([
        Bar::new(
            format!("{title}: processor time beside the bare loop"),
            cost,
            times,
            most,
            RATIO_TOLERANCE,
        ),
        Bar::new(format!("{title}: as fast as find"), gain, times, least, RATIO_TOLERANCE)
            .unless(alone.or(disturbed).or(impossible)),
        Bar::new(
            format!("{title}: peak memory"),
            mib(ours.rss_bytes()),
            "MiB",
            Limit::AtMost(MOST_RSS_MIB),
            1.0,
        )
        .beside("find", mib(find.rss_bytes())),
    ])
}

fn delete(contest: &Contest) -> Option<Bar> {
    let ours = contest.standings.first()?;
    let share = contest.find(floor::UNLINK)?.share_of(1);
    let disturbed = (share < LEAST_SHARE)
        .then(|| format!("other programs left bare `unlinkat` {:.0} % of its time", share * 100.0));
    let (what, limit) =
        (format!("{}: time", contest.title()), Limit::AtMost(MOST_MICROS_A_DELETION));
    let bar = Bar::new(what, ours.median_micros(), "µs a file", limit, TIME_TOLERANCE);
    let bar = bar.unless(disturbed);
    Some(match contest.find("find") {
        Some(find) => bar.beside("find", find.median_micros()),
        None => bar,
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
        Bar::new(what(name), micros, "µs", Limit::AtMost(most), TIME_TOLERANCE).unless(disturbed)
    };
    [
        bar("median", 0.5, MOST_MEDIAN_MICROS),
        bar("p99", 0.99, MOST_P99_MICROS),
        Bar::new(what("missed"), count(latency.missed), "", Limit::AtMost(0.0), 1.0),
    ]
}

/// How the processor time of ours grows with the number of files, for each kind of work that was measured with several.
fn growth(contests: &[Contest]) -> Vec<Bar> {
    let mut kinds: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for contest in contests {
        let Some(ours) = contest.standings.first() else { continue };
        let files = count(contest.files);
        let kind = (contest.row, contest.what, &contest.filesystem);
        kinds.entry(kind).or_default().push((files, ours.cpu_micros() * files));
    }
    let bar = |((row, what, filesystem), points): (_, Vec<_>)| {
        let power = exponent(&points)?;
        let what = format!("growth with the number of files: {row} on {filesystem}, {what}");
        Some(Bar::new(what, power, "(power)", Limit::AtMost(MOST_EXPONENT), 1.0))
    };
    kinds.into_iter().filter_map(bar).collect()
}

fn mib(bytes: u64) -> f64 {
    count(bytes) / f64::from(1 << 20)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn count(number: u64) -> f64 {
    number as f64
}
