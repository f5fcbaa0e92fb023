use evenkeel_cleanup::Share as Exact;
use serde::de::{self, Deserialize, Deserializer};

use super::Scalar;

/// A share of a whole: a percentage such as `"90%"`, or a number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share(pub(crate) Exact);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Scalar::deserialize(deserializer)?;
        let share = match &given {
            Scalar::Truth(_) => None,
            Scalar::Number(number) => Exact::from_ratio(*number),
            Scalar::Whole(_) | Scalar::Text(_) => given.to_string().parse().ok(),
        };
        share.map(Self).ok_or_else(|| {
            de::Error::custom(format!("`{given}` is not a share\naccepted: {}", Exact::ACCEPTED))
        })
    }
}
