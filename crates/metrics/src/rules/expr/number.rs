use std::fmt;

use crate::availability::Decimal;

/// A number that stands in a rule, exactly as people write it: the limit of a burn rate is 0.0144 and not 0.014400000000000013.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Number {
    /// A count or a size.
    Whole(u64),
    /// A share.
    Decimal(Decimal),
}

impl Number {
    /// The number that Prometheus makes of its digits.
    #[expect(
        clippy::cast_precision_loss,
        reason = "to the nearest, as a parser of the digits does"
    )]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Decimal(number) => number.to_f64(),
        }
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<Decimal> for Number {
    fn from(number: Decimal) -> Self {
        Self::Decimal(number)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(formatter),
            Self::Decimal(number) => number.fmt(formatter),
        }
    }
}
