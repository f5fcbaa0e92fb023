use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::Mode;

use crate::dir::Dir;
use crate::metadata::{Access, Identity, Kind, Metadata};
use crate::name::escaped;
use crate::object::{ActError, Pinned, Terms};

/// As many links as the kernel itself follows.
const MAX_LINKS: u32 = 40;

/// How far the owners of the directories above a root are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// From a directory of root one may step into anyone's, from a directory of another user only into one of the same
    /// user: nobody can put a root in the place of another that is not his own.
    #[default]
    Owners,
    /// The caller vouches for the path. Links are refused all the same.
    Vouched,
}

/// What a root that has to be made gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fresh {
    /// Mode of the root; missing directories above it get `0755`.
    pub mode: u32,
    /// Owner, if not the caller.
    pub uid: Option<u32>,
    /// Group, if not the one that the directory above gives.
    pub gid: Option<u32>,
}

/// The directory in which a rule works. Nothing outside is reached through it.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    resolved: PathBuf,
    dir: Dir,
}

/// A root that was opened step by step, and is no longer held.
#[derive(Debug, Clone)]
pub struct KnownRoot {
    path: PathBuf,
    resolved: PathBuf,
    identity: Identity,
}

/// Why a root cannot be opened or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It, or a directory above it, does not exist.
    #[error("`{}` does not exist", escaped(path))]
    Missing {
        /// What is missing.
        path: PathBuf,
    },
    /// It, or something above it, is a link that another user may have made.
    #[error("`{}` is a symbolic link; name the directory it leads to", escaped(path))]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// It, or something above it, is no directory.
    #[error("`{}` is {}, not a directory", escaped(path), kind.as_str())]
    NotADirectory {
        /// What it is about.
        path: PathBuf,
        /// What it is.
        kind: Kind,
    },
    /// A user could put another's directory there.
    #[error(
        "`{}` belongs to uid {uid}, the directory above it to uid {above}, who could exchange it",
        escaped(path)
    )]
    UnsafeOwner {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
        /// Whose the directory above is.
        above: u32,
    },
    /// It has to be made where other users could interfere.
    #[error(
        "cannot make `{}`: the directory above it belongs to uid {above} or is open to others",
        escaped(path)
    )]
    UnsafeParent {
        /// What is missing.
        path: PathBuf,
        /// Whose the directory above is.
        above: u32,
    },
    /// What was made is not what was found under its name a moment later.
    #[error("`{}` was exchanged while it was made", escaped(path))]
    Exchanged {
        /// What was made.
        path: PathBuf,
    },
    /// It was made and could not be given its mode and owner; it was removed again.
    #[error("cannot set up `{}`", escaped(path))]
    SetUp {
        /// What was made.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<ActError>,
    },
    /// Not an absolute path without `..`.
    #[error("`{}` is not an absolute path without `..`", escaped(path))]
    NotAbsolute {
        /// As it was given.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("cannot open `{}`", escaped(path))]
    Io {
        /// What was being opened or made.
        path: PathBuf,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
}

impl Root {
    /// Opens the directory `path`, component by component.
    ///
    /// A link on the way is followed only if root made it in a directory that only root can write (`/var/run`), and never
    /// as the last component.
    pub fn open(path: &Path, trust: Trust) -> Result<Self, OpenError> {
        Resolver::new(path, trust)?.resolve(None).map(|(root, _)| root)
    }

    /// Opens the directory `path`, making it if it is missing; says which directories were made.
    ///
    /// Directories above it are made too, if the caller alone can write where they go.
    pub fn open_or_create(
        path: &Path,
        trust: Trust,
        fresh: Fresh,
    ) -> Result<(Self, Vec<PathBuf>), OpenError> {
        Resolver::new(path, trust)?.resolve(Some(fresh))
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where that led, links resolved.
    pub fn resolved(&self) -> &Path {
        &self.resolved
    }

    /// The directory.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// How it looked when it was opened.
    pub fn metadata(&self) -> &Metadata {
        self.dir.metadata()
    }

    /// What it takes to open this very directory again at less cost, without holding it: one that is held is not told to be
    /// deleted (`IN_DELETE_SELF`).
    pub fn known(&self) -> KnownRoot {
        let (path, resolved) = (self.path.clone(), self.resolved.clone());
        KnownRoot { path, resolved, identity: self.metadata().identity }
    }

    /// The root as an object, to be judged.
    pub fn into_pinned(self) -> Pinned {
        self.dir.into_pinned()
    }
}

impl KnownRoot {
    /// Opens the root in one step, if where it was is still that very directory.
    ///
    /// Who owns what on the way does not matter for that: nobody has put another in its place.
    pub fn open(&self) -> Option<Root> {
        let pinned = Pinned::without_links(&self.resolved).ok()?;
        let same = pinned.metadata().identity == self.identity;
        let dir = Dir::try_from_pinned(pinned).ok().filter(|_| same)?;
        Some(Root { path: self.path.clone(), resolved: self.resolved.clone(), dir })
    }
}

/// One resolution on its way from `/` down.
struct Resolver {
    path: PathBuf,
    trust: Trust,
    todo: VecDeque<OsString>,
    /// The directories passed, `/` first, for a `..` in a link of root.
    passed: Vec<(OsString, Pinned)>,
    slash: Pinned,
    links: u32,
    made: Vec<PathBuf>,
}

impl Resolver {
    fn new(path: &Path, trust: Trust) -> Result<Self, OpenError> {
        let proper =
            path.is_absolute() && path.components().all(|part| part != Component::ParentDir);
        if !proper {
            return Err(OpenError::NotAbsolute { path: path.to_owned() });
        }
        let slash =
            Pinned::slash().map_err(|source| OpenError::Io { path: PathBuf::from("/"), source })?;
        Ok(Self {
            path: path.to_owned(),
            trust,
            todo: names(path).collect(),
            passed: Vec::new(),
            slash,
            links: 0,
            made: Vec::new(),
        })
    }

    fn resolve(mut self, fresh: Option<Fresh>) -> Result<(Root, Vec<PathBuf>), OpenError> {
        while let Some(name) = self.todo.pop_front() {
            if name == ".." {
                self.passed.pop();
                continue;
            }
            let path = self.so_far().join(&name);
            let pinned = match Pinned::entry_above_root(self.here().fd(), &name) {
                Ok(pinned) => pinned,
                Err(error) if error.kind() == io::ErrorKind::NotFound => match fresh {
                    Some(fresh) => self.make(&name, &path, fresh)?,
                    None => return Err(OpenError::Missing { path }),
                },
                Err(source) => return Err(OpenError::Io { path, source }),
            };
            match pinned.metadata().kind {
                Kind::Directory => {
                    self.check_owner(&pinned, &path)?;
                    self.passed.push((name, pinned));
                }
                Kind::Symlink => self.follow(&pinned, path)?,
                kind => return Err(OpenError::NotADirectory { path, kind }),
            }
        }
        let resolved = self.so_far();
        let pinned = self.passed.pop().map_or(self.slash, |(_, pinned)| pinned);
        let dir = Dir::try_from_pinned(pinned)
            .map_err(|kind| OpenError::NotADirectory { path: resolved.clone(), kind })?;
        Ok((Root { path: self.path, resolved, dir }, self.made))
    }

    fn here(&self) -> &Pinned {
        self.passed.last().map_or(&self.slash, |(_, pinned)| pinned)
    }

    fn so_far(&self) -> PathBuf {
        Path::new("/").join(self.passed.iter().map(|(name, _)| name).collect::<PathBuf>())
    }

    fn check_owner(&self, pinned: &Pinned, path: &Path) -> Result<(), OpenError> {
        let (above, uid) = (self.here().metadata().access.uid, pinned.metadata().access.uid);
        if self.trust == Trust::Vouched || above == 0 || above == uid {
            return Ok(());
        }
        Err(OpenError::UnsafeOwner { path: path.to_owned(), uid, above })
    }

    fn follow(&mut self, link: &Pinned, path: PathBuf) -> Result<(), OpenError> {
        let above = self.here().metadata().access;
        let made_by_root =
            link.metadata().access.uid == 0 && above.uid == 0 && above.mode & 0o022 == 0;
        self.links += 1;
        if !made_by_root || self.todo.is_empty() || self.links > MAX_LINKS {
            return Err(OpenError::Symlink { path });
        }
        let target = rustix::fs::readlinkat(link.fd(), "", Vec::new())
            .map_err(|error| OpenError::Io { path, source: error.into() })?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if target.is_absolute() {
            self.passed.clear();
        }
        for name in names(&target).collect::<Vec<_>>().into_iter().rev() {
            self.todo.push_front(name);
        }
        Ok(())
    }

    fn make(&mut self, name: &OsStr, path: &Path, fresh: Fresh) -> Result<Pinned, OpenError> {
        let caller = crate::identity::worker();
        let above = self.here().metadata().access;
        let last = self.todo.is_empty();
        let ours_alone =
            above.uid == caller && (above.mode & 0o022 == 0 || above.mode & 0o1000 != 0);
        // The last one is checked to be our own, fresh and empty before it is given away, so it may be anywhere.
        if !last && !ours_alone {
            return Err(OpenError::UnsafeParent { path: path.to_owned(), above: above.uid });
        }
        let uid = if last { fresh.uid.unwrap_or(caller) } else { caller };
        if self.trust == Trust::Owners && above.uid != 0 && above.uid != uid {
            return Err(OpenError::UnsafeOwner { path: path.to_owned(), uid, above: above.uid });
        }
        let io_error = |source| OpenError::Io { path: path.to_owned(), source };
        // Closed to all others until it is what it should be.
        rustix::fs::mkdirat(self.here().fd(), name, Mode::from_raw_mode(0o700))
            .map_err(|error| io_error(error.into()))?;
        let pinned = Pinned::entry_above_root(self.here().fd(), name).map_err(io_error)?;
        let found = *pinned.metadata();
        let exchanged = || OpenError::Exchanged { path: path.to_owned() };
        // A directory above with setgid hands its bit down.
        let own = found.kind == Kind::Directory
            && found.access.uid == caller
            && found.access.mode & 0o777 == 0o700;
        if !own {
            return Err(exchanged());
        }
        let dir = Dir::try_from_pinned(pinned).map_err(|_| exchanged())?;
        if !dir.names().map_err(io_error)?.is_empty() {
            return Err(exchanged());
        }
        let wanted = if last {
            Access {
                mode: fresh.mode,
                uid: fresh.uid.unwrap_or(caller),
                gid: fresh.gid.unwrap_or(found.access.gid),
            }
        } else {
            Access { mode: 0o755, uid: caller, gid: found.access.gid }
        };
        let owners = [caller];
        let terms = Terms { mnt_id: found.identity.mnt_id, owners: Some(&owners) };
        let set_up =
            dir.into_pinned().judge(&terms).and_then(|judged| judged.set_access(wanted).map(drop));
        if let Err(source) = set_up {
            // Nothing half done. The name may mean another one's by now: only an empty directory can go this way.
            let _ = rustix::fs::unlinkat(self.here().fd(), name, rustix::fs::AtFlags::REMOVEDIR);
            return Err(OpenError::SetUp { path: path.to_owned(), source: Box::new(source) });
        }
        self.made.push(path.to_owned());
        let pinned = Pinned::entry_above_root(self.here().fd(), name).map_err(io_error)?;
        if pinned.metadata().identity == found.identity { Ok(pinned) } else { Err(exchanged()) }
    }
}

fn names(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    })
}
