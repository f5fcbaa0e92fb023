use std::path::PathBuf;
use std::slice;

use evenkeel_safefs::escaped;
use evenkeel_shown::said::Said;
use serde::Serialize;

use crate::plan::{Step, path};

/// One entry that was taken away, shortened or compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// `delete`, `truncate`, `trash` or `compress`.
    pub action: &'static str,
    /// What was gained; what is in the trash, once it goes from there.
    pub bytes: u64,
    /// How a file was shortened: `collapsed`, `punched`, `rewritten` or `emptied`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'static str>,
}

/// An entry that could not be taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why not.
    pub reason: Said,
}

/// An entry that was due when the plan was made and is left alone now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// An entry that an earlier run, which was killed, had in its hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recovered {
    /// Where it was.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// The run.
    pub run: String,
    /// What was done with it.
    pub outcome: String,
}

/// What went from the trash because its term was over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// Files, directories and others.
    pub entries: u64,
    /// Length of the files.
    pub bytes: u64,
}

/// What was done of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The name of the run if it keeps something: an undo takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Taken away.
    pub taken: Vec<Taken>,
    /// Not taken away.
    pub failed: Vec<Failed>,
    /// No longer due: changed, locked, in use, or gone.
    pub skipped: Vec<Skipped>,
    /// Put right after an earlier run that was killed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recovered: Vec<Recovered>,
    /// Gone from the trash.
    #[serde(skip_serializing_if = "is_nothing")]
    pub purged: Purged,
    /// Entries that were not come to, because the run was ended before.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_reached: u64,
}

impl Report {
    /// Bytes gained.
    pub fn bytes(&self) -> u64 {
        self.taken.iter().map(|taken| taken.bytes).fold(0, u64::saturating_add)
    }

    pub(super) fn skip(&mut self, step: &Step, reason: &str) {
        self.skip_all(slice::from_ref(step), reason);
    }

    pub(super) fn skip_all(&mut self, steps: &[Step], reason: &str) {
        for step in steps {
            tracing::debug!(path = %escaped(&step.path), reason, "left alone");
            self.skipped.push(Skipped { path: step.path.clone(), reason: reason.to_owned() });
        }
    }

    pub(super) fn fail(&mut self, step: &Step, reason: &Said) {
        self.fail_all(slice::from_ref(step), reason);
    }

    pub(super) fn fail_all(&mut self, steps: &[Step], reason: &Said) {
        for step in steps {
            tracing::warn!(path = %escaped(&step.path), reason = reason.text(), "not taken away");
            self.failed.push(Failed { path: step.path.clone(), reason: reason.clone() });
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_nothing(purged: &Purged) -> bool {
    *purged == Purged::default()
}
