//! A settings file full of secrets, and targets that repeat every one of them: none comes out anywhere, and nothing that they
//! say drives a terminal.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use evenkeel_tests::{Agent, LONG, Scratch, evenkeel, run, until};

/// What every secret has in it.
const MARKER: &str = "MARKER";
/// Colours, and a turn of the direction of writing.
const HOSTILE: &str = "\u{1b}[31mred\u{202e}";

/// Answers everybody with what he said himself, as a failure.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be bound");
    let address = listener.local_addr().expect("a bound socket has an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || repeat(stream));
        }
    });
    address
}

fn repeat(mut stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(300)));
    let (mut said, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        said.extend_from_slice(&buffer[..count]);
        if said.ends_with(b"\n") && said.starts_with(b"AUTH") {
            break;
        }
    }
    let mut body = HOSTILE.as_bytes().to_vec();
    body.extend_from_slice(&said);
    if !said.starts_with(b"AUTH") {
        let length = body.len();
        let echo = String::from_utf8_lossy(&said).replace("\r\n", "|");
        let head = format!(
            "HTTP/1.1 200 OK\r\nx-echo: {echo}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        let _ = stream.write_all(head.as_bytes());
    }
    let _ = stream.write_all(&body);
}

fn settings(scratch: &Scratch, at: SocketAddr) -> String {
    let tells = scratch.script("tells", &format!("env > {}", scratch.join("told").display()));
    let fails = scratch.script("fails", "echo \"$0 $*: refused\" >&2; exit 3");
    format!(
        r#"[check.web]
http = {{ url = "http://{at}/health?token=MARKER01&verbose=1", headers = {{ Authorization = "Bearer MARKER02", X-Custom = "MARKER03" }}, method = "POST", body = "pin MARKER04" }}
conditions = [{{ field = "header.x-echo", contains = "POST" }}]
[check.cache]
tcp = {{ address = "{at}", send = "AUTH MARKER05\r\n", expect = "OK" }}
[check.script]
exec = {{ command = ["/bin/sh", "-c", "echo the word is $WORD"], environment = {{ WORD = "MARKER06" }} }}
conditions = [{{ field = "stdout", contains = "word" }}]
[recovery.web]
when = ["web", "cache", "script"]
steps = [
    {{ action = "notify", command = ["{}"] }},
    {{ action = "exec", command = ["{}", "--password", "MARKER07", "http://me:MARKER08@127.0.0.1/?sig=MARKER09"] }},
]
max_retries = 0
verify_timeout = "5s"
"#,
        tells.display(),
        fails.display()
    )
    .replace("]\nexec", "]\ninterval = \"1s\"\ntimeout = \"900ms\"\nfailure_threshold = { failures = 1, within = 1 }\nexec")
    .replace("]\nhttp", "]\ninterval = \"1s\"\ntimeout = \"900ms\"\nfailure_threshold = { failures = 1, within = 1 }\nhttp")
    .replace("]\ntcp", "]\ninterval = \"1s\"\ntimeout = \"900ms\"\nfailure_threshold = { failures = 1, within = 1 }\ntcp")
}

#[track_caller]
fn expect_clean(what: &str, text: &str) {
    if let Some(at) = text.find(MARKER) {
        let start = text[..at].char_indices().rev().nth(200).map_or(0, |(start, _)| start);
        panic!("{what} gives a secret away: {}", &text[start..at + MARKER.len() + 2]);
    }
}

#[track_caller]
fn expect_calm(what: &str, text: &str) {
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{what} drives a terminal: {text:?}");
}

#[test]
fn no_secret_comes_out_and_nothing_drives_a_terminal() {
    // Without a journal of the system `journald` falls back to lines for people, and says so.
    for form in ["human", "json", "journald"] {
        let scratch = Scratch::new();
        let settings = settings(&scratch, echo());
        let log = format!("log = {{ format = \"{form}\", level = \"trace\" }}");
        let agent = Agent::start_with(&scratch, &log, &settings, &[]);
        let config = agent.config().display().to_string();
        let with = |words: &[&str]| evenkeel([words, &["--config", &config]].concat());
        for name in ["web", "cache", "script"] {
            agent.await_check(name, "down", LONG);
        }
        until("it was told and tried", LONG, || {
            scratch.join("told").exists()
                && agent.events().iter().any(|event| event["kind"] == "judged")
        });
        // All of them were heard, so that there was something to hide.
        let reason =
            |name: &str| agent.check(name)["reason"].as_str().unwrap_or_default().to_owned();
        let (web, cache) = (reason("web"), reason("cache"));
        assert!(web.contains("POST /health?token=***"), "{web}");
        assert!(cache.contains("red") && cache.contains("***"), "{cache}");
        let script = reason("script");
        assert!(script.contains("the word is ***"), "{script}");
        for path in ["/", "/metrics", "/health", "/api/status", "/api/events", "/api/why/web"] {
            expect_clean(path, &agent.get(path).body);
        }
        for words in [
            &["status"][..],
            &["status", "--json"],
            &["events"],
            &["why", "web"],
            &["why", "web", "--json"],
            &["config", "show", "--origin"],
            &["config", "check"],
            &["check"],
            &["apply", "--dry-run"],
        ] {
            let said = with(words);
            expect_clean(&words.join(" "), &format!("{}{}", said.stdout, said.stderr));
            if !words.contains(&"--json") {
                expect_calm(&words.join(" "), &format!("{}{}", said.stdout, said.stderr));
            }
        }
        assert!(with(&["config", "show", "--reveal"]).stdout.contains("MARKER02"));
        let told = fs::read_to_string(scratch.join("told")).expect("it was told");
        assert!(told.contains("EVENKEEL_INCIDENT=") && told.contains("EVENKEEL_REASON="), "{told}");
        expect_clean("the environment of a command", &told);
        // A file that is broken now is refused by the running agent, in its log.
        fs::write(agent.config(), settings.replace("body = \"", "body = "))
            .expect("a file of ours");
        agent.daemon.signal(nix::sys::signal::Signal::SIGHUP);
        until("the new settings are refused", LONG, || {
            agent.daemon.log().contains("refused, those in force stay")
        });
        let log = agent.daemon.log();
        expect_clean(&format!("the log as {form}"), &log);
        if form != "json" {
            expect_calm(&format!("the log as {form}"), &log);
        }
        let refused = with(&["config", "check"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        expect_clean("config check", &format!("{}{}", refused.stdout, refused.stderr));
        drop(agent);
        let found =
            run("grep", ["-rac", MARKER, &scratch.join("state").display().to_string()], None);
        assert!(found.stdout.lines().all(|line| line.ends_with(":0")), "{found:?}");
    }
}
