//! A simulation as one document for programs; docs/simulation.md describes it.

use std::collections::BTreeMap;

use evenkeel_simulator::{Chronicled, Summary};
use jiff::Timestamp;
use serde::Serialize;

use super::compare::{Comparison, Difference, Spread, Verdict};
use super::figures::{Figures, Unit};
use super::outcome::{down_seconds, seen_availability};
use super::play::Runs;
use super::setting::Setting;

#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    version: &'static str,
    from: Timestamp,
    until: Timestamp,
    seconds: f64,
    seed: u64,
    faults: &'a str,
    again: &'a str,
    policies: Vec<Policy<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<Compared<'a>>,
}

#[derive(Debug, Serialize)]
struct Policy<'a> {
    settings: &'a str,
    headline: String,
    summary: &'a Summary,
    /// By target, what was so and what evenkeel saw.
    availability: BTreeMap<&'a str, Target>,
    #[serde(flatten)]
    chronicled: &'a Chronicled,
    seeds: Vec<Seed<'a>>,
}

#[derive(Debug, Serialize)]
struct Target {
    down_seconds: f64,
    availability: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Seed<'a> {
    seed: u64,
    figures: BTreeMap<&'a str, Option<f64>>,
}

#[derive(Debug, Serialize)]
struct Compared<'a> {
    figures: Vec<Row<'a>>,
    /// Of downtime, in seconds.
    targets: Vec<Row<'a>>,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    name: &'a str,
    unit: Unit,
    a: Option<f64>,
    b: Option<f64>,
    difference: Option<f64>,
    least: Option<f64>,
    most: Option<f64>,
    better_in: usize,
    worse_in: usize,
    b_is: Verdict,
}

impl<'a> Document<'a> {
    pub(super) fn new(
        setting: &'a Setting,
        runs: &'a [Runs],
        comparison: Option<&'a Comparison>,
    ) -> Self {
        let until = runs.first().map_or(setting.began, |run| run.first.chronicled.until);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            from: setting.began,
            until,
            seconds: setting.lasts.as_secs_f64(),
            seed: setting.seed,
            faults: &setting.faults,
            again: &setting.again,
            policies: runs.iter().map(Policy::new).collect(),
            comparison: comparison.map(|comparison| Compared {
                figures: comparison.figures.iter().map(Row::new).collect(),
                targets: comparison.targets.iter().map(|target| Row::new(&target.down)).collect(),
            }),
        }
    }
}

impl<'a> Policy<'a> {
    fn new(runs: &'a Runs) -> Self {
        let lanes = runs.first.chronicled.targets.iter();
        let target = |(name, lane): (&'a String, _)| {
            let target =
                Target { down_seconds: down_seconds(lane), availability: seen_availability(lane) };
            (name.as_str(), target)
        };
        Self {
            settings: &runs.name,
            headline: runs.first.headline(),
            summary: &runs.first.summary,
            availability: lanes.map(target).collect(),
            chronicled: &runs.first.chronicled,
            seeds: runs.seeds.iter().map(Seed::new).collect(),
        }
    }
}

impl<'a> Seed<'a> {
    fn new((seed, figures): &'a (u64, Figures)) -> Self {
        let all = figures.all.iter();
        let figures = all.map(|figure| (figure.name.as_str(), figure.value)).collect();
        Self { seed: *seed, figures }
    }
}

impl<'a> Row<'a> {
    fn new(figure: &'a Difference) -> Self {
        let Spread { median, least, most } = figure.change;
        Self {
            name: &figure.name,
            unit: figure.unit,
            a: figure.first.median,
            b: figure.second.median,
            difference: median,
            least,
            most,
            better_in: figure.better_in,
            worse_in: figure.worse_in,
            b_is: figure.verdict,
        }
    }
}
