//! The trees that are worked on: folders of a thousand files, names as in the plan that evenkeel replaces.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::stop::Scratch;

const FILES_A_FOLDER: u64 = 1000;
/// Older than the week that the rules speak of.
const AGE: Duration = Duration::from_hours(24 * 10);

pub(crate) struct Tree {
    scratch: Scratch,
    files: u64,
}

impl Tree {
    /// A tree of so many files in `place`, all of them right and old.
    pub(crate) fn new(place: &Path, files: u64) -> Self {
        let tree = Self { scratch: Scratch::new(place), files };
        folder(&tree.root());
        tree.fill();
        tree
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.scratch.path().join("root")
    }

    /// The folder that holds the tree and goes with it.
    pub(crate) fn beside(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes a file beside the tree.
    pub(crate) fn write_beside(&self, name: &str, text: &str) -> PathBuf {
        let path = self.scratch.path().join(name);
        fs::write(&path, text).expect("a file can be written");
        path
    }

    /// Makes all files that are not there.
    pub(crate) fn fill(&self) {
        let old = SystemTime::now() - AGE;
        for number in 0..self.files.div_ceil(FILES_A_FOLDER) {
            folder(&self.folder(number));
        }
        for path in self.paths() {
            let file = File::create(path).expect("a file can be made");
            file.set_permissions(Permissions::from_mode(0o644)).expect("its mode can be set");
            file.set_modified(old).expect("its time can be set");
        }
    }

    /// Gives all files a wrong mode.
    pub(crate) fn spoil(&self) {
        for path in self.paths() {
            fs::set_permissions(path, Permissions::from_mode(0o600)).expect("its mode can be set");
        }
    }

    /// How many files have this mode.
    pub(crate) fn with_mode(&self, wanted: u32) -> u64 {
        let mode = |path: PathBuf| fs::metadata(path).map(|found| found.permissions().mode());
        let right = |path| mode(path).is_ok_and(|mode| mode & 0o7777 == wanted);
        self.paths().map(right).map(u64::from).sum()
    }

    /// How many files are there.
    pub(crate) fn count(&self) -> u64 {
        self.paths().map(|path| u64::from(path.exists())).sum()
    }

    /// All files, folder by folder.
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        (0..self.files).map(|number| {
            let folder = self.folder(number / FILES_A_FOLDER);
            folder.join(format!("worker-{:03}.hash", number % FILES_A_FOLDER))
        })
    }

    pub(crate) fn folder(&self, number: u64) -> PathBuf {
        self.root().join(format!("d{number:03}"))
    }
}

fn folder(path: &Path) {
    let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.expect("a folder can be made");
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("its mode can be set");
}
