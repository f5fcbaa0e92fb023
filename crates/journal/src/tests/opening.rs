use super::*;

#[test]
fn directory_and_files_are_made_for_their_owner_alone() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    journal.append(at(0), &entry("k", "t")).unwrap();
    assert_eq!(mode(&scratch.state_dir), 0o700);
    assert_eq!(scratch.names(), ["journal.db", "journal.db-shm", "journal.db-wal", "lock"]);
    for name in scratch.names() {
        assert_eq!(mode(&scratch.state_dir.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn a_second_agent_is_told_who_is_there() {
    let scratch = Scratch::new();
    let first = scratch.journal();
    let error = Journal::open(&scratch.state_dir, at(0)).unwrap_err();
    assert!(matches!(error, OpenError::InUse { pid: Some(pid), .. } if pid == std::process::id()));
    assert!(
        error.to_string().ends_with(&format!("by another agent, process {}", std::process::id()))
    );
    drop(first);
    scratch.journal();
}

#[test]
fn a_state_directory_that_cannot_be_made_names_path_and_error() {
    let scratch = Scratch::new();
    std::fs::write(&scratch.state_dir, "a file is in the way").unwrap();
    for path in [scratch.state_dir.clone(), scratch.state_dir.join("below")] {
        let error = Journal::open(&path, at(0)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot create the state directory `{}`", path.display())
        );
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("(os error "), "{source}");
    }
    // Even root cannot make anything in /proc.
    let error = Journal::open(Path::new("/proc/evenkeel"), at(0)).unwrap_err();
    assert!(matches!(error, OpenError::Create { .. }));
}

#[test]
fn a_state_directory_that_cannot_be_written_names_path_and_error() {
    // Even root cannot make a file in here.
    let error = Journal::open(Path::new("/proc/self/fdinfo"), at(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot use the state directory: cannot write `/proc/self/fdinfo/lock`"
    );
}

#[test]
fn a_state_directory_that_others_can_write_is_refused() {
    let scratch = Scratch::new();
    std::fs::create_dir(&scratch.state_dir).unwrap();
    std::fs::set_permissions(&scratch.state_dir, PermissionsExt::from_mode(0o1777)).unwrap();
    let error = Journal::open(&scratch.state_dir, at(0)).unwrap_err();
    assert!(matches!(error, OpenError::Exposed { .. }));
    assert!(error.to_string().contains("its mode is 1777"));
    assert_eq!(scratch.names(), [""; 0]);
}

#[test]
fn a_state_directory_that_a_group_of_others_can_write_is_refused() {
    let scratch = Scratch::new();
    std::fs::create_dir(&scratch.state_dir).unwrap();
    std::fs::set_permissions(&scratch.state_dir, PermissionsExt::from_mode(0o770)).unwrap();
    drop(Journal::open(&scratch.state_dir, at(0)).unwrap());
    if !nix::unistd::geteuid().is_root() {
        // Only root can give a directory to a group that he is not in.
        return;
    }
    std::os::unix::fs::chown(&scratch.state_dir, None, Some(54_321)).unwrap();
    let error = Journal::open(&scratch.state_dir, at(0)).unwrap_err();
    assert!(error.to_string().contains("its mode is 0770"), "{error}");
}

#[test]
fn a_lock_or_history_that_is_a_link_is_not_followed() {
    let scratch = Scratch::new();
    std::fs::create_dir(&scratch.state_dir).unwrap();
    let victim = scratch.state_dir.join("victim");
    std::fs::write(&victim, "untouched").unwrap();
    std::os::unix::fs::symlink(&victim, scratch.state_dir.join("lock")).unwrap();
    assert!(matches!(Journal::open(&scratch.state_dir, at(0)), Err(OpenError::Use { .. })));
    std::fs::remove_file(scratch.state_dir.join("lock")).unwrap();
    std::os::unix::fs::symlink(&victim, scratch.file()).unwrap();
    let (_journal, findings) = Journal::open(&scratch.state_dir, at(0)).unwrap();
    assert_eq!(findings[0].reason, "is not a file");
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "untouched");
}

/// Spoils the history of a journal that was closed, and checks that it is moved aside with this reason.
fn check_moved_aside(spoil: impl Fn(&Path), reason: &str) {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    for _ in 0..200 {
        journal.append(at(0), &entry("old", "t")).unwrap();
    }
    drop(journal);
    spoil(&scratch.file());
    let (mut journal, findings) = Journal::open(&scratch.state_dir, at(0)).unwrap();
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert!(finding.reason.contains(reason), "{}", finding.reason);
    assert_eq!(finding.file, scratch.file());
    let name = finding.moved_to.file_name().unwrap().to_str().unwrap();
    assert_eq!(name, "journal.db.aside-20270115T080000Z");
    journal.append(at(1), &entry("new", "t")).unwrap();
    let kinds: Vec<String> = scratch
        .reader()
        .events(&Filter::default())
        .unwrap()
        .into_iter()
        .map(|event| event.kind)
        .collect();
    assert_eq!(kinds, ["new"]);
    drop(journal);
    // An agent that ended before it could heed it finds it again.
    let mut journal = scratch.journal();
    assert_eq!(journal.loss().unwrap().as_ref(), Some(finding));
    journal.heed_loss().unwrap();
    assert_eq!(journal.loss().unwrap(), None);
}

#[test]
fn a_history_of_a_newer_version_is_moved_aside() {
    let newer = |file: &Path| {
        let connection = rusqlite::Connection::open(file).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
    };
    check_moved_aside(newer, "has schema version 99, newer than 3");
}

#[test]
fn a_history_that_is_not_ours_is_moved_aside() {
    let foreign = |file: &Path| {
        std::fs::remove_file(file).unwrap();
        rusqlite::Connection::open(file).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    };
    check_moved_aside(foreign, "is not a history of evenkeel");
}

#[test]
fn a_torn_history_is_moved_aside() {
    check_moved_aside(|file| std::fs::write(file, "garbage ".repeat(2_000)).unwrap(), "is torn");
    check_moved_aside(|file| std::fs::write(file, "").unwrap(), "is empty");
    check_moved_aside(
        |file| {
            let bytes = std::fs::read(file).unwrap();
            std::fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
        },
        "is torn",
    );
    check_moved_aside(
        |file| {
            let mut bytes = std::fs::read(file).unwrap();
            let half = bytes.len() / 2;
            bytes[half..].fill(0xa5);
            std::fs::write(file, bytes).unwrap();
        },
        "is torn",
    );
}

#[test]
fn a_directory_in_the_place_of_the_history_is_moved_aside() {
    let directory = |file: &Path| {
        std::fs::remove_file(file).unwrap();
        std::fs::create_dir(file).unwrap();
    };
    check_moved_aside(directory, "is not a file");
}

#[test]
fn a_history_that_is_gone_while_its_log_is_there_is_a_finding() {
    let orphan = |file: &Path| {
        std::fs::rename(file, file.with_file_name("journal.db-wal")).unwrap();
    };
    check_moved_aside(orphan, "is gone");
}

#[test]
fn an_agent_that_ended_between_moving_aside_and_making_anew_left_no_fresh_budget() {
    let scratch = Scratch::new();
    drop(scratch.journal());
    let aside = scratch.state_dir.join("journal.db.aside-20270115T080000Z");
    std::fs::rename(scratch.file(), &aside).unwrap();
    let (journal, findings) = Journal::open(&scratch.state_dir, at(0)).unwrap();
    assert_eq!(findings[0].moved_to, aside);
    assert_eq!(findings[0].reason, "is gone since an earlier one was moved aside");
    assert_eq!(journal.loss().unwrap().as_ref(), findings.first());
}

#[test]
fn what_was_moved_aside_earlier_in_the_same_second_is_not_overwritten() {
    let scratch = Scratch::new();
    scratch.journal();
    for _ in 0..3 {
        std::fs::write(scratch.file(), "garbage").unwrap();
        let (_journal, findings) = Journal::open(&scratch.state_dir, at(0)).unwrap();
        assert_eq!(findings.len(), 1);
    }
    let aside = scratch.names().iter().filter(|name| name.contains(".aside-")).count();
    assert_eq!(aside, 3);
}

#[test]
fn a_half_made_history_is_made_anew() {
    let scratch = Scratch::new();
    std::fs::create_dir(&scratch.state_dir).unwrap();
    std::fs::write(scratch.state_dir.join("journal.db.new"), "half").unwrap();
    let _journal = scratch.journal();
    assert!(!scratch.names().contains(&"journal.db.new".to_owned()));
}

#[test]
fn a_reader_says_that_there_is_no_history_or_that_it_is_newer() {
    let scratch = Scratch::new();
    let error = Reader::open(&scratch.state_dir).unwrap_err();
    assert!(matches!(error, OpenError::Missing { .. }));
    drop(scratch.journal());
    let connection = rusqlite::Connection::open(scratch.file()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let error = Reader::open(&scratch.state_dir).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 99, known: 3, .. }));
}

