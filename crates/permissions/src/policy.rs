use std::fmt;
use std::path::{Component, Path, PathBuf};

use globset::{Glob, GlobMatcher, GlobSet, GlobSetBuilder};
use serde::Serialize;

/// The deepest level below the root that a recursive rule looks at, unless its draft says otherwise.
pub const DEFAULT_MAX_DEPTH: u32 = 64;

/// A user or group, by name or number; looked up at each run, so that a user made later is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Principal {
    /// As `/etc/passwd` or `/etc/group` names it.
    Name(String),
    /// As the kernel numbers it.
    Id(u32),
}

/// What files of a name must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRule {
    /// Glob for the last component of the name, such as `*.hash`.
    pub glob: String,
    /// The twelve bits `07777`.
    pub mode: u32,
}

/// A policy as it was written down, unchecked; [`Policy::try_new`] checks it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// The root: the directory itself, and what is in it.
    pub path: PathBuf,
    /// Whether a missing root is made.
    pub create: bool,
    /// Owner of the root, of subdirectories if `recursive`, and of the files that `files` matches.
    pub owner: Option<Principal>,
    /// Group of the same.
    pub group: Option<Principal>,
    /// Mode of the root, and of subdirectories if `recursive`.
    pub directory_mode: Option<u32>,
    /// Modes of files by name; the first that matches counts, a file that none matches is left alone.
    pub files: Vec<FileRule>,
    /// Names that are left alone; an excluded directory is not entered.
    pub exclude: Vec<String>,
    /// Whether the rule holds at every level below the root.
    pub recursive: bool,
    /// Owners, besides `owner`, whose files may be changed. Without `owner` that is the owner of the root.
    ///
    /// A file of root in a directory of another user is not to be opened to that user by a rule about names.
    pub adopt: Vec<Principal>,
    /// Levels below the root beyond which a recursive run fails; `None` means [`DEFAULT_MAX_DEPTH`].
    pub max_depth: Option<u32>,
    /// Whether the root may be `/` or a directory of the system.
    pub allow_system_path: bool,
}

/// A setting that cannot be meant, and what would be accepted in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` = `{value}`: {message}; accepted: {accepted}")]
pub struct PolicyError {
    /// The key in the rule, such as `files.match`.
    pub key: String,
    /// The value that was given.
    pub value: String,
    /// What is wrong with it.
    pub message: String,
    /// What would be right.
    pub accepted: String,
}

/// A checked policy: it can do its work, if the host lets it.
#[derive(Debug, Clone)]
pub struct Policy {
    draft: Draft,
    files: Vec<(GlobMatcher, u32)>,
    exclude: GlobSet,
}

impl Policy {
    /// Checks a draft; fails with the key, the value and what is accepted.
    pub fn try_new(draft: Draft) -> Result<Self, PolicyError> {
        check_path(&draft)?;
        if let Some(mode) = draft.directory_mode {
            check_mode("directory_mode", mode)?;
        }
        let mut files = Vec::with_capacity(draft.files.len());
        for rule in &draft.files {
            check_mode("files.mode", rule.mode)?;
            files.push((check_glob("files.match", &rule.glob)?.compile_matcher(), rule.mode));
        }
        let mut exclude = GlobSetBuilder::new();
        for glob in &draft.exclude {
            exclude.add(check_glob("exclude", glob)?);
        }
        let exclude = exclude
            .build()
            .map_err(|error| glob_error("exclude", &draft.exclude.join(" "), &error))?;
        for (key, principal) in [("owner", &draft.owner), ("group", &draft.group)] {
            principal.iter().try_for_each(|principal| check_principal(key, principal))?;
        }
        draft.adopt.iter().try_for_each(|principal| check_principal("adopt", principal))?;
        let policy = Self { draft, files, exclude };
        policy.check_work()?;
        Ok(policy)
    }

