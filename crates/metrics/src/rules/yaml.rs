//! The little YAML that Prometheus's files need.

use std::fmt::Write as _;
use std::time::Duration;

/// `text` as a scalar: as it is where YAML reads it back as the same text, else in double quotes.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// `text` in double quotes, with the escapes that YAML and `PromQL` have in common.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            // Also what YAML takes for a line break or refuses in the open.
            char if char.is_control()
                || matches!(
                    char,
                    '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                ) =>
            {
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out.push('"');
    out
}

/// A duration as Prometheus writes it: `5m`, `1h30m`, `3d`, `1s400ms`.
pub(super) fn duration(duration: Duration) -> String {
    const DAY: u128 = 86_400_000;
    let mut rest = duration.as_millis();
    if rest >= DAY && rest.is_multiple_of(DAY) {
        return format!("{}d", rest / DAY);
    }
    let mut out = String::new();
    for (unit, millis) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if rest >= millis {
            let _ = write!(out, "{}{unit}", rest / millis);
            rest %= millis;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

fn is_plain(text: &str) -> bool {
    const OTHER_MEANING: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    text.starts_with(|char: char| char.is_ascii_alphabetic())
        && text.chars().all(|char| char == ' ' || char.is_ascii_graphic())
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && !OTHER_MEANING.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_is_quoted_only_where_yaml_would_read_something_else() {
        for plain in ["supervisor", "a-b", "up{job=\"x\"} > 1", "a:b"] {
            assert_eq!(scalar(plain), plain);
        }
        for (text, expected) in [
            ("yes", "\"yes\""),
            ("1", "\"1\""),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("a\u{1b}", "\"a\\u001b\""),
        ] {
            assert_eq!(scalar(text), expected);
        }
    }

    #[test]
    fn a_duration_is_written_as_prometheus_does() {
        for (millis, expected) in [
            (0, "0s"),
            (300_000, "5m"),
            (5_400_000, "1h30m"),
            (1400, "1s400ms"),
            (604_800_000, "7d"),
            (90_000_000, "25h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
    }
}
