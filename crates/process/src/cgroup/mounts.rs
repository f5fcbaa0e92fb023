//! Where the hierarchies of cgroups are mounted, and which place in each of them a process has.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// One mounted hierarchy, by `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) controllers: Controllers,
    /// The cgroup that the mount shows at its top: not `/` inside many containers.
    root: Vec<u8>,
    pub(crate) point: PathBuf,
}

/// Which hierarchy a mount is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Controllers {
    /// Version 2: all in one.
    Unified,
    /// Version 1: these, or a name such as `name=systemd`.
    Legacy(Vec<String>),
}

/// One line of `/proc/PID/cgroup`: which hierarchy, and the place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) controllers: Controllers,
    pub(crate) path: Vec<u8>,
}

/// Every mounted hierarchy; of two at one place the later, which hides the other.
pub(crate) fn parse_mounts(text: &[u8]) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for mount in text.split(|byte| *byte == b'\n').filter_map(parse_mount) {
        mounts.retain(|other| other.point != mount.point);
        mounts.push(mount);
    }
    mounts
}

/// `36 35 98:0 /root /point options [optional…] - type source options`.
fn parse_mount(line: &[u8]) -> Option<Mount> {
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let dash = words.iter().position(|word| *word == b"-")?;
    let controllers = match *words.get(dash + 1)? {
        b"cgroup2" => Controllers::Unified,
        b"cgroup" => legacy(str::from_utf8(words.get(dash + 3)?).ok()?),
        _ => return None,
    };
    let point = PathBuf::from(OsString::from_vec(unescaped(words.get(4)?)));
    Some(Mount { controllers, root: unescaped(words.get(3)?), point })
}

/// Each line is `number:controllers:path`. The kernel takes no name with a newline.
pub(crate) fn parse_memberships(text: &[u8]) -> Vec<Membership> {
    let line = |line: &[u8]| {
        let mut fields = line.splitn(3, |byte| *byte == b':');
        let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let controllers = match (number, controllers) {
            (b"0", b"") => Controllers::Unified,
            (_, controllers) => legacy(str::from_utf8(controllers).ok()?),
        };
        Some(Membership { controllers, path: path.to_vec() })
    };
    text.split(|byte| *byte == b'\n').filter_map(line).collect()
}

fn legacy(names: &str) -> Controllers {
    Controllers::Legacy(names.split(',').map(str::to_owned).collect())
}

impl Controllers {
    pub(crate) fn has(&self, controller: &str) -> bool {
        matches!(self, Self::Legacy(names) if names.iter().any(|name| name == controller))
    }
}

impl Mount {
    /// Whether `directory` is its top or lies below it.
    pub(crate) fn shows(&self, directory: &Path) -> bool {
        directory.starts_with(&self.point)
            && directory.components().all(|part| part != std::path::Component::ParentDir)
    }

    /// The directory of the cgroup at `path`, if this mount shows it.
    pub(crate) fn directory_of(&self, path: &[u8]) -> Option<PathBuf> {
        // `..` is how the kernel shows what lies outside of the caller's cgroup namespace.
        if !path.starts_with(b"/") || path.split(|byte| *byte == b'/').any(|part| part == b"..") {
            return None;
        }
        let root = self.root.strip_suffix(b"/").unwrap_or(&self.root);
        let below = path.strip_prefix(root)?;
        if !below.is_empty() && !below.starts_with(b"/") {
            return None;
        }
        // All of them: joined to something that begins with one, a path is that alone.
        let slashes = below.iter().take_while(|byte| **byte == b'/').count();
        let below = &below[slashes..];
        Some(self.point.join(Path::new(&OsString::from_vec(below.to_vec()))))
    }
}

/// `mountinfo` writes spaces, tabs, newlines and backslashes as `\040` and so on.
fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| {
            u8::from_str_radix(
                str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?,
                8,
            )
            .ok()
        });
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HYBRID: &[u8] = b"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
        40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    #[test]
    fn a_hybrid_host_has_both_versions() {
        let mounts = parse_mounts(HYBRID);
        let at = |of: &dyn Fn(&Controllers) -> bool| {
            let mount = mounts.iter().find(|mount| of(&mount.controllers)).unwrap();
            mount.directory_of(b"/a b/c").unwrap()
        };
        assert_eq!(at(&|of| of.has("memory")), Path::new("/sys/fs/cgroup/memory/a b/c"));
        assert_eq!(at(&|of| of.has("cpuacct")), Path::new("/sys/fs/cgroup/cpu,cpuacct/a b/c"));
        assert_eq!(at(&|of| of.has("name=systemd")), Path::new("/sys/fs/cgroup/systemd/a b/c"));
        assert_eq!(
            at(&|of| *of == Controllers::Unified),
            Path::new("/sys/fs/cgroup/unified/a b/c")
        );
    }

    #[test]
    fn a_container_sees_its_own_part_only() {
        let text = b"1 2 0:3 /docker/ab /sys/fs\\040x/cgroup rw - cgroup2 cgroup2 rw\n";
        let mounts = parse_mounts(text);
        let directory = |path: &str| mounts[0].directory_of(path.as_bytes());
        assert_eq!(directory("/docker/ab/c"), Some(PathBuf::from("/sys/fs x/cgroup/c")));
        assert_eq!(directory("/docker/ab"), Some(PathBuf::from("/sys/fs x/cgroup/")));
        for doubled in ["/docker/ab//c", "/docker/ab///c"] {
            assert_eq!(directory(doubled), Some(PathBuf::from("/sys/fs x/cgroup/c")), "{doubled}");
        }
        for hidden in ["/docker/abc", "/", "/../x", "/docker/ab/../../x", "docker/ab"] {
            assert_eq!(directory(hidden), None, "{hidden}");
        }
    }

    #[test]
    fn a_later_mount_hides_an_earlier_one() {
        let text =
            b"1 2 0:3 / /c rw - cgroup cgroup rw,memory\n4 2 0:5 / /c rw - cgroup2 none rw\n";
        let mounts = parse_mounts(text);
        assert_eq!((mounts.len(), &mounts[0].controllers), (1, &Controllers::Unified));
    }

    #[test]
    fn a_path_may_hold_colons() {
        let found = parse_memberships(b"9:name=systemd:/\n4:memory:/a:b\n0::/x:y:z\n\nnonsense\n");
        assert_eq!(found.len(), 3);
        assert_eq!(found[1].path, b"/a:b");
        assert_eq!(
            found[2],
            Membership { controllers: Controllers::Unified, path: b"/x:y:z".to_vec() }
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in proptest::collection::vec(any::<u8>(), 0..120), path: Vec<u8>) {
            parse_memberships(&text);
            for mount in parse_mounts(&[b"1 2 0:3 ", &text[..], b" rw - cgroup2 x rw"].concat()) {
                if let Some(directory) = mount.directory_of(&path) {
                    prop_assert!(directory.starts_with(&mount.point));
                }
            }
        }
    }
}
