#![expect(clippy::float_cmp, reason = "the very same figures are meant")]

mod false_alarms;

use proptest::prelude::*;

use super::*;

const WINDOW: Duration = Duration::from_hours(2);
const EVERY: Duration = Duration::from_secs(30);
const MB: f64 = 1e6;

fn at(seconds: f64) -> Moment {
    Moment::since_origin(Duration::from_hours(100) + Duration::from_secs_f64(seconds))
}

/// Chance that a seed gives (`SplitMix64`).
#[derive(Debug, Clone)]
struct Chance(u64);

impl Chance {
    /// From 0 to 1, evenly.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let top = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap();
        f64::from(top) / (f64::from(u32::MAX) + 1.0)
    }

    /// Of a normal distribution (Box-Muller).
    fn normal(&mut self) -> f64 {
        let (one, two) = (1.0 - self.unit(), self.unit());
        (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos()
    }
}

/// So many readings, each `EVERY` after the last.
fn readings(number: u32, value: impl FnMut(f64) -> f64) -> Readings {
    let mut readings = Readings::new(WINDOW);
    for (time, value) in series(number, value) {
        readings.record(at(time), value, None);
    }
    readings
}

fn series(number: u32, mut value: impl FnMut(f64) -> f64) -> Vec<(f64, f64)> {
    let times = (0..number).map(|index| f64::from(index) * EVERY.as_secs_f64());
    times.map(|time| (time, value(time))).collect()
}

fn rising(number: u32, value: impl FnMut(f64) -> f64) -> Option<Trend> {
    readings(number, value).trend(Direction::Rising)
}

#[test]
fn a_line_is_told_exactly_and_with_it_when_the_limit_is_reached() {
    // 36 MB an hour from 100 MB on; 300 MB are reached 5 h 33 min 20 s after the beginning.
    let trend = rising(240, |time| 100.0 * MB + 0.01 * MB * time).unwrap();
    assert!((trend.per_second - 0.01 * MB).abs() < 1.0, "{trend:?}");
    let eta = trend.reaches(300.0 * MB).unwrap();
    for moment in [eta.earliest, eta.likely, eta.latest] {
        let error = moment.as_nanos().abs_diff(at(20_000.0).as_nanos());
        assert!(error < 60_000_000_000, "{eta:?}");
    }
    assert_eq!(trend.as_of, at(239.0 * 30.0));
}

#[test]
fn figures_that_fall_are_the_same_the_other_way() {
    let falls = readings(240, |time| 300.0 * MB - 0.01 * MB * time);
    assert_eq!(falls.trend(Direction::Rising), None);
    let trend = falls.trend(Direction::Falling).unwrap();
    assert!((trend.per_second + 0.01 * MB).abs() < 1.0, "{trend:?}");
    let eta = trend.reaches(100.0 * MB).unwrap();
    assert!(eta.likely.as_nanos().abs_diff(at(20_000.0).as_nanos()) < 60_000_000_000);
    // The limit is above: it was passed long ago.
    assert_eq!(trend.reaches(299.0 * MB).map(|eta| eta.likely), Some(trend.as_of));
}

#[test]
fn nothing_is_said_from_too_little() {
    let line = |time: f64| 100.0 * MB + 0.01 * MB * time;
    // A quarter of the window is 30 min, which is 60 readings and one.
    assert_eq!(rising(60, line), None);
    assert!(rising(61, line).is_some());
    // Long enough, and too few: one reading each 5 min is 7 in half an hour, and 16 only after 75 min.
    let seldom = |number: u32| {
        let mut readings = Readings::new(WINDOW);
        for index in 0..number {
            let time = f64::from(index) * 300.0;
            readings.record(at(time), line(time), None);
        }
        readings.trend(Direction::Rising)
    };
    assert_eq!(seldom(7), None);
    assert_eq!(seldom(15), None);
    assert!(seldom(17).is_some());
    assert_eq!(Readings::new(WINDOW).trend(Direction::Rising), None);
    assert_eq!(Readings::new(Duration::ZERO).trend(Direction::Rising), None);
}

#[test]
fn what_does_not_move_has_no_trend() {
    assert_eq!(rising(240, |_| 100.0 * MB), None);
    assert_eq!(rising(240, |_| 0.0), None);
}

#[test]
fn a_cache_that_fills_and_stays_has_none() {
    // Filled at once, in two steps, and with a time constant of 15 min.
    let once = |time: f64| if time < 3_600.0 { 100.0 } else { 200.0 } * MB;
    let twice = |time: f64| (100.0 + 50.0 * (time / 2_400.0).floor()) * MB;
    let filling = |time: f64| (200.0 - 100.0 * (-time / 900.0).exp()) * MB;
    for number in (61..=240).step_by(20) {
        assert_eq!(rising(number, once), None, "{number}");
        assert_eq!(rising(number, twice), None, "{number}");
    }
    // While it fills it is a trend, but one that comes to rest before a limit above that.
    for number in (61..=240).step_by(4) {
        let reached =
            |limit: f64| rising(number, filling).and_then(|trend| trend.reaches(limit * MB));
        assert_eq!(reached(230.0), None, "{number}");
    }
    let plateau = rising(61, filling).unwrap().plateau.unwrap();
    assert!((195.0 * MB..210.0 * MB).contains(&plateau), "{plateau}");
}

