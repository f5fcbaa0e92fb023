//! What no program that looks at every file can do without: the names from `getdents64`, and a `statx` of each by the
//! directory's descriptor. Nothing is decided, nothing can be raced safely.

use std::ffi::CString;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fd::OwnedFd;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawDir, StatxFlags, chmodat, openat, statx, unlinkat,
};

/// What the bare deletion is called beside others.
pub(crate) const UNLINK: &str = "bare unlinkat";

/// Looks at every entry below `folder`, with whole directories shared out among the threads.
pub(crate) fn run(folder: &Path, threads: usize) -> ExitCode {
    let root = open(folder);
    let folders = look(&root);
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(name) = folders.get(next.fetch_add(1, Ordering::Relaxed)) {
            black_box(look(&enter(&root, name)));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    ExitCode::SUCCESS
}

/// Deletes every file below `folder`.
pub(crate) fn unlink(folder: &Path) -> ExitCode {
    let root = open(folder);
    for name in look(&root) {
        let dir = enter(&root, &name);
        each(&dir, |name, _| {
            unlinkat(&dir, name, AtFlags::empty()).expect("it can be deleted");
        });
    }
    ExitCode::SUCCESS
}

/// Puts the mode of files of one directory right as the kernel tells of a change, until it is ended.
pub(crate) fn watch(folder: &Path) -> ExitCode {
    use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
    let dir = open(folder);
    let events = init(CreateFlags::empty()).expect("the kernel gives one more");
    add_watch(&events, folder, WatchFlags::ATTRIB).expect("a folder can be watched");
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = Reader::new(events, &mut buffer);
    loop {
        let event = reader.next().expect("events can be read");
        let Some(name) = event.file_name() else { continue };
        let looked = statx(&dir, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::MODE);
        let mode = u32::from(looked.expect("it can be looked at").stx_mode) & 0o7777;
        if mode != 0o644 {
            chmodat(&dir, name, Mode::from_raw_mode(0o644), AtFlags::empty())
                .expect("its mode can be set");
        }
    }
}

/// Looks at every entry of one directory; returns its subdirectories.
fn look(dir: &OwnedFd) -> Vec<CString> {
    let mut folders = Vec::new();
    each(dir, |name, kind| {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        let looked = statx(dir, name, flags, StatxFlags::BASIC_STATS | StatxFlags::BTIME);
        black_box(looked.expect("it can be looked at").stx_mode);
        if kind == FileType::Directory {
            folders.push(name.to_owned());
        }
    });
    folders
}

fn each(dir: &OwnedFd, mut act: impl FnMut(&std::ffi::CStr, FileType)) {
    let mut buffer = vec![MaybeUninit::uninit(); 64 * 1024];
    let mut listing = RawDir::new(dir, &mut buffer);
    while let Some(entry) = listing.next() {
        let entry = entry.expect("it can be listed");
        if entry.file_name() != c"." && entry.file_name() != c".." {
            act(entry.file_name(), entry.file_type());
        }
    }
}

fn open(folder: &Path) -> OwnedFd {
    openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).expect("it is there")
}

fn enter(root: &OwnedFd, name: &CString) -> OwnedFd {
    openat(root, name.as_c_str(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
        .expect("it is there")
}

/// What the loop is called beside others.
pub(crate) fn name(threads: usize) -> String {
    format!("bare getdents64 + statx, threads: {threads}")
}
