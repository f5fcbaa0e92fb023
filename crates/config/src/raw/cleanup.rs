use std::path::PathBuf;

use serde::Deserialize;

use crate::value::{Age, Lasting, NameOrNumber, OneOrMany, Share, Size};

/// What may grow how old, how large or how many, and what happens to the rest. Exactly one of `older_than`, `larger_than`,
/// `max_total`, `max_count` and `watermark` says when an entry is due.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cleanup {
    /// The root: an absolute path. Needed. Nothing outside of it is touched; `/` and directories of the system need `allow_system_path`.
    pub(crate) path: Option<PathBuf>,
    /// Globs for the last component of a name; an entry must match one. Needed.
    pub(crate) r#match: Option<OneOrMany<String>>,
    /// Names that are left alone. An excluded directory is not entered; a directory in which an excluded name is stays as a whole.
    pub(crate) exclude: Option<OneOrMany<String>>,
    /// Whether every level below the root counts.
    pub(crate) recursive: Option<bool>,
    /// Whether an entry is a file, or a directory with all that is in it.
    pub(crate) unit: Option<Unit>,
    /// Due is each entry whose age is more; exactly so old stays. `boot`: whose times are all before this boot of the host.
    pub(crate) older_than: Option<Age>,
    /// Due is each entry whose length is more.
    pub(crate) larger_than: Option<Size>,
    /// Due are the oldest, until all that match take no more on the disk.
    pub(crate) max_total: Option<Size>,
    /// Due are the oldest, until no more match.
    pub(crate) max_count: Option<u64>,
    /// Due are the oldest once the filesystem is fuller than `high`, until it is at or below `low`.
    pub(crate) watermark: Option<Watermark>,
    /// Which times tell the age, the youngest of them: `all` is mtime, ctime and birth; else one or some of `mtime`, `ctime`,
    /// `btime`, `atime`.
    #[cfg_attr(test, schemars(extend("examples" = ["all", "mtime", ["mtime", "ctime"]])))]
    pub(crate) age_by: Option<OneOrMany<String>>,
    /// So many of the newest that match are never taken, whatever the trigger; of the whole tree, not of each directory.
    pub(crate) keep_newest: Option<u64>,
    /// What happens to what is due. Needed.
    pub(crate) action: Option<CleanupAction>,
    /// With `truncate`: at most so many bytes at the end stay, cut at the end of a line. Default: 0.
    pub(crate) keep_tail: Option<Size>,
    /// With `trash`: how long it is kept at least. Default: `7d`.
    pub(crate) trash_ttl: Option<Lasting>,
    /// A run that would take more entries takes nothing and says so.
    pub(crate) max_files: Option<u64>,
    /// A run that would take more bytes takes nothing and says so.
    pub(crate) max_bytes: Option<Size>,
    /// A run that would take a larger share of what matches takes nothing and says so.
    pub(crate) max_ratio: Option<Share>,
    /// How many levels deep; a directory beyond is reported, never silently left. Default: 64.
    pub(crate) max_depth: Option<u32>,
    /// Whether an entry that a process has open is left alone.
    pub(crate) skip_in_use: Option<bool>,
    /// The user as whom the work is done: the kernel allows what it allows that user.
    pub(crate) run_as: Option<NameOrNumber>,
    /// Whether the root may be `/` or a directory of the system.
    pub(crate) allow_system_path: Option<bool>,
    /// How often the agent runs the rule.
    pub(crate) interval: Option<Lasting>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    File,
    Directory,
}

/// How full a filesystem may get, and to where it is brought back.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Watermark {
    /// Above this usage the rule begins to take.
    pub(crate) high: Option<Share>,
    /// At or below this usage it stops.
    pub(crate) low: Option<Share>,
    /// What is counted: bytes as `df` does, or inodes as `df -i`. Default: `disk`.
    pub(crate) of: Option<Resource>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Resource {
    Disk,
    Inodes,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum CleanupAction {
    Delete,
    Truncate,
    Trash,
    Compress,
}