#[test]
fn what_has_ended_is_soon_no_trend_any_more() {
    let ends = |time: f64| (100.0 + 0.02 * time.min(7_200.0)) * MB;
    assert!(rising(240, ends).is_some());
    // A half hour later, of a window of two hours, whatever the stretch.
    assert_eq!(rising(240 + 60, ends), None);
}

#[test]
fn what_began_not_long_ago_is_seen_in_the_last_quarter() {
    let begins = |time: f64| (100.0 + 0.02 * (time - 7_200.0).max(0.0)) * MB;
    assert_eq!(rising(240, begins), None);
    let trend = rising(240 + 62, begins).unwrap();
    assert_eq!(trend.seen_for, WINDOW / 4);
    assert!((trend.per_second - 0.02 * MB).abs() < 100.0, "{trend:?}");
}

/// The heap of a garbage collector: it grows by 40 MB in `period`, and falls back to its floor.
fn saw_tooth(time: f64, period: f64, leak: f64) -> f64 {
    100.0 * MB + leak * time + 40.0 * MB * (time / period).fract()
}

#[test]
fn a_saw_tooth_alone_is_no_trend_and_a_leak_below_it_is_one() {
    for period in [45.0, 100.0, 250.0, 400.0, 700.0] {
        assert_eq!(rising(240, |time| saw_tooth(time, period, 0.0)), None, "{period}");
        let trend = rising(240, |time| saw_tooth(time, period, 0.01 * MB)).unwrap();
        let error = (trend.per_second / (0.01 * MB) - 1.0).abs();
        assert!(error < 0.25, "{period}: {trend:?}");
        // The tips of the teeth meet the limit first: 40 MB before the floor, which is 66 min.
        let eta = trend.reaches(300.0 * MB).unwrap();
        let ahead = eta.likely.saturating_since(at(0.0)).as_secs_f64();
        assert!((ahead / 16_000.0 - 1.0).abs() < 0.2, "{period}: {ahead}");
    }
}

#[test]
fn outliers_are_no_trend_and_hide_none() {
    for wild in [0.0, 5_000.0 * MB] {
        for place in (0..240).step_by(7) {
            let outlier = f64::from(place) * 30.0;
            let flat =
                |time: f64| if time == outlier { wild } else { (100.0 + (time / 30.0) % 2.0) * MB };
            assert_eq!(rising(240, flat), None, "{wild} at {place}");
            let leak = |time: f64| if time == outlier { wild } else { (100.0 + 0.01 * time) * MB };
            let trend = rising(240, leak).unwrap_or_else(|| panic!("{wild} at {place}"));
            assert!((trend.per_second / (0.01 * MB) - 1.0).abs() < 0.05, "{trend:?}");
            let eta = trend.reaches(300.0 * MB).unwrap().likely.saturating_since(at(0.0));
            assert!(
                (eta.as_secs_f64() / 20_000.0 - 1.0).abs() < 0.05,
                "{wild} at {place}: {eta:?}"
            );
        }
    }
}

#[test]
fn a_long_pause_is_not_taken_for_a_trend() {
    // The host slept for an hour, of which nothing is known.
    let mut readings = Readings::new(WINDOW);
    for index in 0..120 {
        let time = f64::from(index) * 30.0 + if index < 60 { 0.0 } else { 3_600.0 };
        readings.record(at(time), (100.0 + 0.01 * time) * MB, None);
    }
    let trend = readings.trend(Direction::Rising);
    assert!(trend.is_none_or(|trend| trend.seen_for <= WINDOW / 4), "{trend:?}");
}

#[test]
fn a_forecast_tells_reached_soon_later_and_steady_apart() {
    let run = |limit: f64, within: Duration, until: f64| {
        let mut forecast = Forecast::new(limit * MB, within, Direction::Rising);
        let mut outlook = Outlook::Steady;
        let mut time = 0.0;
        while time <= until {
            outlook = forecast.observe(at(time), (100.0 + 0.01 * time) * MB, Some("1"));
            time += 30.0;
        }
        outlook
    };
    // 300 MB at 20,000 s.
    assert!(matches!(run(300.0, WINDOW, 10_000.0), Outlook::Later(..)));
    assert!(matches!(run(300.0, WINDOW, 13_000.0), Outlook::Soon(..)));
    assert_eq!(run(300.0, WINDOW, 20_010.0), Outlook::Reached);
    assert_eq!(run(300.0, WINDOW, 600.0), Outlook::Steady);
    let mut forecast = Forecast::new(1.0, WINDOW, Direction::Rising);
    assert_eq!(forecast.observe(at(0.0), f64::NAN, None), Outlook::Steady);
    assert!(Outlook::Reached.is_breach() && !Outlook::Steady.is_breach());
}

