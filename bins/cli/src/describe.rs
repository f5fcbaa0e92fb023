//! What a program says of its own command line to other programs: completions for shells, and pages for man.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::{CommandFactory, Parser, ValueEnum};
use clap_complete::Shell;

use crate::output::print_error;
use crate::{Exit, Failure};

/// The first argument by which one program of evenkeel asks another; no person needs it.
pub const DESCRIBE: &str = "--describe";

/// The flags and commands of this program, read from the command line; ends the program where they are wrong.
///
/// As [`try_parse`] besides.
pub fn parse<Args: Parser>() -> Args {
    try_parse().unwrap_or_else(|error| error.exit())
}

/// The flags and commands of this program, read from the command line.
///
/// With [`DESCRIBE`] as its first argument the program describes itself instead, and ends: `completions SHELL` on standard
/// output, `man DIR` as files.
#[expect(clippy::exit, reason = "as clap itself does for --help")]
pub fn try_parse<Args: Parser>() -> Result<Args, clap::Error> {
    let mut given = std::env::args_os().skip(1);
    if given.next().is_some_and(|first| first == DESCRIBE) {
        let asked: Vec<OsString> = given.collect();
        let program = Args::command().get_name().to_owned();
        let described = describe::<Args>(&asked).map_err(|error| {
            print_error(&program, &error.to_string());
            error.exit() as i32
        });
        std::process::exit(described.err().unwrap_or(Exit::Holds as i32));
    }
    Args::try_parse()
}

fn describe<Args: CommandFactory>(asked: &[OsString]) -> Result<(), Failure> {
    let word = |at: usize| asked.get(at).and_then(|word| word.to_str());
    match (word(0), word(1)) {
        (Some("completions"), Some(shell)) => {
            let shell = Shell::from_str(shell, true).map_err(Failure::usage)?;
            completions::<Args>(shell)
        }
        (Some("man"), Some(_)) => man::<Args>(Path::new(&asked[1])),
        _ => Err(Failure::usage(format!("`{DESCRIBE}` takes `completions SHELL` or `man DIR`"))),
    }
}

/// Prints what a shell needs to complete the command line of this program.
pub fn completions<Args: CommandFactory>(shell: Shell) -> Result<(), Failure> {
    let mut command = Args::command();
    let name = command.get_name().to_owned();
    // What clap_complete 4.6 writes for bash takes a program's name with a dash for a command and its own command: nothing of its
    // commands is completed then. So it gets a name without, which only the line that registers the function shows.
    let plain = name.replace('-', "_");
    let called = if shell == Shell::Bash { &plain } else { &name };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, called, &mut script);
    let mut script = String::from_utf8(script).map_err(|error| Failure::refused(&error))?;
    if shell == Shell::Bash {
        script = script.replace(&format!(" {plain}\n"), &format!(" {name}\n"));
    }
    // A reader that has gone away (`| head`) is no error.
    let _ = io::stdout().lock().write_all(script.as_bytes());
    Ok(())
}

/// Writes a page for this program, and one for each of its commands, into a directory, which is made if it is not there.
pub fn man<Args: CommandFactory>(dir: &Path) -> Result<(), Failure> {
    let command = Args::command().disable_help_subcommand(true);
    #[expect(clippy::disallowed_methods, reason = "the caller names the directory")]
    let made = std::fs::create_dir_all(dir);
    made.and_then(|()| clap_mangen::generate_to(command, dir)).map_err(|error| {
        Failure::refused_because(format!(
            "cannot write pages into `{}`: {error}",
            crate::escaped_path(dir)
        ))
    })
}

/// Has another program of evenkeel, which lies beside this one or is found in `PATH`, describe itself.
///
/// Fails if it is not there, or says that it cannot.
pub fn ask(program: &str, words: &[OsString]) -> Result<(), Failure> {
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(program)));
    let beside = beside.filter(|path| path.is_file());
    let path = beside.unwrap_or_else(|| program.into());
    let ended = std::process::Command::new(&path).arg(DESCRIBE).args(words).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::refused_because(format!("{program}: {status}"))),
        Err(error) => Err(Failure::refused_because(format!(
            "cannot ask {program}, neither beside this program nor in PATH: {error}"
        ))),
    }
}
