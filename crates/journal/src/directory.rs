//! The state directory: made, checked, locked; files that cannot be used are moved aside.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nix::fcntl::OFlag;
use nix::unistd::{getegid, geteuid};

use crate::error::{Finding, OpenError};
use crate::{FILE_NAME, LOCK_NAME};

/// What `SQLite` puts beside its file.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A state directory that is ours as long as this lives.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// Dropping it ends the lock, as does the end of the process.
    _lock: Lock,
}

/// What is at the place of the history.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    File,
    /// Something that no history can be read from; says what is wrong.
    Unusable(String),
}

impl Directory {
    /// Makes the directory if it is missing (0700), checks that nobody else can write it, and locks it.
    pub(crate) fn claim(path: &Path) -> Result<Self, OpenError> {
        let mut builder = DirBuilder::new();
        if let Err(source) = builder.recursive(true).mode(0o700).create(path) {
            return Err(OpenError::Create { path: path.to_owned(), source });
        }
        let directory = open(path, OpenOptions::new().read(true), OFlag::O_DIRECTORY)
            .map_err(|source| OpenError::Use { doing: "open", path: path.to_owned(), source })?;
        check_owner(path, &directory)?;
        let lock = lock(path)?;
        Ok(Self { path: path.to_owned(), _lock: Lock(lock) })
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path.join(FILE_NAME)
    }

    /// What is at the place of the history. Whoever wrote companions without a file lost the file.
    #[expect(
        clippy::disallowed_methods,
        reason = "the agent's own directory, which others cannot write"
    )]
    pub(crate) fn find(&self) -> Found {
        match std::fs::symlink_metadata(self.file()) {
            Ok(metadata) if !metadata.is_file() => Found::Unusable("is not a file".to_owned()),
            Ok(metadata) if metadata.len() == 0 => Found::Unusable("is empty".to_owned()),
            Ok(_) => Found::File,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let orphan = COMPANIONS.iter().any(|ending| {
                    std::fs::symlink_metadata(with_ending(&self.file(), ending)).is_ok()
                });
                if orphan {
                    Found::Unusable("is gone, but what SQLite keeps beside it is there".to_owned())
                } else {
                    Found::Nothing
                }
            }
            Err(error) => Found::Unusable(format!("cannot be looked at: {error}")),
        }
    }

    /// Bytes of the history and of what `SQLite` keeps beside it, but for what is in memory only.
    #[expect(
        clippy::disallowed_methods,
        reason = "the agent's own directory, which others cannot write"
    )]
    pub(crate) fn size_bytes(&self) -> Option<u64> {
        let length = |ending| std::fs::symlink_metadata(with_ending(&self.file(), ending));
        let file = length("").ok()?.len();
        Some(file + length("-wal").map_or(0, |log| log.len()))
    }

    /// The history that was moved aside by an agent that ended before it made a new one; to be asked where there is none.
    pub(crate) fn lost_before(&self, at: Timestamp) -> Option<Finding> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the agent's own directory, which others cannot write"
        )]
        let names = std::fs::read_dir(&self.path).ok()?;
        let prefix = format!("{FILE_NAME}.aside-");
        let aside = names.flatten().map(|entry| entry.file_name()).filter(|name| {
            let name = name.to_string_lossy();
            name.starts_with(&prefix) && !COMPANIONS.iter().any(|ending| name.ends_with(ending))
        });
        let moved_to = self.path.join(aside.max()?);
        let reason = "is gone since an earlier one was moved aside".to_owned();
        Some(Finding { reason, file: self.file(), moved_to, at })
    }

    /// Gives the history and its companions another name. Nothing is deleted: an operator may want to look at it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the agent's own directory, which others cannot write"
    )]
    pub(crate) fn move_aside(&self, reason: String, at: Timestamp) -> Result<Finding, OpenError> {
        let file = self.file();
        let moved_to = self.free_name(at);
        // The file first: companions without it are found at the next start, a file without them is not.
        for ending in [""].into_iter().chain(COMPANIONS) {
            let from = with_ending(&file, ending);
            match std::fs::rename(&from, with_ending(&moved_to, ending)) {
                Err(source) if source.kind() != ErrorKind::NotFound => {
                    return Err(OpenError::Use { doing: "move aside", path: from, source });
                }
                _ => {}
            }
        }
        Ok(Finding { reason, file, moved_to, at })
    }

    /// Makes a fresh history with `fill` under another name and puts it in place when it is whole, so that a file at
    /// that place is never half made: one that is torn was torn later.
    #[expect(
        clippy::disallowed_methods,
        reason = "the agent's own directory, which others cannot write"
    )]
    pub(crate) fn create_file(
        &self,
        fill: impl FnOnce(&Path) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        let fresh = self.path.join(format!("{FILE_NAME}.new"));
        let failed = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Use { doing, path, source }
        };
        for ending in COMPANIONS.into_iter().chain([""]) {
            match std::fs::remove_file(with_ending(&fresh, ending)) {
                Err(source) if source.kind() != ErrorKind::NotFound => {
                    return Err(failed("remove the half made", &fresh)(source));
                }
                _ => {}
            }
        }
        open(&fresh, OpenOptions::new().write(true).create_new(true), OFlag::empty())
            .map_err(failed("create", &fresh))?;
        fill(&fresh)?;
        let place = self.file();
        std::fs::rename(&fresh, &place).map_err(failed("put in place", &place))?;
        // The name must survive a power cut as well as what it names.
        open(&self.path, OpenOptions::new().read(true), OFlag::O_DIRECTORY)
            .and_then(|directory| directory.sync_all())
            .map_err(failed("write to disk", &self.path))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the agent's own directory, which others cannot write"
    )]
    fn free_name(&self, at: Timestamp) -> PathBuf {
        let stamp = at.strftime("%Y%m%dT%H%M%SZ");
        let name = |count: u32| match count {
            0 => self.path.join(format!("{FILE_NAME}.aside-{stamp}")),
            count => self.path.join(format!("{FILE_NAME}.aside-{stamp}-{count}")),
        };
        let is_free = |path: &PathBuf| std::fs::symlink_metadata(path).is_err();
        (0..1_000).map(name).find(is_free).unwrap_or_else(|| name(1_000))
    }
}

