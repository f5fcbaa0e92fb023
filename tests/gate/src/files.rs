//! What is decided for each name of a directory.
//!
//! A whole sweep cannot be counted: valgrind 3.19 (Debian 12) does not know `openat2`, below which all of it works. `cargo xtask bench files`
//! holds it to the bare loop.

use std::hint::black_box;

use evenkeel_permissions::GlobSet;

use crate::counted_by_callgrind;

/// Names of which half are meant, by a rule of three globs.
pub(crate) fn names(count: u32) {
    let globs = ["*.hash", "*.log", "worker-[0-9]*.tmp"];
    let globs = GlobSet::try_new(&globs).expect("globs");
    let endings = ["hash", "txt"];
    let name = |index: u32| format!("worker-{index:05}.{}", endings[index as usize % 2]);
    let names: Vec<_> = (0..count).map(name).collect();
    let meant = counted_by_callgrind(|| {
        names.iter().filter(|name| globs.is_match(black_box(name.as_str()))).count()
    });
    assert_eq!(meant, names.len() / 2);
}
