//! Numbers as Prometheus's templates show them, which is how Go's `fmt` does.

/// `%.0f`
pub(super) fn whole(value: f64) -> String {
    special(value).unwrap_or_else(|| format!("{value:.0}"))
}

/// `humanizePercentage`
pub(super) fn percentage(share: f64) -> String {
    format!("{}%", four_digits(share * 100.0))
}

/// `humanizeDuration`
#[expect(clippy::cast_possible_truncation, reason = "Go does the same, and both saturate")]
pub(super) fn duration(seconds: f64) -> String {
    if let Some(special) = special(seconds) {
        return special;
    }
    let magnitude = seconds.abs();
    let sign = if seconds < 0.0 { "-" } else { "" };
    if magnitude < 1.0 {
        return fraction_of_a_second(seconds);
    }
    let whole = magnitude as i64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    let rest = whole % 60;
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", four_digits(magnitude)),
        (0, 0, _) => format!("{sign}{minutes}m {rest}s"),
        (0, _, _) => format!("{sign}{hours}h {minutes}m {rest}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {rest}s"),
    }
}

fn fraction_of_a_second(mut seconds: f64) -> String {
    let mut unit = "";
    if seconds != 0.0 {
        for smaller in ["m", "u", "n", "p", "f", "a", "z", "y"] {
            if seconds.abs() >= 1.0 {
                break;
            }
            unit = smaller;
            seconds *= 1000.0;
        }
    }
    format!("{}{unit}s", four_digits(seconds))
}

/// `%.4g`
fn four_digits(value: f64) -> String {
    if let Some(special) = special(value) {
        return special;
    }
    // The exponent is that of the rounded number: 9999.9 has five digits before the point.
    let scientific = format!("{value:.3e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..4).contains(&exponent) {
        let decimals = usize::try_from(3 - exponent).unwrap_or_default();
        return trimmed(&format!("{value:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
}

fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

fn special(value: f64) -> Option<String> {
    let text = match value {
        _ if value.is_nan() => "NaN",
        f64::INFINITY => "+Inf",
        f64::NEG_INFINITY => "-Inf",
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_go() {
        for (value, expected) in [
            (0.0, "0"),
            (1.6666, "1.667"),
            (100.0, "100"),
            (9999.4, "9999"),
            (9999.9, "1e+04"),
            (123_456.0, "1.235e+05"),
            (0.000_123_46, "0.0001235"),
            (0.000_012_3, "1.23e-05"),
            (-2.5, "-2.5"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(four_digits(value), expected);
        }
        assert_eq!(whole(2.5), "2");
        assert_eq!(percentage(0.0144), "1.44%");
    }

    #[test]
    fn times_are_those_of_prometheus() {
        for (seconds, expected) in [
            (0.0, "0s"),
            (0.0042, "4.2ms"),
            (1.5, "1.5s"),
            (59.999_99, "60s"),
            (60.0, "1m 0s"),
            (3599.0, "59m 59s"),
            (5400.0, "1h 30m 0s"),
            (-90_061.0, "-1d 1h 1m 1s"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }
}
