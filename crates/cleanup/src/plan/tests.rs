use std::time::Duration;

use evenkeel_safefs::Access;
use proptest::prelude::*;

use super::*;
use crate::policy::{AgeBy, Draft};

const WEEK: Duration = Duration::from_hours(7 * 24);

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn metadata(mtime: SystemTime) -> Metadata {
    Metadata {
        identity: Identity { dev: 1, ino: 2, btime: Some(mtime), mnt_id: 3 },
        kind: Kind::File,
        access: Access { mode: 0o644, uid: 0, gid: 0 },
        nlink: 1,
        size: 10,
        allocated: 4096,
        block_size: 4096,
        atime: mtime,
        mtime,
        ctime: mtime,
        immutable: false,
        append_only: false,
        mount_root: false,
    }
}

fn policy(trigger: Trigger, action: Action) -> Policy {
    let matches = vec!["*".to_owned()];
    Policy::try_new(Draft { matches, ..Draft::new("/srv/state", trigger, action) }).unwrap()
}

fn older(by: AgeBy) -> Policy {
    let trigger = Trigger::OlderThan(WEEK);
    let matches = vec!["*".to_owned()];
    let draft = Draft { matches, age_by: by, ..Draft::new("/srv/state", trigger, Action::Delete) };
    Policy::try_new(draft).unwrap()
}

fn verdict(policy: &Policy, metadata: &Metadata, now: SystemTime) -> Verdict {
    plan_entry(policy, &Entry { metadata, bytes: metadata.size }, now)
}

#[test]
fn a_file_exactly_at_the_age_is_kept_and_a_nanosecond_later_it_goes() {
    let (policy, old) = (older(AgeBy::ALL), metadata(at(1_000)));
    let exactly = at(1_000) + WEEK;
    assert_eq!(verdict(&policy, &old, exactly), Verdict::Keep(KeepReason::Young));
    assert!(matches!(
        verdict(&policy, &old, exactly + Duration::from_nanos(1)),
        Verdict::Take { .. }
    ));
}

#[test]
fn a_clock_set_back_removes_nothing() {
    let fresh = metadata(at(1_000_000));
    assert_eq!(
        verdict(&older(AgeBy::MTIME), &fresh, at(10)),
        Verdict::Keep(KeepReason::FutureMtime)
    );
}

#[test]
fn a_freshly_unpacked_old_file_is_young_by_all_times_and_old_by_its_mtime() {
    let now = at(100 * WEEK.as_secs());
    let mut unpacked = metadata(at(0));
    unpacked.identity.btime = Some(now);
    assert_eq!(verdict(&older(AgeBy::ALL), &unpacked, now), Verdict::Keep(KeepReason::Young));
    assert!(matches!(verdict(&older(AgeBy::MTIME), &unpacked, now), Verdict::Take { .. }));
    unpacked.identity.btime = None;
    unpacked.ctime = now;
    assert_eq!(verdict(&older(AgeBy::ALL), &unpacked, now), Verdict::Keep(KeepReason::Young));
}

#[test]
fn what_is_no_file_and_what_has_the_sticky_bit_stays() {
    let now = at(100 * WEEK.as_secs());
    for kind in [Kind::Directory, Kind::Symlink, Kind::Fifo, Kind::Socket, Kind::Device] {
        let other = Metadata { kind, ..metadata(at(0)) };
        assert_eq!(verdict(&older(AgeBy::ALL), &other, now), Verdict::Keep(KeepReason::NotAFile));
    }
    let access = Access { mode: 0o1644, uid: 0, gid: 0 };
    let sticky = Metadata { access, ..metadata(at(0)) };
    assert_eq!(verdict(&older(AgeBy::ALL), &sticky, now), Verdict::Keep(KeepReason::Sticky));
}

proptest! {
    #[test]
    fn a_file_goes_exactly_if_its_youngest_time_is_older_than_the_age(
        mtime in 0..2_000_000_u64,
        ctime in 0..2_000_000_u64,
        btime in proptest::option::of(0..2_000_000_u64),
        now in 0..3_000_000_u64,
    ) {
        let mut file = metadata(at(mtime));
        file.ctime = at(ctime);
        file.identity.btime = btime.map(at);
        let youngest = mtime.max(ctime).max(btime.unwrap_or(0));
        let due = now > youngest + WEEK.as_secs();
        let verdict = verdict(&older(AgeBy::ALL), &file, at(now));
        prop_assert_eq!(matches!(verdict, Verdict::Take { .. }), due);
        if let Verdict::Take { reason, .. } = verdict {
            prop_assert!(!reason.is_empty());
        }
    }

    #[test]
    fn a_file_that_was_shortened_is_no_longer_due(
        limit in TRUNCATED_FROM..1_000_000_000_u64,
        keep_share in 0.0..1.0_f64,
        size in 0..4_000_000_000_u64,
    ) {
        // Numbers of bytes: what a float leaves out does not matter.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a size")]
        let keep_tail = ((limit - TRUNCATED_FROM) as f64 * keep_share) as u64;
        let policy = policy(Trigger::LargerThan(limit), Action::Truncate { keep_tail });
        let file = Metadata { size, ..metadata(at(0)) };
        match verdict(&policy, &file, at(0)) {
            Verdict::Take { bytes, .. } => {
                prop_assert!(size > limit);
                prop_assert_eq!(bytes, size - keep_tail);
                // Up to a block more than the tail stays.
                let left = Metadata { size: keep_tail + 4095, ..file };
                prop_assert_eq!(verdict_kind(&policy, &left), KeepReason::Small);
            }
            Verdict::Keep(reason) => {
                prop_assert_eq!(reason, KeepReason::Small);
                prop_assert!(size <= limit);
            }
        }
    }
}

const TRUNCATED_FROM: u64 = crate::policy::TRUNCATE_MARGIN_BYTES;

fn verdict_kind(policy: &Policy, metadata: &Metadata) -> KeepReason {
    match verdict(policy, metadata, at(0)) {
        Verdict::Keep(reason) => reason,
        Verdict::Take { reason, .. } => panic!("it is due: {reason}"),
    }
}
