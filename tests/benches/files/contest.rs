//! Several commands that do the same, in turns: what disturbs the machine disturbs all of them.

use std::ffi::OsString;

use evenkeel_figures::{Figure, quantile};

use crate::measure::{self, Taken};

/// One command of several that do the same.
pub(crate) struct Contender {
    pub(crate) name: String,
    command: Vec<OsString>,
}

/// What a contender took, round by round.
pub(crate) struct Standing {
    pub(crate) name: String,
    files: u64,
    taken: Vec<Taken>,
}

impl Contender {
    pub(crate) fn new<A: Into<OsString>>(
        name: impl Into<String>,
        program: impl Into<OsString>,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        let command = std::iter::once(program.into());
        Self {
            name: name.into(),
            command: command.chain(args.into_iter().map(Into::into)).collect(),
        }
    }
}

/// Runs all of them in each round, beginning with another one each time. `before` each run makes the same tree, `after` it
/// must find the work done.
pub(crate) fn hold(
    contenders: &[Contender],
    files: u64,
    rounds: usize,
    before: impl Fn(),
    after: impl Fn(&str),
) -> Vec<Standing> {
    let standing =
        |contender: &Contender| Standing { name: contender.name.clone(), files, taken: Vec::new() };
    let mut standings: Vec<_> = contenders.iter().map(standing).collect();
    // One round more, to warm up.
    for round in 0..=rounds {
        for turn in 0..contenders.len() {
            let index = (round + turn) % contenders.len();
            let (contender, standing) = (&contenders[index], &mut standings[index]);
            before();
            let taken = measure::run(&contender.command);
            after(&contender.name);
            if round > 0 {
                standing.taken.push(taken);
            }
        }
    }
    standings
}

impl Standing {
    pub(crate) fn median_micros(&self) -> f64 {
        quantile(self.micros(), 0.5)
    }

    fn min_micros(&self) -> f64 {
        quantile(self.micros(), 0.0)
    }

    /// Median over the rounds of how much longer this one took than `other` in the same round.
    pub(crate) fn times(&self, other: &Self) -> f64 {
        let pairs = self.taken.iter().zip(&other.taken);
        quantile(pairs.map(|(this, other)| this.wall.as_secs_f64() / other.wall.as_secs_f64()), 0.5)
    }

    /// As [`Standing::times`], of processor time, in which other programs have little part.
    pub(crate) fn cpu_times(&self, other: &Self) -> f64 {
        let pairs = self.taken.iter().zip(&other.taken);
        quantile(pairs.map(|(this, other)| this.cpu.as_secs_f64() / other.cpu.as_secs_f64()), 0.5)
    }

    /// Median processor time a file.
    pub(crate) fn cpu_micros(&self) -> f64 {
        let cpu = self.taken.iter().map(|taken| taken.cpu.as_secs_f64() * 1e6);
        quantile(cpu, 0.5) / as_float(self.files)
    }

    /// How much of the time of so many processors it got.
    pub(crate) fn share_of(&self, threads: usize) -> f64 {
        let share = |taken: &Taken| taken.cpu.as_secs_f64() / taken.wall.as_secs_f64();
        quantile(self.taken.iter().map(share), 0.5) / as_float(threads as u64)
    }

    /// Distance of the quartiles as a share of the median: the noise of the machine.
    pub(crate) fn spread(&self) -> f64 {
        (quantile(self.micros(), 0.75) - quantile(self.micros(), 0.25)) / self.median_micros()
    }

    pub(crate) fn rss_bytes(&self) -> u64 {
        self.taken.iter().map(|taken| taken.rss_bytes).max().unwrap_or_default()
    }

    /// A row of a table, beside the one that all are compared with.
    pub(crate) fn row(&self, title: &str, ours: &Self) -> Figure {
        Figure::new(title, &*self.name)
            .with("micros_a_file", self.median_micros())
            .with("micros_a_file_min", self.min_micros())
            .with("spread", self.spread())
            .with("cpu_micros_a_file", self.cpu_micros())
            .with("times_ours", self.times(ours))
            .with("cpu_times_ours", self.cpu_times(ours))
            .with("rss_bytes", as_float(self.rss_bytes()))
    }

    fn micros(&self) -> impl Iterator<Item = f64> {
        self.taken.iter().map(|taken| taken.wall.as_secs_f64() * 1e6 / as_float(self.files))
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of files and samples are far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}
