use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The state directory, or the history in it, cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The state directory does not exist and cannot be made.
    #[error("cannot create the state directory `{}`", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// Why, with the number of the error.
        #[source]
        source: io::Error,
    },
    /// The state directory, or a file in it, cannot be opened or written.
    #[error("cannot use the state directory: cannot {doing} `{}`", path.display())]
    Use {
        /// What was tried.
        doing: &'static str,
        /// The directory or file.
        path: PathBuf,
        /// Why, with the number of the error.
        #[source]
        source: io::Error,
    },
    /// Others than its owner may change what is in the state directory, so that nothing in it can be relied on.
    #[error("the state directory `{}` is not safe: {reason}; accepted is a directory of our own that others cannot write, as 0700", path.display())]
    Exposed {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another agent works on the same state directory.
    #[error("the state directory `{}` is in use by another agent{}", path.display(), process(*.pid))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The other agent's process, if it could be told.
        pid: Option<u32>,
    },
    /// There is no history there. Only a [`Reader`](crate::Reader) says so; a journal is made where there is none.
    #[error("there is no history in `{}`", path.display())]
    Missing {
        /// The file that is not there.
        path: PathBuf,
    },
    /// The history was written by a newer evenkeel. Only a [`Reader`](crate::Reader) says so; a journal moves it aside.
    #[error("`{}` has schema version {found}; this evenkeel knows versions up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// `SQLite` cannot open or set up the file.
    #[error("cannot open the history `{}`", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

/// A write to the history, or a read from it, that failed. Nothing of it was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// `SQLite` refused: the disk is full, the file is damaged, it is locked.
    #[error("cannot {doing}")]
    Sqlite {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// Something that must be on the disk at once was to be written among what need not be.
    #[error(
        "cannot {doing}: it must be on the disk at once, and what it is written with need not be"
    )]
    NotDurable {
        /// What was tried.
        doing: &'static str,
    },
    /// A value that was read is not what the schema says.
    #[error("cannot {doing}: `{value}` in the history is not {expected}")]
    Value {
        /// What was tried.
        doing: &'static str,
        /// The value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

impl JournalError {
    /// Whether the same write may succeed later, as once a disk has room again: it was not refused for what it is.
    pub fn may_pass(&self) -> bool {
        use rusqlite::ErrorCode::{
            CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed,
            OutOfMemory, ReadOnly, SystemIoFailure,
        };
        let Self::Sqlite { source, .. } = self else { return false };
        matches!(
            source.sqlite_error_code(),
            Some(
                CannotOpen
                    | DatabaseBusy
                    | DatabaseLocked
                    | DiskFull
                    | FileLockingProtocolFailed
                    | OutOfMemory
                    | ReadOnly
                    | SystemIoFailure
            )
        )
    }
}

/// History that could not be used and was moved aside. Charges and intents in it are lost: whoever opened the journal must
/// only observe for one budget period, and alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was wrong with it.
    pub reason: String,
    /// The file as it was named.
    pub file: PathBuf,
    /// Where it is now; companions of `SQLite` (`-wal`, `-shm`) have the same name with their endings.
    pub moved_to: PathBuf,
    /// When it was found.
    pub at: Timestamp,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { reason, file, moved_to, .. } = self;
        write!(
            formatter,
            "the history `{}` {reason}; it was moved to `{}`",
            file.display(),
            moved_to.display()
        )
    }
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(", process {pid}")).unwrap_or_default()
}
