use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use evenkeel_safefs::{Identity, Kind, Metadata};
use serde::{Serialize, Serializer};

use crate::policy::{Action, Policy, Trigger, Unit};

/// The owner of a file with this bit asks for it to stay.
const STICKY: u32 = 0o1000;

/// Why a file stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeepReason {
    /// No glob matches its name, or one excludes it.
    Name,
    /// A directory, link, FIFO, socket or device.
    NotAFile,
    /// Not old enough; exactly the age is not old enough.
    Young,
    /// It is dated after now: the clock was set back, and must not make a fresh file look old.
    FutureMtime,
    /// Not larger than the limit.
    Small,
    /// A process has it open.
    InUse,
    /// Sticky bit set: the owner asked for it to stay.
    Sticky,
}

/// One file that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The file.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// `delete`, `truncate`, `trash` or `compress`.
    pub action: &'static str,
    /// What is there to gain.
    pub bytes: u64,
    /// Why it is due.
    pub reason: String,
    #[serde(skip)]
    pub(crate) pin: Identity,
    /// When it was young last: what became younger since is no longer what was planned.
    #[serde(skip)]
    pub(crate) youngest: SystemTime,
}

/// An entry that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// What a scan found and would do. Nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The root of the rule.
    #[serde(serialize_with = "path")]
    pub root: PathBuf,
    /// Files that are due.
    pub steps: Vec<Step>,
    /// How many entries stay, by reason.
    pub kept: BTreeMap<KeepReason, u64>,
    /// Entries that could not be looked at, such as a directory without the right to read it.
    pub unseen: Vec<Unseen>,
    /// Bytes that the steps would gain.
    pub total_bytes: u64,
    /// Entries looked at.
    pub scanned: u64,
}

pub(crate) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&evenkeel_safefs::escaped(path))
}

/// One entry as a plan sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// How it looks.
    pub(crate) metadata: &'a Metadata,
    /// Its length without a hole at its head.
    pub(crate) bytes: u64,
}

/// What becomes of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Take { bytes: u64, reason: String },
    Keep(KeepReason),
}

/// Decides the fate of one entry whose name matches. Reads nothing, changes nothing.
pub(crate) fn plan_entry(policy: &Policy, entry: &Entry<'_>, now: SystemTime) -> Verdict {
    let (metadata, age_by) = (entry.metadata, policy.draft().age_by);
    if metadata.kind != Kind::File {
        return Verdict::Keep(KeepReason::NotAFile);
    }
    if metadata.access.mode & STICKY != 0 {
        return Verdict::Keep(KeepReason::Sticky);
    }
    match policy.draft().trigger {
        Trigger::OlderThan(limit) => match now.duration_since(age_by.youngest(metadata)).ok() {
            Some(age) if limit < age => Verdict::Take {
                bytes: metadata.size,
                reason: format!(
                    "{} old, more than {}",
                    humantime::format_duration(std::time::Duration::from_secs(age.as_secs())),
                    humantime::format_duration(limit)
                ),
            },
            Some(_) => Verdict::Keep(KeepReason::Young),
            // A clock set back must never make a fresh file look old.
            None => Verdict::Keep(KeepReason::FutureMtime),
        },
        Trigger::LargerThan(limit) if limit < entry.bytes => Verdict::Take {
            bytes: match policy.draft().action {
                Action::Truncate { keep_tail } => entry.bytes.saturating_sub(keep_tail),
                Action::Delete | Action::Trash { .. } | Action::Compress => entry.bytes,
            },
            reason: format!("{} bytes, more than {limit}", entry.bytes),
        },
        Trigger::LargerThan(_) => Verdict::Keep(KeepReason::Small),
        // A scan refuses these for now.
        Trigger::MaxTotal(_) | Trigger::MaxCount(_) | Trigger::Watermark(_) => {
            Verdict::Keep(KeepReason::Small)
        }
    }
}

/// Whether what was planned is still due if it looks so now; of a directory each thing in it is asked for.
///
/// By age it must still be old enough, by size still large enough. Where the oldest go, it must not have become younger.
pub(crate) fn is_due(policy: &Policy, step: &Step, metadata: &Metadata, now: SystemTime) -> bool {
    let draft = policy.draft();
    if metadata.kind == Kind::File && metadata.access.mode & STICKY != 0 {
        return false;
    }
    let youngest = draft.age_by.youngest(metadata);
    match draft.trigger {
        Trigger::OlderThan(limit) => now.duration_since(youngest).is_ok_and(|age| limit < age),
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
