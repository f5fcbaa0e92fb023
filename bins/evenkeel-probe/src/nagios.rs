use std::fmt::Write;
use std::process::ExitCode;

use evenkeel_cli::{Unit, escaped, print_line};
use evenkeel_probe::{Condition, Test, Value};

use crate::report::{Report, Verdict};

/// Anything but a verdict. Source: the Monitoring Plugins Development Guidelines.
const UNKNOWN: u8 = 3;

pub(crate) fn exit_code(verdict: Option<Verdict>) -> ExitCode {
    ExitCode::from(match verdict {
        Some(Verdict::Up) => 0,
        Some(Verdict::Degraded) => 1,
        Some(Verdict::Down) => 2,
        Some(Verdict::Unknown) | None => UNKNOWN,
    })
}

pub(crate) fn print(report: &Report<'_>) {
    print_line(line(report));
}

/// `HTTP OK - http://localhost/ is up | 'latency_ms'=12.3ms;200;400`.
fn line(report: &Report<'_>) -> String {
    let word = match report.verdict() {
        Verdict::Up => "OK",
        Verdict::Degraded => "WARNING",
        Verdict::Down => "CRITICAL",
        Verdict::Unknown => "UNKNOWN",
    };
    let mut said = vec![report.target.describe()];
    said.extend(report.reasons());
    // The bar begins the figures, and a line ends the text.
    let said = escaped(said.join(": ")).replace('|', "/");
    let mut line = format!("{} {word} - {said}", report.target.kind().to_uppercase());
    let mut separator = " |";
    for (field, value) in report.measurement.facts.iter() {
        if let Value::Number(number) = value {
            let unit = unit(field);
            let find = |all: &[Condition]| all.iter().find_map(|one| range(one, field));
            let limits = match (find(report.conditions.degraded), find(report.conditions.down)) {
                (None, None) => String::new(),
                (warning, None) => format!(";{}", warning.unwrap_or_default()),
                (warning, Some(critical)) => {
                    format!(";{};{critical}", warning.unwrap_or_default())
                }
            };
            // Writing to a string cannot fail.
            let _ = write!(
                line,
                "{separator} '{field}'={}{unit}{limits}",
                (number * 1e3).round() / 1e3
            );
            separator = "";
        }
    }
    line
}

fn unit(field: &str) -> &'static str {
    match Unit::of_field(field) {
        Unit::Milliseconds => "ms",
        Unit::Bytes => "B",
        Unit::Seconds | Unit::UnixTime => "s",
        Unit::Percent | Unit::Days | Unit::Count => "",
    }
}

/// The range outside which the value is critical, or is warned of; the closest that the guidelines can say.
fn range(condition: &Condition, field: &str) -> Option<String> {
    if condition.field != field {
        return None;
    }
    match condition.test {
        Test::Above(limit) | Test::AtLeast(limit) => Some(limit.to_string()),
        Test::Below(limit) | Test::AtMost(limit) => Some(format!("{limit}:")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use evenkeel_probe::{FailureClass, HttpTarget, Measurement, Outcome, Target};

    use super::*;
    use crate::report::Conditions;

    #[track_caller]
    fn check(outcome: Outcome, conditions: Conditions<'_>, expected: &str) {
        let target = Target::Http(HttpTarget::try_new("http://localhost/").unwrap());
        let facts = [("latency_ms", 412.3456), ("status", 200.0), ("body_bytes", 7.0)]
            .into_iter()
            .collect();
        let measurement = Measurement { took: Duration::ZERO, outcome, facts, parts: Vec::new() };
        assert_eq!(line(&Report::new(&target, conditions, 1, measurement)), expected);
    }

    #[test]
    fn the_line_has_a_word_a_reason_and_figures() {
        const FIGURES: &str = "'body_bytes'=7B 'latency_ms'=412.346ms 'status'=200";
        let none = Conditions::default();
        check(Outcome::Good, none, &format!("HTTP OK - http://localhost/ | {FIGURES}"));
        let bad = Outcome::bad(FailureClass::Status, "status 500 | sorry\nthere");
        check(
            bad,
            none,
            &format!("HTTP CRITICAL - http://localhost/: status 500 / sorry\\nthere | {FIGURES}"),
        );
        let unknown = Outcome::unknown(FailureClass::Denied, "not permitted");
        check(
            unknown,
            none,
            &format!("HTTP UNKNOWN - http://localhost/: not permitted | {FIGURES}"),
        );
    }

    #[test]
    fn a_limit_is_told_with_its_figure() {
        let at_least = |limit| {
            let (field, test) = ("latency_ms".into(), Test::AtLeast(limit));
            [Condition { field, test, sustained_for: None }]
        };
        let (three, four, five) = (&at_least(300.0), &at_least(400.0), &at_least(500.0));
        let line = |word, limit, limits| {
            format!(
                "HTTP {word} - http://localhost/: latency_ms is 412 ms, not below {limit} ms | \
                 'body_bytes'=7B 'latency_ms'=412.346ms{limits} 'status'=200"
            )
        };
        check(
            Outcome::Good,
            Conditions { down: four, degraded: &[] },
            &line("CRITICAL", 400, ";;400"),
        );
        check(
            Outcome::Good,
            Conditions { down: &[], degraded: three },
            &line("WARNING", 300, ";300"),
        );
        let both = Conditions { down: five, degraded: three };
        check(Outcome::Good, both, &line("WARNING", 300, ";300;500"));
        let beyond_both = Conditions { down: four, degraded: three };
        check(Outcome::Good, beyond_both, &line("CRITICAL", 400, ";300;400"));
    }
}
