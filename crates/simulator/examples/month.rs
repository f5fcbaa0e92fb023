//! How fast a simulated month of a host with 200 targets is: `cargo run --release -p evenkeel-simulator --example month`.
//!
//! It is what `evenkeel simulate` does for one seed, and says how long that took. Further arguments: how many targets, how many days,
//! which seed, and `bare` to have nobody look on.

#![expect(clippy::print_stdout, reason = "a program for people")]

use std::time::{Duration, Instant};

use evenkeel_simulator::{Chronicle, Faults, Scenario, run};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number =
        |default| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (targets, days, seed) = (number(200_u64), number(30), number(1));
    let bare = arguments.next().is_some_and(|text| text == "bare");
    let service = |number: u64| {
        format!(
            "[check.web-{number}]\nhttp = {{ url = \"http://127.0.0.1:1/\" }}\ninterval = \"30s\"\ntimeout = \"1s\"\n\
             [recovery.web-{number}]\nwhen = [\"web-{number}\"]\nsteps = [{{ action = \"exec\", command = [\"restart\"] }}]\n"
        )
    };
    let text: String = (1..=targets).map(service).collect();
    let settings = evenkeel_config::load_text("month.toml", &text).expect("settings");
    let scenario = Scenario {
        faults: Faults::usual(&settings),
        settings,
        lasts: Duration::from_hours(24 * days),
        seed,
        began: jiff::Timestamp::constant(1_790_000_000, 0),
    };
    let begun = Instant::now();
    let summary = if bare {
        run(&scenario, &mut [])
    } else {
        let mut chronicle = Chronicle::new(&scenario);
        let summary = run(&scenario, &mut [&mut chronicle]);
        drop(chronicle.finish(&scenario.settings));
        summary
    };
    let took = begun.elapsed();
    let totals = serde_json::to_string(&summary.totals).expect("plain data");
    println!("{took:?} for {days} days of {targets} targets, trace {}: {totals}", summary.trace);
}
