use std::path::PathBuf;

use serde::Deserialize;

use crate::value::{Lasting, Mode, NameOrNumber, OneOrMany};

/// How a directory and what is in it must look.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Permissions {
    /// The root: an absolute path. Needed. Nothing outside of it is touched; `/` and directories of the system need `allow_system_path`.
    pub(crate) path: Option<PathBuf>,
    /// Whether a missing root is made, with owner and mode at once; the directory above must be there.
    pub(crate) create: Option<bool>,
    /// Who must own the root, subdirectories if `recursive`, and files that `files` matches. Not looked at unless given.
    pub(crate) owner: Option<NameOrNumber>,
    /// Whose group they must have. Not looked at unless given.
    pub(crate) group: Option<NameOrNumber>,
    /// The mode of the root, and of subdirectories if `recursive`. Not looked at unless given.
    pub(crate) directory_mode: Option<Mode>,
    /// The modes of files by their names; the first that matches counts, others are left alone.
    pub(crate) files: Option<Vec<FileRule>>,
    /// Globs of names that are left alone; an excluded directory is not entered.
    pub(crate) exclude: Option<OneOrMany<String>>,
    /// Whether every level below the root counts.
    pub(crate) recursive: Option<bool>,
    /// Owners, besides `owner`, whose files may be changed. Without `owner` that is the owner of the root.
    pub(crate) adopt_from: Option<OneOrMany<NameOrNumber>>,
    /// Access control lists: `report` tells of entries that have one; a list of entries is what they must have and no others; an empty list
    /// is none at all. Not looked at unless given.
    #[cfg_attr(test, schemars(extend("examples" = ["report", ["user:alice:r-X"]])))]
    pub(crate) acl: Option<OneOrMany<String>>,
    /// The default list of each directory, so that new entries are born right.
    #[cfg_attr(test, schemars(extend("examples" = [["group:ops:rwX"]])))]
    pub(crate) default_acl: Option<OneOrMany<String>>,
    /// The user as whom the work is done; only what takes another owner, and making the root, is done by the agent's own.
    pub(crate) run_as: Option<NameOrNumber>,
    /// How many levels deep; a directory beyond is reported, never silently left. Default: 64.
    pub(crate) max_depth: Option<u32>,
    /// Whether the root may be `/` or a directory of the system.
    pub(crate) allow_system_path: Option<bool>,
    /// Whether the kernel's events are listened to, so that drift is repaired as it happens.
    pub(crate) watch: Option<bool>,
    /// How often everything is looked at, with or without events.
    pub(crate) interval: Option<Lasting>,
}

/// The mode of files with such names.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FileRule {
    /// A glob for the last component of a name. Needed.
    pub(crate) r#match: Option<String>,
    /// Their mode. Needed.
    pub(crate) mode: Option<Mode>,
}
