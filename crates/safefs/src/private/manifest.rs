//! What a run writes down before it touches anything: one line an entry, readable by people.
//!
//! A line counts once its newline is there, so that a torn one at the end of an interrupted run is no line at all: nothing
//! was moved before its line was on disk.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, BufRead};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Purpose;
use crate::metadata::{Access, Identity, Kind, Metadata};

const MAGIC: &str = "evenkeel-run-1";

/// One entry that a run set out to take, as it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its name in the run's directory.
    pub slot: u64,
    /// Where it was, from the root.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Its inode number; with `btime` what makes it itself on this filesystem.
    pub ino: u64,
    /// Its birth time, where the filesystem keeps one.
    pub btime: Option<SystemTime>,
    /// Its mode, owner and group.
    pub access: Access,
    /// Its length in bytes.
    pub size: u64,
    /// Its last access.
    pub atime: SystemTime,
    /// The last change of its content.
    pub mtime: SystemTime,
    /// The directory that it was in.
    pub parent: Parent,
    /// Why it was taken.
    pub reason: String,
}

/// The directory that an entry was in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// Its inode number; with `btime` what makes it itself on this filesystem.
    pub ino: u64,
    /// Its birth time, where the filesystem keeps one.
    pub btime: Option<SystemTime>,
    /// Its mode, owner and group.
    pub access: Access,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// The first one.
    Run { purpose: Purpose, started: SystemTime },
    /// An entry will be taken.
    Take(Record),
    /// For the entry in this slot another one is being put in place.
    Made { slot: u64, ino: u64, btime: Option<SystemTime> },
    /// The run came to its end.
    Closed,
    /// All that was kept has been brought back.
    Undone { at: SystemTime },
}

impl Record {
    pub(crate) fn new(
        slot: u64,
        path: &Path,
        metadata: &Metadata,
        parent: &Metadata,
        reason: String,
    ) -> Self {
        let Identity { ino, btime, .. } = parent.identity;
        Self {
            slot,
            path: path.to_owned(),
            kind: metadata.kind,
            ino: metadata.identity.ino,
            btime: metadata.identity.btime,
            access: metadata.access,
            size: metadata.size,
            atime: metadata.atime,
            mtime: metadata.mtime,
            parent: Parent { ino, btime, access: parent.access },
            reason,
        }
    }

    /// Whether an object is the recorded one. Device and mount numbers may differ after a boot, and are not compared: what
    /// is in a run's directory is on its filesystem.
    pub fn is(&self, identity: &Identity) -> bool {
        self.ino == identity.ino && self.btime == identity.btime
    }
}

impl Line {
    pub(crate) fn write(&self, out: &mut String) {
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Run { purpose, started } => {
                let (word, expires) = match purpose {
                    Purpose::Delete => ("delete", None),
                    Purpose::Compress => ("compress", None),
                    Purpose::Trash { expires } => ("trash", Some(*expires)),
                };
                writeln!(out, "{MAGIC} {word} {} {}", nanos(*started), optional(expires))
            }
            Self::Take(record) => {
                let Record { slot, ino, size, access, parent, .. } = record;
                writeln!(
                    out,
                    "take {slot} {} {ino} {} {:o} {} {} {size} {} {} {} {} {:o} {} {} {} {}",
                    kind_word(record.kind),
                    optional(record.btime),
                    access.mode,
                    access.uid,
                    access.gid,
                    nanos(record.atime),
                    nanos(record.mtime),
                    parent.ino,
                    optional(parent.btime),
                    parent.access.mode,
                    parent.access.uid,
                    parent.access.gid,
                    escape(record.reason.as_bytes()),
                    escape(record.path.as_os_str().as_bytes()),
                )
            }
            Self::Made { slot, ino, btime } => {
                writeln!(out, "made {slot} {ino} {}", optional(*btime))
            }
            Self::Closed => writeln!(out, "closed"),
            Self::Undone { at } => writeln!(out, "undone {}", nanos(*at)),
        };
    }

    fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let line = match words.next()? {
            MAGIC => {
                let word = words.next()?;
                let started = time(words.next()?)?;
                let expires = optional_time(words.next()?)?;
                let purpose = match (word, expires) {
                    ("delete", None) => Purpose::Delete,
                    ("compress", None) => Purpose::Compress,
                    ("trash", Some(expires)) => Purpose::Trash { expires },
                    _ => return None,
                };
                Self::Run { purpose, started }
            }
            "take" => Self::Take(Record {
                slot: words.next()?.parse().ok()?,
                kind: kind(words.next()?)?,
                ino: words.next()?.parse().ok()?,
                btime: optional_time(words.next()?)?,
                access: access(&mut words)?,
                size: words.next()?.parse().ok()?,
                atime: time(words.next()?)?,
                mtime: time(words.next()?)?,
                parent: Parent {
                    ino: words.next()?.parse().ok()?,
                    btime: optional_time(words.next()?)?,
                    access: access(&mut words)?,
                },
                reason: String::from_utf8(unescape(words.next()?)?).ok()?,
                path: OsString::from_vec(unescape(words.next()?)?).into(),
            }),
            "made" => Self::Made {
                slot: words.next()?.parse().ok()?,
                ino: words.next()?.parse().ok()?,
                btime: optional_time(words.next()?)?,
            },
            "closed" => Self::Closed,
            "undone" => Self::Undone { at: time(words.next()?)? },
            _ => return None,
        };
        words.next().is_none().then_some(line)
    }
}

