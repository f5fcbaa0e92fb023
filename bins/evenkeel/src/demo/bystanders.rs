#![expect(
    clippy::disallowed_methods,
    reason = "the demo's own scratch directory, which only its user may enter"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::host::Host;
use super::part;

/// How everything looks that no fault strikes and no rule is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bystanders(BTreeMap<String, String>);

impl Bystanders {
    pub(crate) fn look(host: &Host) -> io::Result<Self> {
        let mut seen = BTreeMap::new();
        let neighbour = host.dir().join("neighbour");
        look_at(&neighbour, &mut seen)?;
        for entry in fs::read_dir(&neighbour)? {
            look_at(&entry?.path(), &mut seen)?;
        }
        for name in ["small.log", "link.log"] {
            look_at(&host.logs().join(name), &mut seen)?;
        }
        let pid = part::running(host.dir(), "bystander").map(|pid| pid.to_string());
        seen.insert("process bystander".to_owned(), pid.unwrap_or_else(|| "gone".to_owned()));
        Ok(Self(seen))
    }

    /// What differs from `before`, in words.
    pub(crate) fn differences(&self, before: &Self) -> Vec<String> {
        let names = self.0.keys().chain(before.0.keys().filter(|name| !self.0.contains_key(*name)));
        names
            .filter(|name| self.0.get(*name) != before.0.get(*name))
            .map(|name| {
                let show = |look: Option<&String>| look.map_or("absent", String::as_str).to_owned();
                format!("{name}: was {}, is {}", show(before.0.get(name)), show(self.0.get(name)))
            })
            .collect()
    }
}

fn look_at(path: &Path, seen: &mut BTreeMap<String, String>) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    let look = format!(
        "mode {:o} owner {}:{} size {} inode {} changed {}.{:09}",
        found.mode(),
        found.uid(),
        found.gid(),
        found.size(),
        found.ino(),
        // A change of content, mode, owner or links moves the change time.
        found.ctime(),
        found.ctime_nsec(),
    );
    seen.insert(path.display().to_string(), look);
    Ok(())
}
