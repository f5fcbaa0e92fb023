//! The raw system calls that no crate offers. The only unsafe code of the workspace.
#![expect(
    unsafe_code,
    reason = "no crate wraps fchmodat2 with AT_EMPTY_PATH, setgroups for one thread alone, leases, sched_setattr, close_range, or name_to_handle_at"
)]

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::time::Duration;

use nix::libc;
use rustix::fs::{AtFlags, Mode, OFlags};

/// The number is the same on every architecture but alpha.
const SYS_FCHMODAT2: libc::c_long = 452;
const PROC_MAGIC: u64 = 0x9fa0;
/// Sets the signal that tells of what happens to an open file. The number is the same on every architecture but parisc.
const F_SETSIG: c_int = 10;
/// A signal that does nothing to a process that did not ask for it.
const HARMLESS: c_int = libc::SIGURG;

/// Sets the mode of the object that `pin` holds, also if `pin` was opened with `O_PATH`.
///
/// Linux before 6.6 lacks `fchmodat2`, and old sandboxes answer `EPERM` to what they do not know: then by way of
/// `/proc/self/fd`. Without both it fails; no path is ever used.
pub(crate) fn chmod(pin: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
    chmod_by(fchmodat2, pin, mode)
}

/// Marks every descriptor but the standard three as not for children.
///
/// What this program itself opens is marked from the start; this is for what it was handed by whoever started it. Linux
/// before 5.11 lacks the call and marks nothing.
pub(crate) fn withhold_descriptors() -> io::Result<()> {
    const CLOEXEC: libc::c_uint = 4;
    const FIRST: libc::c_uint = 3;
    // SAFETY: it takes three numbers, and changes a flag of descriptors, none of which it closes.
    let result = unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn chmod_by(
    direct: impl FnOnce(BorrowedFd<'_>, u32) -> io::Result<()>,
    pin: BorrowedFd<'_>,
    mode: u32,
) -> io::Result<()> {
    match direct(pin, mode) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
            let number = pin.as_raw_fd().to_string();
            let mode = Mode::from_raw_mode(mode);
            Ok(rustix::fs::chmodat(own_descriptors()?, number, mode, AtFlags::empty())?)
        }
        result => result,
    }
}

