use std::io;

use evenkeel_shown::said::{ProcessCode as Code, Said};
use rustix::io::Errno;

/// Why a process or a cgroup could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookError {
    /// It does not run, or ended while it was looked at.
    #[error("{what} is gone")]
    Gone {
        /// The process or the cgroup.
        what: String,
    },
    /// The kernel does not let the caller look.
    #[error("not permitted to look at {what}")]
    Denied {
        /// The process, or its file.
        what: String,
    },
    /// The kernel says something that its manual does not.
    #[error("{what} does not have the form of proc(5)")]
    Form {
        /// The file.
        what: String,
    },
    /// It failed in another way.
    #[error("cannot look at {what}")]
    Io {
        /// The process, or its file.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

impl LookError {
    pub(crate) fn of(what: impl Into<String>, errno: Errno) -> Self {
        let what = what.into();
        match errno {
            // `ESRCH` is how the kernel says that a process ended between opening its file and reading it, `ENODEV` the
            // same of a cgroup.
            Errno::NOENT | Errno::SRCH | Errno::NODEV => Self::Gone { what },
            Errno::ACCESS | Errno::PERM => Self::Denied { what },
            errno => Self::Io { what, source: errno.into() },
        }
    }

    pub(crate) fn form(what: impl Into<String>) -> Self {
        Self::Form { what: what.into() }
    }

    /// The error and what the system says of it, as a value.
    pub fn said(&self) -> Said {
        let code = match self {
            Self::Gone { what } => Code::Gone { what: what.clone() },
            Self::Denied { what } => Code::Denied { what: what.clone() },
            Self::Form { what } => Code::Form { what: what.clone() },
            Self::Io { what, .. } => Code::CannotLook { what: what.clone() },
        };
        Said::with_source(self, code)
    }

    /// Whether what was looked at is not there, or not any more.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }

    /// Whether the caller lacks the right to look.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied { .. })
    }
}
