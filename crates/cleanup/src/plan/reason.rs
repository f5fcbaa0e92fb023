use std::fmt;
use std::time::{Duration, SystemTime};

use evenkeel_shown::Unit;
use evenkeel_shown::said::DueCode;
use serde::{Serialize, Serializer};

use crate::policy::{AgeBy, Resource, Share, Watermark};

/// Why an entry is due: the trigger, its value, and the entry's own figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It is too old.
    Old {
        /// So old it is.
        age: Duration,
        /// `older_than`.
        limit: Duration,
        /// The times that say so.
        by: AgeBy,
    },
    /// It was there before the host booted.
    BeforeBoot {
        /// So long before.
        before: Duration,
        /// The times that say so.
        by: AgeBy,
    },
    /// It is too large.
    Large {
        /// So large it is.
        bytes: u64,
        /// `larger_than`.
        limit: u64,
    },
    /// All together take too much, and it is one of the oldest.
    Total {
        /// What all together take before the run.
        total: u64,
        /// `max_total`.
        limit: u64,
        /// What of that goes with it.
        allocated: u64,
        /// Its age; `None` if it is dated after now.
        age: Option<Duration>,
    },
    /// There are too many, and it is one of the oldest.
    Many {
        /// So many there are before the run.
        count: u64,
        /// `max_count`.
        limit: u64,
        /// Its age; `None` if it is dated after now.
        age: Option<Duration>,
    },
    /// The filesystem is too full, and it is one of the oldest.
    Full {
        /// So full it is before the run.
        usage: Share,
        /// `watermark`.
        mark: Watermark,
        /// What of that goes with it, in bytes or inodes.
        gain: u64,
        /// Its age; `None` if it is dated after now.
        age: Option<Duration>,
    },
}

impl Reason {
    /// What it says, for whoever says it in another language.
    pub fn code(&self) -> DueCode {
        match *self {
            Self::Old { age, limit, by } => {
                DueCode::Old { limit: rounded(limit), age: rounded(age), by: by.to_string() }
            }
            Self::BeforeBoot { before, by } => {
                DueCode::BeforeBoot { before: rounded(before), by: by.to_string() }
            }
            Self::Large { bytes, limit } => {
                let (bytes, limit) = beside(bytes, limit);
                DueCode::Large { limit, bytes }
            }
            Self::Total { total, limit, allocated, age } => {
                let ((total, shown), (allocated, _)) =
                    (beside(total, limit), beside(allocated, limit));
                DueCode::Total { limit: shown, total, allocated, age: age.map(rounded) }
            }
            Self::Many { count, limit, age } => {
                DueCode::Many { limit, count, age: age.map(rounded) }
            }
            Self::Full { usage, mark, gain, age } => {
                let inodes = mark.of == Resource::Inodes;
                let gain = if inodes { gain.to_string() } else { Unit::size(gain) };
                let (high, low) = (mark.high.to_string(), mark.low.to_string());
                let (usage, age) = (usage.to_string(), age.map(rounded));
                DueCode::Full { high, low, inodes, usage, gain, age }
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Old { age, limit, by } => {
                write!(formatter, "older_than = {}: it is {} old by {by}", whole(limit), whole(age))
            }
            Self::BeforeBoot { before, by } => {
                write!(formatter, "older_than = boot: it is from {} before, by {by}", whole(before))
            }
            Self::Large { bytes, limit } => {
                let (bytes, limit) = beside(bytes, limit);
                write!(formatter, "larger_than = {limit}: it has {bytes}")
            }
            Self::Total { total, limit, allocated, age } => {
                let ((total, shown), (allocated, _)) =
                    (beside(total, limit), beside(allocated, limit));
                write!(
                    formatter,
                    "max_total = {shown}: all together take {total}; it takes {allocated} and is {}",
                    old(age)
                )
            }
            Self::Many { count, limit, age } => {
                write!(formatter, "max_count = {limit}: there are {count}; it is {}", old(age))
            }
            Self::Full { usage, mark, gain, age } => {
                let (of, gain) = match mark.of {
                    Resource::Disk => ("the filesystem", Unit::size(gain)),
                    Resource::Inodes => {
                        ("the filesystem's table of inodes", format!("{gain} inodes"))
                    }
                };
                write!(
                    formatter,
                    "watermark from {} down to {}: {of} is {usage} full; it takes {gain} and is {}",
                    mark.high,
                    mark.low,
                    old(age)
                )
            }
        }
    }
}

/// As a text, as people read it.
impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

pub(super) fn age(youngest: SystemTime, now: SystemTime) -> Option<Duration> {
    now.duration_since(youngest).ok()
}

#[expect(clippy::cast_precision_loss, reason = "no file has 2^53 bytes")]
fn beside(bytes: u64, limit: u64) -> (String, String) {
    Unit::Bytes.write_beside(bytes as f64, limit as f64)
}

fn old(age: Option<Duration>) -> String {
    match age {
        Some(age) => format!("{} old", whole(age)),
        None => "dated after now".to_owned(),
    }
}

/// Without parts of a second, or where there is nothing else of a millisecond.
fn whole(duration: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(rounded(duration))
}

fn rounded(duration: Duration) -> Duration {
    let seconds = Duration::from_secs(duration.as_secs());
    let millis = Duration::from_millis(u64::from(duration.subsec_millis()));
    if seconds.is_zero() { millis } else { seconds }
}
