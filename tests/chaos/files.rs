//! Faults of files, disks and logs: how each is brought about, and how the world is looked at afterwards.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_tests::{Chance, LONG, until};
use nix::sys::signal::Signal;
use nix::sys::statvfs::statvfs;

use crate::attack::{as_other, swap};
use crate::fault::Before;
use crate::inject::{number, worker};
use crate::log;
use crate::world::{KEPT, OTHER, World, must};

fn some_kept(world: &World, chance: &mut Chance) -> Vec<PathBuf> {
    (0..5).map(|_| world.join(&format!("kept/{:04}.hash", chance.below(KEPT)))).collect()
}

pub(crate) fn chmod(world: &World, chance: &mut Chance) -> Before {
    let files = some_kept(world, chance);
    as_other(|| {
        for file in &files {
            let _ = fs::set_permissions(file, Permissions::from_mode(0o666));
        }
    });
    named(&files)
}

pub(crate) fn chown(world: &World, chance: &mut Chance) -> Before {
    let files = some_kept(world, chance);
    for file in &files {
        let _ = std::os::unix::fs::chown(file, Some(0), None);
    }
    named(&files)
}

fn named(files: &[PathBuf]) -> Before {
    Before { number: 0, words: files.iter().map(|file| file.display().to_string()).collect() }
}

pub(crate) fn kept_is_well(_: &World, before: &Before) -> bool {
    before.words.iter().all(|file| {
        fs::symlink_metadata(file)
            .is_ok_and(|file| (file.mode() & 0o7777, file.uid()) == (0o640, OTHER))
    })
}

const SWAPPED_FOR: Duration = Duration::from_secs(3);

pub(crate) fn swap_permissions(world: &World) -> Before {
    let canary = world.join("canary/theirs");
    number(swap(&world.join("swapped/x.hash"), &canary, 0o666, Duration::ZERO, SWAPPED_FOR))
}

pub(crate) fn swap_cleanup(world: &World) -> Before {
    let (name, canary) = (world.join("aged/x.tmp"), world.join("canary/old"));
    number(swap(&name, &canary, 0o640, Duration::from_hours(2), SWAPPED_FOR))
}

pub(crate) fn canaries_are_well(world: &World, _: &Before) -> bool {
    world.canaries.touched().is_empty()
}

pub(crate) fn plant_link(world: &World) -> Before {
    let (canary, name) = (world.join("canary/open"), world.join("swapped/l.hash"));
    let planted = as_other(|| fs::hard_link(canary, name).is_ok());
    number(planted)
}

pub(crate) fn take_link(world: &World) {
    let _ = fs::remove_file(world.join("swapped/l.hash"));
}

pub(crate) fn fill_disk(world: &World) -> Before {
    let folder = world.join("full");
    let written = as_other(|| {
        let block = vec![7; 256 * 1024];
        (0_u64..64)
            .take_while(|number| fs::write(folder.join(format!("{number}.dat")), &block).is_ok())
            .count()
    });
    number(written as u64)
}

pub(crate) fn disk_is_free(world: &World, _: &Before) -> bool {
    let Ok(disk) = statvfs(&world.join("full")) else { return false };
    disk.blocks_available() * 2 >= disk.blocks()
}

pub(crate) fn read_only(world: &World) -> Before {
    remount(world, "remount,bind,ro");
    let behind = world.join("behind/0.hash");
    let _ = fs::set_permissions(behind, Permissions::from_mode(0o666));
    Before::default()
}

pub(crate) fn writable(world: &World) {
    remount(world, "remount,bind,rw");
}

fn remount(world: &World, how: &str) {
    must("mount", &["-o".as_ref(), how.as_ref(), world.join("readonly").as_os_str()]);
}

pub(crate) fn readonly_is_well(world: &World, _: &Before) -> bool {
    let file = fs::metadata(world.join("readonly/0.hash"));
    file.is_ok_and(|file| file.mode() & 0o7777 == 0o640)
}

pub(crate) fn fill_journal(world: &World) -> Before {
    let block = vec![7; 1024 * 1024];
    // Until not a page is left.
    for (number, size) in
        (0..64).zip(std::iter::repeat_n(block.len(), 32).chain(std::iter::repeat(4096)))
    {
        let _ = fs::write(world.join(&format!("state/ballast.{number}")), &block[..size]);
    }
    worker(world, "killed", Signal::SIGKILL)
}

pub(crate) fn free_journal(world: &World) {
    for number in 0..64 {
        let _ = fs::remove_file(world.join(&format!("state/ballast.{number}")));
    }
}

pub(crate) fn flood(world: &World) -> Before {
    let before = world.flood.written();
    world.flood.is_fast(true);
    // So many lines are 3 MB, whatever is cut off meanwhile.
    until("the flood is over", LONG, || world.flood.written() > before + 300_000);
    world.flood.is_fast(false);
    number(before)
}

pub(crate) fn log_is_short(world: &World, _: &Before) -> bool {
    let path = world.join("logs/flood.log");
    world.flood.bytes() <= 1024 * 1024 && log::lost(&path).is_empty()
}
