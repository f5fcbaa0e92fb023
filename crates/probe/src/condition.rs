use std::fmt;
use std::time::Duration;

use evenkeel_shown::Unit;
use evenkeel_shown::said::{ConditionCode, Relation, Said};

use crate::field::{BODY, EXIT_CODE, HEADER_FIELD, RESPONSE, STATUS};
use crate::{Facts, FailureClass, Pattern, Value};

/// A rule about one fact. It names the fault: it is breached when its test holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The fact, one of [`Target::fields`](crate::Target::fields).
    pub field: String,
    /// What must not be so.
    pub test: Test,
    /// How long it must have been so without a break; at once if none. Kept by whoever counts results over time.
    pub sustained_for: Option<Duration>,
}

/// What makes a fact a fault.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Test {
    /// The number is greater.
    Above(f64),
    /// The number is smaller.
    Below(f64),
    /// The number is this or greater.
    AtLeast(f64),
    /// The number is this or smaller.
    AtMost(f64),
    /// The value is this.
    Equals(Value),
    /// The value is another.
    Differs(Value),
    /// The pattern is found in the text.
    Matches(Pattern),
    /// The pattern is not found in the text.
    Lacks(Pattern),
    /// The number is at its limit or beyond it, or will be within some time by its trend. Here only the first is looked at;
    /// the trend is told by whoever counts results over time.
    Reaches {
        /// The limit.
        limit: f64,
        /// How far ahead is looked.
        within: Duration,
        /// Whether the number comes to the limit from above.
        falling: bool,
    },
}

/// A condition that is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Which of the conditions, by its place among them.
    pub condition: usize,
    /// What kind of failure it is.
    pub class: FailureClass,
    /// In words, for people.
    pub detail: Said,
}

/// Which of `conditions` the facts break. How long they have is not looked at here.
///
/// A fact that was not measured, or is of the wrong kind, breaks its condition, and the detail says so: a rule that can
/// never be judged must not pass for one that holds. Good measurements have every field of their target's kind, so this
/// takes a field that the settings should have refused.
pub fn breaches(conditions: &[Condition], facts: &Facts) -> Vec<Breach> {
    let breach = |(place, condition): (usize, &Condition)| {
        let class = class_of(&condition.field);
        Some(Breach { condition: place, class, detail: condition.fault(facts)?.into() })
    };
    conditions.iter().enumerate().filter_map(breach).collect()
}

impl Condition {
    /// What is wrong, in words; `None` if nothing is.
    fn fault(&self, facts: &Facts) -> Option<ConditionCode> {
        let field = || self.field.clone();
        let Some(value) = facts.get(&self.field) else {
            return Some(ConditionCode::NotMeasured { field: field() });
        };
        match (&self.test, value) {
            (Test::Above(limit), Value::Number(number)) => number > limit,
            (Test::Below(limit), Value::Number(number)) => number < limit,
            (
                Test::AtLeast(limit) | Test::Reaches { limit, falling: false, .. },
                Value::Number(number),
            ) => number >= limit,
            (
                Test::AtMost(limit) | Test::Reaches { limit, falling: true, .. },
                Value::Number(number),
            ) => number <= limit,
            (Test::Equals(other), _) if alike(value, other) => value == other,
            (Test::Differs(other), _) if alike(value, other) => value != other,
            (Test::Matches(pattern), Value::Text(text)) => pattern.is_match(text),
            (Test::Lacks(pattern), Value::Text(text)) => !pattern.is_match(text),
            (test, value) => {
                let (value, relation) = (value.to_string(), test.relation());
                return Some(ConditionCode::CannotBe { field: field(), value, relation });
            }
        }
        .then(|| match (self.field.as_str(), &self.test, value) {
            // The body itself is too long for a line that people read.
            (BODY, test, _) => ConditionCode::Body(test.relation()),
            (_, test, Value::Number(number)) => test.about_number(field(), *number),
            (_, test, value) => ConditionCode::Is {
                field: field(),
                value: value.to_string(),
                relation: test.relation(),
            },
        })
    }
}

impl Test {
    /// The limit that a number is compared with.
    fn limit(&self) -> Option<f64> {
        match self {
            Self::Above(limit)
            | Self::Below(limit)
            | Self::AtLeast(limit)
            | Self::AtMost(limit)
            | Self::Reaches { limit, .. } => Some(*limit),
            Self::Equals(value) | Self::Differs(value) => match value {
                Value::Number(limit) => Some(*limit),
                Value::Text(_) => None,
            },
            Self::Matches(_) | Self::Lacks(_) => None,
        }
    }

    /// What is wrong with a number, in the unit of its field.
    fn about_number(&self, field: String, number: f64) -> ConditionCode {
        let unit = Unit::of_field(&field);
        let Some(limit) = self.limit() else {
            return ConditionCode::Number { field, value: unit.write(number) };
        };
        let (value, limit) = unit.write_beside(number, limit);
        if matches!(self, Self::Reaches { .. }) {
            return ConditionCode::AtLimit { field, value, limit };
        }
        ConditionCode::Is { field, value, relation: self.with_limit(limit) }
    }

    /// With the limit as it was set, without its unit.
    fn relation(&self) -> Relation {
        self.with_limit(match self {
            Self::Above(limit)
            | Self::Below(limit)
            | Self::AtLeast(limit)
            | Self::AtMost(limit)
            | Self::Reaches { limit, .. } => limit.to_string(),
            Self::Equals(value) | Self::Differs(value) => value.to_string(),
            Self::Matches(pattern) | Self::Lacks(pattern) => pattern.to_string(),
        })
    }

