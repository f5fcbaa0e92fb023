use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;

use super::manifest::{self, Line};
use super::{MANIFEST, PRIVATE_NAME, Purpose, Record, Run};
use crate::dir::Dir;
use crate::locked::Locked;
use crate::metadata::{Kind, Metadata};
use crate::root::Root;
use crate::tree::{self, Removed};

/// How many other names are tried where someone took the usual one.
const OTHER_NAMES: u32 = 8;
/// How often the directory is looked for again because another run removed it in that moment.
const ATTEMPTS: u32 = 16;
/// How long a run that was undone is remembered if it has no term of its own.
const REMEMBERED: Duration = Duration::from_hours(7 * 24);

/// A directory below a root that the caller alone can enter, locked for as long as this lives.
///
/// Between a look and `unlinkat` a name can come to mean another file. So what is to go is first moved here, where nobody
/// else can exchange it; what arrived is compared with what was looked at, and goes, stays, or goes back. Each [`Run`]
/// writes down what it is about to move before it moves it, so that [`Private::recover`] knows where things belong after
/// a run that was killed.
#[derive(Debug)]
pub struct Private<'r> {
    pub(super) root: &'r Root,
    pub(super) dir: Dir,
    name: OsString,
    /// The lock on the directory: two runs on one root do not mix.
    _lock: Locked<OwnedFd>,
}

/// One run that has something in the private directory, or had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInfo {
    /// What it is called.
    pub id: String,
    /// What it was about; `None` if its manifest cannot be read, and then nothing of it is touched.
    pub purpose: Option<Purpose>,
    /// When it began.
    pub started: Option<SystemTime>,
    /// How many entries are there to be brought back.
    pub held: u64,
    /// When it was undone.
    pub undone: Option<SystemTime>,
}

/// What a manifest says besides its entries.
#[derive(Debug, Clone)]
pub(super) struct Summary {
    pub(super) purpose: Purpose,
    pub(super) started: SystemTime,
    pub(super) closed: bool,
    pub(super) undone: Option<SystemTime>,
}

