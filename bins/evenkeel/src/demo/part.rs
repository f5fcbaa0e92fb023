//! The processes of the scratch host: a worker and small HTTP services, each a program of its own with a pid file.
//!
//! They fall ill on a signal and are healed by a restart, as real ones are. None outlives the demo: each holds a
//! connection to it and ends when that breaks, however the demo ended.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use evenkeel_cli::agent::block_on;
use evenkeel_cli::{Exit, Failure};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Part, PartCommand};

/// A service on this signal answers 500 to everything; a worker takes memory.
pub(crate) const FALL_ILL: Signal = Signal::SIGUSR1;
/// A service on this signal answers no more.
pub(crate) const HANG: Signal = Signal::SIGUSR2;
/// What a worker that fell ill takes; the demo's limit lies well below.
const GROWTH_BYTES: usize = 96 << 20;

const START_LIMIT: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

const WELL: u8 = 0;
const ILL: u8 = 1;
const HANGING: u8 = 2;

pub(crate) fn run(part: &Part) -> Result<Exit, Failure> {
    match &part.command {
        PartCommand::Start { dir, name } => start(dir, name).map_err(Failure::refused_because)?,
        PartCommand::Be { dir, name } => block_on(async {
            be(dir, name)
                .await
                .map_err(|error| Failure::refused_because(format!("{name}: {error}")))
        })?,
    }
    Ok(Exit::Holds)
}

pub(crate) fn pid_file(dir: &Path, name: &str) -> PathBuf {
    dir.join("run").join(format!("{name}.pid"))
}

fn port_file(dir: &Path, name: &str) -> PathBuf {
    dir.join("run").join(format!("{name}.port"))
}

/// The part's process, if it runs: the pid file's, and only if that process is a part of this scratch host.
#[expect(clippy::disallowed_methods, reason = "the demo's own scratch directory, and /proc")]
pub(crate) fn running(dir: &Path, name: &str) -> Option<Pid> {
    let pid: i32 = std::fs::read_to_string(pid_file(dir, name)).ok()?.trim().parse().ok()?;
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let ours = dir.as_os_str().as_encoded_bytes();
    command.split(|byte| *byte == 0).any(|argument| argument == ours).then(|| Pid::from_raw(pid))
}

/// Ends the part if it runs, and returns once its process is gone.
pub(crate) fn end(dir: &Path, name: &str) -> Result<(), String> {
    let Some(pid) = running(dir, name) else { return Ok(()) };
    match kill(pid, Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => return Err(format!("cannot end {name} ({pid}): {error}")),
    }
    wait_until(|| running(dir, name).is_none())
        .then_some(())
        .ok_or_else(|| format!("{name} ({pid}) does not end"))
}

fn start(dir: &Path, name: &str) -> Result<(), String> {
    end(dir, name)?;
    let program =
        std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let mut child = Command::new(program);
    child.args(["demo-part", "be"]).arg(dir).arg(name);
    child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // A session apart from the command that started it, which ends with its process group.
    std::os::unix::process::CommandExt::process_group(&mut child, 0);
    let child = child.spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
    wait_until(|| running(dir, name) == Some(pid))
        .then_some(())
        .ok_or_else(|| format!("{name} did not come up within {} s", START_LIMIT.as_secs()))
}

fn wait_until(condition: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !condition() {
        if begun.elapsed() > START_LIMIT {
            return false;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a process tells nobody but its parent that it ended"
        )]
        std::thread::sleep(LOOK_AGAIN);
    }
    true
}

async fn be(dir: &Path, name: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut lifeline = UnixStream::connect(dir.join("lifeline")).await?;
    let mut ill = signal(SignalKind::user_defined1())?;
    let mut hang = signal(SignalKind::user_defined2())?;
    let state = Arc::new(AtomicU8::new(WELL));
    if name != "worker" && name != "bystander" {
        serve(dir, name, Arc::clone(&state)).await?;
    }
    // Last: whoever finds this file finds the part at work.
    write_whole(&pid_file(dir, name), &std::process::id().to_string())?;
    let mut taken = Vec::new();
    let mut byte = [0; 1];
    loop {
        tokio::select! {
            _ = ill.recv() => {
                state.store(ILL, Ordering::Relaxed);
                if name == "worker" {
                    // Written to, or the kernel would not count it.
                    taken.push(vec![1_u8; GROWTH_BYTES]);
                }
            }
            _ = hang.recv() => state.store(HANGING, Ordering::Relaxed),
            // Nothing is ever sent; an end or an error means that the demo is gone.
            _ = lifeline.read(&mut byte) => return Ok(()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the demo's own scratch directory")]
async fn serve(
    dir: &Path,
    name: &str,
    state: Arc<AtomicU8>,
) -> Result<(), Box<dyn std::error::Error>> {
    // The first start takes any port and writes it down; a restart comes back where it was.
    let port: u16 = std::fs::read_to_string(port_file(dir, name))
        .ok()
        .and_then(|port| port.trim().parse().ok())
        .unwrap_or(0);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    write_whole(&port_file(dir, name), &listener.local_addr()?.port().to_string())?;
    let router = Router::new().route("/health", get(answer)).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

async fn answer(State(state): State<Arc<AtomicU8>>) -> axum::response::Response {
    match state.load(Ordering::Relaxed) {
        WELL => "well\n".into_response(),
        ILL => (StatusCode::INTERNAL_SERVER_ERROR, "ill\n").into_response(),
        _ => std::future::pending().await,
    }
}

/// The port that a service of this host was given on its first start.
#[expect(clippy::disallowed_methods, reason = "the demo's own scratch directory")]
pub(crate) fn port(dir: &Path, name: &str) -> Result<u16, String> {
    let path = port_file(dir, name);
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    text.trim().parse().map_err(|_| format!("`{}` holds no port", path.display()))
}

/// Writes a file so that nobody sees half of it.
#[expect(clippy::disallowed_methods, reason = "the demo's own scratch directory")]
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let half = path.with_extension("new");
    std::fs::write(&half, text)?;
    std::fs::rename(&half, path)
}
