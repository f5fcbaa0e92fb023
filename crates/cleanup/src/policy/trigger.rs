use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What makes entries due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// Each that is older; exactly so old is kept.
    OlderThan(Duration),
    /// Each that was there before the host booted, and was not touched since.
    BeforeBoot,
    /// Each that is larger; exactly so large is kept.
    LargerThan(u64),
    /// The oldest, until the allocated bytes of all that match are no more than this.
    MaxTotal(u64),
    /// The oldest, until no more than so many match.
    MaxCount(u64),
    /// The oldest, once the filesystem is too full, until it is no longer.
    Watermark(Watermark),
}

impl Trigger {
    /// The key that settings use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OlderThan(_) | Self::BeforeBoot => "older_than",
            Self::LargerThan(_) => "larger_than",
            Self::MaxTotal(_) => "max_total",
            Self::MaxCount(_) => "max_count",
            Self::Watermark(_) => "watermark",
        }
    }

    /// Whether what becomes of an entry depends on all the others.
    pub(crate) fn is_level(self) -> bool {
        matches!(self, Self::MaxTotal(_) | Self::MaxCount(_) | Self::Watermark(_))
    }
}

/// How full the filesystem of the root may get, and to what a run then brings it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Watermark {
    /// A run takes something only if the usage is above this.
    pub high: Share,
    /// It then takes the oldest until the usage is at or below this.
    pub low: Share,
    /// What is used up.
    pub of: Resource,
}

/// What of a filesystem can be used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Space: `used / (used + available)`, as `df` counts.
    #[default]
    Disk,
    /// Inodes, as `df -i` counts.
    Inodes,
}

impl Resource {
    /// The name that settings use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Inodes => "inodes",
        }
    }
}

const WHOLE: u32 = 1_000_000;

/// A share of a whole, from 0 to 1, in millionths: compared in integers, so that no rounding decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

/// Not a share of a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {}", Share::ACCEPTED)]
pub struct ShareError {
    /// As it was given.
    pub text: String,
}

impl Share {
    /// Nothing.
    pub const NOTHING: Self = Self(0);
    /// All of it.
    pub const ALL: Self = Self(WHOLE);
    /// What settings may say.
    pub const ACCEPTED: &'static str =
        "a share of a whole: a percentage such as `90%`, or a number from 0 to 1";

    /// The share nearest to a number from 0 to 1; `None` beyond.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to a million, checked just before"
    )]
    pub fn from_ratio(ratio: f64) -> Option<Self> {
        (0.0..=1.0).contains(&ratio).then(|| Self((ratio * f64::from(WHOLE)).round() as u32))
    }

    /// The number from 0 to 1.
    pub fn ratio(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }

    /// This share of `whole`, rounded down: an integer above it is above the exact share too.
    pub fn of(self, whole: u64) -> u64 {
        let share = u128::from(whole) * u128::from(self.0) / u128::from(WHOLE);
        u64::try_from(share).unwrap_or(whole)
    }

    /// The share that `part` is of `whole`, rounded down; all of it for more than that or for a whole of nothing.
    pub(crate) fn nearest(part: u64, whole: u64) -> Self {
        let millionths = (u128::from(part) * u128::from(WHOLE)).checked_div(whole.into());
        Self(millionths.and_then(|share| share.try_into().ok()).unwrap_or(WHOLE).min(WHOLE))
    }
}

/// `90%`, `90 %`, `0.9`.
impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let ratio = match text.trim().strip_suffix('%') {
            Some(percent) => number(percent).map(|percent| percent / 100.0),
            None => number(text),
        };
        ratio.and_then(Self::from_ratio).ok_or_else(|| ShareError { text: text.to_owned() })
    }
}

/// As a percentage, without digits that say nothing.
impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        let decimals = format!("{rest:04}");
        match decimals.trim_end_matches('0') {
            "" => write!(formatter, "{whole}%"),
            decimals => write!(formatter, "{whole}.{decimals}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_are_read_as_percentages_and_as_numbers() {
        for (text, shown) in [
            ("90%", "90%"),
            ("0.9", "90%"),
            (" 12.5 %", "12.5%"),
            ("1", "100%"),
            ("0.0001%", "0.0001%"),
        ] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), shown);
        }
        for text in ["", "%", "90", "101%", "-1%", "nan", "inf", "a lot"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_share_prints_as_it_is_read(millionths in 0..=WHOLE) {
            let share = Share(millionths);
            prop_assert_eq!(share.to_string().parse::<Share>().unwrap(), share);
            prop_assert_eq!(Share::from_ratio(share.ratio()), Some(share));
        }

        #[test]
        fn a_number_is_above_the_rounded_share_exactly_if_it_is_above_the_exact_one(
            millionths in 0..=WHOLE,
            whole in 0..u64::MAX,
            part in 0..u64::MAX,
        ) {
            let above = u128::from(part) * u128::from(WHOLE) > u128::from(whole) * u128::from(millionths);
            prop_assert_eq!(part > Share(millionths).of(whole), above);
            prop_assert!(Share::nearest(part, whole) <= Share::ALL);
        }
    }
}
