//! How figures are written in tables.

use std::time::Duration;

use evenkeel_config::format_duration;

/// Cut off and not rounded: 99.9996 % must not become 100 %.
pub(crate) fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| {
        let thousandths = (share * 100_000.0 + 1e-6).floor() / 1000.0;
        format!("{thousandths:.3} %")
    })
}

/// A time with its two largest units at most: what a table has room for.
pub(crate) fn lasting(seconds: f64) -> String {
    let time = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
    let whole = (time + Duration::from_millis(500)).as_secs();
    let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    if whole < 1 {
        return format_duration(Duration::from_millis(u64::from(time.subsec_millis())));
    }
    let mut rest = whole;
    let mut parts = Vec::new();
    for (unit, length) in units {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    parts.join(" ")
}

/// A time of day in UTC, to the second.
pub(crate) fn seconds_only(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_cut_off_and_a_time_has_two_units() {
        assert_eq!(percent(Some(0.999_996)), "99.999 %");
        assert_eq!(percent(Some(0.999)), "99.900 %");
        assert_eq!(percent(None), "-");
        for (seconds, text) in
            [(0.0, "0s"), (0.25, "250ms"), (42.0, "42s"), (2592.0, "43m 12s"), (90_061.0, "1d 1h")]
        {
            assert_eq!(lasting(seconds), text);
        }
    }
}
