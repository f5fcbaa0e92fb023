//! Other users who listen where a daemon of theirs is to be, and say what would have root do something for them.

use std::fs;
use std::path::{Path, PathBuf};

use evenkeel_tests::{
    Agent, Daemon, LONG, Scratch, ask, evenkeel, find_bin, installed, is_root, run, until,
};

/// A user who is nobody else.
const OTHER: &str = "61234";
/// What another user starts a program by.
const AS_OTHER: [&str; 5] = ["--reuid", OTHER, "--regid", OTHER, "--clear-groups"];

/// Answers as supervisord does, of one program: that it is in this state and has this process and this log. Python comes with the real one.
const FAKE_SUPERVISORD: &str = r#"
import http.server, socketserver, sys, xmlrpc.client
path, state, pid, log = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
info = dict(name="web", group="web", description="", start=1, stop=0, now=100, state=state, statename="", spawnerr="",
            exitstatus=0, logfile=log, stdout_logfile=log, stderr_logfile="", pid=pid)
answers = {"supervisor.getAllProcessInfo": [info], "supervisor.getProcessInfo": info, "supervisor.getPID": pid,
           "supervisor.getAllConfigInfo": [], "supervisor.readProcessStdoutLog": "as its own daemon reads it"}
class Handler(http.server.BaseHTTPRequestHandler):
    def address_string(self):
        return "a client"
    def do_POST(self):
        _, method = xmlrpc.client.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = (answers[method],) if method in answers else xmlrpc.client.Fault(10, "BAD_NAME")
        body = xmlrpc.client.dumps(answer, methodresponse=True).encode()
        self.send_response(200)
        self.send_header("content-type", "text/xml")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
socketserver.ThreadingUnixStreamServer(path, Handler).serve_forever()
"#;

/// A folder of that user, and where he listens in it.
fn socket_of_other(scratch: &Scratch) -> PathBuf {
    scratch.chmod(".", 0o755);
    scratch.folder("run", 0o777).join("s.sock")
}

fn fake_supervisord(scratch: &Scratch, socket: &Path, state: &str, pid: u32, log: &str) -> Daemon {
    let socket_text = socket.to_str().unwrap();
    let pid = pid.to_string();
    let says = ["--", "/usr/bin/python3", "-c", FAKE_SUPERVISORD, socket_text, state, &pid, log];
    let args = [&AS_OTHER[..], &says].concat();
    let daemon = Daemon::start("fake supervisord", "setpriv", args, &scratch.join("fake.log"));
    until("the other one listens", LONG, || socket.exists());
    daemon
}

#[test]
fn another_users_supervisord_names_no_process_that_is_not_his() {
    if !is_root() || !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let socket = socket_of_other(&scratch);
    let look = |pid: u32| {
        let _ = fs::remove_file(&socket);
        let _fake = fake_supervisord(&scratch, &socket, "20", pid, "");
        let url = format!("unix://{}", socket.display());
        run(find_bin("evenkeel-probe"), ["supervisor", "--json", "--url", &url], None).json()
    };
    let own = look(std::process::id());
    let part = &own["parts"][0];
    assert_eq!(part["name"], "web", "{own}");
    assert!(part["facts"]["pid"].is_null() && part["facts"]["incarnation"].is_null(), "{own}");
    let args = [&AS_OTHER[..], &["--", "sleep", "1000000"]].concat();
    let his = Daemon::start("his worker", "setpriv", args, &scratch.join("worker.log"));
    let uid = || fs::read_to_string(format!("/proc/{}/status", his.pid())).unwrap_or_default();
    until("it is his", LONG, || uid().contains(&format!("Uid:\t{OTHER}\t{OTHER}")));
    let named = look(his.pid());
    let part = &named["parts"][0];
    assert_eq!(part["facts"]["pid"].as_f64(), Some(f64::from(his.pid())), "{named}");
    assert!(part["facts"]["incarnation"].is_string(), "{named}");
}

#[test]
fn another_users_supervisord_has_nothing_read_that_he_may_not_read() {
    if !is_root() || !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let socket = socket_of_other(&scratch);
    let hidden = scratch.file("hidden", "a line for root alone\n", 0o600);
    let _fake = fake_supervisord(&scratch, &socket, "200", 0, hidden.to_str().unwrap());
    let settings = format!(
        "[check.workers]\nsupervisor = {{ url = \"unix://{}\", programs = [\"*\"] }}\nretries = 0\n\
         [recovery.workers]\nwhen = \"workers\"\nsteps = [{{ action = \"supervisor.restart-program\" }}]\n\
         max_retries = 0\nverify_timeout = \"9s\"\nstable_for = \"1s\"\n",
        socket.display()
    );
    let (config, _) = Agent::settings_with(&scratch, "", &settings);
    let config_text = config.to_str().unwrap();
    evenkeel(["apply", "--config", config_text]);
    let told = ask(&["events", "--kind", "evidence", "--json"], &config);
    assert!(told.stdout.contains("as its own daemon reads it"), "{told:?}");
    let history = fs::read(scratch.join("state/journal.db")).unwrap();
    let log = fs::read(scratch.join("state/journal.db-wal")).unwrap_or_default();
    let hidden = b"a line for root alone";
    let is_in = |text: &[u8]| text.windows(hidden.len()).any(|part| part == hidden);
    assert!(!is_in(&history) && !is_in(&log) && !is_in(told.stdout.as_bytes()), "{told:?}");
}

#[test]
fn the_client_of_another_users_tmux_server_has_no_more_rights_than_he() {
    if !is_root() || !installed("tmux") {
        return;
    }
    let scratch = Scratch::new();
    let socket = socket_of_other(&scratch);
    let text = socket.to_str().unwrap();
    let serves = ["--", "tmux", "-D", "-f", "/dev/null", "-S", text];
    let args = [&AS_OTHER[..], &serves].concat();
    let _server = Daemon::start("his tmux", "setpriv", args, &scratch.join("tmux.log"));
    until("it listens", LONG, || socket.exists());
    let session = ["--", "tmux", "-S", text, "new-session", "-d", "-s", "web", "sleep 1000000"];
    let made = run("setpriv", [&AS_OTHER[..], &session].concat(), None);
    assert_eq!(made.code, Some(0), "{made:?}");
    // What a server asks for is done by the client: this one tells as whom.
    let folder = scratch.folder("bin", 0o755);
    let seen = scratch.folder("seen", 0o777).join("users");
    let tmux = format!("id -u >> '{}'\nexec /usr/bin/tmux \"$@\"", seen.display());
    scratch.script("bin/tmux", &tmux);
    scratch.chmod("bin/tmux", 0o755);
    let path = format!("PATH={}:/usr/bin:/bin", folder.display());
    let probe = find_bin("evenkeel-probe");
    let told = run("env", [&path, probe.to_str().unwrap(), "tmux", "--json", text], None).json();
    assert_eq!(told["verdict"], "up", "{told}");
    let users = fs::read_to_string(&seen).unwrap();
    assert!(!users.is_empty() && users.lines().all(|user| user == OTHER), "{users}");
    let part = &told["parts"][0];
    assert!(part["facts"]["incarnation"].is_string(), "the pane's process is his: {told}");
}
