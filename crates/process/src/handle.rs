use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::LookError;

/// Hold on one process: what is sent arrives there or nowhere, whoever has its number by then.
#[derive(Debug)]
pub struct Handle {
    pidfd: OwnedFd,
    pid: u32,
}

impl Handle {
    pub(crate) fn open(pid: u32) -> Result<Self, LookError> {
        let gone = || LookError::Gone { what: format!("process {pid}") };
        let raw = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(gone)?;
        let pidfd = pidfd_open(raw, PidfdFlags::empty())
            .map_err(|errno| LookError::of(format!("process {pid}"), errno))?;
        Ok(Self { pidfd, pid })
    }

    /// Sends a signal, by its number. Fails with [`LookError::Gone`] if the process was waited for; a zombie takes any
    /// signal and does nothing.
    pub fn send(&self, signal: i32) -> Result<(), LookError> {
        let fail = |errno| LookError::of(format!("process {}", self.pid), errno);
        let signal = Signal::from_named_raw(signal).ok_or_else(|| fail(Errno::INVAL))?;
        pidfd_send_signal(&self.pidfd, signal).map_err(fail)
    }

    /// Whether the process has ended; one that is not waited for yet has too.
    pub fn has_ended(&self) -> bool {
        self.wait(Duration::ZERO)
    }

    /// Waits until the process has ended, for `timeout` at most, and says whether it has. Blocks its thread; the descriptor
    /// becomes readable at the end, for those who wait in another way.
    pub fn wait(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut watched = [PollFd::new(&self.pidfd, PollFlags::IN)];
            match poll(&mut watched, Some(&left)) {
                Ok(ready) => return ready > 0,
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}
