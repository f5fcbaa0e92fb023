//! Each number of the section on availability.

use std::time::Duration;

use super::at;
use crate::availability::{Account, BURN_RULES, Burn, BurnRule, Decimal, Promise, Slice, Verdict};
use crate::labels::BurnWindow;

const DAY: u64 = 24 * 3600;

fn promise(objective: &str, days: u64) -> Promise {
    Promise {
        objective: objective.parse().expect("a decimal"),
        window: Duration::from_secs(days * DAY),
        slice: Duration::from_secs(30),
        exclude_unknown_up_to: Promise::EXCLUDE_UNKNOWN_UP_TO,
        min_bad: Promise::MIN_BAD,
    }
}

/// An account whose last `bad` slices of `slices` were bad.
fn burnt(slices: i64, bad: i64) -> Account {
    let mut account = Account::new(promise("0.999", 30));
    let (turn, end) = (at(30 * (slices - bad)), at(30 * slices));
    account.add(Slice { verdict: Verdict::Good, from: at(0), until: turn });
    account.add(Slice { verdict: Verdict::Bad, from: turn, until: end });
    account
}

fn burn(account: &Account, window: BurnWindow) -> Burn {
    account.burn(window, account.until().expect("slices"), Duration::ZERO)
}

fn burns(rule: &BurnRule, account: &Account) -> bool {
    rule.burns(account, account.until().expect("slices"), Duration::ZERO)
}

#[test]
fn budgets_are_what_the_semantics_say() {
    for (days, millis) in [
        (30, 43 * 60_000 + 12_000),
        (28, 40 * 60_000 + 19_200),
        (7, 10 * 60_000 + 4_800),
        (365, 8 * 3_600_000 + 45 * 60_000 + 36_000),
    ] {
        assert_eq!(promise("0.999", days).budget(), Duration::from_millis(millis), "{days} d");
    }
}

#[test]
fn three_nines_over_30_days_allow_86_bad_slices_of_30_seconds() {
    let promise = promise("0.999", 30);
    assert_eq!(promise.slices(), 86_400);
    assert_eq!(promise.allowed_slices().to_string(), "86.4");
    let left = |bad| burnt(86_400, bad).figures(at(30 * 86_400), Duration::ZERO).budget_remaining();
    assert!(left(86) > 0.0 && left(87) < 0.0, "{} {}", left(86), left(87));
}

#[test]
fn the_burn_table_is_that_of_the_workbook() {
    let promise = promise("0.999", 30);
    let rows: Vec<_> = BURN_RULES
        .iter()
        .map(|rule| {
            let BurnRule { severity, long, short, factor } = rule;
            let used = rule.budget_used(promise.window).expect("a window").percent();
            let (long, short) = (long.as_str(), short.as_str());
            format!("{severity} {long} {short} {factor} {} {used} %", promise.threshold(*factor))
        })
        .collect();
    assert_eq!(
        rows,
        [
            "critical 1h 5m 14.4 0.0144 2 %",
            "critical 6h 30m 6 0.006 5 %",
            "warning 1d 2h 3 0.003 10 %",
            "warning 3d 6h 1 0.001 10 %",
        ]
    );
    for rule in BURN_RULES {
        assert_eq!(rule.long.length(), rule.short.length() * 12);
    }
}

#[test]
fn a_burn_of_14_4_uses_the_whole_budget_in_50_hours() {
    let burn = Burn { bad: 144, counted: 10_000, error_budget: Decimal::thousandths(1) };
    let lasts = burn.exhausts_in(1.0, Duration::from_secs(30 * DAY)).expect("it burns");
    assert!(lasts.abs_diff(Duration::from_hours(50)) < Duration::from_millis(1), "{lasts:?}");
}

#[test]
fn two_bad_slices_in_an_hour_burn_fast_enough_but_are_too_few_to_tell() {
    let account = burnt(86_400, 2);
    let hour = burn(&account, BurnWindow::Hour);
    assert_eq!((hour.bad, hour.counted), (2, 120));
    assert!(hour.is_faster_than(BURN_RULES[0].factor), "1.67 % are more than 1.44 %");
    assert!(!burns(&BURN_RULES[0], &account));
    assert!(burns(&BURN_RULES[0], &burnt(86_400, 3)));
}

#[test]
fn exactly_as_fast_as_the_threshold_is_not_faster() {
    let burn = |bad, counted| Burn { bad, counted, error_budget: Decimal::thousandths(1) };
    let factor = BURN_RULES[0].factor;
    assert!(!burn(144, 10_000).is_faster_than(factor));
    assert!(burn(145, 10_000).is_faster_than(factor));
    assert!(burn(144, 9_999).is_faster_than(factor));
    assert!(!burn(0, 0).is_faster_than(factor));
}

#[test]
fn what_is_over_tells_no_more_although_the_long_window_still_burns() {
    let mut account = burnt(86_400, 10);
    assert!(burns(&BURN_RULES[0], &account));
    let end = account.until().expect("slices");
    let later = end + jiff::SignedDuration::from_secs(330);
    account.add(Slice { verdict: Verdict::Good, from: end, until: later });
    assert!(burn(&account, BurnWindow::Hour).is_faster_than(BURN_RULES[0].factor));
    assert!(!burns(&BURN_RULES[0], &account));
}

#[test]
fn the_example_of_the_documentation_is_what_comes_out() {
    let page = include_str!("../../../../../docs/availability.md");
    let mut account = Account::new(promise("0.999", 30));
    let mut begin = 0;
    let mut add = |verdict, slices: i64| {
        let (from, until) = (at(begin * 30), at((begin + slices) * 30));
        account.add(Slice { verdict, from, until });
        begin += slices;
    };
    add(Verdict::Good, 50_000);
    add(Verdict::Bad, 40);
    add(Verdict::Good, 10_000);
    add(Verdict::Maintenance, 120);
    add(Verdict::Good, 20_000);
    // No agent, no slices.
    let gap = 240;
    let mut late = |verdict, from: i64, slices: i64| {
        account.add(Slice { verdict, from: at(from * 30), until: at((from + slices) * 30) });
    };
    late(Verdict::Good, 80_160 + gap, 6_000);
    let figures = account.figures(at(86_400 * 30), Duration::ZERO);
    let counts = figures.counts;
    let share = |share: Option<Decimal>| format!("{:.3} %", share.expect("slices").percent());
    let counted = counts.all() - counts.maintenance;
    for line in [
        format!("| window | {} |", counts.all()),
        format!("| bad | {} |", counts.bad),
        format!("| maintenance | {} |", counts.maintenance),
        format!("| unknown | {} |", counts.unknown),
        format!("| good | {} |", counts.good),
        format!(
            "- availability: {} / {} = {}",
            counts.good,
            counts.counted(),
            share(figures.availability)
        ),
        format!("- coverage: {} / {counted} = {}", counts.counted(), share(figures.coverage)),
        format!(
            "- unknown as bad: {}, because {} are less than {} (5 % of {counted})",
            figures.unknown_as_bad,
            counts.unknown,
            Promise::EXCLUDE_UNKNOWN_UP_TO.of(counted)
        ),
        format!(
            "- budget: {} s, used {} s, left {:.1} %",
            figures.budget.as_secs(),
            figures.used.as_secs(),
            figures.budget_remaining() * 100.0
        ),
    ] {
        assert!(page.contains(&line), "the page does not say: {line}");
    }
}
