//! `evenkeel-recovery supervisor-listener` under a real supervisord, with memmon's and httpok's options.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use evenkeel_tests::{
    LONG, Program, Scratch, Supervisord, find_bin, free_port, get, installed, until, until_some,
};
use serde_json::Value;

/// A supervisord that runs a listener beside its programs.
struct Watched {
    supervisord: Supervisord,
    page: SocketAddr,
    log: PathBuf,
}

/// So that tests need not wait: looks each second, short pauses.
const HASTY: &str = "--interval 1s --backoff 500ms --verify-timeout 30s --stable-for 2s";

impl Watched {
    fn start(scratch: &Scratch, programs: &[Program], options: &str) -> Self {
        let port = free_port();
        let page = SocketAddr::from(([127, 0, 0, 1], port));
        let log = scratch.join("listener.log");
        let listener = format!(
            "[eventlistener:watch]\ncommand={} supervisor-listener -v --listen {page} --state-dir {} {options}\n\
             events=TICK_5,PROCESS_STATE\nstderr_logfile={}\nstopsignal=TERM\n",
            find_bin("evenkeel-recovery").display(),
            scratch.join("state").display(),
            log.display(),
        );
        let supervisord = Supervisord::start_with(scratch, programs, &listener, 1);
        let watched = Self { supervisord, page, log };
        until("the listener answers", LONG, || get(page, "/health").is_ok());
        watched
    }

    fn json(&self, path: &str) -> Value {
        let answer =
            get(self.page, path).unwrap_or_else(|error| panic!("{error}: {}", self.said()));
        serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }

    /// The messages of one kind of event about a target.
    fn told(&self, kind: &str, target: &str) -> Vec<String> {
        let events = self.json("/api/events?limit=1000");
        let events = events["events"].as_array().cloned().unwrap_or_default();
        let about =
            events.iter().filter(|event| event["kind"] == kind && event["target"] == target);
        about.filter_map(|event| event["message"].as_str().map(str::to_owned)).collect()
    }

    fn check(&self, name: &str) -> Value {
        let status = self.json("/api/status");
        let checks = status["checks"].as_array().cloned().unwrap_or_default();
        checks.into_iter().find(|check| check["name"] == name).unwrap_or_default()
    }

    fn part(&self, check: &str, name: &str) -> Value {
        let parts = self.check(check)["parts"].as_array().cloned().unwrap_or_default();
        parts.into_iter().find(|part| part["name"] == name).unwrap_or_default()
    }

    fn await_state(&self, check: &str, state: &str) {
        until(&format!("`{check}` is {state}"), LONG, || self.check(check)["state"] == state);
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// It was sent events, answered them all, and no event was lost.
    #[track_caller]
    fn protocol_held(&self) {
        let log = self.supervisord.log();
        assert!(!log.contains("overflowed") && !log.contains("UNKNOWN state"), "{log}");
        assert_eq!(self.supervisord.state("watch").state, "RUNNING", "{}", self.said());
    }
}

/// A program that holds 100 MB for as long as `flag` is there when it starts, and takes it away if `once`.
fn eater(scratch: &Scratch, name: &str, once: bool) -> Program {
    let flag = scratch.join(&format!("{name}.leaks"));
    fs::write(&flag, "").unwrap();
    let flag = flag.display();
    let after = if once { format!("rm -f '{flag}'\n") } else { String::new() };
    Program::new(
        name,
        &format!(
            "if [ -e '{flag}' ]; then\n{after}exec python3 -c 'import time; held = bytearray(100 << 20); time.sleep(100000)'\nfi\nexec sleep 100000"
        ),
    )
}

/// A web server on `port` that answers 500 as long as `broken` is there; a restart with `heals` takes that away.
fn server(scratch: &Scratch, name: &str, port: u16, heals: bool) -> Program {
    let broken = scratch.join("broken");
    let script = scratch.file(
        "server.py",
        &format!(
            "import http.server, os\n\
             class Answer(http.server.BaseHTTPRequestHandler):\n\
             \x20   def do_GET(self):\n\
             \x20       self.send_response(500 if os.path.exists('{}') else 200)\n\
             \x20       self.end_headers()\n\
             \x20       self.wfile.write(b'fine')\n\
             http.server.HTTPServer(('127.0.0.1', {port}), Answer).serve_forever()\n",
            broken.display()
        ),
        0o600,
    );
    let heal = if heals { format!("rm -f '{}'\n", broken.display()) } else { String::new() };
    Program::new(name, &format!("{heal}exec python3 '{}'", script.display()))
}

#[test]
fn a_leaky_program_is_restarted_once_proved_and_explained_and_the_others_are_left_alone() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let programs = [eater(&scratch, "leaky", true), Program::idle("other")];
    let options = format!("{HASTY} --grace 0s memmon --for 2s -p leaky=60MB -a 1GB");
    let watched = Watched::start(&scratch, &programs, &options);
    let other = watched.supervisord.await_running("other");

    until("the recovery is proved", LONG, || !watched.told("judged", "memmon/leaky").is_empty());

