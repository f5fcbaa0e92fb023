//! What is wrong with an entry or a root, as values.

use evenkeel_shown::chain;
use evenkeel_shown::said::{Access as Shown, EntryKind, FilesCode as Code, Said};

use crate::metadata::{Access, Kind};
use crate::name::escaped;
use crate::object::{ActError, Refusal};
use crate::openers::WrittenBy;
use crate::private::TakeError;
use crate::root::OpenError;
use crate::shorten::ShortenError;
use crate::walk::Problem;

impl Kind {
    /// The same, as texts have it.
    pub fn shown(self) -> EntryKind {
        match self {
            Self::File => EntryKind::File,
            Self::Directory => EntryKind::Directory,
            Self::Symlink => EntryKind::Symlink,
            Self::Fifo => EntryKind::Fifo,
            Self::Socket => EntryKind::Socket,
            Self::Device => EntryKind::Device,
        }
    }
}

impl Access {
    /// The same, as texts have it.
    pub fn shown(self) -> Shown {
        Shown { mode: octal(self.mode), uid: self.uid, gid: self.gid }
    }
}

impl Refusal {
    /// The refusal as a value.
    pub fn said(&self) -> Said {
        let code = match *self {
            Self::Kind(kind) => Code::Is(kind.shown()),
            Self::HardLinked { nlink } => Code::HardLinked { nlink },
            Self::OtherMount => Code::OtherMount,
            Self::Immutable => Code::Immutable,
            Self::AppendOnly => Code::AppendOnly,
            Self::ForeignOwner { uid } => Code::ForeignOwner { uid },
        };
        Said::new(self.to_string(), code)
    }
}

impl ActError {
    /// The error with all that it came from, as a value.
    pub fn said(&self) -> Said {
        let code = match self {
            Self::Refused(refusal) => {
                let why = Box::new(refusal.said().into_code());
                return Said::new(chain(self), Code::ChangedMeanwhile { why });
            }
            Self::Own { uid, gid, .. } => Code::CannotOwn { uid: *uid, gid: *gid },
            Self::SetMode { mode, .. } => Code::CannotSetMode { mode: octal(*mode) },
            Self::SetAcl { acl, .. } => Code::CannotSetAcl { acl: acl.clone() },
            Self::AclNotVerified { found } => Code::AclStayed { found: found.clone() },
            Self::NotVerified { found } => Code::AccessStayed { found: found.shown() },
            Self::Look(_) => Code::CannotLook,
        };
        Said::with_chain(self, code)
    }
}

impl OpenError {
    /// The error with all that it came from, as a value.
    pub fn said(&self) -> Said {
        let code = match self {
            Self::Missing { path } => Code::Missing { path: escaped(path) },
            Self::Symlink { path } => Code::RootIsSymlink { path: escaped(path) },
            Self::NotADirectory { path, kind } => {
                Code::NotADirectory { path: escaped(path), kind: kind.shown() }
            }
            Self::UnsafeOwner { path, uid, above } => {
                Code::UnsafeOwner { path: escaped(path), uid: *uid, above: *above }
            }
            Self::UnsafeParent { path, above } => {
                Code::UnsafeParent { path: escaped(path), above: *above }
            }
            Self::Exchanged { path } => Code::Exchanged { path: escaped(path) },
            Self::SetUp { path, source } => {
                let why = Box::new(source.said().into_code());
                return Said::new(chain(self), Code::CannotSetUp { path: escaped(path), why });
            }
            Self::NotAbsolute { path } => Code::NotAbsolute { path: escaped(path) },
            Self::Io { path, .. } => Code::CannotOpenRoot { path: escaped(path) },
        };
        Said::with_chain(self, code)
    }
}

impl Problem {
    /// The problem as a value.
    pub fn said(&self) -> Said {
        match self {
            Self::TooDeep { max_depth } => {
                Said::new(self.to_string(), Code::TooDeep { max_depth: *max_depth })
            }
            Self::Io(error) => Said::because(self.to_string(), Code::CannotLook, error),
        }
    }
}

impl TakeError {
    /// The error as a value.
    pub fn said(&self) -> Said {
        let text = self.to_string();
        let code = match self {
            Self::Changed => Code::NotAsPlanned,
            Self::Locked => Code::Locked,
            Self::NotDue => Code::NotDue,
            Self::Displaced { kept_as } => Code::Displaced { kept_as: escaped(kept_as) },
            Self::Partly { entries, reason } => {
                Code::RemovedInPart { entries: *entries, why: reason.clone() }
            }
            Self::Io(error) => return Said::because(text, Code::CannotTake, error),
        };
        Said::new(text, code)
    }
}

impl ShortenError {
    /// The error as a value.
    pub fn said(&self) -> Said {
        let text = self.to_string();
        let code = match self {
            Self::NotAFile => Code::NotARegularFile,
            Self::WriterDoesNotAppend { pid } => Code::WriterDoesNotAppend { pid: *pid },
            Self::Locked => Code::Locked,
            Self::Changed => Code::NotAsPlanned,
            Self::Io(error) => return Said::because(text, Code::CannotShorten, error),
        };
        Said::new(text, code)
    }
}

impl WrittenBy {
    /// The same as a value.
    pub fn said(&self) -> Said {
        Said::new(self.to_string(), Code::WrittenBy { pid: self.pid })
    }
}

fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}
