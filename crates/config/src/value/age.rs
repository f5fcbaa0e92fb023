use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::{ValueError, parse_duration};

/// How old something must be: so long, or from before the host booted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// `7d`.
    Lasting(Duration),
    /// `boot`.
    BeforeBoot,
}

/// Reads `boot`, and what [`parse_duration`] reads.
pub fn parse_age(text: &str) -> Result<Age, ValueError> {
    if text.trim() == "boot" {
        return Ok(Age::BeforeBoot);
    }
    parse_duration(text).map(Age::Lasting).map_err(|error| {
        let accepted = format!("{}; or `boot`: from before the host booted", error.accepted);
        ValueError { accepted, ..error }
    })
}

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AgeText)
    }
}

struct AgeText;

impl Visitor<'_> for AgeText {
    type Value = Age;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "an age: a text with a number and a unit, such as \"7d\", or \"boot\": from before the host booted",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Age, E> {
        parse_age(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Age, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Age, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Age, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_duration_or_the_boot() {
        assert_eq!(parse_age(" boot "), Ok(Age::BeforeBoot));
        assert_eq!(parse_age("90m"), Ok(Age::Lasting(Duration::from_mins(90))));
        for text in ["", "7", "Boot", "reboot", "1month", "boot 7d"] {
            let error = parse_age(text).unwrap_err();
            assert!(error.accepted.contains("`7d`; or `boot`"), "{error}");
        }
    }
}
