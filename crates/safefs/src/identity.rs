use std::cell::Cell;
use std::ffi::CString;
use std::io;
use std::thread::{Scope, ScopedJoinHandle};

use nix::unistd::{Gid, Uid, getgrouplist, setfsgid, setfsuid};

use crate::sys;

thread_local! {
    /// As whom this thread works, if not as the process.
    static WORKER: Cell<Option<u32>> = const { Cell::new(None) };
}

/// A user by numbers, with all groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user.
    pub uid: u32,
    /// The main group, which new entries get.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
}

impl User {
    /// The account of this name or number with all its groups; `None` if there is none.
    pub fn find(name_or_number: &str) -> io::Result<Option<Self>> {
        let found = match name_or_number.parse() {
            Ok(number) => nix::unistd::User::from_uid(Uid::from_raw(number)),
            Err(_) => nix::unistd::User::from_name(name_or_number),
        };
        let Some(account) = found? else { return Ok(None) };
        let name = CString::new(account.name)?;
        let groups = getgrouplist(&name, account.gid)?.into_iter().map(Gid::as_raw).collect();
        Ok(Some(Self { uid: account.uid.as_raw(), gid: account.gid.as_raw(), groups }))
    }
}

/// Does work on files as another user: the kernel then allows what it allows that user, and nothing more.
///
/// On a thread of its own, so that no other thread is affected; only how files are reached changes, not who may send
/// signals to the process. What has to be root's even then, a change of owner, is done by [`crate::Judged`] as the process.
/// Fails with `PermissionDenied` if the process is neither root nor that user; `work` has then not begun.
pub fn as_user<T: Send>(user: &User, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    if worker() == user.uid {
        return Ok(work());
    }
    if !nix::unistd::geteuid().is_root() {
        let message = format!("only root can work as uid {}", user.uid);
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .name(format!("as uid {}", user.uid))
            .spawn_scoped(scope, || {
                become_user(user)?;
                Ok(work())
            })?;
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// As whom the calling thread reaches files.
pub(crate) fn worker() -> u32 {
    WORKER.get().unwrap_or_else(|| nix::unistd::geteuid().as_raw())
}

/// Does one thing as the process, whatever [`as_user`] says.
pub(crate) fn as_process<T>(work: impl FnOnce() -> T) -> T {
    let Some(uid) = WORKER.get() else { return work() };
    setfsuid(nix::unistd::geteuid());
    let result = work();
    setfsuid(Uid::from_raw(uid));
    result
}

/// Starts a thread that reaches files as the calling one does, under [`as_user`] too.
///
/// The kernel gives a new thread what this one has; only our note of it has to be handed on.
pub fn start_alike<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    let worker = WORKER.get();
    std::thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, move || {
        WORKER.set(worker);
        work()
    })
}

/// The thread becomes the user for good.
fn become_user(user: &User) -> io::Result<()> {
    sys::set_thread_groups(&user.groups)?;
    setfsgid(Gid::from_raw(user.gid));
    setfsuid(Uid::from_raw(user.uid));
    // These calls tell no failure, but what was in force before: an impossible number asks and changes nothing.
    let nobody = u32::MAX;
    let now = (setfsuid(Uid::from_raw(nobody)).as_raw(), setfsgid(Gid::from_raw(nobody)).as_raw());
    if now != (user.uid, user.gid) {
        return Err(io::Error::other(format!("cannot work as uid {}", user.uid)));
    }
    WORKER.set(Some(user.uid));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    use super::*;

    const NOBODY: User = User { uid: 65534, gid: 65534, groups: Vec::new() };

    #[test]
    fn the_kernel_allows_what_it_allows_that_user() {
        if !nix::unistd::geteuid().is_root() {
            let denied = as_user(&User { uid: 1, ..NOBODY }, || ()).unwrap_err();
            assert_eq!(denied.kind(), io::ErrorKind::PermissionDenied);
            return;
        }
        let scratch = tempfile::tempdir().unwrap();
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let secret = scratch.path().join("secret");
        fs::write(&secret, "root's").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let made = scratch.path().join("made");
        let (read, as_root) = as_user(&NOBODY, || {
            fs::write(&made, "").unwrap();
            let read = fs::read(&secret).map_err(|error| error.kind());
            (read, as_process(|| fs::read(&secret).is_ok()))
        })
        .unwrap();
        assert_eq!(read, Err(io::ErrorKind::PermissionDenied));
        assert!(as_root, "what has to be root's still can be");
        assert_eq!(fs::metadata(&made).unwrap().uid(), NOBODY.uid);
        assert!(fs::read(&secret).is_ok(), "this thread is as it was");
        chown(&secret, Some(NOBODY.uid), None).unwrap();
        assert!(as_user(&NOBODY, || fs::read(&secret).is_ok()).unwrap());
    }

    #[test]
    fn an_account_is_found_by_name_and_by_number_and_none_is_no_error() {
        let root = User::find("root").unwrap().unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(User::find("0").unwrap(), Some(root));
        assert_eq!(User::find("no such user").unwrap(), None);
        assert_eq!(User::find("4294967294").unwrap(), None);
    }

    #[test]
    fn a_panic_comes_through() {
        let me = nix::unistd::geteuid().as_raw();
        let user = User { uid: me, gid: 0, groups: Vec::new() };
        assert_eq!(as_user(&user, || 7).unwrap(), 7);
        if nix::unistd::geteuid().is_root() {
            assert!(std::panic::catch_unwind(|| as_user(&NOBODY, || panic!("boom"))).is_err());
        }
    }
}
