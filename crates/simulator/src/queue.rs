//! What is to happen on the host, by its time; what is due at the same time happens in the order in which it was planned.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use evenkeel_moment::Moment;

/// So many of the next plans are kept apart: answers come within milliseconds, and what else there is comes within days.
const SOON: usize = 16;

/// Plans, the next one first.
#[derive(Debug)]
pub(crate) struct Queue<Plan> {
    /// The next few, the very next one last: each of them comes before all that are later.
    soon: Vec<Planned<Plan>>,
    later: BinaryHeap<Planned<Plan>>,
    planned: u64,
}

#[derive(Debug)]
struct Planned<Plan> {
    at: Moment,
    number: u64,
    plan: Plan,
}

impl<Plan> Queue<Plan> {
    pub(crate) fn new() -> Self {
        Self { soon: Vec::with_capacity(SOON + 1), later: BinaryHeap::new(), planned: 0 }
    }

    pub(crate) fn plan(&mut self, at: Moment, plan: Plan) {
        self.planned += 1;
        let planned = Planned { at, number: self.planned, plan };
        if self.later.peek().is_some_and(|later| later.at <= at) {
            self.later.push(planned);
            return;
        }
        let place = self.soon.iter().position(|other| other.at <= at).unwrap_or(self.soon.len());
        self.soon.insert(place, planned);
        if self.soon.len() > SOON {
            self.later.push(self.soon.remove(0));
        }
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Moment> {
        self.soon.last().or_else(|| self.later.peek()).map(|planned| planned.at)
    }

    /// The next one, if it is due at `now`.
    pub(crate) fn due(&mut self, now: Moment) -> Option<Plan> {
        if self.next()? > now {
            return None;
        }
        self.soon.pop().or_else(|| self.later.pop()).map(|planned| planned.plan)
    }
}

impl<Plan> Planned<Plan> {
    const fn order(&self) -> (Moment, u64) {
        (self.at, self.number)
    }
}

/// A heap gives the greatest first: that is the earliest.
impl<Plan> Ord for Planned<Plan> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.order().cmp(&self.order())
    }
}

impl<Plan> PartialOrd for Planned<Plan> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<Plan> PartialEq for Planned<Plan> {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl<Plan> Eq for Planned<Plan> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plans_come_by_their_time_and_those_of_one_time_as_they_were_made() {
        let mut queue = Queue::new();
        for (at, plan) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b'), (9, 'e')] {
            queue.plan(Moment::from_nanos(at), plan);
        }
        let due = std::iter::from_fn(|| queue.due(Moment::from_nanos(5)));
        assert_eq!(due.collect::<String>(), "abcd");
        assert_eq!(queue.next(), Some(Moment::from_nanos(9)));
    }

    proptest! {
        #[test]
        fn however_many_there_are_they_come_in_that_order(
            steps in proptest::collection::vec((0..40_u64, 0..3_usize), 0..200),
        ) {
            let mut queue = Queue::new();
            let mut left = Vec::new();
            for (number, (at, done)) in steps.into_iter().enumerate() {
                queue.plan(Moment::from_nanos(at), number);
                left.push((at, number));
                for _ in 0..done {
                    let next = left.iter().min().copied();
                    prop_assert_eq!(queue.next(), next.map(|(at, _)| Moment::from_nanos(at)));
                    let last = Moment::from_nanos(40);
                    prop_assert_eq!(queue.due(last), next.map(|(_, number)| number));
                    left.retain(|one| Some(*one) != next);
                }
            }
        }
    }
}
