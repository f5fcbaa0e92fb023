//! How often a series without a trend is taken for one.

use super::*;

const SERIES: u64 = 10_000;
/// One reading a minute, for twice the window, so that the whole of it slides too.
const LENGTH: u32 = 240;

#[derive(Debug, Default)]
struct Alarms {
    /// Of all series, those in which a trend is told at one of the looks or more.
    series: u32,
    /// Of all looks of all series, those that tell one.
    looks: u32,
    /// Of all series, those that would be acted on: twice the figure is the limit, to be reached within the window.
    breaches: u32,
}

/// Looks at each series at every reading: 210 looks that could tell a trend.
fn alarms(mut value: impl FnMut(&mut Chance, u32) -> f64) -> Alarms {
    let mut alarms = Alarms::default();
    for seed in 0..SERIES {
        let mut chance = Chance(seed.wrapping_mul(0x0123_4567_89ab_cdef));
        let mut forecast = Forecast::new(200.0 * MB, WINDOW, Direction::Rising);
        let (mut told, mut breached) = (false, false);
        for index in 0..LENGTH {
            let now = at(f64::from(index) * 60.0);
            let outlook = forecast.observe(now, value(&mut chance, index) * MB, None);
            if let Outlook::Soon(..) | Outlook::Later(..) = outlook {
                alarms.looks += 1;
                told = true;
            }
            breached |= matches!(outlook, Outlook::Soon(..));
        }
        alarms.series += u32::from(told);
        alarms.breaches += u32::from(breached);
    }
    alarms
}

#[track_caller]
#[expect(clippy::print_stdout, reason = "the rates are for docs/semantics.md")]
fn check(name: &str, told: u32, breaches: u32, value: impl FnMut(&mut Chance, u32) -> f64) {
    let found = alarms(value);
    println!("{name}: of {SERIES} series {found:?}");
    assert!(found.series <= told && found.breaches <= breaches, "{name}: {found:?}");
}

#[test]
fn white_noise_is_not_taken_for_a_trend() {
    check("white", 0, 0, |chance, _| 100.0 + chance.normal());
}

#[test]
fn noise_that_remembers_is_not_taken_for_a_trend() {
    let mut last = 0.0;
    check("red", 800, 0, |chance, index| {
        last = if index == 0 { 0.0 } else { 0.9 * last + chance.normal() };
        100.0 + last
    });
}

#[test]
fn noise_with_wild_readings_is_not_taken_for_a_trend() {
    check("wild", 0, 0, |chance, _| {
        let size = if chance.unit() < 0.05 { 30.0 } else { 1.0 };
        100.0 + size * chance.normal()
    });
}

#[test]
fn a_collected_heap_is_not_taken_for_a_trend() {
    // Of any height, and of any period from 1 min to 20 min.
    let (mut period, mut height) = (0.0, 0.0);
    check("saw-tooth", 30, 10, |chance, index| {
        if index == 0 {
            (period, height) = (60.0 + 1_140.0 * chance.unit(), 5.0 + 95.0 * chance.unit());
        }
        50.0 + height * (f64::from(index) * 60.0 / period).fract() + chance.normal()
    });
}

#[test]
fn a_cache_that_fills_is_not_taken_for_a_trend() {
    // By one step of any height, at any time.
    let (mut step, mut moment) = (0.0, 0.0);
    check("step", 5, 0, |chance, index| {
        if index == 0 {
            (step, moment) = (60.0 * chance.unit(), f64::from(LENGTH) * chance.unit());
        }
        100.0 + if f64::from(index) < moment { 0.0 } else { step } + chance.normal()
    });
}

/// What has no direction and still wanders is the hardest: each stretch of it that rises is a trend, until it turns.
#[test]
fn a_random_walk_is_seldom_taken_for_a_leak() {
    let mut last = 0.0;
    check("random walk", 5_000, 100, |chance, index| {
        last = if index == 0 { 0.0 } else { last + chance.normal() };
        100.0 + last
    });
}
