use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    CWD, Dir, Mode, OFlags, RawDir, ResolveFlags, fstat, openat, openat2, readlinkat,
};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::cgroup::MEMBERSHIP_LIMIT;
use crate::read::{Text, read_at};
use crate::{
    Cgroups, Handle, Identity, LookError, MapsSummary, Memory, Stat, Table, maps, memory, read,
    stat,
};

const SMALL: usize = 16 * 1024;
/// About 80,000 mappings; a process may have 65,530 unless its host says otherwise.
const MAPS: usize = 8 * 1024 * 1024;
/// With more threads than this a look at all processes is quicker.
const THREADS: usize = 64;
/// More children than a host has processes.
const CHILDREN: usize = 4 * 1024 * 1024;
/// No process may have more descriptors (`fs.nr_open`), but for hosts that ask for trouble.
const DESCRIPTORS: u64 = 1 << 20;

/// One process, held by its directory in `/proc`.
///
/// The open directory stays that process's own: when it has ended everything here fails with [`LookError::Gone`], also when
/// its number was given to another by then. So facts that are read one after the other are all of one process. What acts on
/// it takes a [`Handle`].
#[derive(Debug)]
pub struct Process {
    dir: OwnedFd,
    identity: Identity,
}

/// Open descriptors of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors {
    /// How many are open.
    pub open: u64,
    /// How many may be; `None` for no limit.
    pub limit: Option<u64>,
}

/// The users that a process runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Users {
    /// Who started it.
    pub real: u32,
    /// Whose rights it has.
    pub effective: u32,
}

impl Process {
    /// The process that has the number `pid` now.
    ///
    /// Fails with [`LookError::Gone`] if none has; a zombie is still there. Where `/proc` hides other users' processes,
    /// one of them is [`LookError::Denied`].
    pub fn open(pid: u32) -> Result<Self, LookError> {
        Self::open_with_stat(pid).map(|(process, _)| process)
    }

