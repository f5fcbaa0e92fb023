use std::path::PathBuf;

use crate::Condition;
use crate::field::SHA256;

/// A file system entry; a symlink is looked at itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileTarget {
    /// Where it is.
    pub path: PathBuf,
    /// Whether its content is read and hashed; off unless a condition judges `sha256`.
    pub hash: bool,
}

/// The file system that a path is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskTarget {
    /// Any path on it.
    pub path: PathBuf,
    /// The facts that conditions judge: one that cannot be told makes the whole unknown.
    pub judged: Vec<String>,
}

impl FileTarget {
    /// The entry at `path`, without its content.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), hash: false }
    }

    pub(crate) fn judged_by(&mut self, conditions: &[Condition]) {
        self.hash |= conditions.iter().any(|condition| condition.field == SHA256);
    }
}

impl DiskTarget {
    /// The file system of `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), judged: Vec::new() }
    }

    pub(crate) fn judged_by(&mut self, conditions: &[Condition]) {
        self.judged.extend(conditions.iter().map(|condition| condition.field.clone()));
    }
}
