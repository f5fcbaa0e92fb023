use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The process group of a child that has not been waited for; killed when dropped.
///
/// As long as the child is not waited for, its number cannot be given to another process, so the kill cannot hit strangers.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// The group that `leader` leads, which was started with `process_group(0)`.
    pub(crate) fn led_by(leader: Option<u32>) -> Self {
        Self(leader.and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw))
    }

    /// The child ended by itself and was waited for: what it left behind is left alone.
    pub(crate) fn release(&mut self) {
        self.0 = None;
    }

    pub(crate) fn kill(&mut self) {
        if let Some(leader) = self.0.take() {
            // The only failure is that nobody is left in it.
            let _ = killpg(leader, Signal::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
