//! Limits for all together, against a model that reckons everything anew at each step.

use std::collections::BTreeSet;

use super::*;
use crate::policy::{Resource, Share, Watermark};

/// One file of a random tree: when it was young, what it takes, whose other name it is, and whether it may never go.
#[derive(Debug, Clone)]
struct File {
    age: u64,
    blocks: u64,
    /// Names with the same number are names of one file.
    shares: Option<u64>,
    elsewhere: bool,
    held: bool,
}

fn files() -> impl Strategy<Value = Vec<File>> {
    let shares = proptest::option::weighted(0.4, 0..3_u64);
    let held = proptest::bool::weighted(0.1);
    let file = (0..8_u64, 0..5_u64, shares, any::<bool>(), held);
    proptest::collection::vec(
        file.prop_map(|(age, blocks, shares, elsewhere, held)| File {
            age,
            blocks,
            shares,
            elsewhere,
            held,
        }),
        0..14,
    )
    // Names of one file agree in what belongs to the file.
    .prop_map(|mut files| {
        for index in 0..files.len() {
            let first = files.iter().position(|file| file.shares == files[index].shares);
            if let (Some(_), Some(first)) = (files[index].shares, first) {
                let File { age, blocks, elsewhere, .. } = files[first].clone();
                files[index] = File { age, blocks, elsewhere, ..files[index].clone() };
            }
        }
        files
    })
}

const NOW: u64 = 100 * 7 * 24 * 3600;

fn candidates(files: &[File]) -> Vec<Candidate> {
    let names =
        |shares: u64| files.iter().filter(|file| file.shares == Some(shares)).count() as u64;
    let one = |(number, file): (usize, &File)| {
        let ino = file.shares.unwrap_or(1_000 + number as u64);
        let identity = Identity { dev: 1, ino, btime: None, mnt_id: 1 };
        let links = file.shares.map(|shares| Link {
            file: (1, shares),
            names: 1,
            nlink: names(shares) + u64::from(file.elsewhere),
            allocated: file.blocks,
        });
        Candidate {
            path: PathBuf::from(format!("/srv/state/{number:02}")),
            pin: identity,
            nlink: 1,
            look: Look {
                youngest: at(NOW - file.age),
                bytes: file.blocks,
                held: file.held.then_some(KeepReason::Sticky),
            },
            allocated: if links.is_some() { 0 } else { file.blocks },
            inodes: u64::from(links.is_none()),
            links: links.into_iter().collect(),
        }
    };
    files.iter().enumerate().map(one).collect()
}

/// What files take up of which these are left; of those with a name elsewhere too, if that counts.
fn taken_up(
    files: &[File],
    left: &BTreeSet<usize>,
    weigh: impl Fn(&File) -> u64,
    disk: bool,
) -> u64 {
    let mut seen = BTreeSet::new();
    let counts = |index: &usize| {
        let file = &files[*index];
        (file.shares.is_none() || seen.insert(file.shares)) && left_of_it(files, left, *index, disk)
    };
    (0..files.len()).filter(counts).map(|index| weigh(&files[index])).sum()
}

fn left_of_it(files: &[File], left: &BTreeSet<usize>, index: usize, disk: bool) -> bool {
    let file = &files[index];
    let is_name = |other: usize| {
        other == index || (file.shares.is_some() && files[other].shares == file.shares)
    };
    left.iter().any(|other| is_name(*other)) || (disk && file.shares.is_some() && file.elsewhere)
}

/// With `others`, a filesystem on which others take so much, else a limit on these files alone.
///
/// The oldest that may go, until no more than `stop` is taken up; nothing that could never gain anything.
fn model(
    files: &[File],
    newest: u32,
    weigh: impl Fn(&File) -> u64 + Copy,
    others: Option<u64>,
    (start, stop): (u64, u64),
) -> (BTreeSet<usize>, u64) {
    let (disk, base) = (others.is_some(), others.unwrap_or(0));
    let mut order: Vec<_> = (0..files.len()).collect();
    order.sort_by_key(|index| {
        let file = &files[*index];
        (NOW - file.age, file.shares.unwrap_or(1_000 + *index as u64), *index)
    });
    let old = &order[..files.len().saturating_sub(newest as usize)];
    let mut left: BTreeSet<_> = (0..files.len()).collect();
    let may_go: BTreeSet<_> = old.iter().copied().filter(|index| !files[*index].held).collect();
    let last = &left - &may_go;
    let mut total = base + taken_up(files, &left, weigh, disk);
    if total <= start {
        return (BTreeSet::new(), total);
    }
    for index in old {
        let useful = weigh(&files[*index]) > 0 && !left_of_it(files, &last, *index, disk);
        if total > stop && may_go.contains(index) && useful {
            left.remove(index);
            total = base + taken_up(files, &left, weigh, disk);
        }
    }
    (&order.iter().copied().collect() - &left, total)
}

