use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::unistd::{SysconfVar, sysconf};

/// More than any file that is read here has.
const READ_LIMIT: u64 = 64 * 1024;

/// What `/proc/PID/stat` and `statm` say of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Dead, but not waited for by its parent.
    pub(crate) zombie: bool,
    pub(crate) rss_bytes: u64,
    pub(crate) threads: u64,
    /// When it was started, since boot.
    pub(crate) started: Duration,
}

/// A process among all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kin {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) rss_bytes: u64,
}

/// Every process that can be seen. One that ends meanwhile is left out.
#[expect(clippy::disallowed_methods, reason = "the kernel's own list of processes; read-only")]
pub(crate) fn all() -> io::Result<Vec<Kin>> {
    let units = Units::of_host();
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        match read_small(Path::new(&format!("/proc/{pid}/stat"))) {
            Ok(stat) => all.extend(parse_kin(pid, &stat, &units)),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// `None` if there is no such process. Fails if it may not be looked at.
pub(crate) fn see(pid: u32) -> io::Result<Option<Seen>> {
    let read = |name: &str| read_small(Path::new(&format!("/proc/{pid}/{name}")));
    match (read("stat"), read("statm")) {
        (Ok(stat), Ok(statm)) => {
            let malformed =
                || io::Error::new(io::ErrorKind::InvalidData, "the kernel's answer cannot be read");
            let units = Units::of_host();
            parse(&stat, &statm, &units).ok_or_else(malformed).map(Some)
        }
        (Err(error), _) | (_, Err(error)) if is_gone(&error) => Ok(None),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// How long the host runs.
pub(crate) fn uptime() -> Option<Duration> {
    let text = read_small(Path::new("/proc/uptime")).ok()?;
    let seconds: f64 = str::from_utf8(&text).ok()?.split_ascii_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// When the host was started, in seconds of Unix time.
pub(crate) fn boot_time() -> Option<u64> {
    let text = read_small(Path::new("/proc/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// Reads the start of a file that is small by nature. Waits for no writer, should it be a FIFO.
#[expect(
    clippy::disallowed_methods,
    reason = "/proc, and files of numbers that the settings name; read-only"
)]
pub(crate) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let mut text = Vec::new();
    file.take(READ_LIMIT).read_to_end(&mut text)?;
    Ok(text)
}

/// `ESRCH` is how the kernel says that a process ended between opening its file and reading it.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(nix::libc::ESRCH)
}

struct Units {
    page_bytes: u64,
    ticks_per_second: u64,
}

impl Units {
    fn of_host() -> Self {
        let ask = |what, default: u64| {
            let answer = sysconf(what).ok().flatten().and_then(|answer| u64::try_from(answer).ok());
            answer.filter(|answer| *answer != 0).unwrap_or(default)
        };
        Self {
            page_bytes: ask(SysconfVar::PAGE_SIZE, 4096),
            ticks_per_second: ask(SysconfVar::CLK_TCK, 100),
        }
    }
}

fn parse_kin(pid: u32, stat: &[u8], units: &Units) -> Option<Kin> {
    let fields = fields(stat)?;
    let pages: u64 = fields.get(21)?.parse().ok()?;
    let rss_bytes = pages.saturating_mul(units.page_bytes);
    Some(Kin { pid, parent: fields.get(1)?.parse().ok()?, rss_bytes })
}

/// Fields of `stat` are counted from the closing parenthesis: a program may put anything into its name.
fn fields(stat: &[u8]) -> Option<Vec<&str>> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    Some(str::from_utf8(&stat[after_name..]).ok()?.split_ascii_whitespace().collect())
}

/// Source: `proc_pid_stat(5)`, `proc_pid_statm(5)`.
fn parse(stat: &[u8], statm: &[u8], units: &Units) -> Option<Seen> {
    let fields = fields(stat)?;
    let number = |field: usize| fields.get(field)?.parse::<u64>().ok();
    let pages: u64 = str::from_utf8(statm).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let ticks = number(19)?;
    let part = (ticks % units.ticks_per_second) * 1_000_000_000 / units.ticks_per_second;
    Some(Seen {
        zombie: matches!(*fields.first()?, "Z" | "X" | "x"),
        rss_bytes: pages.saturating_mul(units.page_bytes),
        threads: number(17)?,
        started: Duration::new(ticks / units.ticks_per_second, u32::try_from(part).unwrap_or(0)),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNITS: Units = Units { page_bytes: 4096, ticks_per_second: 100 };

    fn stat(name: &str, state: char) -> String {
        format!(
            "77 ({name}) {state} 1 77 77 0 -1 4194304 5 0 0 0 1 2 0 0 20 0 3 0 12345 9000000 250 0 0"
        )
    }

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        for name in ["sh", "a b", ") Z 1 (", "(((", "x) S 1 1"] {
            let seen = parse(stat(name, 'S').as_bytes(), b"2197 250 100 1 0 50 0", &UNITS).unwrap();
            assert_eq!(
                seen,
                Seen {
                    zombie: false,
                    rss_bytes: 250 * 4096,
                    threads: 3,
                    started: Duration::from_millis(123_450)
                },
                "{name}"
            );
        }
    }

    #[test]
    fn a_zombie_is_seen_as_one() {
        assert!(parse(stat("sh", 'Z').as_bytes(), b"0 0 0 0 0 0 0", &UNITS).unwrap().zombie);
    }

    #[test]
    fn the_own_process_is_among_all_with_its_parent() {
        let own = std::process::id();
        let found = all().unwrap().into_iter().find(|kin| kin.pid == own).unwrap();
        assert_eq!(found.parent, std::os::unix::process::parent_id());
        assert!(found.rss_bytes > 100_000);
    }

    #[test]
    fn the_own_process_is_seen() {
        let seen = see(std::process::id()).unwrap().unwrap();
        assert!(!seen.zombie);
        assert!(seen.rss_bytes > 100_000, "{seen:?}");
        assert!(seen.started <= uptime().unwrap());
        assert!(boot_time().is_some());
    }

    #[test]
    fn a_number_that_no_process_has_is_none() {
        assert_eq!(see(u32::MAX).unwrap(), None);
    }

    proptest! {
        #[test]
        fn no_answer_is_too_strange(stat: Vec<u8>, statm: Vec<u8>) {
            let _ = parse(&stat, &statm, &UNITS);
        }
    }
}
