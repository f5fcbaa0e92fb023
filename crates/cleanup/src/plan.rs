//! Which entries are due, and why. Pure.

mod candidate;
mod level;
mod reason;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use evenkeel_safefs::{FilesystemUsage, Identity, Kind, Metadata};
use evenkeel_shown::said::Said;
use serde::{Serialize, Serializer};

use crate::clock::Clock;
use crate::policy::{Action, Policy, Trigger, Unit};

pub(crate) use self::candidate::{Candidate, Link, Look};
use self::level::Tally;
pub use self::level::{Level, Measure};
pub use self::reason::Reason;

/// The owner of a file with this bit asks for it to stay.
const STICKY: u32 = 0o1000;

/// Why an entry stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeepReason {
    /// No glob matches its name, or one excludes it.
    Name,
    /// A directory, link, FIFO, socket or device, and the rule is about files.
    NotAFile,
    /// The rule is about directories, and it is none, or one on which something is mounted.
    NotADirectory,
    /// Not old enough: exactly the age is not, and what the present boot has touched is not from before it.
    Young,
    /// It is dated after now: the clock was set back, and must not make a fresh file look old.
    FutureMtime,
    /// Not larger than the limit.
    Small,
    /// It is one of the newest, of which so many are kept.
    Newest,
    /// All together are within the limit without taking it.
    WithinLimit,
    /// Taking it would gain nothing: it is empty, or has other names that stay.
    FreesNothing,
    /// A process has it, or something in it, open.
    InUse,
    /// Sticky bit set on the file, or on one in the directory: the owner asked for it to stay.
    Sticky,
    /// A directory of root in a place where everyone may make entries.
    RootOwned,
    /// A directory with an excluded name in it.
    HoldsExcluded,
    /// A directory with a socket or a device in it.
    HoldsSpecial,
    /// A directory in which something is mounted.
    HoldsMount,
}

/// One entry that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// `delete`, `truncate`, `trash` or `compress`.
    pub action: &'static str,
    /// Length of what goes; of what is compressed, all of it.
    pub bytes: u64,
    /// Why it is due.
    pub reason: Reason,
    #[serde(skip)]
    pub(crate) pin: Identity,
    /// When it was young last: what became younger since is no longer what was planned.
    #[serde(skip)]
    pub(crate) youngest: SystemTime,
    /// How many names it had.
    #[serde(skip)]
    pub(crate) nlink: u32,
}

/// An entry that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why.
    pub reason: Said,
}

/// What a scan found and would do. Nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The root of the rule.
    #[serde(serialize_with = "path")]
    pub root: PathBuf,
    /// Entries that are due; where a limit decides, the oldest first.
    pub steps: Vec<Step>,
    /// How many entries stay, by reason.
    pub kept: BTreeMap<KeepReason, u64>,
    /// Entries that could not be looked at, such as a directory without the right to read it.
    pub unseen: Vec<Unseen>,
    /// Bytes that the steps would take.
    pub total_bytes: u64,
    /// Names looked at.
    pub scanned: u64,
    /// Entries whose name and kind are meant, whatever becomes of them.
    pub matching: u64,
    /// Where a limit for all decides: what they take up before and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
}

impl Plan {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            steps: Vec::new(),
            kept: BTreeMap::new(),
            unseen: Vec::new(),
            total_bytes: 0,
            scanned: 0,
            matching: 0,
            level: None,
        }
    }

    /// Takes in what another thread has seen; what is due is chosen once all is seen.
    pub(crate) fn add(&mut self, other: Self) {
        self.count_kept(other.kept);
        self.unseen.extend(other.unseen);
        self.scanned += other.scanned;
        self.matching += other.matching;
    }

    pub(crate) fn count_kept(&mut self, kept: BTreeMap<KeepReason, u64>) {
        for (reason, number) in kept {
            *self.kept.entry(reason).or_default() += number;
        }
    }
}

pub(crate) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&evenkeel_safefs::escaped(path))
}

/// What becomes of an entry as far as it alone can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Due(Reason),
    Keep(KeepReason),
    /// That depends on all the others.
    Open,
}

/// What a plan takes, by place among the candidates, and why the others stay.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) taken: Vec<(usize, Reason)>,
    pub(crate) kept: BTreeMap<KeepReason, u64>,
    pub(crate) level: Option<Level>,
}

/// Whether what becomes of an entry depends on the others, so that all must be known first.
pub(crate) fn ranks(policy: &Policy) -> bool {
    policy.draft().trigger.is_level() || policy.draft().keep_newest.is_some()
}

/// Whether several names of one file have to be counted as one.
pub(crate) fn counts_links(policy: &Policy) -> bool {
    matches!(policy.draft().trigger, Trigger::MaxTotal(_) | Trigger::Watermark(_))
}

/// What one entry that matches says of itself, whatever the others are.
pub(crate) fn judge(policy: &Policy, look: &Look, clock: Clock) -> Verdict {
    if let Some(reason) = look.held {
        return Verdict::Keep(reason);
    }
    let by = policy.draft().age_by;
    match policy.draft().trigger {
        // A clock set back must never make a fresh file look old.
        Trigger::OlderThan(_) | Trigger::BeforeBoot if clock.now < look.youngest => {
            Verdict::Keep(KeepReason::FutureMtime)
        }
        Trigger::OlderThan(limit) => match clock.now.duration_since(look.youngest) {
            Ok(age) if limit < age => Verdict::Due(Reason::Old { age, limit, by }),
            _ => Verdict::Keep(KeepReason::Young),
        },
        Trigger::BeforeBoot => match before_boot(look.youngest, clock) {
            Some(before) => Verdict::Due(Reason::BeforeBoot { before, by }),
            None => Verdict::Keep(KeepReason::Young),
        },
        Trigger::LargerThan(limit) if limit < look.bytes => {
            Verdict::Due(Reason::Large { bytes: look.bytes, limit })
        }
        Trigger::LargerThan(_) => Verdict::Keep(KeepReason::Small),
        Trigger::MaxTotal(_) | Trigger::MaxCount(_) | Trigger::Watermark(_) => Verdict::Open,
    }
}

