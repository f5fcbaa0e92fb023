use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evenkeel_shown::said::{Awaited, HostCode, NetworkCode};
use rustls::client::danger::ServerCertVerifier;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::looks::{Looks, Turns};
use crate::{Facts, FailureClass, Measurement, Outcome, Part, Target};
use crate::{disk, dns, exec, file, http, process, supervisor, systemd, tcp, tmux};

/// Lookups under way at a time. One cannot be cancelled, so a dead name server must not pile up threads without end.
const LOOKUPS: usize = 32;
/// Measures targets. Cheap to clone; clones share what is costly to make.
///
/// Needs a tokio runtime with I/O and time.
#[derive(Debug, Clone)]
pub struct Prober {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    /// Lookups that may still start.
    pub(crate) lookups: Arc<Semaphore>,
    /// Looks at file systems.
    pub(crate) looks: Looks,
    /// Looks at processes.
    pub(crate) turns: Turns,
    /// Trust in what the host trusts, and when it was read.
    pub(crate) host_trust: tokio::sync::Mutex<Option<HostTrust>>,
    /// Who is asked about units.
    pub(crate) managers: systemd::Managers,
    /// What panes showed when they were last looked at.
    pub(crate) stillness: Mutex<tmux::Stillness>,
}

/// What the host trusts, as it was at some time.
#[derive(Debug, Clone)]
pub(crate) struct HostTrust {
    pub(crate) read: Instant,
    pub(crate) verifier: Arc<dyn ServerCertVerifier>,
}

/// One attempt under way: what it has seen so far outlives its cancellation.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) started: Instant,
    pub(crate) deadline: Instant,
    pub(crate) timeout: Duration,
    pub(crate) facts: Facts,
    pub(crate) parts: Vec<Part>,
    /// What the attempt is busy with, for the message of a timeout.
    pub(crate) step: Step,
}

/// What an attempt waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Start,
    Queue,
    Filesystem,
    Resolve,
    Connect,
    Tls,
    Response,
    Body,
    Send,
    Answer,
    /// An answer that need not come.
    WishedAnswer,
    Daemon,
    /// Another look at the same thing, or so many at others, which have not come back.
    EarlierLook,
}

