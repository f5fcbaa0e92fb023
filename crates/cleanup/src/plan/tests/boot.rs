//! What dates from before this boot.

use proptest::prelude::*;

use super::*;

const BOOT: u64 = 1_000_000;

fn clock(now: u64) -> Clock {
    Clock { now: at(now), boot: Some(at(BOOT)) }
}

fn before_boot(by: AgeBy) -> Policy {
    policy(Trigger::BeforeBoot, |draft| draft.age_by = by)
}

#[test]
fn what_this_boot_made_stays_and_what_is_a_nanosecond_older_goes() {
    let (policy, now) = (before_boot(AgeBy::ALL), clock(BOOT + 60));
    assert_eq!(verdict(&policy, &metadata(at(BOOT)), now), Verdict::Keep(KeepReason::Young));
    let before = Duration::from_nanos(1);
    let due = Verdict::Due(Reason::BeforeBoot { before, by: AgeBy::ALL });
    assert_eq!(verdict(&policy, &metadata(at(BOOT) - before), now), due);
}

#[test]
fn what_was_touched_since_the_boot_is_not_from_before_it() {
    let (policy, now) = (before_boot(AgeBy::ALL), clock(BOOT + 60));
    let old = metadata(at(BOOT - 60));
    let kept = Verdict::Keep(KeepReason::Young);
    let written = Metadata { mtime: at(BOOT + 1), ..old };
    assert_eq!(verdict(&policy, &written, now), kept);
    // A lock whose owner or mode this boot has put right.
    let changed = Metadata { ctime: at(BOOT + 1), ..old };
    assert_eq!(verdict(&policy, &changed, now), kept);
    // Unpacked since, with the times of long ago.
    let born = Identity { btime: Some(at(BOOT + 1)), ..old.identity };
    assert_eq!(verdict(&policy, &Metadata { identity: born, ..old }, now), kept);
    // Where no birth is kept, ctime stands for it.
    let unborn = Metadata { identity: Identity { btime: None, ..old.identity }, ..changed };
    let by_birth = before_boot(AgeBy::of([crate::policy::Stamp::Btime]));
    assert_eq!(verdict(&by_birth, &unborn, now), kept);
    assert!(matches!(verdict(&before_boot(AgeBy::MTIME), &changed, now), Verdict::Due(_)));
}

#[test]
fn a_clock_set_back_before_the_boot_takes_nothing_dated_after_now() {
    let (policy, now) = (before_boot(AgeBy::ALL), clock(BOOT - 3_600));
    let ahead = metadata(at(BOOT - 60));
    assert_eq!(verdict(&policy, &ahead, now), Verdict::Keep(KeepReason::FutureMtime));
    assert!(!is_due(&policy, &step(&policy, &ahead), &ahead, now));
}

#[test]
fn nothing_goes_if_the_boot_is_not_known() {
    let policy = before_boot(AgeBy::ALL);
    assert_eq!(verdict(&policy, &metadata(at(0)), at(BOOT)), Verdict::Keep(KeepReason::Young));
}

#[test]
fn the_newest_stay_and_only_what_is_due_of_the_rest_goes() {
    let policy = policy(Trigger::BeforeBoot, |draft| draft.keep_newest = Some(2));
    let times = [BOOT + 5, BOOT - 1, BOOT - 3, BOOT - 2];
    let mut candidates: Vec<_> = times
        .into_iter()
        .zip(1..)
        .map(|(time, number)| candidate(&policy, number, &metadata(at(time))))
        .collect();
    let choice = choose(&policy, &mut candidates, FilesystemUsage::default(), clock(BOOT + 60));
    let taken: Vec<_> =
        choice.taken.iter().map(|(index, _)| candidates[*index].path.clone()).collect();
    assert_eq!(taken, ["/srv/state/3", "/srv/state/4"].map(PathBuf::from), "the oldest first");
    assert_eq!(choice.kept, [(KeepReason::Young, 1), (KeepReason::Newest, 1)].into());
}

proptest! {
    #[test]
    fn a_file_goes_exactly_if_all_chosen_times_are_before_the_boot_and_none_after_now(
        mtime in BOOT - 50..BOOT + 50,
        ctime in BOOT - 50..BOOT + 50,
        btime in proptest::option::of(BOOT - 50..BOOT + 50),
        now in BOOT - 60..BOOT + 60,
        all: bool,
    ) {
        let mut file = metadata(at(mtime));
        file.ctime = at(ctime);
        file.identity.btime = btime.map(at);
        let chosen = if all { vec![mtime, ctime, btime.unwrap_or(ctime)] } else { vec![mtime] };
        let due = chosen.iter().all(|time| *time < BOOT && *time <= now);
        let policy = before_boot(if all { AgeBy::ALL } else { AgeBy::MTIME });
        prop_assert_eq!(matches!(verdict(&policy, &file, clock(now)), Verdict::Due(_)), due);
        prop_assert_eq!(is_due(&policy, &step(&policy, &file), &file, clock(now)), due);
    }

    #[test]
    fn what_goes_now_goes_later_too_unless_it_is_touched(time in BOOT - 50..BOOT + 50, wait in 0..1_000_u64) {
        let policy = before_boot(AgeBy::ALL);
        let goes = |now| matches!(verdict(&policy, &metadata(at(time)), clock(now)), Verdict::Due(_));
        prop_assert!(!goes(BOOT + 60) || goes(BOOT + 60 + wait));
    }
}
