//! Many cases on all cores: what they came to, and the first one that broke a law.

use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use evenkeel_simulator::{Summary, run};

use crate::case::Case;
use crate::coverage::Coverage;
use crate::generate;
use crate::laws::{Broken, Laws};

/// Each of so many cases is run twice.
const TWICE_IN: u64 = 20;

/// What a case came to.
pub(crate) struct Played {
    pub(crate) summary: Option<Summary>,
    pub(crate) broken: Option<Broken>,
    pub(crate) coverage: Coverage,
}

/// Runs a case under laws. A panic is a law that is broken too.
pub(crate) fn play(case: &Case, mut laws: Laws) -> Result<Played, String> {
    let scenario = case.scenario()?;
    let ran = catch_unwind(AssertUnwindSafe(|| run(&scenario, &mut [&mut laws])));
    let Laws { mut broken, coverage, .. } = laws;
    let summary = ran
        .map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            broken = Some(Broken::panic(text.unwrap_or_default()));
        })
        .ok();
    Ok(Played { summary, broken, coverage })
}

/// What many cases came to.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) seeds: u64,
    pub(crate) twice: u64,
    pub(crate) took: Duration,
    pub(crate) virtual_time: Duration,
    pub(crate) attempts: u64,
    pub(crate) actions: u64,
    pub(crate) refused: u64,
    pub(crate) incidents: u64,
    pub(crate) agent_crashes: u64,
    pub(crate) reboots: u64,
    pub(crate) reloads: u64,
    pub(crate) faults: u64,
    pub(crate) coverage: Coverage,
    /// The cases that broke a law, by their seeds.
    pub(crate) broken: Vec<(u64, Broken)>,
}

/// Runs the cases of `seeds` seeds from `from` on; ends soon after the first one that breaks a law.
pub(crate) fn sweep(from: u64, seeds: u64) -> Report {
    let began = Instant::now();
    let (next, stop) = (AtomicU64::new(from), AtomicBool::new(false));
    let report = Mutex::new(Report::default());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut mine = Report::default();
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from.saturating_add(seeds) {
                        break;
                    }
                    mine.play(seed);
                    if !mine.broken.is_empty() {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
                report.lock().expect("nobody panics with it").add(mine);
            });
        }
    });
    let mut report = report.into_inner().expect("nobody panics with it");
    report.took = began.elapsed();
    report.broken.sort_by_key(|(seed, _)| *seed);
    report
}

impl Report {
    fn play(&mut self, seed: u64) {
        let case = generate::case(seed);
        let twice = seed.is_multiple_of(TWICE_IN);
        let played = match play(&case, Laws::all()) {
            Ok(played) => played,
            Err(problem) => return self.broken.push((seed, Broken::panic(problem))),
        };
        self.seeds += 1;
        self.virtual_time += case.lasts;
        self.coverage.add(&played.coverage);
        if let Some(broken) = played.broken {
            return self.broken.push((seed, broken));
        }
        let Some(summary) = played.summary else { return };
        if twice {
            self.twice += 1;
            let again = play(&case, Laws::all()).ok().and_then(|played| played.summary);
            if again.as_ref() != Some(&summary) {
                let again = again.map(|summary| summary.trace);
                let why = format!("the trace is {} and then {again:?}", summary.trace);
                self.broken.push((seed, Broken::differs(why)));
            }
        }
        self.attempts += summary.totals.attempts;
        self.actions += summary.totals.actions;
        self.refused += summary.totals.refused;
        self.incidents += summary.totals.incidents;
        self.faults += summary.totals.faults;
        self.agent_crashes += summary.host.agent_crashes;
        self.reboots += summary.host.reboots;
        self.reloads += summary.host.reloads;
    }

    fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.twice += other.twice;
        self.virtual_time += other.virtual_time;
        self.attempts += other.attempts;
        self.actions += other.actions;
        self.refused += other.refused;
        self.incidents += other.incidents;
        self.agent_crashes += other.agent_crashes;
        self.reboots += other.reboots;
        self.reloads += other.reloads;
        self.faults += other.faults;
        self.coverage.add(&other.coverage);
        self.broken.extend(other.broken);
    }
}

impl Display for Report {
    #[expect(clippy::cast_precision_loss, reason = "figures to look at")]
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.took.as_secs_f64().max(0.001);
        let years = self.virtual_time.as_secs_f64() / (365.25 * 86_400.0);
        writeln!(
            formatter,
            "{} seeds in {seconds:.1} s ({:.0} a second), {} of them twice; {years:.2} years of virtual time",
            self.seeds,
            self.seeds as f64 / seconds,
            self.twice,
        )?;
        writeln!(
            formatter,
            "{} attempts of checks, {} faults of targets, {} incidents, {} actions, {} refusals, {} agents killed, {} reboots, {} reloads",
            self.attempts,
            self.faults,
            self.incidents,
            self.actions,
            self.refused,
            self.agent_crashes,
            self.reboots,
            self.reloads,
        )?;
        for (what, times) in &self.coverage.times {
            writeln!(formatter, "{times:>12}  {what}")?;
        }
        Ok(())
    }
}
