//! What was measured, as a table or as one document.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fault::Fault;
use crate::run::Run;
use crate::tool::Tool;

pub(crate) struct Report {
    host: Value,
    rounds: u32,
    rows: Vec<Row>,
}

/// All rounds of one fault and one tool.
struct Row {
    fault: &'static str,
    what: &'static str,
    after: Option<&'static str>,
    tool: Tool,
    runs: Vec<Run>,
}

/// A time over the rounds, in seconds, and how many rounds have it.
struct Spread {
    count: usize,
    least: f64,
    median: f64,
    most: f64,
}

/// Picks one time of a run, if it has it.
type Time = fn(&Run) -> Option<Duration>;

/// What is measured of each run, in the order of the table.
const TIMES: [(&str, Time); 4] = [
    ("detected", |run| run.told.detected),
    ("acted", |run| run.told.acted),
    ("healed", |run| run.healed),
    ("verified", |run| run.told.verified),
];

impl Report {
    pub(crate) fn new(host: Value, rounds: u32) -> Self {
        Self { host, rounds, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, fault: &Fault, tool: Tool, run: Run) {
        let row = self.rows.iter_mut().find(|row| row.fault == fault.name && row.tool == tool);
        match row {
            Some(row) => row.runs.push(run),
            None => self.rows.push(Row {
                fault: fault.name,
                what: fault.what,
                after: fault.after.as_ref().map(|figure| figure.what),
                tool,
                runs: vec![run],
            }),
        }
    }

    /// Whether evenkeel healed every fault in every round, and no run broke off.
    pub(crate) fn is_complete(&self) -> bool {
        let ours = || self.rows.iter().filter(|row| row.tool == Tool::Evenkeel);
        let whole = |row: &Row| {
            row.runs.len() == self.rounds as usize
                && row.runs.iter().all(|run| run.healed.is_some() && run.told.verified.is_some())
        };
        ours().next().is_some() && ours().all(whole)
    }

    pub(crate) fn json(&self) -> Value {
        let rows: Vec<_> = self.rows.iter().map(|row| row.json(self.ours(row))).collect();
        json!({ "host": self.host, "rounds": self.rounds, "faults": rows })
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn ours(&self, row: &Row) -> Option<&Row> {
        self.rows.iter().find(|other| other.fault == row.fault && other.tool == Tool::Evenkeel)
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        for (key, value) in self.host.as_object().into_iter().flatten() {
            writeln!(out, "{key}: {}", value.as_str().map_or(value.to_string(), str::to_owned))?;
        }
        writeln!(
            out,
            "\nseconds after the fault, median (least to most) of {} rounds\n",
            self.rounds
        )?;
        writeln!(
            out,
            "| fault | who | detected | acted | healed | verified | healed, times ours | starts | |"
        )?;
        writeln!(out, "|---|---|---:|---:|---:|---:|---:|---:|---|")?;
        for row in &self.rows {
            let times: Vec<_> = TIMES.iter().map(|(_, time)| row.shown(*time)).collect();
            let ratio = self.ours(row).and_then(|ours| row.times(ours));
            let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            writeln!(
                out,
                "| {} | {} | {} | {ratio} | {} | {} |",
                row.fault,
                row.tool.name(),
                times.join(" | "),
                row.counts(|run| Some(run.actions)),
                row.after.map_or_else(String::new, |what| {
                    format!("{what}: {}", row.counts(|run| run.after))
                }),
            )?;
        }
        writeln!(out)?;
        for row in self.rows.iter().filter(|row| row.tool == Tool::Evenkeel) {
            writeln!(out, "{}: {}", row.fault, row.what)?;
        }
        Ok(())
    }
}

impl Row {
    fn spread(&self, time: Time) -> Option<Spread> {
        let mut seconds: Vec<_> =
            self.runs.iter().filter_map(time).map(|time| time.as_secs_f64()).collect();
        seconds.sort_by(f64::total_cmp);
        Some(Spread {
            count: seconds.len(),
            least: *seconds.first()?,
            median: seconds[seconds.len() / 2],
            most: *seconds.last()?,
        })
    }

    fn shown(&self, time: Time) -> String {
        let Some(Spread { count, least, median, most }) = self.spread(time) else {
            return "never".to_owned();
        };
        let of = if count < self.runs.len() {
            format!(", {count} of {}", self.runs.len())
        } else {
            String::new()
        };
        format!("{median:.1} ({least:.1} to {most:.1}{of})")
    }

    /// How many times as long it takes as ours until all is well.
    fn times(&self, ours: &Self) -> Option<f64> {
        let healed = |row: &Self| row.spread(|run| run.healed).map(|spread| spread.median);
        Some(healed(self)? / healed(ours)?)
    }

    /// Counts over the rounds: one number if they are all alike.
    fn counts(&self, count: fn(&Run) -> Option<usize>) -> String {
        let mut counts: Vec<_> = self.runs.iter().filter_map(count).collect();
        counts.sort_unstable();
        counts.dedup();
        counts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
    }

    fn json(&self, ours: Option<&Self>) -> Value {
        let mut row = json!({
            "fault": self.fault,
            "what": self.what,
            "who": self.tool.name(),
            "healed_times_ours": ours.and_then(|ours| self.times(ours)),
            "starts": self.runs.iter().map(|run| run.actions).collect::<Vec<_>>(),
        });
        for (name, time) in TIMES {
            let each = self.runs.iter().map(|run| time(run).map(|time| time.as_secs_f64()));
            row[format!("{name}_seconds")] = each.collect::<Vec<_>>().into();
        }
        if let Some(what) = self.after {
            row[what] = self.runs.iter().map(|run| run.after).collect::<Vec<_>>().into();
        }
        row
    }
}
