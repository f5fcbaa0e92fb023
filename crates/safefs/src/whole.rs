//! A file that is there whole or not at all, such as a report.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, fchmod, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;

/// Writes `bytes` to `path`, in the place of a file that is there, with `mode`; whoever reads it sees the old one or the new.
///
/// Fails, and leaves everything as it was, if what is there is no plain file: a link is not followed and not overwritten.
/// Of the directories before the name nothing is promised: the caller names a place of his own.
pub fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not the name of a file"));
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let dir = openat(CWD, parent.unwrap_or(Path::new(".")), flags, Mode::empty())?;
    match statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
        Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile => {}
        Ok(_) => {
            let message = "something other than a plain file is there, such as a link";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
    }
    let mut half = OsString::from(".");
    half.push(name);
    half.push(format!(".{}", std::process::id()));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(&dir, &half, flags, Mode::from_raw_mode(0o600))?);
    let written = file
        .write_all(bytes)
        .and_then(|()| Ok(fchmod(&file, Mode::from_raw_mode(mode))?))
        .and_then(|()| file.sync_all())
        // A link that took the place since it was looked at is itself replaced, and not what it points to.
        .and_then(|()| Ok(renameat(&dir, &half, &dir, name)?));
    if written.is_err() {
        // Nothing more can be done about it.
        let _ = unlinkat(&dir, &half, AtFlags::empty());
    }
    written
}