fn fchmodat2(pin: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
    let flags: c_int = libc::AT_EMPTY_PATH;
    // SAFETY: the descriptor is open for as long as it is borrowed, the path is a terminated string that lives for ever,
    // and the kernel writes to no memory of ours.
    let result =
        unsafe { libc::syscall(SYS_FCHMODAT2, pin.as_raw_fd(), c"".as_ptr(), mode, flags) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Opens the object that `pin` holds once more, with other rights: the very same object, whatever its name means now.
pub(crate) fn reopen(pin: BorrowedFd<'_>, flags: OFlags) -> io::Result<OwnedFd> {
    let number = pin.as_raw_fd().to_string();
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    Ok(rustix::fs::openat(own_descriptors()?, number, flags, Mode::empty())?)
}

/// A path to the object that `pin` holds, for calls that take no descriptor: the very same object, whatever its name means.
pub(crate) fn own_descriptor(pin: BorrowedFd<'_>) -> io::Result<String> {
    own_descriptors()?;
    Ok(format!("/proc/self/fd/{}", pin.as_raw_fd()))
}

/// Whether any process has the file open or mapped for writing; `fd` must be open for reading alone.
///
/// Asks for a lease, which the kernel gives only if nobody has, and gives it back. Fails where there are no leases, and for
/// a file of another user unless the caller is root.
pub(crate) fn has_writer(fd: BorrowedFd<'_>) -> io::Result<bool> {
    match take_lease(fd) {
        Ok(()) => give_lease_back(fd).map(|()| false),
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whoever opens the file for writing from now on has the kernel send a signal here. By itself that would be `SIGIO`, which ends
/// a process: anyone who may write to a file could end whoever cleans it up. The choice of another ends with the lease.
fn take_lease(fd: BorrowedFd<'_>) -> io::Result<()> {
    control(fd, F_SETSIG, HARMLESS)?;
    control(fd, libc::F_SETLEASE, libc::F_RDLCK)
}

fn give_lease_back(fd: BorrowedFd<'_>) -> io::Result<()> {
    control(fd, libc::F_SETLEASE, libc::F_UNLCK)
}

/// One of the calls of `fcntl` whose argument is a number.
fn control(fd: BorrowedFd<'_>, command: c_int, argument: c_int) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as it is borrowed, and the argument is a number.
    let result = unsafe { libc::fcntl(fd.as_raw_fd(), command, argument) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sets the supplementary groups of the calling thread alone; the C library would set those of the whole process.
pub(crate) fn set_thread_groups(groups: &[libc::gid_t]) -> io::Result<()> {
    // SAFETY: the kernel reads `groups.len()` numbers from where `groups` begins, which is borrowed for the whole call.
    let result = unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has the kernel run the calling thread in turns of this length; whether it runs at all, and how often, stays as it is.
///
/// An ordinary thread with shorter turns is let in sooner after it was woken (Linux 6.12; before, nothing changes). One that
/// was given another policy of scheduling is left alone.
pub(crate) fn set_time_slice(slice: Duration) -> io::Result<()> {
    const SELF: libc::pid_t = 0;
    const NO_FLAGS: libc::c_uint = 0;
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    let size = libc::c_uint::try_from(size_of::<libc::sched_attr>()).map_err(io::Error::other)?;
    // SAFETY: the kernel writes at most `size` bytes to a struct of that size, which lives for the whole call.
    let got = unsafe {
        libc::syscall(libc::SYS_sched_getattr, SELF, &raw mut attributes, size, NO_FLAGS)
    };
    if got != 0 {
        return Err(io::Error::last_os_error());
    }
    if attributes.sched_policy != libc::SCHED_OTHER.cast_unsigned() {
        return Ok(());
    }
    attributes.sched_runtime = u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX);
    // SAFETY: the kernel reads the struct, whose size is in it, and which lives for the whole call.
    let set =
        unsafe { libc::syscall(libc::SYS_sched_setattr, SELF, &raw const attributes, NO_FLAGS) };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// `/proc/self/fd`, if that is what it claims to be; opened once, because each deletion needs it.
fn own_descriptors() -> io::Result<BorrowedFd<'static>> {
    static OPEN: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(fd) = OPEN.get() {
        return Ok(fd.as_fd());
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::open("/proc/self/fd", flags, Mode::empty()) {
        Ok(fd) if is_proc(fd.as_fd())? => Ok(OPEN.get_or_init(|| fd).as_fd()),
        Ok(_) | Err(rustix::io::Errno::NOENT) => {
            Err(io::Error::new(io::ErrorKind::Unsupported, "`/proc` is not the process filesystem"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether `fd` is on the process filesystem, and not on something that was put in its place.
pub(crate) fn is_proc(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(u64::try_from(rustix::fs::fstatfs(fd)?.f_type) == Ok(PROC_MAGIC))
}

/// The most that a filesystem may use (`MAX_HANDLE_SZ`).
const MOST_HANDLE_BYTES: u32 = 128;

/// `struct file_handle` with room for any handle.
#[repr(C)]
struct FileHandle {
    handle_bytes: u32,
    handle_type: c_int,
    bytes: [u8; MOST_HANDLE_BYTES as usize],
}

/// The type and bytes by which the kernel's events name the object that `pin` holds.
///
/// Fails with `Unsupported` on a filesystem that names nothing in this way.
pub(crate) fn handle_of(pin: BorrowedFd<'_>) -> io::Result<(i32, Vec<u8>)> {
    // Linux before 6.5 does not know of handles that only identify.
    match handle_with(pin, libc::AT_EMPTY_PATH | libc::AT_HANDLE_FID) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            handle_with(pin, libc::AT_EMPTY_PATH)
        }
        result => result,
    }
}

fn handle_with(pin: BorrowedFd<'_>, flags: c_int) -> io::Result<(i32, Vec<u8>)> {
    let mut handle = FileHandle {
        handle_bytes: MOST_HANDLE_BYTES,
        handle_type: 0,
        bytes: [0; MOST_HANDLE_BYTES as usize],
    };
    let mut mount_id: c_int = 0;
    // SAFETY: the descriptor is open for as long as it is borrowed, the path is a terminated string that lives for ever,
    // `handle` begins as `struct file_handle` does and is followed by as many bytes as it says, and both it and `mount_id`
    // are ours alone while the kernel writes to them.
    let result = unsafe {
        libc::name_to_handle_at(
            pin.as_raw_fd(),
            c"".as_ptr(),
            (&raw mut handle).cast::<libc::file_handle>(),
            &raw mut mount_id,
            flags,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let bytes = handle.bytes.get(..handle.handle_bytes as usize).unwrap_or_default();
    Ok((handle.handle_type, bytes.to_vec()))
}

/// Takes over a descriptor that the kernel has put into a record read a moment ago.
///
/// # Safety
///
/// `fd` is open and nobody else's: it comes from a record that no one has taken it from before.
pub(crate) unsafe fn adopt(fd: RawFd) -> OwnedFd {
    // SAFETY: the caller says so.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn pin(path: &std::path::Path) -> OwnedFd {
        rustix::fs::open(path, OFlags::PATH | OFlags::NOFOLLOW, Mode::empty()).unwrap()
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a scratch file of its own")]
    fn whoever_opens_a_file_while_it_is_asked_about_ends_nobody() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        std::fs::write(&path, "").unwrap();
        let reader = std::fs::File::open(&path).unwrap();
        assert!(!has_writer(reader.as_fd()).unwrap());
        // As it is in the midst of the question.
        take_lease(reader.as_fd()).unwrap();
        let flags = OFlags::WRONLY | OFlags::NONBLOCK;
        let kept_out = rustix::fs::open(&path, flags, Mode::empty()).unwrap_err();
        assert_eq!(kept_out, rustix::io::Errno::AGAIN, "the lease is broken, and its holder told");
        give_lease_back(reader.as_fd()).unwrap();
        let writer = rustix::fs::open(&path, flags, Mode::empty()).unwrap();
        assert!(has_writer(reader.as_fd()).unwrap());
        drop(writer);
    }

    #[test]
    fn a_time_slice_leaves_policy_and_priority_as_they_were() {
        let schedule = || {
            let text = std::fs::read_to_string("/proc/thread-self/sched").unwrap();
            let value = |name: &str| {
                let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
                line?.rsplit(' ').next()?.parse::<u64>().ok()
            };
            (value("policy"), value("prio"), value("se.slice"))
        };
        let (policy, priority, before) = schedule();
        set_time_slice(Duration::from_micros(200)).unwrap();
        let (policy_after, priority_after, after) = schedule();
        assert!(policy.is_some() && priority.is_some());
        assert_eq!((policy, priority), (policy_after, priority_after));
        // Kernels that have no turns of one's own choice show none, or leave it.
        assert!(after == Some(200_000) || after == before, "{before:?} {after:?}");
    }

    #[test]
    fn a_kernel_without_fchmodat2_is_served_by_way_of_proc() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let missing = |_: BorrowedFd<'_>, _| Err(io::Error::from_raw_os_error(libc::ENOSYS));
        chmod_by(missing, pin(file.path()).as_fd(), 0o4640).unwrap();
        assert_eq!(file.as_file().metadata().unwrap().permissions().mode() & 0o7777, 0o4640);
    }

    #[test]
    fn a_failure_other_than_missing_is_not_tried_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read_only = |_: BorrowedFd<'_>, _| Err(io::Error::from_raw_os_error(libc::EROFS));
        let error = chmod_by(read_only, pin(file.path()).as_fd(), 0o777).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EROFS));
        assert_ne!(file.as_file().metadata().unwrap().permissions().mode() & 0o777, 0o777);
    }

    #[test]
    fn the_mode_of_a_pinned_file_is_set_without_the_right_to_open_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let pin = pin(file.path());
        chmod(pin.as_fd(), 0).unwrap();
        chmod(pin.as_fd(), 0o604).unwrap();
        assert_eq!(file.as_file().metadata().unwrap().permissions().mode() & 0o7777, 0o604);
    }
}
