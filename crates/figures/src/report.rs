use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Bar, Machine, Verdict};

/// The name of the shape, with its version: it changes when a reader would have to.
pub const SCHEMA: &str = "evenkeel-bench/1";

/// All that one bench measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Which bench, such as `files`.
    pub bench: String,
    /// What it ran on.
    pub machine: Machine,
    /// Versions of the programs that were measured beside ours, by name.
    pub peers: BTreeMap<String, String>,
    /// What was measured, row by row.
    pub figures: Vec<Figure>,
    /// What must be reached.
    pub bars: Vec<Bar>,
    /// What was not measured, and why.
    pub left_out: Vec<String>,
}

/// What was measured of one contender in one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What was done, such as `sweep of 1000 files on tmpfs`.
    pub row: String,
    /// By whom.
    pub who: String,
    /// The figures by name; a unit is part of the name, such as `p50_ms`.
    pub values: BTreeMap<String, f64>,
}

impl Report {
    /// An empty one, on this machine.
    pub fn new(bench: &str) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            bench: bench.to_owned(),
            machine: Machine::here(),
            peers: BTreeMap::new(),
            figures: Vec::new(),
            bars: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Notes the version of a peer, or that it was not measured because it is not installed.
    pub fn peer(&mut self, name: &str, version: Option<String>) {
        match version {
            Some(version) => drop(self.peers.insert(name.to_owned(), version)),
            None => self.left_out.push(format!("{name} is not installed")),
        }
    }

    /// Whether nothing that must be reached is missed; what is not judged is not missed.
    pub fn holds(&self) -> bool {
        self.bars.iter().all(|bar| bar.verdict != Verdict::Missed)
    }

    /// As JSON, in one line.
    ///
    /// # Panics
    /// Never: a report is made of strings and numbers.
    pub fn document(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers are JSON")
    }

    /// The report in what a bench wrote: cargo and the test harness may have written lines before and after.
    pub fn find(output: impl AsRef<str>) -> Option<Self> {
        output.as_ref().lines().rev().find_map(|line| serde_json::from_str(line).ok())
    }

    /// The bars and what was left out, for people; empty if there are none.
    pub fn bars_table(&self) -> String {
        let mut lines = Vec::new();
        if !self.bars.is_empty() {
            lines.push(Bar::HEAD.to_owned());
            lines.extend(self.bars.iter().map(Bar::row));
        }
        lines.extend(self.left_out.iter().map(|what| format!("left out: {what}")));
        lines.into_iter().map(|line| line + "\n").collect()
    }

    /// The figures as a table, with a column for each name that any of them has; empty if there are none.
    pub fn figures_table(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for name in self.figures.iter().flat_map(|figure| figure.values.keys()) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return String::new();
        }
        let mut lines = vec![
            format!("| | | {} |", names.join(" | ")),
            format!("|---|---|{}", "---:|".repeat(names.len())),
        ];
        lines.extend(self.figures.iter().map(|figure| {
            let cells = names.iter().map(|name| figure.values.get(*name));
            let cells: Vec<_> = cells
                .map(|value| value.map_or_else(String::new, |value| format!("{value:.2}")))
                .collect();
            format!("| {} | {} | {} |", figure.row, figure.who, cells.join(" | "))
        }));
        lines.into_iter().map(|line| line + "\n").collect()
    }
}

impl Figure {
    /// A row without a figure yet.
    pub fn new(row: impl Into<String>, who: impl Into<String>) -> Self {
        Self { row: row.into(), who: who.into(), values: BTreeMap::new() }
    }

    /// With one more figure; what is not a number is not a figure, and left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Self {
        if value.is_finite() {
            self.values.insert(name.to_owned(), value);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limit;

    #[test]
    fn a_report_is_found_among_other_lines_as_it_was() {
        let mut report = Report::new("x");
        report
            .figures
            .push(Figure::new("row", "ours").with("p50_ms", 1.5).with("p99_ms", f64::NAN));
        report.bars.push(Bar::new("bar", 1.0, "", Limit::AtMost(2.0), 1.0));
        report.peer("monit", None);
        let output = format!("running 1 test\n{{}}\n{}\ntest result: ok\n", report.document());
        assert_eq!(Report::find(output), Some(report.clone()));
        assert_eq!(report.figures[0].values.len(), 1);
        assert!(report.bars_table().contains("left out: monit is not installed"));
        assert!(report.figures_table().contains("| row | ours | 1.50 |"));
    }

    #[test]
    fn what_is_not_judged_is_not_missed() {
        let mut report = Report::new("x");
        report.bars.push(Bar::unmeasured("bar", "ms", Limit::AtMost(2.0), "no peer"));
        assert!(report.holds());
        report.bars.push(Bar::new("bar", 3.0, "ms", Limit::AtMost(2.0), 1.0));
        assert!(!report.holds());
    }
}
