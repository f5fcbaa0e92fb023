//! What was measured, as a table or as one document.

use std::fmt::Write as _;
use std::time::Duration;

use evenkeel_figures::{Bar, Figure, Limit, load, version};

use crate::fault::Fault;
use crate::run::Run;
use crate::tool::{CYCLE, Tool};

/// A killed program is healed within one interval of its check, and so much.
const BEYOND_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Report {
    shared: evenkeel_figures::Report,
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
    pub(crate) fn new(rounds: u32) -> Self {
        let mut shared = evenkeel_figures::Report::new("recovery");
        for (peer, flag) in [("monit", "-V"), ("supervisord", "--version"), ("tmux", "-V")] {
            shared.peer(peer, version(peer, flag));
        }
        Self { shared, rounds, rows: Vec::new() }
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

    /// What must be reached: everything is healed and proved, and a killed program soon.
    pub(crate) fn judge(&mut self, faults: usize) {
        let ours = || self.rows.iter().filter(|row| row.tool == Tool::Evenkeel);
        let whole = |run: &Run| run.healed.is_some() && run.told.verified.is_some();
        let healed: usize =
            ours().map(|row| row.runs.iter().filter(|run| whole(run)).count()).sum();
        let wanted = faults * self.rounds as usize;
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let unhealed = (wanted - healed.min(wanted)) as f64;
        let mut bars = vec![Bar::new(
            format!("faults healed and proved: missed, of {wanted}"),
            unhealed,
            "",
            Limit::AtMost(0.0),
            1.0,
        )];
        if let Some(row) = ours().find(|row| row.fault == "killed") {
            for (name, time) in
                TIMES.iter().filter(|(name, _)| ["healed", "verified"].contains(name))
            {
                let Some(spread) = row.spread(*time) else { continue };
                let bar = Bar::new(
                    format!("program killed until {name}, worst of {}", spread.count),
                    spread.most,
                    "s",
                    // The proof takes a second look, which comes a tenth of the interval later.
                    Limit::AtMost((CYCLE + BEYOND_INTERVAL).as_secs_f64()),
                    1.1,
                );
                let monit = self
                    .rows
                    .iter()
                    .find(|other| other.fault == row.fault && other.tool == Tool::Monit);
                let theirs = monit.and_then(|monit| monit.spread(*time));
                bars.push(match theirs {
                    Some(theirs) => bar.beside("Monit", theirs.most),
                    None => bar,
                });
            }
        }
        self.shared.bars = bars;
    }

    /// As JSON, in one line.
    pub(crate) fn document(&self) -> String {
        let mut shared = self.shared.clone();
        shared.figures = self.rows.iter().map(|row| row.figure(self.ours(row))).collect();
        shared.document()
    }

    pub(crate) fn holds(&self) -> bool {
        self.shared.holds()
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
        writeln!(out, "{}; load {:.1}", self.shared.machine, load())?;
        for (name, version) in &self.shared.peers {
            writeln!(out, "{name}: {version}")?;
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
        write!(out, "\n{}", self.shared.bars_table())
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

    /// Least, median and most of each time, in seconds, over the rounds that have it.
    fn figure(&self, ours: Option<&Self>) -> Figure {
        let ratio = ours.and_then(|ours| self.times(ours)).unwrap_or(f64::NAN);
        let mut figure = Figure::new(self.what, self.tool.name()).with("healed_times_ours", ratio);
        for (name, time) in TIMES {
            let Some(spread) = self.spread(time) else { continue };
            let Spread { count, least, median, most } = spread;
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let count = count as f64;
            figure = figure
                .with(&format!("{name}_rounds"), count)
                .with(&format!("{name}_seconds_min"), least)
                .with(&format!("{name}_seconds_p50"), median)
                .with(&format!("{name}_seconds_max"), most);
        }
        let most = |count: fn(&Run) -> Option<usize>| self.runs.iter().filter_map(count).max();
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let number = |count: Option<usize>| count.map_or(f64::NAN, |count| count as f64);
        figure = figure.with("starts_max", number(most(|run| Some(run.actions))));
        match self.after {
            Some(what) => figure.with(&format!("{what}_max"), number(most(|run| run.after))),
            None => figure,
        }
    }
}
