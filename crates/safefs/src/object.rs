use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;

use crate::acl::{self, Acl, AclKind};
use crate::identity;
use crate::metadata::{Access, Kind, Metadata};
use crate::name::is_entry_name;
use crate::sys;

const PIN: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const BELOW: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// An object held by an `O_PATH` descriptor, and how it looked when it was pinned.
///
/// Whatever happens to its name, this stays the same object. It can be looked at and nothing else: [`Pinned::judge`]
/// gives the right to change it.
#[derive(Debug)]
pub struct Pinned {
    fd: OwnedFd,
    metadata: Metadata,
}

/// What must be true of an object before it may be changed.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The mount of the root: what is on another one is not below the root, though its path says so.
    pub mnt_id: u64,
    /// Owners whose objects may be changed; `None` stands for anyone.
    pub owners: Option<&'a [u32]>,
}

/// Why an object must not be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Neither a regular file nor a directory.
    #[error("it is {}", .0.as_str())]
    Kind(Kind),
    /// The file has further names, which may be anywhere.
    #[error("it has {nlink} names; the others may be outside the root")]
    HardLinked {
        /// How many.
        nlink: u32,
    },
    /// Something is mounted over it.
    #[error("it is on another mount than the root")]
    OtherMount,
    /// `chattr +i`.
    #[error("it is immutable (`chattr +i`)")]
    Immutable,
    /// `chattr +a`.
    #[error("it is append-only (`chattr +a`)")]
    AppendOnly,
    /// It belongs to someone whom the policy does not name.
    #[error("it belongs to uid {uid}, whom the rule does not name")]
    ForeignOwner {
        /// Whom.
        uid: u32,
    },
}

/// An object that may be changed: by this descriptor, and by nothing else.
#[derive(Debug)]
pub struct Judged {
    pinned: Pinned,
}

/// Mode, owner and group before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// As it was just before.
    pub before: Access,
    /// As it was seen to be just after.
    pub after: Access,
}

/// What becomes of one access control list of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish<'a> {
    /// It stays.
    #[default]
    Leave,
    /// It goes.
    Remove,
    /// It becomes this one.
    Set(&'a Acl),
}

/// What becomes of both lists of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lists<'a> {
    /// Who may do what with it; must agree with the mode that is wanted beside it, see [`Acl::mode`].
    pub access: Wish<'a>,
    /// What new entries of a directory get.
    pub default: Wish<'a>,
}

