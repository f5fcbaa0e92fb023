//! `cargo xtask bench scale`: what 10, 100, 1,000 and 10,000 HTTP checks each ten seconds cost one agent on one processor: whether it keeps
//! its times, and how everything grows. Fails when a figure is missed.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "its output is what a person or a log reads")]
#![expect(clippy::disallowed_methods, reason = "it works in scratch directories of its own")]

mod arrivals;
mod pinned;
mod run;

use std::process::ExitCode;
use std::time::Duration;

use evenkeel_figures::{Bar, Figure, Limit, MOST_EXPONENT, Report, exponent};

use crate::run::Taken;

const USAGE: &str = "\
usage: cargo xtask bench scale [FLAG]...

  --up-to N        the most checks: 10, 100, 1000 or 10000 [default: 10000]
  --seconds N      how long each number of checks is measured [default: 60]
  --json           one JSON document in place of tables
";

const SCALES: [u32; 4] = [10, 100, 1_000, 10_000];
/// Of the last of [`SCALES`].
const MOST_P99_MS: f64 = 50.0;
/// A time depends on the machine.
const TOLERANCE: f64 = 1.1;

/// One of the costs of a number of checks.
type Cost = fn(&Taken) -> f64;

struct Args {
    up_to: u32,
    lasts: Duration,
    json: bool,
}

fn main() -> ExitCode {
    evenkeel_tests::bench("scale", USAGE, read, bench)
}

fn read(args: &[&str]) -> Result<Args, String> {
    let mut read = Args { up_to: 10_000, lasts: Duration::from_mins(1), json: false };
    let mut rest = args.iter().copied();
    while let Some(arg) = rest.next() {
        let mut number = || {
            let value = rest.next().unwrap_or_default();
            value.parse::<u32>().map_err(|_| format!("`{arg}`: `{value}` is not a number"))
        };
        match arg {
            "--json" => read.json = true,
            "--up-to" => read.up_to = number()?,
            "--seconds" => read.lasts = Duration::from_secs(number()?.into()),
            other => return Err(format!("`{other}` is not understood")),
        }
    }
    if read.up_to < SCALES[0] || read.lasts < run::EVERY * 3 {
        return Err(format!(
            "nothing to be judged would be measured: at least {:?}",
            run::EVERY * 3
        ));
    }
    Ok(read)
}

fn bench(args: &Args) -> ExitCode {
    let mut report = Report::new("scale");
    let mut taken = Vec::new();
    for checks in SCALES.into_iter().filter(|checks| *checks <= args.up_to) {
        eprintln!("{checks} checks …");
        taken.push(run::run(checks, args.lasts));
    }
    report.figures = taken.iter().map(figure).collect();
    report.bars = times(&taken).into_iter().chain(growth(&taken)).collect();
    let tables = format!("{}\n{}", report.figures_table(), report.bars_table());
    evenkeel_tests::tell(&report, tables, args.json)
}

fn figure(taken: &Taken) -> Figure {
    let looks = taken.looks();
    Figure::new(format!("{} checks each 10 s", taken.checks), "evenkeel run, one processor")
        .with("start_ms", taken.start_ms)
        .with("looks", looks)
        .with("cpu_micros_a_look", taken.cpu_ms * 1e3 / looks)
        .with("cpu_percent", taken.cpu_ms / 10.0 / taken.seconds)
        .with("rss_mb", taken.rss_mb)
        .with("metrics_ms", taken.metrics_ms)
        .with("page_ms", taken.page_ms)
        .with("overruns", taken.overruns)
        .with("not_up", taken.down)
        .with("missing", taken.missing())
        .with("delay_p50_ms", taken.delay(0.5))
        .with("delay_p99_ms", taken.delay(0.99))
        .with("delay_max_ms", taken.delay(1.0))
        .with("bare_timer_p99_ms", taken.bare_p99_ms)
}

/// What is promised of the largest number.
fn times(taken: &[Taken]) -> Vec<Bar> {
    let what = |what: &str| format!("10,000 checks every 10 s on one processor: {what}");
    let wanted = SCALES[SCALES.len() - 1];
    let Some(taken) = taken.iter().find(|taken| taken.checks == wanted) else {
        let why = "so many were not asked for";
        return vec![Bar::unmeasured(
            what("p99 start delay"),
            "ms",
            Limit::AtMost(MOST_P99_MS),
            why,
        )];
    };
    // A thread that does nothing but wake at its times, on the same processor at the same time.
    let disturbed = (taken.bare_p99_ms > MOST_P99_MS / 2.0).then(|| {
        format!("a bare timer on the same processor is late by {:.0} ms (p99)", taken.bare_p99_ms)
    });
    let delay = Bar::new(
        what("p99 start delay"),
        taken.delay(0.99),
        "ms",
        Limit::AtMost(MOST_P99_MS),
        TOLERANCE,
    );
    // What is soon enough even so is good enough.
    let delay = if delay.verdict == evenkeel_figures::Verdict::Met {
        delay
    } else {
        delay.unless(disturbed.clone())
    };
    let overruns = Bar::new(what("overruns"), taken.overruns, "", Limit::AtMost(0.0), 1.0);
    let missing =
        Bar::new(what("looks that did not come"), taken.missing(), "", Limit::AtMost(0.0), 1.0);
    let down = Bar::new(what("not up"), taken.down, "", Limit::AtMost(0.0), 1.0);
    vec![overruns, missing, down, delay]
}

/// How each cost grows.
fn growth(taken: &[Taken]) -> Vec<Bar> {
    let costs: [(&str, Cost); 5] = [
        ("processor time", |taken| taken.cpu_ms),
        ("resident memory", |taken| taken.rss_mb),
        ("start", |taken| taken.start_ms),
        ("/metrics", |taken| taken.metrics_ms),
        ("status page", |taken| taken.page_ms),
    ];
    let bar = |(name, cost): (&str, Cost)| {
        let points: Vec<_> =
            taken.iter().map(|taken| (f64::from(taken.checks), cost(taken))).collect();
        let what = format!("growth with the number of checks: {name}");
        let limit = Limit::AtMost(MOST_EXPONENT);
        match exponent(&points) {
            Some(power) => Bar::new(what, power, "(power)", limit, 1.0),
            None => Bar::unmeasured(what, "(power)", limit, "one number of checks alone"),
        }
    };
    costs.into_iter().map(bar).collect()
}
