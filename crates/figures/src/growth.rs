/// A cost that grows by a larger power of the size than this is superlinear, beyond what noise explains.
pub const MOST_EXPONENT: f64 = 1.15;

/// The power of the size by which a cost grows, between the two largest of `points` (size, cost): 1 is linear.
///
/// The largest sizes alone, because what is spent once hides the growth at small ones. `None` for fewer than two sizes, or costs
/// that are not above zero.
pub fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let mut points = points.to_vec();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    let [.., (small, cheap), (large, dear)] = points[..] else { return None };
    let slope = (dear / cheap).ln() / (large / small).ln();
    slope.is_finite().then_some(slope)
}

/// The value below which this share of all lies, in `0.0..=1.0`; not a number if there is none.
pub fn quantile(values: impl IntoIterator<Item = f64>, share: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index, within bounds"
    )]
    let at = (last as f64 * share.clamp(0.0, 1.0)).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_that_of_the_largest_sizes() {
        let cost = |size: f64| (size, 1e6 + size * size);
        let found = exponent(&[cost(1e5), cost(10.0), cost(1e6)]).unwrap();
        assert!((found - 2.0).abs() < 0.01, "{found}");
        let linear = exponent(&[(10.0, 5.0), (100.0, 50.0)]).unwrap();
        assert!((linear - 1.0).abs() < 1e-9, "{linear}");
        assert_eq!(exponent(&[(10.0, 5.0)]), None);
        assert_eq!(exponent(&[(10.0, 0.0), (100.0, 1.0)]), None);
    }

    #[test]
    fn quantiles_are_values_that_were_seen() {
        for (share, expected) in [(0.0, 1.0), (0.5, 2.0), (1.0, 3.0)] {
            let found = quantile([3.0, 1.0, 2.0], share);
            assert!((found - expected).abs() < f64::EPSILON, "{share}: {found}");
        }
        assert!(quantile([], 0.5).is_nan());
    }
}
