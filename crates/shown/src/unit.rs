//! Figures as people read them: with their unit, and with as many digits as it takes.

/// Fewest digits that tell two figures apart, and a limit from another one, are looked for among these.
const FIGURES: [usize; 5] = [3, 4, 5, 6, 9];
const BINARY: [(f64, &str); 4] = [
    (1_099_511_627_776.0, "TiB"),
    (1_073_741_824.0, "GiB"),
    (1_048_576.0, "MiB"),
    (1_024.0, "KiB"),
];
const DECIMAL: [(f64, &str); 4] = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
/// From here on a time is written in several units, as settings have it.
const MINUTE: f64 = 60.0;

/// What the figures of a field measure. A field says it by the end of its name, such as `rss_bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `_ms`: a time in milliseconds.
    Milliseconds,
    /// `_seconds`: a time in seconds.
    Seconds,
    /// A point in time in seconds of Unix time, such as `start_time_seconds`: not a time that something takes.
    UnixTime,
    /// `_bytes`; 1 MB is 1,000,000.
    Bytes,
    /// `_percent` and the kernel's averages of pressure, from 0 to 100.
    Percent,
    /// `_days`.
    Days,
    /// A number of things.
    Count,
}

impl Unit {
    /// The unit of a field.
    pub fn of_field(field: &str) -> Self {
        match field {
            _ if field.ends_with("_ms") => Self::Milliseconds,
            _ if field.ends_with("_expiry_seconds") || field.ends_with("_time_seconds") => {
                Self::UnixTime
            }
            _ if field.ends_with("_seconds") => Self::Seconds,
            _ if field.ends_with("_bytes") => Self::Bytes,
            _ if field.ends_with("_percent") || field.ends_with("_avg10") => Self::Percent,
            _ if field.ends_with("_days") => Self::Days,
            _ => Self::Count,
        }
    }

    /// A number of bytes with its unit, as [`Unit::write`] has it.
    #[expect(clippy::cast_precision_loss, reason = "a figure that people read")]
    pub fn size(bytes: u64) -> String {
        Self::Bytes.write(bytes as f64)
    }

    /// A figure with its unit, in three digits: `118 MB`, `812 ms`, `1h 32m`, `27.5 %`. A count keeps all of its digits.
    pub fn write(self, value: f64) -> String {
        self.written(value, FIGURES[0], false).0
    }

    /// A figure and the limit that it is compared with: in the same kind of unit, the limit exactly as it was set, and both with so many
    /// digits that they differ where they do.
    pub fn write_beside(self, value: f64, limit: f64) -> (String, String) {
        // Nobody means a zero below zero.
        let (value, limit) = (value + 0.0, limit + 0.0);
        let binary = is_binary(limit);
        for figures in FIGURES {
            let (shown, _) = self.written(value, figures, binary);
            let (shown_limit, meant) = self.written(limit, figures, binary);
            let exact = (meant - limit).abs() <= limit.abs() * 1e-12;
            #[expect(clippy::float_cmp, reason = "only what is equal may look alike")]
            if exact && (shown != shown_limit || value == limit) {
                return (shown, shown_limit);
            }
        }
        (value.to_string(), limit.to_string())
    }

    /// The text, and the number that it says.
    fn written(self, value: f64, figures: usize, binary: bool) -> (String, f64) {
        let whole = |factor: f64, unit: &str| {
            let number = rounded(value / factor, figures);
            (format!("{number}{unit}"), number * factor)
        };
        match self {
            _ if !value.is_finite() => (value.to_string(), value),
            Self::Bytes => {
                let units = if binary { BINARY } else { DECIMAL };
                match units.into_iter().find(|(factor, _)| value.abs() >= *factor) {
                    Some((factor, unit)) => whole(factor, &format!(" {unit}")),
                    None => whole(1.0, " B"),
                }
            }
            Self::Milliseconds if value.abs() < 1e3 => whole(1.0, " ms"),
            Self::Milliseconds => {
                let (text, seconds) = time(value / 1e3, figures);
                (text, seconds * 1e3)
            }
            Self::Seconds => time(value, figures),
            Self::Percent => whole(1.0, " %"),
            Self::Days => whole(1.0, " days"),
            Self::UnixTime | Self::Count if value.fract() == 0.0 => (value.to_string(), value),
            Self::UnixTime | Self::Count => whole(1.0, ""),
        }
    }
}

