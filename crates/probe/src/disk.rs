use std::path::Path;

use evenkeel_shown::said::HostCode;
use nix::sys::statvfs::{FsFlags, Statvfs, statvfs};

use crate::file::unseen;
use crate::looks::Looks;
use crate::prober::Attempt;
use crate::{DiskTarget, Facts, FailureClass, Outcome};

/// Looks at the file system that the path is on.
pub(crate) async fn measure(
    looks: &Looks,
    target: &DiskTarget,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    let path = target.path.clone();
    attempt.facts = looks.at(&target.path, attempt, move || look(&path)).await??;
    let has_inodes = attempt.facts.get("inodes_available").is_some();
    match target.judged.iter().find(|field| field.starts_with("inodes")) {
        Some(field) if !has_inodes => {
            let (field, path) = (field.clone(), target.path.display().to_string());
            Err(Outcome::unknown(FailureClass::Missing, HostCode::InodesUntold { field, path }))
        }
        _ => Ok(()),
    }
}

fn look(path: &Path) -> Result<Facts, Outcome> {
    statvfs(path).map(|found| facts(&Counts::of(&found))).map_err(|errno| unseen(path, errno))
}

/// What a file system says of itself.
#[derive(Debug, Clone, Copy)]
struct Counts {
    block_bytes: u64,
    blocks: u64,
    blocks_free: u64,
    blocks_available: u64,
    inodes: u64,
    inodes_free: u64,
    inodes_available: u64,
    is_read_only: bool,
}

impl Counts {
    #[expect(clippy::useless_conversion, reason = "the types differ between processors")]
    fn of(found: &Statvfs) -> Self {
        Self {
            block_bytes: found.fragment_size().into(),
            blocks: found.blocks().into(),
            blocks_free: found.blocks_free().into(),
            blocks_available: found.blocks_available().into(),
            inodes: found.files().into(),
            inodes_free: found.files_free().into(),
            inodes_available: found.files_available().into(),
            is_read_only: found.flags().contains(FsFlags::ST_RDONLY),
        }
    }
}

fn facts(counts: &Counts) -> Facts {
    let mut facts = Facts::default();
    let used = counts.blocks.saturating_sub(counts.blocks_free);
    if let Some(percent) = used_percent(used, counts.blocks_available) {
        facts.set("used_percent", percent);
    } else {
        // One without blocks, as /proc is, cannot fill up.
        facts.set("used_percent", 0.0);
    }
    let bytes = |blocks: u64| blocks.saturating_mul(counts.block_bytes);
    facts.set("available_bytes", bytes(counts.blocks_available));
    facts.set("total_bytes", bytes(counts.blocks));
    if counts.inodes > 0 {
        let used = counts.inodes.saturating_sub(counts.inodes_free);
        let percent = used_percent(used, counts.inodes_available).unwrap_or(0.0);
        facts.set("inodes_used_percent", percent);
        facts.set("inodes_available", counts.inodes_available);
    }
    facts.set("read_only", if counts.is_read_only { "true" } else { "false" });
    facts
}

/// `used / (used + available)`, as `df` counts: what is reserved for root is in neither.
#[expect(clippy::cast_precision_loss, reason = "a percentage needs no more than 52 bits")]
fn used_percent(used: u64, available: u64) -> Option<f64> {
    let usable = used as f64 + available as f64;
    (usable > 0.0).then(|| used as f64 * 100.0 / usable)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXT4: Counts = Counts {
        block_bytes: 4096,
        blocks: 1000,
        blocks_free: 300,
        blocks_available: 250,
        inodes: 100,
        inodes_free: 25,
        inodes_available: 25,
        is_read_only: false,
    };

    #[test]
    fn blocks_reserved_for_root_are_neither_used_nor_available() {
        let facts = facts(&EXT4);
        let percent = facts.number("used_percent").unwrap();
        assert!((percent - 700.0 * 100.0 / 950.0).abs() < 1e-9, "{percent}");
        assert_eq!(facts.number("available_bytes"), Some(250.0 * 4096.0));
        assert_eq!(facts.number("inodes_used_percent"), Some(75.0));
        assert_eq!(facts.text("read_only"), Some("false"));
    }

    #[test]
    fn one_that_makes_inodes_as_it_needs_them_has_no_figure_of_them() {
        let facts = facts(&Counts { inodes: 0, inodes_free: 0, inodes_available: 0, ..EXT4 });
        assert_eq!(facts.get("inodes_available"), None);
    }

    #[test]
    fn one_without_blocks_is_not_full() {
        let empty = Counts { blocks: 0, blocks_free: 0, blocks_available: 0, ..EXT4 };
        assert_eq!(facts(&empty).number("used_percent"), Some(0.0));
    }
}
