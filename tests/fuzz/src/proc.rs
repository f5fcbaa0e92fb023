use std::path::Component;

use evenkeel_process::{Unit, fuzzing};

use crate::{assert_harmless, parts};

/// What the kernel says of a process, in which names and paths are whatever a program chose; the first byte says of which file.
///
/// Names are shown escaped, and none of them can stand for a number.
pub fn proc(data: &[u8]) {
    let Some((file, text)) = data.split_first() else { return };
    match file % 8 {
        0 => {
            let Some(stat) = fuzzing::stat(text) else { return };
            assert_harmless(&stat.shown_name());
            let state = stat.state.to_string();
            assert_harmless(&state);
            // A name that looks like the rest of the line is still a name: with a harmless one the numbers are the same.
            let open = text.iter().position(|byte| *byte == b'(').expect("it was read");
            let close = text.iter().rposition(|byte| *byte == b')').expect("it was read");
            let plain = [&text[..=open], b"x", &text[close..]].concat();
            let plain = fuzzing::stat(&plain).expect("its name does not matter");
            assert_eq!(plain.identity, stat.identity);
            assert_eq!((plain.parent, plain.threads), (stat.parent, stat.threads));
        }
        1 => {
            for cut in [false, true] {
                let maps = fuzzing::maps(text, cut);
                maps.files.iter().for_each(|(path, _)| assert_harmless(path));
                assert!(maps.writable_code_bytes <= total(&maps), "{maps:?}");
            }
        }
        2 => drop(fuzzing::memory(text)),
        3 => drop((fuzzing::users(text), fuzzing::limits(text))),
        4 => drop((fuzzing::pressure(text), fuzzing::cgroup_values(text))),
        5 => {
            let whole = fuzzing::members(text, false);
            let cut = fuzzing::members(text, true);
            assert!(whole.pids.starts_with(&cut.pids), "a part of a number was taken for one");
            assert!(!whole.pids.contains(&0), "a process of another namespace");
        }
        6 => drop((fuzzing::pid(text), fuzzing::listening_sockets(text))),
        _ => {
            let path = String::from_utf8_lossy(text);
            if let Some(unit) = Unit::of_cgroup(&path) {
                let named = |name: &str| {
                    path.split('/')
                        .any(|part| part.trim_start_matches('_') == name.trim_start_matches('_'))
                };
                assert!(named(&unit.system), "{unit:?} is not in {path:?}");
            }
        }
    }
}

/// A table of mounts and the cgroups of a process, with `%%%%` between them; names in both are whatever somebody chose.
///
/// A cgroup's directory never lies outside of the mount that shows it.
pub fn mounts(data: &[u8]) {
    let parts = parts(data);
    let memberships = parts.get(1).copied().unwrap_or_default();
    for (directory, point) in fuzzing::cgroups(parts[0], memberships) {
        assert!(
            directory.starts_with(&point),
            "{} leads out of {}",
            directory.display(),
            point.display()
        );
        let below = directory.strip_prefix(&point).unwrap_or(&directory);
        let steps = below.components().all(|part| matches!(part, Component::Normal(_)));
        assert!(steps, "{} leads elsewhere", below.display());
    }
    let path = memberships.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let near = evenkeel_safefs::fuzzing::mounts_near(parts[0], path);
    let lines = parts[0].split(|byte| *byte == b'\n').count();
    assert!(near.len() <= lines, "more mounts than lines");
}

fn total(maps: &evenkeel_process::MapsSummary) -> u64 {
    [maps.heap_bytes, maps.stack_bytes, maps.anonymous_bytes, maps.file_bytes]
        .into_iter()
        .fold(0, u64::saturating_add)
}
