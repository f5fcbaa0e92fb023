//! Deterministic simulation tests: thousands of random but valid settings and fault plans, each run of them under every law.
//!
//! How many is said by `EVENKEEL_SEEDS`, from where on by `EVENKEEL_FROM_SEED`; `cargo xtask simulate` sets both. A seed that
//! breaks a law is made as small as it can be, kept in `found/`, and run again from then on by everybody.
#![expect(clippy::print_stdout, reason = "a person reads what a sweep came to")]
#![expect(clippy::disallowed_methods, reason = "cases are kept in the work tree")]

mod case;
mod coverage;
mod draw;
mod endurance;
mod generate;
mod laws;
mod shrink;
mod sweep;
mod tampered;

use std::path::{Path, PathBuf};
use std::time::Duration;

use case::Case;
use evenkeel_moment::Moment;
use evenkeel_simulator::{Event, Observer, View, run};
use jiff::Timestamp;
use laws::Laws;

/// So many seeds unless more are asked for: a few seconds.
const SEEDS: u64 = 200;
/// From so many seeds on everything has to have happened, so often.
const ENOUGH: u64 = 10_000;
const LEAST: u64 = 5;

#[test]
fn no_seed_breaks_a_law() {
    let (from, seeds) = (asked("EVENKEEL_FROM_SEED", 1), asked("EVENKEEL_SEEDS", SEEDS));
    let report = sweep::sweep(from, seeds);
    println!("{report}");
    if let Some((seed, broken)) = report.broken.first() {
        println!("seed {seed} breaks the law of {}: {}", broken.law, broken.why);
        let (small, broken) = shrink::shrink(&generate::case(*seed), broken);
        let kept = found().join(format!("{}-{seed}.toml", broken.law));
        std::fs::write(&kept, small.to_text()).expect("found cases can be kept");
        panic!(
            "seed {seed} breaks the law of {} at {:?}: {}\nkept as {}:\n{}",
            broken.law,
            broken.at,
            broken.why,
            kept.display(),
            small.to_text()
        );
    }
    if seeds >= ENOUGH {
        let lacks = report.coverage.lacks(LEAST);
        assert!(lacks.is_empty(), "happened less than {LEAST} times in {seeds} seeds: {lacks:?}");
    }
}

#[test]
#[ignore = "prints every line of one run, for a person: cargo xtask simulate --seed SEED --trace"]
fn one_seed_is_traced() {
    let case = match std::env::var_os("EVENKEEL_CASE") {
        Some(path) => Case::of_text(&std::fs::read_to_string(path).expect("readable")),
        None => Ok(generate::case(asked("EVENKEEL_FROM_SEED", 1))),
    };
    let case = case.expect("as it was kept");
    println!("{}", case.to_text());
    let mut laws = Laws::all();
    run(&case.scenario().expect("valid settings"), &mut [&mut Trace, &mut laws]);
    assert_eq!(laws.broken, None);
}

/// Prints what happens.
struct Trace;

impl Observer for Trace {
    fn saw(&mut self, now: Moment, wall: Timestamp, event: &Event<'_>, _: &View<'_>) {
        let after = now.saturating_since(Moment::ORIGIN + Duration::from_hours(1));
        println!("{after:>14?} {wall} {event:?}");
    }
}

#[test]
fn cases_that_were_found_hold() {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(found())
        .expect("a directory of found cases")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    cases.sort();
    for path in cases {
        let text = std::fs::read_to_string(&path).expect("readable");
        let case = Case::of_text(&text).expect("as it was kept");
        let played = sweep::play(&case, Laws::all()).expect("valid settings");
        assert_eq!(played.broken, None, "{}", path.display());
    }
}

#[test]
fn a_case_is_the_same_after_it_was_kept() {
    for seed in 1..50 {
        let case = generate::case(seed);
        assert_eq!(Case::of_text(&case.to_text()).as_ref(), Ok(&case), "seed {seed}");
        assert_eq!(generate::case(seed), case, "a function of its seed");
    }
}

fn found() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seeds/found")
}

fn asked(variable: &str, otherwise: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}: `{text}` is no number")),
        Err(_) => otherwise,
    }
}
