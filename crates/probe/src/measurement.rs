use std::fmt;
use std::time::Duration;

use evenkeel_shown::said::Said;
use serde::{Serialize, Serializer};

use crate::Facts;

/// What one attempt found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measurement {
    /// From start to end, or to the deadline.
    #[serde(rename = "took_seconds", serialize_with = "as_seconds")]
    pub took: Duration,
    /// Whether the target does what it is for.
    pub outcome: Outcome,
    /// What was seen; may hold something also when the outcome is not good.
    pub facts: Facts,
    /// What the target consists of and is judged one by one: the programs of a supervisor.
    pub parts: Vec<Part>,
}

/// Whether a target does what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", content = "failure", rename_all = "snake_case")]
pub enum Outcome {
    /// It does.
    Good,
    /// It does not.
    Bad(Failure),
    /// It could not be looked at. Not the target's fault as far as is known, and no reason to act on it.
    Unknown(Failure),
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The kind, from a short closed list, fit for a label.
    pub class: FailureClass,
    /// In words, for people.
    pub detail: Said,
}

/// Kind of a failure; the label `reason` of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureClass {
    /// The name was not resolved.
    Dns,
    /// The connection was refused or reset.
    Refused,
    /// There was no answer in time.
    Timeout,
    /// No trusted TLS session came about.
    Tls,
    /// The HTTP status is not one of those wanted.
    Status,
    /// The answer is malformed, or its content is not what is wanted.
    Body,
    /// The program or command failed.
    Exit,
    /// A measured value is beyond its limit.
    Limit,
    /// By its trend a measured value will be beyond its limit before long.
    Leak,
    /// What is looked at, or what is needed to look, is not there.
    Missing,
    /// Looking is not permitted.
    Denied,
}

/// One part of a target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// Its name, as an action would name it.
    pub name: String,
    /// Whether it does what it is for.
    pub outcome: Outcome,
    /// What was seen of it.
    pub facts: Facts,
}

impl Outcome {
    /// The target does not do what it is for.
    pub fn bad(class: FailureClass, detail: impl Into<Said>) -> Self {
        Self::Bad(Failure { class, detail: detail.into() })
    }

    /// The target could not be looked at.
    pub fn unknown(class: FailureClass, detail: impl Into<Said>) -> Self {
        Self::Unknown(Failure { class, detail: detail.into() })
    }

    /// What went wrong, if anything did.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Good => None,
            Self::Bad(failure) | Self::Unknown(failure) => Some(failure),
        }
    }
}

impl FailureClass {
    /// Every class, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Dns,
        Self::Refused,
        Self::Timeout,
        Self::Tls,
        Self::Status,
        Self::Body,
        Self::Exit,
        Self::Limit,
        Self::Missing,
        Self::Denied,
        Self::Leak,
    ];

    /// The word that metrics and documents use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Status => "status",
            Self::Body => "body",
            Self::Exit => "exit",
            Self::Limit => "limit",
            Self::Leak => "leak",
            Self::Missing => "missing",
            Self::Denied => "denied",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for FailureClass {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.class, self.detail)
    }
}

fn as_seconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_reads_well_as_json() {
        let measurement = Measurement {
            took: Duration::from_millis(12),
            outcome: Outcome::bad(FailureClass::Status, "status 500"),
            facts: [("status", 500)].into_iter().collect(),
            parts: vec![Part {
                name: "web".into(),
                outcome: Outcome::Good,
                facts: Facts::default(),
            }],
        };
        let expected = serde_json::json!({
            "took_seconds": 0.012,
            "outcome": { "result": "bad", "failure": { "class": "status", "detail": "status 500" } },
            "facts": { "status": 500.0 },
            "parts": [{ "name": "web", "outcome": { "result": "good" }, "facts": {} }],
        });
        assert_eq!(serde_json::to_value(&measurement).unwrap(), expected);
    }

    #[test]
    fn no_two_classes_share_a_word() {
        let words: std::collections::BTreeSet<_> =
            FailureClass::ALL.into_iter().map(FailureClass::as_str).collect();
        assert_eq!(words.len(), FailureClass::ALL.len());
    }
}