#[test]
fn a_new_incarnation_has_a_trend_of_its_own_or_none() {
    let mut forecast = Forecast::new(300.0 * MB, WINDOW, Direction::Rising);
    let leak = |time: f64| (160.0 + 0.01 * time) * MB;
    for (time, value) in series(240, leak) {
        forecast.observe(at(time), value, Some("7-100"));
    }
    assert!(forecast.observe(at(7_200.0), leak(7_200.0), Some("7-100")).is_breach());
    assert_eq!(forecast.observe(at(7_230.0), 150.0 * MB, Some("9-500")), Outlook::Steady);
    forecast.clear();
    assert_eq!(forecast.observe(at(7_260.0), leak(7_260.0), Some("9-500")), Outlook::Steady);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_leak_under_noise_is_found_nearly_with_its_slope(
        per_hour in 20.0..500.0_f64,
        share in 0.0..0.04_f64,
        seed: u64,
        every in 1..=60_u32,
    ) {
        // Noise up to 4 % of what leaks within the window, both ways.
        let (slope, mut chance) = (per_hour * MB / 3_600.0, Chance(seed));
        let noise = share * 2.0 * per_hour * MB;
        let mut readings = Readings::new(WINDOW);
        let mut time = 0.0;
        while time <= 7_200.0 {
            let value = 200.0 * MB + slope * time + noise * (2.0 * chance.unit() - 1.0);
            readings.record(at(time), value, None);
            time += f64::from(every);
        }
        let trend = readings.trend(Direction::Rising);
        prop_assert!(trend.is_some());
        let trend = trend.unwrap();
        prop_assert!((trend.per_second / slope - 1.0).abs() < 0.15, "{trend:?}");
        prop_assert!(trend.low <= trend.per_second && trend.per_second <= trend.high);
        let limit = 200.0 * MB + slope * 14_400.0;
        let eta = trend.reaches(limit).unwrap();
        prop_assert!(eta.earliest <= eta.likely && eta.likely <= eta.latest);
        let error = eta.likely.as_nanos().abs_diff(at(14_400.0).as_nanos());
        // The noise counts as swings, which reach the limit first.
        prop_assert!(Duration::from_nanos(error) < Duration::from_mins(48), "{eta:?}");
    }

    #[test]
    fn any_readings_give_bounded_figures_in_order(
        values in prop::collection::vec((0..600_000_u64, prop_oneof![any::<f64>(), -1e9..1e9_f64]), 0..300),
        limit: f64,
    ) {
        let mut readings = Readings::new(WINDOW);
        let mut now = at(0.0);
        for (wait, value) in values {
            now = now + Duration::from_millis(wait);
            readings.record(now, value, None);
        }
        for direction in [Direction::Rising, Direction::Falling] {
            let Some(trend) = readings.trend(direction) else { continue };
            let (low, mid, high) = (trend.low.abs(), trend.per_second.abs(), trend.high.abs());
            prop_assert!(low > 0.0 && low <= mid && mid <= high && high.is_finite(), "{trend:?}");
            prop_assert!(trend.seen_for >= WINDOW / 4 && trend.seen_for <= WINDOW);
            if let Some(eta) = trend.reaches(limit) {
                prop_assert!(eta.earliest <= eta.likely && eta.likely <= eta.latest);
                prop_assert!(eta.earliest >= trend.as_of);
            }
        }
    }

    #[test]
    fn neither_the_origin_of_time_nor_the_unit_of_values_matters(
        seed: u64, shift in 0..1_000_000_u64, power in -20..20_i32, slope in 0.0..0.05_f64,
    ) {
        let mut chance = Chance(seed);
        let values: Vec<_> = series(200, |time| 100.0 + slope * time + chance.normal());
        let trend = |shift: Duration, unit: f64| {
            let mut readings = Readings::new(WINDOW);
            for (time, value) in &values {
                readings.record(at(*time) + shift, value * unit, None);
            }
            readings.trend(Direction::Rising)
        };
        // By a power of two nothing is rounded.
        let unit = 2.0_f64.powi(power);
        let (one, other) = (trend(Duration::ZERO, 1.0), trend(Duration::from_secs(shift), unit));
        prop_assert_eq!(one.is_some(), other.is_some());
        if let (Some(one), Some(other)) = (one, other) {
            prop_assert_eq!(one.per_second * unit, other.per_second);
            prop_assert_eq!(one.crest * unit, other.crest);
        }
    }
}
