//! The figures of a run that two policies are compared by.

use std::collections::BTreeMap;

use serde::Serialize;

use self::Wish::{Less, More, Neither};
use super::outcome::{Ends, Outcome, down_seconds, found_seconds, median};
use crate::written::{lasting, percent};

/// The figures of one run.
#[derive(Debug)]
pub(super) struct Figures {
    /// In the order in which they are told.
    pub(super) all: Vec<Figure>,
    /// Of each target on which anything happened.
    pub(super) targets: BTreeMap<String, OfTarget>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    pub(super) name: String,
    /// `None`: there is none, such as a median of nothing.
    pub(super) value: Option<f64>,
    pub(super) unit: Unit,
    pub(super) wish: Wish,
}

/// What happened to one target.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct OfTarget {
    pub(super) outages: f64,
    pub(super) actions: f64,
    pub(super) down_seconds: f64,
}

/// What a figure is a number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// A share of 1.
    Ratio,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Less is.
    Less,
    /// More is.
    More,
    /// It is no merit.
    Neither,
}

impl Figures {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let Outcome { summary, chronicled } = outcome;
        let lanes = || chronicled.targets.values();
        let ends: Vec<_> = lanes().map(Ends::of).collect();
        let found = found_seconds(lanes());
        let longest = lanes().flat_map(|lane| &lane.down);
        let longest = longest.map(|down| down.end.duration_since(down.start).as_secs_f64());
        let (totals, host) = (&summary.totals, &summary.host);
        let exhausted = summary.targets.values().map(|target| target.exhausted).sum();
        let size = |count: usize| count as u64;
        let sum = |of: fn(&Ends) -> usize| size(ends.iter().map(of).sum());
        let mut all = vec![
            Figure::count("outages", sum(|ends| ends.all), Less),
            Figure::count("healed by an action", sum(|ends| ends.healed), Neither),
            Figure::count("ended by themselves", sum(|ends| ends.by_themselves), Neither),
            Figure::count("open at the end", sum(|ends| ends.open), Less),
            Figure::seconds("median until found", median(&found), Less),
            Figure::seconds("longest until found", found.last().copied(), Less),
            Figure::seconds("downtime of all targets", Some(lanes().map(down_seconds).sum()), Less),
            Figure::seconds("longest downtime", longest.reduce(f64::max), Less),
            Figure::count("actions", totals.actions, Less),
            Figure::count("false actions", totals.false_actions, Less),
            Figure::count("refused", totals.refused, Neither),
            Figure::count("exhausted", exhausted, Less),
            Figure::count("over budget", outcome.over_budget(), Less),
            Figure::count("storms", host.storms, Neither),
        ];
        for objective in &chronicled.objectives {
            let name = |what: &str| format!("{what} of {}", objective.name);
            all.push(Figure::ratio(name("availability"), objective.availability, More));
            all.push(Figure::ratio(
                name("error budget left"),
                Some(objective.budget_remaining),
                More,
            ));
        }
        let target = |(name, lane): (&str, &evenkeel_simulator::Lane)| {
            #[expect(clippy::cast_precision_loss, reason = "counts of a simulation")]
            let figures = OfTarget {
                outages: lane.outages.len() as f64,
                actions: lane.actions.len() as f64,
                down_seconds: down_seconds(lane),
            };
            (name.to_owned(), figures)
        };
        Self { all, targets: outcome.eventful().into_iter().map(target).collect() }
    }
}

impl Figure {
    fn count(name: &str, count: u64, wish: Wish) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts of a simulation")]
        let value = Some(count as f64);
        Self { name: name.to_owned(), value, unit: Unit::Count, wish }
    }

    fn seconds(name: &str, value: Option<f64>, wish: Wish) -> Self {
        Self { name: name.to_owned(), value, unit: Unit::Seconds, wish }
    }

    fn ratio(name: String, value: Option<f64>, wish: Wish) -> Self {
        Self { name, value, unit: Unit::Ratio, wish }
    }
}

impl Unit {
    /// A number of these, for a table.
    pub(super) fn write(self, value: Option<f64>) -> String {
        match (self, value) {
            (_, None) => "-".to_owned(),
            (Self::Count, Some(count)) if count.fract() == 0.0 => format!("{count:.0}"),
            (Self::Count, Some(count)) => format!("{count:.1}"),
            (Self::Seconds, Some(seconds)) => lasting(seconds),
            (Self::Ratio, share) => percent(share),
        }
    }

    /// A difference of these, with its sign.
    pub(super) fn write_difference(self, value: Option<f64>) -> String {
        let Some(value) = value else { return "-".to_owned() };
        let size = match self {
            Self::Ratio => format!("{:.3} %", value.abs() * 100.0),
            unit => unit.write(Some(value.abs())),
        };
        // What is written as nothing has no sign.
        if size
            .trim_end_matches(" %")
            .trim_start_matches(['0', '.'])
            .trim_end_matches(['m', 's'])
            .is_empty()
        {
            return "0".to_owned();
        }
        format!("{}{size}", if value < 0.0 { '−' } else { '+' })
    }
}

impl Wish {
    /// Whether a difference is for the better; `None`: it is no difference, or no merit.
    pub(super) fn is_met_by(self, difference: f64) -> Option<bool> {
        match self {
            Self::Less if difference != 0.0 => Some(difference < 0.0),
            Self::More if difference != 0.0 => Some(difference > 0.0),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_its_sign_and_none_has_no() {
        assert_eq!(Unit::Count.write_difference(Some(-3.0)), "−3");
        assert_eq!(Unit::Seconds.write_difference(Some(90.0)), "+1m 30s");
        assert_eq!(Unit::Seconds.write_difference(Some(0.0)), "0");
        assert_eq!(Unit::Ratio.write_difference(Some(-0.000_25)), "−0.025 %");
        assert_eq!(Unit::Ratio.write_difference(Some(1e-9)), "0");
        assert_eq!(Unit::Count.write_difference(None), "-");
    }

    #[test]
    fn less_downtime_and_more_availability_are_better() {
        assert_eq!(Less.is_met_by(-1.0), Some(true));
        assert_eq!(More.is_met_by(-1.0), Some(false));
        assert_eq!(More.is_met_by(0.0), None);
        assert_eq!(Neither.is_met_by(5.0), None);
    }
}
