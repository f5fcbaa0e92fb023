//! Expressions as text that Prometheus reads back as the same expression.

use std::fmt::{self, Display, Formatter};

use super::{
    Aggregation, Arithmetic, Comparison, Expr, Grouping, Matching, Operand, RangeFunction,
    Selector, SetOperator,
};
use crate::rules::yaml::{duration, quoted};

impl Display for Selector {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        if self.labels.is_empty() {
            return Ok(());
        }
        let labels: Vec<String> =
            self.labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        write!(formatter, "{{{}}}", labels.join(","))
    }
}

impl Display for Expr {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant(selector) => selector.fmt(formatter),
            Self::Range { function, selector, range } => {
                write!(formatter, "{}({selector}[{}])", function.as_str(), duration(*range))
            }
            Self::Absent(selector) => write!(formatter, "absent({selector})"),
            Self::AbsentOverTime { selector, range } => {
                write!(formatter, "absent_over_time({selector}[{}])", duration(*range))
            }
            Self::Aggregate { aggregation, grouping, of } => {
                write!(formatter, "{} {grouping} ({of})", aggregation.as_str())
            }
            Self::Calculate { left, operator, right } => {
                operation(formatter, left, operator.as_str(), operator.strength(), right)
            }
            Self::Compare { left, operator, right } => {
                operation(formatter, left, operator.as_str(), COMPARISON, right)
            }
            Self::Combine { left, operator, matching, right } => {
                side(formatter, left, operator.strength(), false)?;
                write!(formatter, " {}{matching} ", operator.as_str())?;
                side(formatter, right, operator.strength(), true)
            }
        }
    }
}

impl Display for Grouping {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::By(labels) => write!(formatter, "by ({})", labels.join(", ")),
            Self::Without(labels) => write!(formatter, "without ({})", labels.join(", ")),
        }
    }
}

impl Display for Matching {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => Ok(()),
            Self::On(labels) => write!(formatter, " on ({})", labels.join(", ")),
            Self::Ignoring(labels) => write!(formatter, " ignoring ({})", labels.join(", ")),
        }
    }
}

/// How strongly a comparison binds; all others relative to it.
const COMPARISON: u8 = 2;

fn operation(
    formatter: &mut Formatter<'_>,
    left: &Expr,
    operator: &str,
    strength: u8,
    right: &Operand,
) -> fmt::Result {
    side(formatter, left, strength, false)?;
    match right {
        Operand::Number(number) => write!(formatter, " {operator} {number}"),
        Operand::Matched { matching, expr } => {
            write!(formatter, " {operator}{matching} ")?;
            side(formatter, expr, strength, true)
        }
    }
}

/// One side of an operator that binds with `strength`, in parentheses where it would come apart without.
fn side(formatter: &mut Formatter<'_>, expr: &Expr, strength: u8, is_right: bool) -> fmt::Result {
    // Operators of equal strength are read from the left.
    if expr.strength() < strength + u8::from(is_right) {
        write!(formatter, "({expr})")
    } else {
        expr.fmt(formatter)
    }
}

impl Expr {
    fn strength(&self) -> u8 {
        match self {
            Self::Combine { operator, .. } => operator.strength(),
            Self::Compare { .. } => COMPARISON,
            Self::Calculate { operator, .. } => operator.strength(),
            _ => u8::MAX,
        }
    }
}

impl RangeFunction {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Increase => "increase",
            Self::Rate => "rate",
            Self::CountOverTime => "count_over_time",
        }
    }
}

impl Aggregation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

impl Arithmetic {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }

    const fn strength(self) -> u8 {
        match self {
            Self::Add | Self::Subtract => 3,
            Self::Multiply | Self::Divide => 4,
        }
    }
}

impl Comparison {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        }
    }
}

impl SetOperator {
    const fn as_str(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
        }
    }

    const fn strength(self) -> u8 {
        match self {
            Self::Or => 0,
            Self::And | Self::Unless => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::availability::Decimal;

    fn up() -> Selector {
        Selector::new("up").with("job", "evenkeel")
    }

    #[test]
    fn an_expression_reads_as_a_person_would_write_it() {
        let hour = Duration::from_hours(1);
        let gone = up()
            .instant()
            .is(0_u64)
            .or(up().count_over_time(hour).unless(up().instant()))
            .or(up().absent_over_time(hour));
        assert_eq!(
            gone.to_string(),
            "up{job=\"evenkeel\"} == 0 or count_over_time(up{job=\"evenkeel\"}[1h]) unless up{job=\"evenkeel\"} or absent_over_time(up{job=\"evenkeel\"}[1h])"
        );
        let slices = |verdict| Selector::new("s").with("verdict", verdict).increase(24 * 3 * hour);
        let all = slices("bad")
            .calculate(Arithmetic::Add, Matching::ignoring(&["verdict"]).to(slices("good")));
        let ratio =
            slices("bad").calculate(Arithmetic::Divide, Matching::ignoring(&["verdict"]).to(all));
        assert_eq!(
            ratio.above(Decimal::thousandths(1)).to_string(),
            "increase(s{verdict=\"bad\"}[3d]) / ignoring (verdict) (increase(s{verdict=\"bad\"}[3d]) + ignoring (verdict) increase(s{verdict=\"good\"}[3d])) > 0.001"
        );
    }

    #[test]
    fn operators_of_equal_strength_are_read_from_the_left() {
        let metric = |name| Selector::new(name).instant();
        let left = metric("a").calculate(Arithmetic::Subtract, metric("b"));
        let left = left.calculate(Arithmetic::Subtract, metric("c"));
        assert_eq!(left.to_string(), "a - b - c");
        let right = metric("b").calculate(Arithmetic::Subtract, metric("c"));
        assert_eq!(metric("a").calculate(Arithmetic::Subtract, right).to_string(), "a - (b - c)");
        let sum = metric("a").aggregate(Aggregation::Sum, Grouping::by(&["x", "y"]));
        assert_eq!(
            sum.and(metric("b").or(metric("c"))).to_string(),
            "sum by (x, y) (a) and (b or c)"
        );
    }
}
