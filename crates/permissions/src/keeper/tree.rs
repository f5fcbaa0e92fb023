//! Which watched directory is where: pure.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::hash::Hash;
use std::path::{Path, PathBuf};

/// The watched directories below a root, each by its place in the one above it, so that a directory takes everything below
/// it along when it is moved.
#[derive(Debug)]
pub(super) struct Tree<K> {
    root: Option<K>,
    nodes: HashMap<K, Node<K>>,
}

#[derive(Debug)]
struct Node<K> {
    parent: K,
    name: Box<OsStr>,
}

impl<K: Copy + Eq + Hash> Tree<K> {
    pub(super) fn new() -> Self {
        Self { root: None, nodes: HashMap::new() }
    }

    pub(super) fn set_root(&mut self, root: K) {
        self.root = Some(root);
    }

    pub(super) fn is_root(&self, key: K) -> bool {
        self.root == Some(key)
    }

    /// Directories, the root included.
    pub(super) fn len(&self) -> usize {
        self.nodes.len() + usize::from(self.root.is_some())
    }

    pub(super) fn contains(&self, key: K) -> bool {
        self.is_root(key) || self.nodes.contains_key(&key)
    }

    /// Puts a directory in its place; one that was elsewhere has moved here.
    pub(super) fn put(&mut self, key: K, parent: K, name: &OsStr) {
        if !self.is_root(key) && key != parent {
            self.nodes.insert(key, Node { parent, name: name.into() });
        }
    }

    /// The path from the root; `None` for a directory that is not known to be below it.
    pub(super) fn path(&self, key: K) -> Option<PathBuf> {
        let mut names = Vec::new();
        let mut here = key;
        while !self.is_root(here) {
            let node = self.nodes.get(&here)?;
            names.push(&node.name);
            here = node.parent;
            // Places are learnt one by one: of two directories that changed places each may for a moment be below the other.
            if names.len() > self.nodes.len() {
                return None;
            }
        }
        Some(names.into_iter().rev().map(Path::new).collect())
    }

    /// Where an entry of a watched directory is; without a name: the directory itself.
    pub(super) fn locate(&self, key: K, name: Option<&OsString>) -> Option<PathBuf> {
        let directory = self.path(key)?;
        Some(name.map_or(directory.clone(), |name| directory.join(Path::new(name))))
    }

    /// Forgets a directory that is gone.
    pub(super) fn remove(&mut self, key: K) {
        self.nodes.remove(&key);
    }

    /// Forgets a directory and all below it; returns them.
    pub(super) fn remove_all(&mut self, top: K) -> Vec<K> {
        let mut below = HashSet::from([top]);
        let mut removed = vec![top];
        // One level at a time; a tree is seldom deep, and this is seldom asked.
        loop {
            let found = |(key, node): (&K, &Node<K>)| {
                (below.contains(&node.parent) && !below.contains(key)).then_some(*key)
            };
            let next: Vec<_> = self.nodes.iter().filter_map(found).collect();
            if next.is_empty() {
                break;
            }
            below.extend(&next);
            removed.extend(next);
        }
        for key in &removed {
            self.nodes.remove(key);
        }
        removed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> &OsStr {
        OsStr::new(text)
    }

    fn tree() -> Tree<u32> {
        let mut tree = Tree::new();
        tree.set_root(0);
        tree.put(1, 0, name("a"));
        tree.put(2, 1, name("b"));
        tree.put(3, 2, name("c"));
        tree
    }

    #[test]
    fn a_directory_takes_what_is_below_it_along() {
        let mut tree = tree();
        assert_eq!(tree.path(3), Some("a/b/c".into()));
        assert_eq!(tree.locate(0, Some(&"x".into())), Some("x".into()));
        assert_eq!(tree.locate(0, None), Some("".into()));
        tree.put(2, 0, name("moved"));
        assert_eq!(tree.locate(3, Some(&"x".into())), Some("moved/c/x".into()));
        assert_eq!((tree.path(9), tree.len()), (None, 4));
    }

    #[test]
    fn what_is_below_a_directory_that_left_is_forgotten() {
        let mut tree = tree();
        let mut removed = tree.remove_all(2);
        removed.sort_unstable();
        assert_eq!(removed, [2, 3]);
        assert_eq!((tree.path(2), tree.path(3), tree.len()), (None, None, 2));
        assert_eq!(tree.path(1), Some("a".into()));
    }

    proptest! {
        #[test]
        fn whatever_is_told_a_path_ends(
            places in proptest::collection::vec((0..12_u32, 0..12_u32), 0..40),
            gone in proptest::collection::vec(0..12_u32, 0..4),
        ) {
            let mut tree = tree();
            for (key, parent) in places {
                tree.put(key, parent, name("x"));
            }
            for key in gone {
                tree.remove_all(key);
            }
            for key in 0..12 {
                if let Some(path) = tree.path(key) {
                    prop_assert!(path.components().count() < tree.len());
                }
            }
            prop_assert_eq!(tree.path(0), Some(PathBuf::new()));
        }
    }
}
