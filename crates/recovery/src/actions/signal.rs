//! A signal to the process that a check named.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use evenkeel_process::{Handle, Identity, Process, Stat, State};
use evenkeel_shown::said::{ActionCode, Named, NamedProcess, Said, Untouchable};
use tokio::time::Instant;

use super::error::{ActionError, of_look, permanent};
use super::not_named;

/// How often somebody who was told to end is looked at.
pub(super) const POLL: Duration = Duration::from_millis(20);
/// How long the end of a process is waited for, so that what is said of it is said of what came of the signal.
const END: Duration = Duration::from_secs(2);

/// A signal that a recovery may send, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(nix::sys::signal::Signal);

impl Signal {
    /// Ends a process that lets itself be asked.
    pub const TERM: Self = Self(nix::sys::signal::Signal::SIGTERM);
    /// Lets a stopped process go on.
    pub const CONT: Self = Self(nix::sys::signal::Signal::SIGCONT);
    /// Ends a process.
    pub const KILL: Self = Self(nix::sys::signal::Signal::SIGKILL);
    /// `SIGSTOP`, which no process can refuse.
    pub const STOP: Self = Self(nix::sys::signal::Signal::SIGSTOP);

    /// Its name without `SIG`.
    pub fn name(self) -> &'static str {
        self.0.as_str().trim_start_matches("SIG")
    }

    /// Its number on this host.
    pub fn number(self) -> i32 {
        self.0 as i32
    }

    /// The names of all signals, without `SIG`.
    pub fn names() -> Vec<&'static str> {
        nix::sys::signal::Signal::iterator().map(|signal| Self(signal).name()).collect()
    }

    /// Whether it asks for the end of a process.
    fn asks_to_end(self) -> bool {
        use nix::sys::signal::Signal as Name;
        matches!(
            self.0,
            Name::SIGTERM | Name::SIGKILL | Name::SIGINT | Name::SIGQUIT | Name::SIGABRT
        )
    }
}

/// No signal has that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a signal")]
pub struct NoSuchSignal;

/// With or without `SIG`, in capitals as `kill -l` lists them.
impl FromStr for Signal {
    type Err = NoSuchSignal;

