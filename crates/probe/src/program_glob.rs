use std::fmt;

use evenkeel_supervisord::Program;
use globset::{Glob, GlobMatcher};

/// Chooses programs of supervisord by name.
///
/// Matched on `name`, `group:name`, and what calls take (see [`Program::full_name`]): `*` is every program, `web:*` a
/// group, `worker_*` the processes of a program with several.
#[derive(Clone)]
pub struct ProgramGlob {
    source: String,
    matcher: GlobMatcher,
    exact: bool,
}

/// A glob that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{glob}` is no pattern for names: {reason}")]
pub struct GlobError {
    glob: String,
    reason: String,
}

impl ProgramGlob {
    /// Compiles `source`.
    pub fn try_new(source: &str) -> Result<Self, GlobError> {
        let fail = |reason: String| GlobError { glob: source.to_owned(), reason };
        if source.is_empty() {
            return Err(fail("it is empty".to_owned()));
        }
        let glob = Glob::new(source).map_err(|error| fail(error.kind().to_string()))?;
        let exact = !source.contains(['*', '?', '[', '{', '\\']);
        Ok(Self { source: source.to_owned(), matcher: glob.compile_matcher(), exact })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The one name it stands for, if it is a name and not a pattern.
    pub fn exact_name(&self) -> Option<&str> {
        self.exact.then_some(self.source.as_str())
    }

    /// Whether it chooses what has this name.
    pub(crate) fn matches_name(&self, name: &str) -> bool {
        self.matcher.is_match(name)
    }

    /// Whether it chooses `program`.
    pub fn matches(&self, program: &Program) -> bool {
        self.matcher.is_match(&program.name)
            || self.matcher.is_match(format!("{}:{}", program.group, program.name))
    }
}

impl PartialEq for ProgramGlob {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for ProgramGlob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ProgramGlob({:?})", self.source)
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_supervisord::ProgramState;

    use super::*;

    fn program(group: &str, name: &str) -> Program {
        Program {
            group: group.to_owned(),
            name: name.to_owned(),
            state: ProgramState::Running,
            pid: None,
            exit_status: 0,
            spawn_error: String::new(),
            uptime: None,
            never_started: false,
            started: 1,
        }
    }

    #[track_caller]
    fn check(glob: &str, group: &str, name: &str, expected: bool) {
        let glob = ProgramGlob::try_new(glob).unwrap();
        assert_eq!(glob.matches(&program(group, name)), expected, "{glob:?} {group}:{name}");
    }

    #[test]
    fn programs_are_chosen_by_name_group_or_both() {
        check("*", "web", "worker_01", true);
        check("web:*", "web", "worker_01", true);
        check("web:*", "db", "worker_01", false);
        check("worker_*", "web", "worker_01", true);
        check("cron", "cron", "cron", true);
        check("cron", "cron", "cron2", false);
        check("cron:cron", "cron", "cron", true);
    }

    #[test]
    fn a_name_is_told_from_a_pattern() {
        assert_eq!(ProgramGlob::try_new("web:api").unwrap().exact_name(), Some("web:api"));
        assert_eq!(ProgramGlob::try_new("web:*").unwrap().exact_name(), None);
    }

    #[test]
    fn a_bad_glob_says_what_is_wrong() {
        assert!(
            ProgramGlob::try_new("web[")
                .unwrap_err()
                .to_string()
                .starts_with("`web[` is no pattern")
        );
        assert!(ProgramGlob::try_new("").is_err());
    }
}
