use std::io;

use crate::policy::Policy;

/// Something below the root may have changed: look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touched;

/// Kernel events about the tree of one policy, as an async stream. Events say when to look; [`crate::sweep`] says what is.
#[derive(Debug)]
pub struct Watcher {}

impl Watcher {
    /// Starts to watch. A missing root is no error: its nearest existing ancestor is watched until it appears.
    pub fn new(_policy: &Policy) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits until something may have changed.
    pub async fn next(&mut self) -> Touched {
        std::future::pending().await
    }
}
