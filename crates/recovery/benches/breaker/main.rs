//! `cargo xtask bench breaker`: nanoseconds a call costs its breaker, beside failsafe and recloser in the same run. Fails when a
//! figure of `docs/bench.md` is missed.
#![expect(clippy::print_stdout, reason = "its output is what a person or a log reads")]

mod contenders;
mod contest;

use std::process::ExitCode;

use evenkeel_figures::{Bar, Figure, Limit, Report};

use self::contest::{Figures, Kind};

/// What must hold of the breaker that threads share, in nanoseconds.
const BARS: [(Kind, f64); 3] = [(Kind::Closed, 8.0), (Kind::Contended, 25.0), (Kind::Refused, 5.0)];

/// What the noise of a machine that others use may add.
const TOLERANCE: f64 = 1.1;

const UNMEASURED: &str = "two threads never ran at the same time for long enough";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` starts it too.
    if !args.iter().any(|arg| arg == "--bench") {
        println!("run by `cargo xtask bench breaker`");
        return ExitCode::SUCCESS;
    }
    let mut report = Report::new("breaker");
    for (kind, most) in BARS {
        measure(kind, most, &mut report);
    }
    if args.iter().any(|arg| arg == "--json") {
        println!("{}", report.document());
    } else {
        print!("{}\n{}", report.figures_table(), report.bars_table());
    }
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure(kind: Kind, most: f64, report: &mut Report) {
    let rows = contest::run(kind, &contenders::all());
    let ours = rows[0].1.clone();
    for (name, figures) in &rows {
        let row = Figure::new(format!("{}, ns a call", kind.title()), *name);
        report.figures.push(match figures {
            Some(Figures { median, quartile, min }) => {
                let ratio = ours.as_ref().map_or(f64::NAN, |ours| median / ours.median);
                row.with("median_ns", *median)
                    .with("quartile_ns", *quartile)
                    .with("min_ns", *min)
                    .with("times_ours", ratio)
            }
            None => row,
        });
    }
    // The first quartile: half of the batches are disturbed by whoever else uses the machine.
    let what = format!("breaker, {}", kind.title());
    let limit = Limit::AtMost(most);
    let bar = match ours {
        Some(ours) => Bar::new(what, ours.quartile, "ns", limit, TOLERANCE),
        None => Bar::unmeasured(what, "ns", limit, UNMEASURED),
    };
    let peers = rows.iter().filter(|(name, _)| contenders::PEERS.contains(name));
    let peers = peers.filter_map(|(name, figures)| Some((*name, figures.as_ref()?.quartile)));
    report.bars.push(match peers.min_by(|one, other| one.1.total_cmp(&other.1)) {
        Some((name, quartile)) => bar.beside(name, quartile),
        None => bar,
    });
}
