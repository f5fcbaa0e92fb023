use evenkeel_cli::{Exit, Unit, escaped, print_json, print_line, print_table};
use evenkeel_probe::{
    Breach, Condition, Facts, FailureClass, Measurement, Outcome, Part, Target, Value, breaches,
};
use serde::Serialize;

/// Whether the target is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Up,
    /// Up, and not as it should be.
    Degraded,
    Down,
    /// It could not be looked at.
    Unknown,
}

/// What is a fault in what is seen of a target that answers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Conditions<'a> {
    /// Where one holds, it is down.
    pub(crate) down: &'a [Condition],
    /// Where one of these holds and none of those, it is degraded.
    pub(crate) degraded: &'a [Condition],
}

/// The last attempt of a series, judged.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) target: &'a Target,
    pub(crate) conditions: Conditions<'a>,
    pub(crate) attempts: u32,
    pub(crate) measurement: Measurement,
    pub(crate) breaches: Vec<Breach>,
    shortfalls: Vec<Breach>,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    kind: &'static str,
    target: String,
    verdict: Verdict,
    reasons: Vec<String>,
    attempts: u32,
    #[serde(flatten)]
    measurement: &'a Measurement,
}

impl<'a> Report<'a> {
    pub(crate) fn new(
        target: &'a Target,
        conditions: Conditions<'a>,
        attempts: u32,
        measurement: Measurement,
    ) -> Self {
        let judge = |conditions: &[Condition]| match measurement.outcome {
            Outcome::Good => breaches(conditions, &measurement.facts),
            // There is nothing to judge, or it is already judged.
            Outcome::Bad(_) | Outcome::Unknown(_) => Vec::new(),
        };
        let (breaches, shortfalls) = (judge(conditions.down), judge(conditions.degraded));
        Self { target, conditions, attempts, measurement, breaches, shortfalls }
    }

    /// A part that cannot be told, such as a program stopped on purpose, takes nothing from the whole.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.measurement.outcome {
            Outcome::Unknown(_) => Verdict::Unknown,
            Outcome::Good if self.breaches.is_empty() && self.bad_parts().next().is_none() => {
                if self.shortfalls.is_empty() {
                    Verdict::Up
                } else {
                    Verdict::Degraded
                }
            }
            Outcome::Good | Outcome::Bad(_) => Verdict::Down,
        }
    }

    /// Why it is not up, or why it is degraded.
    pub(crate) fn reasons(&self) -> Vec<String> {
        if self.verdict() == Verdict::Degraded {
            return self.shortfalls.iter().map(|breach| breach.detail.text().to_owned()).collect();
        }
        let whole = self.measurement.outcome.failure().map(|failure| failure.detail.clone());
        let breaches = self.breaches.iter().map(|breach| breach.detail.clone());
        let parts =
            self.bad_parts().filter_map(|part| Some(part.outcome.failure()?.detail.clone()));
        let all = whole.into_iter().chain(breaches).chain(parts);
        all.map(|said| said.into_parts().0).collect()
    }

    /// What kinds of failures there are.
    pub(crate) fn classes(&self) -> Vec<FailureClass> {
        let whole = self.measurement.outcome.failure().map(|failure| failure.class);
        whole.into_iter().chain(self.breaches.iter().map(|breach| breach.class)).collect()
    }

    pub(crate) fn print_json(&self) {
        print_json(&Document {
            kind: self.target.kind(),
            target: self.target.describe(),
            verdict: self.verdict(),
            reasons: self.reasons(),
            attempts: self.attempts,
            measurement: &self.measurement,
        });
    }

    /// The verdict in one line, then what was seen unless it is to be brief.
    pub(crate) fn print(&self, brief: bool) {
        let tries = if self.attempts == 1 {
            String::new()
        } else {
            format!(" ({} attempts)", self.attempts)
        };
        let reasons = self.reasons();
        let because =
            if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
        let line =
            format!("{} is {}{tries}{because}", self.target.describe(), self.verdict().as_str());
        print_line(escaped(line));
        if brief {
            return;
        }
        if !self.measurement.facts.is_empty() {
            print_table(&["FIELD", "VALUE"], rows(&self.measurement.facts));
        }
        if !self.measurement.parts.is_empty() {
            print_table(&["PART", "STATE", "DETAIL"], self.measurement.parts.iter().map(row));
        }
    }

    fn bad_parts(&self) -> impl Iterator<Item = &Part> {
        self.measurement.parts.iter().filter(|part| matches!(part.outcome, Outcome::Bad(_)))
    }
}