    fn from_str(name: &str) -> Result<Self, NoSuchSignal> {
        let whole = format!("SIG{}", name.strip_prefix("SIG").unwrap_or(name));
        whole.parse().map(Self).map_err(|_| NoSuchSignal)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Sends `signal` to the process that the checks named, if it still runs; says whether it ended.
pub(super) async fn send(
    signal: Signal,
    process: Option<Identity>,
    deadline: Instant,
) -> Result<Said, ActionError> {
    let Some(identity) = process else {
        return Err(not_named("no check names a process to signal", Named::Process));
    };
    let target = open(identity)?;
    let shown = target.shown();
    target.handle.send(signal.number()).map_err(|error| of_look(&error))?;
    let end = deadline.min(Instant::now() + END);
    let text = format!("sent SIG{signal} to {shown}");
    let code =
        |process, ended| ActionCode::SignalSent { signal: signal.to_string(), process, ended };
    if !signal.asks_to_end() {
        return Ok(Said::new(text, code(shown, None)));
    }
    let ended = has_ended(&target.handle, end).await;
    let outcome = if ended { "it ended" } else { "it has not ended yet" };
    Ok(Said::new(format!("{text}, and {outcome}"), code(shown, Some(ended))))
}

/// A process that may be signalled: the very one, and none that must be left alone.
#[derive(Debug)]
pub(super) struct Signalled {
    pub(super) handle: Handle,
    pub(super) stat: Stat,
}

impl Signalled {
    pub(super) fn shown(&self) -> NamedProcess {
        NamedProcess { pid: self.stat.identity.pid, name: self.stat.shown_name() }
    }
}

/// Takes hold of the process that `identity` names, unless it is gone, dead, or nobody's to signal.
pub(super) fn open(identity: Identity) -> Result<Signalled, ActionError> {
    let process = Process::open_exactly(identity).map_err(|error| {
        if error.is_gone() {
            let text = format!("{identity} that the check named is gone; nothing was signalled");
            permanent(Said::new(text, ActionCode::NamedIsGone { pid: identity.pid }))
        } else {
            of_look(&error)
        }
    })?;
    let stat = process.stat().map_err(|error| of_look(&error))?;
    if let Some(why) = untouchable(&stat, std::process::id()) {
        let text = format!("{identity} is not signalled: it is {}", in_words(why));
        return Err(permanent(Said::new(
            text,
            ActionCode::NotSignalled { pid: identity.pid, why },
        )));
    }
    let handle = process.handle().map_err(|error| of_look(&error))?;
    Ok(Signalled { handle, stat })
}

/// Why a process is never signalled, whatever a check says.
fn untouchable(stat: &Stat, own: u32) -> Option<Untouchable> {
    let pid = stat.identity.pid;
    // Without memory of its own, and of the kernel's own kin: in a container the second process may be anybody.
    let of_kernel = stat.virtual_bytes == 0 && (pid == 2 || stat.parent == 2);
    match () {
        () if pid == 1 => Some(Untouchable::FirstProcess),
        () if pid == own => Some(Untouchable::Ourselves),
        () if of_kernel && stat.state != State::Zombie => Some(Untouchable::OfKernel),
        () if stat.is_dead() => Some(Untouchable::Dead),
        () => None,
    }
}

/// In words that follow "it is".
const fn in_words(why: Untouchable) -> &'static str {
    match why {
        Untouchable::FirstProcess => "the first process, whose end is the end of all others",
        Untouchable::Ourselves => "evenkeel itself",
        Untouchable::OfKernel => "a thread of the kernel",
        Untouchable::Dead => "dead already, and not waited for by its parent",
    }
}

pub(super) async fn has_ended(handle: &Handle, until: Instant) -> bool {
    loop {
        if handle.has_ended() {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    fn child(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap()
    }

    fn identity(pid: u32) -> Identity {
        Process::open(pid).unwrap().identity()
    }

    #[test]
    fn a_signal_has_its_name_with_and_without_sig() {
        for name in Signal::names() {
            assert_eq!(name.parse::<Signal>().unwrap().name(), name);
            assert_eq!(format!("SIG{name}").parse::<Signal>().unwrap().to_string(), name);
        }
        for name in ["", "SIG", "term", "SIGSIGTERM", "9", "RTMIN"] {
            assert_eq!(name.parse::<Signal>(), Err(NoSuchSignal), "{name}");
        }
    }

    #[tokio::test]
    async fn the_named_process_gets_it_and_its_end_is_told() {
        let mut child = child("exec sleep 1000");
        let told = send(Signal::TERM, Some(identity(child.id())), soon()).await.unwrap();
        assert!(told.ends_with("and it ended"), "{told}");
        assert!(told.starts_with(&format!("sent SIGTERM to process {} (`", child.id())), "{told}");
        child.wait().unwrap();
    }

    #[tokio::test]
    async fn a_number_that_another_process_has_now_is_never_signalled() {
        let mut child = child("exec sleep 1000");
        let now = identity(child.id());
        // As a check saw it, before its process ended and another was given the number.
        let before = Identity { start_ticks: now.start_ticks - 1, ..now };
        let error = send(Signal::KILL, Some(before), soon()).await.unwrap_err();
        assert!(matches!(error, ActionError::Permanent { .. }), "{error}");
        assert!(error.reason().contains("nothing was signalled"), "{error}");
        assert_eq!(child.try_wait().unwrap(), None, "the other process lives");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[tokio::test]
    async fn neither_the_first_process_nor_ourselves_nor_a_dead_one_is_signalled() {
        let mut dead = child("exit 0");
        let its = identity(dead.id());
        assert!(has_ended(&Process::open(dead.id()).unwrap().handle().unwrap(), soon()).await);
        for (process, why) in [
            (identity(1), "first process"),
            (identity(std::process::id()), "evenkeel itself"),
            (its, "dead already"),
        ] {
            let error = send(Signal::KILL, Some(process), soon()).await.unwrap_err();
            assert!(matches!(error, ActionError::Permanent { .. }), "{error}");
            assert!(error.reason().contains(why), "{error}");
        }
        dead.wait().unwrap();
        let error = send(Signal::KILL, None, soon()).await.unwrap_err();
        assert!(error.reason().contains("no check names a process"), "{error}");
    }

    #[test]
    fn a_thread_of_the_kernel_is_known_and_the_second_process_of_a_container_is_none() {
        let stat = Process::open(std::process::id()).unwrap().stat().unwrap();
        let with = |pid, parent, virtual_bytes| Stat {
            identity: Identity { pid, ..stat.identity },
            parent,
            virtual_bytes,
            ..stat.clone()
        };
        assert_eq!(untouchable(&with(2, 0, 0), 99), Some(Untouchable::OfKernel));
        assert_eq!(untouchable(&with(77, 2, 0), 99), Some(Untouchable::OfKernel));
        assert_eq!(untouchable(&with(2, 1, 4096), 99), None);
        assert_eq!(untouchable(&with(77, 2, 4096), 99), None);
    }
}
