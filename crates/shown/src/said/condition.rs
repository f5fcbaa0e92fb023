#![expect(missing_docs, reason = "a field is named after what it is")]

use std::fmt::{self, Display};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a measured fact breaks; figures stand there as they are written, with their units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionCode {
    NotMeasured {
        field: String,
    },
    /// The fact is of a kind that the condition is not for.
    CannotBe {
        field: String,
        value: String,
        relation: Relation,
    },
    Is {
        field: String,
        value: String,
        relation: Relation,
    },
    /// A number that was not compared with another one.
    Number {
        field: String,
        value: String,
    },
    /// A limit that a trend leads to is reached.
    AtLimit {
        field: String,
        value: String,
        limit: String,
    },
    Body(Relation),
    Trend {
        field: String,
        value: String,
        falls: bool,
        per_hour: String,
        seen_for: String,
        limit: String,
        likely: String,
        earliest: String,
        latest: String,
    },
}

/// How a fact stands to what the condition names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    Above(String),
    Below(String),
    NotBelow(String),
    NotAbove(String),
    EqualTo(String),
    Not(String),
    MatchedBy(String),
    NotMatchedBy(String),
    AtWithin { limit: String, within: Duration },
}

impl Display for ConditionCode {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMeasured { field } => write!(to, "`{field}` was not measured"),
            Self::CannotBe { field, value, relation } => {
                write!(to, "`{field}` is {value}, which cannot be {relation}")
            }
            Self::Is { field, value, relation } => write!(to, "{field} is {value}, {relation}"),
            Self::Number { field, value } => write!(to, "{field} is {value}"),
            Self::AtLimit { field, value, limit } => {
                write!(to, "{field} is {value}, the limit is {limit}")
            }
            Self::Body(Relation::MatchedBy(pattern)) => write!(to, "the body matches `{pattern}`"),
            Self::Body(Relation::NotMatchedBy(pattern)) => {
                write!(to, "the body does not match `{pattern}`")
            }
            Self::Body(other) => write!(to, "the body is {other}"),
            Self::Trend {
                field,
                value,
                falls,
                per_hour,
                seen_for,
                limit,
                likely,
                earliest,
                latest,
            } => {
                let how = if *falls { "falls" } else { "rises" };
                write!(
                    to,
                    "{field} is {value} and {how} by {per_hour} an hour, seen for {seen_for}: at {limit} in {likely} ({earliest} to {latest})"
                )
            }
        }
    }
}

/// Reads after "is".
impl Display for Relation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above(limit) => write!(to, "above {limit}"),
            Self::Below(limit) => write!(to, "below {limit}"),
            Self::NotBelow(limit) => write!(to, "not below {limit}"),
            Self::NotAbove(limit) => write!(to, "not above {limit}"),
            Self::EqualTo(value) => write!(to, "equal to {value}"),
            Self::Not(value) => write!(to, "not {value}"),
            Self::MatchedBy(pattern) => write!(to, "matched by `{pattern}`"),
            Self::NotMatchedBy(pattern) => write!(to, "not matched by `{pattern}`"),
            Self::AtWithin { limit, within } => write!(to, "at {limit} within {within:?}"),
        }
    }
}