    /// As [`Process::open`], with its state and the rest that had to be read to know which process it is.
    pub fn open_with_stat(pid: u32) -> Result<(Self, Stat), LookError> {
        let what = format!("process {pid}");
        // By number alone, so that nothing but a process's directory is ever opened.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, format!("/proc/{pid}"), flags, Mode::empty()).map_err(|errno| {
            let hidden = errno == Errno::NOENT && exists(pid);
            LookError::of(what, if hidden { Errno::ACCESS } else { errno })
        })?;
        let stat = read_stat(&dir, pid)?;
        Ok((Self { dir, identity: stat.identity }, stat))
    }

    /// The process that `identity` names.
    ///
    /// Fails with [`LookError::Gone`] if it does not run, also when its number is another's now.
    pub fn open_exactly(identity: Identity) -> Result<Self, LookError> {
        let process = Self::open(identity.pid)?;
        if process.identity == identity {
            Ok(process)
        } else {
            Err(LookError::Gone { what: identity.to_string() })
        }
    }

    /// Which process it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// State, parent, threads, start.
    pub fn stat(&self) -> Result<Stat, LookError> {
        read_stat(&self.dir, self.identity.pid)
    }

    /// Its memory. Without the right to look closer, it says what everybody may know, and `pss_bytes` is `None`.
    pub fn memory(&self) -> Result<Memory, LookError> {
        match self.memory_by_rollup() {
            Err(LookError::Denied { .. }) => {
                let status = self.read("status", SMALL)?;
                let swap_bytes = memory::parse_status_swap(&status.lossy());
                Ok(Memory { rss_bytes: self.resident_bytes()?, pss_bytes: None, swap_bytes })
            }
            // What is resident tells a process that is gone from one that has no memory, such as a thread of the kernel.
            Err(LookError::Gone { .. }) => match self.resident_bytes()? {
                0 => Ok(Memory { rss_bytes: 0, pss_bytes: Some(0), swap_bytes: 0 }),
                // By `execve` it has exchanged the memory that was about to be read.
                _ => self.memory_by_rollup(),
            },
            result => result,
        }
    }

    fn memory_by_rollup(&self) -> Result<Memory, LookError> {
        let rollup = self.read("smaps_rollup", SMALL)?;
        memory::parse_rollup(&rollup.lossy())
            .ok_or_else(|| LookError::form(self.what("smaps_rollup")))
    }

    fn resident_bytes(&self) -> Result<u64, LookError> {
        memory::parse_statm(&self.read("statm", SMALL)?.lossy())
            .ok_or_else(|| LookError::form(self.what("statm")))
    }

    /// How many descriptors it has open, and may have.
    pub fn descriptors(&self) -> Result<Descriptors, LookError> {
        let limits = self.read("limits", SMALL)?;
        Ok(Descriptors { open: self.open_descriptors()?, limit: parse_limit(&limits.lossy()) })
    }

    /// How many children it has. For what they are, see [`Table`](crate::Table), which looks at every process of the host.
    pub fn children(&self) -> Result<u64, LookError> {
        let fail = |errno| LookError::of(self.what("task"), errno);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let tasks = openat(&self.dir, "task", flags, Mode::empty()).map_err(fail)?;
        let mut children = 0;
        let mut buffer = [MaybeUninit::uninit(); SMALL];
        let mut listing = RawDir::new(&tasks, &mut buffer);
        let mut place = 0;
        // Each thread has its own.
        while let Some(task) = listing.next() {
            let task = task.map_err(fail)?;
            let name = task.file_name().to_bytes();
            if name.starts_with(b".") {
                continue;
            }
            place += 1;
            let listed = if place > THREADS {
                Err(LookError::Gone { what: self.what("children") })
            } else {
                let name = String::from_utf8_lossy(name);
                self.read(&format!("task/{name}/children"), CHILDREN)
            };
            match listed {
                Ok(text) => children += text.lossy().split_ascii_whitespace().count() as u64,
                // The kernel was built without that list, or the thread ended, or it would take too long.
                Err(error) if error.is_gone() => {
                    return Ok(Table::read()?.children(self.identity).count() as u64);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(children)
    }

    /// Whether `theirs` is to it the directory that `ours` is to the caller: it may have other mounts, or another root. Where there is
    /// neither, whether it has the caller's root.
    pub fn shares_directory(&self, theirs: &Path, ours: &Path) -> Result<bool, LookError> {
        let pin = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fail = |errno| LookError::of(self.what("root"), errno);
        let root = openat(&self.dir, "root", pin, Mode::empty()).map_err(fail)?;
        let theirs = openat2(&root, theirs, pin, Mode::empty(), ResolveFlags::IN_ROOT);
        let ours = openat(CWD, ours, pin, Mode::empty());
        match (device_and_inode(theirs).map_err(fail)?, device_and_inode(ours).map_err(fail)?) {
            (None, None) => {
                let here = device_and_inode(openat(CWD, "/", pin, Mode::empty())).map_err(fail)?;
                Ok(device_and_inode(Ok(root)).map_err(fail)? == here)
            }
            (theirs, ours) => Ok(theirs == ours),
        }
    }

    /// Who it runs as.
    pub fn users(&self) -> Result<Users, LookError> {
        let status = self.read("status", SMALL)?;
        parse_users(&status.lossy()).ok_or_else(|| LookError::form(self.what("status")))
    }

    /// The cgroups that it is in.
    pub fn cgroups(&self) -> Result<Cgroups, LookError> {
        Cgroups::of(&self.read("cgroup", MEMBERSHIP_LIMIT)?.bytes)
    }

    /// What it has mapped.
    pub fn maps(&self) -> Result<MapsSummary, LookError> {
        let text = self.read("maps", MAPS)?;
        Ok(maps::parse(&text.bytes, text.cut))
    }

    /// Where in the kernel its first thread waits; `None` if it does not, or the kernel does not say.
    pub fn wait_channel(&self) -> Result<Option<String>, LookError> {
        let text = self.read("wchan", SMALL)?.lossy().trim().escape_default().to_string();
        Ok(Some(text).filter(|text| !text.is_empty() && text != "0"))
    }

    /// The calls inside the kernel that its first thread is in, the innermost first. Takes `CAP_SYS_ADMIN`.
    pub fn kernel_stack(&self) -> Result<Vec<String>, LookError> {
        let text = self.read("stack", SMALL)?;
        Ok(text.lossy().lines().map(|line| line.escape_default().to_string()).collect())
    }

    /// Takes hold of it, to signal it or to wait for its end.
    pub fn handle(&self) -> Result<Handle, LookError> {
        let handle = Handle::open(self.identity.pid)?;
        // As long as this directory answers the number cannot have been given to another, so the handle is on the same one.
        self.stat()?;
        Ok(handle)
    }

    /// Whether one of its descriptors is this socket; not, if they may not be looked at.
    pub(crate) fn has_socket(&self, inode: u64) -> bool {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(dir) = openat(&self.dir, "fd", flags, Mode::empty()) else { return false };
        let Ok(entries) = Dir::read_from(&dir) else { return false };
        let wanted = format!("socket:[{inode}]");
        let is_wanted = |name: &std::ffi::CStr| {
            readlinkat(&dir, name, Vec::new())
                .is_ok_and(|link| link.as_bytes() == wanted.as_bytes())
        };
        entries
            .take(usize::try_from(DESCRIPTORS).unwrap_or(usize::MAX))
            .filter_map(Result::ok)
            .any(|entry| is_wanted(entry.file_name()))
    }

    /// How many descriptors it has open.
    pub fn open_descriptors(&self) -> Result<u64, LookError> {
        let what = || self.what("fd");
        let fail = |errno| LookError::of(what(), errno);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(&self.dir, "fd", flags, Mode::empty()).map_err(fail)?;
        // Since 6.2 the kernel counts.
        match fstat(&dir).map(|found| found.st_size) {
            Ok(counted) if counted > 0 => return Ok(counted.unsigned_abs()),
            _ => {}
        }
        let mut open = 0;
        for entry in Dir::read_from(&dir).map_err(fail)? {
            if !entry.map_err(fail)?.file_name().to_bytes().starts_with(b".") {
                open += 1;
            }
            if open == DESCRIPTORS {
                break;
            }
        }
        Ok(open)
    }

    /// Its arguments, the program first; the first `limit` bytes of them. It may have written anything there.
    pub fn arguments(&self, limit: usize) -> Result<Vec<Vec<u8>>, LookError> {
        let text = self.read("cmdline", limit)?;
        let words = text.bytes.strip_suffix(b"\0").unwrap_or(&text.bytes);
        Ok(words.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect())
    }

    /// Its limits (`getrlimit(2)`), a line each as the kernel writes them: the name, the soft limit, the hard one.
    pub fn limits(&self) -> Result<Vec<(String, String, String)>, LookError> {
        Ok(parse_limits(&self.read("limits", SMALL)?.lossy()))
    }

    pub(crate) fn dir(&self) -> &OwnedFd {
        &self.dir
    }

    fn read(&self, name: &str, limit: usize) -> Result<Text, LookError> {
        read_at(&self.dir, name, limit).map_err(|errno| match errno {
            Errno::NOENT | Errno::SRCH => LookError::Gone { what: self.identity.to_string() },
            errno => LookError::of(self.what(name), errno),
        })
    }

    pub(crate) fn what(&self, name: &str) -> String {
        format!("`{name}` of {}", self.identity)
    }
}

/// Device and inode of what was opened; `None` if it is not there.
fn device_and_inode(opened: Result<OwnedFd, Errno>) -> Result<Option<(u64, u64)>, Errno> {
    match opened.and_then(fstat) {
        Ok(found) => Ok(Some((found.st_dev, found.st_ino))),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn read_stat(dir: &OwnedFd, pid: u32) -> Result<Stat, LookError> {
    let what = || format!("process {pid}");
    let text = read_at(dir, "stat", SMALL).map_err(|errno| LookError::of(what(), errno))?;
    stat::parse(&text.bytes).ok_or_else(|| LookError::form(what()))
}

/// Whether a process has this number, seen in `/proc` or not: a signal is the one question that is answered anyhow.
fn exists(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM))
}

/// Columns of fixed width: the names have spaces.
pub(crate) fn parse_limits(limits: &str) -> Vec<(String, String, String)> {
    let line = |line: &str| {
        let (name, values) = line.split_at_checked(26)?;
        let mut values = values.split_whitespace();
        let name = name.trim().strip_prefix("Max ")?.to_owned();
        Some((name, values.next()?.to_owned(), values.next()?.to_owned()))
    };
    limits.lines().skip(1).filter_map(line).collect()
}

pub(crate) fn parse_limit(limits: &str) -> Option<u64> {
    read::number(limits.lines().find_map(|line| line.strip_prefix("Max open files"))?)
}

/// `Uid:` has the real, effective, saved and file system user. The kernel escapes newlines in `Name:`.
pub(crate) fn parse_users(status: &str) -> Option<Users> {
    let mut numbers = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace();
    let mut number = || numbers.next()?.parse().ok();
    Some(Users { real: number()?, effective: number()? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_that_is_unlimited_is_none() {
        let limits =
            "Limit  Soft\nMax open files            1024                 4096       files\n";
        assert_eq!(parse_limit(limits), Some(1024));
        assert_eq!(parse_limit("Max open files            unlimited   unlimited  files\n"), None);
    }

    #[test]
    fn limits_are_read_by_their_columns() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
            Max cpu time              unlimited            unlimited            seconds\n\
            Max open files            1024                 4096                 files\n";
        let line = |name: &str, soft: &str, hard: &str| {
            (name.to_owned(), soft.to_owned(), hard.to_owned())
        };
        let expected =
            [line("cpu time", "unlimited", "unlimited"), line("open files", "1024", "4096")];
        assert_eq!(parse_limits(limits), expected);
    }

    #[test]
    fn a_name_cannot_pass_for_a_user() {
        let status = "Name:\tx\\nUid: 5\nUmask:\t0022\nUid:\t1000\t0\t0\t0\n";
        assert_eq!(parse_users(status), Some(Users { real: 1000, effective: 0 }));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,60}|(Uid:|Max open files)[ \t0-9]{0,40}") {
            let _ = (parse_limit(&text), parse_users(&text));
        }
    }
}
