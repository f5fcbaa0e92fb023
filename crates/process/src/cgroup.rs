//! Control groups of both versions, and of hosts that have both at once.

mod known;
pub(crate) mod mounts;

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, FileType, Mode, OFlags, open};

use self::known::mounted;
use self::mounts::{Controllers, Membership, Mount};
use crate::pressure;
use crate::read::{self, read_at};
use crate::{LookError, Pressure, Resource, Unit};

const MEMBERSHIPS: usize = 64 * 1024;
const SMALL: usize = 16 * 1024;
/// Seven digits and a newline each: 65,536 processes.
const MEMBERS: usize = 512 * 1024;

/// The places of one process in the host's hierarchies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroups {
    /// Where its memory is counted.
    pub memory: Option<Cgroup>,
    /// Where it is in version 2, which is also where pressure is measured.
    pub unified: Option<Cgroup>,
    /// Where systemd keeps it.
    pub systemd: Option<Cgroup>,
    /// Where version 1 can freeze it.
    pub freezer: Option<Cgroup>,
}

/// How many cgroups one look goes through.
const CGROUPS: usize = 16 * 1024;

/// One cgroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup {
    version: Version,
    /// In its hierarchy; what does not print is escaped.
    path: String,
    directory: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Memory of a cgroup and everything below it: the whole truth about its processes, page cache included, each page once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CgroupMemory {
    /// What is charged to it now.
    pub current_bytes: u64,
    /// How much it may have; `None` for as much as there is.
    pub limit_bytes: Option<u64>,
    /// How many of its processes the kernel ended for want of memory; `None` where the kernel does not count (before 4.13).
    pub oom_kills: Option<u64>,
}

/// The processes of a cgroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// Their numbers, in the kernel's order.
    pub pids: Vec<u32>,
    /// Whether there are more than were read.
    pub cut: bool,
}

impl Cgroup {
    /// The cgroup of a path as settings give it: a directory below the mount, or its place in the hierarchy, which is then
    /// sought in version 2 and the hierarchies for memory and systemd.
    ///
    /// Fails with [`LookError::Gone`] if there is none.
    pub fn find(path: &Path) -> Result<Self, LookError> {
        let mounts = mounted()?;
        let text = path.as_os_str().as_encoded_bytes();
        let preferred: [fn(&Controllers) -> bool; 3] =
            [|of| *of == Controllers::Unified, |of| of.has("memory"), |of| of.has("name=systemd")];
        let by_place = preferred.iter().filter_map(|wanted| {
            let mount = mounts.iter().find(|mount| wanted(&mount.controllers))?;
            Some((mount, mount.directory_of(text)?))
        });
        let as_directory = mounts.iter().find(|mount| mount.shows(path));
        for (mount, directory) in
            as_directory.map(|mount| (mount, path.to_owned())).into_iter().chain(by_place)
        {
            let found = Self {
                version: Version::of(&mount.controllers),
                path: path.as_os_str().as_encoded_bytes().escape_ascii().to_string(),
                directory,
            };
            match found.open() {
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(error),
                Ok(_) => return Ok(found),
            }
        }
        Err(LookError::Gone { what: format!("cgroup `{}`", path.display()) })
    }

    /// Its place in the hierarchy, with everything escaped that does not print.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The directory that shows it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The unit of systemd that it belongs to.
    pub fn unit(&self) -> Option<Unit> {
        Unit::of_cgroup(&self.path)
    }

    /// The processes in it, without those in cgroups below it.
    pub fn members(&self) -> Result<Members, LookError> {
        let text = read_at(self.open()?, "cgroup.procs", MEMBERS)
            .map_err(|errno| LookError::of(self.shown(), errno))?;
        Ok(parse_members(&text.lossy(), text.cut))
    }

    /// The processes in it and in every cgroup below it, `limit` at most.
    pub fn members_below(&self, limit: usize) -> Result<Members, LookError> {
        let mut found = Members { pids: Vec::new(), cut: false };
        let mut waiting = vec![self.clone()];
        let mut seen = 0;
        while let Some(next) = waiting.pop() {
            let members = match next.members() {
                // One below that vanished since it was listed had no process any more.
                Err(error) if error.is_gone() && seen > 0 => continue,
                members => members?,
            };
            seen += 1;
            found.cut |= members.cut;
            found.pids.extend(members.pids);
            if found.pids.len() > limit || seen > CGROUPS {
                found.pids.truncate(limit);
                found.cut = true;
                return Ok(found);
            }
            waiting.extend(next.children()?);
        }
        Ok(found)
    }

