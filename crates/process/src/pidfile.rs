use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use evenkeel_shown::said::{HostCode, Said};
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat as FileStat, fstat, openat, stat};
use rustix::io::Errno;

use crate::read::read_open;
use crate::{Identity, Process, host, may_name};

const LIMIT: usize = 4 * 1024;
const WRITABLE_BY_ALL: u32 = 0o002;
const STICKY: u32 = 0o1000;
/// Clocks of files are coarser than those of processes, and a boot time is told in whole seconds.
const SLACK: Duration = Duration::from_secs(2);

/// A file in which a daemon wrote its number, and who may have written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pidfile {
    /// The number in it.
    pub pid: u32,
    /// Who owns it.
    pub owner: u32,
    /// When it was written.
    pub written: SystemTime,
}

/// Why a pid file names no process.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PidfileError {
    /// There is no such file.
    #[error("there is no pid file `{}`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The caller may not read it.
    #[error("not permitted to read `{}`", path.display())]
    Denied {
        /// The file.
        path: PathBuf,
    },
    /// What it says is not believed: anybody could have said it.
    #[error("`{}` is not believed: {reason}", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It holds no number; it may be about to be written.
    #[error("`{}` holds no process number", path.display())]
    NoNumber {
        /// The file.
        path: PathBuf,
    },
    /// It could not be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl PidfileError {
    /// The error and what the system says of it, as a value.
    pub fn said(&self) -> Said {
        let shown = |path: &Path| path.display().to_string();
        let code = match self {
            Self::Missing { path } => HostCode::NoPidfile { path: shown(path) },
            Self::Denied { path } => HostCode::PidfileDenied { path: shown(path) },
            Self::Untrusted { path, reason } => {
                HostCode::PidfileUntrusted { path: shown(path), reason: reason.clone() }
            }
            Self::NoNumber { path } => HostCode::PidfileWithoutNumber { path: shown(path) },
            Self::Io { path, .. } => HostCode::PidfileUnreadable { path: shown(path) },
        };
        Said::with_source(self, code)
    }
}

impl Pidfile {
    /// Reads a pid file, if what it says can be believed.
    ///
    /// Believed is a regular file that not everybody can write, in a directory where not everybody can exchange it. A
    /// symlink is not followed: name what it points to. A FIFO or device is not read. A file that neither root nor the
    /// caller owns may only name processes of its owner, for which see [`Pidfile::may_name`].
    pub fn read(path: &Path) -> Result<Self, PidfileError> {
        let untrusted = |reason: String| PidfileError::Untrusted { path: path.to_owned(), reason };
        let failed = |errno| of_errno(path, errno);
        let name = path.file_name().ok_or_else(|| failed(Errno::ISDIR))?;
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir =
            openat(CWD, parent.unwrap_or(Path::new(".")), flags, Mode::empty()).map_err(failed)?;
        let dir_mode = fstat(&dir).map_err(failed)?.st_mode;
        if dir_mode & WRITABLE_BY_ALL != 0 && dir_mode & STICKY == 0 {
            return Err(untrusted("everybody can exchange it in its directory".to_owned()));
        }
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file =
            openat(&dir, OsStr::new(name), flags, Mode::empty()).map_err(|errno| match errno {
                Errno::LOOP => untrusted("it is a symlink".to_owned()),
                Errno::NXIO => untrusted("it is no regular file".to_owned()),
                errno => failed(errno),
            })?;
        let found = fstat(&file).map_err(failed)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(untrusted("it is no regular file".to_owned()));
        }
        if found.st_mode & WRITABLE_BY_ALL != 0 {
            let mode = found.st_mode & 0o7777;
            return Err(untrusted(format!("everybody can write it (mode {mode:04o})")));
        }
        let text = read_open(&file, LIMIT).map_err(failed)?;
        let pid =
            parse(&text.bytes).ok_or_else(|| PidfileError::NoNumber { path: path.to_owned() })?;
        Ok(Self { pid, owner: found.st_uid, written: modified(&found) })
    }

    /// Whether its owner may say that `process` is the daemon: root and the caller may, others of their own processes.
    pub fn may_name(&self, process: &Process) -> bool {
        may_name(self.owner, process)
    }

    /// Whether the number was given to another process since the file was written: nobody can write a number before there
    /// is a process of it.
    ///
    /// Told on the wall clock. On a host whose clock was set since boot, as one that starts without the time, it is told
    /// only of files that were there before `/proc` was.
    pub fn is_stale(&self, process: Identity) -> bool {
        let boot = host::boot_time();
        let started = SystemTime::now()
            .checked_sub(host::uptime())
            .map_or(boot, |boot| boot + process.started());
        let mounted = stat("/proc").map_or(boot, |found| modified(&found));
        is_stale(self.written, started, boot, mounted)
    }
}

