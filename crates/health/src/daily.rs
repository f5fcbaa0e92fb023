use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Serialize, Serializer};

/// What settings may say.
const ACCEPTED: &str = "two times of day by the clock of the host, such as `02:00-05:00`, or over midnight `22:30-04:00`";

/// Times of each day, such as `["02:00-05:00"]`: when an interruption disturbs least, or is declared beforehand.
///
/// By the clock on the wall: where clocks are put forward over a window, it is shorter that day, or not at all; where they
/// are put back within one, it is longer. The beginning belongs to a window, the end does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyWindows(Vec<Window>);

/// Not a window, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}`: {message}; accepted: {accepted}")]
pub struct DailyError {
    /// As it was given.
    pub text: String,
    /// What is wrong with it.
    pub message: String,
    /// What would be right.
    pub accepted: &'static str,
}

/// One window; minutes of the day, and the end may be that of the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Window {
    from: Minute,
    to: Minute,
}

/// Minutes since midnight by the clock on the wall, up to 1,440.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Minute(u16);

impl DailyWindows {
    /// Reads windows; fails with the first that is none.
    pub fn try_new(texts: &[impl AsRef<str>]) -> Result<Self, DailyError> {
        let mut windows =
            texts.iter().map(|text| Window::read(text.as_ref())).collect::<Result<Vec<_>, _>>()?;
        if windows.is_empty() {
            let message = "no window is given".to_owned();
            return Err(DailyError { text: String::new(), message, accepted: ACCEPTED });
        }
        windows.sort_unstable();
        windows.dedup();
        Ok(Self(windows))
    }

    /// Whether it is quiet at `now`, by the clocks of `zone`.
    pub fn contains(&self, now: Timestamp, zone: &TimeZone) -> bool {
        let minute = Minute::of(zone.to_datetime(now).time());
        self.0.iter().any(|window| window.contains(minute))
    }

    /// The end of the window, or of the windows one after the other, that `now` is in; `None` if it is in none, or if they have
    /// no end.
    pub fn closing(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if !self.contains(now, zone) {
            return None;
        }
        // Windows begin and end with a minute, and clocks are put forward and back by whole ones.
        let minute = now.as_second().div_euclid(60);
        let minutes = (1..=2 * 24 * 60).map(|ahead| Timestamp::from_second((minute + ahead) * 60));
        minutes.map_while(Result::ok).find(|minute| !self.contains(*minute, zone))
    }

    /// When it is quiet next; `now`, if it is already.
    ///
    /// `None` at the end of the calendar, in the year 9999.
    pub fn next_opening(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.contains(now, zone) {
            return Some(now);
        }
        let today = zone.to_datetime(now).date();
        // A day on which clocks are put forward may have no window at all; two in a row have not.
        (0..=3)
            .find_map(|days| self.openings(today.checked_add(days.days()).ok()?, now, zone).min())
    }

    /// When windows open on this day after `now`. A time that the clocks show twice opens one twice; one that they skip does
    /// so where they go on, if that is still within the window.
    fn openings<'a>(
        &'a self,
        day: Date,
        now: Timestamp,
        zone: &'a TimeZone,
    ) -> impl Iterator<Item = Timestamp> + 'a {
        let starts = self.0.iter().flat_map(move |window| {
            let start = zone.to_ambiguous_timestamp(window.from.on(day));
            [start.earlier(), start.later(), start.compatible()]
        });
        let skipped = zone.following(day_begin(day, zone)).take_while(move |change| {
            change.timestamp().duration_since(day_begin(day, zone)) < SignedDuration::from_hours(26)
        });
        let skipped = skipped.map(|change| change.timestamp()).collect::<Vec<_>>();
        starts
            .flatten()
            .chain(skipped)
            .filter(move |opening| *opening > now && self.contains(*opening, zone))
    }
}

fn day_begin(day: Date, zone: &TimeZone) -> Timestamp {
    zone.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX)
}

impl Window {
    fn read(text: &str) -> Result<Self, DailyError> {
        let refuse = |message: &str| DailyError {
            text: text.to_owned(),
            message: message.to_owned(),
            accepted: ACCEPTED,
        };
        let (from, to) = text.split_once('-').ok_or_else(|| refuse("it has no end"))?;
        let minute = |text: &str| Minute::read(text.trim());
        let from = minute(from).ok_or_else(|| refuse("its beginning is no time of day"))?;
        let to = minute(to).ok_or_else(|| refuse("its end is no time of day"))?;
        if from.0 == 24 * 60 {
            return Err(refuse("a day ends at 24:00; the next one begins at 00:00"));
        }
        if from == to {
            return Err(refuse("it ends when it begins"));
        }
        Ok(Self { from, to })
    }

    fn contains(self, minute: Minute) -> bool {
        if self.from < self.to {
            self.from <= minute && minute < self.to
        } else {
            self.from <= minute || minute < self.to
        }
    }
}

impl Minute {
    fn read(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let number = |text: &str| {
            let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse::<u16>().ok()).flatten()
        };
        let (hour, minute) = (number(hour)?, number(minute)?);
        let of_day = (hour * 60 + minute <= 24 * 60 && minute < 60).then_some(hour * 60 + minute);
        of_day.map(Self)
    }

    fn of(time: Time) -> Self {
        Self(u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap_or(0))
    }

    fn on(self, day: Date) -> DateTime {
        let part = |minutes: u16| i8::try_from(minutes).unwrap_or(0);
        day.at(part(self.0 / 60), part(self.0 % 60), 0, 0)
    }
}

/// As settings have it.
impl fmt::Display for DailyWindows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Window { from, to }) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(formatter, "{comma}{from}-{to}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// As a text, as people read it.
impl Serialize for DailyWindows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
