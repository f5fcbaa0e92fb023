//! Conditions over time: what was broken for as long as its condition says, and what a trend will break before long.

use evenkeel_health::{Eta, Sample, Sustained};
use evenkeel_moment::Moment;
use evenkeel_probe::{Breach, Condition, Facts, FailureClass, breaches};

use crate::forecasts::Forecasts;

/// What is remembered of some conditions from one look to the next.
#[derive(Debug)]
pub(crate) struct Judges {
    /// For how long each condition must have been broken.
    sustained: Vec<Option<Sustained>>,
    forecasts: Forecasts,
}

/// The worst of what is broken.
#[derive(Debug)]
pub(crate) struct Worst {
    pub(crate) sample: Sample,
    pub(crate) breach: Breach,
    /// Whether only trends are broken: no limit is reached yet.
    pub(crate) only_trends: bool,
}

impl Judges {
    pub(crate) fn new(conditions: &[Condition]) -> Self {
        let sustained =
            conditions.iter().map(|condition| condition.sustained_for.map(Sustained::new));
        Self { sustained: sustained.collect(), forecasts: Forecasts::new(conditions) }
    }

    /// The worst of what is broken: what was broken for as long as its condition says comes before what is broken now.
    ///
    /// `conditions` are those that it was made with.
    pub(crate) fn worst(
        &mut self,
        now: Moment,
        conditions: &[Condition],
        facts: &Facts,
    ) -> Option<Worst> {
        let mut broken = breaches(conditions, facts);
        broken.extend(self.forecasts.observe(now, conditions, facts));
        broken.sort_by_key(|breach| breach.condition);
        let mut broken = broken.into_iter().peekable();
        let (mut worst, mut only_trends) = (None, true);
        for (index, sustained) in self.sustained.iter_mut().enumerate() {
            let breach = broken.next_if(|breach| breach.condition == index);
            // Held for as long as the rule says: counting results on top would only wait twice.
            let held = sustained.as_mut().map(|sustained| sustained.observe(now, breach.is_some()));
            let sample = match held {
                None => Sample::Bad,
                Some(true) => Sample::BadForSure,
                Some(false) => continue,
            };
            let Some(breach) = breach else { continue };
            only_trends &= breach.class == FailureClass::Leak;
            if worst.as_ref().is_none_or(|(worst, _)| *worst != Sample::BadForSure) {
                worst = Some((sample, breach));
            }
        }
        worst.map(|(sample, breach)| Worst { sample, breach, only_trends })
    }

    /// When the first of the limits is reached by its trend, if there is one.
    pub(crate) fn eta(&self) -> Option<Eta> {
        self.forecasts.eta()
    }

    /// The same, if by the last look nothing is wrong but trends.
    pub(crate) fn only_trend(&self, worst: Option<&Worst>) -> Option<Eta> {
        self.eta().filter(|_| worst.is_none_or(|worst| worst.only_trends))
    }
}
