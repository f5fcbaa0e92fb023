//! Chance for what is generated: a case is a function of its seed alone.

/// `SplitMix64`. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e6c_63d0_876a_46f1)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` to `most`, both included.
    pub(crate) const fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    /// Whether something happens that happens in so many of a hundred cases.
    pub(crate) const fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub(crate) fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    /// From one to `most` of them, none twice, in their order.
    pub(crate) fn some_of<T: Clone>(&mut self, of: &[T], most: usize) -> Vec<T> {
        let wanted = 1 + self.index(most.clamp(1, of.len()));
        let mut left: Vec<usize> = (0..of.len()).collect();
        let mut taken: Vec<usize> =
            (0..wanted).map(|_| left.swap_remove(self.index(left.len()))).collect();
        taken.sort_unstable();
        taken.into_iter().map(|place| of[place].clone()).collect()
    }

    /// Small numbers are likelier: half of them lie in the lower quarter.
    pub(crate) const fn small(&mut self, least: u64, most: u64) -> u64 {
        let (one, other) = (self.between(least, most), self.between(least, most));
        if one < other { one } else { other }
    }

    fn index(&mut self, length: usize) -> usize {
        let length = length as u64;
        usize::try_from(self.next() % length).expect("below a length")
    }
}
