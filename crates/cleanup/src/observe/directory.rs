use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use evenkeel_safefs::{Dir, Identity, Kind, Metadata, OpenFiles, Problem};
use evenkeel_shown::said::Said;

use super::is_apart;
use crate::plan::{KeepReason, Link, Look, is_sticky};
use crate::policy::Policy;

/// What the look at a directory goes by.
pub(crate) struct Rules<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) mnt_id: u64,
    /// What processes have open, if that matters.
    pub(crate) open: Option<&'a OpenFiles>,
    /// Levels from the root down to the directory itself.
    pub(crate) depth: u32,
}

/// A directory with all that is in it, as one entry.
pub(crate) struct Contents {
    pub(crate) pin: Identity,
    pub(crate) look: Look,
    pub(crate) allocated: u64,
    pub(crate) inodes: u64,
    pub(crate) links: HashMap<(u64, u64), Link>,
}

/// One directory on the way down.
struct Level {
    dir: Dir,
    path: PathBuf,
    pending: Vec<OsString>,
}

impl Contents {
    /// Looks at everything in the directory `name` of `parent`; `None` if it is gone.
    ///
    /// Fails with the entry that could not be looked at: of what is not known, nothing can be said.
    pub(crate) fn survey(
        parent: &Dir,
        name: &OsStr,
        relative: &Path,
        rules: &Rules<'_>,
    ) -> Result<Option<Self>, (PathBuf, Said)> {
        let failed =
            |path: &Path, error: io::Error| Err((path.to_owned(), Problem::Io(error).said()));
        let top = match parent.enter(name) {
            Ok(dir) => dir,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return failed(relative, error),
        };
        let metadata = *top.metadata();
        let look = Look {
            youngest: rules.policy.draft().age_by.youngest(&metadata),
            bytes: 0,
            held: None,
        };
        let (pin, links) = (metadata.identity, HashMap::new());
        let mut contents = Self { pin, look, allocated: 0, inodes: 0, links };
        contents.add(&metadata, rules);
        let pending = match contents.list(&top, rules) {
            Ok(pending) => pending,
            Err(error) => return failed(relative, error),
        };
        let mut levels = vec![Level { dir: top, path: relative.to_owned(), pending }];
        let deepest = rules.policy.max_depth().saturating_sub(rules.depth);
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.pending.pop() else {
                levels.pop();
                continue;
            };
            let path = level.path.join(&name);
            let dir = match level.dir.enter(&name) {
                Ok(dir) => dir,
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                    contents.look.held = Some(KeepReason::HoldsMount);
                    continue;
                }
                Err(error) if is_gone(&error) => continue,
                Err(error) => return failed(&path, error),
            };
            if u32::try_from(levels.len()).is_ok_and(|depth| depth > deepest) {
                let problem = Problem::TooDeep { max_depth: rules.policy.max_depth() };
                return Err((path, problem.said()));
            }
            match contents.list(&dir, rules) {
                Ok(pending) => levels.push(Level { dir, path, pending }),
                Err(error) => return failed(&path, error),
            }
        }
        Ok(Some(contents))
    }

    /// Counts the entries of one directory; returns the subdirectories.
    fn list(&mut self, dir: &Dir, rules: &Rules<'_>) -> io::Result<Vec<OsString>> {
        let mut pending = Vec::new();
        let mut result = Ok(());
        dir.list(|name, _| {
            if result.is_err() {
                return;
            }
            match dir.look(name) {
                Ok(metadata) => {
                    // The trash of another rule must not go with the directory either.
                    if rules.policy.excludes(name) || is_apart(name, &metadata) {
                        self.look.held = Some(KeepReason::HoldsExcluded);
                    }
                    self.add(&metadata, rules);
                    if metadata.kind == Kind::Directory {
                        pending.push(name.to_owned());
                    }
                }
                Err(error) if is_gone(&error) => {}
                Err(error) => result = Err(error),
            }
        })?;
        result.map(|()| pending)
    }

    fn add(&mut self, metadata: &Metadata, rules: &Rules<'_>) {
        let identity = &metadata.identity;
        let look = &mut self.look;
        look.youngest = look.youngest.max(rules.policy.draft().age_by.youngest(metadata));
        if metadata.mount_root || identity.mnt_id != rules.mnt_id {
            look.held = Some(KeepReason::HoldsMount);
            return;
        }
        if matches!(metadata.kind, Kind::Socket | Kind::Device) {
            look.held = Some(KeepReason::HoldsSpecial);
        }
        if is_sticky(metadata) {
            look.held = Some(KeepReason::Sticky);
        }
        if rules.open.is_some_and(|open| open.contains(identity)) {
            look.held = Some(KeepReason::InUse);
        }
        let is_file = metadata.kind == Kind::File;
        let length = if is_file { metadata.size } else { 0 };
        if metadata.kind == Kind::Directory || metadata.nlink < 2 {
            look.bytes = look.bytes.saturating_add(length);
            self.allocated = self.allocated.saturating_add(metadata.allocated);
            self.inodes += 1;
            return;
        }
        let link = self.links.entry((identity.dev, identity.ino)).or_insert_with(|| {
            // A file counts once, however many of its names are in here.
            look.bytes = look.bytes.saturating_add(length);
            let (file, nlink) = ((identity.dev, identity.ino), metadata.nlink.into());
            Link { file, names: 0, nlink, allocated: metadata.allocated }
        });
        link.names += 1;
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
