//! Who put an entry wrong.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::help::{Keeping, draft, file, interfaces, scratch, set_mode};
use evenkeel_safefs::events::Preference;

const FILE: &str = "EVENKEEL_TEST_CHANGES";

/// Run as a process of its own by the test below.
#[test]
#[ignore = "a part of another test"]
fn changes_a_mode_and_stays() {
    let Some(path) = std::env::var_os(FILE).map(PathBuf::from) else { return };
    set_mode(&path, 0o666);
    // Until the test has seen enough.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// Starts a process that changes the file's mode and stays.
fn offender(path: &Path, uid: Option<u32>) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "attribution::changes_a_mode_and_stays", "--ignored"])
        .env(FILE, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    if let Some(uid) = uid {
        std::os::unix::process::CommandExt::uid(&mut command, uid);
    }
    command.spawn().unwrap()
}

#[test]
fn a_process_that_changes_a_mode_is_named_with_program_and_user() {
    for watch in interfaces() {
        let scratch = scratch();
        let hash = scratch.path().join("a.hash");
        file(&hash, 0o644);
        let (mut kept, _) = Keeping::start(draft(scratch.path()), watch);
        let mut child = offender(&hash, None);
        kept.until_repaired(1);
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        let repair = &kept.repaired[0];
        assert_eq!((&*repair.before, &*repair.after), ("0666", "0644"));
        if watch == Preference::Inotify {
            assert!(repair.by.is_none() && kept.watched.contains("nobody is named"));
            continue;
        }
        let by = repair.by.as_ref().unwrap();
        assert_eq!(by.pid, child.id());
        assert_eq!(by.exe, Some(std::env::current_exe().unwrap()));
        assert_eq!(by.uid, Some(nix::unistd::geteuid().as_raw()));
        assert_eq!(kept.watched, "fanotify");
        let json = serde_json::to_value(repair).unwrap();
        assert_eq!(json["by"]["pid"], child.id());
        assert!(json["wrong_for_ms"].as_f64().is_some_and(|wrong| wrong > 0.0));
    }
}

#[test]
fn a_process_that_ended_at_once_has_its_number_only_or_is_named_rightly() {
    let scratch = scratch();
    let hash = scratch.path().join("a.hash");
    file(&hash, 0o644);
    let (mut kept, _) = Keeping::start(draft(scratch.path()), interfaces()[0]);
    if kept.watched != "fanotify" {
        return;
    }
    let mut child = Command::new("chmod").arg("600").arg(&hash).spawn().unwrap();
    assert!(child.wait().unwrap().success());
    kept.until_repaired(1);
    let by = kept.repaired[0].by.clone().unwrap();
    assert_eq!(by.pid, child.id());
    // The program may have been caught or not; it is never another one.
    let name = by.exe.as_deref().and_then(Path::file_name);
    assert!(name.is_none_or(|name| name == "chmod" || name == "coreutils"), "{by:?}");
}
