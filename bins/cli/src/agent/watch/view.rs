use std::fmt::Write;

use evenkeel_agent::Status;
use jiff::Timestamp;

use crate::agent::status::{Row, rows, verdict};
use crate::{Exit, escaped, fit};

const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const GREEN: &str = "\x1b[32m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// What is shown, as a function of what was seen last, the time and the size of the terminal.
#[derive(Debug)]
pub(super) struct View {
    has_colours: bool,
    last: Option<Status>,
    /// Since when nobody answers, and what was seen then.
    gone: Option<(Timestamp, String)>,
}

impl View {
    pub(super) fn new(has_colours: bool) -> Self {
        Self { has_colours, last: None, gone: None }
    }

    pub(super) fn seen(&mut self, status: Status) {
        self.last = Some(status);
        self.gone = None;
    }

    pub(super) fn gone(&mut self, why: String, now: Timestamp) {
        let since = self.gone.take().map_or(now, |(since, _)| since);
        self.gone = Some((since, why));
    }

    /// What was seen last, as an exit code.
    pub(super) fn exit(&self) -> Exit {
        match &self.last {
            _ if self.gone.is_some() => Exit::Refused,
            Some(status) => verdict(status),
            None => Exit::Refused,
        }
    }

    /// The lines, at most as many as there is room for; what does not hold comes first.
    pub(super) fn lines(&self, (width, height): (u16, u16), now: Timestamp) -> Vec<String> {
        let (width, height) = (usize::from(width), usize::from(height).max(1));
        let mut lines = vec![self.headline(width, now)];
        if let Some((since, why)) = &self.gone {
            let text = format!("for {}: {}", age(*since, now), escaped(why));
            lines.push(self.coloured(YELLOW, &fit::cut(&text, width)));
        }
        let Some(status) = &self.last else {
            lines.truncate(height);
            return lines;
        };
        if let Some(reason) = &status.mode_reason {
            lines.push(
                self.coloured(
                    YELLOW,
                    &fit::cut(&format!("observe only: {}", escaped(reason)), width),
                ),
            );
        }
        if let Some(storm) = &status.storm {
            lines.push(self.coloured(RED, &fit::cut(&escaped(storm), width)));
        }
        lines.push(String::new());
        let mut all = rows(status);
        // Stable: those that are alike stay in the order of the settings, and nothing moves that does not change.
        all.sort_by_key(|row| std::cmp::Reverse(row.concern));
        // A heading above, and two lines below.
        let room = height.saturating_sub(lines.len() + 3);
        let hidden = all.len().saturating_sub(room);
        let is_all_well = all.iter().skip(room).all(|row| row.concern == 0);
        all.truncate(room);
        self.table(&all, width, now, &mut lines);
        lines.push(String::new());
        let well = if is_all_well { "all of them well" } else { "not all of them well" };
        let foot = match hidden {
            0 => "q ends; `evenkeel why NAME` says what was done and why".to_owned(),
            hidden => format!("and {hidden} more, {well}: a higher window shows them; q ends"),
        };
        lines.push(self.coloured(DIM, &fit::cut(&foot, width)));
        lines.truncate(height);
        lines
    }

    fn headline(&self, width: usize, now: Timestamp) -> String {
        let time = now.strftime("%H:%M:%S UTC").to_string();
        let (colour, text) = match (&self.gone, &self.last) {
            (Some(_), Some(_)) => {
                (YELLOW, "evenkeel: no agent answers; below is what it said last".to_owned())
            }
            (Some(_), None) => (YELLOW, "evenkeel: no agent answers".to_owned()),
            (None, None) => (DIM, "evenkeel: asking the agent".to_owned()),
            (None, Some(status)) => {
                let wrong = rows(status).iter().filter(|row| row.concern > 1).count();
                let mode = &status.mode;
                let up = age(status.started_at, now);
                match (status.healthy, wrong) {
                    (true, 0) => (GREEN, format!("evenkeel: all holds; {mode}, for {up}")),
                    (true, wrong) => {
                        (YELLOW, format!("evenkeel: {wrong} to watch; {mode}, for {up}"))
                    }
                    (false, wrong) => {
                        (RED, format!("evenkeel: {wrong} not as it should be; {mode}, for {up}"))
                    }
                }
            }
        };
        let room = width.saturating_sub(fit::width(&time) + 2);
        if room < 20 {
            return self.coloured(colour, &fit::cut(&text, width));
        }
        let text = fit::cut(&text, room);
        let gap = " ".repeat(width.saturating_sub(fit::width(&text) + fit::width(&time)));
        format!("{}{gap}{}", self.coloured(colour, &text), self.coloured(DIM, &time))
    }

