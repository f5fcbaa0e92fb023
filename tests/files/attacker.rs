//! A thread that works on files as another user and exchanges names as fast as it can.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, mkfifo, setfsgid, setfsuid};

use crate::area::{ATTACKER, Ended, old_file, old_folder};

/// How many exchanges lie between two looks at whether there is still something to act on.
const EXCHANGES: u32 = 16;
/// Between two exchanges he waits for so long at most, so that a program is met at each of its steps, not only at its first.
const LONGEST_PAUSE_MICROS: u64 = 128;
/// Every so many looks, what is to be acted on is a new one.
const RENEWAL: u64 = 8;

/// What a name is exchanged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bait {
    /// A link to what must not be touched.
    Symlink,
    /// One more name of a file that must not be touched.
    HardLink,
    /// A FIFO that nobody reads.
    Fifo,
    /// A directory of his own.
    Folder,
    /// The file of this number, of a third user; there is one only.
    Precious(u64),
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
    /// The name is one that the program itself uses; beside it is this file to act on.
    Beside(&'static str),
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
    /// A folder for what is of no more use.
    pub(crate) junk: PathBuf,
    /// Whether what is to be acted on is a new one now and then, although the old one would still do.
    pub(crate) renewed: bool,
    /// Only at every so many looks there is something to act on again: what comes back finds its name taken else.
    pub(crate) patience: u64,
}

impl Attack {
    /// Attacks while `work` runs; returns how often the names were exchanged.
    pub(crate) fn during(&self, work: impl FnOnce()) -> u64 {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let attacker = scope.spawn(|| {
                become_attacker();
                let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
                let mut exchanges = 0;
                while !done.load(Ordering::Relaxed) {
                    self.restock(&mut chance);
                    for _ in 0..EXCHANGES {
                        exchanges += u64::from(self.exchange());
                        chance.pause();
                    }
                }
                exchanges
            });
            let ended = Ended(&done);
            work();
            drop(ended);
            attacker.join().expect("the attacker does not fail")
        })
    }

    fn exchange(&self) -> bool {
        move_to(&self.name, &self.other, RenameFlags::RENAME_EXCHANGE)
            || move_to(&self.name, &self.other, RenameFlags::RENAME_NOREPLACE)
            || move_to(&self.other, &self.name, RenameFlags::RENAME_NOREPLACE)
    }

    /// Both names are there again, and what is to be acted on is as it was.
    fn restock(&self, chance: &mut Chance) {
        let (mut good, mut bait, mut free) = (None, None, Vec::new());
        for path in [&self.other, &self.name] {
            match fs::symlink_metadata(path) {
                Ok(metadata) if self.is_bait(&metadata) => bait = Some(path),
                Ok(_) => good = Some(path),
                Err(_) => free.push(path),
            }
        }
        let renewed = self.renewed && chance.next().is_multiple_of(RENEWAL);
        if !chance.next().is_multiple_of(self.patience) {
            // What is there will do, or nothing.
        } else if let Good::Beside(file) = self.good {
            self.put_file(&self.name.with_file_name(file), renewed);
        } else if let Some(good) = good.or_else(|| free.pop()) {
            self.make_good(good, renewed);
        }
        if let (None, Some(free)) = (bait, free.pop()) {
            self.make_bait(free, chance);
        }
    }

    fn is_bait(&self, metadata: &fs::Metadata) -> bool {
        match self.bait {
            Bait::Symlink => metadata.is_symlink(),
            Bait::HardLink => metadata.nlink() > 1 && metadata.is_file(),
            Bait::Fifo => !metadata.is_file() && !metadata.is_dir(),
            Bait::Folder => metadata.is_dir() && metadata.uid() == ATTACKER,
            Bait::Precious(ino) => metadata.ino() == ino,
        }
    }

    /// What fails here was moved away by the program a moment ago, and is made the next time.
    fn make_good(&self, path: &Path, renewed: bool) {
        match self.good {
            Good::File => self.put_file(path, renewed),
            Good::Holding(inner) => {
                self.make_folder(path);
                let file = path.join(inner);
                if let Some(below) = file.parent() {
                    self.make_folder(below);
                }
                self.put_file(&file, renewed);
                // A directory is as young as the youngest thing in it, itself included.
                old_folder(path);
            }
            Good::Missing => drop(fs::remove_dir(path)),
            Good::Lacking(inner) => {
                self.make_folder(path);
                let _ = fs::remove_dir(path.join(inner));
            }
            Good::Beside(_) => {}
        }
    }

    fn put_file(&self, path: &Path, renewed: bool) {
        if !renewed && is_due(path) {
            return;
        }
        let fresh = self.junk.join("fresh");
        fs::write(&fresh, "a line\n".repeat(2500)).expect("the attacker can write the area");
        fs::set_permissions(&fresh, Permissions::from_mode(0o600)).expect("it is his own");
        old_file(&fresh);
        let _ = fs::rename(&fresh, path);
    }

    /// A directory of his own; one that was given to another by now goes out of the way.
    fn make_folder(&self, path: &Path) {
        let his = |metadata: &fs::Metadata| {
            (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
                == (ATTACKER, ATTACKER, 0o777)
        };
        match fs::symlink_metadata(path) {
            Ok(metadata) if his(&metadata) => return,
            Ok(metadata) => {
                let _ = fs::rename(path, self.junk.join(metadata.ino().to_string()));
            }
            Err(_) => {}
        }
        if fs::create_dir(path).is_ok() {
            let _ = fs::set_permissions(path, Permissions::from_mode(0o777));
        }
    }

    fn make_bait(&self, path: &Path, chance: &mut Chance) {
        match self.bait {
            Bait::Symlink => drop(symlink(&self.target, path)),
            Bait::Folder => self.make_folder(path),
            Bait::Fifo => drop(mkfifo(path, Mode::from_bits_truncate(0o600))),
            Bait::HardLink => {
                let link = fs::read_dir(&self.links).expect("it is open to all").flatten().next();
                let link = link.expect("there are names enough").path();
                move_to(&link, path, RenameFlags::RENAME_NOREPLACE);
            }
            Bait::Precious(ino) => {
                // It was moved away and given back under another name, or is on its way.
                let folder = path.parent().expect("it is in a folder");
                let entries = fs::read_dir(folder).expect("it is open to all").flatten();
                let mut returned = entries
                    .filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.ino() == ino));
                if let Some(entry) = returned.next() {
                    move_to(&entry.path(), path, RenameFlags::RENAME_NOREPLACE);
                }
                chance.pause();
            }
        }
    }
}

/// Whether each act of these tests would still do something to the file: it is as the attacker made it.
pub(crate) fn is_due(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| {
        metadata.is_file()
            && metadata.nlink() == 1
            && (metadata.uid(), metadata.gid()) == (ATTACKER, ATTACKER)
            && metadata.mode() & 0o7777 == 0o600
            && metadata.len() > 8192
    })
}

fn move_to(from: &Path, to: &Path, flags: RenameFlags) -> bool {
    renameat2(AT_FDCWD, from, AT_FDCWD, to, flags).is_ok()
}

/// The same pauses in each run of the tests (xorshift).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Half of the time none at all.
    fn pause(&mut self) {
        let chance = self.next();
        if chance.is_multiple_of(2) {
            return;
        }
        let pause = Duration::from_micros((chance >> 32) % LONGEST_PAUSE_MICROS);
        let started = Instant::now();
        while started.elapsed() < pause {
            std::hint::spin_loop();
        }
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