#[test]
fn a_copy_taken_at_any_time_as_a_crash_leaves_it_has_all_that_was_acknowledged() {
    // What a killed process leaves is what is in its files: copied here without the writer closing anything.
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    for number in 1..=50 {
        let id = journal.intend(&intent("t", at(number), "boot")).unwrap();
        journal.append(at(number), &entry("k", "t")).unwrap();
        if number % 10 == 0 {
            let crashed = Scratch::new();
            std::fs::create_dir(&crashed.state_dir).unwrap();
            for name in scratch.names() {
                std::fs::copy(scratch.state_dir.join(&name), crashed.state_dir.join(&name))
                    .unwrap();
            }
            let after = crashed.journal();
            assert_eq!(after.ledger(at(0)).unwrap().len(), usize::try_from(number).unwrap());
            assert_eq!(after.open_intents().unwrap()[0].0, id);
            assert_eq!(
                crashed.reader().events(&Filter::default()).unwrap().len(),
                usize::try_from(number).unwrap()
            );
        }
        journal.settle(id, at(number), "ran", "").unwrap();
    }
}

#[test]
fn the_mode_of_writing_is_as_stated() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let pragma = |journal: &Journal, name: &str| {
        journal
            .connection
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .unwrap()
    };
    assert_eq!(pragma(&journal, "journal_mode"), "wal".to_owned().into());
    assert_eq!(pragma(&journal, "synchronous"), 1.into());
    journal.intend(&intent("t", at(0), "boot")).unwrap();
    assert_eq!(pragma(&journal, "synchronous"), 1.into());
    assert_eq!(pragma(&journal, "auto_vacuum"), 2.into());
    assert_eq!(pragma(&journal, "user_version"), 3.into());
}
