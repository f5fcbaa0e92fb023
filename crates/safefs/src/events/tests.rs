//! Both interfaces through the same body; every wait has a deadline.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;
use crate::root::{Root, Trust};

const DEADLINE: Duration = Duration::from_secs(20);

fn dir(path: &Path) -> Root {
    Root::open(path, Trust::Vouched).unwrap()
}

/// The interfaces that this process may use: fanotify is root's.
fn sources() -> Vec<Source> {
    let mut sources = vec![Source::open(Preference::Inotify).unwrap()];
    let best = Source::open(Preference::Best).unwrap();
    if best.backend() == Backend::Fanotify {
        sources.push(best);
    } else {
        assert!(best.why_not_fanotify().unwrap().starts_with("no fanotify"));
    }
    sources
}

/// Waits for events until one fits.
fn until(source: &mut Source, fits: impl Fn(&Changed) -> bool) -> Changed {
    let (waker, begun) = (Waker::new().unwrap(), Instant::now());
    loop {
        assert!(begun.elapsed() < DEADLINE, "no such event");
        wait(Some(source), None, &waker, Some(DEADLINE)).unwrap();
        let mut events = Vec::new();
        while source.read(&mut events).unwrap() {}
        for event in events {
            match event {
                Event::Changed(changed) if fits(&changed) => return changed,
                _ => {}
            }
        }
    }
}

fn chmod(mode: &str, path: &Path) {
    assert!(Command::new("chmod").arg(mode).arg(path).status().unwrap().success());
}

#[test]
fn each_interface_tells_of_changed_and_new_entries_and_of_the_directory_itself() {
    for mut source in sources() {
        let scratch = tempfile::tempdir().unwrap();
        let (root, new) = (scratch.path().join("root"), scratch.path().join("new"));
        fs::create_dir(&root).unwrap();
        fs::write(root.join("a"), "").unwrap();
        let key = source.add(dir(&root).dir(), Interest::Entries).unwrap();
        assert_eq!(source.add(dir(&root).dir(), Interest::Entries).unwrap(), key, "once");

        chmod("600", &root.join("a"));
        let changed = until(&mut source, |changed| changed.what == What::Attributes);
        assert_eq!((changed.key, changed.name.unwrap().to_str()), (key, Some("a")));
        assert!(!changed.directory);

        chmod("700", &root);
        let changed = until(&mut source, |changed| changed.name.is_none());
        assert_eq!((changed.key, changed.what, changed.directory), (key, What::Attributes, true));

        fs::create_dir(root.join("sub")).unwrap();
        let changed = until(&mut source, |changed| changed.what == What::Appeared);
        assert_eq!((changed.name.unwrap().to_str(), changed.directory), (Some("sub"), true));

        fs::write(&new, "").unwrap();
        fs::rename(&new, root.join("b")).unwrap();
        let changed = until(&mut source, |changed| changed.what == What::Appeared);
        assert_eq!((changed.name.unwrap().to_str(), changed.directory), (Some("b"), false));

        fs::rename(&root, &new).unwrap();
        let changed = until(&mut source, |changed| changed.what == What::Moved);
        assert_eq!((changed.key, changed.name), (key, None));

        fs::remove_dir_all(&new).unwrap();
        let changed = until(&mut source, |changed| changed.what == What::Gone);
        assert_eq!((changed.key, changed.name), (key, None));
    }
}

#[test]
fn a_directory_of_which_only_moves_are_wanted_may_be_as_busy_as_it_likes() {
    for mut source in sources() {
        let scratch = tempfile::tempdir().unwrap();
        let busy = scratch.path().join("busy");
        fs::create_dir(&busy).unwrap();
        let key = source.add(dir(&busy).dir(), Interest::Moves).unwrap();
        fs::write(busy.join("a"), "").unwrap();
        fs::set_permissions(busy.join("a"), fs::Permissions::from_mode(0o600)).unwrap();
        let mut events = Vec::new();
        assert!(!source.read(&mut events).unwrap() && events.is_empty(), "{events:?}");
        fs::rename(&busy, scratch.path().join("elsewhere")).unwrap();
        let changed = until(&mut source, |_| true);
        assert_eq!((changed.key, changed.what), (key, What::Moved));
    }
}