    /// With the limit as it is shown.
    fn with_limit(&self, limit: String) -> Relation {
        match self {
            Self::Above(_) => Relation::Above(limit),
            Self::Below(_) => Relation::Below(limit),
            Self::AtLeast(_) => Relation::NotBelow(limit),
            Self::AtMost(_) => Relation::NotAbove(limit),
            Self::Equals(_) => Relation::EqualTo(limit),
            Self::Differs(_) => Relation::Not(limit),
            Self::Matches(_) => Relation::MatchedBy(limit),
            Self::Lacks(_) => Relation::NotMatchedBy(limit),
            Self::Reaches { within, .. } => Relation::AtWithin { limit, within: *within },
        }
    }
}

/// Reads after "is": `above 5`, `not matched by …`.
impl fmt::Display for Test {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.relation().fmt(formatter)
    }
}

fn alike(one: &Value, other: &Value) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

fn class_of(field: &str) -> FailureClass {
    match field {
        STATUS => FailureClass::Status,
        EXIT_CODE => FailureClass::Exit,
        "cert_days" | "cert_expiry_seconds" | "cert_subject" => FailureClass::Tls,
        BODY | RESPONSE | "answer" | "content_type" | "location" | "stdout" | "stderr" => {
            FailureClass::Body
        }
        _ if field.starts_with(HEADER_FIELD) => FailureClass::Body,
        _ => FailureClass::Limit,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts() -> Facts {
        let mut facts: Facts = [("status", 500), ("rss_bytes", 400_000_000)].into_iter().collect();
        facts.set("body", "all is well");
        facts.set("mode", "0644");
        facts
    }

    fn on(field: &str, test: Test) -> Condition {
        Condition { field: field.to_owned(), test, sustained_for: None }
    }

    #[track_caller]
    fn check(field: &str, test: Test, expected: Option<&str>) {
        let found = breaches(&[on(field, test)], &facts());
        assert_eq!(found.first().map(|breach| breach.detail.text()), expected);
    }

    #[test]
    fn each_test_names_the_fault_it_found() {
        let pattern = |text| Pattern::try_new(text).unwrap();
        check("rss_bytes", Test::Above(3e8), Some("rss_bytes is 400 MB, above 300 MB"));
        check("rss_bytes", Test::Above(4e8), None);
        check("rss_bytes", Test::Below(4e8), None);
        check("rss_bytes", Test::AtLeast(4e8), Some("rss_bytes is 400 MB, not below 400 MB"));
        check("rss_bytes", Test::AtMost(4e8), Some("rss_bytes is 400 MB, not above 400 MB"));
        check("status", Test::Differs(200.into()), Some("status is 500, not 200"));
        check("status", Test::Equals(500.into()), Some("status is 500, equal to 500"));
        let reaches =
            |limit, falling| Test::Reaches { limit, within: Duration::from_hours(2), falling };
        check("rss_bytes", reaches(4e8, false), Some("rss_bytes is 400 MB, the limit is 400 MB"));
        check("rss_bytes", reaches(4.1e8, false), None);
        check("rss_bytes", reaches(4.1e8, true), Some("rss_bytes is 400 MB, the limit is 410 MB"));
        check("rss_bytes", reaches(3.9e8, true), None);
        check("mode", Test::Differs("0640".into()), Some("mode is `0644`, not `0640`"));
        check("mode", Test::Differs("0644".into()), None);
        check("body", Test::Matches(pattern("well")), Some("the body matches `well`"));
        check("body", Test::Lacks(pattern("well$")), None);
        check("body", Test::Lacks(pattern("ill")), Some("the body does not match `ill`"));
    }

    #[test]
    fn what_cannot_be_judged_is_a_breach_that_says_so() {
        check("rss", Test::Above(1.0), Some("`rss` was not measured"));
        check("mode", Test::Above(1.0), Some("`mode` is `0644`, which cannot be above 1"));
        check(
            "status",
            Test::Differs("200".into()),
            Some("`status` is 500, which cannot be not `200`"),
        );
    }

    #[test]
    fn a_breach_says_which_condition_and_what_kind() {
        let conditions = [
            on("status", Test::Equals(200.into())),
            on("status", Test::Above(499.0)),
            on("mode", Test::Equals("0644".into())),
        ];
        let found: Vec<_> = breaches(&conditions, &facts())
            .into_iter()
            .map(|breach| (breach.condition, breach.class))
            .collect();
        assert_eq!(found, [(1, FailureClass::Status), (2, FailureClass::Limit)]);
    }

    proptest! {
        #[test]
        fn a_number_is_above_below_or_equal(number in -1e9..1e9f64, limit in -1e9..1e9f64) {
            let facts: Facts = [("x", number)].into_iter().collect();
            let broken = |test| !breaches(&[on("x", test)], &facts).is_empty();
            let outcomes = [
                broken(Test::Above(limit)), broken(Test::Below(limit)), broken(Test::Equals(limit.into())),
            ];
            prop_assert_eq!(outcomes.iter().filter(|broken| **broken).count(), 1);
        }

        #[test]
        fn opposite_tests_never_agree(number in -10..10i32, limit in -10..10i32) {
            let facts: Facts = [("x", number)].into_iter().collect();
            let broken = |test| !breaches(&[on("x", test)], &facts).is_empty();
            let limit = f64::from(limit);
            prop_assert_ne!(broken(Test::Above(limit)), broken(Test::AtMost(limit)));
            prop_assert_ne!(broken(Test::Below(limit)), broken(Test::AtLeast(limit)));
            prop_assert_ne!(broken(Test::Equals(limit.into())), broken(Test::Differs(limit.into())));
        }

        #[test]
        fn without_conditions_nothing_is_broken(number: f64) {
            let facts: Facts = [("x", number)].into_iter().collect();
            prop_assert!(breaches(&[], &facts).is_empty());
        }
    }
}
