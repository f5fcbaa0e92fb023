use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::{Mounts, Source};

/// Ends a [`wait`] from another thread.
#[derive(Debug)]
pub struct Waker(OwnedFd);

impl Waker {
    /// A waker that nobody has used yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Ends the wait that goes on, or the next one.
    pub fn wake(&self) {
        // Fails only if it was woken 2^64 times and has not looked since.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    fn clear(&self) {
        // It is not blocking, and what it says is no longer of interest.
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

/// Why a [`wait`] ended; all false: the time was up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ready {
    /// The source has events.
    pub events: bool,
    /// A mount changed somewhere.
    pub mounts: bool,
    /// The waker was used.
    pub woken: bool,
}

/// Waits for events, a change of mounts, the waker, or until `timeout` is over (`None`: for ever).
pub fn wait(
    source: Option<&Source>,
    mounts: Option<&Mounts>,
    waker: &Waker,
    timeout: Option<Duration>,
) -> io::Result<Ready> {
    // `poll` leaves negative descriptors out, and so does a wish for nothing with the waker in its place.
    let nothing = (waker.0.as_fd(), PollFlags::empty());
    let (source_fd, events) = source.map_or(nothing, |source| (source.as_fd(), PollFlags::IN));
    let (mounts_fd, urgent) = mounts.map_or(nothing, |mounts| (mounts.as_fd(), PollFlags::PRI));
    let mut fds = [
        PollFd::from_borrowed_fd(waker.0.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(source_fd, events),
        PollFd::from_borrowed_fd(mounts_fd, urgent),
    ];
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(Ready::default()),
        Err(error) => return Err(error.into()),
    }
    let [woken, source_ready, mounts_ready] = fds.map(|fd| !fd.revents().is_empty());
    if woken {
        waker.clear();
    }
    Ok(Ready {
        events: source.is_some() && source_ready,
        mounts: mounts.is_some() && mounts_ready,
        woken,
    })
}
