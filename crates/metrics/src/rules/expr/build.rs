//! Expressions as they are read aloud.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    Aggregation, Arithmetic, Comparison, Expr, Grouping, Labels, Matching, NAME_LABEL, Number,
    Operand, RangeFunction, Selector, SetOperator,
};
use crate::availability::Decimal;

impl Selector {
    /// Every series of the metric `name`.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), labels: BTreeMap::new() }
    }

    /// Only those whose `label` has this value.
    #[must_use]
    pub fn with(mut self, label: &str, value: &str) -> Self {
        self.labels.insert(label.to_owned(), value.to_owned());
        self
    }

    /// Whether a series is one of those.
    pub fn matches(&self, labels: &Labels) -> bool {
        labels.get(NAME_LABEL) == self.name
            && self.labels.iter().all(|(name, value)| labels.get(name) == value)
    }

    /// Their last values.
    pub fn instant(self) -> Expr {
        Expr::Instant(self)
    }

    /// By how much they grew in the last `range`.
    pub fn increase(self, range: Duration) -> Expr {
        Expr::Range { function: RangeFunction::Increase, selector: self, range }
    }

    /// How much they grew for each second of the last `range`.
    pub fn rate(self, range: Duration) -> Expr {
        Expr::Range { function: RangeFunction::Rate, selector: self, range }
    }

    /// How many samples they have in the last `range`.
    pub fn count_over_time(self, range: Duration) -> Expr {
        Expr::Range { function: RangeFunction::CountOverTime, selector: self, range }
    }

    /// One if there is none of them.
    pub fn absent(self) -> Expr {
        Expr::Absent(self)
    }

    /// One if there was none of them in the last `range`.
    pub fn absent_over_time(self, range: Duration) -> Expr {
        Expr::AbsentOverTime { selector: self, range }
    }
}

impl Grouping {
    /// These labels alone.
    pub fn by(labels: &[&str]) -> Self {
        Self::By(labels.iter().map(|&label| label.to_owned()).collect())
    }

    /// All but these.
    pub fn without(labels: &[&str]) -> Self {
        Self::Without(labels.iter().map(|&label| label.to_owned()).collect())
    }
}

impl Matching {
    /// By these labels alone.
    pub fn on(labels: &[&str]) -> Self {
        Self::On(labels.iter().map(|&label| label.to_owned()).collect())
    }

    /// By all but these labels.
    pub fn ignoring(labels: &[&str]) -> Self {
        Self::Ignoring(labels.iter().map(|&label| label.to_owned()).collect())
    }

    /// `expr` as the right side of arithmetic or of a comparison, matched like this.
    pub fn to(self, expr: Expr) -> Operand {
        Operand::Matched { matching: self, expr: Box::new(expr) }
    }
}

impl Expr {
    /// One number for each group of elements.
    #[must_use]
    pub fn aggregate(self, aggregation: Aggregation, grouping: Grouping) -> Self {
        Self::Aggregate { aggregation, grouping, of: Box::new(self) }
    }

    /// Arithmetic.
    #[must_use]
    pub fn calculate(self, operator: Arithmetic, right: impl Into<Operand>) -> Self {
        Self::Calculate { left: Box::new(self), operator, right: right.into() }
    }

    /// What the comparison keeps.
    #[must_use]
    pub fn compare(self, operator: Comparison, right: impl Into<Operand>) -> Self {
        Self::Compare { left: Box::new(self), operator, right: right.into() }
    }

    /// What is more than that.
    #[must_use]
    pub fn above(self, right: impl Into<Operand>) -> Self {
        self.compare(Comparison::Above, right)
    }

    /// What is that or more.
    #[must_use]
    pub fn at_least(self, right: impl Into<Operand>) -> Self {
        self.compare(Comparison::AtLeast, right)
    }

    /// What is less than that.
    #[must_use]
    pub fn below(self, right: impl Into<Operand>) -> Self {
        self.compare(Comparison::Below, right)
    }

    /// What is exactly that.
    #[must_use]
    pub fn is(self, right: impl Into<Operand>) -> Self {
        self.compare(Comparison::Equal, right)
    }

    /// What both sides have, with the values of this one.
    #[must_use]
    pub fn and(self, right: Self) -> Self {
        self.combine(SetOperator::And, Matching::All, right)
    }

    /// What either side has.
    #[must_use]
    pub fn or(self, right: Self) -> Self {
        self.combine(SetOperator::Or, Matching::All, right)
    }

    /// What the other side does not have.
    #[must_use]
    pub fn unless(self, right: Self) -> Self {
        self.combine(SetOperator::Unless, Matching::All, right)
    }

    /// What this keeps of both sides.
    #[must_use]
    pub fn combine(self, operator: SetOperator, matching: Matching, right: Self) -> Self {
        Self::Combine { left: Box::new(self), operator, matching, right: Box::new(right) }
    }
}

impl From<Decimal> for Operand {
    fn from(number: Decimal) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Operand {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

impl From<Number> for Operand {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<Expr> for Operand {
    fn from(expr: Expr) -> Self {
        Matching::All.to(expr)
    }
}
