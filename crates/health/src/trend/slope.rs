/// The slope of points in units a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slope {
    /// The end of its confidence interval of 99 % below.
    pub(super) low: f64,
    pub(super) mid: f64,
    pub(super) high: f64,
}

/// Half of a normal distribution's middle 99 %, in standard deviations.
const CONFIDENCE: f64 = 2.576;

/// The median of the slopes between all pairs of points (Theil-Sen), with the confidence interval of Sen (1968).
///
/// Up to 29 % of the points may be anywhere. `None` for fewer than two moments; an interval that the points leave open on a
/// side is infinite there. The cost is that of all pairs: 8,128 for 128 points.
pub(super) fn theil_sen(points: &[(f64, f64)]) -> Option<Slope> {
    let mut slopes = Vec::with_capacity(points.len() * points.len().saturating_sub(1) / 2);
    for (index, (time, value)) in points.iter().enumerate() {
        for (later, then) in &points[index + 1..] {
            if later > time {
                slopes.push((then - value) / (later - time));
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of a few thousand")]
    let (number, pairs) = (points.len() as f64, slopes.len() as f64);
    // The variance of Kendall's S; ties would lessen it, and so the interval is rather too wide.
    let deviation = (number * (number - 1.0) * (2.0 * number + 5.0) / 18.0).sqrt();
    let width = CONFIDENCE * deviation;
    let low = rank(&mut slopes, ((pairs - width) / 2.0).floor() - 1.0, f64::NEG_INFINITY);
    let high = rank(&mut slopes, f64::midpoint(pairs, width).ceil(), f64::INFINITY);
    Some(Slope { low, mid: median(slopes)?, high })
}

/// The value of this rank from 0; `beyond` if there is none.
fn rank(values: &mut [f64], rank: f64, beyond: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of a few thousand")]
    let exists = rank >= 0.0 && rank < values.len() as f64;
    if !exists {
        return beyond;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the length, checked just before"
    )]
    let rank = rank as usize;
    *values.select_nth_unstable_by(rank, f64::total_cmp).1
}

/// The middle one, or the mean of the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = if even { below.iter().copied().max_by(f64::total_cmp) } else { None };
    Some(lower.map_or(*upper, |lower| f64::midpoint(lower, *upper)))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the very same figures are meant")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_slope_of_a_line_is_its_own_and_certain() {
        let points: Vec<_> = (0..20).map(f64::from).map(|time| (time, 3.0 + 2.0 * time)).collect();
        assert_eq!(theil_sen(&points), Some(Slope { low: 2.0, mid: 2.0, high: 2.0 }));
        assert_eq!(theil_sen(&points[..1]), None);
        assert_eq!(theil_sen(&[(1.0, 1.0), (1.0, 2.0)]), None, "one moment has no slope");
    }

    #[test]
    fn sens_interval_has_the_ranks_of_his_paper() {
        // n = 10 without ties: 45 slopes, the standard deviation of S is the root of 125, and so C = 28.8:
        // the ends are the 8th and the 38th of 45 slopes by rank.
        let points: Vec<_> = (0..10).map(f64::from).map(|time| (time, time * time)).collect();
        let mut slopes: Vec<f64> = Vec::new();
        for (index, one) in points.iter().enumerate() {
            slopes.extend(points[index + 1..].iter().map(|two| (two.1 - one.1) / (two.0 - one.0)));
        }
        slopes.sort_by(f64::total_cmp);
        let found = theil_sen(&points).unwrap();
        assert_eq!((found.low, found.mid, found.high), (slopes[7], slopes[22], slopes[37]));
    }

    #[test]
    fn a_quarter_of_the_points_may_be_anywhere() {
        let wild = |number: u32| if number.is_multiple_of(4) { 1e9 } else { f64::from(number) };
        let points: Vec<_> = (1..=40).map(|number| (f64::from(number), wild(number))).collect();
        let slope = theil_sen(&points).unwrap();
        assert!((0.9..1.3).contains(&slope.mid), "{slope:?}");
    }

    proptest! {
        #[test]
        fn the_median_is_the_middle_of_the_sorted(mut values in prop::collection::vec(-1e6..1e6, 1..50)) {
            let found = median(values.clone()).unwrap();
            values.sort_by(f64::total_cmp);
            let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
            prop_assert_eq!(found, f64::midpoint(low, high));
        }

        #[test]
        fn turned_over_the_slope_is_turned_over(values in prop::collection::vec(-1e3..1e3, 2..40)) {
            let points = |sign: f64| values.iter().zip(0..).map(|(value, time)| (f64::from(time), sign * value)).collect::<Vec<_>>();
            let (up, down) = (theil_sen(&points(1.0)).unwrap(), theil_sen(&points(-1.0)).unwrap());
            prop_assert!(up.low <= up.mid && up.mid <= up.high);
            prop_assert!((up.mid + down.mid).abs() <= 1e-9);
            prop_assert!(up.low == -down.high && up.high == -down.low);
        }
    }
}
