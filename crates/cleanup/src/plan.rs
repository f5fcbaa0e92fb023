use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use evenkeel_safefs::{Identity, Kind, Metadata};
use serde::{Serialize, Serializer};

use crate::policy::{Action, AgeBy, Policy, Rule};

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
    /// `delete` or `truncate`.
    pub action: &'static str,
    /// What is there to gain.
    pub bytes: u64,
    /// Why it is due.
    pub reason: String,
    #[serde(skip)]
    pub(crate) pin: Identity,
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
    let metadata = entry.metadata;
    if metadata.kind != Kind::File {
        return Verdict::Keep(KeepReason::NotAFile);
    }
    if metadata.access.mode & 0o1000 != 0 {
        return Verdict::Keep(KeepReason::Sticky);
    }
    match policy.draft().rule {
        Rule::OlderThan { age: limit, by } => match age(metadata, by, now) {
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
        Rule::LargerThan { bytes: limit } if limit < entry.bytes => Verdict::Take {
            bytes: match policy.draft().action {
                Action::Delete => entry.bytes,
                Action::Truncate { keep_tail } => entry.bytes.saturating_sub(keep_tail),
            },
            reason: format!("{} bytes, more than {limit}", entry.bytes),
        },
        Rule::LargerThan { .. } => Verdict::Keep(KeepReason::Small),
    }
}

/// Time since the file last changed; `None` if that is after `now`.
fn age(metadata: &Metadata, by: AgeBy, now: SystemTime) -> Option<std::time::Duration> {
    let youngest = match by {
        AgeBy::Mtime => metadata.mtime,
        AgeBy::All => {
            let born = metadata.identity.btime.unwrap_or(metadata.ctime);
            metadata.mtime.max(metadata.ctime).max(born)
        }
    };
    now.duration_since(youngest).ok()
}

/// The path of an entry; of the root itself without a slash at its end.
pub(crate) fn below(root: &Path, relative: &Path) -> PathBuf {
    if relative.as_os_str().is_empty() { root.to_owned() } else { root.join(relative) }
}

#[cfg(test)]
mod tests;
