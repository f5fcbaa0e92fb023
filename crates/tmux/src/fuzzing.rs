//! What tmux prints, for `tests/fuzz`: it is printed for a client of a running server only.

use std::collections::BTreeMap;

use crate::{Pane, TmuxError, pane, server};

/// A listing of panes.
pub fn panes(listing: &[u8]) -> Result<Vec<Pane>, TmuxError> {
    pane::read(&String::from_utf8_lossy(listing))
}

/// Fingerprints of what panes show, each after a line that begins with `mark`.
pub fn fingerprints(shown: &[u8], mark: &str, truncated: bool) -> BTreeMap<String, u64> {
    server::fingerprints(shown, mark, truncated)
}
