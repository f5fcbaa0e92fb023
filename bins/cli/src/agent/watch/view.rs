use std::fmt::Write;

use evenkeel_agent::Status;
use jiff::Timestamp;

use crate::agent::status::{Row, rows};
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
            Some(status) if status.healthy => Exit::Holds,
            Some(_) => Exit::Deviates,
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
