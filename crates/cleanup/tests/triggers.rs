//! Limits for all, the newest that stay, and directories as one entry, on real trees.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use evenkeel_cleanup::{
    Action, AgeBy, Draft, KeepReason, Plan, Policy, Resource, ScanError, Trigger, Unit, Watermark,
    apply, scan,
};
use proptest::prelude::*;

const HOUR: Duration = Duration::from_hours(1);
const BLOCK: u64 = 4096;

fn rule(path: &Path, trigger: Trigger) -> Draft {
    Draft {
        matches: vec!["*.d".to_owned(), "*.tmp".to_owned()],
        age_by: AgeBy::MTIME,
        ..Draft::new(path, trigger, Action::Delete)
    }
}

fn plan(draft: Draft) -> Plan {
    scan(&Policy::try_new(draft).unwrap(), SystemTime::now()).unwrap()
}

fn age(path: &Path, hours: u32) {
    let times = FileTimes::new().set_modified(SystemTime::now() - hours * HOUR);
    File::open(path).unwrap().set_times(times).unwrap();
}

fn file(path: impl Into<PathBuf>, hours: u32, blocks: usize) -> PathBuf {
    let path = path.into();
    fs::write(&path, vec![b'x'; blocks * 4096]).unwrap();
    age(&path, hours);
    path
}

/// A directory of so many files, all of it so old.
fn directory(path: impl Into<PathBuf>, hours: u32, files: usize) -> PathBuf {
    let path = path.into();
    fs::create_dir_all(path.join("sub")).unwrap();
    for number in 0..files {
        file(path.join(format!("sub/{number}")), hours, 1);
    }
    age(&path.join("sub"), hours);
    age(&path, hours);
    path
}

fn steps(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.path.file_name().unwrap().to_str().unwrap()).collect()
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn the_oldest_go_until_all_take_no_more_than_the_limit() {
    let scratch = scratch();
    for (name, hours) in [("a.tmp", 3), ("b.tmp", 9), ("c.tmp", 6), ("other", 50)] {
        file(scratch.path().join(name), hours, 1);
    }
    let draft = rule(scratch.path(), Trigger::MaxTotal(BLOCK));
    let plan = plan(draft.clone());
    assert_eq!(steps(&plan), ["b.tmp", "c.tmp"]);
    let level = plan.level.unwrap();
    assert_eq!((level.before, level.after, level.is_met()), (3 * BLOCK, BLOCK, true));
    assert_eq!((plan.matching, plan.kept[&KeepReason::WithinLimit]), (3, 1));
    let reason = plan.steps[0].reason.to_string();
    assert!(reason.contains("max_total = 4 KiB") && reason.contains("9h"), "{reason}");
    let policy = Policy::try_new(draft).unwrap();
    let report = apply(&policy, plan, SystemTime::now());
    assert_eq!(report.taken.len(), 2, "{report:?}");
    assert!(scan(&policy, SystemTime::now()).unwrap().steps.is_empty());
}

#[test]
fn a_file_with_two_names_counts_once_and_goes_with_both() {
    let scratch = scratch();
    let old = file(scratch.path().join("a.tmp"), 9, 2);
    fs::hard_link(&old, scratch.path().join("z.tmp")).unwrap();
    file(scratch.path().join("b.tmp"), 3, 1);
    let draft = rule(scratch.path(), Trigger::MaxTotal(2 * BLOCK));
    let plan = plan(draft.clone());
    assert_eq!(steps(&plan), ["a.tmp", "z.tmp"]);
    assert_eq!(plan.level.unwrap().before, 3 * BLOCK);
    let report = apply(&Policy::try_new(draft).unwrap(), plan, SystemTime::now());
    assert_eq!(report.taken.len(), 2, "{report:?}");
}

#[test]
fn the_newest_are_kept_whatever_the_trigger() {
    let scratch = scratch();
    for hours in 1..=6 {
        file(scratch.path().join(format!("{hours}.tmp")), hours, 1);
    }
    let keep = |trigger| Draft { keep_newest: Some(2), ..rule(scratch.path(), trigger) };
    let old = plan(keep(Trigger::OlderThan(HOUR / 2)));
    assert_eq!(steps(&old), ["6.tmp", "5.tmp", "4.tmp", "3.tmp"]);
    assert_eq!(old.kept[&KeepReason::Newest], 2);
    assert_eq!(steps(&plan(keep(Trigger::LargerThan(1)))).len(), 4);
    assert_eq!(steps(&plan(keep(Trigger::MaxCount(5)))), ["6.tmp"]);
    let total = plan(keep(Trigger::MaxTotal(1)));
    assert_eq!(steps(&total).len(), 4);
    assert!(!total.level.unwrap().is_met());
}

