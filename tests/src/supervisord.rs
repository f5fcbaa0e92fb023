use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Daemon, LONG, Scratch, run_within, until, until_some};

/// A program for supervisord to run.
#[derive(Debug, Clone)]
pub struct Program {
    name: String,
    script: String,
    settings: Vec<String>,
}

impl Program {
    /// A program that runs these lines of shell. It is not restarted by supervisord when it ends.
    pub fn new(name: &str, script: &str) -> Self {
        Self { name: name.to_owned(), script: script.to_owned(), settings: Vec::new() }
    }

    /// The same with one more line in its section of supervisord's settings.
    #[must_use]
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push(line.to_owned());
        self
    }

    /// A program that does nothing, for ever.
    pub fn idle(name: &str) -> Self {
        Self::new(name, "exec sleep 100000")
    }
}

/// What supervisord says of one program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramState {
    /// `RUNNING`, `FATAL`, …
    pub state: String,
    /// Its process, while it runs.
    pub pid: Option<u32>,
}

/// A real supervisord with its socket, programs and logs in a scratch directory.
#[derive(Debug)]
pub struct Supervisord {
    /// The daemon itself.
    pub daemon: Daemon,
    conf: PathBuf,
    socket: PathBuf,
}

impl Supervisord {
    /// Starts it with these programs and waits until it answers.
    pub fn start(scratch: &Scratch, programs: &[Program]) -> Self {
        Self::start_with(scratch, programs, "", 0)
    }

    /// As [`Supervisord::start`], with `more` sections, which hold so many further programs or listeners.
    pub fn start_with(scratch: &Scratch, programs: &[Program], more: &str, further: usize) -> Self {
        let folder = scratch.folder("supervisor", 0o700);
        let socket = folder.join("s.sock");
        let conf = scratch.file(
            "supervisor/supervisord.conf",
            &(configuration(scratch, &folder, programs) + more),
            0o600,
        );
        let args = ["-c".as_ref(), conf.as_os_str()];
        let daemon = Daemon::start("supervisord", "supervisord", args, &folder.join("output.log"));
        let supervisord = Self { daemon, conf, socket };
        until("supervisord answers", LONG, || {
            supervisord.status().is_some_and(|states| states.len() == programs.len() + further)
        });
        supervisord
    }

    /// Its control socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Each program with its state, by name, as `supervisorctl status` has it; empty if it cannot say.
    pub fn states(&self) -> Vec<(String, ProgramState)> {
        self.status().unwrap_or_default()
    }

    /// The same, and `None` if it cannot say.
    fn status(&self) -> Option<Vec<(String, ProgramState)>> {
        let args = ["-c".as_ref(), self.conf.as_os_str(), "status".as_ref()];
        let status = run_within(Duration::from_secs(20), "supervisorctl", args, None);
        // 3: it answers, and not every program runs.
        matches!(status.code, Some(0 | 3))
            .then(|| status.stdout.lines().filter_map(parse_status).collect())
    }

    /// Stops a program, as an operator does.
    #[track_caller]
    pub fn stop(&self, name: &str) {
        self.control("stop", name);
    }

    /// Has `supervisorctl` do this with a program.
    #[track_caller]
    pub fn control(&self, verb: &str, name: &str) {
        let args = ["-c".as_ref(), self.conf.as_os_str(), verb.as_ref(), name.as_ref()];
        let done = run_within(Duration::from_secs(20), "supervisorctl", args, None);
        assert_eq!(done.code, Some(0), "{done:?}");
    }

    /// What it writes about itself.
    pub fn log(&self) -> String {
        let log = self.conf.with_file_name("d.log");
        String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned()
    }

    /// The state of one program.
    #[track_caller]
    pub fn state(&self, name: &str) -> ProgramState {
        let states = self.states();
        let found = states.iter().find(|(found, _)| found == name);
        found.unwrap_or_else(|| panic!("supervisord knows no `{name}`: {states:?}")).1.clone()
    }

    /// Waits until a program is in this state and returns its process.
    #[track_caller]
    pub fn await_state(&self, name: &str, state: &str) -> Option<u32> {
        until_some(&format!("`{name}` is {state}"), LONG, || {
            let found = self.state(name);
            (found.state == state).then_some(found.pid)
        })
    }

    /// Waits until a program runs and returns its process.
    #[track_caller]
    pub fn await_running(&self, name: &str) -> u32 {
        self.await_state(name, "RUNNING").expect("a running program has a process")
    }
}

fn configuration(scratch: &Scratch, folder: &Path, programs: &[Program]) -> String {
    let place = folder.display();
    let mut text = format!(
        "[unix_http_server]\nfile={place}/s.sock\nchmod=0700\n\
         [supervisord]\nnodaemon=true\nidentifier=ek\nlogfile={place}/d.log\npidfile={place}/s.pid\nchildlogdir={place}\n\
         [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\
         [supervisorctl]\nserverurl=unix://{place}/s.sock\n"
    );
    for Program { name, script, settings } in programs {
        let path = scratch.script(&format!("supervisor/{name}.sh"), script);
        let command = format!("command={}", path.display());
        let key = |line: &str| line.split('=').next().unwrap_or_default().to_owned();
        let set: Vec<_> = settings.iter().map(|line| key(line)).collect();
        let defaults =
            [&*command, "autorestart=false", "startsecs=1", "startretries=0", "stopsignal=KILL"];
        let defaults = defaults.into_iter().filter(|line| !set.contains(&key(line)));
        let lines: Vec<_> = defaults.chain(settings.iter().map(String::as_str)).collect();
        writeln!(text, "[program:{name}]\n{}", lines.join("\n"))
            .expect("a string takes everything");
    }
    text
}

fn parse_status(line: &str) -> Option<(String, ProgramState)> {
    let mut words = line.split_whitespace();
    let (name, state) = (words.next()?, words.next()?);
    if !state.chars().all(|char| char.is_ascii_uppercase()) {
        return None; // an error message
    }
    let pid = match (words.next(), words.next()) {
        (Some("pid"), Some(pid)) => pid.trim_end_matches(',').parse().ok(),
        _ => None,
    };
    Some((name.to_owned(), ProgramState { state: state.to_owned(), pid }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_is_read_and_an_error_is_not() {
        let running = ProgramState { state: "RUNNING".to_owned(), pid: Some(12) };
        assert_eq!(
            parse_status("web   RUNNING   pid 12, uptime 0:00:05"),
            Some(("web".to_owned(), running))
        );
        let fatal = ProgramState { state: "FATAL".to_owned(), pid: None };
        assert_eq!(
            parse_status("web   FATAL     Exited too quickly"),
            Some(("web".to_owned(), fatal))
        );
        assert_eq!(parse_status("unix:///x/s.sock no such file"), None);
    }
}
