use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use evenkeel_shown::said::{HostCode, NoHash};
use nix::fcntl::OFlag;
use nix::sys::stat::FileStat;
use ring::digest::{Context, SHA256};
use tokio::time::Instant;

use crate::{FailureClass, Outcome};

/// The most that is read: at this size a look takes a fraction of a second.
const LIMIT: u64 = 64 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// The SHA-256 of a regular file's content, as `sha256sum` writes it.
///
/// It must still be the entry that was `found`. Links are not followed, and neither a FIFO nor a device is read.
#[expect(
    clippy::disallowed_methods,
    reason = "opened without following a link at its end, and compared with what was looked at"
)]
pub(super) fn sha256(path: &Path, found: &FileStat, deadline: Instant) -> Result<String, Outcome> {
    let fail = |class, why: NoHash| {
        Outcome::unknown(class, HostCode::HashUntold { path: path.display().to_string(), why })
    };
    let io = |error: std::io::Error| {
        let class = match error.kind() {
            std::io::ErrorKind::PermissionDenied => FailureClass::Denied,
            std::io::ErrorKind::NotFound => FailureClass::Missing,
            _ => FailureClass::Limit,
        };
        fail(class, NoHash::System(error.to_string()))
    };
    if u64::try_from(found.st_size).unwrap_or(0) > LIMIT {
        return Err(fail(FailureClass::Limit, NoHash::TooLarge));
    }
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let mut file = File::options().read(true).custom_flags(flags.bits()).open(path).map_err(io)?;
    let opened = file.metadata().map_err(io)?;
    if !opened.file_type().is_file() || opened.file_type().is_fifo() {
        return Err(fail(FailureClass::Missing, NoHash::NotRegular));
    }
    if (opened.dev(), opened.ino()) != (found.st_dev, found.st_ino) {
        return Err(fail(FailureClass::Missing, NoHash::Exchanged));
    }
    let mut context = Context::new(&SHA256);
    let mut chunk = vec![0; CHUNK];
    let mut read = 0;
    loop {
        let length = file.read(&mut chunk).map_err(io)?;
        if length == 0 {
            break;
        }
        context.update(&chunk[..length]);
        read += length as u64;
        // It may grow as fast as it is read.
        if read > LIMIT {
            return Err(fail(FailureClass::Limit, NoHash::TooLarge));
        }
        if Instant::now() > deadline {
            return Err(fail(FailureClass::Timeout, NoHash::Late));
        }
    }
    let mut hex = String::with_capacity(64);
    for byte in context.finish().as_ref() {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}
