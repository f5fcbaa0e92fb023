use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::ValueError;

const ACCEPTED: &str = "octal digits in quotes, from \"0000\" to \"07777\", such as \"0644\"";

/// The twelve bits of a mode as settings have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode(pub(crate) u32);

/// Reads octal digits such as `0644` or `2755`; fails on other digits and on more than twelve bits.
pub fn parse_mode(text: &str) -> Result<u32, ValueError> {
    let octal = (3..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    octal
        .then(|| u32::from_str_radix(text, 8).ok())
        .flatten()
        .filter(|mode| *mode <= 0o7777)
        .ok_or_else(|| ValueError::new(format!("`{text}` is not an octal mode"), ACCEPTED))
}

/// The text that [`parse_mode`] reads back: four octal digits.
pub fn format_mode(mode: u32) -> String {
    format!("{mode:04o}")
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ModeText).map(Self)
    }
}

struct ModeText;

impl ModeText {
    // 644 without quotes is a decimal number in TOML, and 0o644 is 420: which one was meant cannot be told.
    fn refuse<E: de::Error>(number: impl fmt::Display) -> E {
        let message = format!("the number `{number}` is not a mode: write it in quotes");
        E::custom(ValueError::new(message, ACCEPTED))
    }
}

impl Visitor<'_> for ModeText {
    type Value = u32;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a mode: octal digits in quotes, such as \"0644\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u32, E> {
        parse_mode(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<u32, E> {
        Err(Self::refuse(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<u32, E> {
        Err(Self::refuse(number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_that_are_not_octal_are_refused() {
        for text in ["0999", "8", "64", "17777", "rw-r--r--", "0o644", "", "+644"] {
            assert!(parse_mode(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_mode_that_was_written_reads_back(mode in 0..=0o7777_u32) {
            prop_assert_eq!(parse_mode(&format_mode(mode)), Ok(mode));
        }
    }
}
