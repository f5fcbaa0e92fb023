use std::time::Duration;

use evenkeel_moment::Moment;

use crate::PolicyError;
use crate::states::HardStates;

/// The changes that there can be between them.
const CHANGES: f64 = 20.0;

/// When a check counts as flapping: it goes up and down too often for its state to mean anything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlapPolicy {
    low: f64,
    high: f64,
    hold: Duration,
}

/// The last hard states of one check, and whether they flap (docs/semantics.md, 4).
///
/// Of the last 21 hard states the 20 possible changes are weighed, the oldest with 0.75, the newest with 1.25: it flaps from
/// `high` percent of the whole weight on, and no more once it is at `low` or below and `hold` has passed. In between nothing
/// changes, so that flapping does not flap.
#[derive(Debug, Clone, PartialEq)]
pub struct Flapping {
    policy: FlapPolicy,
    states: HardStates,
    since: Option<Moment>,
}

impl FlapPolicy {
    /// How long flapping lasts at least.
    pub const fn hold(&self) -> Duration {
        self.hold
    }

    /// A checked policy: percentages with `0 <= low < high <= 100`, and how long flapping lasts at least.
    ///
    /// Fails for anything else, naming the key.
    pub fn try_new(low: f64, high: f64, hold: Duration) -> Result<Self, PolicyError> {
        let refuse = |key, value: f64, accepted: String| {
            Err(PolicyError { key, value: format!("{value}%"), accepted })
        };
        if !(high > 0.0 && high <= 100.0) {
            return refuse("flap.high", high, "more than 0% and at most 100%".to_owned());
        }
        if !(low >= 0.0 && low < high) {
            return refuse("flap.low", low, format!("0% on, and less than `high` ({high}%)"));
        }
        Ok(Self { low, high, hold })
    }
}

impl Flapping {
    /// Nothing is known yet, so nothing flaps.
    pub const fn new(policy: FlapPolicy) -> Self {
        Self::restore(policy, HardStates::new(), None)
    }

    /// Goes on with what was kept: the states, and since when it has been flapping.
    pub const fn restore(policy: FlapPolicy, states: HardStates, since: Option<Moment>) -> Self {
        Self { policy, states, since }
    }

    /// Takes in the hard state after a look. Says whether it flaps now, if that is news.
    ///
    /// Soft failures are no states and are not told here; a soft recovery is an `up`.
    pub fn observe(&mut self, now: Moment, up: bool) -> Option<bool> {
        self.states.push(up);
        self.poll(now)
    }

    /// As [`Flapping::observe`] without a look: the hold may be over. Due at [`Flapping::deadline`].
    pub fn poll(&mut self, now: Moment) -> Option<bool> {
        let percent = self.percent();
        match self.since {
            None if percent >= self.policy.high => {
                self.since = Some(now);
                Some(true)
            }
            Some(since)
                if percent <= self.policy.low
                    && now.saturating_since(since) >= self.policy.hold =>
            {
                self.since = None;
                Some(false)
            }
            _ => None,
        }
    }

    /// When [`Flapping::poll`] has something to do, unless a look comes before.
    pub fn deadline(&self) -> Option<Moment> {
        let since = self.since.filter(|_| self.percent() <= self.policy.low)?;
        Some(since + self.policy.hold)
    }

    /// Since when it has been flapping, if it is.
    pub const fn since(&self) -> Option<Moment> {
        self.since
    }

    /// The states looked back on.
    pub const fn states(&self) -> HardStates {
        self.states
    }

