//! Windows that slide.

use std::time::Duration;

use evenkeel_moment::Moment;

/// For each of these times, which are in order, how many lie in the window that ends with it: a time leaves it exactly at its end.
pub(crate) fn in_windows(times: &[Moment], window: Duration) -> impl Iterator<Item = usize> {
    let mut first = 0;
    times.iter().enumerate().map(move |(last, at)| {
        while first <= last && at.saturating_since(times[first]) >= window {
            first += 1;
        }
        last + 1 - first
    })
}
