//! What tmpfiles.d removes at boot, as rules about what is from before the boot.

use evenkeel_names::GlobSet;

use crate::rules::{Action, Cleanup, Due, Imported};
use crate::target::{Target, names_in};

const NOT_AT_BOOT: &str = "systemd removes it at boot, before services start; evenkeel whenever the rule runs, and only what is from \
    before this boot and was not touched since";
const AT_EACH_REMOVE: &str =
    "without `!` each `systemd-tmpfiles --remove` removes it too, also what this boot made";
const FILES_ALONE: &str = "systemd also removes links, sockets, FIFOs and an empty directory of that name; evenkeel files";
const LINKS_STAY: &str = "systemd also removes links, sockets and FIFOs of that name; evenkeel files, and directories by the rule below";
const WHOLE_TREES: &str = "a directory goes as a whole or not at all: it stays if anything in it is of this boot, or is a socket, a device, \
    a mount, or a file with the sticky bit; systemd removes it in any case";
const FAILURES: &str = "`-`: a failure is not ignored, but said; the others go on";
const OF_ROOT: &str = "what is a directory of root in a place where everyone may write, such as this one, evenkeel leaves to root";
const EMPTIED_AT_BOOT: &str = "systemd empties it at boot of everything, before services start; evenkeel removes files from before this boot \
    that were not touched since, and leaves directories";

/// Where everyone may make entries on every host.
const SHARED: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/run/lock"];

/// A line `r`, or `R` if `trees`.
pub(super) fn remove(
    imported: &mut Imported,
    line: usize,
    path: &str,
    modifiers: &str,
    trees: bool,
) -> Result<(), String> {
    let Target { directory, glob } = names_in(path)?;
    let name = glob.unwrap_or_default();
    let mut notes = vec![NOT_AT_BOOT];
    if !modifiers.contains('!') {
        notes.push(AT_EACH_REMOVE);
    }
    if modifiers.contains('-') {
        notes.push(FAILURES);
    }
    let kinds = if trees { LINKS_STAY } else { FILES_ALONE };
    add(imported, line, &directory, &name, false, &[&notes[..], &[kinds]].concat());
    if trees {
        notes.push(WHOLE_TREES);
        if SHARED.contains(&directory.as_str()) {
            notes.push(OF_ROOT);
        }
        add(imported, line, &directory, &name, true, &notes);
    }
    Ok(())
}

/// The part of a line `D` that is about the boot.
pub(super) fn empty(imported: &mut Imported, line: usize, path: &str) {
    let mut rule = rule(path, "*", line);
    rule.recursive = true;
    rule.notes.push(EMPTIED_AT_BOOT.to_owned());
    imported.cleanup.push(rule);
}

/// Takes out the rules that would take away a directory in which another rule works: settings are refused for that.
pub(super) fn leave_places_of_others(imported: &mut Imported, text: &str) {
    let places: Vec<_> = imported.cleanup.iter().map(|rule| rule.path.clone()).collect();
    let mut refused = Vec::new();
    imported.cleanup.retain(|rule| {
        let within = format!("{}/", rule.path.trim_end_matches('/'));
        let names = GlobSet::try_new(&rule.matches).ok();
        let taken = places.iter().find(|place| {
            let first = place.strip_prefix(&within).and_then(|rest| rest.split('/').next());
            rule.unit_directory
                && first
                    .is_some_and(|first| names.as_ref().is_some_and(|names| names.is_match(first)))
        });
        if let Some(place) = taken {
            refused.extend(rule.lines.iter().map(|line| (*line, place.clone())));
        }
        taken.is_none()
    });
    for (line, place) in refused {
        let text = text.lines().nth(line - 1).unwrap_or_default().trim();
        let reason = format!(
            "in part: files of that name go, but a directory would take `{place}` away, in which another line cleans"
        );
        imported.leave_out(line, text, reason);
    }
}

fn rule(path: &str, name: &str, line: usize) -> Cleanup {
    Cleanup {
        path: path.to_owned(),
        matches: vec![name.to_owned()],
        exclude: Vec::new(),
        recursive: false,
        unit_directory: false,
        due: Due::BeforeBoot,
        action: Action::Delete,
        interval: None,
        notes: Vec::new(),
        lines: vec![line],
    }
}

/// Adds names to the rule about this directory: packages often remove several from one.
fn add(
    imported: &mut Imported,
    line: usize,
    directory: &str,
    name: &str,
    unit_directory: bool,
    notes: &[&str],
) {
    let new = Cleanup { unit_directory, ..rule(directory, name, line) };
    let same = |old: &Cleanup| {
        (&old.path, old.unit_directory, old.recursive, &old.due)
            == (&new.path, new.unit_directory, new.recursive, &new.due)
    };
    let rule = match imported.cleanup.iter().position(same) {
        Some(index) => {
            let rule = &mut imported.cleanup[index];
            rule.lines.push(line);
            if rule.matches.iter().all(|known| known != name) {
                rule.matches.push(name.to_owned());
            }
            rule
        }
        None => {
            imported.cleanup.push(new);
            let last = imported.cleanup.len() - 1;
            &mut imported.cleanup[last]
        }
    };
    for note in notes {
        if rule.notes.iter().all(|known| known != note) {
            rule.notes.push((*note).to_owned());
        }
    }
}
