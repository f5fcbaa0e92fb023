//! What another user does to directories of his own.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::unistd::{Gid, Uid, setfsgid, setfsuid};

use crate::world::OTHER;

/// Does this on a thread that the kernel allows on files what it allows the other user.
pub(crate) fn as_other<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            setfsgid(Gid::from_raw(OTHER));
            setfsuid(Uid::from_raw(OTHER));
            assert_eq!(
                setfsuid(Uid::from_raw(u32::MAX)).as_raw(),
                OTHER,
                "root becomes another user"
            );
            work()
        });
        other.join().expect("the attacker does not fail")
    })
}

/// For so long, `name` is in one moment a fresh file that a rule is to act on, and in the next a link to `canary`; returns how often
/// they were exchanged.
pub(crate) fn swap(name: &Path, canary: &Path, mode: u32, age: Duration, lasts: Duration) -> u64 {
    let other = name.with_extension("other");
    as_other(|| {
        let (begun, mut count) = (Instant::now(), 0);
        while begun.elapsed() < lasts {
            for path in [name, &other] {
                let is_link = fs::symlink_metadata(path).map(|metadata| metadata.is_symlink());
                match (path == name, is_link) {
                    (true, Err(_)) => drop(fresh(name, mode, age)),
                    (false, Err(_)) => drop(symlink(canary, path)),
                    (_, Ok(true)) => {}
                    (_, Ok(false)) => drop(fs::set_permissions(path, Permissions::from_mode(mode))),
                }
            }
            for _ in 0..16 {
                let flags = RenameFlags::RENAME_EXCHANGE;
                count += u64::from(renameat2(AT_FDCWD, name, AT_FDCWD, &other, flags).is_ok());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        let _ = fs::remove_file(&other);
        let _ = fs::remove_file(name);
        let _ = fresh(name, 0o640, Duration::ZERO);
        count
    })
}

fn fresh(path: &Path, mode: u32, age: Duration) -> std::io::Result<()> {
    fs::write(path, "x")?;
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    fs::File::options().write(true).open(path)?.set_modified(SystemTime::now() - age)
}
