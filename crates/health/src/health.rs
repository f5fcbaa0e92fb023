use evenkeel_moment::Moment;

use crate::{Hard, Policy, Sample, State, Transition};

/// The health of one check, or of one part of it, over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    policy: Policy,
    began: Moment,
    /// The last results, newest in the lowest bit; a set bit is a bad one.
    results: u64,
    /// Underlying hard state; a stale one is not told.
    hard: Hard,
    /// Good results in a row, as far as they matter.
    successes: u32,
    was_ever_good: bool,
    is_degraded: bool,
    /// The last result, moved on by the time that probes were skipped.
    fresh: Moment,
    /// The last sample or skip.
    last_event: Moment,
    /// The state told last.
    told: State,
}

impl Health {
    /// Health of which nothing is known yet. Its start-up grace begins at `now`.
    pub fn new(policy: Policy, now: Moment) -> Self {
        Self {
            policy,
            began: now,
            results: 0,
            hard: Hard::Unknown,
            successes: 0,
            was_ever_good: false,
            is_degraded: false,
            fresh: now,
            last_event: now,
            told: State::Unknown,
        }
    }

    /// Takes in what one cycle gave; says if that changed the state, or its count, from what was told last.
    ///
    /// A `now` before the last one counts as that one.
    pub fn record(&mut self, now: Moment, sample: Sample) -> Option<Transition> {
        let now = self.advance(now);
        match sample {
            Sample::Good => self.good(now, false),
            Sample::Degraded => self.good(now, true),
            Sample::Bad => self.bad(now, false),
            Sample::BadForSure => self.bad(now, true),
            Sample::Unknown => {}
        }
        self.tell(now)
    }

    /// Says if time alone changed the state from what was told last: a check that gives no samples at all goes stale
    /// without [`Health::record`] being called. Due at [`Health::next_stale`].
    pub fn poll(&mut self, now: Moment) -> Option<Transition> {
        let now = now.max(self.last_event);
        self.tell(now)
    }

    /// Notes a probe that was skipped on purpose, because its breaker is open: the last state holds, and the time since
    /// the last sample or skip does not count towards staleness. What is stale already stays stale.
    pub fn touch(&mut self, now: Moment) {
        if self.is_stale(now) {
            self.advance(now);
            return;
        }
        let skipped = now.saturating_since(self.last_event);
        self.fresh = self.fresh + skipped;
        self.advance(now);
    }

    /// What people and metrics are shown at `now`.
    pub fn state(&self, now: Moment) -> State {
        let latest_is_bad = self.results & 1 == 1;
        match (self.hard(now), self.hard) {
            // Nothing heard for too long, whatever it was before.
            (Hard::Unknown, Hard::Up | Hard::Down) => State::Unknown,
            (_, Hard::Down) if self.successes > 0 => {
                State::Recovering { successes: self.successes }
            }
            (_, Hard::Down) => State::Down,
            (_, _) if latest_is_bad && !self.is_stale(now) => {
                State::Suspect { failures: self.failures() }
            }
            (_, Hard::Unknown) => State::Unknown,
            (_, Hard::Up) if self.is_degraded => State::Degraded,
            (_, Hard::Up) => State::Up,
        }
    }

    /// Whether results are being counted that may lead to another hard state: the next one may say more.
    pub fn is_counting(&self, now: Moment) -> bool {
        let first = self.hard == Hard::Unknown && self.successes > 0 && !self.is_stale(now);
        first || matches!(self.state(now), State::Suspect { .. } | State::Recovering { .. })
    }

    /// What recoveries may act on at `now`.
    pub fn hard(&self, now: Moment) -> Hard {
        if self.is_stale(now) { Hard::Unknown } else { self.hard }
    }

    /// When nothing is known any more, unless a result comes before.
    pub fn next_stale(&self) -> Moment {
        self.fresh + self.policy.stale_after
    }

    /// The policy it was made with.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    fn good(&mut self, now: Moment, degraded: bool) {
        self.fresh = now;
        self.was_ever_good = true;
        self.is_degraded = degraded;
        self.results <<= 1;
        if self.hard == Hard::Up {
            return;
        }
        self.successes += 1;
        if self.successes >= self.policy.success_threshold {
            self.hard = Hard::Up;
            self.successes = 0;
            // Failures of an outage that is over must not help to make the next one.
            self.results = 0;
        }
    }

    fn bad(&mut self, now: Moment, for_sure: bool) {
        self.fresh = now;
        self.successes = 0;
        self.results = (self.results << 1) | 1;
        let enough = for_sure || self.failures() >= self.policy.failure_threshold.failures;
        if enough && !self.in_grace(now) {
            self.hard = Hard::Down;
        }
    }

    /// Bad results among those that the threshold looks back on.
    fn failures(&self) -> u32 {
        let within = self.policy.failure_threshold.within;
        (self.results & (u64::MAX >> (u64::BITS - within))).count_ones()
    }

    /// Once it has been good, it has started: from then on a failure is a failure, grace or not.
    fn in_grace(&self, now: Moment) -> bool {
        !self.was_ever_good && now.saturating_since(self.began) < self.policy.startup_grace
    }

    fn is_stale(&self, now: Moment) -> bool {
        now.saturating_since(self.fresh) >= self.policy.stale_after
    }

    fn advance(&mut self, now: Moment) -> Moment {
        self.last_event = self.last_event.max(now);
        self.last_event
    }

    fn tell(&mut self, now: Moment) -> Option<Transition> {
        let to = self.state(now);
        let from = std::mem::replace(&mut self.told, to);
        (from != to).then_some(Transition { from, to })
    }
}
