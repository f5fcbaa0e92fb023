use std::fmt;

use crate::text::plain;

/// How a job of systemd ended. Source: `org.freedesktop.systemd1(5)`, `JobRemoved`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobEnd {
    /// It did what it is for. A unit whose conditions are not met is also `done`, and does not run.
    Done,
    /// Another job took its place, or someone cancelled it.
    Canceled,
    /// The job itself (not the unit) took too long.
    TimedOut,
    /// The unit did not start, or did not stop.
    Failed,
    /// A unit that it needs did not start.
    Dependency,
    /// It does not apply to the unit as it is now.
    Skipped,
    /// Another end, in systemd's own word.
    Other(String),
}

impl JobEnd {
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "done" => Self::Done,
            "canceled" => Self::Canceled,
            "timeout" => Self::TimedOut,
            "failed" => Self::Failed,
            "dependency" => Self::Dependency,
            "skipped" => Self::Skipped,
            other => Self::Other(plain(other)),
        }
    }

    /// systemd's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Done => "done",
            Self::Canceled => "canceled",
            Self::TimedOut => "timeout",
            Self::Failed => "failed",
            Self::Dependency => "dependency",
            Self::Skipped => "skipped",
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for JobEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_the_word_it_came_with() {
        for word in ["done", "canceled", "timeout", "failed", "dependency", "skipped", "collected"]
        {
            assert_eq!(JobEnd::of(word).as_str(), word);
        }
    }
}