/// Calls `each` with every whole line; fails at one that cannot be read, and if the first one is not there.
///
/// Returns the length of the whole lines: what is added must come after them, and not after a torn one.
pub(crate) fn read(mut text: impl BufRead, mut each: impl FnMut(Line)) -> io::Result<u64> {
    let unreadable = || io::Error::new(io::ErrorKind::InvalidData, "its manifest cannot be read");
    let mut line = String::new();
    let mut first = true;
    let mut length = 0;
    loop {
        line.clear();
        text.read_line(&mut line)?;
        let Some(whole) = line.strip_suffix('\n') else { break };
        let line = Line::read(whole).ok_or_else(unreadable)?;
        if first != matches!(line, Line::Run { .. }) {
            return Err(unreadable());
        }
        first = false;
        length += whole.len() as u64 + 1;
        each(line);
    }
    if first { Err(unreadable()) } else { Ok(length) }
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Symlink => "symlink",
        Kind::Fifo => "fifo",
        Kind::Socket => "socket",
        Kind::Device => "device",
    }
}

fn kind(word: &str) -> Option<Kind> {
    [Kind::File, Kind::Directory, Kind::Symlink, Kind::Fifo, Kind::Socket, Kind::Device]
        .into_iter()
        .find(|kind| kind_word(*kind) == word)
}

fn access<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Access> {
    Some(Access {
        mode: u32::from_str_radix(words.next()?, 8).ok()?,
        uid: words.next()?.parse().ok()?,
        gid: words.next()?.parse().ok()?,
    })
}

/// Nanoseconds since 1970, negative before.
fn nanos(time: SystemTime) -> i128 {
    let whole = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => whole(since),
        Err(before) => -whole(before.duration()),
    }
}

fn time(word: &str) -> Option<SystemTime> {
    let nanos: i128 = word.parse().ok()?;
    let whole = nanos.unsigned_abs();
    let seconds = u64::try_from(whole / 1_000_000_000).ok()?;
    let rest = u32::try_from(whole % 1_000_000_000).ok()?;
    let duration = Duration::new(seconds, rest);
    if nanos < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(duration)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(duration)
    }
}

fn optional(time: Option<SystemTime>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| nanos(time).to_string())
}

#[expect(clippy::option_option, reason = "a word that cannot be read, one that says none, a time")]
fn optional_time(word: &str) -> Option<Option<SystemTime>> {
    if word == "-" { Some(None) } else { time(word).map(Some) }
}

/// Names are bytes, a line is words: what would break either is written as `%` and two digits.
fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_graphic() && *byte != b'%' {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02x}");
        }
    }
    out
}

fn unescape(word: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(word.len());
    let mut bytes = word.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            out.push(byte);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(nanos: i64) -> SystemTime {
        time(&nanos.to_string()).unwrap()
    }

    proptest! {
        #[test]
        fn a_line_reads_back_as_it_was_written(
            path in proptest::collection::vec(1..=255_u8, 1..300),
            reason in "\\PC*",
            numbers: (u64, u64, u64, u32, u32),
            times: (i64, i64, Option<i64>),
            mode in 0..0o10_000_u32,
        ) {
            let (slot, ino, size, uid, gid) = numbers;
            let line = Line::Take(Record {
                slot,
                path: OsString::from_vec(path).into(),
                kind: Kind::Directory,
                ino,
                btime: times.2.map(at),
                access: Access { mode, uid, gid },
                size,
                atime: at(times.0),
                mtime: at(times.1),
                parent: Parent {
                    ino: size,
                    btime: times.2.map(at),
                    access: Access { mode: 0o1777, uid: gid, gid: uid },
                },
                reason,
            });
            let mut text = String::new();
            line.write(&mut text);
            prop_assert_eq!(text.matches('\n').count(), 1);
            prop_assert_eq!(Line::read(text.trim_end_matches('\n')), Some(line));
        }

        #[test]
        fn no_text_at_all_makes_it_panic(text in "(take |made |evenkeel-run-1 |\\PC|[-0-9% ]|\n)*") {
            let _ = read(text.as_bytes(), |_| ());
        }
    }

    #[test]
    fn a_torn_line_at_the_end_is_no_line() {
        let mut text = String::new();
        let purpose = Purpose::Trash { expires: at(7) };
        Line::Run { purpose, started: at(5) }.write(&mut text);
        Line::Made { slot: 3, ino: 4, btime: None }.write(&mut text);
        let mut lines = Vec::new();
        read(&text.as_bytes()[..text.len() - 1], |line| lines.push(line)).unwrap();
        assert_eq!(lines, [Line::Run { purpose, started: at(5) }]);
        assert!(read(&b"evenkeel-run-1 trash 5"[..], |_| ()).is_err(), "no whole line at all");
        assert!(read(&b"closed\n"[..], |_| ()).is_err(), "the first line is missing");
        assert!(read(&b"evenkeel-run-2 trash 5 7\n"[..], |_| ()).is_err(), "of a newer version");
    }
}
