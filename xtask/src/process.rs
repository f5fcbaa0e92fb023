//! Running other programs, with the command shown first.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::{Outcome, root};

/// Runs `program` at the top of the work tree with its output shown; fails unless it exits with 0.
pub(crate) fn run(program: &str, args: &[&str]) -> Outcome {
    run_with(program, args, &[])
}

/// As [`run`], with these environment variables set besides.
pub(crate) fn run_with(program: &str, args: &[&str], env: &[(&str, &str)]) -> Outcome {
    println!("\n$ {program} {}", args.join(" "));
    let status = command(program)
        .args(args)
        .envs(env.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|error| format!("cannot run `{program}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{program} {}`: {status}", args.join(" "))) }
}

/// Standard output of a program that must exit with 0; its standard error is part of the failure.
pub(crate) fn output<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: &[A],
) -> Result<String, String> {
    let program = program.as_ref();
    let shown = program.to_string_lossy();
    let output = command(program)
        .args(args)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run `{shown}`: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let arguments: Vec<_> = args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect();
    Err(format!(
        "`{shown} {}`: {}\n{}{}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// A command without what cargo told this program of its own package. A build script that asks for one of these (ring's does) would run anew, and all
/// that depends on its crate be built anew, whenever cargo is called in turns from here and from a shell.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_of_this_package) {
            command.env_remove(name);
        }
    }
    command
}

fn is_of_this_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|of_it| variable.starts_with(of_it))
}

/// Whether a program of that name is on the search path.
pub(crate) fn exists(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_a_failure_with_its_own_words() {
        let problem = output("sh", &["-c", "echo why >&2; exit 3"]).unwrap_err();
        assert!(problem.contains("exit status: 3") && problem.contains("why"), "{problem}");
    }

    #[test]
    fn what_is_run_knows_nothing_of_the_package_that_runs_it() {
        assert!(std::env::vars().any(|(name, _)| is_of_this_package(&name)), "cargo tells a test");
        let told = output("env", &[] as &[&str]).unwrap();
        let of_it: Vec<_> = told.lines().filter(|line| is_of_this_package(line)).collect();
        assert_eq!(of_it, [""; 0]);
        assert!(told.lines().any(|line| line.starts_with("PATH=")), "{told}");
    }

    #[test]
    fn a_program_that_is_not_there_does_not_exist() {
        assert!(exists("sh"));
        assert!(!exists("no-such-program-of-evenkeel"));
    }
}