    /// The cgroups right below it.
    pub fn children(&self) -> Result<Vec<Self>, LookError> {
        let fail = |errno| LookError::of(self.shown(), errno);
        let mut children = Vec::new();
        for entry in Dir::read_from(self.open()?).map_err(fail)?.take(CGROUPS) {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name().to_bytes();
            if entry.file_type() == FileType::Directory && !name.starts_with(b".") {
                children.push(Self {
                    version: self.version,
                    path: format!("{}/{}", self.path.trim_end_matches('/'), name.escape_ascii()),
                    directory: self.directory.join(OsStr::from_bytes(name)),
                });
            }
        }
        Ok(children)
    }

    /// The cgroup of its unit of systemd: itself, or the one above it that the unit began with.
    pub fn of_unit(&self) -> Option<Self> {
        let depth = Unit::depth(&self.path)?;
        let below = self.path.split('/').filter(|part| !part.is_empty()).count() - depth;
        let mut cgroup = self.clone();
        for _ in 0..below {
            cgroup.path.truncate(cgroup.path.rfind('/')?);
            cgroup.directory.pop();
        }
        Some(cgroup)
    }

    /// Its memory.
    ///
    /// Fails with [`LookError::Gone`] also where no controller counts memory. The root of the hierarchy is none of anybody's
    /// own: in version 2 the kernel does not count it, and in version 1 it would be the whole host.
    pub fn memory(&self) -> Result<CgroupMemory, LookError> {
        if self.version == Version::One && self.path == "/" {
            return Err(LookError::Gone { what: self.shown() });
        }
        let (current, limit, events) = match self.version {
            Version::One => {
                ("memory.usage_in_bytes", "memory.limit_in_bytes", "memory.oom_control")
            }
            Version::Two => ("memory.current", "memory.max", "memory.events"),
        };
        let dir = self.open()?;
        let read = |name: &str| {
            read_at(&dir, name, SMALL).map_err(|errno| LookError::of(self.shown(), errno))
        };
        let current_bytes =
            read::number(&read(current)?.lossy()).ok_or_else(|| LookError::form(self.shown()))?;
        Ok(CgroupMemory {
            current_bytes,
            limit_bytes: parse_limit(&read(limit)?.lossy()),
            oom_kills: read(events).ok().and_then(|events| keyed(&events.lossy(), "oom_kill")),
        })
    }

    /// The pressure in it. Fails with [`LookError::Gone`] where it is not measured, as in version 1.
    pub fn pressure(&self, resource: Resource) -> Result<Pressure, LookError> {
        let text = read_at(self.open()?, &format!("{}.pressure", resource.as_str()), SMALL)
            .map_err(|errno| match errno {
                rustix::io::Errno::OPNOTSUPP => LookError::Gone { what: self.shown() },
                errno => LookError::of(self.shown(), errno),
            })?;
        pressure::parse(&text.lossy()).ok_or_else(|| LookError::form(self.shown()))
    }

    /// Whether its processes are frozen, by itself or by a cgroup above it.
    pub fn is_frozen(&self) -> Result<bool, LookError> {
        let dir = self.open()?;
        let read = |name: &str| {
            read_at(&dir, name, SMALL).map_err(|errno| LookError::of(self.shown(), errno))
        };
        Ok(match self.version {
            // FREEZING stands for some that still have to stop.
            Version::One => read("freezer.state")?.lossy().trim() == "FROZEN",
            Version::Two => keyed(&read("cgroup.events")?.lossy(), "frozen") == Some(1),
        })
    }

    fn open(&self) -> Result<OwnedFd, LookError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        open(&self.directory, flags, Mode::empty())
            .map_err(|errno| LookError::of(self.shown(), errno))
    }

    fn shown(&self) -> String {
        format!("cgroup `{}`", self.path)
    }
}

