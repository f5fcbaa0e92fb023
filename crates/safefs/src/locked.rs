use std::io;
use std::os::fd::AsFd;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// An open file or directory whose lock (`flock`) is ours until this goes.
#[derive(Debug)]
pub(crate) struct Locked<F: AsFd> {
    file: F,
}

impl<F: AsFd> Locked<F> {
    /// Takes the lock without waiting; `None` if another has it.
    pub(crate) fn try_new(file: F) -> io::Result<Option<Self>> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn get(&self) -> &F {
        &self.file
    }
}

impl<F: AsFd> Drop for Locked<F> {
    fn drop(&mut self) {
        // Closing it is not enough: a process that another thread is just starting has a copy until it runs its program.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}