    /// The weighed share of changes, in percent. Before there are 21 states, those before the first count as equal to it.
    pub fn percent(&self) -> f64 {
        // As it is of nearly everything nearly always, and each look asks.
        if self.states.changes() == 0 {
            return 0.0;
        }
        let places = self.states.places_of_changes();
        let weights: f64 =
            places.map(|place| 0.75 + 0.5 * f64::from(place) / (CHANGES - 1.0)).sum();
        100.0 * weights / CHANGES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::states::HISTORY;

    const HOLD: Duration = Duration::from_mins(10);

    fn policy() -> FlapPolicy {
        FlapPolicy::try_new(20.0, 30.0, HOLD).expect("the defaults")
    }

    fn at(seconds: u64) -> Moment {
        Moment::since_origin(Duration::from_secs(seconds))
    }

    fn after(ups: &[bool]) -> Flapping {
        Flapping::restore(policy(), ups.iter().copied().collect(), None)
    }

    /// 21 states that change at these of the 20 places, 0 being the oldest.
    fn changing_at(places: &[usize]) -> Vec<bool> {
        let mut up = true;
        (0..usize::from(HISTORY))
            .map(|index| {
                up ^= index > 0 && places.contains(&(index - 1));
                up
            })
            .collect()
    }

    fn near(percent: f64, expected: f64) {
        assert!((percent - expected).abs() < 1e-9, "{percent} and not {expected}");
    }

    #[test]
    fn the_percentages_are_those_of_nagios() {
        near(after(&changing_at(&[19])).percent(), 6.25);
        near(after(&changing_at(&[0])).percent(), 3.75);
        near(after(&changing_at(&(0..20).collect::<Vec<_>>())).percent(), 100.0);
        near(after(&[]).percent(), 0.0);
        for places in [[16, 17, 18, 19], [13, 15, 17, 19], [12, 14, 16, 19]] {
            let percent = after(&changing_at(&places)).percent();
            assert!((23.0..24.5).contains(&percent), "{places:?}: {percent}");
        }
    }

    #[test]
    fn fewer_states_than_the_history_count_as_the_newest_ones() {
        near(after(&[true, false]).percent(), 6.25);
        near(after(&[true, true, false, false]).percent(), after(&changing_at(&[18])).percent());
    }

    #[test]
    fn it_starts_at_high_stops_at_low_and_stays_as_it_is_in_between() {
        let mut flapping = Flapping::new(policy());
        let mut told = Vec::new();
        // Up and down at each look: the percentage passes 20 and then 30.
        for second in 0..7 {
            told.extend(flapping.observe(at(second), second % 2 == 0).map(|now| (second, now)));
        }
        assert_eq!(told, [(6, true)], "five changes are 29.9 %, six are more than 30 %");
        let start = flapping.since().expect("it flaps");
        let mut second = 1_000;
        loop {
            let told = flapping.observe(at(second), true);
            if flapping.percent() <= 20.0 {
                assert_eq!(told, Some(false));
                break;
            }
            assert_eq!((told, flapping.since()), (None, Some(start)), "{}", flapping.percent());
            second += 1;
        }
        assert_eq!(flapping.since(), None, "the hold was over before the percentage was low");
    }

    #[test]
    fn it_lasts_as_long_as_its_hold_though_the_changes_are_over() {
        let mut flapping = Flapping::new(policy());
        for second in 0..7 {
            flapping.observe(at(second), second % 2 == 0);
        }
        let since = flapping.since().expect("it flaps");
        for second in 7..40 {
            assert_eq!(flapping.observe(at(second), false), None);
        }
        assert_eq!(flapping.deadline(), Some(since + HOLD));
        assert_eq!(flapping.poll(since + HOLD), Some(false));
    }

    #[test]
    fn a_policy_that_cannot_be_names_the_key() {
        let refused = |low, high| {
            FlapPolicy::try_new(low, high, HOLD).map_err(|error| error.to_string()).unwrap_err()
        };
        assert_eq!(
            refused(30.0, 30.0),
            "`flap.low = 30%` is not accepted: 0% on, and less than `high` (30%)"
        );
        assert_eq!(
            refused(0.0, 101.0),
            "`flap.high = 101%` is not accepted: more than 0% and at most 100%"
        );
        assert!(FlapPolicy::try_new(f64::NAN, 30.0, HOLD).is_err());
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_model_of_the_rules(
            looks in prop::collection::vec((1..400u64, any::<bool>()), 1..200),
        ) {
            let mut flapping = Flapping::new(policy());
            let (mut now, mut states, mut flaps) = (0, Vec::new(), None);
            for (wait, up) in looks {
                now += wait;
                states.push(up);
                // The model keeps all states, pads with the first, and weighs from the newest back.
                let last = |back: usize| states.len().checked_sub(1 + back).map_or(states[0], |at| states[at]);
                let weight = |back: u8| 1.25 - 0.5 * f64::from(back) / 19.0;
                let changed = |back: &u8| last(usize::from(*back)) != last(usize::from(*back) + 1);
                let percent: f64 = (0..20).filter(changed).map(weight).sum::<f64>() * 5.0;
                flaps = match flaps {
                    None if percent >= 30.0 - 1e-9 => Some(now),
                    Some(since) if percent <= 20.0 + 1e-9 && now - since >= HOLD.as_secs() => None,
                    other => other,
                };
                flapping.observe(at(now), up);
                prop_assert!((flapping.percent() - percent).abs() < 1e-9);
                prop_assert_eq!(flapping.since(), flaps.map(at));
            }
        }
    }
}