fn check(
    policy: &Policy,
    files: &[File],
    filesystem: FilesystemUsage,
    expected: &(BTreeSet<usize>, u64),
) -> Result<(), TestCaseError> {
    let mut candidates = candidates(files);
    let choice = choose(policy, &mut candidates, filesystem, at(NOW).into());
    let kept: u64 = choice.kept.values().sum();
    prop_assert_eq!(kept + choice.taken.len() as u64, files.len() as u64);
    let level = choice.level.unwrap();
    let steps = steps(policy, candidates, choice.taken);
    prop_assert!(
        steps.iter().all(|step| step.reason.to_string().contains(policy.draft().trigger.as_str()))
    );
    prop_assert!(steps.windows(2).all(|pair| pair[0].youngest <= pair[1].youngest));
    let number = |step: &Step| step.path.file_name().unwrap().to_str().unwrap().parse().unwrap();
    let taken: BTreeSet<usize> = steps.iter().map(number).collect();
    prop_assert_eq!(&taken, &expected.0);
    prop_assert_eq!(level.after, expected.1);
    // A second plan is empty if the limit can be met, and no longer tries if it cannot.
    let left: Vec<_> = (0..files.len())
        .filter(|index| !taken.contains(index))
        .map(|index| files[index].clone())
        .collect();
    if level.is_met() && policy.draft().trigger.as_str() != "watermark" {
        let again = choose(policy, &mut self::candidates(&left), filesystem, at(NOW).into());
        prop_assert_eq!(again.taken, vec![]);
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_limit_on_all_bytes_takes_what_a_simple_model_takes(
        files in files(), limit in 1..40_u64, newest in proptest::option::of(1..5_u32),
    ) {
        let policy = policy(Trigger::MaxTotal(limit), |draft| draft.keep_newest = newest.map(u64::from));
                let expected = model(&files, newest.unwrap_or(0), |file| file.blocks, None, (limit, limit));
        check(&policy, &files, FilesystemUsage::default(), &expected)?;
    }

    #[test]
    fn a_limit_on_their_number_takes_what_a_simple_model_takes(
        mut files in files(), limit in 5..12_u64, newest in proptest::option::of(1..5_u32),
    ) {
        // Each name counts.
        for file in &mut files {
            file.shares = None;
        }
        let policy = policy(Trigger::MaxCount(limit), |draft| draft.keep_newest = newest.map(u64::from));
        let expected = model(&files, newest.unwrap_or(0), |_| 1, None, (limit, limit));
        check(&policy, &files, FilesystemUsage::default(), &expected)?;
    }

    #[test]
    fn a_watermark_takes_what_a_simple_model_takes(
        files in files(), inodes: bool, high in 20..99_u64, below in 1..19_u64, others in 0..60_u64,
    ) {
        let weigh = move |file: &File| if inodes { 1 } else { file.blocks };
        let all: BTreeSet<_> = (0..files.len()).collect();
        let used = others + taken_up(&files, &all, weigh, true);
        let available = 100_u64.saturating_sub(used);
        let whole = used + available;
        let (high, low) = (percent(high), percent(high - below));
        let of = if inodes { Resource::Inodes } else { Resource::Disk };
        let filesystem = FilesystemUsage {
            used_bytes: used, available_bytes: available, used_inodes: used, available_inodes: available,
        };
        let policy = policy(Trigger::Watermark(Watermark { high, low, of }), |_| ());
        let expected = model(&files, 0, weigh, Some(others), (high.of(whole), low.of(whole)));
        check(&policy, &files, filesystem, &expected)?;
    }

    #[test]
    fn the_newest_stay_by_any_trigger(files in files(), newest in 1..6_u32, days in 1..7_u64) {
        let old = Trigger::OlderThan(Duration::from_secs(days));
        for trigger in [old, Trigger::LargerThan(2), Trigger::MaxTotal(1)] {
            let policy = policy(trigger, |draft| draft.keep_newest = Some(newest.into()));
            let mut candidates = candidates(&files);
            let choice = choose(&policy, &mut candidates, FilesystemUsage::default(), at(NOW).into());
            let first = files.len().saturating_sub(newest as usize);
            prop_assert!(choice.taken.iter().all(|(index, _)| *index < first));
            let stays = |index: usize| choice.taken.iter().all(|(taken, _)| *taken != index);
            let youngest_taken = choice.taken.last().map(|(index, _)| candidates[*index].look.youngest);
            let newest_stay = (first..files.len()).all(|index| {
                let youngest = candidates[index].look.youngest;
                stays(index) && youngest_taken.is_none_or(|taken| taken <= youngest)
            });
            prop_assert!(newest_stay);
        }
    }
}

fn percent(percent: u64) -> Share {
    format!("{percent}%").parse().unwrap()
}

#[test]
fn what_cannot_be_met_says_so() {
    let held = File { age: 5, blocks: 9, shares: None, elsewhere: false, held: true };
    let free = File { held: false, blocks: 2, ..held.clone() };
    let policy = policy(Trigger::MaxTotal(5), |_| ());
    let mut candidates = candidates(&[held, free]);
    let choice = choose(&policy, &mut candidates, FilesystemUsage::default(), at(NOW).into());
    let level = choice.level.unwrap();
    assert_eq!((level.before, level.after, level.is_met()), (11, 9, false));
    assert_eq!(
        level.to_string(),
        "11 bytes taken up by all that match, 9 after that, limit 5; nothing more may be taken"
    );
    assert_eq!(choice.taken.len(), 1);
    assert_eq!(choice.kept[&KeepReason::Sticky], 1);
}

#[test]
fn what_frees_nothing_is_not_taken_for_nothing() {
    let empty = File { age: 7, blocks: 0, shares: None, elsewhere: false, held: false };
    let linked = File { blocks: 3, shares: Some(1), elsewhere: true, ..empty.clone() };
    let large = File { age: 1, blocks: 50, ..empty.clone() };
    let mark = Watermark { high: percent(50), low: percent(40), of: Resource::Disk };
    let policy = policy(Trigger::Watermark(mark), |_| ());
    let filesystem =
        FilesystemUsage { used_bytes: 60, available_bytes: 40, ..FilesystemUsage::default() };
    let mut candidates = candidates(&[empty, linked, large]);
    let choice = choose(&policy, &mut candidates, filesystem, at(NOW).into());
    assert_eq!(choice.kept[&KeepReason::FreesNothing], 2);
    assert_eq!(choice.taken.len(), 1);
    assert_eq!(choice.level.unwrap().after, 10);
}
