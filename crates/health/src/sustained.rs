use std::time::Duration;

use evenkeel_moment::Moment;

/// A condition that must hold without a break for some time before it counts, as `for = "5m"` says.
///
/// Feed it every look that gave an answer; its `true` is evidence that needs no further counting
/// ([`Sample::BadForSure`](crate::Sample::BadForSure)). A look that gave no answer is neither a breach nor a break: leave it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sustained {
    hold: Duration,
    since: Option<Moment>,
}

impl Sustained {
    /// A condition that counts once it has been breached for at least `hold`; at the first breach if that is zero.
    pub const fn new(hold: Duration) -> Self {
        Self { hold, since: None }
    }

    /// Takes in one look. True once the breach has lasted, look by look, for at least the time it must hold.
    pub fn observe(&mut self, now: Moment, breached: bool) -> bool {
        if !breached {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now.saturating_since(since) >= self.hold
    }

    /// Since when it has been breached without a break.
    pub const fn since(&self) -> Option<Moment> {
        self.since
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::since_origin(Duration::from_secs(seconds))
    }

    #[test]
    fn a_breach_counts_once_it_has_lasted_exactly_as_long_as_it_must() {
        let mut sustained = Sustained::new(Duration::from_mins(5));
        assert!(!sustained.observe(at(10), true));
        assert!(!sustained.observe(at(309), true));
        assert!(sustained.observe(at(310), true));
        assert!(sustained.observe(at(900), true));
    }

    #[test]
    fn one_good_look_starts_the_count_afresh() {
        let mut sustained = Sustained::new(Duration::from_mins(5));
        sustained.observe(at(0), true);
        assert!(!sustained.observe(at(299), false));
        assert!(!sustained.observe(at(300), true));
        assert_eq!(sustained.since(), Some(at(300)));
    }

    #[test]
    fn a_breach_that_need_not_last_counts_at_once() {
        assert!(Sustained::new(Duration::ZERO).observe(at(0), true));
    }

    #[test]
    fn a_clock_that_steps_back_makes_no_breach_look_long() {
        let mut sustained = Sustained::new(Duration::from_mins(5));
        sustained.observe(at(1_000), true);
        assert!(!sustained.observe(at(0), true));
    }

    proptest! {
        #[test]
        fn it_counts_exactly_if_every_look_of_the_last_stretch_was_a_breach(
            looks in prop::collection::vec((1..200u64, any::<bool>()), 1..50),
            hold in 0..600u64,
        ) {
            let mut sustained = Sustained::new(Duration::from_secs(hold));
            let (mut now, mut run) = (0, None);
            for (wait, breached) in looks {
                now += wait;
                run = if breached { run.or(Some(now)) } else { None };
                let expected = run.is_some_and(|start| now - start >= hold);
                prop_assert_eq!(sustained.observe(at(now), breached), expected);
            }
        }
    }
}
