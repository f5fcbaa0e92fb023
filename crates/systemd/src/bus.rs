//! The connection to a bus: made when it is needed, shared, and let go when it is not.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::sync::Mutex;
use tokio::time::Instant;
use zbus::connection::Builder;
use zbus::message::Body;
use zbus::{Connection, DynamicType};

use crate::{Awaited, SystemdError};

/// A connection that nobody used for so long is closed; making one takes about two milliseconds.
const IDLE: Duration = Duration::from_secs(10);
/// Made by systemd and by nobody else. Source: `sd_booted(3)`.
const BOOTED: &str = "/run/systemd/system";

pub(crate) const SYSTEMD: &str = "org.freedesktop.systemd1";

#[derive(Debug)]
pub(crate) struct Bus {
    socket: PathBuf,
    live: Mutex<Option<Live>>,
}

#[derive(Debug)]
struct Live {
    connection: Connection,
    used: Instant,
}

impl Bus {
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket, live: Mutex::new(None) }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The connection that is there, or a new one. The caller bounds its time; a call under way keeps its connection open.
    pub(crate) async fn connection(self: &Arc<Self>) -> Result<Connection, SystemdError> {
        let mut live = self.live.lock().await;
        if let Some(live) = live.as_mut().filter(|live| !live.connection.is_closed()) {
            live.used = Instant::now();
            return Ok(live.connection.clone());
        }
        let connection = self.connect().await?;
        let (watched, used) = (live.is_some(), Instant::now());
        *live = Some(Live { connection: connection.clone(), used });
        if !watched {
            tokio::spawn(let_go(Arc::downgrade(self), used + IDLE));
        }
        Ok(connection)
    }

    /// Lets go of a connection that turned out to be broken.
    pub(crate) async fn forget(&self) {
        // The place is kept: who watches over it goes on doing so.
        if let Some(live) = self.live.lock().await.as_mut() {
            let _ = live.connection.clone().close().await;
        }
    }

    async fn connect(&self) -> Result<Connection, SystemdError> {
        let stream =
            UnixStream::connect(&self.socket).await.map_err(|error| self.unreachable(error))?;
        let stream = stream.into_std().map_err(|error| self.unreachable(error))?;
        Builder::unix_stream(stream)
            .build()
            .await
            .map_err(|error| SystemdError::of_call(error, &self.socket))
    }

    fn unreachable(&self, source: io::Error) -> SystemdError {
        let socket = self.socket.clone();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused if !is_booted() => {
                SystemdError::NotBooted
            }
            io::ErrorKind::NotFound => {
                SystemdError::NoBus { socket, reason: "there is no such socket" }
            }
            io::ErrorKind::ConnectionRefused => {
                SystemdError::NoBus { socket, reason: "nobody listens" }
            }
            io::ErrorKind::PermissionDenied => SystemdError::Denied {
                reason: format!("the socket `{}` may not be used", socket.display()),
            },
            _ => SystemdError::Connect { socket, source },
        }
    }

    #[cfg(test)]
    async fn is_connected(&self) -> bool {
        self.live.lock().await.is_some()
    }
}

/// Calls a method of systemd and returns the body of the answer.
pub(crate) async fn call<Arguments: serde::Serialize + DynamicType>(
    connection: &Connection,
    (path, interface, method): (&str, &str, &str),
    arguments: &Arguments,
) -> zbus::Result<Body> {
    let answer =
        connection.call_method(Some(SYSTEMD), path, Some(interface), method, arguments).await?;
    Ok(answer.body())
}

/// Ends `work` at the deadline. `what` is what it waits for.
pub(crate) async fn within<Done>(
    after: Duration,
    what: Awaited,
    work: impl Future<Output = Result<Done, SystemdError>>,
) -> Result<Done, SystemdError> {
    tokio::time::timeout(after, work).await.unwrap_or(Err(SystemdError::TimedOut { what, after }))
}

/// Closes the connection once it was not used for a while, or is broken. Ends then, or with the bus.
async fn let_go(bus: Weak<Bus>, mut due: Instant) {
    loop {
        tokio::time::sleep_until(due).await;
        let Some(bus) = bus.upgrade() else { return };
        let mut live = bus.live.lock().await;
        match live.as_ref().filter(|live| !live.connection.is_closed()) {
            Some(live) if live.used + IDLE > Instant::now() => due = live.used + IDLE,
            _ => {
                *live = None;
                return;
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "only whether systemd has made its own folder")]
fn is_booted() -> bool {
    std::fs::metadata(BOOTED).is_ok_and(|found| found.is_dir())
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A bus without systemd on it, ended with the test.
    struct Daemon {
        child: Child,
        folder: tempfile::TempDir,
    }

    impl Daemon {
        async fn start() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let address = format!("--address=unix:path={}/bus", folder.path().display());
            let child = Command::new("dbus-daemon")
                .args(["--session", "--nofork", "--nopidfile", &address])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("dbus-daemon of the package dbus-daemon is there");
            let daemon = Self { child, folder };
            for _ in 0..3_000 {
                if UnixStream::connect(daemon.socket()).await.is_ok() {
                    return daemon;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            panic!("the bus does not come up");
        }

        fn socket(&self) -> PathBuf {
            self.folder.path().join("bus")
        }

        fn end(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    impl Drop for Daemon {
        fn drop(&mut self) {
            self.end();
        }
    }

    #[tokio::test]
    async fn a_connection_is_shared_while_it_is_used_and_closed_when_it_is_not() {
        let daemon = Daemon::start().await;
        let bus = Arc::new(Bus::new(daemon.socket()));
        assert!(!bus.is_connected().await, "connected before anything was asked");
        let first = bus.connection().await.unwrap();
        let second = bus.connection().await.unwrap();
        assert_eq!(first.unique_name(), second.unique_name());
        drop((first, second));
        tokio::time::pause();
        tokio::time::advance(IDLE / 2).await;
        assert!(bus.is_connected().await);
        // Time that nobody needs passes at once while the clock is paused.
        tokio::time::sleep(IDLE).await;
        assert!(!bus.is_connected().await);
    }

    #[tokio::test]
    async fn a_lost_connection_is_made_anew() {
        let mut daemon = Daemon::start().await;
        let bus = Arc::new(Bus::new(daemon.socket()));
        let first = bus.connection().await.unwrap();
        daemon.end();
        first.closed().await;
        assert!(matches!(
            bus.connection().await,
            Err(SystemdError::NoBus { .. } | SystemdError::NotBooted)
        ));
        let other = Daemon::start().await;
        std::fs::rename(other.socket(), daemon.socket()).unwrap();
        drop(bus.connection().await.unwrap());
    }
}
