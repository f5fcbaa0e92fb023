use std::fmt;
use std::time::SystemTime;

use evenkeel_safefs::Metadata;

/// A time that a filesystem keeps of each entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stamp {
    /// Last change of the content.
    Mtime,
    /// Last change of the content or of the inode: also a rename, another mode, another link.
    Ctime,
    /// Birth; where the filesystem keeps none, ctime stands for it, which is never earlier.
    Btime,
    /// Last reading, as far as the mount keeps it: with `relatime` up to a day late, with `noatime` not at all.
    Atime,
}

impl Stamp {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Mtime, Self::Ctime, Self::Btime, Self::Atime];

    /// The name that settings use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mtime => "mtime",
            Self::Ctime => "ctime",
            Self::Btime => "btime",
            Self::Atime => "atime",
        }
    }

    fn of(self, metadata: &Metadata) -> SystemTime {
        match self {
            Self::Mtime => metadata.mtime,
            Self::Ctime => metadata.ctime,
            Self::Btime => metadata.identity.btime.unwrap_or(metadata.ctime),
            Self::Atime => metadata.atime,
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Which times of an entry tell its age: the youngest of them does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AgeBy(u8);

impl AgeBy {
    /// mtime, ctime and birth: a freshly unpacked old archive is young.
    pub const ALL: Self = Self(0b0111);
    /// The last change of the content alone.
    pub const MTIME: Self = Self(0b0001);
    /// What settings may say.
    pub const ACCEPTED: &'static str =
        "`all` (mtime, ctime and btime), or some of `mtime`, `ctime`, `btime`, `atime`";

    /// These times; of none, no entry has an age, which a policy refuses.
    pub fn of(stamps: impl IntoIterator<Item = Stamp>) -> Self {
        Self(stamps.into_iter().fold(0, |bits, stamp| bits | stamp.bit()))
    }

    /// Reads `all`, or names of times; fails with the first text that is neither.
    pub fn parse<'a>(texts: &'a [impl AsRef<str>]) -> Result<Self, &'a str> {
        if let [only] = texts
            && only.as_ref() == "all"
        {
            return Ok(Self::ALL);
        }
        let stamp =
            |text: &'a str| Stamp::ALL.into_iter().find(|stamp| stamp.as_str() == text).ok_or(text);
        Ok(Self::of(texts.iter().map(|text| stamp(text.as_ref())).collect::<Result<Vec<_>, _>>()?))
    }

    /// Whether this time counts.
    pub fn contains(self, stamp: Stamp) -> bool {
        self.0 & stamp.bit() != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// When an entry that looks so was young last.
    pub(crate) fn youngest(self, metadata: &Metadata) -> SystemTime {
        let stamps = Stamp::ALL.into_iter().filter(|stamp| self.contains(*stamp));
        stamps.map(|stamp| stamp.of(metadata)).max().unwrap_or(metadata.ctime)
    }

    /// The same without ctime, and without a birth that only ctime could stand for; mtime if nothing else is left.
    pub(crate) fn youngest_but_ctime(self, metadata: &Metadata) -> SystemTime {
        let born = metadata.identity.btime.is_some();
        let others = [(Stamp::Mtime, true), (Stamp::Btime, born), (Stamp::Atime, true)];
        let stamps = others.into_iter().filter(|(stamp, known)| *known && self.contains(*stamp));
        stamps.map(|(stamp, _)| stamp.of(metadata)).max().unwrap_or(metadata.mtime)
    }
}

impl Default for AgeBy {
    fn default() -> Self {
        Self::ALL
    }
}

/// As settings have it.
impl fmt::Display for AgeBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return formatter.write_str("all");
        }
        let stamps = Stamp::ALL.into_iter().filter(|stamp| self.contains(*stamp));
        formatter.write_str(&stamps.map(Stamp::as_str).collect::<Vec<_>>().join(", "))
    }
}
