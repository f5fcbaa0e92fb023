//! For whom a page is drawn: language, zone, time; and how figures are written for them.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use crate::words::Lang;

/// Dark or light.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the reader's system has it.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The theme of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Auto, Self::Light, Self::Dark].into_iter().find(|theme| theme.name() == name)
    }

    /// Its name, as an address and a cookie have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// For whom, and when, a page is drawn.
#[derive(Debug, Clone)]
pub struct View {
    /// The language.
    pub lang: Lang,
    /// Dark or light.
    pub theme: Theme,
    /// The zone of the times that are shown: the host's.
    pub zone: TimeZone,
    /// The time of the agent when what is shown was so.
    pub now: Timestamp,
}

/// What a figure measures, and so how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Bytes; 1 MB is 1,000,000.
    Bytes,
    /// Percent, as 0 to 100.
    Percent,
    /// Days.
    Days,
    /// A number of things.
    Count,
}

impl Unit {
    /// The unit of a sampled field, such as `rss_bytes`.
    pub fn of_field(field: &str) -> Self {
        use evenkeel_shown::Unit as Of;
        match Of::of_field(field) {
            Of::Milliseconds => Self::Milliseconds,
            Of::Bytes => Self::Bytes,
            Of::Percent => Self::Percent,
            Of::Days => Self::Days,
            Of::Seconds | Of::UnixTime | Of::Count => Self::Count,
        }
    }

    /// `value` with its unit, short.
    pub fn write(self, value: f64, lang: Lang) -> String {
        if !value.is_finite() || value.abs() > 1e18 {
            return "–".to_owned();
        }
        match self {
            Self::Milliseconds if value.abs() >= 1e3 => {
                format!("{} {}", short(value / 1e3), lang.say("s", "秒"))
            }
            Self::Milliseconds => format!("{} ms", short(value)),
            Self::Bytes => {
                let (divisor, unit) = match value.abs() {
                    size if size >= 1e12 => (1e12, "TB"),
                    size if size >= 1e9 => (1e9, "GB"),
                    size if size >= 1e6 => (1e6, "MB"),
                    size if size >= 1e3 => (1e3, "kB"),
                    _ => (1.0, "B"),
                };
                format!("{} {unit}", short(value / divisor))
            }
            Self::Percent => format!("{} %", short(value)),
            Self::Days => format!("{} {}", short(value), lang.say("d", "日")),
            Self::Count => short(value),
        }
    }

    /// The name of the unit in `lang`, for scripts that write figures themselves.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Bytes => "bytes",
            Self::Percent => "percent",
            Self::Days => "days",
            Self::Count => "count",
        }
    }
}

/// Three figures at most, and no zeros that say nothing.
fn short(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A share as percent, with as many figures as tell it from 100 %; never rounded up to it.
pub(crate) fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    let digits = if ratio >= 1.0 || ratio <= 0.0 {
        0
    } else if ratio >= 0.9999 {
        4
    } else if ratio >= 0.99 {
        3
    } else {
        1
    };
    let scale = 10_f64.powi(digits);
    // Rounded down: 99.99999 % is not 100 %.
    let cut = (percent * scale + 1e-6).floor() / scale;
    let digits = usize::try_from(digits).unwrap_or(0);
    format!("{cut:.digits$} %")
}

impl View {
    /// A stretch of time in its two largest units.
    pub fn span(&self, span: SignedDuration) -> String {
        let seconds = span.as_secs().max(0);
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
        let two = |large: i64, (en, ja): (&str, &str), small: i64, (en2, ja2): (&str, &str)| {
            let (gap, one, other) = match self.lang {
                Lang::En => (" ", en, en2),
                Lang::Ja => ("", ja, ja2),
            };
            if small == 0 {
                format!("{large}{gap}{one}")
            } else {
                format!("{large}{gap}{one}{gap}{small}{gap}{other}")
            }
        };
        let (day, hour, minute, second) = (("d", "日"), ("h", "時間"), ("min", "分"), ("s", "秒"));
        match seconds {
            0..60 => two(seconds, second, 0, second),
            60..3_600 => two(minutes, minute, if minutes < 5 { seconds % 60 } else { 0 }, second),
            3_600..86_400 => two(hours, hour, minutes, minute),
            _ => two(days, day, hours, hour),
        }
    }

