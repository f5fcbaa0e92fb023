use std::path::Path;
use std::time::SystemTime;

use evenkeel_safefs::{Access, Identity, Kind as FileKind, Metadata};
use evenkeel_shown::said::{FilesCode, PermissionsCode};
use proptest::prelude::*;

use super::*;
use crate::policy::{Draft, FileRule, Principal};

const MNT_ID: u64 = 7;

fn metadata(kind: FileKind, access: Access) -> Metadata {
    Metadata {
        identity: Identity { dev: 1, ino: 2, btime: None, mnt_id: MNT_ID },
        kind,
        access,
        nlink: 1,
        size: 0,
        allocated: 0,
        block_size: 4096,
        atime: SystemTime::UNIX_EPOCH,
        mtime: SystemTime::UNIX_EPOCH,
        ctime: SystemTime::UNIX_EPOCH,
        immutable: false,
        append_only: false,
        mount_root: false,
    }
}

fn policy() -> Policy {
    Policy::try_new(Draft {
        path: "/srv/state".into(),
        owner: Some(Principal::Id(10)),
        group: Some(Principal::Id(20)),
        directory_mode: Some(0o750),
        files: vec![
            FileRule { glob: "secret*".to_owned(), mode: 0o600 },
            FileRule { glob: "*.hash".to_owned(), mode: 0o644 },
        ],
        recursive: true,
        ..Draft::default()
    })
    .unwrap()
}

fn ids() -> Ids {
    Ids {
        uid: Some(10),
        gid: Some(20),
        owners: vec![10, 11],
        acl: Vec::new(),
        default_acl: Vec::new(),
        worker: None,
    }
}

fn verdict(relative: &str, metadata: &Metadata) -> Verdict {
    let lists = Lists::default();
    let entry = Entry { relative: Path::new(relative), metadata, lists: &lists };
    plan_entry(&policy(), &ids(), MNT_ID, &entry)
}

fn kinds() -> impl Strategy<Value = FileKind> {
    prop_oneof![
        Just(FileKind::File),
        Just(FileKind::Directory),
        Just(FileKind::Symlink),
        Just(FileKind::Fifo),
        Just(FileKind::Socket),
        Just(FileKind::Device),
    ]
}

prop_compose! {
    fn entries()(
        kind in kinds(),
        mode in 0..=0o7777_u32,
        uid in 9..13_u32,
        gid in 19..22_u32,
        nlink in 1..3_u32,
        mnt_id in MNT_ID..MNT_ID + 2,
        immutable in any::<bool>(),
        append_only in any::<bool>(),
    ) -> Metadata {
        let mut metadata = metadata(kind, Access { mode, uid, gid });
        metadata.identity.mnt_id = mnt_id;
        Metadata { nlink, immutable, append_only, ..metadata }
    }
}

proptest! {
    #[test]
    fn after_its_steps_an_entry_holds_and_every_step_has_a_reason(
        metadata in entries(),
        name in prop_oneof!["", "a.hash", "sub/secret.hash", "other"],
    ) {
        let Verdict::Deviates(steps) = verdict(&name, &metadata) else { return Ok(()) };
        prop_assert!(!steps.is_empty());
        for step in &steps {
            prop_assert!(!step.reason.is_empty());
            prop_assert_ne!(&step.before, &step.after);
            prop_assert!(step.path.starts_with("/srv/state"));
        }
        let repaired = Metadata { access: steps[0].wanted, ..metadata };
        prop_assert_eq!(verdict(&name, &repaired), Verdict::Holds);
    }

    #[test]
    fn only_what_is_judged_safe_is_ever_a_step(metadata in entries()) {
        if let Verdict::Deviates(_) = verdict("a.hash", &metadata) {
            prop_assert!(matches!(metadata.kind, FileKind::File | FileKind::Directory));
            prop_assert!(metadata.kind == FileKind::Directory || metadata.nlink == 1);
            prop_assert!(!metadata.immutable && !metadata.append_only);
            prop_assert_eq!(metadata.identity.mnt_id, MNT_ID);
            prop_assert!(ids().owners.contains(&metadata.access.uid));
        }
    }
}

#[test]
fn the_first_rule_that_matches_counts_and_a_file_that_none_matches_is_left_alone() {
    let wrong = metadata(FileKind::File, Access { mode: 0o777, uid: 10, gid: 20 });
    let Verdict::Deviates(steps) = verdict("secret.hash", &wrong) else { panic!("it deviates") };
    assert_eq!((&*steps[0].before, &*steps[0].after), ("0777", "0600"));
    assert_eq!(verdict("other", &wrong), Verdict::Holds);
}

#[test]
fn a_file_of_an_unnamed_user_is_refused_with_a_hint_and_the_root_is_not() {
    let foreign = Access { mode: 0o700, uid: 0, gid: 0 };
    let Verdict::Refused(reason) = verdict("a.hash", &metadata(FileKind::File, foreign)) else {
        panic!("it is refused")
    };
    assert!(reason.contains("uid 0") && reason.contains("adopt"), "{reason}");
    let code = PermissionsCode::Refused {
        why: Box::new(FilesCode::ForeignOwner { uid: 0 }.into()),
        adopt: true,
        found: foreign.shown(),
        wanted: Access { mode: 0o644, uid: 10, gid: 20 }.shown(),
    };
    assert_eq!(reason.code(), Some(&code.into()));
    assert!(
        matches!(verdict("", &metadata(FileKind::Directory, foreign)), Verdict::Deviates(steps) if steps.len() == 3)
    );
}

#[test]
fn an_entry_that_holds_is_not_refused_whatever_it_is_on() {
    let right = Access { mode: 0o644, uid: 10, gid: 20 };
    let linked = Metadata { nlink: 2, immutable: true, ..metadata(FileKind::File, right) };
    assert_eq!(verdict("a.hash", &linked), Verdict::Holds);
}

#[test]
fn a_name_that_is_not_utf8_is_escaped_in_documents() {
    let name = Path::new(OsStr::from_bytes(b"a\n\xff"));
    let refused = Refused { path: name.to_owned(), reason: "".into() };
    assert_eq!(serde_json::to_string(&refused).unwrap(), r#"{"path":"a\\n\\xff","reason":""}"#);
}
