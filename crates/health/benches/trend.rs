//! What a forecast costs for each reading; `cargo xtask bench trend` runs it.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use evenkeel_figures::{Figure, Report};
use evenkeel_health::{Direction, Forecast};
use evenkeel_moment::Moment;

const READINGS: u32 = 20_000;
const WINDOW: Duration = Duration::from_hours(2);

/// The value at a second.
type Series = fn(f64) -> f64;

fn main() {
    // Cargo passes `--bench`; `--json` is all that is known.
    let kinds: [(&str, Series); 3] = [
        ("steady", |_| 1e8),
        ("saw-tooth", |second| 1e8 + 1e5 * (second % 400.0)),
        ("leak", |second| 1e8 + 1e3 * second + 1e5 * (second % 60.0)),
    ];
    let mut report = Report::new("trend");
    for (name, value) in kinds {
        for every in [10, 60] {
            let nanos = (0..5).map(|_| cost(every, value)).fold(f64::INFINITY, f64::min);
            let row = format!("{name}, a reading each {every} s");
            report.figures.push(Figure::new(row, "forecast").with("ns_a_reading", nanos));
        }
    }
    let as_json = std::env::args().any(|arg| arg == "--json");
    #[expect(clippy::print_stdout, reason = "this is what a bench is for")]
    {
        println!("{}", if as_json { report.document() } else { report.figures_table() });
    }
}

/// Nanoseconds for one reading and what follows from it, once the window is full.
fn cost(every: u32, value: Series) -> f64 {
    let mut forecast = Forecast::new(1e12, WINDOW, Direction::Rising);
    let second = |index: u32| f64::from(index * every);
    let at = |index: u32| Moment::ORIGIN + Duration::from_secs_f64(second(index));
    for index in 0..1_000 {
        forecast.observe(at(index), value(second(index)), None);
    }
    let begun = Instant::now();
    for index in 1_000..1_000 + READINGS {
        black_box(forecast.observe(at(index), value(second(index)), None));
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(READINGS)
}
