use evenkeel_health::Flapping;
use evenkeel_moment::Moment;
use evenkeel_recovery::breaker::{Breaker, Snapshot};
use jiff::Timestamp;

use super::CheckCore;
use crate::past::FlapRing;
use crate::subject::Subject;

impl CheckCore {
    /// The breaker as it is kept, if the check has one.
    pub(crate) fn breaker_snapshot(&self, now: Moment, wall: Timestamp) -> Option<Snapshot> {
        self.breaker.as_ref().map(|breaker| breaker.snapshot(now, wall.as_millisecond()))
    }

    /// Goes on with the breaker as it was kept.
    pub(crate) fn restore_breaker(&mut self, kept: &Snapshot, now: Moment, wall: Timestamp) {
        if let Some(config) = self.spec.breaker.clone() {
            self.breaker = Some(Breaker::restore(config, kept, now, wall.as_millisecond()));
        }
    }

    /// The last states of the check and of its parts, as they are kept.
    pub(crate) fn flap_rings(&self) -> impl Iterator<Item = FlapRing> {
        let parts = self.parts.iter().map(|(name, part)| (Some(name), part));
        parts.chain([(None, &self.own)]).filter_map(|(part, subject)| {
            let flapping = subject.flapping.as_ref()?;
            let ups = flapping.states();
            let (check, flapping_since) = (self.name.clone(), flapping.since());
            let part = part.cloned();
            (!ups.is_empty()).then_some(FlapRing { check, part, ups, flapping_since })
        })
    }

    /// Goes on with the last states as they were kept.
    pub(crate) fn restore_flapping(&mut self, ring: &FlapRing, now: Moment) {
        let Some(policy) = self.spec.flap else { return };
        let subject = match &ring.part {
            None => &mut self.own,
            Some(part) => {
                let spec = &self.spec;
                self.parts.entry(part.clone()).or_insert_with(|| Subject::new(spec, now))
            }
        };
        subject.flapping = Some(Flapping::restore(policy, ring.ups, ring.flapping_since));
    }
}
