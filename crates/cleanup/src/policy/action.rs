use std::time::Duration;

use super::{PolicyError, refuse};

/// How long what was moved to the trash stays there, unless a rule says otherwise: a week.
pub const DEFAULT_TRASH_TTL: Duration = Duration::from_hours(7 * 24);

/// What one entry is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A regular file.
    #[default]
    File,
    /// A directory with all that is in it: as young as the youngest thing in it, as large as all of them together.
    Directory,
}

impl Unit {
    /// The name that settings use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
        }
    }
}

/// What happens to an entry that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It is deleted.
    Delete,
    /// Its head is cut off, at the end of a line.
    Truncate {
        /// At most so many bytes at the end stay, and up to one block more.
        keep_tail: u64,
    },
    /// It is moved to the private directory below the root, from where it can be brought back.
    Trash {
        /// How long it stays there at least.
        ttl: Duration,
    },
    /// It is replaced by `NAME.gz` with the same mode, owner and times.
    Compress,
}

/// An action without its own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActionKind {
    /// [`Action::Delete`].
    Delete,
    /// [`Action::Truncate`].
    Truncate,
    /// [`Action::Trash`].
    Trash,
    /// [`Action::Compress`].
    Compress,
}

impl ActionKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Delete, Self::Truncate, Self::Trash, Self::Compress];

    /// The name that settings, metrics and documents use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Truncate => "truncate",
            Self::Trash => "trash",
            Self::Compress => "compress",
        }
    }
}

impl Action {
    /// An action from what was written down; fails if a setting belongs to another action.
    pub fn try_new(
        kind: ActionKind,
        keep_tail: Option<u64>,
        trash_ttl: Option<Duration>,
    ) -> Result<Self, PolicyError> {
        let with = |action: &str| format!("only with `action = \"{action}\"`");
        if let Some(bytes) = keep_tail.filter(|_| kind != ActionKind::Truncate) {
            let message = format!("`{}` leaves no tail", kind.as_str());
            return Err(refuse("keep_tail", &bytes.to_string(), &message, &with("truncate")));
        }
        if let Some(ttl) = trash_ttl.filter(|_| kind != ActionKind::Trash) {
            let ttl = humantime::format_duration(ttl).to_string();
            let message = format!("`{}` puts nothing in the trash", kind.as_str());
            return Err(refuse("trash_ttl", &ttl, &message, &with("trash")));
        }
        Ok(match kind {
            ActionKind::Delete => Self::Delete,
            ActionKind::Truncate => Self::Truncate { keep_tail: keep_tail.unwrap_or(0) },
            ActionKind::Trash => Self::Trash { ttl: trash_ttl.unwrap_or(DEFAULT_TRASH_TTL) },
            ActionKind::Compress => Self::Compress,
        })
    }

    /// Which one it is.
    pub fn kind(self) -> ActionKind {
        match self {
            Self::Delete => ActionKind::Delete,
            Self::Truncate { .. } => ActionKind::Truncate,
            Self::Trash { .. } => ActionKind::Trash,
            Self::Compress => ActionKind::Compress,
        }
    }

    /// The name that settings, metrics and documents use.
    pub fn as_str(self) -> &'static str {
        self.kind().as_str()
    }
}
