//! What was seen, as curves for people, as one document, and as lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use evenkeel_tests::{more_open, open_files};
use serde_json::{Value, json};

use crate::args::Args;
use crate::counted::Counted;
use crate::load::Done;
use crate::sample::{Pick, Sample, descriptors, threads};
use crate::slope::Slope;

/// The bound of the history on disk (docs/history.md), with the log of writes that `SQLite` keeps beside it.
const JOURNAL_BYTES: f64 = ((256 + 16) * 1024 * 1024) as f64;
/// Less time than this after the warm-up says nothing about memory.
const JUDGED_AFTER: f64 = 600.0;
/// Columns of a curve.
const COLUMNS: usize = 60;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const MIB: f64 = 1024.0 * 1024.0;

/// A figure that must not grow: its name, what is shown as one, the least gain that counts, and where it is in a sample.
struct Figure {
    name: &'static str,
    unit: f64,
    grain: f64,
    pick: Pick,
}

const FIGURES: [Figure; 5] = [
    Figure { name: "RSS, MiB", unit: MIB, grain: MIB / 4.0, pick: |sample| sample.rss },
    Figure { name: "PSS, MiB", unit: MIB, grain: MIB / 4.0, pick: |sample| sample.pss },
    Figure { name: "private, MiB", unit: MIB, grain: MIB / 4.0, pick: |sample| sample.private },
    Figure { name: "descriptors", unit: 1.0, grain: 1.0, pick: |sample| sample.descriptors },
    Figure { name: "threads", unit: 1.0, grain: 1.0, pick: |sample| sample.threads },
];

/// Threads of the agent for what blocks: whoever was busy last waits for work for a while, and work that comes again and again keeps
/// several of them waiting in turn.
const POOL: u16 = 16;
/// Who has the history open at one time: its writer, the thread that looks into it for pages, and a reload that counts objectives anew.
const CONNECTIONS: usize = 3;
const JOURNAL: &str = "/journal.db";

/// What stays open when nothing is under way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Quiet {
    pub(crate) descriptors: f64,
    pub(crate) threads: f64,
    pub(crate) open: BTreeMap<String, usize>,
}

/// A whole run.
pub(crate) struct Report {
    minutes: f64,
    rate: u32,
    seed: u64,
    samples: Vec<Sample>,
    /// So many samples are warm-up.
    warm: usize,
    quiet: [Quiet; 2],
    lived: bool,
    counts: Vec<(&'static str, u64)>,
}

impl Quiet {
    pub(crate) fn of(pid: u32) -> Self {
        let or_many = |count: Option<f64>| count.unwrap_or(f64::INFINITY);
        Self {
            descriptors: or_many(descriptors(pid)),
            threads: or_many(threads(pid)),
            open: open_files(pid),
        }
    }

    pub(crate) fn min(self, other: Self) -> Self {
        let threads = self.threads.min(other.threads);
        let fewer = if other.descriptors < self.descriptors { other } else { self };
        Self { threads, ..fewer }
    }

    /// What there is more of than at rest before, in words.
    pub(crate) fn beyond(&self, before: &Self) -> Vec<String> {
        let mut more = more_open(&before.open, &self.open);
        // SQLite closes no file while another connection of the process has a lock on it, but keeps the descriptor for the next
        // connection: there are as many as looks at the history were under way at one time.
        more.retain(|line| !line.contains(JOURNAL) || self.looks() > CONNECTIONS);
        let threads = before.threads + f64::from(POOL);
        if self.threads > threads {
            more.push(format!("{} threads, more than {threads}", self.threads));
        }
        more
    }

    /// How often the history is open.
    fn looks(&self) -> usize {
        let of_journal = self.open.iter().filter(|(what, _)| what.contains(JOURNAL));
        of_journal.map(|(_, count)| *count).max().unwrap_or(0)
    }
}

impl Report {
    pub(crate) fn new(
        args: &Args,
        samples: Vec<Sample>,
        warm: usize,
        quiet: [Quiet; 2],
        lived: bool,
        counted: &Counted,
        done: &Done,
    ) -> Self {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut counts: Vec<_> = counted.all().collect();
        counts.extend([
            ("chmods by others", count(&done.chmods)),
            ("bytes logged", count(&done.log_bytes)),
            ("streams opened and dropped", count(&done.streams)),
            ("pages asked for", count(&done.scrapes)),
            ("orders", count(&done.orders)),
            ("reloads", count(&done.reloads)),
            ("workers killed", count(&done.kills)),
        ]);
        let Args { minutes, rate, seed, .. } = *args;
        Self { minutes, rate, seed, samples, warm, quiet, lived, counts }
    }

    /// What must hold and does not.
    pub(crate) fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if !self.lived {
            broken.push("the agent ended".to_owned());
        }
        for figure in &FIGURES {
            if self
                .slope(figure.pick)
                .is_some_and(|slope| self.is_judged() && slope.rises(figure.grain))
            {
                broken.push(format!("{} rises", figure.name));
            }
        }
        let [before, after] = &self.quiet;
        let more = after.beyond(before);
        if !more.is_empty() {
            broken.push(format!("more is open when nothing is under way ({})", more.join(", ")));
        }
        let most = self.most(|sample| sample.journal);
        if most > JOURNAL_BYTES {
            broken.push(format!("the history takes {:.0} MiB", most / MIB));
        }
        if self.counts.iter().any(|(name, count)| *name == "journal errors" && *count > 0) {
            broken.push("lines of history could not be written".to_owned());
        }
        broken
    }

