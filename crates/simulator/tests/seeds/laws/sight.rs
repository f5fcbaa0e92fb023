//! What an attempt of a check says, by the settings alone.

use evenkeel_config::Check;
use evenkeel_probe::{Condition, Facts, Measurement, Outcome, Part, Test, breaches};

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    Good,
    Bad,
    /// Nothing could be told.
    Nothing,
    /// Good or bad: that depends on what was seen before, as with a condition that has to last.
    Depends,
}

/// What an attempt says of the check itself.
pub(super) fn of_check(check: &Check, measurement: &Measurement) -> Sight {
    of(&measurement.outcome, &check.conditions, &measurement.facts)
}

/// What it says of one part.
pub(super) fn of_part(check: &Check, part: &Part) -> Sight {
    of(&part.outcome, &check.part_conditions, &part.facts)
}

fn of(outcome: &Outcome, conditions: &[Condition], facts: &Facts) -> Sight {
    match outcome {
        Outcome::Bad(_) => return Sight::Bad,
        Outcome::Unknown(_) => return Sight::Nothing,
        Outcome::Good => {}
    }
    let broken = breaches(conditions, facts);
    let lasts = |index: usize| conditions[index].sustained_for.is_some();
    if broken.iter().any(|breach| !lasts(breach.condition)) {
        return Sight::Bad;
    }
    let looks_ahead = |condition: &Condition| matches!(condition.test, Test::Reaches { .. });
    if broken.is_empty() && !conditions.iter().any(looks_ahead) {
        Sight::Good
    } else {
        Sight::Depends
    }
}