    /// A policy that says nothing would report for ever that all is well.
    fn check_work(&self) -> Result<(), PolicyError> {
        let Draft { create, owner, group, directory_mode, files, .. } = &self.draft;
        if *create
            || owner.is_some()
            || group.is_some()
            || directory_mode.is_some()
            || !files.is_empty()
        {
            return Ok(());
        }
        Err(PolicyError {
            key: "path".to_owned(),
            value: evenkeel_safefs::escaped(&self.draft.path),
            message: "the rule asks for nothing".to_owned(),
            accepted: "at least one of `create`, `owner`, `group`, `directory_mode`, `files`"
                .to_owned(),
        })
    }

    /// The root.
    pub fn path(&self) -> &Path {
        &self.draft.path
    }

    /// The draft that was checked.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// The mode that the first matching rule gives to a file of this name.
    pub(crate) fn file_mode(&self, name: &Path) -> Option<u32> {
        self.files.iter().find(|(glob, _)| glob.is_match(name)).map(|(_, mode)| *mode)
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

impl fmt::Display for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Id(id) => write!(formatter, "{id}"),
        }
    }
}

/// Digits are a number, anything else a name.
impl From<&str> for Principal {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }
}

fn check_mode(key: &str, mode: u32) -> Result<(), PolicyError> {
    if mode <= 0o7777 {
        Ok(())
    } else {
        Err(mode_error(key, &format!("{mode:#o}"), "larger than twelve bits"))
    }
}

fn mode_error(key: &str, value: &str, message: &str) -> PolicyError {
    PolicyError {
        key: key.to_owned(),
        value: value.to_owned(),
        message: message.to_owned(),
        accepted: "octal digits from `000` to `07777`, such as `0644`".to_owned(),
    }
}

fn check_glob(key: &str, glob: &str) -> Result<Glob, PolicyError> {
    let refuse = |message: &str| PolicyError {
        key: key.to_owned(),
        value: glob.to_owned(),
        message: message.to_owned(),
        accepted: "a glob for one name, such as `*.hash`".to_owned(),
    };
    if glob.is_empty() {
        return Err(refuse("an empty glob matches nothing"));
    }
    if glob.contains('/') {
        return Err(refuse("a glob is compared with names, which contain no `/`"));
    }
    Glob::new(glob).map_err(|error| glob_error(key, glob, &error))
}

fn glob_error(key: &str, glob: &str, error: &globset::Error) -> PolicyError {
    PolicyError {
        key: key.to_owned(),
        value: glob.to_owned(),
        message: error.kind().to_string(),
        accepted: "a glob for one name, such as `*.hash`".to_owned(),
    }
}

fn check_principal(key: &str, principal: &Principal) -> Result<(), PolicyError> {
    let wrong = match principal {
        Principal::Name(name) => name.is_empty() || name.contains([':', '/', '\0', '\n']),
        // chown(2) reads the largest number as "leave it".
        Principal::Id(id) => *id == u32::MAX,
    };
    if !wrong {
        return Ok(());
    }
    Err(PolicyError {
        key: key.to_owned(),
        value: principal.to_string(),
        message: "not a name or number of a user or group".to_owned(),
        accepted: "a name such as `supervisor`, or a number such as `1000`".to_owned(),
    })
}

fn check_path(draft: &Draft) -> Result<(), PolicyError> {
    let refuse = |message: &str, accepted: &str| PolicyError {
        key: "path".to_owned(),
        value: evenkeel_safefs::escaped(&draft.path),
        message: message.to_owned(),
        accepted: accepted.to_owned(),
    };
    if !draft.path.is_absolute() {
        return Err(refuse("not an absolute path", "a directory from `/` on"));
    }
    if draft.path.components().any(|part| part == Component::ParentDir) {
        return Err(refuse("`..` means something else after a link", "the path written out"));
    }
    if !draft.allow_system_path && evenkeel_safefs::is_system_path(&draft.path) {
        return Err(refuse(
            "a directory of the system as a whole",
            "a directory of its own below, or `allow_system_path = true`",
        ));
    }
    Ok(())
}
