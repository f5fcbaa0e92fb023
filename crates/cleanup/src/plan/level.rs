use std::collections::HashMap;
use std::fmt;
use std::time::SystemTime;

use evenkeel_safefs::FilesystemUsage;
pub use evenkeel_shown::said::Measure;
use evenkeel_shown::said::{CleanupCode, Said};
use serde::Serialize;

use super::candidate::{Candidate, Link};
use super::reason::{Reason, age};
use crate::policy::{Resource, Share, Trigger, Watermark};

/// How a limit for all is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Level {
    /// What is measured.
    pub measure: Measure,
    /// What there is.
    pub before: u64,
    /// What would be left by this reckoning.
    pub after: u64,
    /// Only above this a run takes something.
    pub start: u64,
    /// It then goes on until no more than this is left.
    pub stop: u64,
}

impl Level {
    /// That the limit of `trigger` is not met, as a value.
    pub fn said(&self, trigger: &str) -> Said {
        let Self { measure, before, after, stop, .. } = *self;
        let text = format!("{trigger}: {self}");
        let trigger = trigger.to_owned();
        Said::new(text, CleanupCode::OverLimit { trigger, of: measure, before, after, limit: stop })
    }

    /// Whether all is within the limit, if need be after the plan; if not, nothing more may be taken.
    pub fn is_met(&self) -> bool {
        self.before <= self.start || self.after <= self.stop
    }
}

/// In plain numbers; how people like them best is left to who shows them.
impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { measure, before, after, start, stop } = *self;
        let what = measure.what();
        if before <= start {
            return write!(formatter, "{before} {what}, within {start}");
        }
        write!(formatter, "{before} {what}, {after} after that, limit {stop}")?;
        if self.is_met() { Ok(()) } else { formatter.write_str("; nothing more may be taken") }
    }
}

/// What all entries together take up, and how that falls as they go.
#[derive(Debug)]
pub(super) struct Tally {
    trigger: Trigger,
    level: Level,
    whole: u64,
    files: HashMap<(u64, u64), File>,
}

/// A file of several names.
#[derive(Debug, Default)]
struct File {
    /// So many names have to go before it is gone.
    needed: u64,
    /// So many of its names can go at most.
    takeable: u64,
    gone: u64,
}

impl Tally {
    /// `None` if no limit for all decides. Candidates in `protected` count and never go.
    pub(super) fn new(
        trigger: Trigger,
        old: &[Candidate],
        protected: &[Candidate],
        filesystem: FilesystemUsage,
    ) -> Option<Self> {
        if !trigger.is_level() {
            return None;
        }
        let all = || old.iter().chain(protected);
        let mut files: HashMap<_, File> = HashMap::new();
        let mut linked_bytes = 0_u64;
        for link in all().flat_map(|candidate| &candidate.links) {
            let file = files.entry(link.file).or_default();
            if file.needed == 0 {
                linked_bytes = linked_bytes.saturating_add(link.allocated);
            }
            file.needed = match trigger {
                // A name elsewhere keeps the space, but not what the rule is about.
                Trigger::MaxTotal(_) => file.needed + link.names,
                _ => link.nlink,
            };
        }
        for candidate in old.iter().filter(|candidate| candidate.look.held.is_none()) {
            for link in &candidate.links {
                files.entry(link.file).or_default().takeable += link.names;
            }
        }
        let (measure, before, whole, start, stop) = match trigger {
            Trigger::OlderThan(_) | Trigger::BeforeBoot | Trigger::LargerThan(_) => return None,
            Trigger::MaxTotal(limit) => {
                let single = all().map(|candidate| candidate.allocated);
                let total = single.fold(linked_bytes, u64::saturating_add);
                (Measure::Bytes, total, total, limit, limit)
            }
            Trigger::MaxCount(limit) => {
                let count = (old.len() + protected.len()) as u64;
                (Measure::Entries, count, count, limit, limit)
            }
            Trigger::Watermark(Watermark { high, low, of }) => {
                let FilesystemUsage { used_bytes, available_bytes, used_inodes, available_inodes } =
                    filesystem;
                let (measure, used, available) = match of {
                    Resource::Disk => (Measure::DiskBytes, used_bytes, available_bytes),
                    Resource::Inodes => (Measure::Inodes, used_inodes, available_inodes),
                };
                let whole = used.saturating_add(available);
                (measure, used, whole, high.of(whole), low.of(whole))
            }
        };
        let level = Level { measure, before, after: before, start, stop };
        Some(Self { trigger, level, whole, files })
    }

    /// Whether the oldest that is left has to go.
    pub(super) fn is_over(&self) -> bool {
        self.level.before > self.level.start && self.level.after > self.level.stop
    }

    /// Reckons with the entry being gone; says why it goes, or `None` if it would be taken for nothing.
    pub(super) fn take(&mut self, candidate: &Candidate, now: SystemTime) -> Option<Reason> {
        let own = match self.level.measure {
            Measure::Entries => 1,
            Measure::Bytes | Measure::DiskBytes => candidate.allocated,
            Measure::Inodes => candidate.inodes,
        };
        let helps = |link: &Link| {
            let weight = self.weight(link);
            let file = self.files.get(&link.file);
            weight > 0 && file.is_some_and(|file| file.takeable >= file.needed)
        };
        if own == 0 && !candidate.links.iter().any(helps) {
            return None;
        }
        let mut gain = own;
        for link in &candidate.links {
            let weight = self.weight(link);
            if let Some(file) = self.files.get_mut(&link.file) {
                file.gone += link.names;
                if file.gone >= file.needed {
                    gain = gain.saturating_add(weight);
                }
            }
        }
        self.level.after = self.level.after.saturating_sub(gain);
        Some(self.reason(gain, candidate.look.youngest, now))
    }

    pub(super) fn into_level(self) -> Level {
        self.level
    }

    fn weight(&self, link: &Link) -> u64 {
        match self.level.measure {
            Measure::Entries => 0,
            Measure::Inodes => 1,
            Measure::Bytes | Measure::DiskBytes => link.allocated,
        }
    }

    fn reason(&self, gain: u64, youngest: SystemTime, now: SystemTime) -> Reason {
        let (before, limit, age) = (self.level.before, self.level.stop, age(youngest, now));
        match self.trigger {
            Trigger::MaxCount(_) => Reason::Many { count: before, limit, age },
            Trigger::Watermark(mark) => {
                Reason::Full { usage: Share::nearest(before, self.whole), mark, gain, age }
            }
            Trigger::MaxTotal(_)
            | Trigger::OlderThan(_)
            | Trigger::BeforeBoot
            | Trigger::LargerThan(_) => {
                Reason::Total { total: before, limit, allocated: gain, age }
            }
        }
    }
}
