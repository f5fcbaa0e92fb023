//! The built program.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel-metrics"));
    command.args(arguments);
    command
}

#[track_caller]
fn run(arguments: &[&str], input: &str, exit: i32) -> Output {
    let mut child = program(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses its flags does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(exit), "{output:?}");
    output
}

#[track_caller]
fn says(arguments: &[&str], input: &str, exit: i32) -> String {
    String::from_utf8(run(arguments, input, exit).stdout).unwrap()
}

const FLAGS: [&str; 4] =
    ["--memory", "supervisor=300MB:5m", "--permissions", "tmux-state=/tmp/tmux_supervisor_state"];

const EXPECTED: &str = include_str!("../../../docs/alerts/tmux-supervisor.rules.yml");

#[test]
fn the_preset_gives_the_rules_that_are_committed() {
    assert_eq!(says(&["rules"], "", 0), EXPECTED);
    let tests = says(&["rules", "--print-tests", "rules.yml"], "", 0);
    assert_eq!(tests, include_str!("../../../crates/metrics/tests/expected/rules.test.yml"));
}

#[test]
fn flags_alone_give_the_rules_of_the_plan() {
    let rules = says(&[&["rules"], &FLAGS[..]].concat(), "", 0);
    // All but those of the promise, for which there is no flag.
    let last = "      - alert: EvenkeelErrorBudgetLow\n";
    let (expected, _) = EXPECTED.split_once(last).unwrap();
    assert_eq!(rules, expected);
}

#[test]
fn a_promise_has_its_rules_and_a_wrong_one_is_refused_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("evenkeel.toml");
    let settings = |objective: &str| {
        let text = format!(
            "[check.web]\nhttp = {{ url = \"http://127.0.0.1/\" }}\n\
             [slo.shop]\nchecks = [\"web\"]\nobjective = {objective}\nwindow = \"30d\"\n"
        );
        std::fs::write(&file, text).unwrap();
    };
    let arguments = ["rules", "--config", file.to_str().unwrap()];
    settings("0.9995");
    let rules = says(&arguments, "", 0);
    assert!(rules.contains("rate1h{slo=\"shop\"} > 0.0072 and "), "{rules}");

    settings("99.9");
    let refused = run(&arguments, "", 2);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("evenkeel.toml:5") && said.contains("slo.shop.objective"), "{said}");
    assert!(refused.stdout.is_empty(), "nothing is written by halves");
}

#[test]
fn settings_give_their_rules_and_jobs() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("evenkeel.toml");
    std::fs::write(
        &file,
        "[agent]\nlisten = \"0.0.0.0:7\"\nopen = true\n[permissions.web]\npath = \"/srv/web\"\ndirectory_mode = \"0755\"\n\
         [check.cache-memory]\nprocess = { pidfile = \"/run/cache.pid\" }\n\
         conditions = [{ field = \"rss_bytes\", above = \"1GB\", for = \"2m\" }]\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let rules = says(&["rules", "--config", file], "", 0);
    assert!(rules.contains("- alert: CacheHighMemoryUsage\n        expr: process_resident_memory_bytes{job=\"cache\"} > 1000000000\n        for: 2m\n"), "{rules}");
    assert!(rules.contains("- alert: WebPermissionError\n        expr: file_permission_errors{path=\"/srv/web\"} > 0\n"), "{rules}");
    let jobs = says(&["scrape-config", "--config", file], "", 0);
    assert!(jobs.contains("- job_name: cache\n    metrics_path: /metrics\n    params:\n      process: [\"cache-memory\"]\n"), "{jobs}");
    assert!(jobs.contains("targets: [\"127.0.0.1:7\"]"), "{jobs}");
}

#[test]
fn promtool_passes_the_rules() {
    if Command::new("promtool").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "promtool is not installed");
        #[expect(clippy::print_stderr, reason = "a skipped test must not look like a passed one")]
        {
            eprintln!("skipped: promtool is not installed");
        }
        return;
    }
    assert!(says(&[&["rules", "--test"], &FLAGS[..]].concat(), "", 0).contains("SUCCESS"));
    let said = says(&[&["rules", "--test", "--json"], &FLAGS[..]].concat(), "", 0);
    let document: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(document["passed"], true);
}

#[test]
fn without_promtool_the_tests_are_refused_with_a_hint() {
    let mut command = program(&[&["rules", "--test"], &FLAGS[..]].concat());
    let output = command.env("PATH", "/nonexistent").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("`promtool` is not installed") && said.contains("--print-tests"),
        "{said}"
    );
}

#[test]
fn a_page_is_checked_line_by_line() {
    assert_eq!(says(&["check", "-"], "# HELP a b\n# TYPE a gauge\na 1\n", 0), "");
    assert_eq!(
        says(&["check", "-"], "# HELP a b\n# TYPE a gauge\na 1\na 1\n", 1),
        "standard input:4: the same series of `a` twice\n"
    );
    let document: serde_json::Value =
        serde_json::from_str(&says(&["check", "--json", "-"], "a 1", 1)).unwrap();
    assert_eq!(document["holds"], false);
    assert_eq!(document["findings"][0]["line"], 1);
    run(&["check", "/nonexistent"], "", 3);
    // A page that could not be fetched is no page in order.
    run(&["check", "-"], "\n", 3);
}

#[test]
fn wrong_flags_are_refused() {
    run(&["rules", "--memory", "supervisor"], "", 2);
    run(&["serve"], "", 2);
    run(&["serve", "--process", "a=name:b"], "", 2);
    run(&["serve", "--process", "a=pid:1", "--process", "a=pid:2"], "", 2);
    run(&["rules", "--config", "/nonexistent.toml"], "", 2);
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn processes_are_served_and_pass_the_own_check() {
    let process = format!("me=pid:{}", std::process::id());
    let arguments = [
        "serve",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--process",
        &process,
        "--process",
        "gone=pid:4294967295",
    ];
    let mut server =
        Server(program(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let address = lines
        .find_map(|line| {
            Some(line.unwrap().split_once("\"listen\": \"")?.1.trim_end_matches('"').to_owned())
        })
        .unwrap();

    let answer = get(&address, "/metrics?process=me");
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    assert!(page.contains("\nprocess_resident_memory_bytes "), "{page}");
    assert_eq!(says(&["check", "-"], page, 0), "");

    assert!(get(&address, "/metrics?process=gone").starts_with("HTTP/1.1 503"));
    assert!(get(&address, "/metrics?process=other").starts_with("HTTP/1.1 404"));
    let answer = get(&address, "/metrics");
    assert!(answer.contains("evenkeel_process_resident_memory_bytes{process=\"me\"} "), "{answer}");
    assert!(!answer.contains("process=\"gone\""), "{answer}");

    let port_in_use = ["serve", "--listen", &address, "--process", "a=pid:1"];
    run(&port_in_use, "", 3);
}
