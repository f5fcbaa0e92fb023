//! Prometheus's own tool, as a judge.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// `None`, said aloud, where the tool is not installed; in CI that is a failure.
pub(crate) fn promtool(arguments: &[&str]) -> Option<Command> {
    if Command::new("promtool").arg("--version").output().is_err() {
        let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!in_ci, "`promtool` is not installed: run `cargo xtask test` as root");
        #[expect(
            clippy::print_stderr,
            reason = "a test that is left out must not look like one that passed"
        )]
        {
            eprintln!("LEFT OUT: `promtool` is not installed");
        }
        return None;
    }
    let mut command = Command::new("promtool");
    command.args(arguments);
    Some(command)
}

/// Gives it `input`, and panics with what it says if it finds a fault.
#[track_caller]
pub(crate) fn accepts(command: &mut Command, input: &str) {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(output.status.success(), "{}\n{input}", said.concat());
}

/// A metrics page, as `promtool check metrics` sees it.
#[track_caller]
pub(crate) fn accepts_page(page: &str) {
    if let Some(mut promtool) = promtool(&["check", "metrics"]) {
        accepts(&mut promtool, page);
    }
}
