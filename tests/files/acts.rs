//! What the programs are told to do to files, and the same work by path, as a script would do it.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_tests::{Daemon, Finished, LONG, Scratch, find_bin};
use nix::sys::signal::Signal;

use crate::area::{ATTACKER, count, program};
use crate::attacker::is_due;

/// A user, and a group, to whom things are given, who is neither root nor the attacker.
pub(crate) const HEIR: u32 = 65533;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Chmod,
    Chown,
    Acl,
    Delete,
    /// A directory with what is in it.
    DeleteTree,
    Trash,
    /// Into the trash and out again.
    Undo,
    Compress,
    Truncate,
    Create,
    /// As `Chmod`, whenever the kernel says that something changed.
    Watch,
}

pub(crate) const ACTS: [Act; 11] = [
    Act::Chmod,
    Act::Chown,
    Act::Acl,
    Act::Delete,
    Act::DeleteTree,
    Act::Trash,
    Act::Undo,
    Act::Compress,
    Act::Truncate,
    Act::Create,
    Act::Watch,
];

/// A watch ends after so many repairs, because it backs off from who puts one entry wrong again and again.
const REPAIRS: usize = 4;
/// How often an undo is tried.
const UNDO_TRIES: u32 = 6;
const WATCHED: Duration = Duration::from_millis(400);

/// Root's files may be adopted, so that nothing but the number of names protects those outside.
const FILES: &str = "--match *.hash --recursive --adopt-from 0 --adopt-from 65534";
const OLD: &str = "--match *.hash --recursive --older-than 1d --age-by mtime";
const TREES: &str = "--match d --unit directory --older-than 1d --age-by mtime";
const LARGE: &str = "--match *.hash --recursive --larger-than 8KiB --keep-tail 4KiB";

impl Act {
    /// The program, its command, and the rule.
    fn words(self, root: &Path) -> (&'static str, &'static str, String) {
        let permissions = |rule: String| ("evenkeel-permissions", "fix", rule);
        let cleanup = |rule: String| ("evenkeel-cleanup", "apply", rule);
        match self {
            Self::Chmod => permissions(format!("{FILES} --mode 0644")),
            Self::Watch => ("evenkeel-permissions", "watch", format!("{FILES} --mode 0644")),
            // In a directory of the attacker only he may own a root, so there it is given to a group.
            Self::Chown if root.ends_with("above/root") => {
                permissions(format!("{FILES} --mode 0600 --group {HEIR}"))
            }
            Self::Chown => permissions(format!("{FILES} --mode 0600 --owner {HEIR}")),
            Self::Acl => permissions(format!(
                "{FILES} --mode 0640 --acl user:{HEIR}:r-- \
                 --default-acl user::rw- --default-acl group::r-- --default-acl other::---"
            )),
            Self::Create => permissions(format!("--create --dir-mode 0755 --owner {ATTACKER}")),
            Self::Delete => cleanup(OLD.to_owned()),
            Self::DeleteTree => cleanup(TREES.to_owned()),
            Self::Trash | Self::Undo => cleanup(format!("{OLD} --action trash")),
            Self::Compress => cleanup(format!("{OLD} --action compress")),
            Self::Truncate => cleanup(format!("{LARGE} --action truncate")),
        }
    }

    /// Has the program do it in the rule's root.
    pub(crate) fn run(self, root: &Path) -> Finished {
        let (name, command, rule) = self.words(root);
        let args = [command.as_ref(), root.as_os_str(), "--json".as_ref()].into_iter();
        let args = args.chain(rule.split_whitespace().map(AsRef::as_ref));
        match self {
            Self::Watch => watch(args),
            Self::Undo => undo(&program(name, args), root),
            _ => program(name, args),
        }
    }

    /// How many entries the program says to have changed.
    pub(crate) fn done(self, finished: &Finished) -> usize {
        match self {
            Self::Watch => repairs(&finished.stdout),
            Self::Undo => finished.stdout.matches(r#""path""#).count(),
            Self::Delete | Self::DeleteTree | Self::Trash | Self::Compress | Self::Truncate => {
                count(finished, "taken")
            }
            _ => count(finished, "repaired"),
        }
    }

    /// The same by path: looks at the name, and if that is in order acts on the name.
    ///
    /// In between others get their turn, as they do where a script starts a program for the act.
    pub(crate) fn by_path(self, root: &Path, file: &Path) {
        if self == Self::Create {
            if fs::create_dir(root).is_ok() {
                std::thread::yield_now();
                let _ = chown(root, Some(ATTACKER), None);
            }
            return;
        }
        if !is_due(file) {
            return;
        }
        std::thread::yield_now();
        match self {
            Self::Chmod => drop(fs::set_permissions(file, Permissions::from_mode(0o644))),
            Self::Acl => drop(fs::set_permissions(file, Permissions::from_mode(0o640))),
            Self::Chown => drop(chown(file, Some(HEIR), Some(HEIR))),
            Self::Delete | Self::Trash => drop(fs::remove_file(file)),
            Self::Truncate => {
                let opened = OpenOptions::new().write(true).open(file);
                let _ = opened.and_then(|file| file.set_len(4096));
            }
            Self::Create | Self::DeleteTree | Self::Undo | Self::Compress | Self::Watch => {}
        }
    }
}

/// Brings back what a run has put into the trash; says what came back, and nothing of what did not.
fn undo(trashed: &Finished, root: &Path) -> Finished {
    let nothing = Finished { code: None, stdout: String::new(), stderr: String::new() };
    let Ok(report) = serde_json::from_str::<serde_json::Value>(&trashed.stdout) else {
        return nothing;
    };
    let Some(id) = report[0]["run"].as_str() else { return nothing };
    let args = ["undo".as_ref(), id.as_ref(), root.as_os_str(), "--json".as_ref()];
    // At the first try the bait may be where the root, or a directory on the way to the place, should be.
    let tries = (0..UNDO_TRIES).map(|_| {
        let undone = program("evenkeel-cleanup", args);
        let report: serde_json::Value = serde_json::from_str(&undone.stdout).unwrap_or_default();
        Finished { stdout: report["restored"].to_string(), ..undone }
    });
    let is_back = |undone: &Finished| undone.stdout.contains("path");
    tries.into_iter().find(is_back).unwrap_or(nothing)
}

/// Watches for a moment, or until enough was repaired.
fn watch<'a>(args: impl Iterator<Item = &'a OsStr>) -> Finished {
    let scratch = Scratch::new();
    let program = find_bin("evenkeel-permissions");
    let mut watch = Daemon::start("watch", program, args, &scratch.join("log"));
    let started = Instant::now();
    // It may end by itself: the root may be the bait just now.
    while watch.ended().is_none() && started.elapsed() < WATCHED && repairs(&watch.log()) < REPAIRS
    {
        std::thread::yield_now();
    }
    if watch.ended().is_none() {
        watch.signal(Signal::SIGTERM);
    }
    let code = watch.wait(LONG).code();
    Finished { code, stdout: watch.log(), stderr: String::new() }
}

/// Repairs that a watch has told of.
fn repairs(log: &str) -> usize {
    log.matches(r#""after":"0644""#).count()
}