/// The lock of the directory, until this goes.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing it is not enough: a process that another thread is just starting has a copy until it runs its program.
        let _ = self.0.unlock();
    }
}

fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK_NAME);
    let failed = |doing| {
        let path = path.clone();
        move |source| OpenError::Use { doing, path, source }
    };
    let mut file =
        open(&path, OpenOptions::new().read(true).write(true).create(true), OFlag::empty())
            .map_err(failed("write"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let pid =
                file.take(32).read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(OpenError::InUse { path: directory.to_owned(), pid });
        }
        Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(failed("write"))?;
    Ok(file)
}

fn check_owner(path: &Path, directory: &File) -> Result<(), OpenError> {
    let metadata = directory.metadata().map_err(|source| OpenError::Use {
        doing: "look at",
        path: path.to_owned(),
        source,
    })?;
    let exposed = |reason| Err(OpenError::Exposed { path: path.to_owned(), reason });
    let ours = geteuid().as_raw();
    if metadata.uid() != ours && metadata.uid() != 0 {
        return exposed(format!("it belongs to user {}", metadata.uid()));
    }
    // A group of its own, as a user's private one, is as good as the user.
    let others_group = metadata.gid() != 0 && metadata.gid() != getegid().as_raw();
    let shared = if others_group { 0o022 } else { 0o002 };
    if metadata.mode() & shared != 0 {
        return exposed(format!("its mode is {:04o}", metadata.mode() & 0o7777));
    }
    Ok(())
}

/// Opens without following a link at the last component; what is created is for its owner alone.
#[expect(
    clippy::disallowed_methods,
    reason = "the agent's own directory, which others cannot write"
)]
fn open(path: &Path, options: &mut OpenOptions, flags: OFlag) -> std::io::Result<File> {
    let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_NOCTTY;
    options.custom_flags(flags.bits()).mode(0o600).open(path)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
