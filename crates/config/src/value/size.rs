use std::fmt;

use bytesize::ByteSize;
use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::ValueError;

const ACCEPTED: &str = "bytes, such as `4096`, `300MB` (300,000,000) or `100MiB` (104,857,600)";

/// A number of bytes as settings have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

/// Reads `300MB` = 300,000,000 and `100MiB` = 104,857,600; a bare number is bytes.
pub fn parse_size(text: &str) -> Result<u64, ValueError> {
    let text = text.trim();
    let refuse = || ValueError::new(format!("`{text}` is not a size"), ACCEPTED);
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    if digits == 0 {
        return Err(refuse());
    }
    let size = text.parse::<ByteSize>().map_err(|_| refuse())?.as_u64();
    // The parser saturates; a size that large is a slip of the fingers, not a limit.
    if size >= u64::MAX / 2 { Err(refuse()) } else { Ok(size) }
}

/// The text that [`parse_size`] reads back as the same number of bytes, in the largest unit that says it exactly.
pub fn format_size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 8] = [
        (1 << 40, "TiB"),
        (1_000_000_000_000, "TB"),
        (1 << 30, "GiB"),
        (1_000_000_000, "GB"),
        (1 << 20, "MiB"),
        (1_000_000, "MB"),
        (1 << 10, "KiB"),
        (1_000, "KB"),
    ];
    UNITS
        .iter()
        .find(|(size, _)| bytes > 0 && bytes.is_multiple_of(*size))
        .map_or_else(|| bytes.to_string(), |(size, unit)| format!("{}{unit}", bytes / size))
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeText).map(Self)
    }
}

struct SizeText;

impl Visitor<'_> for SizeText {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a size: a number of bytes, or a text such as \"100MiB\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        parse_size(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<u64, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimal_and_binary_units_differ() {
        assert_eq!(parse_size("300MB"), Ok(300_000_000));
        assert_eq!(parse_size("100MiB"), Ok(104_857_600));
        assert_eq!(parse_size("4096"), Ok(4096));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "MB", "-1", "1 parsec", "99999999999999999999TB", ".5MB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_size_that_was_written_reads_back(count in 0..4_000_000_u64, shift in 0..40_u32) {
            for bytes in [count, count << shift, count * 1_000_000] {
                prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
            }
        }
    }
}
