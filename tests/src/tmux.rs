use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Finished, Scratch, run, until_some};

/// A real tmux server with its socket in a scratch directory, ended with the test. What has ended stays as a dead pane.
#[derive(Debug)]
pub struct TmuxServer {
    socket: PathBuf,
    pid: Pid,
}

impl TmuxServer {
    /// Starts a server with one session, in whose only pane this command runs; `by` is what runs tmux, such as `setpriv …`.
    pub fn start_by(
        by: &[&str],
        scratch: &Scratch,
        socket: &Path,
        session: &str,
        command: &str,
    ) -> Self {
        let conf = scratch.file("tmux.conf", "set -g remain-on-exit on\n", 0o644);
        let mut words: Vec<String> = by.iter().map(|word| (*word).to_owned()).collect();
        let (socket, conf) = (socket.display().to_string(), conf.display().to_string());
        let new = ["new-session", "-d", "-s", session, "-x", "80", "-y", "24", command];
        words.extend(["tmux", "-u", "-S", &socket, "-f", &conf].map(str::to_owned));
        words.extend(new.map(str::to_owned));
        let started = run(&words[0], &words[1..], None);
        assert_eq!(started.code, Some(0), "{started:?}");
        let asked = run("tmux", ["-S", &socket, "display-message", "-p", "#{pid}"], None);
        let pid: i32 = asked.stdout.trim().parse().expect("a process number");
        // Zero or less would mean a group, and be this one.
        assert!(pid > 1, "{asked:?}");
        Self { socket: socket.into(), pid: Pid::from_raw(pid) }
    }

    /// The same, with its socket as `t.sock` in the scratch directory.
    pub fn start(scratch: &Scratch, session: &str, command: &str) -> Self {
        Self::start_by(&[], scratch, &scratch.join("t.sock"), session, command)
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw().cast_unsigned()
    }

    /// Runs a command of tmux on it.
    pub fn tmux(&self, words: &[&str]) -> Finished {
        let socket = self.socket.display().to_string();
        run("tmux", [&["-u", "-S", &socket], words].concat(), None)
    }

    /// The same, which must succeed; returns what it printed.
    #[track_caller]
    pub fn ok(&self, words: &[&str]) -> String {
        let finished = self.tmux(words);
        assert_eq!(finished.code, Some(0), "{words:?}: {finished:?}");
        finished.stdout
    }

    /// Sends the server a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).expect("the server is there");
    }

    /// Ends it, and waits until it is gone.
    pub fn end(&self) {
        let _ = kill(self.pid, Signal::SIGKILL);
        until_some("the tmux server is gone", crate::LONG, || {
            kill(self.pid, None).is_err().then_some(())
        });
    }
}

impl Drop for TmuxServer {
    fn drop(&mut self) {
        let _ = kill(self.pid, Signal::SIGKILL);
    }
}
