//! Two policies beside one another, and one over several seeds: what is policy, and what may be luck.

use std::collections::BTreeSet;

use super::figures::{Figure, Figures, OfTarget, Unit, Wish};
use super::outcome::median;
use super::play::Runs;

/// Below this chance that luck alone makes as many seeds agree, a difference is called one.
const LUCK: f64 = 0.05;

/// One figure over several seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) median: Option<f64>,
    pub(super) least: Option<f64>,
    pub(super) most: Option<f64>,
}

/// The second policy beside the first, seed by seed.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) figures: Vec<Difference>,
    /// The downtime of each target that was down under either, the largest difference first.
    pub(super) targets: Vec<TargetDifference>,
}

/// One figure of both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    pub(super) name: String,
    pub(super) unit: Unit,
    pub(super) first: Spread,
    pub(super) second: Spread,
    /// The second less the first, of the same seed.
    pub(super) change: Spread,
    /// In how many seeds the second is better, and in how many worse.
    pub(super) better_in: usize,
    pub(super) worse_in: usize,
    pub(super) verdict: Verdict,
}

/// What is to be thought of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// The second is better.
    Better,
    /// It is worse.
    Worse,
    /// They differ, and luck alone may have made them.
    MayBeLuck,
    /// They do not differ, or the figure is no merit.
    Neither,
}

/// One target under both, by the medians over the seeds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TargetDifference {
    pub(super) name: String,
    pub(super) first: OfTarget,
    pub(super) second: OfTarget,
    /// Of its downtime.
    pub(super) down: Difference,
}

impl Spread {
    /// Of these; those that are none are left out.
    pub(super) fn of(values: impl Iterator<Item = Option<f64>>) -> Self {
        let mut sorted: Vec<_> = values.flatten().collect();
        sorted.sort_by(f64::total_cmp);
        Self {
            median: median(&sorted),
            least: sorted.first().copied(),
            most: sorted.last().copied(),
        }
    }
}

/// Each figure over the seeds of one policy.
pub(super) fn spreads(runs: &Runs) -> Vec<(&Figure, Spread)> {
    let Some((_, first)) = runs.seeds.first() else { return Vec::new() };
    let of = |place: usize| {
        Spread::of(runs.seeds.iter().map(|(_, figures)| figures.all.get(place)?.value))
    };
    first.all.iter().enumerate().map(|(place, figure)| (figure, of(place))).collect()
}

impl Comparison {
    /// `None` where there is only one.
    pub(super) fn of(runs: &[Runs]) -> Option<Self> {
        let [first, second] = runs else { return None };
        let (_, names) = first.seeds.first()?;
        let value = |(_, figures): &(u64, Figures), name: &str| {
            figures.all.iter().find(|figure| figure.name == name)?.value
        };
        let figures = names.all.iter().map(|figure| {
            let of = |runs: &Runs| -> Vec<_> {
                runs.seeds.iter().map(|seed| value(seed, &figure.name)).collect()
            };
            Difference::new(figure, &of(first), &of(second))
        });
        Some(Self { figures: figures.collect(), targets: targets(first, second) })
    }
}

fn targets(first: &Runs, second: &Runs) -> Vec<TargetDifference> {
    let all = first.seeds.iter().chain(&second.seeds);
    let names: BTreeSet<&String> = all.flat_map(|(_, figures)| figures.targets.keys()).collect();
    let each = |runs: &Runs, name: &str| -> Vec<OfTarget> {
        let seeds = runs.seeds.iter();
        seeds.map(|(_, figures)| figures.targets.get(name).copied().unwrap_or_default()).collect()
    };
    let middle = |all: &[OfTarget], of: fn(&OfTarget) -> f64| {
        Spread::of(all.iter().map(|one| Some(of(one)))).median.unwrap_or_default()
    };
    let medians = |all: &[OfTarget]| OfTarget {
        outages: middle(all, |one| one.outages),
        actions: middle(all, |one| one.actions),
        down_seconds: middle(all, |one| one.down_seconds),
    };
    let mut targets: Vec<_> = names
        .into_iter()
        .map(|name| {
            let (first, second) = (each(first, name), each(second, name));
            let down = |all: &[OfTarget]| -> Vec<_> {
                all.iter().map(|one| Some(one.down_seconds)).collect()
            };
            let figure =
                Figure { name: name.clone(), value: None, unit: Unit::Seconds, wish: Wish::Less };
            TargetDifference {
                name: name.clone(),
                down: Difference::new(&figure, &down(&first), &down(&second)),
                first: medians(&first),
                second: medians(&second),
            }
        })
        .collect();
    let size = |target: &TargetDifference| target.down.change.median.unwrap_or_default().abs();
    targets.sort_by(|a, b| size(b).total_cmp(&size(a)));
    targets
}