impl Cgroups {
    /// Where a process is that says `memberships` of itself.
    pub(crate) fn of(memberships: &[u8]) -> Result<Self, LookError> {
        let mounts = mounted()?;
        let memberships = mounts::parse_memberships(memberships);
        let place = |wanted: fn(&Controllers) -> bool| find(&memberships, &mounts, wanted);
        let unified = place(|of| *of == Controllers::Unified);
        Ok(Self {
            memory: place(|of| of.has("memory")).or_else(|| unified.clone()),
            systemd: place(|of| of.has("name=systemd")).or_else(|| unified.clone()),
            freezer: place(|of| of.has("freezer")),
            unified,
        })
    }

    /// The unit of systemd that it belongs to.
    pub fn unit(&self) -> Option<Unit> {
        self.systemd.as_ref().or(self.unified.as_ref())?.unit()
    }

    /// Whether either version keeps it frozen.
    pub fn is_frozen(&self) -> bool {
        let places = [&self.unified, &self.freezer];
        places.into_iter().flatten().any(|cgroup| cgroup.is_frozen().unwrap_or(false))
    }
}

pub(crate) const MEMBERSHIP_LIMIT: usize = MEMBERSHIPS;

fn find(
    memberships: &[Membership],
    mounts: &[Mount],
    wanted: fn(&Controllers) -> bool,
) -> Option<Cgroup> {
    let membership = memberships.iter().find(|membership| wanted(&membership.controllers))?;
    let mount = mounts.iter().find(|mount| wanted(&mount.controllers))?;
    Some(Cgroup {
        version: Version::of(&mount.controllers),
        path: membership.path.escape_ascii().to_string(),
        directory: mount.directory_of(&membership.path)?,
    })
}

impl Version {
    fn of(controllers: &Controllers) -> Self {
        match controllers {
            Controllers::Unified => Self::Two,
            Controllers::Legacy(_) => Self::One,
        }
    }
}

pub(crate) fn parse_members(text: &str, cut: bool) -> Members {
    let mut lines: Vec<&str> = text.lines().collect();
    if cut {
        // The last number may be a part of one.
        lines.pop();
    }
    let pids = lines.into_iter().filter_map(|line| line.trim().parse().ok());
    // 0 stands for a process of another namespace.
    Members { pids: pids.filter(|pid| *pid != 0).collect(), cut }
}

/// Version 2 writes `max` for none; version 1 the greatest number of pages that there can be.
pub(crate) fn parse_limit(text: &str) -> Option<u64> {
    const NONE: u64 = i64::MAX as u64 / (1 << 16) * (1 << 16);
    read::number(text).filter(|limit| *limit < NONE)
}

/// The value behind `key` in lines of `key value`.
pub(crate) fn keyed(text: &str, key: &str) -> Option<u64> {
    let line = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        (words.next()? == key).then(|| words.next()?.parse().ok())?
    };
    text.lines().find_map(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_limit_is_none_in_both_versions() {
        assert_eq!(parse_limit("max\n"), None);
        assert_eq!(parse_limit("9223372036854771712\n"), None);
        assert_eq!(parse_limit("62914560\n"), Some(62_914_560));
    }

    #[test]
    fn a_key_is_not_taken_for_its_longer_namesake() {
        let events = "low 0\noom 4\noom_kill 3\noom_group_kill 1\n";
        assert_eq!(keyed(events, "oom_kill"), Some(3));
        assert_eq!(keyed("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", "oom_kill"), Some(2));
        assert_eq!(keyed("oom 4\n", "oom_kill"), None);
    }

    #[test]
    fn a_cut_list_loses_the_number_that_may_be_half() {
        assert_eq!(parse_members("1\n22\n33", true), Members { pids: vec![1, 22], cut: true });
        assert_eq!(parse_members("0\n22\n", false), Members { pids: vec![22], cut: false });
    }

    #[test]
    fn a_unit_s_cgroup_is_above_what_it_made_of_it() {
        let at = |path: &str| Cgroup {
            version: Version::Two,
            path: path.to_owned(),
            directory: Path::new("/c").join(path.trim_start_matches('/')),
        };
        let unit = at("/system.slice/x.service").of_unit();
        assert_eq!(unit, Some(at("/system.slice/x.service")));
        assert_eq!(at("/system.slice/x.service/a/b").of_unit(), unit);
        assert_eq!(at("/system.slice").of_unit(), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,60}|[0-9\n ]{0,60}", cut: bool) {
            let _ = (parse_members(&text, cut), parse_limit(&text), keyed(&text, "x"));
        }
    }
}