#[test]
fn the_newest_of_the_whole_tree_are_kept_not_of_each_directory() {
    let scratch = scratch();
    fs::create_dir(scratch.path().join("sub")).unwrap();
    file(scratch.path().join("sub/new.tmp"), 1, 1);
    file(scratch.path().join("old.tmp"), 5, 1);
    let draft = Draft {
        recursive: true,
        keep_newest: Some(1),
        ..rule(scratch.path(), Trigger::OlderThan(HOUR / 2))
    };
    assert_eq!(steps(&plan(draft)), ["old.tmp"]);
}

#[test]
fn a_file_in_use_stays_and_the_next_oldest_goes_in_its_place() {
    let scratch = scratch();
    for hours in 1..=3 {
        file(scratch.path().join(format!("{hours}.tmp")), hours, 1);
    }
    let held = File::open(scratch.path().join("3.tmp")).unwrap();
    let draft = Draft { skip_in_use: true, ..rule(scratch.path(), Trigger::MaxCount(2)) };
    let plan = plan(draft);
    assert_eq!(steps(&plan), ["2.tmp"]);
    assert_eq!(plan.kept[&KeepReason::InUse], 1);
    drop(held);
}

#[test]
fn a_share_of_the_matching_is_a_cap() {
    let scratch = scratch();
    for hours in 1..=4 {
        file(scratch.path().join(format!("{hours}.tmp")), hours, 1);
    }
    let capped = |percent: &str| {
        let max_ratio = Some(percent.parse().unwrap());
        let draft = Draft { max_ratio, ..rule(scratch.path(), Trigger::MaxCount(2)) };
        scan(&Policy::try_new(draft).unwrap(), SystemTime::now())
    };
    assert_eq!(capped("50%").unwrap().steps.len(), 2);
    let error = capped("49%").unwrap_err();
    assert!(matches!(error, ScanError::OverRatio { found: 2, matching: 4, .. }), "{error}");
    assert!(error.to_string().contains("max_ratio"), "{error}");
}

#[test]
fn a_watermark_looks_at_the_filesystem_of_the_root() {
    let scratch = scratch();
    for hours in 1..=3 {
        file(scratch.path().join(format!("{hours}.tmp")), hours, 64);
    }
    let marks = |high: f64, low: f64| {
        let share = |ratio: f64| evenkeel_cleanup::Share::from_ratio(ratio).unwrap();
        let mark = Watermark { high: share(high), low: share(low), of: Resource::Disk };
        plan(rule(scratch.path(), Trigger::Watermark(mark)))
    };
    let quiet = marks(0.999_999, 0.9);
    assert_eq!(quiet.steps, []);
    let level = quiet.level.unwrap();
    assert!(level.before > 0 && level.start > level.stop);
    // Nobody can bring a filesystem down to a millionth: all that matches goes, the oldest first.
    let full = marks(0.000_002, 0.000_001);
    assert_eq!(steps(&full), ["3.tmp", "2.tmp", "1.tmp"]);
    assert!(!full.level.unwrap().is_met());
    assert!(full.steps[0].reason.to_string().contains("watermark"));
}

#[test]
fn a_directory_is_as_young_as_the_youngest_thing_in_it() {
    let scratch = scratch();
    directory(scratch.path().join("old.d"), 9, 2);
    directory(scratch.path().join("fresh.d"), 9, 2);
    file(scratch.path().join("fresh.d/sub/new"), 1, 1);
    file(scratch.path().join("file.d"), 9, 1);
    directory(scratch.path().join("other"), 9, 1);
    let draft = rule(scratch.path(), Trigger::OlderThan(5 * HOUR));
    let plan = plan(Draft { unit: Unit::Directory, ..draft });
    assert_eq!(steps(&plan), ["old.d"]);
    assert_eq!(plan.total_bytes, 2 * BLOCK);
    assert_eq!((plan.matching, plan.kept[&KeepReason::Young]), (2, 1));
    assert_eq!(plan.kept[&KeepReason::NotADirectory], 1);
}

