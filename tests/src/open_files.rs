use std::collections::BTreeMap;
use std::fs;

/// What a process has open, by kind and path, each with how often; empty if it cannot be seen.
pub fn open_files(pid: u32) -> BTreeMap<String, usize> {
    let mut open = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
        // One that was closed meanwhile is not open.
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let target = target.display().to_string();
        // The number of a socket or a process tells nothing.
        let kind = target.split_once(":[").filter(|(kind, _)| *kind != "anon_inode");
        let kind = kind.map_or(target.clone(), |(kind, _)| kind.to_owned());
        *open.entry(kind.replace(&format!("/{pid}/"), "/PID/")).or_default() += 1;
    }
    open
}

/// What there is more of in `after`, in words.
pub fn more_open(before: &BTreeMap<String, usize>, after: &BTreeMap<String, usize>) -> Vec<String> {
    let more = after.iter().filter_map(|(what, count)| {
        let before = before.get(what).copied().unwrap_or(0);
        (*count > before).then(|| format!("{what}: {before}, then {count}"))
    });
    more.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_opened_is_more_than_before() {
        let this = std::process::id();
        let before = open_files(this);
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().display().to_string();
        assert!(more_open(&before, &open_files(this)).contains(&format!("{path}: 0, then 1")));
    }
}
