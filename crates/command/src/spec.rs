use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// How much of each output stream is kept unless a command says otherwise.
pub const DEFAULT_OUTPUT_LIMIT: usize = 16 * 1024;

/// A program to run, with its arguments; no shell is involved.
///
/// `Debug` leaves the values of `env` and what is on `stdin` out: they may be secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandSpec {
    /// The program first, then its arguments. A program without a slash is looked up in `PATH`.
    pub argv: Vec<OsString>,
    /// Variables added to the inherited environment, from which what a service manager told the caller is taken, and what
    /// [`keep_from_commands`](crate::keep_from_commands) names.
    pub env: Vec<(OsString, OsString)>,
    /// Where to run it; the caller's own directory if none.
    pub cwd: Option<PathBuf>,
    /// Whose rights it has; the caller's own if none. Takes the rights of root, and leaves no other group.
    pub run_as: Option<RunAs>,
    /// What it finds on its standard input, which then ends; nothing if empty. What it does not read is lost to it.
    pub stdin: Vec<u8>,
    /// How many bytes of each output stream are kept; the rest is read and dropped.
    pub output_limit: usize,
}

/// A user and group to run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunAs {
    /// The user.
    pub uid: u32,
    /// The only group.
    pub gid: u32,
}

impl CommandSpec {
    /// A command with the caller's environment and directory and the default output limit.
    pub fn new<Word: Into<OsString>>(argv: impl IntoIterator<Item = Word>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            cwd: None,
            run_as: None,
            stdin: Vec::new(),
            output_limit: DEFAULT_OUTPUT_LIMIT,
        }
    }

    /// The same command with `name` set to `value` in its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }
}

impl fmt::Debug for CommandSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        formatter
            .debug_struct("CommandSpec")
            .field("argv", &self.to_string())
            .field("env", &names)
            .field("cwd", &self.cwd)
            .field("run_as", &self.run_as)
            .field("stdin_bytes", &self.stdin.len())
            .field("output_limit", &self.output_limit)
            .finish()
    }
}

/// The words as one would type them, with secrets hidden, for people; not for a shell to read back.
impl fmt::Display for CommandSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.argv.iter().map(|word| word.to_string_lossy()).collect();
        formatter.write_str(&evenkeel_shown::redact(&words.join(" ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_variables_do_not_show() {
        let spec = CommandSpec::new(["true"]).env("TOKEN", "hunter2");
        assert!(!format!("{spec:?}").contains("hunter2"));
        assert!(format!("{spec:?}").contains("TOKEN"));
    }

    #[test]
    fn a_secret_among_the_words_does_not_show() {
        let spec = CommandSpec::new(["curl", "-H", "X-Api-Key: hunter2", "http://u:hunter2@h/"]);
        assert_eq!(spec.to_string(), "curl -H X-Api-Key: *** http://u:***@h/");
        assert!(!format!("{spec:?}").contains("hunter2"));
    }

    #[test]
    fn a_command_reads_as_it_is_typed() {
        assert_eq!(CommandSpec::new(["ls", "-l", "/"]).to_string(), "ls -l /");
    }
}
