//! Files outside of every rule, which nobody may touch.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What must stay as it is. Names and reading may change a file's link count, ctime and atime; nothing else may be otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    ino: u64,
    mode: u32,
    owner: (u32, u32),
    mtime: (i64, i64),
    content: Option<Vec<u8>>,
}

/// A tree as it was.
#[derive(Debug)]
pub(crate) struct Canaries {
    root: PathBuf,
    were: BTreeMap<PathBuf, Look>,
}

impl Canaries {
    /// Notes how everything below `root` is now.
    pub(crate) fn note(root: &Path) -> Self {
        let mut were = BTreeMap::new();
        look(root, &mut were);
        Self { root: root.to_owned(), were }
    }

    pub(crate) fn len(&self) -> usize {
        self.were.len()
    }

    /// What is otherwise than it was.
    pub(crate) fn touched(&self) -> Vec<String> {
        let mut are = BTreeMap::new();
        look(&self.root, &mut are);
        let gone = self.were.keys().filter(|path| !are.contains_key(*path));
        let changed = are.iter().filter(|(path, look)| self.were.get(*path) != Some(look));
        let named = |path: &PathBuf, word| format!("{} {word}", path.display());
        gone.map(|path| named(path, "is gone"))
            .chain(changed.map(|(path, _)| named(path, "is otherwise")))
            .collect()
    }
}

fn look(path: &Path, all: &mut BTreeMap<PathBuf, Look>) {
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    if metadata.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            look(&entry.path(), all);
        }
    }
    let content = metadata.is_file().then(|| fs::read(path).unwrap_or_default());
    let look = Look {
        ino: metadata.ino(),
        mode: metadata.mode(),
        owner: (metadata.uid(), metadata.gid()),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        content,
    };
    all.insert(path.to_owned(), look);
}

#[cfg(test)]
mod tests {
    use evenkeel_tests::Scratch;

    use super::*;

    #[test]
    fn a_touched_a_new_and_a_missing_file_are_told() {
        let scratch = Scratch::new();
        for name in ["a", "b", "c"] {
            scratch.file(&format!("d/{name}"), name, 0o640);
        }
        let canaries = Canaries::note(&scratch.join("d"));
        assert_eq!((canaries.len(), canaries.touched()), (4, Vec::new()));
        scratch.chmod("d/a", 0o644);
        scratch.file("d/b", "x", 0o640);
        fs::remove_file(scratch.join("d/c")).unwrap();
        let touched = canaries.touched();
        let has = |words: &str| touched.iter().any(|line| line.ends_with(words));
        assert!(
            has("d/a is otherwise") && has("d/b is otherwise") && has("d/c is gone"),
            "{touched:?}"
        );
    }
}
