//! What is mounted, read again only when the kernel says that it has changed: the table costs more than all other looks at
//! a process together.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};

use super::mounts::{Mount, parse_mounts};
use crate::LookError;
use crate::read::read_open;

const TABLE: &str = "/proc/self/mountinfo";
/// That of a host with thousands of containers.
const LIMIT: usize = 4 * 1024 * 1024;

/// The table as it was read last, still open.
struct Known {
    table: OwnedFd,
    mounts: Arc<[Mount]>,
}

static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

/// The hierarchies that are mounted now.
pub(super) fn mounted() -> Result<Arc<[Mount]>, LookError> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    // The kernel tells of a change once: if the table cannot be read now, the old one must not pass for it next time.
    known.take_if(|known| has_changed(&known.table));
    if let Some(known) = known.as_ref() {
        return Ok(Arc::clone(&known.mounts));
    }
    let failed = |errno| LookError::of(TABLE, errno);
    // From here on the kernel tells of changes, so that one while it is read is not missed.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let table = openat(CWD, TABLE, flags, Mode::empty()).map_err(failed)?;
    let mounts: Arc<[Mount]> =
        parse_mounts(&read_open(&table, LIMIT).map_err(failed)?.bytes).into();
    *known = Some(Known { table, mounts: Arc::clone(&mounts) });
    Ok(mounts)
}

/// Whether anything was mounted or unmounted since the table was opened. Source: `proc_pid_mountinfo(5)`, `poll`.
fn has_changed(table: &OwnedFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    !matches!(poll(&mut [PollFd::new(table, PollFlags::PRI)], Some(&now)), Ok(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_once_while_no_mount_changes() {
        // Others may mount something meanwhile, but not all the time.
        let twice = || Arc::ptr_eq(&mounted().unwrap(), &mounted().unwrap());
        assert!((0..100).any(|_| twice()));
    }
}
