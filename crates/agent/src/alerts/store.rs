//! The series that rules ask for, filled from metrics pages as Prometheus fills its own from scrapes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evenkeel_metrics::exposition::{Line, parse_line};
use evenkeel_metrics::rules::expr::{
    Expr, LOOK_BACK, Labels, NAME_LABEL, Operand, STALE, Sample, Samples as Source, Selector,
};
use serde::{Deserialize, Serialize};

use super::series::{Kept, Samples};

/// More series than this are not kept, whatever a page has. Names of parts can be many; a host with that many is looked at
/// with a Prometheus.
pub(crate) const MOST_SERIES: usize = 2_000;

/// The series that some rule asks for.
#[derive(Debug, Default)]
pub(crate) struct Store {
    wanted: Wanted,
    series: BTreeMap<Labels, Stored>,
    /// Milliseconds from one scrape to the next.
    step: u32,
    /// Series for which there was no room in the last scrape.
    pub(crate) turned_away: usize,
}

/// What rules ask for, and how far back they look.
#[derive(Debug, Default)]
struct Wanted {
    by_name: BTreeMap<String, Vec<(Selector, i64)>>,
}

#[derive(Debug)]
struct Stored {
    samples: Samples,
    keep_ms: i64,
    /// Whether the scrape before this one had it, in this run.
    present: bool,
}

/// One series as it is kept over a restart.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeptSeries {
    labels: BTreeMap<String, String>,
    chunks: Vec<Kept>,
}

/// Who was scraped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) job: &'a str,
    pub(crate) instance: &'a str,
}

impl Store {
    /// A store for what these expressions ask for, scraped each `interval`.
    pub(crate) fn new<'a>(exprs: impl IntoIterator<Item = &'a Expr>, interval: Duration) -> Self {
        let mut wanted = Wanted::default();
        exprs.into_iter().for_each(|expr| wanted.add(expr));
        let step = u32::try_from(interval.as_millis()).unwrap_or(u32::MAX);
        Self { wanted, step, ..Self::default() }
    }

    /// Takes over the series of another store, as far as they are wanted here.
    pub(crate) fn take_over(&mut self, other: Self) {
        for (labels, stored) in other.series {
            if let Some(keep_ms) = self.wanted.keep_ms(&labels) {
                self.series.insert(labels, Stored { keep_ms, ..stored });
            }
        }
    }

    /// Takes a page that was scraped at `at`; `None`: it could not be had.
    pub(crate) fn scrape(&mut self, at: i64, job: Job<'_>, page: Option<&str>) {
        self.turned_away = 0;
        let mut seen = BTreeSet::new();
        for line in page.into_iter().flat_map(str::lines) {
            let end = line.find(['{', ' ']).unwrap_or(line.len());
            // Most lines are of no interest: they are not even read.
            if !self.wanted.by_name.contains_key(&line[..end]) {
                continue;
            }
            let Ok(Line::Sample(sample)) = parse_line(line) else { continue };
            let own = sample.labels.iter().map(|(name, value)| (*name, value.as_str()));
            let labels = labels_of(sample.name, own, job);
            if self.push(&labels, at, sample.value) {
                seen.insert(labels);
            }
        }
        let up = labels_of("up", [], job);
        if self.push(&up, at, if page.is_some() { 1.0 } else { 0.0 }) {
            seen.insert(up);
        }
        self.end_others(at, job, &seen);
        for stored in self.series.values_mut() {
            stored.samples.forget_before(at - stored.keep_ms);
        }
        self.series.retain(|_, stored| !stored.samples.is_empty());
    }

    /// Adds one sample; false if nobody asks for it, or if there is no room.
    pub(crate) fn push(&mut self, labels: &Labels, at: i64, value: f64) -> bool {
        let room = self.series.len() < MOST_SERIES;
        let stored = match self.series.get_mut(labels) {
            Some(stored) => stored,
            None => {
                let Some(keep_ms) = self.wanted.keep_ms(labels) else { return false };
                if !room {
                    self.turned_away += 1;
                    return false;
                }
                let stored = Stored { samples: Samples::default(), keep_ms, present: false };
                self.series.entry(labels.clone()).or_insert(stored)
            }
        };
        stored.samples.push((at, value), self.step);
        stored.present = true;
        true
    }

    /// Marks as ended what the job's last page had and this one has not.
    fn end_others(&mut self, at: i64, job: Job<'_>, seen: &BTreeSet<Labels>) {
        let of_job = |labels: &Labels| {
            labels.get("job") == job.job && labels.get("instance") == job.instance
        };
        let gone = self
            .series
            .iter_mut()
            .filter(|(labels, stored)| stored.present && of_job(labels) && !seen.contains(*labels));
        for (_, stored) in gone {
            stored.samples.push((at, STALE), self.step);
            stored.present = false;
        }
    }

    /// What is asked for.
    #[cfg(test)]
    pub(crate) fn selectors(&self) -> impl Iterator<Item = &Selector> {
        self.wanted.by_name.values().flatten().map(|(selector, _)| selector)
    }

    /// What the samples take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.series.values().map(|stored| stored.samples.bytes()).sum()
    }

    /// How many series there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// All of it, as it is kept over a restart.
    pub(crate) fn keep(&self) -> Vec<KeptSeries> {
        let keep = |(labels, stored): (&Labels, &Stored)| KeptSeries {
            labels: labels
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            chunks: stored.samples.keep(),
        };
        self.series.iter().map(keep).collect()
    }

    /// Takes what was kept, with all times later by `shift`, and nothing later than `now`.
    pub(crate) fn restore(&mut self, kept: Vec<KeptSeries>, shift: i64, now: i64) {
        for KeptSeries { labels, chunks } in kept {
            let labels: Labels =
                labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let samples = Samples::restore(&chunks, shift);
            let in_time = samples.last().is_some_and(|(last, _)| last <= now);
            if let Some(keep_ms) = self.wanted.keep_ms(&labels).filter(|_| in_time)
                && self.series.len() < MOST_SERIES
            {
                self.series.insert(labels, Stored { samples, keep_ms, present: false });
            }
        }
    }
}

