//! Sizes as superlance reads them: whole numbers, `KB`, `MB`, `GB` for 1024 bytes and so on (`supervisor.datatypes.byte_size`).

use std::str::FromStr;

/// A limit for something that has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

const UNITS: [(&str, u64); 3] = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];

/// A size above zero.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let lower = text.trim().to_lowercase();
    let unit = UNITS.into_iter().find_map(|(unit, bytes)| {
        let written = lower.strip_suffix(unit).or_else(|| {
            let (letter, _) = unit.split_at(1);
            lower.strip_suffix(&format!("{letter}ib"))
        });
        Some((written?, bytes))
    });
    let (number, unit) = unit.unwrap_or((&lower, 1));
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| is_number && *bytes > 0).ok_or_else(|| {
        "accepted: a whole number of bytes, or with KB, MB or GB, such as 200MB".to_owned()
    })
}

/// The size as settings write it, in the largest unit that it is a multiple of.
pub(crate) fn setting(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, unit)| bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, bytes)) if !name.is_empty() => {
                Ok(Self { name: name.to_owned(), bytes: parse(bytes)? })
            }
            _ => Err("accepted: a name and a size, such as web=200MB".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_mean_what_they_mean_to_memmon() {
        for (text, bytes) in [
            ("10000", 10_000),
            ("1KB", 1024),
            ("200MB", 200 << 20),
            ("200mb", 200 << 20),
            ("1GB", 1 << 30),
            ("3MiB", 3 << 20),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "0MB", "MB", "-1", "+1", "1.5GB", "1TB", "99999999999GB"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_written_so_that_it_reads_back() {
        for bytes in [1, 1023, 1024, 200 << 20, (200 << 20) + 1, 3 << 30] {
            let text = setting(bytes);
            assert_eq!(evenkeel_config::parse_size(&text).map_err(drop), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn a_limit_has_a_name() {
        let limit = "web:worker_01=1GB".parse();
        assert_eq!(limit, Ok(Limit { name: "web:worker_01".into(), bytes: 1 << 30 }));
        for text in ["web", "=1GB", "web=", "web=1=2"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }
}