#[test]
fn the_largest_and_the_oldest_directories_go_by_all_that_is_in_them() {
    let scratch = scratch();
    for (hours, files) in [(1, 1), (2, 2), (3, 3)] {
        directory(scratch.path().join(format!("{hours}.d")), hours, files);
    }
    let directories = |trigger| Draft { unit: Unit::Directory, ..rule(scratch.path(), trigger) };
    assert_eq!(steps(&plan(directories(Trigger::LargerThan(2 * BLOCK)))), ["3.d"]);
    assert_eq!(steps(&plan(directories(Trigger::MaxCount(1)))), ["3.d", "2.d"]);
    let all = plan(directories(Trigger::MaxTotal(u64::MAX)));
    let blocks = |path: &Path| fs::metadata(path).unwrap().blocks() * 512;
    let expected: u64 = (1..=3)
        .map(|number| scratch.path().join(format!("{number}.d")))
        .map(|path| blocks(&path) + blocks(&path.join("sub")))
        .sum();
    assert_eq!(all.level.unwrap().before, expected + 6 * BLOCK);
}

#[test]
fn files_shared_by_snapshots_count_once() {
    let scratch = scratch();
    let old = directory(scratch.path().join("1.d"), 9, 3);
    let new = directory(scratch.path().join("2.d"), 1, 0);
    for number in 0..3 {
        fs::hard_link(old.join(format!("sub/{number}")), new.join(format!("sub/{number}")))
            .unwrap();
    }
    age(&new.join("sub"), 1);
    let draft =
        Draft { unit: Unit::Directory, ..rule(scratch.path(), Trigger::MaxTotal(u64::MAX)) };
    let before = plan(draft.clone()).level.unwrap().before;
    let blocks = |path: &Path| fs::metadata(path).unwrap().blocks() * 512;
    let own = [&old, &old.join("sub"), &new, &new.join("sub")].map(|path| blocks(path));
    assert_eq!(before, own.iter().sum::<u64>() + 3 * BLOCK);
    // What the old one has alone is its directories: it goes, and the shared files stay with the new one.
    let tight = Draft { trigger: Trigger::MaxTotal(before - 1), ..draft };
    let plan = plan(tight);
    if own[0] + own[1] > 0 {
        assert_eq!(steps(&plan), ["1.d"]);
        assert_eq!(plan.level.unwrap().after, before - own[0] - own[1]);
    }
}

#[test]
fn a_directory_that_holds_what_must_stay_is_kept_whole() {
    let scratch = scratch();
    let within = |name: &str| directory(scratch.path().join(name), 9, 1).join("sub");
    let excluded = within("excluded.d");
    file(excluded.join("keep.me"), 9, 1);
    let socket = within("socket.d");
    let _listener = UnixListener::bind(socket.join("socket")).unwrap();
    let sticky = within("sticky.d");
    fs::set_permissions(sticky.join("0"), fs::Permissions::from_mode(0o1600)).unwrap();
    let linked = within("linked.d");
    symlink("/", linked.join("slash")).unwrap();
    let open = within("open.d");
    let held = File::open(open.join("0")).unwrap();
    let draft = Draft {
        unit: Unit::Directory,
        exclude: vec!["keep.me".to_owned()],
        skip_in_use: true,
        ..rule(scratch.path(), Trigger::LargerThan(0))
    };
    let plan = plan(draft);
    drop(held);
    assert_eq!(
        steps(&plan),
        ["linked.d"],
        "a link in it goes with it, and what it leads to does not count"
    );
    for reason in
        [KeepReason::HoldsExcluded, KeepReason::HoldsSpecial, KeepReason::Sticky, KeepReason::InUse]
    {
        assert_eq!(plan.kept.get(&reason), Some(&1), "{reason:?}");
    }
}

#[test]
fn what_matches_within_a_directory_that_matches_is_a_part_of_it() {
    let scratch = scratch();
    let outer = directory(scratch.path().join("a/outer.d"), 9, 1);
    directory(outer.join("inner.d"), 9, 1);
    directory(scratch.path().join("a/b/other.d"), 9, 1);
    let draft = Draft {
        unit: Unit::Directory,
        recursive: true,
        ..rule(scratch.path(), Trigger::LargerThan(0))
    };
    let found = plan(draft.clone());
    assert_eq!(steps(&found).into_iter().collect::<BTreeSet<_>>(), ["other.d", "outer.d"].into());
    // Deeper than is looked, nothing is known of it, and it stays.
    let shallow = plan(Draft { max_depth: Some(3), ..draft });
    assert_eq!(steps(&shallow), Vec::<&str>::new());
    assert!(shallow.unseen.iter().all(|unseen| unseen.reason.contains("levels")), "{shallow:?}");
    assert_eq!(shallow.unseen.len(), 2);
}

