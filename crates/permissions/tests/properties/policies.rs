//! Random policies.

use evenkeel_permissions::{AclEntry, AclPolicy, Draft, FileRule, Principal};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::tree::{directory_mode, mode, principal_ids};

/// The narrower ones first: a later one must not be covered by an earlier one.
const FILES: [&str; 5] = ["a.hash", "link*", "*.hash", "s*", "-*"];
const EXCLUDE: [&str; 3] = ["skip", "b.hash", "x*"];
const ACL: [&str; 4] = ["user:65531:r-X", "user:65532:rw-", "group:65533:r--", "group::r--"];
const DEFAULT_ACL: [&str; 4] = ["user::rwX", "group::r-X", "other::---", "user:65531:r-X"];

/// A policy without its path.
pub(crate) fn draft() -> impl Strategy<Value = Draft> {
    let files = (subsequence(FILES.to_vec(), 0..=3), vec(mode(), 3));
    let lists = (acl(), option::weighted(0.3, default_acl()));
    let owners = (option::of(principal()), option::of(principal()), vec(principal(), 0..2));
    let reach = (any::<bool>(), option::of(0..3_u32), subsequence(EXCLUDE.to_vec(), 0..=2));
    (files, option::weighted(0.7, directory_mode()), owners, reach, lists).prop_map(
        |(
            (globs, modes),
            directory_mode,
            (owner, group, adopt_from),
            reach,
            (acl, default_acl),
        )| {
            let (recursive, max_depth, exclude) = reach;
            // The group digit is the mask, and a list beyond it would be refused.
            let bound =
                |mode| if matches!(acl, AclPolicy::Enforce(_)) { mode | 0o070 } else { mode };
            let files = globs.into_iter().zip(modes);
            let files =
                files.map(|(glob, mode)| FileRule { glob: glob.to_owned(), mode: bound(mode) });
            Draft {
                owner,
                group,
                adopt_from,
                directory_mode: directory_mode.map(bound),
                files: files.collect(),
                exclude: exclude.into_iter().map(str::to_owned).collect(),
                recursive,
                max_depth,
                acl,
                default_acl,
                ..Draft::default()
            }
        },
    )
}

fn principal() -> impl Strategy<Value = Principal> {
    proptest::sample::select(principal_ids()).prop_map(Principal::Id)
}

fn acl() -> impl Strategy<Value = AclPolicy> {
    prop_oneof![
        2 => Just(AclPolicy::Ignore),
        1 => Just(AclPolicy::Report),
        3 => subsequence(ACL.to_vec(), 0..=ACL.len())
            .prop_map(|texts| AclPolicy::Enforce(entries(&texts))),
    ]
}

fn default_acl() -> impl Strategy<Value = Vec<AclEntry>> {
    subsequence(DEFAULT_ACL.to_vec(), 0..=DEFAULT_ACL.len()).prop_map(|texts| entries(&texts))
}

fn entries(texts: &[&str]) -> Vec<AclEntry> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}
