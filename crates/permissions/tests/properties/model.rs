//! What a policy means, in the plainest words: a walk over a tree in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use evenkeel_permissions::{AclEntry, AclPolicy, AclWho, DEFAULT_MAX_DEPTH, Draft, Principal};
use evenkeel_safefs::Acl;

use crate::tree::{Folder, Node, victim};

/// What a policy can be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) access: Option<Acl>,
    pub(crate) default: Option<Acl>,
}

/// What must come of a tree.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) states: BTreeMap<PathBuf, State>,
    pub(crate) refused: BTreeSet<PathBuf>,
}

pub(crate) fn expect(root: &Folder, draft: &Draft) -> Expected {
    let mut expected = Expected::default();
    let mut owners: Vec<_> = draft.adopt_from.iter().map(id).collect();
    owners.push(draft.owner.as_ref().map_or(root.state.uid, id));
    if !nix::unistd::geteuid().is_root() {
        owners.push(nix::unistd::geteuid().as_raw());
    }
    let state = wanted(&root.state, draft, draft.directory_mode, true);
    expected.states.insert(draft.path.clone(), state);
    let model = Model { draft, owners };
    model.entries(root, &draft.path, 0, true, &mut expected);
    expected
}

struct Model<'a> {
    draft: &'a Draft,
    owners: Vec<u32>,
}

impl Model<'_> {
    /// The entries of a directory so many levels below the root; `counts` unless it is beyond what the policy is about.
    fn entries(&self, folder: &Folder, path: &Path, level: u32, counts: bool, to: &mut Expected) {
        for (name, node) in &folder.entries {
            let path = path.join(OsStr::from_bytes(name));
            let counts = counts && !any(&self.draft.exclude, name);
            match node {
                Node::Folder(below) => {
                    let counts = counts && self.draft.recursive;
                    let mode = self.draft.directory_mode;
                    self.entry(&path, &below.state, counts, mode, true, to);
                    let too_deep = level + 1 > self.draft.max_depth.unwrap_or(DEFAULT_MAX_DEPTH);
                    if counts && too_deep {
                        to.refused.insert(path.clone());
                    }
                    self.entries(below, &path, level + 1, counts && !too_deep, to);
                }
                Node::File(state) => {
                    let mode = self.file_mode(name);
                    self.entry(&path, state, counts && mode.is_some(), mode, false, to);
                }
                Node::HardLink => {
                    // The same file is outside, so it stays as it is, right or wrong.
                    let mode = self.file_mode(name);
                    if counts
                        && mode.is_some()
                        && wanted(&victim(), self.draft, mode, false) != victim()
                    {
                        to.refused.insert(path.clone());
                    }
                    to.states.insert(path, victim());
                }
                Node::Symlink | Node::Fifo => {
                    if counts && self.file_mode(name).is_some() {
                        to.refused.insert(path);
                    }
                }
            }
        }
    }

    fn entry(
        &self,
        path: &Path,
        state: &State,
        counts: bool,
        mode: Option<u32>,
        directory: bool,
        to: &mut Expected,
    ) {
        let mut after = state.clone();
        if counts {
            let wanted = wanted(state, self.draft, mode, directory);
            if wanted != *state && !self.owners.contains(&state.uid) {
                to.refused.insert(path.to_owned());
            } else {
                after = wanted;
            }
        }
        to.states.insert(path.to_owned(), after);
    }

    fn file_mode(&self, name: &[u8]) -> Option<u32> {
        let rule = self.draft.files.iter().find(|rule| matches(rule.glob.as_bytes(), name));
        rule.map(|rule| rule.mode)
    }
}

/// How an entry that the policy is about should be.
fn wanted(state: &State, draft: &Draft, mode: Option<u32>, directory: bool) -> State {
    let mut after = state.clone();
    after.uid = draft.owner.as_ref().map_or(after.uid, id);
    after.gid = draft.group.as_ref().map_or(after.gid, id);
    after.mode = mode.unwrap_or(after.mode);
    match (&draft.acl, mode) {
        (AclPolicy::Enforce(entries), Some(mode)) => {
            after.access = access_list(entries, mode, directory);
        }
        // What a mode says of a list is its first and last entry, and its mask.
        _ => {
            if let Some(acl) = &mut after.access {
                let of_mode = Acl::from_mode(after.mode);
                acl.owner = of_mode.owner;
                acl.mask = Some(of_mode.owning_group);
                acl.other = of_mode.other;
            }
        }
    }
    if let (Some(entries), true) = (&draft.default_acl, directory) {
        after.default = default_list(entries, draft.directory_mode);
    }
    after
}

fn access_list(entries: &[AclEntry], mode: u32, directory: bool) -> Option<Acl> {
    let mut acl = Acl::from_mode(mode);
    let group = acl.owning_group;
    put(&mut acl, entries, directory);
    let nobody = acl.users.is_empty() && acl.groups.is_empty();
    if nobody && acl.owning_group == group {
        return None;
    }
    acl.mask = Some(group);
    Some(acl)
}

fn default_list(entries: &[AclEntry], directory_mode: Option<u32>) -> Option<Acl> {
    if entries.is_empty() {
        return None;
    }
    let mut acl = Acl::from_mode(directory_mode.unwrap_or(0));
    put(&mut acl, entries, true);
    let named: Vec<_> = acl.users.values().chain(acl.groups.values()).copied().collect();
    if !named.is_empty() {
        acl.mask = Some(named.iter().fold(acl.owning_group, |mask, rights| mask | rights));
    }
    Some(acl)
}

fn put(acl: &mut Acl, entries: &[AclEntry], directory: bool) {
    for entry in entries {
        let rights = entry.rights | u8::from(entry.search && directory);
        match &entry.who {
            AclWho::Owner => acl.owner = rights,
            AclWho::OwningGroup => acl.owning_group = rights,
            AclWho::Other => acl.other = rights,
            AclWho::User(user) => drop(acl.users.insert(id(user), rights)),
            AclWho::Group(group) => drop(acl.groups.insert(id(group), rights)),
        }
    }
}

fn id(principal: &Principal) -> u32 {
    match principal {
        Principal::Id(id) => *id,
        Principal::Name(name) => panic!("`{name}`: these policies have numbers only"),
    }
}

fn any(globs: &[String], name: &[u8]) -> bool {
    globs.iter().any(|glob| matches(glob.as_bytes(), name))
}

/// `*` stands for any bytes; the globs of these tests have nothing else.
fn matches(glob: &[u8], name: &[u8]) -> bool {
    match (glob, name) {
        ([], []) => true,
        ([b'*', glob @ ..], _) if matches(glob, name) => true,
        ([b'*', ..], [_, name @ ..]) => matches(glob, name),
        ([one, glob @ ..], [other, name @ ..]) => one == other && matches(glob, name),
        _ => false,
    }
}