impl Prober {
    /// A prober that has made nothing yet.
    pub fn new() -> Self {
        let shared = Shared {
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            looks: Looks::default(),
            turns: Turns::default(),
            host_trust: tokio::sync::Mutex::new(None),
            managers: systemd::Managers::default(),
            stillness: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Makes one attempt. Done within `timeout`: what is not finished by then is cancelled, connections closed and
    /// commands killed.
    pub async fn measure(&self, target: &Target, timeout: Duration) -> Measurement {
        let mut attempt = Attempt::within(timeout);
        let started = attempt.started;
        let outcome = match target {
            Target::Http(http) => {
                attempt.bounded(async |attempt| http::measure(self, http, attempt).await).await
            }
            Target::Tcp(tcp) => {
                attempt.bounded(async |attempt| tcp::measure(self, tcp, attempt).await).await
            }
            Target::Unix(unix) => {
                attempt.bounded(async |attempt| tcp::measure_unix(unix, attempt).await).await
            }
            Target::Dns(name) => {
                attempt.bounded(async |attempt| dns::measure(self, name, attempt).await).await
            }
            Target::File(file) => {
                let looks = &self.shared.looks;
                attempt.bounded(async |attempt| file::measure(looks, file, attempt).await).await
            }
            Target::Disk(disk) => {
                let looks = &self.shared.looks;
                attempt.bounded(async |attempt| disk::measure(looks, disk, attempt).await).await
            }
            Target::Process(process) => {
                let turns = &self.shared.turns;
                attempt
                    .bounded(async |attempt| process::measure(turns, process, attempt).await)
                    .await
            }
            // These take the deadline themselves: they have more to say about it.
            Target::Exec(exec) => exec::measure(exec, &mut attempt).await,
            Target::Supervisor(supervisor) => {
                supervisor::measure(&self.shared.turns, supervisor, &mut attempt).await
            }
            Target::Systemd(unit) => {
                systemd::measure(&self.shared.managers, unit, &mut attempt).await
            }
            Target::Tmux(server) => {
                tmux::measure(&self.shared.stillness, server, &mut attempt).await
            }
        };
        let Attempt { facts, parts, .. } = attempt;
        Measurement { took: started.elapsed(), outcome, facts, parts }
    }
}

impl Default for Prober {
    fn default() -> Self {
        Self::new()
    }
}

impl Attempt {
    /// One that begins now.
    pub(crate) fn within(timeout: Duration) -> Self {
        let started = Instant::now();
        Self {
            started,
            deadline: started + timeout,
            timeout,
            facts: Facts::default(),
            parts: Vec::new(),
            step: Step::Start,
        }
    }

    /// Notes how long a step took that began at `begun`; if it was taken before, both together.
    pub(crate) fn took(&mut self, field: &str, begun: Instant) {
        let before = self.facts.number(field).unwrap_or_default();
        self.facts.set(field, before + milliseconds(begun.elapsed()));
    }

    /// Notes how long it all took.
    pub(crate) fn took_in_all(&mut self) {
        self.facts.set("latency_ms", milliseconds(self.started.elapsed()));
    }

    async fn bounded(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<(), Outcome>,
    ) -> Outcome {
        let deadline = self.deadline;
        match tokio::time::timeout_at(deadline, work(self)).await {
            Ok(Ok(())) => Outcome::Good,
            Ok(Err(outcome)) => outcome,
            Err(_) if self.step == Step::WishedAnswer => {
                self.took_in_all();
                Outcome::Good
            }
            Err(_) => self.step.timed_out(self.timeout),
        }
    }
}

impl Step {
    pub(crate) fn timed_out(self, within: Duration) -> Outcome {
        let (class, awaited) = match self {
            Self::Resolve => (FailureClass::Dns, Awaited::Name),
            Self::Connect => (FailureClass::Timeout, Awaited::Connection),
            Self::Tls => (FailureClass::Timeout, Awaited::TlsSession),
            Self::Response => (FailureClass::Timeout, Awaited::Response),
            Self::Body => (FailureClass::Timeout, Awaited::EndOfResponse),
            Self::Send => (FailureClass::Timeout, Awaited::Taking),
            Self::Answer | Self::WishedAnswer => (FailureClass::Timeout, Awaited::Answer),
            // As a network mount whose server is gone: what is there cannot be told.
            Self::Filesystem => {
                return Outcome::unknown(
                    FailureClass::Timeout,
                    HostCode::FilesystemSilent { within },
                );
            }
            Self::EarlierLook => {
                let why = HostCode::EarlierLooksHang { within };
                return Outcome::unknown(FailureClass::Timeout, why);
            }
            // The target was not looked at: the host was too slow for it.
            Self::Start | Self::Queue | Self::Daemon => {
                return Outcome::unknown(FailureClass::Timeout, HostCode::NotLookedAt { within });
            }
        };
        Outcome::bad(class, NetworkCode::NotWithin { awaited, within })
    }
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Runs what may block off the runtime's own thread. A cancelled one ends by itself, its result unseen.
pub(crate) async fn off_thread<Found: Send + 'static>(
    look: impl FnOnce() -> Found + Send + 'static,
) -> Result<Found, Outcome> {
    let lost = |_| Outcome::unknown(FailureClass::Limit, HostCode::BrokenOff);
    tokio::task::spawn_blocking(look).await.map_err(lost)
}

/// Drives `connection` until `work` is done. Nothing is spawned, so dropping the future closes the connection.
pub(crate) async fn alongside<Connection: Future, Work: Future>(
    connection: Connection,
    work: Work,
) -> Work::Output {
    tokio::pin!(connection, work);
    tokio::select! {
        biased;
        output = &mut work => return output,
        _ = &mut connection => {}
    }
    work.await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_may_run_on_any_thread() {
        fn is_send(_: impl Send) {}
        let target = Target::File(crate::FileTarget::new("/"));
        is_send(Prober::new().measure(&target, Duration::ZERO));
    }
}