#[test]
fn what_is_forgotten_is_heard_of_no_more() {
    for mut source in sources() {
        let scratch = tempfile::tempdir().unwrap();
        let (old, kept) = (scratch.path().join("old"), scratch.path().join("kept"));
        fs::create_dir(&old).unwrap();
        fs::create_dir(&kept).unwrap();
        let key = source.add(dir(&old).dir(), Interest::Entries).unwrap();
        let kept_key = source.add(dir(&kept).dir(), Interest::Entries).unwrap();
        source.forget(key);
        fs::write(old.join("a"), "").unwrap();
        fs::write(kept.join("a"), "").unwrap();
        assert_eq!(until(&mut source, |_| true).key, kept_key);
    }
}

#[test]
fn a_lost_event_is_an_event() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let mut source = Source::open(Preference::Inotify).unwrap();
    source.add(dir(scratch.path()).dir(), Interest::Entries).unwrap();
    // Two names in turn, because the kernel puts equal events that follow one another together.
    let names = [scratch.path().join("a"), scratch.path().join("b")];
    for name in &names {
        fs::write(name, "").unwrap();
    }
    for turn in 0..=limit {
        fs::set_permissions(&names[turn % 2], fs::Permissions::from_mode(0o600)).unwrap();
    }
    let mut events = Vec::new();
    while source.read(&mut events).unwrap() {}
    assert!(events.iter().any(|event| matches!(event, Event::Overflow)));
}

fn is_by_this_living_process(event: &Event) -> bool {
    match event {
        Event::Changed(Changed { who: Some(who), .. }) => {
            who.pid == std::process::id() && who.is_alive()
        }
        _ => false,
    }
}

#[test]
fn a_living_process_is_named_and_no_descriptor_is_lost() {
    let mut source = Source::open(Preference::Best).unwrap();
    if source.backend() != Backend::Fanotify {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    source.add(dir(scratch.path()).dir(), Interest::Entries).unwrap();
    // Equal events that wait together are one, hence a name for each of a batch.
    let files: Vec<_> = (0..100).map(|number| scratch.path().join(number.to_string())).collect();
    for file in &files {
        fs::write(file, "").unwrap();
    }
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let mut events = Vec::new();
    while source.read(&mut events).unwrap() {}
    let (mut heard, before) = (0, descriptors());
    for _ in 0..100 {
        for file in &files {
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        events.clear();
        while source.read(&mut events).unwrap() {}
        heard += events.iter().filter(|event| is_by_this_living_process(event)).count();
    }
    events.clear();
    assert_eq!(heard, 10_000);
    // Other tests of this process open files too, but not by the hundred.
    assert!(descriptors() < before + 100, "{before} before, {} after", descriptors());
}

#[test]
fn a_process_that_has_ended_is_not_taken_for_alive() {
    let mut source = Source::open(Preference::Best).unwrap();
    if source.backend() != Backend::Fanotify {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("a");
    fs::write(&file, "").unwrap();
    source.add(dir(scratch.path()).dir(), Interest::Entries).unwrap();
    chmod("600", &file);
    let changed = until(&mut source, |changed| changed.what == What::Attributes);
    let who = changed.who.unwrap();
    assert!(who.pid != 0 && who.pid != std::process::id() && !who.is_alive());
}

#[test]
fn a_wait_ends_when_it_is_woken_and_the_waker_is_good_once() {
    let waker = Waker::new().unwrap();
    waker.wake();
    let ready = wait(None, None, &waker, None).unwrap();
    assert_eq!(ready, Ready { woken: true, ..Ready::default() });
    let ready = wait(None, None, &waker, Some(Duration::from_millis(1))).unwrap();
    assert_eq!(ready, Ready::default());
}
