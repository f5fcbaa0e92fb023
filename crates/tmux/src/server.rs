use std::collections::BTreeMap;
use std::ffi::OsString;
use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_command::{CommandSpec, Completed, RunAs, RunError, run};
use evenkeel_process::{Identity, LookError, Process, may_name, speaks_for_all};
use nix::unistd::Uid;
use tokio::net::UnixStream;
use tokio::time::Instant;

use crate::TmuxError;
use crate::owner::server_of;
use crate::pane::{self, FORMAT, Pane};

/// A thousand panes are listed in less.
const LISTING_LIMIT: usize = 256 * 1024;
/// What panes show, at most, for one look: about a hundred large ones.
const CONTENT_LIMIT: usize = 2 * 1024 * 1024;
/// How much of tmux's own words is repeated.
const SAID_CHARS: usize = 200;
/// How often it is looked whether the server has made its socket again.
const POLL: Duration = Duration::from_millis(20);

/// One server of tmux, by its socket. Each call runs tmux once, and ends within its deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    socket: PathBuf,
}

impl Server {
    /// The server behind this socket.
    pub fn at(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// The server that a user started by `tmux -L NAME`, or without `-L` as `default`.
    pub fn of_user(uid: u32, name: &str) -> Self {
        Self::at(format!("/tmp/tmux-{uid}/{name}"))
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Every pane of every session.
    pub async fn panes(&self, deadline: Duration) -> Result<Vec<Pane>, TmuxError> {
        let words = ["list-panes", "-a", "-F", FORMAT];
        let (listed, user) = self.ask(&words, LISTING_LIMIT, deadline).await?;
        if listed.truncated {
            return Err(TmuxError::Protocol { reason: "a listing without end".to_owned() });
        }
        let mut panes = pane::read(&String::from_utf8_lossy(&listed.stdout))?;
        if !speaks_for_all(user) {
            let is_his = |pid| Process::open(pid).is_ok_and(|process| may_name(user, &process));
            for pane in &mut panes {
                pane.is_believed = pane.dead || is_his(pane.pid);
            }
        }
        Ok(panes)
    }

    /// A fingerprint of what each of these panes shows: the same as long as nothing on it changes.
    ///
    /// A pane is missing in the answer if it is gone, or if all of them together show more than is read.
    pub async fn contents(
        &self,
        panes: &[&str],
        deadline: Duration,
    ) -> Result<BTreeMap<String, u64>, TmuxError> {
        // Unknown to those who write on the panes, so that none of them can pass for another's.
        let mark = format!("{:016x}", RandomState::new().hash_one(0));
        let mut words: Vec<String> = Vec::new();
        for pane in panes {
            let print = format!(
                "{mark} {pane} #{{history_size}} #{{history_bytes}} #{{cursor_x}} #{{cursor_y}}"
            );
            for command in [
                &["display-message", "-p", "-t", pane, &print][..],
                &["capture-pane", "-p", "-t", pane],
            ] {
                if !words.is_empty() {
                    words.push(";".to_owned());
                }
                words.extend(command.iter().map(|word| (*word).to_owned()));
            }
        }
        if words.is_empty() {
            return Ok(BTreeMap::new());
        }
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let (shown, _) = self.ask(&words, CONTENT_LIMIT, deadline).await?;
        Ok(fingerprints(&shown.stdout, &mark, shown.truncated))
    }

    /// Starts the command of a pane anew, by the pane's name or id; one that still runs is ended first if `kill`.
    pub async fn respawn(
        &self,
        pane: &str,
        kill: bool,
        deadline: Duration,
    ) -> Result<(), TmuxError> {
        // An exact match: `web` is not to mean `web-old`.
        let target = if pane.starts_with('%') { pane.to_owned() } else { format!("={pane}") };
        let kill: &[&str] = if kill { &["-k"] } else { &[] };
        let words = [&["respawn-pane"], kill, &["-t", &target]].concat();
        self.ask(&words, LISTING_LIMIT, deadline).await.map(drop)
    }

    /// Has a server that lives make its deleted socket again (`SIGUSR1`, see `tmux(1)`), and waits until it answers there.
    ///
    /// Returns the server's process. Fails with [`TmuxError::Missing`] if no server lives that had bound this socket.
    pub async fn recreate_socket(&self, deadline: Duration) -> Result<u32, TmuxError> {
        let until = Instant::now() + deadline;
        let socket = self.socket.clone();
        let found =
            off_thread(move || server_of(&socket)).await.map_err(|source| self.io(source))?;
        let server = found.ok_or_else(|| TmuxError::Missing { socket: self.socket.clone() })?;
        signal_server(server).map_err(|source| self.io(source))?;
        while UnixStream::connect(&self.socket).await.is_err() {
            if Instant::now() >= until {
                return Err(TmuxError::TimedOut { socket: self.socket.clone(), after: deadline });
            }
            tokio::time::sleep(POLL).await;
        }
        self.panes(until.saturating_duration_since(Instant::now())).await?;
        Ok(server.pid)
    }

    async fn ask(
        &self,
        words: &[&str],
        limit: usize,
        deadline: Duration,
    ) -> Result<(Completed, u32), TmuxError> {
        let until = Instant::now() + deadline;
        // What is wrong with the socket is told apart by the system, not by the words of a program.
        let peer = match tokio::time::timeout_at(until, UnixStream::connect(&self.socket)).await {
            Ok(Ok(stream)) => stream.peer_cred().map_err(|source| self.io(source))?,
            Ok(Err(error)) => return Err(self.unreachable(error).await),
            Err(_) => {
                return Err(TmuxError::TimedOut { socket: self.socket.clone(), after: deadline });
            }
        };
        // `-u`: in the C locale, which services have, tmux writes `_` for what is not ASCII.
        let argv = ["tmux", "-u", "-S"].map(OsString::from).into_iter();
        let argv = argv.chain([self.socket.clone().into()]).chain(words.iter().map(OsString::from));
        let mut spec = CommandSpec::new(argv);
        spec.output_limit = limit;
        spec.run_as = self.rights(peer.uid(), peer.gid())?;
        let left = until.saturating_duration_since(Instant::now());
        let completed = run(&spec, left).await.map_err(|error| self.of_run(error, deadline))?;
        if completed.success() { Ok((completed, peer.uid())) } else { Err(refused(&completed)) }
    }

    /// Whose rights the client of tmux has: it does what a server tells it, also run a command. Who listens here may be any user whose
    /// server this is to be, so it gets no more rights than he has; who cannot give up his own does not ask him.
    fn rights(&self, uid: u32, gid: u32) -> Result<Option<RunAs>, TmuxError> {
        let own = Uid::effective();
        if speaks_for_all(uid) {
            return Ok(None);
        }
        if own.is_root() {
            return Ok(Some(RunAs { uid, gid }));
        }
        let reason =
            format!("it is of user {uid}, who could have the client do anything as user {own}");
        Err(TmuxError::Denied { socket: self.socket.clone(), reason })
    }

    async fn unreachable(&self, source: io::Error) -> TmuxError {
        let socket = self.socket.clone();
        match source.kind() {
            io::ErrorKind::NotFound => {
                let bound = socket.clone();
                match off_thread(move || server_of(&bound)).await {
                    Ok(Some(server)) => TmuxError::Deleted { socket, pid: server.pid },
                    _ => TmuxError::Missing { socket },
                }
            }
            io::ErrorKind::ConnectionRefused => TmuxError::Dead { socket },
            // Its queue of connections is full, since it takes none.
            io::ErrorKind::WouldBlock => TmuxError::TimedOut { socket, after: Duration::ZERO },
            io::ErrorKind::PermissionDenied => {
                TmuxError::Denied { socket, reason: "permission denied".to_owned() }
            }
            _ => TmuxError::Io { socket, source },
        }
    }

    fn of_run(&self, error: RunError, after: Duration) -> TmuxError {
        match error {
            RunError::TimedOut { .. } => TmuxError::TimedOut { socket: self.socket.clone(), after },
            RunError::Io { source, .. } => self.io(source),
            other => TmuxError::NoProgram { reason: other.to_string() },
        }
    }

    fn io(&self, source: io::Error) -> TmuxError {
        TmuxError::Io { socket: self.socket.clone(), source }
    }
}

/// To that process and no other, should its number change hands meanwhile.
fn signal_server(server: Identity) -> io::Result<()> {
    let process = Process::open_exactly(server).map_err(io::Error::other)?;
    let handle = process.handle().map_err(io::Error::other)?;
    handle.send(nix::sys::signal::Signal::SIGUSR1 as i32).map_err(io::Error::other)
}

async fn off_thread<Found: Send + 'static>(
    look: impl FnOnce() -> Result<Found, LookError> + Send + 'static,
) -> io::Result<Found> {
    let looked = tokio::task::spawn_blocking(look).await.map_err(io::Error::other)?;
    looked.map_err(io::Error::other)
}

fn refused(completed: &Completed) -> TmuxError {
    let said = String::from_utf8_lossy(&completed.stderr);
    let line =
        said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given");
    let text = line
        .chars()
        .take(SAID_CHARS)
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    TmuxError::Refused { text }
}

/// The content after each line that begins with `mark` and a pane's id. The last one counts only if it is whole.
pub(crate) fn fingerprints(shown: &[u8], mark: &str, truncated: bool) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut current: Option<(String, DefaultHasher)> = None;
    for line in shown.split(|byte| *byte == b'\n') {
        let header = line.strip_prefix(mark.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
        if let Some(header) = header {
            if let Some((pane, hasher)) = current.take() {
                found.insert(pane, hasher.finish());
            }
            let text = String::from_utf8_lossy(header);
            let pane = text.split(' ').next().unwrap_or_default().to_owned();
            current = Some((pane, DefaultHasher::new()));
        }
        if let Some((_, hasher)) = &mut current {
            // Not the mark, which is another one each time.
            hasher.write(header.unwrap_or(line));
            hasher.write_u8(b'\n');
        }
    }
    if let Some((pane, hasher)) = current.filter(|_| !truncated) {
        found.insert(pane, hasher.finish());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_changes_with_what_is_shown_and_with_nothing_else() {
        let shown = |mark: &str, first: &str, second: &str| {
            let text = format!("{mark} %0 1 2 3 4\n{first}\n\n{mark} %1 0 0 0 0\n{second}\n");
            fingerprints(text.as_bytes(), mark, false)
        };
        let (one, two) = (shown("M", "a", "b"), shown("N", "x", "b"));
        assert_eq!(one.len(), 2);
        assert_ne!(one["%0"], two["%0"]);
        assert_eq!(one["%1"], two["%1"]);
    }

    #[test]
    fn content_that_was_cut_has_no_fingerprint() {
        let cut = fingerprints(b"M %0 1 2 3 4\na\nM %1 0 0 0 0\nb", "M", true);
        assert_eq!(cut.keys().collect::<Vec<_>>(), ["%0"]);
    }
}