impl Verdict {
    /// Whether it ends a series: further attempts are made against what is down.
    pub(crate) fn is_good(self) -> bool {
        matches!(self, Self::Up | Self::Degraded)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }

    pub(crate) fn exit(self) -> Exit {
        match self {
            Self::Up | Self::Degraded => Exit::Holds,
            Self::Down => Exit::Deviates,
            Self::Unknown => Exit::Refused,
        }
    }
}

fn rows(facts: &Facts) -> impl Iterator<Item = [String; 2]> {
    facts.iter().map(|(field, value)| {
        let value = match value {
            Value::Number(number) => Unit::of_field(field).write(*number),
            Value::Text(_) => escaped(value.to_string().trim_matches('`')),
        };
        [field.to_owned(), value]
    })
}

fn row(part: &Part) -> [String; 3] {
    let state = match part.outcome {
        Outcome::Good => Verdict::Up,
        Outcome::Bad(_) => Verdict::Down,
        Outcome::Unknown(_) => Verdict::Unknown,
    };
    let detail =
        part.outcome.failure().map_or_else(String::new, |failure| escaped(failure.detail.text()));
    [escaped(&part.name), state.as_str().to_owned(), detail]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use evenkeel_probe::{FileTarget, Test};

    use super::*;

    fn part(outcome: Outcome) -> Part {
        Part { name: "web".into(), outcome, facts: Facts::default() }
    }

    #[track_caller]
    fn check(outcome: Outcome, parts: Vec<Part>, conditions: Conditions<'_>, expected: Verdict) {
        let target = Target::File(FileTarget::new("/"));
        let facts = [("links", 3)].into_iter().collect();
        let measurement = Measurement { took: Duration::ZERO, outcome, facts, parts };
        let report = Report::new(&target, conditions, 1, measurement);
        assert_eq!(report.verdict(), expected);
        assert_eq!(report.reasons().is_empty(), expected == Verdict::Up);
    }

    #[test]
    fn a_target_is_up_if_it_and_its_parts_and_all_expectations_are() {
        let bad = || Outcome::bad(FailureClass::Exit, "it exited");
        let unknown = || Outcome::unknown(FailureClass::Missing, "it is stopped");
        let none = Conditions::default();
        let links = |limit| {
            let test = Test::Above(limit);
            [Condition { field: "links".into(), test, sustained_for: None }]
        };
        let (two, three) = (&links(2.0), &links(3.0));
        let above = |down| Conditions { down, degraded: &[] };
        check(Outcome::Good, vec![], none, Verdict::Up);
        check(Outcome::Good, vec![part(Outcome::Good), part(unknown())], none, Verdict::Up);
        check(Outcome::Good, vec![part(Outcome::Good), part(bad())], none, Verdict::Down);
        check(Outcome::Good, vec![], above(two), Verdict::Down);
        check(Outcome::Good, vec![], above(three), Verdict::Up);
        check(bad(), vec![], none, Verdict::Down);
        let wished = Conditions { down: &[], degraded: two };
        check(Outcome::Good, vec![], wished, Verdict::Degraded);
        check(bad(), vec![], wished, Verdict::Down);
        check(unknown(), vec![], wished, Verdict::Unknown);
        check(unknown(), vec![], above(two), Verdict::Unknown);
    }
}
