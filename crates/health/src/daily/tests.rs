use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

fn quiet(texts: &[&str]) -> DailyWindows {
    DailyWindows::try_new(texts).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A zone of Central European rules, written out: no test depends on what a host has installed.
fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

#[track_caller]
fn check(texts: &[&str], zone: &TimeZone, now: &str, opens: &str) {
    let (quiet, now, opens) = (quiet(texts), at(now), at(opens));
    let found = quiet.next_opening(now, zone).unwrap();
    assert_eq!(found.to_string(), opens.to_string());
    assert_eq!(quiet.contains(now, zone), now == opens);
}

#[test]
fn the_beginning_belongs_to_a_window_and_the_end_does_not() {
    let utc = TimeZone::UTC;
    check(&["02:00-05:00"], &utc, "2026-11-25T01:59:59.9Z", "2026-11-25T02:00:00Z");
    check(&["02:00-05:00"], &utc, "2026-11-25T02:00:00Z", "2026-11-25T02:00:00Z");
    check(&["02:00-05:00"], &utc, "2026-11-25T04:59:59.9Z", "2026-11-25T04:59:59.9Z");
    check(&["02:00-05:00"], &utc, "2026-11-25T05:00:00Z", "2026-11-26T02:00:00Z");
}

#[test]
fn a_window_may_go_over_midnight_or_up_to_it() {
    let utc = TimeZone::UTC;
    check(&["22:30-04:00"], &utc, "2026-12-31T23:00:00Z", "2026-12-31T23:00:00Z");
    check(&["22:30-04:00"], &utc, "2027-01-01T03:59:00Z", "2027-01-01T03:59:00Z");
    check(&["22:30-04:00"], &utc, "2027-01-01T04:00:00Z", "2027-01-01T22:30:00Z");
    check(&["23:00-24:00"], &utc, "2026-11-25T23:59:00Z", "2026-11-25T23:59:00Z");
    check(&["23:00-24:00"], &utc, "2026-11-26T00:00:00Z", "2026-11-26T23:00:00Z");
}

#[test]
fn of_several_the_next_one_counts() {
    let several = ["20:00-21:00", "02:00-03:00", "12:00-13:00"];
    check(&several, &TimeZone::UTC, "2026-11-25T03:00:00Z", "2026-11-25T12:00:00Z");
    check(&several, &TimeZone::UTC, "2026-11-25T21:00:00Z", "2026-11-26T02:00:00Z");
    assert_eq!(quiet(&several).to_string(), "02:00-03:00, 12:00-13:00, 20:00-21:00");
}

#[test]
fn it_is_the_clock_on_the_wall_that_counts() {
    check(&["02:00-05:00"], &berlin(), "2026-11-25T00:30:00Z", "2026-11-25T01:00:00Z");
    check(&["02:00-05:00"], &berlin(), "2026-07-25T00:30:00Z", "2026-07-25T00:30:00Z");
}

#[test]
fn where_clocks_are_put_forward_a_window_is_shorter_or_not_at_all() {
    // On 29 March 2026 at 02:00 it is 03:00 at once: 01:00 UTC.
    check(&["02:00-05:00"], &berlin(), "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z");
    check(&["02:15-02:45"], &berlin(), "2026-03-29T00:30:00Z", "2026-03-30T00:15:00Z");
    check(&["02:30-03:30"], &berlin(), "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z");
}

#[test]
fn where_clocks_are_put_back_a_window_opens_twice() {
    // On 25 October 2026 at 03:00 it is 02:00 once more: 01:00 UTC.
    check(&["02:15-02:45"], &berlin(), "2026-10-25T00:00:00Z", "2026-10-25T00:15:00Z");
    check(&["02:15-02:45"], &berlin(), "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z");
    check(&["02:15-02:45"], &berlin(), "2026-10-25T01:45:00Z", "2026-10-26T01:15:00Z");
}

#[test]
fn what_is_no_window_is_refused_with_what_is_accepted() {
    for (text, message) in [
        ("", "it has no end"),
        ("02:00", "it has no end"),
        ("2-5", "its beginning is no time of day"),
        ("02:00-25:00", "its end is no time of day"),
        ("02:00-24:01", "its end is no time of day"),
        ("02:60-05:00", "its beginning is no time of day"),
        ("24:00-05:00", "a day ends at 24:00; the next one begins at 00:00"),
        ("05:00-05:00", "it ends when it begins"),
        ("+2:00-05:00", "its beginning is no time of day"),
    ] {
        let error = DailyWindows::try_new(&[text]).unwrap_err();
        assert_eq!(error.message, message, "{text}");
        assert!(error.to_string().contains("`02:00-05:00`"), "{error}");
    }
    assert!(DailyWindows::try_new(&[""; 0]).is_err());
}

#[test]
fn at_the_end_of_the_calendar_nothing_opens_any_more() {
    assert_eq!(quiet(&["02:00-05:00"]).next_opening(Timestamp::MAX, &TimeZone::UTC), None);
}

proptest! {
    #[test]
    fn the_next_opening_is_the_first_quiet_minute(
        windows in prop::collection::vec((0..1_440_u16, 0..1_440_u16), 1..4),
        hours in 0..20_000_i64,
        minutes in 0..60_i64,
    ) {
        let texts: Vec<_> = windows
            .into_iter()
            .filter(|(from, to)| from != to)
            .map(|(from, to)| format!("{}-{}", Minute(from), Minute(to)))
            .collect();
        prop_assume!(!texts.is_empty());
        let (quiet, zone) = (DailyWindows::try_new(&texts).unwrap(), berlin());
        let now = at("2026-01-01T00:00:00Z") + SignedDuration::from_mins(60 * hours + minutes);
        let opening = quiet.next_opening(now, &zone).unwrap();
        prop_assert!(quiet.contains(opening, &zone));
        // Minute by minute, as a model that knows nothing of openings.
        let mut minute = now;
        while !quiet.contains(minute, &zone) {
            minute += SignedDuration::from_mins(1);
        }
        prop_assert_eq!(opening, minute);
        let closing = quiet.closing(opening, &zone);
        let mut minute = opening;
        while quiet.contains(minute, &zone) && minute < opening + SignedDuration::from_hours(48) {
            minute += SignedDuration::from_mins(1);
        }
        prop_assert_eq!(closing, (!quiet.contains(minute, &zone)).then_some(minute));
        if now < opening {
            prop_assert_eq!(quiet.closing(now, &zone), None);
        }
    }
}
