//! Whether a figure grows: the slope that single wild samples do not move (Theil-Sen), and how sure it is (Sen 1968).

/// A line through samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slope {
    /// Units a second.
    pub(crate) per_second: f64,
    /// The slope is at least this with 99 % confidence, both sides together.
    pub(crate) low: f64,
    /// And at most this.
    pub(crate) high: f64,
    /// What nine tenths of the samples lie within, once the line is taken off: the noise.
    pub(crate) noise: f64,
    /// From the first sample to the last, in seconds.
    pub(crate) seconds: f64,
}

/// Blocks that samples are gathered in: neighbours resemble one another, and a sample that repeats the one before is no further evidence.
const BLOCKS: usize = 60;
/// Two-sided 99 % of the normal distribution.
const Z: f64 = 2.576;

impl Slope {
    /// The slope of these samples, by time in seconds; `None` of fewer than eight blocks' worth.
    pub(crate) fn of(samples: &[(f64, f64)]) -> Option<Self> {
        let blocks = blocks(samples);
        if blocks.len() < 8 {
            return None;
        }
        let mut slopes: Vec<f64> = Vec::new();
        for (index, (at, value)) in blocks.iter().enumerate() {
            slopes.extend(
                blocks[index + 1..].iter().map(|(later, next)| (next - value) / (later - at)),
            );
        }
        slopes.sort_by(f64::total_cmp);
        // Kendall's S has this variance if there is no trend; so many ranks lie between the median and each bound.
        let count = float(blocks.len());
        let ranks = Z * (count * (count - 1.0) * (2.0 * count + 5.0) / 18.0).sqrt();
        let all = float(slopes.len());
        let rank = |rank: f64| slopes[index(rank.clamp(0.0, all - 1.0))];
        let per_second = median(&slopes);
        let mut rest: Vec<f64> =
            samples.iter().map(|(at, value)| value - per_second * at).collect();
        rest.sort_by(f64::total_cmp);
        let share = |share: f64| rest[index(share * float(rest.len() - 1))];
        Some(Self {
            per_second,
            low: rank(((all - ranks) / 2.0).floor()),
            high: rank(f64::midpoint(all, ranks).ceil()),
            noise: share(0.95) - share(0.05),
            seconds: samples[samples.len() - 1].0 - samples[0].0,
        })
    }

    /// Whether the figure grows for sure, and by more than its noise and `grain`, the least that counts for one.
    pub(crate) fn rises(&self, grain: f64) -> bool {
        self.low > 0.0 && self.low * self.seconds > self.noise.max(grain)
    }
}

/// The medians of up to [`BLOCKS`] stretches, each at the middle of its time.
fn blocks(samples: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let size = samples.len().div_ceil(BLOCKS).max(1);
    samples
        .chunks(size)
        .map(|chunk| {
            let mut values: Vec<f64> = chunk.iter().map(|(_, value)| *value).collect();
            values.sort_by(f64::total_cmp);
            (f64::midpoint(chunk[0].0, chunk[chunk.len() - 1].0), median(&values))
        })
        .collect()
}

fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[half - 1], sorted[half])
    } else {
        sorted[half]
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are not that many samples")]
fn float(count: usize) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was clamped to the places of a list"
)]
fn index(rank: f64) -> usize {
    rank as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise of up to `spread` that is the same in each run (a sine of large steps).
    fn samples(count: u32, per_second: f64, spread: f64) -> Vec<(f64, f64)> {
        (0..count)
            .map(f64::from)
            .map(|at| (at, 1000.0 + per_second * at + spread * (at * 7919.0).sin()))
            .collect()
    }

    #[test]
    fn a_leak_under_noise_is_found_with_its_slope() {
        let slope = Slope::of(&samples(3600, 1.0, 100.0)).unwrap();
        assert!((slope.per_second - 1.0).abs() < 0.05, "{slope:?}");
        assert!(slope.low <= 1.0 && 1.0 <= slope.high, "{slope:?}");
        assert!(slope.rises(10.0));
        assert!(!slope.rises(10_000.0), "less than counts");
    }

    #[test]
    fn noise_alone_does_not_rise() {
        let slope = Slope::of(&samples(3600, 0.0, 100.0)).unwrap();
        assert!(slope.low <= 0.0 && slope.high >= 0.0, "{slope:?}");
        assert!(!slope.rises(0.0));
    }

    #[test]
    fn a_wild_sample_moves_nothing_and_few_samples_say_nothing() {
        let mut wild = samples(600, 0.0, 1.0);
        wild[300].1 = 1e9;
        assert!(Slope::of(&wild).unwrap().per_second.abs() < 0.01);
        assert_eq!(Slope::of(&wild[..7]), None);
    }
}