    let why = watched.told("incident_opened", "memmon/leaky").concat();
    assert!(why.contains("rss_bytes is ") && why.contains("above 60 MiB"), "{why}");
    until("the incident is over", LONG, || {
        !watched.told("incident_closed", "memmon/leaky").is_empty()
    });
    assert_eq!(watched.told("acted", "memmon/leaky").len(), 1, "{}", watched.said());
    assert_eq!(watched.supervisord.await_running("other"), other, "the other was left alone");
    watched.protocol_held();
}

#[test]
fn a_budget_ends_a_restart_loop_and_says_so() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let programs = [eater(&scratch, "leaky", false)];
    let options = "--interval 1s --grace 0s --backoff 200ms --verify-timeout 3s --max-retries 6 --budget 2/1h memmon --for 1s -a 60MB";
    let watched = Watched::start(&scratch, &programs, options);

    let refused = until_some("the budget refuses", LONG, || {
        watched.told("refused", "memmon/leaky").into_iter().find(|said| said.contains("budget"))
    });

    assert!(refused.contains("budget per target") || refused.contains("2 of 2"), "{refused}");
    let pid = watched.supervisord.await_running("leaky");
    until("the check looked a few times more", LONG, || {
        watched.part("memmon", "leaky")["state"] == "down"
            && watched.told("acted", "memmon/leaky").len() >= 2
    });
    assert_eq!(watched.told("acted", "memmon/leaky").len(), 2, "{}", watched.said());
    assert_eq!(watched.supervisord.await_running("leaky"), pid, "it runs on, too large");
    watched.protocol_held();
}

#[test]
fn a_program_whose_endpoint_fails_is_restarted_and_proved_by_its_endpoint() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let port = free_port();
    let programs = [server(&scratch, "web", port, true), Program::idle("other")];
    let options = format!(
        // A busy machine takes a while until python listens.
        "{HASTY} --grace 5s httpok -t 1 --failures 2/3 -p web -b fine http://127.0.0.1:{port}/"
    );
    let watched = Watched::start(&scratch, &programs, &options);
    let other = watched.supervisord.await_running("other");
    watched.await_state("httpok", "up");
    let web = watched.supervisord.await_running("web");

    fs::write(scratch.join("broken"), "").unwrap();

    until("the recovery is proved", LONG, || {
        watched.told("judged", "httpok").iter().any(|said| said.contains("verified"))
    });
    assert_ne!(watched.supervisord.await_running("web"), web);
    assert_eq!(watched.supervisord.await_running("other"), other);
    assert_eq!(watched.told("acted", "httpok").len(), 1, "{}", watched.said());
    watched.protocol_held();
}

#[test]
fn a_program_is_left_alone_while_it_is_stopped_on_purpose_and_while_it_may_still_start() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let port = free_port();
    let programs = [server(&scratch, "web", port, false)];
    // A program may take a quarter of an hour to start; the listener's own grace is none.
    let options = format!(
        "--interval 1s --grace 15m --verify-timeout 30s httpok -t 1 --failures 2/3 -p web --set agent.grace=0s http://127.0.0.1:{port}/"
    );
    let watched = Watched::start(&scratch, &programs, &options);
    watched.await_state("httpok", "up");
    let left_alone = |because: &str| {
        until(&format!("it is left alone: {because}"), LONG, || {
            let recoveries = watched.json("/api/status")["recoveries"].clone();
            let recoveries = recoveries.as_array().cloned().unwrap_or_default();
            recoveries.iter().any(|recovery| recovery.to_string().contains(because))
        });
    };

    watched.supervisord.stop("web");
    watched.await_state("httpok", "down");
    left_alone("stopped, as on purpose");
    assert_eq!(watched.supervisord.state("web").state, "STOPPED");

    fs::write(scratch.join("broken"), "").unwrap();
    watched.supervisord.control("start", "web");
    let web = watched.supervisord.await_running("web");
    left_alone("may take 900 s to start");
    assert_eq!(watched.supervisord.await_running("web"), web);
    assert!(watched.told("acted", "httpok").is_empty(), "{}", watched.said());
    watched.protocol_held();
}

#[test]
fn a_change_of_state_is_a_hint_to_look_and_a_storm_of_them_loses_no_event() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let programs = [Program::idle("one"), Program::idle("two")];
    // Without a hint nobody would look for an hour.
    let options = "--interval 1h --grace 0s memmon -a 1GB";
    let watched = Watched::start(&scratch, &programs, options);
    watched.await_state("memmon", "up");
    until("both are up", LONG, || {
        ["one", "two"].iter().all(|name| watched.part("memmon", name)["state"] == "up")
    });

    for _ in 0..3 {
        watched.supervisord.control("restart", "one");
        watched.supervisord.control("restart", "two");
    }
    watched.supervisord.await_running("one");
    watched.supervisord.stop("two");

    until("the stop was seen", LONG, || {
        watched.part("memmon", "two")["reason"].as_str().is_some_and(|why| why.contains("stopped"))
    });
    until("each event was told", LONG, || {
        watched.said().matches("told by supervisord").count() >= 3 * 2 * 3
    });
    watched.protocol_held();
}
