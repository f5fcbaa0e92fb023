use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use crate::dir::Dir;
use crate::metadata::{Kind, Metadata};
use crate::root::Root;

/// How far a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Whether subdirectories are entered.
    pub recursive: bool,
    /// Levels below the root; a directory beyond is a [`Problem::TooDeep`], not a silence.
    pub max_depth: u32,
}

/// One entry met on a walk.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Its name.
    pub name: &'a OsStr,
    /// The directory it is in, from the root; empty for the root itself.
    pub parent: &'a Path,
    /// How it looks.
    pub metadata: &'a Metadata,
    /// The directory it is in.
    pub dir: &'a Dir,
}

/// Why an entry could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is a directory at the limit of depth.
    #[error("more than {max_depth} levels below the root")]
    TooDeep {
        /// The limit.
        max_depth: u32,
    },
    /// The system refuses.
    #[error("cannot look at it: {0}")]
    Io(io::Error),
}

/// What a walk asks and tells.
pub trait Visit {
    /// Whether an entry of this name is worth a look. `kind` is what the directory says it is, where it says so.
    ///
    /// Asked first because a look costs several times what a name costs.
    fn wants(&mut self, name: &OsStr, kind: Option<Kind>) -> bool;

    /// Whether the subdirectory `name` is entered.
    fn enters(&mut self, name: &OsStr) -> bool;

    /// An entry that was wanted.
    fn found(&mut self, found: Found<'_>);

    /// An entry that could not be looked at; the walk goes on.
    fn problem(&mut self, path: &Path, problem: Problem);
}

/// Walks below `root`, one descriptor a level, following no link and entering no mount. Changes nothing.
pub fn walk(root: &Root, reach: Reach, visit: &mut impl Visit) -> io::Result<()> {
    let mnt_id = root.metadata().identity.mnt_id;
    let top = root.dir().descend(Path::new(""))?;
    let pending = visit_entries(&top, Path::new(""), mnt_id, reach, visit)?;
    let mut stack = vec![Level { dir: top, path: PathBuf::new(), pending }];
    while let Some(level) = stack.last_mut() {
        let Some(name) = level.pending.pop() else {
            stack.pop();
            continue;
        };
        let path = level.path.join(&name);
        let dir = match level.dir.enter(&name) {
            Ok(dir) => dir,
            Err(error) if is_no_longer_ours(&error) => continue,
            Err(error) => {
                visit.problem(&path, Problem::Io(error));
                continue;
            }
        };
        if u32::try_from(stack.len()).is_ok_and(|depth| depth > reach.max_depth) {
            visit.problem(&path, Problem::TooDeep { max_depth: reach.max_depth });
            continue;
        }
        match visit_entries(&dir, &path, mnt_id, reach, visit) {
            Ok(pending) => stack.push(Level { dir, path, pending }),
            Err(error) => visit.problem(&path, Problem::Io(error)),
        }
    }
    Ok(())
}

struct Level {
    dir: Dir,
    path: PathBuf,
    pending: Vec<OsString>,
}

/// Gone, exchanged for something else, or mounted over since it was listed.
fn is_no_longer_ours(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::CrossesDevices
    )
}

/// Shows all entries of one directory to `visit`; returns the subdirectories to enter.
fn visit_entries(
    dir: &Dir,
    parent: &Path,
    mnt_id: u64,
    reach: Reach,
    visit: &mut impl Visit,
) -> io::Result<Vec<OsString>> {
    let mut pending = Vec::new();
    dir.list(|name, kind| {
        let wanted = visit.wants(name, kind);
        let maybe_directory = reach.recursive && kind.is_none_or(|kind| kind == Kind::Directory);
        if !wanted && !maybe_directory {
            return;
        }
        let metadata = match dir.look(name) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return visit.problem(&parent.join(name), Problem::Io(error)),
        };
        let elsewhere = metadata.mount_root || metadata.identity.mnt_id != mnt_id;
        if reach.recursive && metadata.kind == Kind::Directory && !elsewhere && visit.enters(name) {
            pending.push(name.to_owned());
        }
        if wanted {
            visit.found(Found { name, parent, metadata: &metadata, dir });
        }
    })?;
    Ok(pending)
}
