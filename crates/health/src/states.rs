use serde::{Deserialize, Serialize};

/// The hard states that are looked back on, as Nagios does.
pub const HISTORY: u8 = 21;

/// The last hard states of one check, [`HISTORY`] at most: whether it was up. Kept as a list of these, oldest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<bool>", into = "Vec<bool>")]
pub struct HardStates {
    /// The newest in the lowest bit; 1: up.
    bits: u32,
    count: u8,
}

impl HardStates {
    /// None yet.
    pub const fn new() -> Self {
        Self { bits: 0, count: 0 }
    }

    /// Adds the newest, and forgets the oldest if they are more than [`HISTORY`] then.
    pub const fn push(&mut self, up: bool) {
        self.bits = ((self.bits << 1) | up as u32) & ((1 << HISTORY) - 1);
        if self.count < HISTORY {
            self.count += 1;
        }
    }

    /// How many are known.
    pub const fn len(self) -> usize {
        self.count as usize
    }

    /// Whether none is known.
    pub const fn is_empty(self) -> bool {
        self.count == 0
    }

    /// Oldest first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = bool> {
        (0..self.count).rev().map(move |age| (self.bits >> age) & 1 == 1)
    }

    /// How often each followed another.
    pub const fn changes(self) -> u32 {
        self.changed().count_ones()
    }

    /// The places of the changes among those that [`HISTORY`] states can have, ascending; the newest two are at the last one.
    pub(crate) fn places_of_changes(self) -> impl Iterator<Item = u8> {
        let last = HISTORY - 2;
        (0..=last).filter(move |place| (self.changed() >> (last - place)) & 1 == 1)
    }

    /// The lowest bit: whether the newest differs from the one before.
    const fn changed(self) -> u32 {
        let pairs = self.count.saturating_sub(1);
        (self.bits ^ (self.bits >> 1)) & ((1 << pairs) - 1)
    }
}

impl FromIterator<bool> for HardStates {
    fn from_iter<Ups: IntoIterator<Item = bool>>(ups: Ups) -> Self {
        let mut states = Self::new();
        ups.into_iter().for_each(|up| states.push(up));
        states
    }
}

impl From<Vec<bool>> for HardStates {
    fn from(ups: Vec<bool>) -> Self {
        ups.into_iter().collect()
    }
}

impl From<HardStates> for Vec<bool> {
    fn from(states: HardStates) -> Self {
        states.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_the_last_of_a_list(ups: Vec<bool>) {
            let states: HardStates = ups.iter().copied().collect();
            let last = &ups[ups.len().saturating_sub(usize::from(HISTORY))..];
            prop_assert_eq!(states.iter().collect::<Vec<_>>(), last);
            prop_assert_eq!((states.len(), states.is_empty()), (last.len(), last.is_empty()));
            let missing = HISTORY - u8::try_from(last.len()).unwrap();
            let pairs = last.windows(2).zip(missing..);
            let places = pairs.filter(|(pair, _)| pair[0] != pair[1]).map(|(_, place)| place);
            let places: Vec<_> = places.collect();
            prop_assert_eq!(states.changes() as usize, places.len());
            prop_assert_eq!(states.places_of_changes().collect::<Vec<_>>(), places);
            let written = serde_json::to_value(states).unwrap();
            prop_assert_eq!(&written, &serde_json::json!(last));
            prop_assert_eq!(serde_json::from_value::<HardStates>(written).unwrap(), states);
        }
    }
}
