//! Renames that overwrite nothing, also where the filesystem cannot promise that itself.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, Mode, RenameFlags, linkat, mkdirat, renameat, renameat_with, unlinkat};
use rustix::io::Errno;

use crate::metadata::Kind;
use crate::object::look;

/// How many names are tried for an entry that cannot have its own again.
const OTHER_NAMES: u32 = 8;

/// One name in one directory.
pub(crate) type Place<'a> = (BorrowedFd<'a>, &'a OsStr);

/// Moves an entry into a directory that the caller alone can write, to a name that is free there.
pub(crate) fn take_in(from: Place<'_>, to: Place<'_>) -> io::Result<()> {
    take_in_by(rename_no_replace, from, to)
}

/// Moves an entry out of such a directory, to a name that may be taken by now: then it fails with `AlreadyExists`.
pub(crate) fn put_back(from: Place<'_>, to: Place<'_>) -> io::Result<()> {
    put_back_by(rename_no_replace, from, to)
}

/// As [`put_back`], and if the name is taken, beside it under a name that says where it comes from, which is returned.
pub(crate) fn put_back_beside(
    from: Place<'_>,
    to: BorrowedFd<'_>,
    name: &OsStr,
) -> io::Result<Option<OsString>> {
    let Err(first) = put_back(from, (to, name)) else { return Ok(None) };
    for number in 0..OTHER_NAMES {
        let beside = OsString::from(format!("evenkeel-returned-{}-{number}", std::process::id()));
        if put_back(from, (to, &beside)).is_ok() {
            return Ok(Some(beside));
        }
    }
    Err(first)
}

fn take_in_by(
    rename: impl Fn(Place<'_>, Place<'_>) -> Result<(), Errno>,
    from: Place<'_>,
    to: Place<'_>,
) -> io::Result<()> {
    match rename(from, to) {
        Err(error) if is_unable(error) => {
            // Nobody else can take the name between the look and the move.
            match look(to.0, to.1) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            }
            Ok(renameat(from.0, from.1, to.0, to.1)?)
        }
        result => Ok(result?),
    }
}

fn put_back_by(
    rename: impl Fn(Place<'_>, Place<'_>) -> Result<(), Errno>,
    from: Place<'_>,
    to: Place<'_>,
) -> io::Result<()> {
    match rename(from, to) {
        Err(error) if is_unable(error) => {}
        result => return Ok(result?),
    }
    if look(from.0, from.1)?.kind == Kind::Directory {
        // A directory can be moved over an empty one alone: the one made here, or one that holds nothing either.
        mkdirat(to.0, to.1, Mode::from_raw_mode(0o700))?;
        return renameat(from.0, from.1, to.0, to.1).map_err(|error| {
            let _ = unlinkat(to.0, to.1, AtFlags::REMOVEDIR);
            error.into()
        });
    }
    linkat(from.0, from.1, to.0, to.1, AtFlags::empty())?;
    Ok(unlinkat(from.0, from.1, AtFlags::empty())?)
}

fn rename_no_replace(from: Place<'_>, to: Place<'_>) -> Result<(), Errno> {
    renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE)
}

/// What filesystems (overlays over network, FUSE) and old kernels say that do not know the flag.
fn is_unable(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsFd;

    use super::*;

    fn open(path: &std::path::Path) -> fs::File {
        fs::create_dir_all(path).unwrap();
        fs::File::open(path).unwrap()
    }

    #[test]
    fn without_the_flag_an_entry_moves_in_and_back_and_overwrites_nothing() {
        for unable in [Errno::INVAL, Errno::NOSYS] {
            let scratch = tempfile::tempdir().unwrap();
            let (a, b) = (open(&scratch.path().join("a")), open(&scratch.path().join("b")));
            let at = |name: &str| scratch.path().join(name);
            let rename = |_: Place<'_>, _: Place<'_>| Err(unable);
            for (name, is_dir) in [("file", false), ("dir", true)] {
                if is_dir {
                    fs::create_dir(at("a").join(name)).unwrap();
                    fs::write(at("a").join(name).join("x"), "content").unwrap();
                } else {
                    fs::write(at("a").join(name), "content").unwrap();
                }
                let (there, held) = ((a.as_fd(), name.as_ref()), (b.as_fd(), "0".as_ref()));
                take_in_by(rename, there, held).unwrap();
                assert!(at("b/0").exists() && !at("a").join(name).exists());
                // The name was taken meanwhile: both stay.
                fs::write(at("a").join(name), "fresh").unwrap();
                let error = put_back_by(rename, held, there).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
                assert_eq!(fs::read(at("a").join(name)).unwrap(), b"fresh");
                fs::remove_file(at("a").join(name)).unwrap();
                put_back_by(rename, held, there).unwrap();
                assert!(!at("b/0").exists() && at("a").join(name).exists());
            }
            assert_eq!(fs::read(at("a/dir/x")).unwrap(), b"content");
            // A name in the private directory is never overwritten either.
            fs::write(at("b/0"), "held").unwrap();
            let from = (a.as_fd(), "file".as_ref());
            let error = take_in_by(rename, from, (b.as_fd(), "0".as_ref())).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(at("b/0")).unwrap(), b"held");
        }
    }

    #[test]
    fn another_failure_is_not_tried_in_another_way() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("file"), "").unwrap();
        let dir = open(scratch.path());
        let (one, two) = ((dir.as_fd(), "file".as_ref()), (dir.as_fd(), "other".as_ref()));
        let error = take_in_by(|_, _| Err(Errno::ROFS), one, two).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ReadOnlyFilesystem);
        assert!(put_back_by(|_, _| Err(Errno::PERM), one, two).is_err());
        assert!(scratch.path().join("file").exists());
    }
}
