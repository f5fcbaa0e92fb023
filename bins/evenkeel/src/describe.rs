use std::ffi::OsString;
use std::path::Path;

use evenkeel_cli::{Exit, Failure, describe};

use crate::args::{Args, Completions, OTHERS};
use crate::manual;

/// `evenkeel completions`: this program's own, or those of another one, which says them itself.
pub(crate) fn completions(args: &Completions) -> Result<Exit, Failure> {
    let other = args.program.as_deref().filter(|program| *program != "evenkeel");
    match other {
        None => describe::completions::<Args>(args.shell)?,
        Some(program) => {
            let words = ["completions".to_owned(), args.shell.to_string()].map(OsString::from);
            describe::ask(program, &words)?;
        }
    }
    Ok(Exit::Holds)
}

/// `evenkeel man`: pages of all programs and of the settings; those that are there are written also where one is not.
pub(crate) fn man(dir: &Path) -> Result<Exit, Failure> {
    describe::man::<Args>(dir)?;
    manual::write(dir)?;
    let words = [OsString::from("man"), dir.as_os_str().to_owned()];
    let asked: Vec<_> = OTHERS.iter().map(|program| describe::ask(program, &words)).collect();
    asked.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(Exit::Holds)
}