    fn table(&self, rows: &[Row], width: usize, now: Timestamp, lines: &mut Vec<String>) {
        let widest = |text: fn(&Row) -> &str, most: usize| {
            rows.iter().map(|row| fit::width(text(row))).max().unwrap_or(0).clamp(5, most.max(5))
        };
        let name = widest(|row| &row.name, width * 2 / 5);
        let state = widest(|row| &row.state, 12);
        let since = 7;
        let detail = width.saturating_sub(name + state + since + 3);
        let heading = format!(
            "{} {} {} DETAIL",
            fit::padded("NAME", name),
            fit::padded("STATE", state),
            fit::padded("SINCE", since)
        );
        lines.push(self.coloured(DIM, &fit::cut(&heading, width)));
        for row in rows {
            let colour = match row.concern {
                0 => GREEN,
                1 => DIM,
                2 => YELLOW,
                _ => RED,
            };
            let age = row.since.map(|since| age(since, now)).unwrap_or_default();
            let mut line = fit::padded(&row.name, name);
            let _ = write!(line, " {}", self.coloured(colour, &fit::padded(&row.state, state)));
            let _ = write!(line, " {}", fit::padded(&age, since));
            if detail > 0 {
                let _ = write!(line, " {}", fit::cut(&row.detail, detail));
            }
            lines.push(line.trim_end().to_owned());
        }
    }

    fn coloured(&self, colour: &str, text: &str) -> String {
        if self.has_colours { format!("{colour}{text}{PLAIN}") } else { text.to_owned() }
    }
}

/// How long ago, in the largest unit: it changes seldom, and a view that flickers is not looked at.
fn age(since: Timestamp, now: Timestamp) -> String {
    match now.duration_since(since).as_secs() {
        ..60 => "<1 min".to_owned(),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-11-25T12:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().expect("a time")
    }

    fn check(name: &str, state: &str, reason: Option<&str>) -> serde_json::Value {
        json!({
            "name": name, "kind": "http", "target": "http://h/", "state": state, "reason": reason,
            "since": "2026-11-25T09:30:00Z", "last_ms": 2.0, "interval_ms": 1000, "breaker": null,
            "rss_bytes": null, "pid": null, "parts": [],
        })
    }

    fn status(healthy: bool, checks: &[serde_json::Value]) -> Status {
        let status = json!({
            "version": "0", "mode": "enforce", "mode_reason": null, "started_at": "2026-11-24T12:00:00Z",
            "now": NOW, "healthy": healthy, "checks": checks, "rules": [], "recoveries": [],
            "storm": null, "holds": [],
        });
        serde_json::from_value(status).expect("a status")
    }

    fn shown(status: Status, size: (u16, u16)) -> Vec<String> {
        let mut view = View::new(false);
        view.seen(status);
        view.lines(size, now())
    }

    #[test]
    fn what_does_not_hold_comes_first() {
        let checks = [check("good", "up", None), check("bad", "down", Some("refused"))];
        assert_eq!(
            shown(status(false, &checks), (60, 10)),
            [
                "evenkeel: 1 not as it should be; enforce, for…  12:00:00 UTC",
                "",
                "NAME  STATE SINCE   DETAIL",
                "bad   down  2 h     refused",
                "good  up    2 h",
                "",
                "q ends; `evenkeel why NAME` says what was done and why",
            ]
        );
    }

    #[test]
    fn wide_and_hostile_names_keep_their_columns_in_any_window() {
        let reason = "\u{1b}[31m状態が悪い\u{202e}".repeat(30);
        let checks = [
            check("データベースの状態を確認するもの", "down", Some(&reason)),
            check(&"x".repeat(64), "up", None),
            check("web", "suspect", Some(&reason)),
        ];
        for width in 1..120 {
            for height in 1..12 {
                let lines = shown(status(false, &checks), (width, height));
                assert!(lines.len() <= usize::from(height), "{width}x{height}: {lines:#?}");
                for line in lines {
                    assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line:?}");
                    assert!(fit::width(&line) <= usize::from(width).max(22), "{width}: {line:?}");
                }
            }
        }
    }

    #[test]
    fn what_has_no_room_is_said() {
        let checks: Vec<_> =
            (0..30).map(|number| check(&format!("c{number}"), "up", None)).collect();
        let lines = shown(status(true, &checks), (80, 10));
        assert_eq!(lines.len(), 10);
        assert_eq!(lines[9], "and 25 more, all of them well: a higher window shows them; q ends");
    }

    #[test]
    fn an_agent_that_is_gone_is_told_from_one_that_says_that_all_is_well() {
        let mut view = View::new(false);
        view.seen(status(true, &[check("web", "up", None)]));
        assert_eq!(view.exit(), Exit::Holds);
        view.gone("no agent answers on `/run/x`".to_owned(), now());
        let later = now() + jiff::SignedDuration::from_mins(5);
        view.gone("no agent answers on `/run/x`".to_owned(), later);
        let lines = view.lines((80, 20), later);
        assert!(lines[0].starts_with("evenkeel: no agent answers; below is what it said last"));
        assert_eq!(lines[1], "for 5 min: no agent answers on `/run/x`");
        assert!(lines.iter().any(|line| line.starts_with("web")), "{lines:?}");
        assert_eq!(view.exit(), Exit::Refused);
    }
}
