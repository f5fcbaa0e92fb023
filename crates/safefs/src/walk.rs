mod descent;

mod team;

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::io;
use std::path::Path;

use crate::dir::Dir;
use crate::metadata::{Kind, Metadata};
use crate::root::Root;
use crate::walk::descent::Descent;
use crate::walk::team::Team;

/// Entries that one thread looks at before another is worth its start.
const FEW_ENTRIES: u64 = 4096;

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
    /// Both together: where it is, from the root.
    pub path: &'a Path,
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

    /// Whether the subdirectory `name`, which looks like this, is entered.
    fn enters(&mut self, name: &OsStr, metadata: &Metadata) -> bool;

    /// An entry that was wanted.
    fn found(&mut self, found: Found<'_>);

    /// An entry that could not be looked at; the walk goes on.
    fn problem(&mut self, path: &Path, problem: Problem);
}

/// Walks below `root`, following no link and entering no mount. Changes nothing.
///
/// Depth first; what is in one directory comes in the order in which the filesystem lists it. However deep the tree, few
/// descriptors are open at a time. Fails if the root cannot be opened; what goes wrong below it is told to `visit`.
pub fn walk(root: &Root, reach: Reach, visit: &mut impl Visit) -> io::Result<()> {
    let mut descent = Descent::from_root(root, reach, visit)?;
    while descent.step() {}
    Ok(())
}

/// As [`walk`], by two threads where the tree is large and the host has the processors.
///
/// Each thread tells its own visitor, made by `new`; all of them come back, and have together been told what one would
/// have been. In which order, and which of them, is chance: what was put together is to be sorted, such as [`by_place`].
pub fn walk_in_parallel<V: Visit + Send>(
    root: &Root,
    reach: Reach,
    new: impl Fn() -> V + Sync,
) -> io::Result<Vec<V>> {
    let mut visit = new();
    let mut descent = Descent::from_root(root, reach, &mut visit)?;
    while descent.entries() < FEW_ENTRIES {
        if !descent.step() {
            return Ok(vec![visit]);
        }
    }
    let others = Team::default().finish(descent, useful_threads(), new);
    Ok(std::iter::once(visit).chain(others).collect())
}

/// How many threads pay for work on files: two, where there are so many processors.
///
/// That work is the kernel's, which takes turns; and the host is there for others.
pub fn useful_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(2)
}

/// An order for what several threads have found: entries of one directory together, by name; a directory before what is
/// in it.
pub fn by_place(one: &Path, other: &Path) -> Ordering {
    place(one).cmp(&place(other))
}

fn place(path: &Path) -> (&[u8], &[u8]) {
    let bytes = path.as_os_str().as_encoded_bytes();
    let parent = bytes.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    bytes.split_at(parent)
}