impl Difference {
    fn new(figure: &Figure, first: &[Option<f64>], second: &[Option<f64>]) -> Self {
        let differences: Vec<_> =
            first.iter().zip(second).map(|(first, second)| Some((*second)? - (*first)?)).collect();
        let better = |wanted: bool| {
            let met = differences.iter().flatten().map(|one| figure.wish.is_met_by(*one));
            met.filter(|better| *better == Some(wanted)).count()
        };
        let (better_in, worse_in) = (better(true), better(false));
        Self {
            name: figure.name.clone(),
            unit: figure.unit,
            first: Spread::of(first.iter().copied()),
            second: Spread::of(second.iter().copied()),
            change: Spread::of(differences.iter().copied()),
            better_in,
            worse_in,
            verdict: Verdict::of(better_in, worse_in, first.len()),
        }
    }
}

impl Verdict {
    /// By a sign test, two-sided: how likely would a fair coin agree with itself so often? Of one seed there is only its sign.
    fn of(better_in: usize, worse_in: usize, seeds: usize) -> Self {
        let told = better_in + worse_in;
        if told == 0 {
            return Self::Neither;
        }
        if seeds > 1 && 2.0 * at_most(better_in.min(worse_in), told) >= LUCK {
            return Self::MayBeLuck;
        }
        if better_in > worse_in { Self::Better } else { Self::Worse }
    }
}

/// How likely `most` or fewer of so many throws of a fair coin are heads.
fn at_most(most: usize, throws: usize) -> f64 {
    // From the middle of the distribution a long way down: as a product of ratios, so that no number is too large.
    let mut term = (0..throws).fold(1.0, |term, _| term / 2.0);
    let mut sum = term;
    for heads in 1..=most {
        #[expect(clippy::cast_precision_loss, reason = "at most a thousand seeds")]
        let ratio = (throws - heads + 1) as f64 / heads as f64;
        term *= ratio;
        sum += term;
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chance_of_a_fair_coin_is_the_binomial_one() {
        assert!((at_most(0, 5) - 1.0 / 32.0).abs() < 1e-12);
        assert!((at_most(2, 5) - 0.5).abs() < 1e-12);
        assert!((at_most(500, 1_000) - 0.512_6).abs() < 1e-3);
    }

    #[test]
    fn a_difference_that_some_seeds_contradict_may_be_luck() {
        assert_eq!(Verdict::of(1, 0, 1), Verdict::Better);
        assert_eq!(Verdict::of(0, 1, 1), Verdict::Worse);
        assert_eq!(Verdict::of(5, 0, 5), Verdict::MayBeLuck, "one in sixteen");
        assert_eq!(Verdict::of(6, 0, 6), Verdict::Better, "one in thirty-two");
        assert_eq!(Verdict::of(3, 17, 20), Verdict::Worse);
        assert_eq!(Verdict::of(7, 13, 20), Verdict::MayBeLuck);
        assert_eq!(Verdict::of(0, 0, 20), Verdict::Neither);
    }

    #[test]
    fn differences_are_taken_seed_by_seed() {
        let figure =
            Figure { name: "actions".to_owned(), value: None, unit: Unit::Count, wish: Wish::Less };
        let first = [Some(10.0), Some(100.0), Some(50.0), None];
        let second = [Some(8.0), Some(97.0), Some(51.0), Some(1.0)];
        let told = Difference::new(&figure, &first, &second);
        let spread = Spread { median: Some(-2.0), least: Some(-3.0), most: Some(1.0) };
        assert_eq!((told.change, told.better_in, told.worse_in), (spread, 2, 1));
    }
}