/// Seconds in two units, or with more figures in as many as it takes; and how many seconds that says.
fn time(seconds: f64, figures: usize) -> (String, f64) {
    if seconds.abs() < MINUTE || seconds.abs() > 1e12 {
        let number = rounded(seconds, figures);
        return (format!("{number} s"), number);
    }
    let units = [("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0)];
    let most = if figures == FIGURES[0] { 2 } else { units.len() };
    let (mut rest, mut said, mut parts) = (seconds.abs(), 0.0, Vec::new());
    let first = units.iter().position(|(_, length)| rest >= *length).unwrap_or(0);
    for (unit, length) in units.into_iter().skip(first).take(most) {
        let count = if unit == "s" { rounded(rest, figures) } else { (rest / length).floor() };
        rest -= count * length;
        said += count * length;
        if count > 0.0 {
            parts.push(format!("{count}{unit}"));
        }
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    (format!("{sign}{}", parts.join(" ")), said.copysign(seconds))
}

/// A number of so many digits; never fewer than stand before its point.
fn rounded(value: f64, figures: usize) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "of a finite number it lies within ±309")]
    let before = value.abs().log10().floor() as i32 + 1;
    let behind = i32::try_from(figures).unwrap_or(i32::MAX).saturating_sub(before).clamp(0, 9);
    let scale = 10_f64.powi(behind);
    (value * scale).round() / scale
}

/// Whether a size was set in KiB, MiB or GiB: whole in those, and not in kB.
fn is_binary(size: f64) -> bool {
    size >= 1_024.0 && size % 1_024.0 == 0.0 && size % 1_000.0 != 0.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_figure_has_its_unit() {
        for (field, value, shown) in [
            ("rss_bytes", 117_739_520.0, "118 MB"),
            ("rss_bytes", 104_857_600.0, "105 MB"),
            ("body_bytes", 12.0, "12 B"),
            ("latency_ms", 812.437, "812 ms"),
            ("latency_ms", 0.25, "0.25 ms"),
            ("latency_ms", 1_250.2, "1.25 s"),
            ("latency_ms", 90_000.0, "1m 30s"),
            ("age_seconds", 5_542.48, "1h 32m"),
            ("age_seconds", 0.0, "0 s"),
            ("uptime_seconds", 180_000.0, "2d 2h"),
            ("used_percent", 27.545_438, "27.5 %"),
            ("psi_cpu_some_avg10", 3.0, "3 %"),
            ("cert_days", 12.381, "12.4 days"),
            ("cert_expiry_seconds", 1_790_000_000.0, "1790000000"),
            ("fds", 12_345.0, "12345"),
            ("status", 503.0, "503"),
        ] {
            assert_eq!(Unit::of_field(field).write(value), shown, "{field}");
        }
    }

    #[test]
    fn a_limit_is_shown_as_it_was_set_and_never_like_what_is_beyond_it() {
        for (unit, value, limit, shown) in [
            (Unit::Bytes, 117_739_520.0, 64e6, ("118 MB", "64 MB")),
            (Unit::Bytes, 104_900_000.0, 104_857_600.0, ("100.04 MiB", "100 MiB")),
            (Unit::Bytes, 64_000_001.0, 64e6, ("64.000001 MB", "64 MB")),
            (Unit::Bytes, 2e6, 1_234_567.0, ("2 MB", "1.234567 MB")),
            (Unit::Milliseconds, 812.4, 800.0, ("812 ms", "800 ms")),
            (Unit::Milliseconds, 800.4, 800.0, ("800.4 ms", "800 ms")),
            (Unit::Seconds, 5_542.48, 1.0, ("1h 32m", "1 s")),
            (Unit::Seconds, 300.2, 300.0, ("5m 0.2s", "5m")),
            (Unit::Percent, 90.04, 90.0, ("90.04 %", "90 %")),
            (Unit::Days, 12.3, 14.0, ("12.3 days", "14 days")),
            (Unit::Count, 500.0, 500.0, ("500", "500")),
            (Unit::Count, f64::NAN, 1.0, ("NaN", "1")),
        ] {
            let (value, limit) = unit.write_beside(value, limit);
            assert_eq!((&*value, &*limit), shown);
        }
    }

    proptest! {
        #[test]
        fn what_differs_looks_different(value: f64, limit: f64, kind in 0..7_usize) {
            let units = [
                Unit::Milliseconds, Unit::Seconds, Unit::UnixTime, Unit::Bytes, Unit::Percent, Unit::Days, Unit::Count,
            ];
            let (shown, shown_limit) = units[kind].write_beside(value, limit);
            let same = value.partial_cmp(&limit) == Some(std::cmp::Ordering::Equal);
            prop_assert_eq!(shown == shown_limit, same || (value.is_nan() && limit.is_nan()));
        }
    }
}
