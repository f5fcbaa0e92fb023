//! A thread that works on files as another user and exchanges names as fast as it can.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, mkfifo, setfsgid, setfsuid};

use crate::area::{ATTACKER, old_file};

/// How many exchanges lie between two looks at whether there is still something to act on.
const EXCHANGES: u32 = 16;

/// What a name is exchanged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bait {
    /// A link to what must not be touched.
    Symlink,
    /// One more name of a file that must not be touched.
    HardLink,
    /// A FIFO that nobody reads.
    Fifo,
}

/// What the program is to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Good {
    /// The name is a file.
    File,
    /// The name is a directory with this file in it.
    Holding(&'static str),
    /// The name is missing.
    Missing,
    /// The name is a directory in which this is missing.
    Lacking(&'static str),
}

/// One attack: `name` is a fresh thing to act on in one moment, and the bait in the next.
#[derive(Debug)]
pub(crate) struct Attack {
    /// The name that the program sees.
    pub(crate) name: PathBuf,
    /// Where the other one of the two is meanwhile.
    pub(crate) other: PathBuf,
    pub(crate) good: Good,
    pub(crate) bait: Bait,
    /// Where the bait leads.
    pub(crate) target: PathBuf,
    /// A folder with further names of the file outside, for when a bait was deleted.
    pub(crate) links: PathBuf,
}

impl Attack {
    /// Attacks while `work` runs; returns how often the names were exchanged.
    pub(crate) fn during(&self, work: impl FnOnce()) -> u64 {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let attacker = scope.spawn(|| {
                become_attacker();
                let mut exchanges = 0;
                while !done.load(Ordering::Relaxed) {
                    self.restock();
                    for _ in 0..EXCHANGES {
                        exchanges += u64::from(self.exchange());
                    }
                }
                exchanges
            });
            work();
            done.store(true, Ordering::Relaxed);
            attacker.join().expect("the attacker does not fail")
        })
    }

    fn exchange(&self) -> bool {
        let rename =
            |from: &Path, to: &Path, flags| renameat2(AT_FDCWD, from, AT_FDCWD, to, flags).is_ok();
        rename(&self.name, &self.other, RenameFlags::RENAME_EXCHANGE)
            || rename(&self.name, &self.other, RenameFlags::RENAME_NOREPLACE)
            || rename(&self.other, &self.name, RenameFlags::RENAME_NOREPLACE)
    }

    /// Both names are there again, and what is to be acted on is fresh.
    fn restock(&self) {
        let (mut good, mut bait, mut free) = (None, None, Vec::new());
        for path in [&self.other, &self.name] {
            match fs::symlink_metadata(path) {
                Ok(metadata) if self.is_good(&metadata) => good = Some(path),
                Ok(_) => bait = Some(path),
                Err(_) => free.push(path),
            }
        }
        if let Some(good) = good.or_else(|| free.pop()) {
            self.make_good(good);
        }
        if let (None, Some(free)) = (bait, free.pop()) {
            self.make_bait(free);
        }
    }

    fn is_good(&self, metadata: &fs::Metadata) -> bool {
        if self.good == Good::File {
            metadata.is_file() && metadata.nlink() == 1
        } else {
            metadata.is_dir()
        }
    }

    /// What fails here was moved away by the program a moment ago, and is made the next time.
    fn make_good(&self, path: &Path) {
        match self.good {
            Good::File => self.put_file(path),
            Good::Holding(inner) => {
                make_folder(path);
                let file = path.join(inner);
                if let Some(below) = file.parent() {
                    make_folder(below);
                }
                self.put_file(&file);
            }
            Good::Missing => drop(fs::remove_dir(path)),
            Good::Lacking(inner) => {
                make_folder(path);
                let _ = fs::remove_dir(path.join(inner));
            }
        }
    }

    fn put_file(&self, path: &Path) {
        let fresh = self.links.with_file_name("fresh");
        fs::write(&fresh, "a line\n".repeat(2500)).expect("the attacker can write the area");
        fs::set_permissions(&fresh, Permissions::from_mode(0o600)).expect("it is his own");
        old_file(&fresh);
        let _ = fs::rename(&fresh, path);
    }

    fn make_bait(&self, path: &Path) {
        match self.bait {
            Bait::Symlink => drop(symlink(&self.target, path)),
            Bait::Fifo => drop(mkfifo(path, Mode::from_bits_truncate(0o600))),
            Bait::HardLink => {
                let link = fs::read_dir(&self.links).expect("it is open to all").flatten().next();
                let link = link.expect("there are names enough").path();
                let _ = renameat2(AT_FDCWD, &link, AT_FDCWD, path, RenameFlags::RENAME_NOREPLACE);
            }
        }
    }
}

fn make_folder(path: &Path) {
    if fs::create_dir(path).is_ok() {
        let _ = fs::set_permissions(path, Permissions::from_mode(0o777));
    }
}

/// From here on the kernel allows this thread on files what it allows the attacker.
fn become_attacker() {
    setfsgid(Gid::from_raw(ATTACKER));
    setfsuid(Uid::from_raw(ATTACKER));
    assert_eq!(
        setfsuid(Uid::from_raw(u32::MAX)).as_raw(),
        ATTACKER,
        "root can become another user"
    );
}