#[test]
fn a_directory_of_root_in_a_shared_place_is_left_to_root() {
    if !is_root() {
        return;
    }
    let scratch = scratch();
    directory(scratch.path().join("root.d"), 9, 1);
    let draft = Draft { unit: Unit::Directory, ..rule(scratch.path(), Trigger::OlderThan(HOUR)) };
    assert_eq!(steps(&plan(draft.clone())), ["root.d"]);
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    assert_eq!(plan(draft).kept[&KeepReason::RootOwned], 1);
}

#[test]
fn work_is_done_as_another_user() {
    let scratch = scratch();
    file(scratch.path().join("a.tmp"), 9, 1);
    let draft = |user: &str| Draft {
        run_as: Some(user.to_owned()),
        ..rule(scratch.path(), Trigger::OlderThan(HOUR))
    };
    let error = scan(&Policy::try_new(draft("no-such-user")).unwrap(), SystemTime::now());
    assert!(matches!(error, Err(ScanError::NoUser { .. })), "{error:?}");
    if !is_root() {
        return;
    }
    // The kernel keeps nobody from a directory of root's that is closed to others.
    let policy = Policy::try_new(draft("65534")).unwrap();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(scan(&policy, SystemTime::now()).is_err());
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let plan = scan(&policy, SystemTime::now()).unwrap();
    assert_eq!(plan.steps.len(), 1);
    let report = apply(&policy, plan, SystemTime::now());
    assert_eq!((report.taken.len(), report.failed.len()), (0, 1), "{report:?}");
    assert!(scratch.path().join("a.tmp").exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn limits_are_met_with_nothing_outside_excluded_or_new_touched(
        files in proptest::collection::vec((1..40_u32, 0..4_usize, 0..4_u8), 0..14),
        limit in 1..12_u64,
        newest in 1..4_u64,
        by_count: bool,
    ) {
        let scratch = scratch();
        let root = scratch.path().join("root");
        fs::create_dir_all(root.join("sub")).unwrap();
        let outside = file(scratch.path().join("outside.tmp"), 99, 3);
        let mut matching = Vec::new();
        let mut stays = vec![outside];
        for (index, (hours, blocks, place)) in files.into_iter().enumerate() {
            // Each of an age of its own, so that which are the newest is plain.
            let hours = hours * 100 + u32::try_from(index).unwrap();
            let path = match place {
                0 => root.join(format!("{index}.tmp")),
                1 => root.join(format!("sub/{index}.tmp")),
                2 => root.join(format!("keep-{index}.tmp")),
                _ => root.join(format!("sub/{index}.txt")),
            };
            file(&path, hours, blocks);
            if place < 2 {
                matching.push((hours, path));
            } else {
                stays.push(path);
            }
        }
        matching.sort();
        stays.extend(matching.iter().take(usize::try_from(newest).unwrap()).map(|(_, path)| path.clone()));
        let trigger = if by_count {
            Trigger::MaxCount(limit.max(newest))
        } else {
            Trigger::MaxTotal(limit * BLOCK)
        };
        let policy = Policy::try_new(Draft {
            recursive: true,
            exclude: vec!["keep-*".to_owned()],
            keep_newest: Some(newest),
            ..rule(&root, trigger)
        }).unwrap();
        let now = SystemTime::now();
        let plan = scan(&policy, now).unwrap();
        let (planned, met) = (plan.steps.len(), plan.level.unwrap().is_met());
        prop_assert_eq!(plan.matching, matching.len() as u64);
        let report = apply(&policy, plan, now);
        prop_assert_eq!(report.taken.len(), planned, "{:?}", report);
        prop_assert!(stays.iter().all(|path| path.exists()));
        let left: Vec<_> = matching.iter().filter(|(_, path)| path.exists()).collect();
        let total: u64 = left.iter().map(|(_, path)| fs::metadata(path).unwrap().blocks() * 512).sum();
        let within = if by_count { left.len() as u64 <= limit.max(newest) } else { total <= limit * BLOCK };
        prop_assert_eq!(within, met);
        if !met {
            // Nothing is left to take but what must stay or frees nothing.
            let takeable = left.iter().skip(usize::try_from(newest).unwrap());
            prop_assert!(takeable.clone().all(|(_, path)| fs::metadata(path).unwrap().blocks() == 0));
        }
        prop_assert!(scan(&policy, now).unwrap().steps.is_empty());
        // The oldest went first.
        let gone = matching.iter().filter(|(_, path)| !path.exists()).map(|(hours, _)| *hours).min();
        let empty = |path: &Path| fs::metadata(path).unwrap().blocks() == 0;
        prop_assert!(left.iter().all(|(hours, path)| gone.is_none_or(|gone| *hours < gone) || empty(path)));
    }
}

#[test]
fn snapshots_that_share_files_go_one_after_the_other_in_one_run() {
    let scratch = scratch();
    let mut last = directory(scratch.path().join("0.d"), 9, 3);
    for number in 1..5 {
        let next = directory(scratch.path().join(format!("{number}.d")), 9 - number, 0);
        for file in 0..3 {
            let name = format!("sub/{file}");
            fs::hard_link(last.join(&name), next.join(&name)).unwrap();
        }
        age(&next.join("sub"), 9 - number);
        last = next;
    }
    let draft = Draft { unit: Unit::Directory, ..rule(scratch.path(), Trigger::MaxCount(2)) };
    let policy = Policy::try_new(draft).unwrap();
    let now = SystemTime::now();
    let plan = scan(&policy, now).unwrap();
    assert_eq!(steps(&plan), ["0.d", "1.d", "2.d"]);
    let report = apply(&policy, plan, now);
    assert_eq!(report.taken.len(), 3, "{report:?}");
    assert_eq!(fs::read(scratch.path().join("4.d/sub/0")).unwrap().len(), 4096);
    assert!(scan(&policy, now).unwrap().steps.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn directories_go_whole_and_by_any_times_until_the_limit_is_met(
        directories in proptest::collection::vec((1..4_usize, any::<bool>(), any::<bool>()), 1..6),
        limit in 1..40_u64,
        by_count: bool,
        all_times: bool,
    ) {
        let scratch = scratch();
        let root = scratch.path().join("root");
        fs::create_dir(&root).unwrap();
        let outside = directory(scratch.path().join("outside.d"), 99, 2);
        let (mut matching, mut stays) = (Vec::new(), vec![outside]);
        for (index, (files, matches, precious)) in directories.into_iter().enumerate() {
            let hours = u32::try_from(index + 1).unwrap();
            let path = root.join(format!("{index}.{}", if matches { "d" } else { "other" }));
            directory(&path, hours, files);
            if precious {
                file(path.join("sub/keep"), hours, 1);
                age(&path.join("sub"), hours);
            }
            if matches { &mut matching } else { &mut stays }.push(path.clone());
            if matches && precious {
                stays.push(path);
            }
        }
        let trigger = if by_count { Trigger::MaxCount(limit % 4 + 1) } else { Trigger::MaxTotal(limit * BLOCK) };
        let policy = Policy::try_new(Draft {
            unit: Unit::Directory,
            exclude: vec!["keep".to_owned()],
            age_by: if all_times { AgeBy::ALL } else { AgeBy::MTIME },
            ..rule(&root, trigger)
        }).unwrap();
        let now = SystemTime::now();
        let plan = scan(&policy, now).unwrap();
        let (planned, level) = (plan.steps.len(), plan.level.unwrap());
        prop_assert_eq!(plan.matching, matching.len() as u64);
        let report = apply(&policy, plan, now);
        prop_assert_eq!(report.taken.len(), planned, "{:?}", report);
        prop_assert!(stays.iter().all(|path| path.exists()));
        let left = matching.iter().filter(|path| path.exists()).count();
        prop_assert_eq!(left + planned, matching.len());
        let second = scan(&policy, now).unwrap();
        prop_assert!(second.steps.is_empty());
        prop_assert_eq!(second.level.unwrap().before, level.after, "the plan's reckoning was right");
    }
}

/// In CI this must be root; elsewhere what needs it is left out, and says so.
#[expect(
    clippy::print_stderr,
    reason = "a test that is left out must not look like one that passed"
)]
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        let in_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!in_ci, "this is not root: run `cargo xtask test` as root");
        eprintln!("LEFT OUT: this is not root");
    }
    is_root
}
