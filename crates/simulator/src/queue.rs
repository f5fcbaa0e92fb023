//! What is to happen on the host, by its time; what is due at the same time happens in the order in which it was planned.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use evenkeel_moment::Moment;

/// Plans, the next one first.
#[derive(Debug)]
pub(crate) struct Queue<Plan> {
    plans: BinaryHeap<Planned<Plan>>,
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
        Self { plans: BinaryHeap::new(), planned: 0 }
    }

    pub(crate) fn plan(&mut self, at: Moment, plan: Plan) {
        self.planned += 1;
        self.plans.push(Planned { at, number: self.planned, plan });
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Moment> {
        self.plans.peek().map(|planned| planned.at)
    }

    /// The next one, if it is due at `now`.
    pub(crate) fn due(&mut self, now: Moment) -> Option<Plan> {
        (self.next()? <= now).then(|| self.plans.pop().map(|planned| planned.plan)).flatten()
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
}
