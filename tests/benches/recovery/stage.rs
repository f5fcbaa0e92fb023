//! What the faults happen to: a supervisord with a program, or a tmux server, in a scratch directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_tests::{LONG, Program, Scratch, Supervisord, free_port, get, run, until, until_some};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// One scene, with everything a tool needs to know of it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) scratch: Scratch,
    pub(crate) port: u16,
    supervisord: Option<Supervisord>,
}

/// Writes its process number and a line for each start; then what follows.
const STARTED: &str = "echo $$ > 'PLACE/NAME.pid'; echo start >> 'PLACE/starts'\n";
/// Answers, unless `hang` is there; a start takes that away.
const SERVER: &str = "\
import http.server, os, time
class Answer(http.server.BaseHTTPRequestHandler):
    def log_message(self, *rest): pass
    def do_GET(self):
        while os.path.exists('PLACE/hang'): time.sleep(0.1)
        self.send_response(200); self.end_headers(); self.wfile.write(b'fine')
http.server.HTTPServer(('127.0.0.1', PORT), Answer).serve_forever()
";
/// Holds 100 MB as soon as `leak` is there; a start takes that away.
const EATER: &str = "\
import os, time
held = b''
while True:
    if not held and os.path.exists('PLACE/leak'): held = bytearray(100 << 20)
    time.sleep(0.05)
";

impl Stage {
    pub(crate) fn new() -> Self {
        Self { scratch: Scratch::new(), port: free_port(), supervisord: None }
    }

    /// `text` with this stage's places in it.
    pub(crate) fn fill(&self, text: &str) -> String {
        text.replace("PLACE", &self.scratch.path().display().to_string())
            .replace("PORT", &self.port.to_string())
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    /// Starts a supervisord with a program that idles, for each name.
    pub(crate) fn workers(&mut self, names: &[&str]) {
        let programs: Vec<_> =
            names.iter().map(|name| self.program(name, "exec sleep 100000")).collect();
        self.supervise(&programs);
        // For whoever starts it anew, and must not wait for its end.
        let conf =
            self.read("supervisor/supervisord.conf").replace("nodaemon=true", "nodaemon=false");
        self.scratch.file("supervisor/again.conf", &conf, 0o600);
    }

    /// Starts a supervisord with a web server.
    pub(crate) fn server(&mut self) {
        self.scratch.file("server.py", &self.fill(SERVER), 0o600);
        let web = self.program("web", "rm -f 'PLACE/hang'; exec python3 'PLACE/server.py'");
        self.supervise(&[web]);
        until("the server answers", LONG, || self.answers());
    }

    /// Starts a supervisord with a program that will hold too much memory.
    pub(crate) fn eater(&mut self) {
        self.scratch.file("eater.py", &self.fill(EATER), 0o600);
        let eater = self.program("eater", "rm -f 'PLACE/leak'; exec python3 'PLACE/eater.py'");
        self.supervise(&[eater]);
    }

    /// Starts a tmux server with one session, and leaves a script that does so.
    pub(crate) fn tmux(&mut self) {
        let start = "echo start >> 'PLACE/starts'\nexec tmux -S 'PLACE/tmux.sock' -f /dev/null new-session -d -s work 'exec sleep 100000'";
        let script = self.scratch.script("start-tmux", &self.fill(start));
        let started = run(script, [""; 0], None);
        assert_eq!(started.code, Some(0), "{started:?}");
    }

    fn program(&self, name: &str, script: &str) -> Program {
        Program::new(name, &self.fill(&format!("{STARTED}{script}")).replace("NAME", name))
    }

    fn supervise(&mut self, programs: &[Program]) {
        let supervisord = Supervisord::start(&self.scratch, programs);
        for (name, _) in supervisord.states() {
            supervisord.await_running(&name);
        }
        self.supervisord = Some(supervisord);
    }

    /// The process of a program by the file that it wrote.
    pub(crate) fn pid(&self, name: &str) -> Option<u32> {
        self.read(&format!("{name}.pid")).trim().parse().ok()
    }

    /// Kills supervisord, and takes note of its death as the parent that it has.
    pub(crate) fn kill_supervisord(&mut self) -> u32 {
        let daemon = &mut self.supervisord.as_mut().expect("it was started").daemon;
        daemon.signal(Signal::SIGKILL);
        daemon.wait(LONG);
        daemon.pid()
    }

    pub(crate) fn tmux_pid(&self) -> u32 {
        until_some("tmux tells its process", LONG, || {
            self.tmux_says(&["display-message", "-p", "#{pid}"])?.trim().parse().ok()
        })
    }

    pub(crate) fn tmux_says(&self, command: &[&str]) -> Option<String> {
        let socket = self.join("tmux.sock");
        let args = ["-S".as_ref(), socket.as_os_str()].into_iter();
        let said = run("tmux", args.chain(command.iter().map(AsRef::as_ref)), None);
        (said.code == Some(0)).then_some(said.stdout)
    }

    pub(crate) fn answers(&self) -> bool {
        get(([127, 0, 0, 1], self.port).into(), "/").is_ok_and(|answer| answer.status == 200)
    }

    pub(crate) fn starts(&self) -> usize {
        self.read("starts").lines().count()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.join(name)).unwrap_or_default()
    }

    /// Every process that has this stage's path, and then `name`, in its command line.
    pub(crate) fn processes(&self, name: &str) -> Vec<u32> {
        let wanted = self.join(name).display().to_string();
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| *pid != std::process::id())
            .filter(|pid| {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                String::from_utf8_lossy(&line).contains(&wanted)
            })
            .collect()
    }

    /// Programs that supervisord runs with this script: it starts each as `sh SCRIPT`, which becomes something else.
    pub(crate) fn copies(&self, names: &[&str]) -> usize {
        let folder = self.join("supervisor").display().to_string();
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .filter(|pid| {
                let of = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                let of = String::from_utf8_lossy(&of);
                let is_named =
                    |name: &&str| of.contains(&format!("SUPERVISOR_PROCESS_NAME={name}\0"));
                of.contains(&folder) && names.iter().any(is_named)
            })
            .count()
    }
}

/// Whoever was started anew is no child of this program.
impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.supervisord.take());
        let place = self.scratch.path().display().to_string();
        for _ in 0..50 {
            let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
            let ours: Vec<i32> = pids
                .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
                .filter(|pid: &i32| pid.unsigned_abs() != std::process::id())
                .filter(|pid| {
                    let read = |name| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
                    let all = [read("cmdline"), read("environ")].concat();
                    String::from_utf8_lossy(&all).contains(&place)
                })
                .collect();
            if ours.is_empty() {
                break;
            }
            for pid in ours {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

pub(crate) fn rss_bytes(pid: u32) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).expect("the process is there");
}

pub(crate) fn touch(path: &Path) {
    fs::write(path, "").expect("a file can be written");
}