impl<'r> Private<'r> {
    /// Makes the private directory below the root, or takes over the one that is there.
    ///
    /// Fails if the caller cannot write the root, or another run is at work in it.
    pub fn open(root: &'r Root) -> io::Result<Self> {
        Self::open_or(root, true)?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The private directory, if there is one.
    pub fn find(root: &'r Root) -> io::Result<Option<Self>> {
        Self::open_or(root, false)
    }

    fn open_or(root: &'r Root, make: bool) -> io::Result<Option<Self>> {
        for _ in 0..ATTEMPTS {
            let Some((name, dir)) = own_directory(root.dir(), make)? else { return Ok(None) };
            let Some(lock) = Locked::try_new(dir.readable()?)? else {
                return Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    "another run is at work in this root",
                ));
            };
            // Another run may have ended, and removed it, between our two calls.
            let still_there =
                root.dir().look(&name).is_ok_and(|now| now.identity == dir.metadata().identity);
            if still_there {
                return Ok(Some(Self { root, dir, name, _lock: lock }));
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "other runs begin and end in this root"))
    }

    /// Begins a run; `id` gets a suffix that is not in use yet.
    pub fn start(&self, id: &str, purpose: Purpose, started: SystemTime) -> io::Result<Run<'_>> {
        Run::start(self, id, purpose, started)
    }

    /// All runs that left something here, oldest first.
    pub fn runs(&self) -> io::Result<Vec<RunInfo>> {
        let mut infos = Vec::new();
        for id in self.ids()? {
            let dir = self.dir.enter(&id)?;
            let mut held = 0;
            let summary = read_manifest(&dir, |record| {
                held += u64::from(dir.look(record.slot_name().as_ref()).is_ok());
            });
            let summary = summary.ok();
            infos.push(RunInfo {
                id: id.to_string_lossy().into_owned(),
                purpose: summary.as_ref().map(|summary| summary.purpose),
                started: summary.as_ref().map(|summary| summary.started),
                held,
                undone: summary.and_then(|summary| summary.undone),
            });
        }
        Ok(infos)
    }

    /// Removes for good what runs kept whose term is over: exactly the entries that their manifests name.
    ///
    /// `each` is told of every entry with its run's id, and what went with it or why it stays, and says whether to go on.
    pub fn purge(
        &self,
        now: SystemTime,
        mut each: impl FnMut(&str, &Record, io::Result<Removed>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        for id in self.ids()? {
            let dir = self.dir.enter(&id)?;
            let Ok(summary) = read_manifest(&dir, |_| ()) else { continue };
            if !is_over(&summary, now) {
                if summary.closed && summary.undone.is_none() && !keeps(summary.purpose) {
                    self.forget_if_empty(&id, &dir)?;
                }
                continue;
            }
            let shown = id.to_string_lossy();
            let mut go_on = ControlFlow::Continue(());
            read_manifest(&dir, |record| {
                if go_on.is_continue()
                    && let Some(result) = remove_exactly(&dir, &record).transpose()
                {
                    go_on = each(&shown, &record, result);
                }
            })?;
            self.forget_if_empty(&id, &dir)?;
            if go_on.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The runs by name, which begins with their time. What has no such name, or is no directory, is not ours: whoever owns
    /// the root can give our name to a closed directory of root's that was made for something else.
    pub(super) fn ids(&self) -> io::Result<Vec<OsString>> {
        let mut ids = Vec::new();
        self.dir.list(|name, kind| {
            if is_id(name) && kind.is_none_or(|kind| kind == Kind::Directory) {
                ids.push(name.to_owned());
            }
        })?;
        ids.sort();
        Ok(ids)
    }

    /// Removes a run's directory if nothing but its manifest is in it; says whether it did.
    pub(super) fn forget_if_empty(&self, id: &OsStr, dir: &Dir) -> io::Result<bool> {
        for name in dir.names()? {
            if name != MANIFEST && !tree::is_empty_holder(dir, &name) {
                return Ok(false);
            }
        }
        // The manifest last: as long as anything is held, it is known where it belongs.
        match unlinkat(dir.fd(), MANIFEST, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        unlinkat(self.dir.fd(), id, AtFlags::REMOVEDIR)?;
        Ok(true)
    }
}

impl Drop for Private<'_> {
    fn drop(&mut self) {
        let is_ours = |now: Metadata| now.identity == self.dir.metadata().identity;
        if !self.root.dir().look(&self.name).is_ok_and(is_ours) {
            return;
        }
        // Only an empty directory can go this way, so nothing is lost even if the name means another one by now.
        let _ = unlinkat(self.root.dir().fd(), &self.name, AtFlags::REMOVEDIR);
    }
}

impl Record {
    pub(super) fn slot_name(&self) -> String {
        self.slot.to_string()
    }
}

/// How a run is called: what the caller gave it, and four hexadecimal digits.
pub(super) fn id_of(given: &str, number: u32) -> OsString {
    format!("{given}-{:04x}", number & 0xffff).into()
}

fn is_id(name: &OsStr) -> bool {
    let digits = |suffix: &str| {
        suffix.len() == 4 && suffix.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    name.to_str()
        .and_then(|name| name.rsplit_once('-'))
        .is_some_and(|(given, suffix)| !given.is_empty() && digits(suffix))
}

fn is_over(summary: &Summary, now: SystemTime) -> bool {
    match (summary.purpose, summary.undone) {
        (Purpose::Trash { expires }, _) => expires < now,
        (_, Some(undone)) => undone.checked_add(REMEMBERED).is_some_and(|until| until < now),
        // Brought back by nobody: it is kept until someone decides.
        (_, None) => false,
    }
}

/// Whether a run of this kind is there to keep something. One of another kind is left behind where something kept its directory
/// from going, such as a file that a filesystem over network hid for as long as it was open.
fn keeps(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::Trash { .. })
}

/// Removes what is in the slot, if it is what the manifest names; `None` if nothing is there.
fn remove_exactly(dir: &Dir, record: &Record) -> io::Result<Option<Removed>> {
    let slot = record.slot_name();
    let held = match dir.look(slot.as_ref()) {
        Ok(held) => held,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !record.is(&held.identity) {
        return Err(io::Error::other("what is kept there is not what its manifest names"));
    }
    tree::remove(dir, slot.as_ref(), &held, &mut |_| true).map(Some).map_err(io::Error::other)
}

/// Reads a run's manifest entry by entry.
pub(super) fn read_manifest(dir: &Dir, mut each: impl FnMut(Record)) -> io::Result<Summary> {
    let mut summary = None;
    manifest::read(io::BufReader::new(open_manifest(dir, OFlags::RDONLY)?), |line| match line {
        Line::Run { purpose, started } => {
            summary = Some(Summary { purpose, started, closed: false, undone: None });
        }
        Line::Take(record) => each(record),
        Line::Made { .. } => {}
        Line::Closed => summary.iter_mut().for_each(|summary| summary.closed = true),
        Line::Undone { at } => summary.iter_mut().for_each(|summary| summary.undone = Some(at)),
    })?;
    summary.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Adds lines to a run's manifest, and returns once they are on disk.
pub(super) fn append<'l>(
    manifest: &File,
    lines: impl IntoIterator<Item = &'l Line>,
) -> io::Result<()> {
    let mut text = String::new();
    for line in lines {
        line.write(&mut text);
    }
    let length = manifest.metadata()?.len();
    let mut file = manifest;
    let written = io::Write::write_all(&mut file, text.as_bytes()).and_then(|()| file.sync_data());
    if written.is_err() {
        // Half a line must not stand before the next one. Nothing has been done on the strength of it.
        manifest.set_len(length)?;
    }
    written
}

pub(super) fn open_manifest(dir: &Dir, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(openat(dir.fd(), MANIFEST, flags, Mode::from_raw_mode(0o600))?))
}

/// Finds a directory that is the caller's own and closed to others, or makes one under the first name that no other has.
///
/// One that is there comes first, whatever it is called: it may hold what somebody wants back, and who took our usual name
/// may have given it up since.
fn own_directory(root: &Dir, make: bool) -> io::Result<Option<(OsString, Dir)>> {
    for name in possible_names() {
        match root.enter(&name) {
            Ok(dir) if is_own(&dir) => return Ok(Some((name, dir))),
            _ => {}
        }
    }
    if !make {
        return Ok(None);
    }
    for name in possible_names() {
        match rustix::fs::mkdirat(root.fd(), &name, Mode::from_raw_mode(0o700)) {
            Ok(()) => {}
            Err(Errno::EXIST) => continue,
            Err(error) => return Err(error.into()),
        }
        match root.enter(&name) {
            Ok(dir) if is_own(&dir) => return Ok(Some((name, dir))),
            _ => {}
        }
    }
    Err(io::Error::other(format!("the names `{PRIVATE_NAME}…` are all taken by others")))
}

fn possible_names() -> impl Iterator<Item = OsString> {
    (0..=OTHER_NAMES).map(|other| match other {
        0 => OsString::from(PRIVATE_NAME),
        other => OsString::from(format!("{PRIVATE_NAME}-{other}")),
    })
}

fn is_own(dir: &Dir) -> bool {
    let access = dir.metadata().access;
    access.uid == crate::identity::worker() && access.mode & 0o777 == 0o700
}
