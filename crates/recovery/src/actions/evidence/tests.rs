#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};

use evenkeel_process::Process;

use super::*;

const AMPLE: Bounds = Bounds { time: Duration::from_mins(1), bytes: 64 * 1024 };

/// A shell, killed when dropped.
struct Shell(Child);

impl Shell {
    /// Runs `script` and waits until it has written a line.
    fn run(script: &str) -> Self {
        Self::spawn(Command::new("bash").args(["-c", script]))
    }

    /// Runs a command and waits until it has written a line.
    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(child)
    }

    fn scene(&self) -> Scene {
        let process = Some(Process::open(self.0.id()).unwrap().identity());
        Scene { process, ..Scene::default() }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_process_that_hangs_is_seen_as_it_is() {
    let shell = Shell::run("echo ready; kill -STOP $$; :");
    // The line comes before the stop.
    let process = Process::open(shell.0.id()).unwrap();
    while process.stat().unwrap().state != evenkeel_process::State::Stopped {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let evidence = gather(&shell.scene(), AMPLE).await;
    let seen = evidence.process.as_ref().unwrap();
    assert_eq!((seen.state, seen.pid), ("stopped", shell.0.id()));
    assert_eq!(seen.threads, BTreeMap::from([("stopped", 1)]));
    assert!(seen.memory.as_ref().unwrap().rss_bytes > 100_000, "{evidence:?}");
    assert!(seen.limits.contains_key("open files"), "{evidence:?}");
    assert!(seen.cgroup.is_some(), "{evidence:?}");
    assert!(evidence.summary().contains("is stopped"), "{}", evidence.summary());
}

#[tokio::test]
async fn five_thousand_descriptors_are_a_sum_and_not_a_list() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("leak\u{1b}[31m");
    std::fs::write(&file, "").unwrap();
    let script = "ulimit -n 6000 || exit 1; for i in $(seq 5000); do exec {fd}<\"$LEAK\"; done; echo ready; read";
    let shell = Shell::spawn(Command::new("bash").args(["-c", script]).env("LEAK", &file));
    let evidence = gather(&shell.scene(), AMPLE).await;
    let open = evidence.process.as_ref().unwrap().descriptors.as_ref().unwrap();
    assert!(open.open >= 5000 && open.by_kind["file"] >= 5000, "{open:?}");
    let (path, count) = &open.most_open[0];
    assert_eq!(*count, 5000);
    assert!(path.ends_with("leak\\x1b[31m"), "{path}");
    assert!(evidence.bytes() < 16 * 1024);
}

#[tokio::test]
async fn secrets_of_arguments_are_hidden_and_the_environment_is_not_read() {
    let arguments =
        ["-c", "echo ready; read; :", "app", "--db-password=hunter2", "amqp://a:hunter3@h/"];
    let shell = Shell::spawn(Command::new("bash").args(arguments).env("API_TOKEN", "hunter4"));
    let evidence = gather(&shell.scene(), AMPLE).await;
    let text = serde_json::to_string(&evidence).unwrap();
    assert!(text.contains("--db-password=***") && text.contains("amqp://a:***@h/"), "{text}");
    assert!(!text.contains("hunter"), "{text}");
}

#[tokio::test]
async fn a_process_that_is_gone_is_missing_and_no_other_is_shown_in_its_place() {
    let shell = Shell::run("echo ready; read x; :");
    let scene = shell.scene();
    let other = scene.process.map(|now| Identity { start_ticks: now.start_ticks + 1, ..now });
    let evidence = gather(&Scene { process: other, ..scene }, AMPLE).await;
    assert_eq!(evidence.process, None);
    assert!(evidence.missing[0].contains("is gone"), "{:?}", evidence.missing);
}

#[tokio::test]
async fn a_frozen_supervisord_delays_nothing_beyond_the_bound() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("s.sock");
    // Accepts and never answers.
    let _listener = UnixListener::bind(&socket).unwrap();
    let shell = Shell::run("echo ready; read x; :");
    let scene = Scene { program: Some((socket, "web".to_owned())), ..shell.scene() };
    let begun = Instant::now();
    let evidence = gather(&scene, Bounds::default()).await;
    let took = begun.elapsed();
    // The bound, and what a busy machine adds to it.
    assert!(took < Bounds::default().time + Duration::from_millis(500), "{took:?}");
    let why = &evidence.missing;
    assert!(why.iter().any(|why| why.contains("logs of `web`")), "{evidence:?}");
    assert!(evidence.process.is_some(), "what could be had is there: {evidence:?}");
}

#[test]
fn too_much_is_cut_to_its_size_and_says_so() {
    let log = LogTail { of: "x".into(), file: None, lines: vec!["y".repeat(300); 50] };
    let thread = |tid| ThreadSeen {
        tid,
        name: "t".into(),
        state: "sleeping",
        wait_channel: None,
        kernel_stack: vec!["do_wait".repeat(40); 24],
    };
    let process = ProcessSeen { waiting: (0..16).map(thread).collect(), ..ProcessSeen::default() };
    let mut evidence =
        Evidence { process: Some(process), logs: vec![log; 3], ..Evidence::default() };
    for bytes in [64, 16, 4, 1].map(|kib| kib * 1024) {
        evidence.fit(bytes);
        assert!(evidence.bytes() <= bytes && evidence.cut, "{bytes}: {}", evidence.bytes());
        assert!(evidence.logs.iter().all(|log| !log.lines.is_empty()) || bytes < 4096);
    }
}

#[test]
fn an_action_on_a_program_is_about_that_program() {
    let occasion = Occasion { target: "workers/g:a".into(), ..Occasion::default() };
    let action = Action::SupervisorRestartGroup { socket: "/s".into(), group: Some("g".into()) };
    assert_eq!(Scene::of(&action, &occasion).program, Some(("/s".into(), "g:a".into())));
    let unit = evenkeel_systemd::UnitName::try_new("web").unwrap();
    let action = Action::SystemdRestart { unit, end_left_overs: false };
    assert_eq!(Scene::of(&action, &occasion).unit.as_deref(), Some("web.service"));
}
