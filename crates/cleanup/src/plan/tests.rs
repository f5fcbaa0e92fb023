mod boot;
mod levels;

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

fn policy(trigger: Trigger, change: impl FnOnce(&mut Draft)) -> Policy {
    let mut draft = Draft::new("/srv/state", trigger, Action::Delete);
    draft.matches = vec!["*".to_owned()];
    change(&mut draft);
    Policy::try_new(draft).unwrap()
}

fn older(by: AgeBy) -> Policy {
    policy(Trigger::OlderThan(WEEK), |draft| draft.age_by = by)
}

fn candidate(policy: &Policy, number: u64, metadata: &Metadata) -> Candidate {
    let youngest = policy.draft().age_by.youngest(metadata);
    let held = is_sticky(metadata).then_some(KeepReason::Sticky);
    Candidate {
        path: PathBuf::from(format!("/srv/state/{number}")),
        pin: Identity { ino: number, ..metadata.identity },
        nlink: metadata.nlink,
        look: Look { youngest, bytes: metadata.size, held },
        allocated: metadata.allocated,
        inodes: 1,
        links: Vec::new(),
    }
}

fn verdict(policy: &Policy, metadata: &Metadata, clock: impl Into<Clock>) -> Verdict {
    judge(policy, &candidate(policy, 1, metadata).look, clock.into())
}

fn step(policy: &Policy, metadata: &Metadata) -> Step {
    let candidate = candidate(policy, 1, metadata);
    let reason = Reason::Large { bytes: 1, limit: 0 };
    steps(policy, vec![candidate], vec![(0, reason)]).remove(0)
}

#[test]
fn a_file_exactly_at_the_age_is_kept_and_a_nanosecond_later_it_goes() {
    let (policy, old) = (older(AgeBy::ALL), metadata(at(1_000)));
    let exactly = at(1_000) + WEEK;
    assert_eq!(verdict(&policy, &old, exactly), Verdict::Keep(KeepReason::Young));
    let later = exactly + Duration::from_nanos(1);
    assert!(matches!(verdict(&policy, &old, later), Verdict::Due(_)));
}

#[test]
fn a_clock_set_back_removes_nothing() {
    let fresh = metadata(at(1_000_000));
    let verdict = verdict(&older(AgeBy::MTIME), &fresh, at(10));
    assert_eq!(verdict, Verdict::Keep(KeepReason::FutureMtime));
}

#[test]
fn a_freshly_unpacked_old_file_is_young_by_all_times_and_old_by_its_mtime() {
    let now = at(100 * WEEK.as_secs());
    let mut unpacked = metadata(at(0));
    unpacked.identity.btime = Some(now);
    assert_eq!(verdict(&older(AgeBy::ALL), &unpacked, now), Verdict::Keep(KeepReason::Young));
    assert!(matches!(verdict(&older(AgeBy::MTIME), &unpacked, now), Verdict::Due(_)));
    unpacked.identity.btime = None;
    unpacked.ctime = now;
    assert_eq!(verdict(&older(AgeBy::ALL), &unpacked, now), Verdict::Keep(KeepReason::Young));
}

#[test]
fn a_file_that_is_still_read_is_young_by_its_atime() {
    let now = at(100 * WEEK.as_secs());
    let read = Metadata { atime: now, ..metadata(at(0)) };
    let by = AgeBy::parse(&["mtime", "atime"]).unwrap();
    assert_eq!(verdict(&older(by), &read, now), Verdict::Keep(KeepReason::Young));
    assert!(matches!(verdict(&older(AgeBy::ALL), &read, now), Verdict::Due(_)));
}

#[test]
fn a_file_with_the_sticky_bit_stays() {
    let access = Access { mode: 0o1644, uid: 0, gid: 0 };
    let sticky = Metadata { access, ..metadata(at(0)) };
    let (policy, now) = (older(AgeBy::ALL), at(100 * WEEK.as_secs()));
    assert_eq!(verdict(&policy, &sticky, now), Verdict::Keep(KeepReason::Sticky));
    // Also if it got the bit after it was planned.
    assert!(!is_due(&policy, &step(&policy, &metadata(at(0))), &sticky, now.into()));
}

