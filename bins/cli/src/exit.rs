use std::error::Error;
use std::fmt::{self, Display};
use std::process::ExitCode;

use crate::Common;
use evenkeel_shown::chain;

/// How a program ended; the only exit codes of evenkeel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything holds, or was made to hold.
    Holds = 0,
    /// Something does not hold: drift found, a check down, a repair failed.
    Deviates = 1,
    /// The command line or the settings are wrong.
    Usage = 2,
    /// The work could not be done or was refused.
    Refused = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a program could not do its work, and the exit code that says so.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// The command line or the settings are wrong; `message` may have several lines.
    pub fn usage(message: impl Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }

    /// The work could not be done; the error's chain of sources is shown once, joined by colons.
    pub fn refused(error: &dyn Error) -> Self {
        Self { exit: Exit::Refused, message: chain(error) }
    }

    /// The work could not be done, in words.
    pub fn refused_because(message: impl Display) -> Self {
        Self { exit: Exit::Refused, message: message.to_string() }
    }

    /// The exit code that this failure gives.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// Sets up logging, does `work`, prints its one error to standard error, and says how to exit.
pub fn run(
    program: &str,
    common: &Common,
    work: impl FnOnce() -> Result<Exit, Failure>,
) -> ExitCode {
    common.init();
    evenkeel_command::use_all_descriptors();
    match work() {
        Ok(exit) => exit.into(),
        Err(failure) => {
            crate::output::print_error(program, &failure.message);
            failure.exit.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug)]
    struct Outer(io::Error);

    impl Display for Outer {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("cannot open `x`")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn an_error_is_shown_with_its_sources_once() {
        let failure = Failure::refused(&Outer(io::Error::other("no such disk")));
        assert_eq!(failure.to_string(), "cannot open `x`: no such disk");
        assert_eq!(failure.exit(), Exit::Refused);
    }
}
