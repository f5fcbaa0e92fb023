//! Many directories, and many changes at once.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use crate::help::{Keeping, chmod, draft, file, folder, interfaces, mode, scratch};

/// The figures of `docs/decisions/0004` are with 100,000; a test that runs each time takes fewer.
fn amount() -> usize {
    std::env::var("EVENKEEL_TEST_AMOUNT").map_or(1_000, |amount| amount.parse().unwrap())
}

#[test]
fn a_burst_of_changes_in_many_directories_is_put_right_to_the_last() {
    for watch in interfaces() {
        let scratch = scratch();
        let amount = amount();
        let mut files = Vec::new();
        for number in 0..amount {
            let top = scratch.path().join((number / 1000).to_string());
            if number % 1000 == 0 {
                folder(&top);
            }
            let folder_path = top.join(number.to_string());
            folder(&folder_path);
            files.push(folder_path.join("a.hash"));
            file(&files[number], 0o644);
        }
        let begun = Instant::now();
        let (mut kept, swept) = Keeping::start(draft(scratch.path()), watch);
        assert_eq!((swept.repaired.len(), swept.left.len()), (0, 0));
        let armed = begun.elapsed();
        let paths: Vec<_> = files.iter().map(PathBuf::as_path).collect();
        let begun = Instant::now();
        chmod(0o600, &paths);
        let changed = begun.elapsed();
        kept.until_repaired(amount);
        #[expect(clippy::print_stdout, reason = "the figures are for whoever asks for them")]
        {
            println!(
                "{watch:?}: {amount} directories watched in {armed:?}; as many chmods in {changed:?}, all repaired after {:?}; {} KiB",
                begun.elapsed(),
                resident_kib()
            );
        }
        assert!(files.iter().all(|file| mode(file) == 0o644));
        assert!(kept.fights.is_empty());
    }
}

fn resident_kib() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().to_owned()
}
