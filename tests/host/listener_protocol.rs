//! The event listener as supervisord sees it, played by the test: what it reads and writes, and how it ends.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use evenkeel_tests::{HangingEndpoint, LONG, Scratch, find_bin, run, until_some};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const TICK: &[u8] =
    b"ver:3.0 server:ek serial:4 pool:p poolserial:2 eventname:TICK_5 len:15\nwhen:1201063880";
const ANSWER: &[u8] = b"RESULT 2\nOKREADY\n";

/// A listener whose pipes the test holds.
struct Played {
    child: Child,
    said: mpsc::Receiver<Vec<u8>>,
    heard: Vec<u8>,
    _scratch: Scratch,
}

impl Played {
    fn start(options: &[&str]) -> Self {
        let scratch = Scratch::new();
        let state = scratch.join("state");
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(find_bin("evenkeel-recovery"))
            .args([
                "supervisor-listener",
                "--server-url",
                "unix:///nonexistent/s.sock",
                "--state-dir",
            ])
            .arg(&state)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("setpriv of util-linux is there");
        let mut out = child.stdout.take().expect("it is piped");
        let (sender, said) = mpsc::channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = out.read(&mut piece) {
                if sender.send(piece[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        let mut played = Self { child, said, heard: Vec::new(), _scratch: scratch };
        played.expect(b"READY\n", LONG);
        played
    }

    fn tell(&mut self, bytes: &[u8]) {
        let input = self.child.stdin.as_mut().expect("it is piped");
        input.write_all(bytes).expect("the listener reads");
        input.flush().expect("the listener reads");
    }

    /// Waits until it has said exactly this more.
    #[track_caller]
    fn expect(&mut self, words: &[u8], within: Duration) {
        while self.heard.len() < words.len() {
            match self.said.recv_timeout(within) {
                Ok(more) => self.heard.extend(more),
                Err(error) => panic!("{error}: {:?}", String::from_utf8_lossy(&self.heard)),
            }
        }
        assert_eq!(self.heard, words, "{:?}", String::from_utf8_lossy(&self.heard));
        self.heard.clear();
    }

    /// Waits for its end: its exit code, and whatever else it said.
    #[track_caller]
    fn ends(mut self) -> (Option<i32>, Vec<u8>) {
        let status = until_some("the listener ends", LONG, || self.child.try_wait().unwrap());
        while let Ok(more) = self.said.recv_timeout(LONG) {
            self.heard.extend(more);
        }
        (status.code(), std::mem::take(&mut self.heard))
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_closed_pipe_ends_the_listener_cleanly_and_nothing_but_answers_was_written() {
    let mut listener = Played::start(&["memmon", "-a", "1GB"]);
    for _ in 0..100 {
        listener.tell(TICK);
        listener.expect(ANSWER, LONG);
    }
    drop(listener.child.stdin.take());
    assert_eq!(listener.ends(), (Some(0), Vec::new()));
}

#[test]
fn what_is_not_the_protocol_ends_it_with_the_code_of_a_refusal() {
    let mut listener = Played::start(&["memmon", "-a", "1GB"]);
    listener.tell(b"ver:3.0 server:ek eventname:TICK_5 len:-1\n");
    assert_eq!(listener.ends(), (Some(3), Vec::new()));
}

#[test]
fn a_signal_to_end_is_heeded() {
    let mut listener = Played::start(&["memmon", "-a", "1GB"]);
    listener.tell(TICK);
    listener.expect(ANSWER, LONG);
    kill(Pid::from_raw(listener.child.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert_eq!(listener.ends(), (Some(0), Vec::new()));
}

#[test]
fn an_endpoint_that_hangs_delays_no_answer() {
    let endpoint = HangingEndpoint::start();
    let url = endpoint.url();
    // An attempt takes longer than the test waits for an answer.
    let mut listener = Played::start(&["httpok", "-p", "web", "-t", "120", &url]);
    for _ in 0..50 {
        listener.tell(TICK);
        listener.expect(ANSWER, Duration::from_secs(20));
    }
    drop(listener.child.stdin.take());
    assert_eq!(listener.ends(), (Some(0), Vec::new()));
}

#[test]
fn the_settings_that_options_mean_are_printed_and_mean_the_same_in_a_file() {
    let scratch = Scratch::new();
    let program = find_bin("evenkeel-recovery");
    let by_hand = ["supervisor-listener", "--server-url", "unix:///run/s.sock", "--print-settings"];
    let httpok = ["httpok", "-p", "web", "-b", "a\"b\\c", "http://127.0.0.1:8080/"];
    let printed = run(&program, by_hand.iter().chain(&httpok), None);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let file = scratch.file("listener.toml", &printed.stdout, 0o600);
    let again = [
        "supervisor-listener".as_ref(),
        "--print-settings".as_ref(),
        "--config".as_ref(),
        file.as_os_str(),
    ];
    let again = run(&program, again, None);
    assert_eq!((again.code, again.stdout), (Some(0), printed.stdout));
}
