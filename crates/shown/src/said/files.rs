#![expect(missing_docs, reason = "a field is named after what it is")]

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Code, Said};

/// What kind of entry something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    File,
    Directory,
    Symlink,
    Fifo,
    Socket,
    Device,
}

/// What is wrong with an entry, or with the root of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilesCode {
    /// It is of a kind that is left alone.
    Is(EntryKind),
    HardLinked {
        nlink: u32,
    },
    OtherMount,
    Immutable,
    AppendOnly,
    ForeignOwner {
        uid: u32,
    },
    ChangedMeanwhile {
        why: Box<Code>,
    },
    CannotOwn {
        uid: u32,
        gid: u32,
    },
    CannotSetMode {
        mode: String,
    },
    CannotSetAcl {
        acl: String,
    },
    AclStayed {
        found: String,
    },
    AccessStayed {
        found: Access,
    },
    CannotLook,
    CannotRead,
    CannotReadList,
    TooDeep {
        max_depth: u32,
    },
    Missing {
        path: String,
    },
    RootIsSymlink {
        path: String,
    },
    NotADirectory {
        path: String,
        kind: EntryKind,
    },
    UnsafeOwner {
        path: String,
        uid: u32,
        above: u32,
    },
    UnsafeParent {
        path: String,
        above: u32,
    },
    Exchanged {
        path: String,
    },
    CannotSetUp {
        path: String,
        why: Box<Code>,
    },
    NotAbsolute {
        path: String,
    },
    CannotOpenRoot {
        path: String,
    },
    SystemPath {
        path: String,
        resolved: String,
    },
    NoUser {
        name: String,
    },
    NoGroup {
        name: String,
    },
    CannotLookUp {
        name: String,
        why: String,
    },
    CannotWorkAs {
        user: String,
    },
    CannotReadRoot {
        path: String,
    },
    /// It is another than was planned.
    NotAsPlanned,
    Locked,
    NotDue,
    Displaced {
        kept_as: String,
    },
    RemovedInPart {
        entries: u64,
        why: String,
    },
    CannotTake,
    NotARegularFile,
    WriterDoesNotAppend {
        pid: u32,
    },
    CannotShorten,
    WrittenBy {
        pid: Option<u32>,
    },
    /// A work ended before it came to these.
    NotReached {
        entries: u64,
    },
}

impl FilesCode {
    /// That a work was stopped before it came to so many entries.
    pub fn not_reached(entries: u64) -> Said {
        let text = format!("stopped before its end; entries that it did not come to: {entries}");
        Said::new(text, Self::NotReached { entries })
    }
}

/// Mode, as four digits, and the numbers of owner and group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    pub mode: String,
    pub uid: u32,
    pub gid: u32,
}

/// One thing that is otherwise than a rule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub what: String,
    pub found: String,
    pub wanted: String,
}

/// What a permission rule says of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionsCode {
    RootIs(EntryKind),
    /// It is of a kind that is neither followed nor opened.
    NotOpened(EntryKind),
    /// It deviates and must be left alone; `adopt` says that `adopt_from` would change that.
    Refused {
        why: Box<Code>,
        adopt: bool,
        found: Access,
        wanted: Access,
    },
    Differs(Vec<Difference>),
    /// It is fought over.
    Paused {
        times: u32,
        minutes: u64,
        seconds: u64,
    },
    /// The root is missing, and `create` would make it.
    RootMissing {
        path: String,
    },
    /// How the kernel tells of changes.
    Watched {
        by: WatchedBy,
        swept: Option<OnlySwept>,
    },
    /// It does not, and why; changes are found by sweeps.
    NotWatched {
        error: String,
    },
}

/// What the kernel tells of changes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchedBy {
    Fanotify,
    /// It names nobody; `instead` says why it is not fanotify.
    Inotify {
        instead: Option<String>,
    },
}

/// Directories of which the kernel tells nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnlySwept {
    pub directories: u64,
    pub error: String,
}

/// What a cleanup does to one entry when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    Open,
    OpenDirectory,
    LockDirectory,
    OpenRoot,
    LookThrough,
    Announce,
    BeginRun,
    LookThroughTrash,
    WorkInPrivate,
    SeeWriters,
    MakeCopy,
    LookForCopy,
    WriteCopy,
    ReadCopyBack,
}

/// In words that follow "cannot".
impl fmt::Display for Task {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Open => "open it",
            Self::OpenDirectory => "open its directory",
            Self::LockDirectory => "lock its directory",
            Self::OpenRoot => "open the root",
            Self::LookThrough => "look through it",
            Self::Announce => "write down that it is to be taken",
            Self::BeginRun => "begin a run in the private directory",
            Self::LookThroughTrash => "look through the trash",
            Self::WorkInPrivate => "work in the private directory",
            Self::SeeWriters => "see whether a process writes to it",
            Self::MakeCopy => "make its compressed copy",
            Self::LookForCopy => "look for a compressed copy",
            Self::WriteCopy => "write its compressed copy",
            Self::ReadCopyBack => "read its compressed copy back",
        })
    }
}

/// What a cap counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cap {
    Entries,
    Bytes,
}

/// In words that follow a number.
impl fmt::Display for Cap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Entries => "entries",
            Self::Bytes => "bytes",
        })
    }
}

/// What a filesystem counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    Blocks,
    Inodes,
}

/// What a limit for all is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Allocated bytes of all that match; a file with several names once.
    Bytes,
    /// How many match.
    Entries,
    /// Bytes in use on the filesystem.
    DiskBytes,
    /// Inodes in use on the filesystem.
    Inodes,
}

impl Measure {
    /// What the numbers of a level are, in words that follow them.
    pub fn what(self) -> &'static str {
        match self {
            Self::Bytes => "bytes taken up by all that match",
            Self::Entries => "entries match",
            Self::DiskBytes => "bytes used on the filesystem",
            Self::Inodes => "inodes used on the filesystem",
        }
    }
}

/// What a cleanup rule left, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CleanupCode {
    /// It was due, and is only observed.
    WouldGo {
        why: Box<Code>,
    },
    /// A limit is not met and nothing more may be taken; `trigger` is the key of the settings.
    OverLimit {
        trigger: String,
        of: Measure,
        before: u64,
        after: u64,
        limit: u64,
    },
    CannotSeeInUse,
    CannotSeeUsage {
        path: String,
    },
    NoCount {
        path: String,
        of: Count,
    },
    NoBoot,
    OverCap {
        path: String,
        found: u64,
        unit: Cap,
        cap: String,
        limit: u64,
    },
    OverRatio {
        path: String,
        found: u64,
        matching: u64,
        limit: String,
    },
    NoName,
    CannotLookAtPart {
        path: String,
        why: Box<Code>,
    },
    CopyExists {
        name: String,
    },
    AnotherRun,
    CannotEmptyTrash {
        run: String,
    },
    Cannot(Task),
}

/// How old something is; `None`: it is dated after now.
pub type Age = Option<Duration>;

/// Why an entry is due: the trigger, its value, and the entry's own figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueCode {
    Old { limit: Duration, age: Duration, by: String },
    BeforeBoot { before: Duration, by: String },
    Large { limit: String, bytes: String },
    Total { limit: String, total: String, allocated: String, age: Age },
    Many { limit: u64, count: u64, age: Age },
    Full { high: String, low: String, inodes: bool, usage: String, gain: String, age: Age },
}