    /// A point in time in the reader's zone, with the time in UTC where a pointer rests on it.
    pub fn time(&self, at: Timestamp) -> Markup {
        html! { time datetime=(iso(at)) title=(utc(at)) { (self.clock(at)) } }
    }

    /// As [`View::time`], and with the date in any case.
    pub fn date_time(&self, at: Timestamp) -> Markup {
        html! { time datetime=(iso(at)) title=(utc(at)) { (self.day(at)) " " (self.strftime(at, "%H:%M:%S")) } }
    }

    /// How long ago something was, with the time where a pointer rests on it; a script keeps it up to date.
    pub fn since(&self, at: Timestamp) -> Markup {
        html! {
            time data-age datetime=(iso(at)) title=(utc(at)) { (self.span(self.now.duration_since(at))) }
        }
    }

    /// The time of day; with the day, if that is not today.
    pub(crate) fn clock(&self, at: Timestamp) -> String {
        if self.strftime(at, "%F") == self.strftime(self.now, "%F") {
            return self.strftime(at, "%H:%M:%S");
        }
        format!("{} {}", self.day(at), self.strftime(at, "%H:%M"))
    }

    /// The day, with the year if that is not this one.
    pub(crate) fn day(&self, at: Timestamp) -> String {
        let this_year = self.strftime(at, "%Y") == self.strftime(self.now, "%Y");
        match (self.lang, this_year) {
            (Lang::En, true) => self.strftime(at, "%b %-d"),
            (Lang::En, false) => self.strftime(at, "%b %-d, %Y"),
            (Lang::Ja, true) => self.strftime(at, "%-m月%-d日"),
            (Lang::Ja, false) => self.strftime(at, "%Y年%-m月%-d日"),
        }
    }

    pub(crate) fn strftime(&self, at: Timestamp, format: &str) -> String {
        at.to_zoned_datetime(self.zone.clone()).strftime(format).to_string()
    }
}

pub(crate) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A point in time in UTC, as people write it.
pub fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(lang: Lang) -> View {
        let now = "2026-11-25T12:00:00Z".parse().expect("a time");
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        View { lang, theme: Theme::Auto, zone, now }
    }

    #[test]
    fn a_span_is_told_in_its_two_largest_units() {
        let (en, ja) = (view(Lang::En), view(Lang::Ja));
        for (seconds, expected, japanese) in [
            (-5, "0 s", "0秒"),
            (59, "59 s", "59秒"),
            (61, "1 min 1 s", "1分1秒"),
            (301, "5 min", "5分"),
            (3_600, "1 h", "1時間"),
            (7_320, "2 h 2 min", "2時間2分"),
            (90_000, "1 d 1 h", "1日1時間"),
        ] {
            let span = SignedDuration::from_secs(seconds);
            assert_eq!((en.span(span), ja.span(span)), (expected.into(), japanese.into()));
        }
    }

    #[test]
    fn a_time_is_local_and_its_title_is_utc() {
        let at: Timestamp = "2026-11-25T01:02:03Z".parse().expect("a time");
        let shown = view(Lang::En).time(at).into_string();
        assert!(
            shown.contains(">10:02:03<") && shown.contains("2026-11-25 01:02:03 UTC"),
            "{shown}"
        );
        let earlier: Timestamp = "2026-11-23T23:02:03Z".parse().expect("a time");
        assert!(view(Lang::Ja).time(earlier).into_string().contains("11月24日 08:02"));
    }

    #[test]
    fn nearly_all_is_never_shown_as_all() {
        for (ratio, expected) in [
            (1.0, "100 %"),
            (0.999_999_9, "99.9999 %"),
            (0.999, "99.900 %"),
            (0.998_7, "99.870 %"),
            (0.5, "50.0 %"),
            (0.0, "0 %"),
        ] {
            assert_eq!(percent(ratio), expected);
        }
    }

    #[test]
    fn figures_have_their_unit_and_no_idle_digits() {
        assert_eq!(Unit::Bytes.write(300_000_000.0, Lang::En), "300 MB");
        assert_eq!(Unit::Bytes.write(1_250_000.0, Lang::En), "1.25 MB");
        assert_eq!(Unit::Milliseconds.write(3.456, Lang::En), "3.46 ms");
        assert_eq!(Unit::Milliseconds.write(1_500.0, Lang::Ja), "1.5 秒");
        assert_eq!(Unit::of_field("used_percent").write(80.0, Lang::En), "80 %");
    }
}
