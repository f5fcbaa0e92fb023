//! What SEMANTICS says in numbers, and machines against models that count one slice, or one second, after the other.

mod account;
mod join;
mod numbers;
mod slicer;

use jiff::{SignedDuration, Timestamp};

/// So many seconds after a day began.
fn at(seconds: i64) -> Timestamp {
    let midnight = Timestamp::from_second(1_795_564_800).expect("a time of day");
    midnight + SignedDuration::from_secs(seconds)
}
