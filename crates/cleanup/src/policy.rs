use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use globset::{Glob, GlobSet, GlobSetBuilder};

/// The deepest level below the root that a recursive rule looks at, unless its draft says otherwise.
pub const DEFAULT_MAX_DEPTH: u32 = 64;

/// Room that a truncation needs between what it keeps and what is too large: files are cut in whole blocks.
pub const TRUNCATE_MARGIN_BYTES: u64 = 4096;

/// Which times of a file tell its age.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AgeBy {
    /// The last change of the content alone.
    Mtime,
    /// The youngest of mtime, ctime and birth: a freshly unpacked old archive is young.
    #[default]
    All,
}

/// When a file is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Older than `age`; exactly `age` old is kept.
    OlderThan {
        /// The age.
        age: Duration,
        /// Which times tell it.
        by: AgeBy,
    },
    /// Larger than so many bytes; exactly so large is kept.
    LargerThan {
        /// The size.
        bytes: u64,
    },
}

/// What happens to a file that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is deleted.
    Delete,
    /// Its head is cut off, at the end of a line.
    Truncate {
        /// At most so many bytes at the end stay, and up to one block more.
        keep_tail: u64,
    },
}

impl Action {
    /// The name that metrics and documents use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Truncate { .. } => "truncate",
        }
    }
}

/// A policy as it was written down, unchecked; [`Policy::try_new`] checks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The root: files in this directory.
    pub path: PathBuf,
    /// Globs for names; a file must match one.
    pub matches: Vec<String>,
    /// Names that are left alone; an excluded directory is not entered.
    pub exclude: Vec<String>,
    /// Whether files at every level below the root count.
    pub recursive: bool,
    /// When a file is due.
    pub rule: Rule,
    /// What happens to it.
    pub action: Action,
    /// A run that would take more files refuses.
    pub max_files: Option<u64>,
    /// A run that would take more bytes refuses.
    pub max_bytes: Option<u64>,
    /// Whether a file that a process has open is left alone.
    pub skip_in_use: bool,
    /// Levels below the root beyond which a recursive run fails; `None` means [`DEFAULT_MAX_DEPTH`].
    pub max_depth: Option<u32>,
    /// Whether the root may be `/` or a directory of the system.
    pub allow_system_path: bool,
}

impl Draft {
    /// A draft with nothing but what must be said; `matches` is empty, which [`Policy::try_new`] refuses.
    pub fn new(path: impl Into<PathBuf>, rule: Rule, action: Action) -> Self {
        Self {
            path: path.into(),
            matches: Vec::new(),
            exclude: Vec::new(),
            recursive: false,
            rule,
            action,
            max_files: None,
            max_bytes: None,
            skip_in_use: false,
            max_depth: None,
            allow_system_path: false,
        }
    }
}

/// A setting that cannot be meant, and what would be accepted in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` = `{value}`: {message}; accepted: {accepted}")]
pub struct PolicyError {
    /// The key in the rule, such as `match`.
    pub key: String,
    /// The value that was given.
    pub value: String,
    /// What is wrong with it.
    pub message: String,
    /// What would be right.
    pub accepted: String,
}

/// A checked policy.
#[derive(Debug, Clone)]
pub struct Policy {
    draft: Draft,
    matches: GlobSet,
    exclude: GlobSet,
}

impl Policy {
    /// Checks a draft; fails with the key, the value and what is accepted.
    pub fn try_new(draft: Draft) -> Result<Self, PolicyError> {
        check_path(&draft)?;
        if draft.matches.is_empty() {
            return Err(refuse(
                "match",
                "",
                "a rule without a name would take everything",
                "globs such as `*.log`",
            ));
        }
        let matches = check_globs("match", &draft.matches)?;
        let exclude = check_globs("exclude", &draft.exclude)?;
        match (draft.rule, draft.action) {
            (Rule::OlderThan { age, .. }, _) if age.is_zero() => {
                return Err(refuse(
                    "older_than",
                    "0s",
                    "every file is older",
                    "a duration such as `7d`",
                ));
            }
            (Rule::OlderThan { .. }, Action::Truncate { .. }) => {
                return Err(refuse(
                    "action",
                    "truncate",
                    "shortening a file makes it young, not smaller than a limit",
                    "`delete`, or `larger_than` in place of `older_than`",
                ));
            }
            (Rule::LargerThan { bytes }, Action::Truncate { keep_tail })
                if keep_tail > 0 && bytes.saturating_sub(keep_tail) < TRUNCATE_MARGIN_BYTES =>
            {
                return Err(refuse(
                    "keep_tail",
                    &keep_tail.to_string(),
                    "the file would be too large again at once",
                    &format!("`larger_than` less {TRUNCATE_MARGIN_BYTES} bytes, or less than that"),
                ));
            }
            _ => {}
        }
        for (key, cap) in [("max_files", draft.max_files), ("max_bytes", draft.max_bytes)] {
            if cap == Some(0) {
                return Err(refuse(
                    key,
                    "0",
                    "a run could never take anything",
                    "a number above zero",
                ));
            }
        }
        Ok(Self { draft, matches, exclude })
    }

    /// The root.
    pub fn path(&self) -> &Path {
        &self.draft.path
    }

    /// The draft that was checked.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// What happens to a file that is due.
    pub fn action(&self) -> Action {
        self.draft.action
    }

    pub(crate) fn matches(&self, name: &Path) -> bool {
        self.matches.is_match(name) && !self.exclude.is_match(name)
    }

    pub(crate) fn excludes(&self, name: &Path) -> bool {
        self.exclude.is_match(name)
    }

    pub(crate) fn max_depth(&self) -> u32 {
        self.draft.max_depth.unwrap_or(DEFAULT_MAX_DEPTH)
    }
}

/// Policies are equal if they were drafted alike.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.draft == other.draft
    }
}

fn refuse(key: &str, value: &str, message: &str, accepted: &str) -> PolicyError {
    PolicyError {
        key: key.to_owned(),
        value: value.to_owned(),
        message: message.to_owned(),
        accepted: accepted.to_owned(),
    }
}

fn check_globs(key: &str, globs: &[String]) -> Result<GlobSet, PolicyError> {
    const ACCEPTED: &str = "a glob for one name, such as `*.log`";
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        if glob.is_empty() {
            return Err(refuse(key, glob, "an empty glob matches nothing", ACCEPTED));
        }
        if glob.contains('/') {
            return Err(refuse(
                key,
                glob,
                "a glob is compared with names, which contain no `/`",
                ACCEPTED,
            ));
        }
        set.add(
            Glob::new(glob)
                .map_err(|error| refuse(key, glob, &error.kind().to_string(), ACCEPTED))?,
        );
    }
    set.build().map_err(|error| refuse(key, &globs.join(" "), &error.kind().to_string(), ACCEPTED))
}

fn check_path(draft: &Draft) -> Result<(), PolicyError> {
    let value = evenkeel_safefs::escaped(&draft.path);
    if !draft.path.is_absolute() {
        return Err(refuse("path", &value, "not an absolute path", "a directory from `/` on"));
    }
    if draft.path.components().any(|part| part == Component::ParentDir) {
        return Err(refuse(
            "path",
            &value,
            "`..` means something else after a link",
            "the path written out",
        ));
    }
    if !draft.allow_system_path && evenkeel_safefs::is_system_path(&draft.path) {
        return Err(refuse(
            "path",
            &value,
            "a directory of the system as a whole",
            "a directory of its own below, or `allow_system_path = true`",
        ));
    }
    Ok(())
}
