use std::ffi::OsStr;
use std::io;
use std::path::Path;

use evenkeel_safefs::{Found, Kind, Metadata, OpenFiles, Problem, Root, Visit};

use super::directory::{Contents, Rules};
use super::is_apart;
use crate::clock::Clock;
use crate::plan::{
    Candidate, KeepReason, Link, Look, Plan, Unseen, Verdict, below, counts_links, is_shared,
    is_sticky, judge, ranks,
};
use crate::policy::{Policy, Trigger, Unit};

/// What a walk gathers for a plan.
pub(super) struct Scan<'a> {
    policy: &'a Policy,
    clock: Clock,
    mnt_id: u64,
    open: Option<&'a OpenFiles>,
    /// Whether entries that are not due by themselves matter too.
    ranks: bool,
    counts_links: bool,
    pub(super) plan: Plan,
    pub(super) candidates: Vec<Candidate>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(
        policy: &'a Policy,
        root: &Root,
        open: Option<&'a OpenFiles>,
        clock: Clock,
    ) -> Self {
        Self {
            policy,
            clock,
            mnt_id: root.metadata().identity.mnt_id,
            open,
            ranks: ranks(policy),
            counts_links: counts_links(policy),
            plan: Plan::new(policy.path()),
            candidates: Vec::new(),
        }
    }

    fn unit(&self) -> Unit {
        self.policy.draft().unit
    }

    fn keep(&mut self, reason: KeepReason) {
        *self.plan.kept.entry(reason).or_default() += 1;
    }

    /// The kind is another than the rule is about.
    fn other_kind(&self) -> KeepReason {
        match self.unit() {
            Unit::File => KeepReason::NotAFile,
            Unit::Directory => KeepReason::NotADirectory,
        }
    }

    /// Takes an entry into account; most are not due, and a path of their own would cost more than the look at them.
    fn consider(&mut self, look: Look, candidate: impl FnOnce(Look) -> Candidate) {
        self.plan.matching += 1;
        match judge(self.policy, &look, self.clock) {
            Verdict::Keep(reason) if !self.ranks => self.keep(reason),
            _ => self.candidates.push(candidate(look)),
        }
    }

    fn file(&mut self, found: &Found<'_>) {
        let metadata = found.metadata;
        let bytes = match self.policy.draft().trigger {
            // What is a hole at the head was cut off before.
            Trigger::LargerThan(limit) if limit < metadata.size => {
                match found.dir.pin(found.name).and_then(|pinned| pinned.content_bytes()) {
                    Ok(bytes) => bytes,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                    Err(error) => {
                        return self.problem(found.path, Problem::Io(error));
                    }
                }
            }
            _ => metadata.size,
        };
        let youngest = self.policy.draft().age_by.youngest(metadata);
        let held = is_sticky(metadata).then_some(KeepReason::Sticky);
        let linked = self.counts_links && metadata.nlink > 1;
        let (allocated, inodes) = if linked { (0, 0) } else { (metadata.allocated, 1) };
        let link = Link {
            file: (metadata.identity.dev, metadata.identity.ino),
            names: 1,
            nlink: metadata.nlink.into(),
            allocated: metadata.allocated,
        };
        let root = self.policy.path();
        self.consider(Look { youngest, bytes, held }, |look| Candidate {
            path: below(root, found.path),
            pin: metadata.identity,
            nlink: metadata.nlink,
            look,
            allocated,
            inodes,
            links: if linked { vec![link] } else { Vec::new() },
        });
    }

    fn directory(&mut self, found: &Found<'_>) {
        let relative = found.path;
        let rules = Rules {
            policy: self.policy,
            mnt_id: self.mnt_id,
            open: self.open,
            depth: u32::try_from(relative.components().count()).unwrap_or(u32::MAX),
        };
        let mut contents = match Contents::survey(found.dir, found.name, relative, &rules) {
            Ok(Some(contents)) => contents,
            Ok(None) => return,
            Err((path, reason)) => {
                let path = below(self.policy.path(), &path);
                return self.plan.unseen.push(Unseen { path, reason });
            }
        };
        // Whoever may write to a shared place could let root remove what root put there for itself.
        if found.metadata.access.uid == 0 && is_shared(found.dir.metadata()) {
            contents.look.held = Some(KeepReason::RootOwned);
        }
        let root = self.policy.path();
        self.consider(contents.look, |look| Candidate {
            path: below(root, relative),
            pin: contents.pin,
            nlink: 0,
            look,
            allocated: contents.allocated,
            inodes: contents.inodes,
            links: contents.links.into_values().collect(),
        });
    }
}

impl Visit for Scan<'_> {
    fn wants(&mut self, name: &OsStr, kind: Option<Kind>) -> bool {
        self.plan.scanned += 1;
        let meant = match self.unit() {
            Unit::File => Kind::File,
            Unit::Directory => Kind::Directory,
        };
        if kind.is_some_and(|kind| kind != meant) {
            self.keep(self.other_kind());
            return false;
        }
        let wanted = self.policy.matches(name);
        if !wanted {
            self.keep(KeepReason::Name);
        }
        wanted
    }

    fn enters(&mut self, name: &OsStr, metadata: &Metadata) -> bool {
        // A directory that matches is one entry: what is in it is looked at as a part of it.
        let is_entry = self.unit() == Unit::Directory && self.policy.matches(name);
        !is_entry && !is_apart(name, metadata) && !self.policy.excludes(name)
    }

    fn found(&mut self, found: Found<'_>) {
        let metadata = found.metadata;
        let meant = match self.unit() {
            Unit::File => Kind::File,
            Unit::Directory => Kind::Directory,
        };
        let elsewhere = metadata.mount_root || metadata.identity.mnt_id != self.mnt_id;
        if elsewhere || metadata.kind != meant {
            return self.keep(self.other_kind());
        }
        if is_apart(found.name, metadata) {
            return self.keep(KeepReason::Name);
        }
        match self.unit() {
            Unit::File => self.file(&found),
            Unit::Directory => self.directory(&found),
        }
    }

    fn problem(&mut self, path: &Path, problem: Problem) {
        let path = below(self.policy.path(), path);
        self.plan.unseen.push(Unseen { path, reason: problem.said() });
    }
}
