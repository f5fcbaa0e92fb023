use std::time::Duration;

use serde::Serialize;

/// How long something took, of all times that it happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many times.
    pub count: u64,
    /// Half of them took no longer.
    pub p50_ms: u64,
    /// 99 of 100 took no longer.
    pub p99_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

impl Spread {
    /// Of these, in any order.
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        // The smallest that so many are not longer than: nearest rank.
        let rank = |percent: usize| (times.len() * percent).div_ceil(100).saturating_sub(1);
        let at = |rank: usize| times.get(rank).copied().map_or(0, millis);
        Self {
            count: times.len() as u64,
            p50_ms: at(rank(50)),
            p99_ms: at(rank(99)),
            max_ms: times.last().copied().map_or(0, millis),
        }
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranks_are_those_of_the_sorted_times() {
        let times = (1..=200).rev().map(Duration::from_millis).collect();
        let spread = Spread { count: 200, p50_ms: 100, p99_ms: 198, max_ms: 200 };
        assert_eq!(Spread::of(times), spread);
        assert_eq!(Spread::of(Vec::new()), Spread::default());
        let one = Spread { count: 1, p50_ms: 7, p99_ms: 7, max_ms: 7 };
        assert_eq!(Spread::of(vec![Duration::from_millis(7)]), one);
    }
}
