//! What came of all faults, as a table or as one document.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::check::Findings;
use crate::fault::{Fault, Right};
use crate::run::Outcome;

/// So many of a list are shown: one cause may have thousands of effects.
const SHOWN: usize = 20;

/// A whole run.
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) lasted: Duration,
    pub(crate) outcomes: Vec<Outcome>,
    /// Faults that this machine cannot have, and why.
    pub(crate) left_out: Vec<(&'static str, &'static str)>,
    pub(crate) findings: Findings,
}

/// All outcomes of one fault.
struct Row<'a> {
    fault: &'static Fault,
    outcomes: Vec<&'a Outcome>,
}

/// Picks one of the times of an outcome.
type Time = fn(&Outcome) -> Option<Duration>;

impl Row<'_> {
    fn count(&self, time: Time) -> usize {
        self.outcomes.iter().filter(|outcome| time(outcome).is_some()).count()
    }

    /// Detected and verified count where history has to say something.
    fn told(&self, is_to_be: bool, time: Time) -> String {
        if is_to_be { self.count(time).to_string() } else { "-".to_owned() }
    }

    /// The time at this share of all, in seconds.
    fn seconds(&self, share: f64) -> Option<f64> {
        let mut all: Vec<f64> = self
            .outcomes
            .iter()
            .filter_map(|outcome| Some(outcome.repaired?.as_secs_f64()))
            .collect();
        all.sort_by(f64::total_cmp);
        // The nearest rank.
        let rank = (share * f64::from(u32::try_from(all.len()).ok()?)).ceil();
        let at = all.iter().zip(1_u32..).find(|(_, place)| f64::from(*place) >= rank);
        at.map(|(seconds, _)| *seconds)
    }

    fn broken(&self) -> Vec<String> {
        let all = self.outcomes.iter();
        let of = |is_to_be: bool, time: Time, word: &str| {
            all.clone()
                .filter(|outcome| is_to_be && time(outcome).is_none())
                .map(|outcome| {
                    format!(
                        "`{}` at {:.0} s was not {word}",
                        self.fault.name,
                        outcome.at.as_secs_f64()
                    )
                })
                .collect::<Vec<_>>()
        };
        [
            of(self.fault.detected.is_some(), |outcome| outcome.detected, "detected"),
            of(true, |outcome| outcome.repaired, "repaired"),
            of(self.fault.verified.is_some(), |outcome| outcome.verified, "verified"),
        ]
        .concat()
    }
}

impl Report {
    fn rows(&self) -> Vec<Row<'_>> {
        crate::fault::all()
            .map(|fault| Row {
                fault,
                outcomes: self
                    .outcomes
                    .iter()
                    .filter(|outcome| outcome.fault.name == fault.name)
                    .collect(),
            })
            .filter(|row| !row.outcomes.is_empty())
            .collect()
    }

    /// Everything that had to hold and did not.
    pub(crate) fn broken(&self) -> Vec<String> {
        let mut broken: Vec<_> = self.rows().iter().flat_map(Row::broken).collect();
        if self.outcomes.is_empty() {
            broken.push("no fault was injected".to_owned());
        }
        broken.extend(self.findings.broken.iter().cloned());
        broken
    }

    pub(crate) fn holds(&self) -> bool {
        self.broken().is_empty()
            && self.findings.lost.is_empty()
            && self.findings.touched.is_empty()
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "seed {}, {:.1} min, {} faults; seconds from the fault (or from its end, where the run ends it) to a world that is well\n",
            self.seed,
            self.lasted.as_secs_f64() / 60.0,
            self.outcomes.len()
        )?;
        writeln!(out, "| fault | injected | detected | repaired | verified | p50 | p99 | note |")?;
        writeln!(out, "|---|---:|---:|---:|---:|---:|---:|---|")?;
        for row in self.rows() {
            let Fault { name, what, right, detected, verified, .. } = row.fault;
            let seconds = |share| row.seconds(share).map_or("-".to_owned(), |s| format!("{s:.1}"));
            let (repaired, times) = match right {
                // It is well all the time, and that is what was looked at.
                Right::Nothing => (
                    format!("{} unharmed", row.count(|outcome| outcome.repaired)),
                    ["-".to_owned(), "-".to_owned()],
                ),
                _ => (
                    row.count(|outcome| outcome.repaired).to_string(),
                    [seconds(0.5), seconds(0.99)],
                ),
            };
            writeln!(
                out,
                "| {name} | {} | {} | {repaired} | {} | {} | {} | {what} |",
                row.outcomes.len(),
                row.told(detected.is_some(), |outcome| outcome.detected),
                row.told(verified.is_some(), |outcome| outcome.verified),
                times[0],
                times[1],
            )?;
        }
        writeln!(out)?;
        for (fault, why) in &self.left_out {
            writeln!(out, "left out: {fault} ({why})")?;
        }
        for line in &self.findings.looked_at {
            writeln!(out, "{line}")?;
        }
        list(out, "lost", &self.findings.lost)?;
        list(out, "touched that should not be", &self.findings.touched)?;
        list(out, "does not hold", &self.broken())
    }

    pub(crate) fn json(&self) -> Value {
        let rows: Vec<_> = self
            .rows()
            .iter()
            .map(|row| {
                let count = |is_to_be: bool, time: Time| is_to_be.then(|| row.count(time));
                json!({
                    "fault": row.fault.name,
                    "target": row.fault.target,
                    "what": row.fault.what,
                    "injected": row.outcomes.len(),
                    "detected": count(row.fault.detected.is_some(), |outcome| outcome.detected),
                    "repaired": row.count(|outcome| outcome.repaired),
                    "verified": count(row.fault.verified.is_some(), |outcome| outcome.verified),
                    "p50_seconds": row.seconds(0.5),
                    "p99_seconds": row.seconds(0.99),
                })
            })
            .collect();
        let left_out: serde_json::Map<_, _> =
            self.left_out.iter().map(|(fault, why)| ((*fault).to_owned(), json!(why))).collect();
        json!({
            "seed": self.seed,
            "seconds": self.lasted.as_secs_f64(),
            "faults": rows,
            "left_out": left_out,
            "lost": self.findings.lost,
            "touched": self.findings.touched,
            "broken": self.broken(),
        })
    }
}

fn list(out: &mut String, what: &str, all: &[String]) -> std::fmt::Result {
    writeln!(out, "{what}: {}", all.len())?;
    all.iter().take(SHOWN).try_for_each(|line| writeln!(out, "  {line}"))?;
    let more = all.len().saturating_sub(SHOWN);
    if more > 0 { writeln!(out, "  and {more} more; `--json` has them all") } else { Ok(()) }
}
