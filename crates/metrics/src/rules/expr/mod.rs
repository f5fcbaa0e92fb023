//! The part of `PromQL` that the rules are made of: as a value, as text for Prometheus, and evaluated without it.
//!
//! [`Expr::eval`] gives what the installed Prometheus gives, which is 2.42 (Debian 12): ranges and the look-back of five minutes
//! include a sample at their very start (from 3.0 on Prometheus leaves it out), and `increase()` extrapolates as it did until
//! 2.52. The difference between the versions is one sample at the edge of a window, which no rule here depends on; what is
//! compared sample by sample with a real Prometheus must follow one of them, and the installed one is there to compare with.
//!
//! ```
//! use evenkeel_metrics::rules::expr::{Labels, Sample, Selector, Series};
//!
//! let expr = Selector::new("up").with("job", "evenkeel").instant().is(0_u64);
//! assert_eq!(expr.to_string(), r#"up{job="evenkeel"} == 0"#);
//!
//! let series = Series {
//!     labels: Labels::of_metric("up", [("job", "evenkeel"), ("instance", "a:1")]),
//!     samples: vec![Sample { at_ms: 0, value: 0.0 }],
//! };
//! assert_eq!(expr.eval(&vec![series], 60_000)?[0].labels.get("instance"), "a:1");
//! # Ok::<(), evenkeel_metrics::rules::expr::EvalError>(())
//! ```

mod build;
mod display;
mod eval;
mod extrapolate;
mod labels;
mod matching;
mod number;
mod samples;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

pub use eval::{Element, EvalError, LOOK_BACK};
pub use labels::{Labels, NAME_LABEL};
pub use number::Number;
pub use samples::{STALE, Sample, Samples, Series, is_stale};

/// Series of one metric whose labels have these values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector {
    /// Name of the metric.
    pub name: String,
    /// Labels and the values that they must have; empty means that there must be none of that name.
    pub labels: BTreeMap<String, String>,
}

/// An expression whose value is a set of labelled numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expr {
    /// The last value of each series, unless it is older than [`LOOK_BACK`].
    Instant(Selector),
    /// A figure of each series over a range of time.
    Range {
        /// Which figure.
        function: RangeFunction,
        /// Of which series.
        selector: Selector,
        /// Up to now for so long.
        range: Duration,
    },
    /// One, with the labels that were asked for, if there is no such series now.
    Absent(Selector),
    /// The same, if there was none in a range of time.
    AbsentOverTime {
        /// No series like this.
        selector: Selector,
        /// Up to now for so long.
        range: Duration,
    },
    /// One number for each group of elements.
    Aggregate {
        /// How it is made.
        aggregation: Aggregation,
        /// Which elements are one group.
        grouping: Grouping,
        /// Of what.
        of: Box<Expr>,
    },
    /// Arithmetic with a number, or with the matching element of another expression; drops the name of the metric.
    Calculate {
        /// The left side.
        left: Box<Expr>,
        /// What to do.
        operator: Arithmetic,
        /// The right side.
        right: Operand,
    },
    /// Keeps the elements of the left side for which the comparison holds.
    Compare {
        /// The left side.
        left: Box<Expr>,
        /// How to compare.
        operator: Comparison,
        /// The right side.
        right: Operand,
    },
    /// Keeps elements by what is on the other side.
    Combine {
        /// The left side.
        left: Box<Expr>,
        /// What to keep.
        operator: SetOperator,
        /// Which elements belong together.
        matching: Matching,
        /// The right side.
        right: Box<Expr>,
    },
}

/// The right side of arithmetic and of comparisons.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Operand {
    /// The same number for each element.
    Number(Number),
    /// The element that matches.
    Matched {
        /// Which elements belong together; at most one on each side.
        matching: Matching,
        /// The other side.
        expr: Box<Expr>,
    },
}

/// Which elements of two sides belong together: those whose labels are equal, the name of the metric apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Matching {
    /// By all labels.
    #[default]
    All,
    /// By these labels alone.
    On(Vec<String>),
    /// By all but these labels.
    Ignoring(Vec<String>),
}

/// Figures of one series over a range of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeFunction {
    /// By how much a counter grew, extrapolated to the whole range.
    Increase,
    /// The same for each second.
    Rate,
    /// How many samples there are.
    CountOverTime,
}

/// Elements are one group if these labels are equal, and keep only them. The name of the metric is none of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// These labels alone.
    By(Vec<String>),
    /// All but these.
    Without(Vec<String>),
}

/// How elements of a group become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// Their sum.
    Sum,
    /// The smallest.
    Min,
    /// The largest.
    Max,
}

/// What to do with two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

/// When an element is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

/// Which elements of two sides are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetOperator {
    /// Those of the left that have one on the right.
    And,
    /// All of the left, and those of the right that have none there.
    Or,
    /// Those of the left that have none on the right.
    Unless,
}