/// Decides which of the candidates go. Where age or a limit for all decides, they are put in order, the oldest first.
pub(crate) fn choose(
    policy: &Policy,
    candidates: &mut [Candidate],
    filesystem: FilesystemUsage,
    clock: Clock,
) -> Choice {
    if ranks(policy) {
        // Oldest first: if the run is cut short, what stays is what is likeliest still wanted.
        candidates.sort_unstable_by(|one, other| one.rank().cmp(&other.rank()));
    }
    let newest = usize::try_from(policy.draft().keep_newest.unwrap_or(0)).unwrap_or(usize::MAX);
    let (old, protected) = candidates.split_at(candidates.len().saturating_sub(newest));
    let mut tally = Tally::new(policy.draft().trigger, old, protected, filesystem);
    let mut kept = BTreeMap::new();
    let mut keep = |reason| *kept.entry(reason).or_default() += 1;
    let mut taken = Vec::new();
    for (index, candidate) in old.iter().enumerate() {
        match (judge(policy, &candidate.look, clock), &mut tally) {
            (Verdict::Due(reason), _) => taken.push((index, reason)),
            (Verdict::Keep(reason), _) => keep(reason),
            (Verdict::Open, Some(tally)) if tally.is_over() => {
                match tally.take(candidate, clock.now) {
                    Some(reason) => taken.push((index, reason)),
                    None => keep(KeepReason::FreesNothing),
                }
            }
            (Verdict::Open, _) => keep(KeepReason::WithinLimit),
        }
    }
    for candidate in protected {
        // What would stay anyhow is not kept for being new.
        match judge(policy, &candidate.look, clock) {
            Verdict::Keep(reason) => keep(reason),
            Verdict::Due(_) | Verdict::Open => keep(KeepReason::Newest),
        }
    }
    Choice { taken, kept, level: tally.map(Tally::into_level) }
}

/// The steps that a choice means.
pub(crate) fn steps(
    policy: &Policy,
    candidates: Vec<Candidate>,
    choice: Vec<(usize, Reason)>,
) -> Vec<Step> {
    let action = policy.draft().action;
    let mut choice = choice.into_iter().peekable();
    let taken = candidates.into_iter().enumerate().filter_map(|(index, candidate)| {
        let (_, reason) = choice.next_if(|(taken, _)| *taken == index)?;
        let bytes = match action {
            Action::Truncate { keep_tail } => candidate.look.bytes.saturating_sub(keep_tail),
            Action::Delete | Action::Trash { .. } | Action::Compress => candidate.look.bytes,
        };
        Some(Step {
            path: candidate.path,
            action: action.as_str(),
            bytes,
            reason,
            pin: candidate.pin,
            youngest: candidate.look.youngest,
            nlink: candidate.nlink,
        })
    });
    taken.collect()
}

/// How long before the boot that was; `None` if it was not, or if the boot is not known.
fn before_boot(youngest: SystemTime, clock: Clock) -> Option<Duration> {
    clock.boot?.duration_since(youngest).ok().filter(|before| !before.is_zero())
}

/// Whether a file asks to be kept.
pub(crate) fn is_sticky(metadata: &Metadata) -> bool {
    metadata.kind == Kind::File && metadata.access.mode & STICKY != 0
}

/// Whether everyone may make entries there, and only the owner of one may take it away.
pub(crate) fn is_shared(directory: &Metadata) -> bool {
    directory.access.mode & STICKY != 0
}

/// Whether what was planned is still due if it looks so now; of a directory each thing in it is asked for.
///
/// By age it must still be old enough, by size still large enough. Where the oldest go, it must not have become younger.
pub(crate) fn is_due(policy: &Policy, step: &Step, metadata: &Metadata, clock: Clock) -> bool {
    let draft = policy.draft();
    if is_sticky(metadata) {
        return false;
    }
    // Taking one name of a file sets the ctime of the others.
    let lost_a_name = metadata.kind == Kind::File && metadata.nlink < step.nlink;
    let youngest = if lost_a_name {
        draft.age_by.youngest_but_ctime(metadata)
    } else {
        draft.age_by.youngest(metadata)
    };
    match draft.trigger {
        Trigger::OlderThan(limit) => {
            clock.now.duration_since(youngest).is_ok_and(|age| limit < age)
        }
        Trigger::BeforeBoot => youngest <= clock.now && before_boot(youngest, clock).is_some(),
        Trigger::LargerThan(limit) if draft.unit == Unit::File => limit < metadata.size,
        Trigger::LargerThan(_)
        | Trigger::MaxTotal(_)
        | Trigger::MaxCount(_)
        | Trigger::Watermark(_) => youngest <= step.youngest,
    }
}

/// The path of an entry; of the root itself without a slash at its end.
pub(crate) fn below(root: &Path, relative: &Path) -> PathBuf {
    if relative.as_os_str().is_empty() { root.to_owned() } else { root.join(relative) }
}

#[cfg(test)]
mod tests;
