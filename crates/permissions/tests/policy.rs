//! Drafts that cannot be meant are refused with the key, the value and what is accepted.

use evenkeel_permissions::{AclPolicy, Draft, FileRule, Policy, Principal};

fn refused(change: impl FnOnce(&mut Draft)) -> (String, String) {
    let mut draft =
        Draft { path: "/srv/state".into(), directory_mode: Some(0o755), ..Draft::default() };
    Policy::try_new(draft.clone()).unwrap();
    change(&mut draft);
    let error = Policy::try_new(draft).unwrap_err();
    assert!(!error.message.is_empty() && !error.accepted.is_empty());
    assert!(error.to_string().contains("accepted"));
    (error.key, error.value)
}

fn file(glob: &str, mode: u32) -> FileRule {
    FileRule { glob: glob.to_owned(), mode }
}

#[test]
fn a_mode_beyond_twelve_bits_is_refused() {
    assert_eq!(
        refused(|draft| draft.directory_mode = Some(0o10000)),
        ("directory_mode".into(), "0o10000".into())
    );
    assert_eq!(refused(|draft| draft.files = vec![file("*", 0o77777)]).0, "files.mode");
}

#[test]
fn a_glob_that_cannot_match_is_refused() {
    for glob in ["a/b", "", "[", "a{"] {
        assert_eq!(
            refused(|draft| draft.files = vec![file(glob, 0o644)]),
            ("files.match".into(), glob.into())
        );
        assert_eq!(refused(|draft| draft.exclude = vec![glob.to_owned()]).0, "exclude");
    }
}

#[test]
fn a_root_that_is_relative_or_the_systems_is_refused() {
    for path in ["state", "", "/", "/etc", "/usr/bin", "/srv/../etc", "/tmp/."] {
        assert_eq!(refused(|draft| draft.path = path.into()).0, "path", "{path}");
    }
    let draft = Draft {
        path: "/etc".into(),
        directory_mode: Some(0o755),
        allow_system_path: true,
        ..Draft::default()
    };
    assert!(Policy::try_new(draft).is_ok());
}

#[test]
fn a_rule_that_asks_for_nothing_is_refused() {
    assert_eq!(refused(|draft| draft.directory_mode = None).0, "path");
}

#[test]
fn a_user_that_cannot_exist_is_refused() {
    assert_eq!(refused(|draft| draft.owner = Some(Principal::Id(u32::MAX))).0, "owner");
    assert_eq!(refused(|draft| draft.group = Some(Principal::from(""))).0, "group");
    assert_eq!(refused(|draft| draft.adopt_from = vec![Principal::from("a:b")]).0, "adopt_from");
}

#[test]
fn a_glob_that_can_never_count_is_refused() {
    for (first, second) in [("*", "*.hash"), ("*.hash", "*.hash"), ("{a,b}*", "a?")] {
        let (key, value) =
            refused(|draft| draft.files = vec![file(first, 0o644), file(second, 0o600)]);
        assert_eq!((key.as_str(), value.as_str()), ("files.match", second));
    }
    let excluded = |draft: &mut Draft| {
        draft.files = vec![file("*.hash", 0o644)];
        draft.exclude = vec!["*".to_owned()];
    };
    assert_eq!(refused(excluded), ("files.match".into(), "*.hash".into()));
}

#[test]
fn a_list_that_would_not_be_what_it_says_is_refused() {
    let enforce = |entries: &[&str]| {
        AclPolicy::Enforce(entries.iter().map(|entry| entry.parse().unwrap()).collect())
    };
    for entries in [
        &["user:alice:rwx"][..],
        &["user::rwx"],
        &["other::r--"],
        &["user:alice:r--", "user:alice:---"],
        &["user:a/b:r--"],
    ] {
        assert_eq!(refused(|draft| draft.acl = enforce(entries)).0, "acl", "{entries:?}");
    }
    let no_mode = |draft: &mut Draft| {
        draft.directory_mode = None;
        draft.acl = enforce(&["user:alice:r--"]);
    };
    assert_eq!(refused(no_mode).0, "acl");
    let incomplete = |draft: &mut Draft| {
        draft.directory_mode = None;
        draft.default_acl = Some(vec!["user:alice:r--".parse().unwrap()]);
    };
    assert_eq!(refused(incomplete), ("default_acl".into(), "user:alice:r--".into()));
    assert_eq!(refused(|draft| draft.run_as = Some(Principal::from("a:b"))).0, "run_as");
}
