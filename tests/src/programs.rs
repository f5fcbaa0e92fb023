use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{LONG, Scratch, until_some};

/// All programs that are shipped.
pub const PROGRAMS: [&str; 6] = [
    "evenkeel",
    "evenkeel-permissions",
    "evenkeel-cleanup",
    "evenkeel-probe",
    "evenkeel-recovery",
    "evenkeel-metrics",
];

/// A program that ran to its end.
#[derive(Debug)]
pub struct Finished {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Finished {
    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not one JSON document: {error}: {self:?}"))
    }
}

/// A built program of this workspace, such as `evenkeel-probe`.
///
/// # Panics
/// If it is not built.
pub fn find_bin(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    // target/PROFILE/deps/TEST, or target/PROFILE/PROGRAM
    let folder = test.parent().expect("a program is in a folder");
    let profile = if folder.ends_with("deps") { folder.parent() } else { Some(folder) };
    let path = profile.expect("`deps` is in a folder").join(name);
    assert!(path.is_file(), "`{}` is not built: run `cargo xtask test`", path.display());
    path
}

/// Whether `program` is installed.
pub fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether `program` is installed. In CI a missing one is a failure; elsewhere the test is left out, and says so.
pub fn installed(program: &str) -> bool {
    exists(program) || left_out(&format!("`{program}` is not installed"))
}

/// Whether this is root, who may mount. In CI it must be; elsewhere the test is left out, and says so.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root() || left_out("this is not root")
}

#[expect(
    clippy::print_stderr,
    reason = "a test that is left out must not look like one that passed"
)]
pub(crate) fn left_out(why: &str) -> bool {
    let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!in_ci, "{why}: run `cargo xtask test` as root");
    eprintln!("LEFT OUT: {why}");
    false
}

/// Runs `evenkeel` with these arguments to its end.
pub fn evenkeel<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Finished {
    run(find_bin("evenkeel"), args, None)
}

/// Runs `evenkeel` with the words of a command and one file of settings to its end.
pub fn ask(words: &[&str], config: &Path) -> Finished {
    let config = ["--config".as_ref(), config.as_os_str()];
    evenkeel(words.iter().map(OsStr::new).chain(config))
}

/// Runs a program to its end, in `folder` if one is given.
pub fn run<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = A>,
    folder: Option<&Path>,
) -> Finished {
    run_within(LONG, program, args, folder)
}

/// As [`run`]; panics if the program is not done after `deadline`.
pub fn run_within<A: AsRef<OsStr>>(
    deadline: Duration,
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = A>,
    folder: Option<&Path>,
) -> Finished {
    // Output goes to files: a program that writes much never waits for its reader, and one that hangs can be ended.
    let output = Scratch::new();
    let open = |name| File::create(output.join(name)).expect("a file can be written");
    let mut command = Command::new(&program);
    command.args(args).stdin(Stdio::null()).stdout(open("out")).stderr(open("err"));
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run `{}`: {error}", program.as_ref().display()));
    let read = |name| {
        String::from_utf8_lossy(&std::fs::read(output.join(name)).unwrap_or_default()).into_owned()
    };
    let started = std::time::Instant::now();
    let status =
        until_some(&format!("`{}` ends", program.as_ref().display()), deadline * 2, || {
            if started.elapsed() > deadline {
                let _ = child.kill();
                let _ = child.wait();
                panic!(
                    "`{}` runs for more than {deadline:?}\n{}\n{}",
                    program.as_ref().display(),
                    read("out"),
                    read("err")
                );
            }
            child.try_wait().expect("an own child can be waited for")
        });
    Finished { code: status.code(), stdout: read("out"), stderr: read("err") }
}
