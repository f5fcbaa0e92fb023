//! Random trees, in memory and on disk.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use evenkeel_safefs::{Access, Acl, AclKind, Lists, Root, Terms, Trust, Wish};
use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::model::State;

/// So few that they meet the globs, and each other at several levels.
const NAMES: [&[u8]; 10] = [
    b"a.hash",
    b"b.hash",
    b"\xff\n.hash",
    b"-rf",
    b"skip",
    b"sub",
    b"sub.hash",
    b"link",
    b"x y",
    b"other",
];
/// A directory with what is in it.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) state: State,
    pub(crate) entries: BTreeMap<Vec<u8>, Node>,
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Folder(Folder),
    File(State),
    /// One more name of a file outside.
    HardLink,
    /// A link to a directory outside.
    Symlink,
    Fifo,
}

/// All twelve bits.
pub(crate) fn mode() -> impl Strategy<Value = u32> {
    prop_oneof![3 => select(vec![0o600_u32, 0o640, 0o644, 0o755]), 2 => 0..=0o7777_u32]
}

/// An ordinary user could not look into a directory that is closed to himself.
pub(crate) fn directory_mode() -> impl Strategy<Value = u32> {
    let own = if is_root() { 0 } else { 0o700 };
    mode().prop_map(move |mode| mode | own)
}

/// Users and groups that occur; an ordinary user can give nothing to another.
pub(crate) fn principal_ids() -> Vec<u32> {
    if is_root() { vec![0, 65531, 65532] } else { vec![nix::unistd::geteuid().as_raw()] }
}

pub(crate) fn folder() -> impl Strategy<Value = Folder> {
    let leaf = prop_oneof![
        7 => state(mode(), Just(None)).prop_map(Node::File),
        3 => Just(Node::HardLink),
        1 => Just(Node::Symlink),
        1 => Just(Node::Fifo),
    ];
    let node = leaf.prop_recursive(3, 24, 5, |node| folder_of(node).prop_map(Node::Folder));
    folder_of(node)
}

fn folder_of(node: impl Strategy<Value = Node>) -> impl Strategy<Value = Folder> {
    let names = select(NAMES.to_vec()).prop_map(<[u8]>::to_vec);
    let entries = btree_map(names, node, 0..6);
    let default = option::weighted(0.2, acl(0o750));
    (state(directory_mode(), default), entries)
        .prop_map(|(state, entries)| Folder { state, entries })
}

fn state(
    mode: impl Strategy<Value = u32>,
    default: impl Strategy<Value = Option<Acl>>,
) -> impl Strategy<Value = State> {
    let ids = || select(principal_ids());
    let list = mode.prop_flat_map(|mode| (Just(mode), option::weighted(0.25, acl(mode))));
    (list, ids(), ids(), default).prop_map(|((mode, access), uid, gid, default)| State {
        mode,
        uid,
        gid,
        access,
        default,
    })
}

/// A list that names somebody, and whose mode this is.
fn acl(mode: u32) -> impl Strategy<Value = Acl> {
    let users = btree_map(select(vec![65531, 65532, 65533_u32]), 0..8_u8, 1..3);
    (users, 0..8_u8).prop_map(move |(users, owning_group)| {
        let of_mode = Acl::from_mode(mode);
        Acl { users, owning_group, mask: Some(of_mode.owning_group), ..of_mode }
    })
}

/// How a file outside looks that has further names inside.
pub(crate) fn victim() -> State {
    let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    State { mode: 0o600, uid, gid, access: None, default: None }
}

impl Folder {
    /// Makes it on disk.
    pub(crate) fn make(&self, path: &Path, outside: &Path) {
        fs::create_dir(path).unwrap();
        for (name, node) in &self.entries {
            let path = path.join(OsStr::from_bytes(name));
            match node {
                Node::Folder(folder) => folder.make(&path, outside),
                Node::File(state) => {
                    fs::write(&path, "").unwrap();
                    give(&path, state);
                }
                Node::HardLink => fs::hard_link(outside.join("victim"), &path).unwrap(),
                Node::Symlink => symlink(outside.join("sub"), &path).unwrap(),
                Node::Fifo => {
                    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
                }
            }
        }
        give(path, &self.state);
    }
}

/// What links lead to, and has the names that the policies are about.
pub(crate) fn make_outside(outside: &Path) {
    fs::create_dir_all(outside.join("sub")).unwrap();
    for name in ["victim", "sub/a.hash", "sub/sub"] {
        fs::write(outside.join(name), "").unwrap();
        fs::set_permissions(outside.join(name), PermissionsExt::from_mode(victim().mode)).unwrap();
    }
}

fn give(path: &Path, state: &State) {
    chown(path, Some(state.uid), Some(state.gid)).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(state.mode)).unwrap();
    if state.access.is_none() && state.default.is_none() {
        return;
    }
    let root = Root::open(path.parent().unwrap(), Trust::Vouched).unwrap();
    let terms = Terms { mnt_id: root.metadata().identity.mnt_id, owners: None };
    let judged = root.dir().pin(path.file_name().unwrap()).unwrap().judge(&terms).unwrap();
    let lists = Lists {
        access: state.access.as_ref().map_or(Wish::Leave, Wish::Set),
        default: state.default.as_ref().map_or(Wish::Leave, Wish::Set),
    };
    judged.set(Access { mode: state.mode, uid: state.uid, gid: state.gid }, lists).unwrap();
}

/// Every file and directory from `folder` on, as it is.
pub(crate) fn look_at_all(folder: &Path) -> BTreeMap<PathBuf, State> {
    let mut states = BTreeMap::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(path) = todo.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if !metadata.is_file() {
            continue;
        }
        let root = Root::open(path.parent().unwrap(), Trust::Vouched).unwrap();
        let pinned = root.dir().pin(path.file_name().unwrap()).unwrap();
        let state = State {
            mode: metadata.mode() & 0o7777,
            uid: metadata.uid(),
            gid: metadata.gid(),
            access: pinned.acl(AclKind::Access).unwrap(),
            default: metadata.is_dir().then(|| pinned.acl(AclKind::Default).unwrap()).flatten(),
        };
        states.insert(path, state);
    }
    states
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
