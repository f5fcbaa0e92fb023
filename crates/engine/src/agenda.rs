//! Many things, each with a moment at which it has something to do: which is the next, and which are due, without a look at all
//! of them. An agent of ten thousand checks is called for each attempt of each; it must not go through all of them each time.

use std::ops::{Deref, Index, IndexMut};

use evenkeel_moment::Moment;

/// Something that may have something to do later.
pub(crate) trait Due {
    /// When; `None`: not before something happens to it. A moment that has come stays until what is due was done.
    fn due(&self) -> Option<Moment>;
}

/// Things by their places, and when each is due.
///
/// Whoever may change one by [`IndexMut`], [`Agenda::get_mut`] or [`Agenda::iter_mut`] has it asked again, at the next
/// [`Agenda::refresh`].
#[derive(Debug)]
pub(crate) struct Agenda<Item> {
    items: Vec<Item>,
    /// A tree of minima: the leaves are behind as many inner nodes, and each node is the earlier of its two children, which
    /// are at twice its place.
    tree: Vec<Moment>,
    changed: Vec<usize>,
    is_changed: Vec<bool>,
}

/// The earlier of two that may have no time.
pub(crate) fn earlier(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// What is due at no time that ever comes.
const NEVER: Moment = Moment::from_nanos(u64::MAX);

impl<Item: Due> Agenda<Item> {
    /// All of them are asked at the first refresh.
    pub(crate) fn new(items: Vec<Item>) -> Self {
        let leaves = items.len().next_power_of_two();
        Self {
            tree: vec![NEVER; 2 * leaves],
            changed: (0..items.len()).collect(),
            is_changed: vec![true; items.len()],
            items,
        }
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Item> {
        if place < self.items.len() {
            self.note(place);
        }
        self.items.get_mut(place)
    }

    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Item> {
        for place in 0..self.items.len() {
            self.note(place);
        }
        self.items.iter_mut()
    }

    fn note(&mut self, place: usize) {
        if !std::mem::replace(&mut self.is_changed[place], true) {
            self.changed.push(place);
        }
    }

    /// Asks those that may have changed when they are due, and tells which they were.
    #[inline]
    pub(crate) fn refresh(&mut self, tell: impl FnMut(usize, &Item)) {
        if !self.changed.is_empty() {
            self.ask_again(tell);
        }
    }

    fn ask_again(&mut self, mut tell: impl FnMut(usize, &Item)) {
        while let Some(place) = self.changed.pop() {
            self.is_changed[place] = false;
            let item = &self.items[place];
            tell(place, item);
            let due = item.due().unwrap_or(NEVER);
            self.set(place, due);
        }
    }

    fn set(&mut self, place: usize, due: Moment) {
        let mut node = self.tree.len() / 2 + place;
        if std::mem::replace(&mut self.tree[node], due) == due {
            return;
        }
        let mut earlier = due;
        while node > 1 {
            // The other child of the same node.
            earlier = earlier.min(self.tree[node ^ 1]);
            node /= 2;
            if std::mem::replace(&mut self.tree[node], earlier) == earlier {
                return;
            }
        }
    }

    /// When the first of them is due; to be asked after a refresh.
    pub(crate) fn earliest(&self) -> Option<Moment> {
        Some(self.tree[1]).filter(|due| *due != NEVER)
    }

    /// The first at `from` or behind it that is due at `now`; to be asked after a refresh.
    pub(crate) fn first_due(&self, from: usize, now: Moment) -> Option<usize> {
        if self.tree[1] > now || from >= self.items.len() {
            return None;
        }
        let leaves = self.tree.len() / 2;
        let mut node = if from == 0 { 1 } else { leaves + from };
        if self.tree[node] > now {
            // Up while there is nothing to the right that is due, and to the right where there is.
            loop {
                if node.is_multiple_of(2) && self.tree[node + 1] <= now {
                    node += 1;
                    break;
                }
                node /= 2;
                if node <= 1 {
                    return None;
                }
            }
        }
        while node < leaves {
            node = if self.tree[2 * node] <= now { 2 * node } else { 2 * node + 1 };
        }
        Some(node - leaves)
    }
}

impl<Item> Deref for Agenda<Item> {
    type Target = [Item];

    fn deref(&self) -> &[Item] {
        &self.items
    }
}

impl<Item> Index<usize> for Agenda<Item> {
    type Output = Item;

    fn index(&self, place: usize) -> &Item {
        &self.items[place]
    }
}

impl<Item: Due> IndexMut<usize> for Agenda<Item> {
    fn index_mut(&mut self, place: usize) -> &mut Item {
        self.note(place);
        &mut self.items[place]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Due for Option<u64> {
        fn due(&self) -> Option<Moment> {
            self.map(Moment::from_nanos)
        }
    }

    proptest! {
        #[test]
        fn it_says_what_a_look_at_all_of_them_would(
            first in proptest::collection::vec(proptest::option::of(0..20_u64), 1..20),
            changes in proptest::collection::vec((0..20_usize, proptest::option::of(0..20_u64)), 0..40),
            from in 0..21_usize,
            now in 0..21_u64,
        ) {
            let mut plain = first.clone();
            let mut agenda = Agenda::new(first);
            agenda.refresh(|_, _| {});
            for (place, due) in changes {
                let place = place % plain.len();
                plain[place] = due;
                agenda[place] = due;
                agenda.refresh(|_, _| {});
            }
            let earliest = plain.iter().flatten().min().copied().map(Moment::from_nanos);
            prop_assert_eq!(agenda.earliest(), earliest);
            let due = |item: &Option<u64>| item.is_some_and(|due| due <= now);
            let expected = (from..plain.len()).find(|place| due(&plain[*place]));
            prop_assert_eq!(agenda.first_due(from, Moment::from_nanos(now)), expected);
        }
    }

    #[test]
    fn of_nothing_nothing_is_due() {
        let mut agenda = Agenda::<Option<u64>>::new(Vec::new());
        agenda.refresh(|_, _| {});
        assert_eq!((agenda.earliest(), agenda.first_due(0, Moment::ORIGIN)), (None, None));
    }

    #[test]
    fn those_that_may_have_changed_are_told_once() {
        let mut agenda = Agenda::new(vec![Some(1), Some(2), Some(3)]);
        let mut told = Vec::new();
        agenda.refresh(|place, _| told.push(place));
        told.sort_unstable();
        assert_eq!(told, [0, 1, 2]);
        (agenda[1], agenda[1]) = (Some(5), Some(6));
        let mut told = Vec::new();
        agenda.refresh(|place, item| told.push((place, *item)));
        assert_eq!(told, [(1, Some(6))]);
        assert_eq!(agenda.earliest(), Some(Moment::from_nanos(1)));
    }
}
