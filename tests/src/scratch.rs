use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use evenkeel_safefs::{Root, Trust, find_writer};
use tempfile::TempDir;

use crate::{LONG, run, until};

/// A directory of one test, removed at its end.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
}

/// A process that another test is about to start has for a moment all that is open here: to the programs under test the file would
/// look like one that is written to, and to the kernel like a script that cannot be run.
fn until_nobody_writes(path: &Path) {
    let (folder, name) =
        (path.parent().expect("it is in one"), path.file_name().expect("it has one"));
    let root = Root::open(folder, Trust::Vouched).expect("it is there");
    let identity = root.dir().look(name).expect("it is there").identity;
    let reader = fs::File::open(path).expect("it can be read");
    until("nobody writes to the new file", LONG, || {
        find_writer(&reader, &identity).expect("it can be told").is_none()
    });
}

impl Scratch {
    /// A new, empty one.
    pub fn new() -> Self {
        // The default directory's path is short: a socket's must stay below 108 bytes.
        Self {
            folder: tempfile::Builder::new()
                .prefix("ek-")
                .tempdir()
                .expect("a scratch directory can be made"),
        }
    }

    /// A new one in this directory.
    pub fn below(folder: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("ek-").tempdir_in(folder);
        Self { folder: folder.expect("a scratch directory can be made") }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of `name` in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Makes the directory `name` in it with this mode.
    pub fn folder(&self, name: &str, mode: u32) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(&path).expect("a directory can be made");
        set_mode(&path, mode);
        path
    }

    /// Writes the file `name` in it, with this mode, and the directories above it.
    pub fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(path.parent().expect("it is below the scratch directory"))
            .expect("a directory can be made");
        fs::write(&path, text).expect("a file can be written");
        until_nobody_writes(&path);
        set_mode(&path, mode);
        path
    }

    /// Writes an executable shell script.
    pub fn script(&self, name: &str, lines: &str) -> PathBuf {
        self.file(name, &format!("#!/bin/sh\n{lines}\n"), 0o755)
    }

    /// Makes the file `name` in it look `days` and one hour old by its mtime.
    pub fn age(&self, name: &str, days: u32) {
        let touched =
            run("touch", ["-d", &format!("{} hours ago", days * 24 + 1), name], Some(self.path()));
        assert_eq!(touched.code, Some(0), "{touched:?}");
    }

    /// How many lines the file `name` in it has; none if it is not there, as before a script's first run.
    pub fn lines(&self, name: &str) -> usize {
        fs::read_to_string(self.join(name)).unwrap_or_default().lines().count()
    }

    /// The permission bits of `name` in it.
    pub fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.join(name)).expect("it exists").permissions().mode() & 0o7777
    }

    /// Changes the permission bits of `name` in it.
    pub fn chmod(&self, name: &str, mode: u32) {
        set_mode(&self.join(name), mode);
    }

    /// Names, kinds, modes, sizes and times of everything below `name`: equal before and after means that nothing was written.
    pub fn snapshot(&self, name: &str) -> Vec<String> {
        let format = "%P %y %m %U %G %s %T@ %l\n";
        let found =
            run("find", [self.join(name).as_os_str(), "-printf".as_ref(), format.as_ref()], None);
        let mut lines: Vec<_> = found.stdout.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .expect("the mode of an own file can be set");
}