#[test]
fn what_was_written_after_the_plan_is_no_longer_due() {
    let now = at(100 * WEEK.as_secs());
    let planned = metadata(at(1_000));
    let written = metadata(at(1_001));
    for trigger in [Trigger::OlderThan(WEEK), Trigger::MaxTotal(1), Trigger::MaxCount(1)] {
        let policy = policy(trigger, |_| ());
        let step = step(&policy, &planned);
        assert!(is_due(&policy, &step, &planned, now.into()), "{trigger:?}");
        let still_old = matches!(trigger, Trigger::OlderThan(_));
        assert_eq!(is_due(&policy, &step, &written, now.into()), still_old, "{trigger:?}");
        let fresh = Metadata { mtime: now, ..planned };
        assert!(!is_due(&policy, &step, &fresh, now.into()), "{trigger:?}");
    }
}

#[test]
fn a_name_is_not_young_because_another_name_of_its_file_was_just_taken() {
    let now = at(100 * WEEK.as_secs());
    let planned = Metadata { nlink: 2, ..metadata(at(0)) };
    for born in [Some(at(0)), None] {
        let mut taken = Metadata { nlink: 1, ctime: now, ..planned };
        taken.identity.btime = born;
        for trigger in [Trigger::OlderThan(WEEK), Trigger::MaxCount(1)] {
            let policy = policy(trigger, |_| ());
            let step = step(&policy, &planned);
            assert!(is_due(&policy, &step, &taken, now.into()), "{trigger:?}");
            assert!(!is_due(&policy, &step, &Metadata { nlink: 2, ..taken }, now.into()));
            assert!(!is_due(&policy, &step, &Metadata { mtime: now, ..taken }, now.into()));
        }
    }
}

#[test]
fn a_reason_names_the_trigger_its_value_and_the_entrys_own_figure() {
    let age = Some(Duration::from_hours(50));
    let mark = crate::policy::Watermark {
        high: "90%".parse().unwrap(),
        low: "80%".parse().unwrap(),
        of: crate::policy::Resource::Inodes,
    };
    let usage = "93.5%".parse().unwrap();
    let shown = |reason: Reason| reason.to_string();
    all_equal(&[
        (
            shown(Reason::Old {
                age: WEEK + Duration::from_millis(1500),
                limit: WEEK,
                by: AgeBy::MTIME,
            }),
            "older_than = 7days: it is 7days 1s old by mtime",
        ),
        (
            shown(Reason::BeforeBoot { before: Duration::from_hours(26), by: AgeBy::ALL }),
            "older_than = boot: it is from 1day 2h before, by all",
        ),
        (shown(Reason::Large { bytes: 12, limit: 10 }), "larger_than = 10 B: it has 12 B"),
        (
            shown(Reason::Total { total: 30, limit: 20, allocated: 4, age }),
            "max_total = 20 B: all together take 30 B; it takes 4 B and is 2days 2h old",
        ),
        (
            shown(Reason::Many { count: 9, limit: 5, age: None }),
            "max_count = 5: there are 9; it is dated after now",
        ),
        (
            shown(Reason::Full { usage, mark, gain: 1, age }),
            "watermark from 90% down to 80%: the filesystem's table of inodes is 93.5% full; it takes 1 inodes and is 2days 2h old",
        ),
    ]);
}

fn all_equal(cases: &[(String, &str)]) {
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
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
        let policy = older(AgeBy::ALL);
        prop_assert_eq!(matches!(verdict(&policy, &file, at(now)), Verdict::Due(_)), due);
        prop_assert_eq!(is_due(&policy, &step(&policy, &file), &file, at(now).into()), due);
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
        let action = Action::Truncate { keep_tail };
        let policy = policy(Trigger::LargerThan(limit), |draft| draft.action = action);
        let file = Metadata { size, ..metadata(at(0)) };
        let due = matches!(verdict(&policy, &file, at(0)), Verdict::Due(_));
        prop_assert_eq!(due, size > limit);
        if due {
            prop_assert_eq!(step(&policy, &file).bytes, size - keep_tail);
            // Up to a block more than the tail stays.
            let left = Metadata { size: keep_tail + 4095, ..file };
            prop_assert_eq!(verdict(&policy, &left, at(0)), Verdict::Keep(KeepReason::Small));
        }
    }
}

const TRUNCATED_FROM: u64 = crate::policy::TRUNCATE_MARGIN_BYTES;
