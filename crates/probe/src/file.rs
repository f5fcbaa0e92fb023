mod hash;

use std::path::Path;
use std::time::{Duration, SystemTime};

use evenkeel_shown::said::HostCode;
use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag, lstat};
use nix::unistd::{Gid, Group, Uid, User};

use crate::field::SHA256;
use crate::looks::Looks;
use crate::prober::Attempt;
use crate::{Facts, FailureClass, FileTarget, Outcome};

const PERMISSIONS: u32 = 0o7777;

/// Looks at the entry itself, without following a link at its end.
pub(crate) async fn measure(
    looks: &Looks,
    target: &FileTarget,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    let FileTarget { path, hash } = target.clone();
    let deadline = attempt.deadline;
    let look = move || {
        let found = lstat(&path).map_err(|errno| unseen(&path, errno))?;
        let mut facts = facts(&found, SystemTime::now());
        if hash {
            facts.set(SHA256, hash::sha256(&path, &found, deadline)?);
        }
        Ok(facts)
    };
    attempt.facts = looks.at(&target.path, attempt, look).await??;
    Ok(())
}

/// Why there is nothing to be said of `path`.
pub(crate) fn unseen(path: &Path, errno: Errno) -> Outcome {
    let path = path.display().to_string();
    let class = match errno {
        Errno::ENOENT | Errno::ENOTDIR => {
            return Outcome::bad(FailureClass::Missing, HostCode::NoEntry { path });
        }
        Errno::EACCES | Errno::EPERM => FailureClass::Denied,
        _ => FailureClass::Limit,
    };
    Outcome::unknown(class, HostCode::CannotLook { path, error: errno.to_string() })
}

fn facts(found: &FileStat, now: SystemTime) -> Facts {
    let (uid, gid) = (Uid::from_raw(found.st_uid), Gid::from_raw(found.st_gid));
    // A name that cannot be looked up is no reason to know nothing of the file.
    let owner =
        User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
    let group =
        Group::from_gid(gid).ok().flatten().map_or_else(|| gid.to_string(), |group| group.name);
    let mut facts = Facts::default();
    facts.set("type", type_of(found.st_mode));
    facts.set("size_bytes", u64::try_from(found.st_size).unwrap_or(0));
    facts.set("age_seconds", age(found, now).as_secs_f64());
    facts.set("mode", format!("{:04o}", found.st_mode & PERMISSIONS));
    facts.set("owner", owner);
    facts.set("group", group);
    facts.set("uid", found.st_uid);
    facts.set("gid", found.st_gid);
    facts.set("links", found.st_nlink);
    facts
}

fn type_of(mode: u32) -> &'static str {
    match SFlag::from_bits_truncate(mode) & SFlag::S_IFMT {
        SFlag::S_IFREG => "file",
        SFlag::S_IFDIR => "directory",
        SFlag::S_IFLNK => "symlink",
        SFlag::S_IFSOCK => "socket",
        SFlag::S_IFIFO => "fifo",
        _ => "device",
    }
}

/// Since the last write; none if that lies ahead, as after a clock was set back.
fn age(found: &FileStat, now: SystemTime) -> Duration {
    let nanoseconds = u32::try_from(found.st_mtime_nsec).unwrap_or(0);
    let Ok(seconds) = u64::try_from(found.st_mtime) else {
        let before = Duration::from_secs(found.st_mtime.unsigned_abs());
        return now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() + before;
    };
    let written = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    now.duration_since(written).unwrap_or_default()
}
