use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::ValueError;

const ACCEPTED: &str = "a number with a unit, such as `250ms`, `5s`, `10m`, `1h`, `7d`";

/// Spellings of calendar units, whose length depends on when they begin.
const CALENDAR: [&str; 9] = ["M", "mon", "month", "months", "y", "yr", "year", "years", "mo"];

/// A duration as settings have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lasting(pub(crate) Duration);

/// Reads `250ms`, `5s`, `10m`, `1h`, `7d` and sums such as `1h 30m`; fails on a number without a unit, on months and years.
pub fn parse_duration(text: &str) -> Result<Duration, ValueError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ValueError::new("an empty text is not a duration", ACCEPTED));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(ValueError::new(format!("`{text}` has no unit"), ACCEPTED));
    }
    let units = text.split(|char: char| !char.is_alphabetic());
    if let Some(unit) = units.into_iter().find(|unit| CALENDAR.contains(unit)) {
        let message = format!("`{unit}` is a unit of the calendar, which has no fixed length");
        return Err(ValueError::new(message, ACCEPTED));
    }
    humantime::parse_duration(text)
        .map_err(|_| ValueError::new(format!("`{text}` is not a duration"), ACCEPTED))
}

/// The text that [`parse_duration`] reads back as the same duration: `90m`, not `1h 30m`, if one unit says it.
pub fn format_duration(duration: Duration) -> String {
    const UNITS: [(u128, &str); 7] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    UNITS
        .iter()
        .find(|(size, _)| nanos.is_multiple_of(*size))
        .map_or_else(|| format!("{nanos}ns"), |(size, unit)| format!("{}{unit}", nanos / size))
}

impl<'de> Deserialize<'de> for Lasting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DurationText).map(Self)
    }
}

struct DurationText;

impl Visitor<'_> for DurationText {
    type Value = Duration;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a duration: a text with a number and a unit, such as \"5s\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        parse_duration(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Duration, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Duration, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Duration, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_units_of_the_design_are_read() {
        for (text, nanos) in [
            ("250ms", 250_000_000_u64),
            ("5s", 5_000_000_000),
            ("10m", 600_000_000_000),
            ("1h", 3_600_000_000_000),
            ("7d", 604_800_000_000_000),
            ("1h 30m", 5_400_000_000_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_has_no_fixed_length_is_refused() {
        for text in
            ["5", "1.5", "0", "1month", "2 months", "1M", "1y", "3years", "5x", "", "s", "-5s"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_duration_that_was_written_reads_back(secs in 0..100_000_000_u64, nanos in 0..1_000_000_000_u32) {
            for duration in [Duration::new(secs, nanos), Duration::from_secs(secs), Duration::from_millis(secs)] {
                prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
            }
        }
    }
}