    pub(crate) fn holds(&self) -> bool {
        self.broken().is_empty()
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
            "{:.1} min at {} times the ordinary rate, seed {}; {} samples, the first {} are warm-up\n",
            self.minutes,
            self.rate,
            self.seed,
            self.samples.len(),
            self.warm
        )?;
        writeln!(
            out,
            "| figure | first | last | most | gained an hour (99 % confidence) | noise | |"
        )?;
        writeln!(out, "|---|---:|---:|---:|---:|---:|---|")?;
        for figure in &FIGURES {
            let Figure { name, unit, grain, pick } = figure;
            let at = |sample: Option<&Sample>| sample.map_or(0.0, *pick) / unit;
            write!(
                out,
                "| {name} | {:.1} | {:.1} | {:.1} | ",
                at(self.measured().first()),
                at(self.measured().last()),
                self.most(*pick) / unit
            )?;
            match self.slope(*pick) {
                Some(slope) => {
                    let hourly = |per_second: f64| per_second * 3600.0 / unit;
                    let verdict = match slope.rises(*grain) {
                        _ if !self.is_judged() => "too short to judge",
                        true => "**rises**",
                        false => "flat",
                    };
                    writeln!(
                        out,
                        "{:+.2} ({:+.2} to {:+.2}) | {:.2} | {verdict} |",
                        hourly(slope.per_second),
                        hourly(slope.low),
                        hourly(slope.high),
                        slope.noise / unit
                    )?;
                }
                None => writeln!(out, "- | - | too short to judge |")?,
            }
        }
        let journal = self.most(|sample| sample.journal) / MIB;
        writeln!(out, "\nhistory: {journal:.1} MiB at most, bound {:.0} MiB", JOURNAL_BYTES / MIB)?;
        let [before, after] = &self.quiet;
        writeln!(
            out,
            "with nothing under way: {} descriptors and {} threads after the warm-up, {} and {} at the end\n",
            before.descriptors, before.threads, after.descriptors, after.threads
        )?;
        for figure in &FIGURES {
            writeln!(out, "{:>14}  {}", figure.name, self.curve(figure.pick))?;
        }
        writeln!(out, "{:>14}  {}\n", "history", self.curve(|sample| sample.journal))?;
        for (name, count) in &self.counts {
            writeln!(out, "{name}: {count}")?;
        }
        let broken = self.broken();
        writeln!(
            out,
            "\n{}",
            if broken.is_empty() {
                "all holds".to_owned()
            } else {
                format!("does not hold: {}", broken.join("; "))
            }
        )
    }

    pub(crate) fn json(&self) -> Value {
        let figures: Vec<_> = FIGURES.iter().map(|figure| {
            let slope = self.slope(figure.pick);
            json!({
                "figure": figure.name,
                "unit": figure.unit,
                "most": self.most(figure.pick),
                "per_second": slope.map(|slope| slope.per_second),
                "low": slope.map(|slope| slope.low),
                "high": slope.map(|slope| slope.high),
                "noise": slope.map(|slope| slope.noise),
                "rises": slope.filter(|_| self.is_judged()).map(|slope| slope.rises(figure.grain)),
            })
        }).collect();
        let counts: serde_json::Map<_, _> =
            self.counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        let quiet = self
            .quiet
            .each_ref()
            .map(|quiet| json!({ "descriptors": quiet.descriptors, "threads": quiet.threads }));
        json!({
            "minutes": self.minutes, "rate": self.rate, "seed": self.seed, "samples": self.samples.len(),
            "warm_up_samples": self.warm, "figures": figures, "quiet": quiet,
            "journal_bytes": self.most(|sample| sample.journal), "counts": counts, "broken": self.broken(),
        })
    }

    pub(crate) fn csv(&self) -> String {
        let mut text = "seconds,rss,pss,private,descriptors,threads,journal\n".to_owned();
        for sample in &self.samples {
            let Sample { at, rss, pss, private, descriptors, threads, journal } = sample;
            // Writing to a string cannot fail.
            let _ =
                writeln!(text, "{at:.1},{rss},{pss},{private},{descriptors},{threads},{journal}");
        }
        text
    }

    fn measured(&self) -> &[Sample] {
        &self.samples[self.warm.min(self.samples.len())..]
    }

    fn is_judged(&self) -> bool {
        let measured = self.measured();
        let (first, last) = (measured.first(), measured.last());
        first.zip(last).is_some_and(|(first, last)| last.at - first.at >= JUDGED_AFTER)
    }

    fn slope(&self, pick: Pick) -> Option<Slope> {
        let points: Vec<_> =
            self.measured().iter().map(|sample| (sample.at, pick(sample))).collect();
        Slope::of(&points)
    }

    fn most(&self, pick: Pick) -> f64 {
        self.samples.iter().map(pick).fold(0.0, f64::max)
    }

    /// One row of bars from the least to the most of the whole run, warm-up included.
    fn curve(&self, pick: Pick) -> String {
        let size = self.samples.len().div_ceil(COLUMNS).max(1);
        let means: Vec<f64> = self
            .samples
            .chunks(size)
            .map(|chunk| {
                chunk.iter().map(pick).sum::<f64>()
                    / f64::from(u32::try_from(chunk.len()).unwrap_or(1))
            })
            .collect();
        let least = means.iter().copied().fold(f64::INFINITY, f64::min);
        let span = means.iter().copied().fold(0.0, f64::max) - least;
        let bar = |mean: &f64| {
            let share = if span > 0.0 { (mean - least) / span } else { 0.0 };
            let wanted =
                BARS.iter().zip(1_u32..).find(|(_, place)| share <= f64::from(*place) / 8.0);
            wanted.map_or(BARS[7], |(bar, _)| *bar)
        };
        means.iter().map(bar).collect()
    }
}