impl Source for Store {
    fn visit(
        &self,
        selector: &Selector,
        from_ms: i64,
        until_ms: i64,
        each: &mut dyn FnMut(&Labels, &mut dyn Iterator<Item = Sample>),
    ) {
        for (labels, stored) in self.series.iter().filter(|(labels, _)| selector.matches(labels)) {
            let samples = stored.samples.range(from_ms, until_ms);
            each(labels, &mut samples.map(|(at_ms, value)| Sample { at_ms, value }));
        }
    }
}

impl Wanted {
    fn add(&mut self, expr: &Expr) {
        match expr {
            Expr::Instant(selector) | Expr::Absent(selector) => {
                self.add_selector(selector, LOOK_BACK);
            }
            Expr::Range { selector, range, .. } | Expr::AbsentOverTime { selector, range } => {
                self.add_selector(selector, *range);
            }
            Expr::Aggregate { of, .. } => self.add(of),
            Expr::Calculate { left, right, .. } | Expr::Compare { left, right, .. } => {
                self.add(left);
                if let Operand::Matched { expr, .. } = right {
                    self.add(expr);
                }
            }
            Expr::Combine { left, right, .. } => {
                self.add(left);
                self.add(right);
            }
        }
    }

    fn add_selector(&mut self, selector: &Selector, range: Duration) {
        let keep_ms = i64::try_from(range.max(LOOK_BACK).as_millis()).unwrap_or(i64::MAX);
        self.by_name.entry(selector.name.clone()).or_default().push((selector.clone(), keep_ms));
    }

    /// For how long a series is kept; `None` if nobody asks for it.
    fn keep_ms(&self, labels: &Labels) -> Option<i64> {
        let of_name = self.by_name.get(labels.get(NAME_LABEL))?;
        let asked = of_name.iter().filter(|(selector, _)| selector.matches(labels));
        asked.map(|(_, keep_ms)| *keep_ms).max()
    }
}

fn labels_of<'a>(
    name: &str,
    own: impl IntoIterator<Item = (&'a str, &'a str)>,
    job: Job<'a>,
) -> Labels {
    Labels::of_metric(name, own.into_iter().chain([("job", job.job), ("instance", job.instance)]))
}

#[cfg(test)]
#[path = "store/tests.rs"]
mod tests;
