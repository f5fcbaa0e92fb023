//! What an operator orders, and what he names.

use evenkeel_moment::Moment;
use serde::{Deserialize, Serialize};

/// An order of an operator. Whether its target exists is asked first, with [`Engine::knows_target`](crate::Engine::knows_target).
///
/// A target is a recovery's name (the whole and every part), `recovery/part`, a check's name (every recovery that listens to
/// it), or `*` for the whole host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum Order {
    /// Do nothing about the target: no action, and no new incident. What was ordered for it before is replaced.
    Hold {
        /// The target.
        target: String,
        /// When the hold ends by itself; `None`: not before it is released.
        until: Option<Moment>,
        /// Why.
        reason: String,
        /// Who ordered it.
        by: String,
    },
    /// End a hold.
    Release {
        /// The target, as the hold named it.
        target: String,
        /// Who ordered it.
        by: String,
    },
    /// Give the target a fresh try: its ladder starts at its foot, after a fresh look. Budgets are not refunded.
    Reset {
        /// The target.
        target: String,
        /// Who ordered it.
        by: String,
    },
}

/// A hold that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The target, as the order named it.
    pub target: String,
    /// When it was ordered.
    pub since: Moment,
    /// When it ends by itself; `None`: not before it is released.
    pub until: Option<Moment>,
    /// Why.
    pub reason: String,
    /// Who ordered it.
    pub by: String,
}

/// A name that is no target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTarget {
    /// The name that was given.
    pub name: String,
    /// The target that was probably meant.
    pub nearest: Option<String>,
    /// Every target there is: recoveries, their parts, checks.
    pub known: Vec<String>,
}

/// What stands for the whole host.
pub const WHOLE_HOST: &str = "*";

/// An error names so many targets at most.
const NAMED: usize = 12;

impl Order {
    /// The target that it names.
    pub fn target(&self) -> &str {
        match self {
            Self::Hold { target, .. }
            | Self::Release { target, .. }
            | Self::Reset { target, .. } => target,
        }
    }
}

impl UnknownTarget {
    pub(crate) fn new(name: &str, known: Vec<String>) -> Self {
        let nearest = evenkeel_config::nearest(name, known.iter().map(String::as_str));
        Self { name: name.to_owned(), nearest: nearest.map(str::to_owned), known }
    }
}

impl std::fmt::Display for UnknownTarget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "there is no target `{}`", self.name.escape_debug())?;
        if let Some(nearest) = &self.nearest {
            write!(formatter, "; did you mean `{nearest}`?")?;
        }
        let some: Vec<_> = self.known.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        let more = self.known.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        write!(formatter, " (accepted: `{WHOLE_HOST}`")?;
        for name in some {
            write!(formatter, ", {name}")?;
        }
        write!(formatter, "{more})")
    }
}

impl std::error::Error for UnknownTarget {}

/// Whether what an order named as `named` takes in the target `id` of the recovery `recovery`, which listens to `when`.
pub(crate) fn covers(named: &str, recovery: &str, when: &[String], id: &str) -> bool {
    named == WHOLE_HOST
        || named == recovery
        || named == id
        || when.iter().any(|check| check == named)
}