/// `mounted` is when `/proc` was, by the clock of that moment; `boot` is when the host was started, by today's clock.
fn is_stale(
    written: SystemTime,
    started: SystemTime,
    boot: SystemTime,
    mounted: SystemTime,
) -> bool {
    let clock_was_set_ahead = mounted + SLACK < boot;
    if clock_was_set_ahead { written + SLACK < mounted } else { written + SLACK < started }
}

/// The first line is the number; some write more, on lines of their own.
pub(crate) fn parse(text: &[u8]) -> Option<u32> {
    let line = text.split(|byte| *byte == b'\n').next()?;
    let pid = str::from_utf8(line).ok()?.trim().parse().ok()?;
    (pid != 0 && i32::try_from(pid).is_ok()).then_some(pid)
}

fn of_errno(path: &Path, errno: Errno) -> PidfileError {
    let path = path.to_owned();
    match errno {
        Errno::NOENT | Errno::NOTDIR => PidfileError::Missing { path },
        Errno::ACCESS | Errno::PERM => PidfileError::Denied { path },
        errno => PidfileError::Io { path, source: errno.into() },
    }
}

fn modified(found: &FileStat) -> SystemTime {
    let nanoseconds = u32::try_from(found.st_mtime_nsec).unwrap_or(0);
    match u64::try_from(found.st_mtime) {
        Ok(seconds) => SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds),
        Err(_) => SystemTime::UNIX_EPOCH,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_process_that_started_after_the_file_was_written_is_another() {
        // Booted at 1000, `/proc` mounted then; written at 5000.
        let stale = |started| is_stale(at(5000), at(started), at(1000), at(1001));
        assert!(!stale(4000));
        assert!(!stale(5001), "within the grain of the clocks");
        assert!(stale(6000));
        assert!(is_stale(at(10), at(1100), at(1000), at(1001)), "written before the boot");
    }

    #[test]
    fn on_a_host_whose_clock_was_set_only_an_older_boot_s_file_is_stale() {
        // Booted without the time: `/proc` was mounted at 3, and a clock set since says that this was at 900,000.
        let stale = |written, started| is_stale(at(written), at(started), at(900_000), at(3));
        assert!(!stale(20, 900_017), "a daemon of before the clock was set");
        assert!(is_stale(at(50), at(900_017), at(900_000), at(800)));
    }

    #[test]
    fn only_what_not_everybody_can_write_is_believed() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("d.pid");
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let reason = || Pidfile::read(&path).unwrap_err().to_string();
        assert!(matches!(Pidfile::read(&path), Err(PidfileError::Missing { .. })));
        std::fs::write(&path, "77\nmore\n").unwrap();
        assert_eq!(Pidfile::read(&path).unwrap().pid, 77);
        mode(&path, 0o666);
        assert!(reason().contains("everybody can write it (mode 0666)"), "{}", reason());
        mode(&path, 0o644);
        mode(scratch.path(), 0o777);
        assert!(reason().contains("exchange it"), "{}", reason());
        mode(scratch.path(), 0o1777);
        assert_eq!(Pidfile::read(&path).unwrap().pid, 77);
    }

    #[test]
    fn neither_links_nor_other_things_are_read() {
        let scratch = tempfile::tempdir().unwrap();
        let (real, link) = (scratch.path().join("real"), scratch.path().join("link"));
        std::fs::write(&real, "77").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let fifo = scratch.path().join("fifo");
        rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        for path in [link.as_path(), &fifo, scratch.path(), Path::new("/dev/zero")] {
            let found = Pidfile::read(path);
            assert!(matches!(found, Err(PidfileError::Untrusted { .. })), "{found:?}");
        }
    }

    #[test]
    fn only_a_number_is_one() {
        for (text, expected) in [
            ("77", Some(77)),
            (" 77 \nx", Some(77)),
            ("", None),
            ("0", None),
            ("-1", None),
            ("4294967295", None),
            ("77 78", None),
        ] {
            assert_eq!(parse(text.as_bytes()), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text: Vec<u8>) {
            let _ = parse(&text);
        }
    }
}
