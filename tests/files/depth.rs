//! Trees deeper than a path can say.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::Command;

use evenkeel_tests::{Finished, Scratch, find_bin, run};
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fstat, mkdirat};

use crate::area::{count, finish};

/// No descriptor a level, then: the programs must do with so few, whatever the depth.
const DESCRIPTORS: u32 = 64;

/// One folder in the other, with a file `f` in each, opened one by one: no path reaches that far.
struct Deep {
    scratch: Scratch,
    levels: u32,
}

impl Deep {
    fn new(levels: u32) -> Self {
        let scratch = Scratch::new();
        let mut here = open(&scratch.folder("root", 0o755));
        for level in 0..levels {
            // Work only where it tells something: near the top, and at the very end.
            let work = level < 2 || level + 1 == levels;
            let mode = if work { 0o700 } else { 0o711 };
            mkdirat(&here, NAME, Mode::from_bits_truncate(mode)).expect("a folder can be made");
            here = enter(&here);
            if work {
                put_file(&here);
            }
        }
        Self { scratch, levels }
    }

    /// The mode of the deepest folder, and of the file in it if that is there.
    fn bottom(&self) -> (u32, Option<u32>) {
        let here = (0..self.levels).fold(open(&self.scratch.join("root")), |here, _| enter(&here));
        let mode = |stat: nix::libc::stat| stat.st_mode & 0o7777;
        let file =
            nix::sys::stat::fstatat(&here, "f.hash", nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW);
        (mode(fstat(&here).expect("it is open")), file.ok().map(mode))
    }

    fn run(&self, name: &str, command: &str, section: &str, rule: &str) -> Finished {
        let path = self.scratch.join("root");
        let text = format!(
            "[{section}.deep]\npath = {:?}\nrecursive = true\n{rule}\n",
            path.display().to_string()
        );
        let settings = self.scratch.file("evenkeel.toml", &text, 0o600);
        finish(
            Command::new("timeout")
                .args(["20", "prlimit", &format!("--nofile={DESCRIPTORS}:{DESCRIPTORS}")])
                .arg(find_bin(name))
                .args([command, "--json", "--config"])
                .arg(settings),
        )
    }

    fn fix(&self, max_depth: &str) -> Finished {
        let rule = format!(
            "directory_mode = \"0711\"\nfiles = [{{ match = \"*.hash\", mode = \"0644\" }}]\n{max_depth}"
        );
        self.run("evenkeel-permissions", "fix", "permissions", &rule)
    }

    fn delete(&self, max_depth: &str) -> Finished {
        // Larger than nothing: no name reaches the file, so that its times cannot be set.
        let rule =
            format!("match = [\"*.hash\"]\nlarger_than = \"1B\"\naction = \"delete\"\n{max_depth}");
        self.run("evenkeel-cleanup", "apply", "cleanup", &rule)
    }
}

impl Drop for Deep {
    fn drop(&mut self) {
        run("rm", ["-rf".as_ref(), self.scratch.join("root").as_os_str()], None);
    }
}

const NAME: &str = "a-folder-with-a-name";

fn open(path: &Path) -> OwnedFd {
    fs::File::open(path).expect("a folder can be opened").into()
}

fn enter(here: &OwnedFd) -> OwnedFd {
    openat(here, NAME, OFlag::O_DIRECTORY, Mode::empty()).expect("a folder can be entered")
}

fn put_file(here: impl AsFd) {
    let create = OFlag::O_CREAT | OFlag::O_WRONLY;
    let file = openat(here, "f.hash", create, Mode::from_bits_truncate(0o600))
        .expect("a file can be made");
    nix::unistd::write(&file, b"some bytes").expect("it can be written");
}

#[test]
fn trees_beyond_the_longest_path_are_worked_on_to_the_bottom() {
    for levels in [300, 4000] {
        let deep = Deep::new(levels);
        let fixed = deep.fix("max_depth = 4100");
        assert_eq!(
            fixed.code,
            Some(0),
            "{levels} levels: {} {}",
            head(&fixed.stdout),
            head(&fixed.stderr)
        );
        assert_eq!(deep.bottom(), (0o711, Some(0o644)), "{levels} levels");
        let deleted = deep.delete("max_depth = 4100");
        assert_eq!(
            deleted.code,
            Some(0),
            "{levels} levels: {} {}",
            head(&deleted.stdout),
            head(&deleted.stderr)
        );
        assert_eq!((deep.bottom().1, count(&deleted, "taken")), (None, 3), "{levels} levels");
    }
}

#[test]
fn what_is_deeper_than_allowed_is_said() {
    let deep = Deep::new(100);
    for (limit, reached) in [("", 64), ("max_depth = 10", 10)] {
        for finished in [deep.fix(limit), deep.delete(limit)] {
            let said = format!("{}{}", finished.stdout, finished.stderr);
            assert!(matches!(finished.code, Some(1 | 3)), "{limit}: {}", head(&said));
            assert!(said.contains(&format!("more than {reached} levels")), "{}", head(&said));
            assert_eq!(deep.bottom(), (0o700, Some(0o600)), "what is deeper stays as it is");
        }
    }
}

fn head(text: &str) -> String {
    text.chars().take(1500).collect()
}
