//! The host's chance, apart from the engine's: a stream for each purpose, so that one fault more does not move the others.

use std::time::Duration;

use crate::faults::Span;

/// A stream of `SplitMix64`. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream of `purpose` in the run of `seed`.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        // FNV-1a; the first draws mix what it leaves alike.
        let start = 0xcbf2_9ce4_8422_2325 ^ seed.rotate_left(17);
        let hash = purpose
            .bytes()
            .fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut chance = Self(hash ^ seed);
        chance.next();
        chance
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number in `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f64 {
        const STEPS: f64 = 9_007_199_254_740_992.0;
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
        let bits = (self.next() >> 11) as f64;
        bits / STEPS
    }

    /// Whether something of this likelihood happens.
    pub(crate) fn happens(&mut self, likelihood: f64) -> bool {
        // Always drawn, so that a likelihood that is set to 0 or 1 moves nothing else of this stream.
        self.unit() < likelihood
    }

    /// Some time of a span, each as likely.
    pub(crate) fn within(&mut self, span: Span) -> Duration {
        let unit = self.unit();
        span.least + span.most.saturating_sub(span.least).mul_f64(unit)
    }

    /// The wait until something happens that happens once in `mean`: exponential, never shorter than a millisecond.
    pub(crate) fn wait(&mut self, mean: Duration) -> Duration {
        const SHORTEST: Duration = Duration::from_millis(1);
        let seconds = mean.as_secs_f64() * -ln(1.0 - self.unit());
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).max(SHORTEST)
    }
}

/// The natural logarithm of a number above zero, by additions, multiplications and divisions alone: those are the same to the
/// last bit on every machine, and so is a run.
fn ln(number: f64) -> f64 {
    const FRACTION: u64 = (1 << 52) - 1;
    let bits = number.to_bits();
    let exponent = i32::try_from(bits >> 52).unwrap_or(0) - 1_023;
    let mantissa = f64::from_bits((bits & FRACTION) | (1_023 << 52));
    // ln m = 2 artanh((m - 1) / (m + 1)), for m in 1..2 within 1e-12.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = (0..12).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    2.0 * s * series + f64::from(exponent) * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_the_one_of_the_libraries() {
        for number in [1e-9, 0.001, 0.25, 0.5, 0.9, 0.999_999, 1.0, 1.5, 1.999, 2.0, 1e6] {
            let off = (ln(number) - f64::ln(number)).abs();
            assert!(off < 1e-9, "{number}: {off}");
        }
    }

    #[test]
    fn waits_have_the_mean_that_was_asked_for() {
        let mut chance = Chance::new(3, "test");
        let mean = Duration::from_secs(100);
        let total: Duration = (0..100_000).map(|_| chance.wait(mean)).sum();
        let seen = total.as_secs_f64() / 100_000.0;
        assert!((99.0..101.0).contains(&seen), "{seen}");
    }

    #[test]
    fn streams_of_two_purposes_or_seeds_have_nothing_in_common() {
        let draw = |seed, purpose| {
            let mut chance = Chance::new(seed, purpose);
            (0..8).map(|_| chance.next()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
    }
}