/// Why a change of a judged object failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActError {
    /// It no longer is what was judged.
    #[error("changed meanwhile: {0}")]
    Refused(#[from] Refusal),
    /// The owner or group could not be set; the mode was put back.
    #[error("cannot set owner {uid} and group {gid}")]
    Own {
        /// Wanted owner.
        uid: u32,
        /// Wanted group.
        gid: u32,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// The mode could not be set.
    #[error("cannot set mode {mode:04o}")]
    SetMode {
        /// Wanted mode.
        mode: u32,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// A list could not be set; the mode was left at what both ends allow.
    #[error("cannot set the access control list `{acl}`")]
    SetAcl {
        /// Wanted list; empty: none.
        acl: String,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// All calls went well and the list still is not as it should be.
    #[error("the kernel left the access control list `{found}` in place")]
    AclNotVerified {
        /// As it is; empty: none.
        found: String,
    },
    /// All calls went well and the object still is not as it should be.
    #[error(
        "the kernel left mode {:04o}, owner {}, group {} in place",
        found.mode, found.uid, found.gid
    )]
    NotVerified {
        /// As it is.
        found: Access,
    },
    /// It cannot be looked at.
    #[error("cannot look at it")]
    Look(#[source] io::Error),
}

impl Pinned {
    /// Pins `/`. Fails if the kernel cannot do what all work below a root needs, before anything is touched.
    pub(crate) fn slash() -> io::Result<Self> {
        let slash =
            Self::new(rustix::fs::openat(CWD, "/", PIN | OFlags::DIRECTORY, Mode::empty())?)?;
        openat2(slash.fd(), OsStr::new("."))?;
        Ok(slash)
    }

    /// Pins the entry `name` of `directory`, itself if it is a link, whatever is mounted there.
    pub(crate) fn entry_above_root(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<Self> {
        check_name(name)?;
        Self::new(rustix::fs::openat(directory, name, PIN, Mode::empty())?)
    }

    /// Pins the entry `name` of `directory`, itself if it is a link; fails with `EXDEV` if something is mounted there.
    pub(crate) fn entry(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<Self> {
        check_name(name)?;
        Self::new(openat2(directory, name)?)
    }

    /// Pins what is at `path` below `directory`: as [`Pinned::entry`] at each step, in one call.
    pub(crate) fn below(directory: BorrowedFd<'_>, path: &Path) -> io::Result<Self> {
        Self::new(openat2(directory, path.as_os_str())?)
    }

    /// Pins what is at an absolute `path`, if no component is a link.
    pub(crate) fn without_links(path: &Path) -> io::Result<Self> {
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        Self::new(rustix::fs::openat2(CWD, path, PIN, Mode::empty(), resolve)?)
    }

    /// Opens the subdirectory `name` of `directory` so that it can be listed by the same descriptor.
    ///
    /// `O_DIRECTORY` keeps what was put in its place, such as a FIFO or a link, from being opened.
    pub(crate) fn listable(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<Self> {
        check_name(name)?;
        let open = |flags| rustix::fs::openat2(directory, name, flags, Mode::empty(), BELOW);
        Self::new(without_trace(open)?)
    }

    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        let metadata = look(fd.as_fd(), OsStr::new(""))?;
        Ok(Self { fd, metadata })
    }

    /// How it looked when it was pinned.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// How it looks now.
    pub fn look_again(&self) -> io::Result<Metadata> {
        look(self.fd.as_fd(), OsStr::new(""))
    }

    /// Looks again, and gives the right to change the object if it meets the terms.
    pub fn judge(mut self, terms: &Terms<'_>) -> Result<Judged, ActError> {
        self.metadata = self.look_again().map_err(ActError::Look)?;
        judge(&self.metadata, terms)?;
        Ok(Judged { pinned: self })
    }

    /// Length of a regular file without a hole at its head, such as one left by an earlier cut.
    ///
    /// A file that is nothing but a hole counts in full. Opens the file only if it has holes.
    pub fn content_bytes(&self) -> io::Result<u64> {
        if self.metadata.kind != Kind::File || self.metadata.allocated >= self.metadata.size {
            return Ok(self.metadata.size);
        }
        let fd = sys::reopen(self.fd(), OFlags::RDONLY)?;
        Ok(self.metadata.size - crate::shorten::first_data(&fd, &self.metadata)?)
    }

    /// An access control list of a file or directory, if it has one that says more than its mode.
    pub fn acl(&self, kind: AclKind) -> io::Result<Option<Acl>> {
        acl::read(self.fd(), kind)
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Whether an object that looks so may be changed on these terms. Pure.
pub fn judge(metadata: &Metadata, terms: &Terms<'_>) -> Result<(), Refusal> {
    match metadata.kind {
        Kind::File | Kind::Directory => {}
        other => return Err(Refusal::Kind(other)),
    }
    if metadata.identity.mnt_id != terms.mnt_id {
        return Err(Refusal::OtherMount);
    }
    if metadata.kind == Kind::File && metadata.nlink != 1 {
        return Err(Refusal::HardLinked { nlink: metadata.nlink });
    }
    if metadata.immutable {
        return Err(Refusal::Immutable);
    }
    if metadata.append_only {
        return Err(Refusal::AppendOnly);
    }
    match terms.owners {
        Some(owners) if !owners.contains(&metadata.access.uid) => {
            Err(Refusal::ForeignOwner { uid: metadata.access.uid })
        }
        _ => Ok(()),
    }
}

impl Judged {
    /// The object as it was judged.
    pub fn metadata(&self) -> &Metadata {
        &self.pinned.metadata
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.pinned.fd()
    }

    /// Opens the file for reading, if the caller may, without a trace in its atime.
    pub fn reader(&self) -> io::Result<File> {
        match sys::reopen(self.fd(), OFlags::RDONLY | OFlags::NOATIME) {
            // That is for its owner and root alone.
            Err(error) if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) => {
                Ok(sys::reopen(self.fd(), OFlags::RDONLY)?.into())
            }
            result => Ok(result?.into()),
        }
    }

    /// Gives the object this mode, owner and group, and looks whether it has them.
    ///
    /// On the way it never has more rights than at either end: see [`Judged::set`].
    pub fn set_access(&self, wanted: Access) -> Result<Change, ActError> {
        self.set(wanted, Lists::default())
    }

    /// Gives the object this mode, owner and group and these access control lists, and looks whether it has them.
    ///
    /// On the way it never has more rights than at either end: the mode, which bounds every named user and group, is
    /// first cut down to what both ends allow; then the owner changes, then the lists; then all twelve bits are set,
    /// because a change of the owner may clear some of them. Under [`crate::as_user`] a change of owner, and the steps
    /// around it, are the process's own.
    pub fn set(&self, wanted: Access, lists: Lists<'_>) -> Result<Change, ActError> {
        let before = self.pinned.look_again().map_err(ActError::Look)?.access;
        let owners_differ = (before.uid, before.gid) != (wanted.uid, wanted.gid);
        if owners_differ {
            identity::as_process(|| self.change(before, wanted, lists))?;
        } else {
            self.change(before, wanted, lists)?;
        }
        let after = self.pinned.look_again().map_err(ActError::Look)?.access;
        if after != wanted {
            return Err(ActError::NotVerified { found: after });
        }
        self.check_list(AclKind::Access, lists.access)?;
        self.check_list(AclKind::Default, lists.default)?;
        Ok(Change { before, after })
    }

    fn change(&self, before: Access, wanted: Access, lists: Lists<'_>) -> Result<(), ActError> {
        let set_mode = |mode: u32| {
            sys::chmod(self.fd(), mode).map_err(|source| ActError::SetMode { mode, source })
        };
        let owners_differ = (before.uid, before.gid) != (wanted.uid, wanted.gid);
        let cut = before.mode & wanted.mode & 0o777;
        let in_steps = owners_differ || lists.access != Wish::Leave;
        if in_steps && cut != before.mode {
            set_mode(cut)?;
        }
        if owners_differ && let Err(source) = self.own(before, wanted) {
            // Nothing half done: the old owner gets the old mode back.
            set_mode(before.mode)?;
            return Err(ActError::Own { uid: wanted.uid, gid: wanted.gid, source });
        }
        self.set_list(AclKind::Access, lists.access)?;
        self.set_list(AclKind::Default, lists.default)?;
        if in_steps || before.mode != wanted.mode {
            set_mode(wanted.mode)?;
        }
        Ok(())
    }

    fn set_list(&self, kind: AclKind, wish: Wish<'_>) -> Result<(), ActError> {
        let acl = match wish {
            Wish::Leave => return Ok(()),
            Wish::Remove => None,
            Wish::Set(acl) => Some(acl),
        };
        acl::write(self.fd(), kind, acl).map_err(|source| {
            let acl = acl.map(ToString::to_string).unwrap_or_default();
            ActError::SetAcl { acl, source }
        })
    }

    fn check_list(&self, kind: AclKind, wish: Wish<'_>) -> Result<(), ActError> {
        let wanted = match wish {
            Wish::Leave => return Ok(()),
            Wish::Remove => None,
            Wish::Set(acl) => Some(acl).filter(|acl| kind == AclKind::Default || !acl.is_minimal()),
        };
        let found = acl::read(self.fd(), kind).map_err(ActError::Look)?;
        if found.as_ref() == wanted {
            return Ok(());
        }
        let found = found.map(|acl| acl.to_string()).unwrap_or_default();
        Err(ActError::AclNotVerified { found })
    }

    fn own(&self, before: Access, wanted: Access) -> io::Result<()> {
        use rustix::fs::{Gid, Uid, chownat};
        let uid = (before.uid != wanted.uid).then(|| Uid::from_raw(wanted.uid));
        let gid = (before.gid != wanted.gid).then(|| Gid::from_raw(wanted.gid));
        Ok(chownat(self.fd(), "", uid, gid, AtFlags::EMPTY_PATH)?)
    }
}

/// Opens `name` of `directory`, leading nowhere else: neither by a link, nor by `..`, nor by a mount.
fn openat2(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    rustix::fs::openat2(directory, name, PIN, Mode::empty(), BELOW).map_err(|error| match error {
        Errno::NOSYS => too_old("openat2"),
        // A pin asks for no right that could be denied in this way: it is a sandbox that knows no better.
        Errno::PERM => io::Error::new(
            io::ErrorKind::Unsupported,
            "a sandbox forbids the system call openat2, without which nothing is safe",
        ),
        error => error.into(),
    })
}

/// Looks at the entry `name` of `directory` without following it, or at `directory` itself if the name is empty.
pub(crate) fn look(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<Metadata> {
    look_with(directory, name, AtFlags::EMPTY_PATH)
}

/// As [`look`], at a name just as a listing gave it, which is never empty: nothing is checked or copied.
pub(crate) fn look_at_listed(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<Metadata> {
    look_with(directory, name, AtFlags::empty())
}

fn look_with(
    directory: BorrowedFd<'_>,
    name: impl rustix::path::Arg,
    more: AtFlags,
) -> io::Result<Metadata> {
    let flags = more | AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME | StatxFlags::MNT_ID;
    let statx = rustix::fs::statx(directory, name, flags, wanted).map_err(|error| match error {
        Errno::NOSYS => too_old("statx"),
        error => error.into(),
    })?;
    if statx.stx_mask & StatxFlags::MNT_ID.bits() == 0 {
        return Err(too_old("statx with STATX_MNT_ID"));
    }
    Ok(Metadata::from(&statx))
}

fn too_old(missing: &str) -> io::Error {
    let words = format!("Linux 5.8 or later is needed; this kernel lacks {missing}");
    io::Error::new(io::ErrorKind::Unsupported, words)
}

/// Opens a directory for reading by `open`, and leaves no trace in its atime where that is allowed: to owner and root.
pub(crate) fn without_trace(
    open: impl Fn(OFlags) -> rustix::io::Result<OwnedFd>,
) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match open(flags | OFlags::NOATIME) {
        Err(Errno::PERM) => Ok(open(flags)?),
        result => Ok(result?),
    }
}

pub(crate) fn check_name(name: &OsStr) -> io::Result<()> {
    if is_entry_name(name) { Ok(()) } else { Err(io::Error::from(io::ErrorKind::InvalidFilename)) }
}
