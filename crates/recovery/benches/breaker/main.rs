//! `cargo xtask bench breaker`: nanoseconds a call costs its breaker, beside failsafe and recloser in the same run. Fails when a
//! figure of `docs/bench.md` is missed.
#![expect(clippy::print_stdout, reason = "its output is what a person or a log reads")]

mod contenders;
mod contest;

use std::process::ExitCode;

use self::contest::{Figures, Kind};

/// What must hold of the breaker that threads share, in nanoseconds.
const BARS: [(Kind, f64); 3] = [(Kind::Closed, 8.0), (Kind::Contended, 25.0), (Kind::Refused, 5.0)];

/// What the noise of a machine that others use may add.
const TOLERANCE: f64 = 1.1;

fn main() -> ExitCode {
    // `cargo test --all-targets` starts it too.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("run by `cargo xtask bench breaker`");
        return ExitCode::SUCCESS;
    }
    let mut missed = false;
    for (kind, bar) in BARS {
        println!("{}, ns a call", kind.title());
        println!("{:<44}{:>9}{:>9}{:>9}{:>12}", "", "median", "quartile", "min", "times ours");
        let rows = contest::run(kind, &contenders::all());
        let ours = rows[0].1.clone();
        for (name, figures) in rows {
            match figures {
                Some(Figures { median, quartile, min }) => {
                    let ratio = ours.as_ref().map_or(f64::NAN, |ours| median / ours.median);
                    println!("{name:<44}{median:>9.1}{quartile:>9.1}{min:>9.1}{ratio:>12.1}");
                }
                None => println!(
                    "{name:<44}  not measured: two threads never ran at the same time for long enough"
                ),
            }
        }
        // The first quartile: half of the batches are disturbed by whoever else uses the machine.
        let verdict = match ours.map(|ours| ours.quartile) {
            None => "not judged",
            Some(figure) if figure <= bar * TOLERANCE => "holds",
            Some(_) => {
                missed = true;
                "MISSED"
            }
        };
        println!("at most {bar} ns: {verdict}\n");
    }
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
