//! What an expression gives at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::extrapolate::{increase, millis};
use super::{
    Aggregation, Arithmetic, Comparison, Expr, Grouping, Labels, Operand, RangeFunction, Sample,
    Samples, Selector, is_stale,
};

/// How old the last sample of a series may be for the series to be there now.
pub const LOOK_BACK: Duration = Duration::from_mins(5);

/// A number with its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// Its labels.
    pub labels: Labels,
    /// Its value; perhaps not a number, as after 0 / 0.
    pub value: f64,
}

/// Why an expression has no value. Prometheus refuses the same, and its rule then fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The right side has several elements for the same one.
    #[error("several elements on the right side match: {labels:?}")]
    ManyToMany {
        /// One of them.
        labels: Labels,
    },
    /// The left side has several elements for the same one.
    #[error("several elements on the left side match the same one on the right: {labels:?}")]
    ManyToOne {
        /// One of them.
        labels: Labels,
    },
    /// Two elements of the result have the same labels.
    #[error("two elements of the result have the same labels: {labels:?}")]
    SameLabels {
        /// Those.
        labels: Labels,
    },
}

/// The elements of both sides of an operator.
pub(super) struct Sides {
    pub(super) left: Vec<Element>,
    pub(super) right: Vec<Element>,
}

impl Expr {
    /// The elements at `at_ms`, in no order that means anything. Fails where Prometheus refuses to choose between elements.
    pub fn eval(&self, samples: &dyn Samples, at_ms: i64) -> Result<Vec<Element>, EvalError> {
        let elements = match self {
            Self::Instant(selector) => return Ok(instant(selector, samples, at_ms)),
            Self::Range { function, selector, range } => {
                return Ok(over_range(*function, selector, *range, samples, at_ms));
            }
            Self::Absent(selector) => {
                return Ok(unless_found(selector, !instant(selector, samples, at_ms).is_empty()));
            }
            Self::AbsentOverTime { selector, range } => {
                let counted = RangeFunction::CountOverTime;
                let found = over_range(counted, selector, *range, samples, at_ms);
                return Ok(unless_found(selector, !found.is_empty()));
            }
            Self::Aggregate { aggregation, grouping, of } => {
                aggregation.apply(grouping, of.eval(samples, at_ms)?)
            }
            Self::Calculate { left, operator, right } => {
                let left = left.eval(samples, at_ms)?;
                right.operate(left, samples, at_ms, true, |left, right| {
                    Some(operator.apply(left, right))
                })?
            }
            Self::Compare { left, operator, right } => {
                let left = left.eval(samples, at_ms)?;
                right.operate(left, samples, at_ms, false, |left, right| {
                    operator.holds(left, right).then_some(left)
                })?
            }
            Self::Combine { left, operator, matching, right } => {
                let sides =
                    Sides { left: left.eval(samples, at_ms)?, right: right.eval(samples, at_ms)? };
                matching.combine(sides, *operator)
            }
        };
        distinct(elements)
    }
}

impl Operand {
    /// What `operate` makes of each element of `left` and of the number or element that belongs to it.
    fn operate(
        &self,
        left: Vec<Element>,
        samples: &dyn Samples,
        at_ms: i64,
        drop_name: bool,
        operate: impl Fn(f64, f64) -> Option<f64>,
    ) -> Result<Vec<Element>, EvalError> {
        match self {
            Self::Number(number) => {
                let number = number.as_f64();
                let elements = left.into_iter().filter_map(|Element { labels, value }| {
                    let value = operate(value, number)?;
                    let labels = if drop_name { labels.without_name() } else { labels };
                    Some(Element { labels, value })
                });
                Ok(elements.collect())
            }
            Self::Matched { matching, expr } => {
                let right = expr.eval(samples, at_ms)?;
                matching.pair(Sides { left, right }, drop_name, operate)
            }
        }
    }
}

impl Grouping {
    fn key(&self, labels: Labels) -> Labels {
        match self {
            Self::By(names) => labels.only(names),
            Self::Without(names) => labels.without_name().without(names),
        }
    }
}

impl Aggregation {
    fn apply(self, grouping: &Grouping, elements: Vec<Element>) -> Vec<Element> {
        let mut groups = BTreeMap::<Labels, f64>::new();
        for Element { labels, value } in elements {
            let group = groups.entry(grouping.key(labels));
            group.and_modify(|so_far| *so_far = self.of(*so_far, value)).or_insert(value);
        }
        groups.into_iter().map(|(labels, value)| Element { labels, value }).collect()
    }

    /// What is not a number is neither the smallest nor the largest if there is another.
    fn of(self, so_far: f64, value: f64) -> f64 {
        match self {
            Self::Sum => so_far + value,
            Self::Min => so_far.min(value),
            Self::Max => so_far.max(value),
        }
    }
}

impl Arithmetic {
    fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
        }
    }
}

impl Comparison {
    #[expect(clippy::float_cmp, reason = "`==` of a rule means exactly equal")]
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Above => left > right,
            Self::AtLeast => left >= right,
            Self::Below => left < right,
            Self::AtMost => left <= right,
        }
    }
}

/// The last sample of each series, unless it is too old or says that the series ended.
fn instant(selector: &Selector, samples: &dyn Samples, at_ms: i64) -> Vec<Element> {
    let mut elements = Vec::new();
    let from_ms = at_ms.saturating_sub_unsigned(millis(LOOK_BACK));
    samples.visit(selector, from_ms, at_ms, &mut |labels, samples| {
        if let Some(last) = samples.last().filter(|last| !is_stale(last.value)) {
            elements.push(Element { labels: labels.clone(), value: last.value });
        }
    });
    elements
}

fn over_range(
    function: RangeFunction,
    selector: &Selector,
    range: Duration,
    samples: &dyn Samples,
    at_ms: i64,
) -> Vec<Element> {
    let mut elements = Vec::new();
    let from_ms = at_ms.saturating_sub_unsigned(millis(range));
    samples.visit(selector, from_ms, at_ms, &mut |labels, samples| {
        let mut samples = samples.filter(|sample| !is_stale(sample.value));
        if let Some(value) = function.of(&mut samples, at_ms, range) {
            elements.push(Element { labels: labels.clone().without_name(), value });
        }
    });
    elements
}

impl RangeFunction {
    fn of(
        self,
        samples: &mut dyn Iterator<Item = Sample>,
        until_ms: i64,
        range: Duration,
    ) -> Option<f64> {
        match self {
            Self::Increase => increase(samples, until_ms, range, false),
            Self::Rate => increase(samples, until_ms, range, true),
            Self::CountOverTime => {
                let count = u32::try_from(samples.count()).unwrap_or(u32::MAX);
                (count > 0).then(|| count.into())
            }
        }
    }
}

/// One, with the labels that were asked for, if none was found.
fn unless_found(selector: &Selector, found: bool) -> Vec<Element> {
    if found {
        return Vec::new();
    }
    let asked = selector.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    vec![Element { labels: asked.collect(), value: 1.0 }]
}

fn distinct(elements: Vec<Element>) -> Result<Vec<Element>, EvalError> {
    let mut seen = BTreeSet::new();
    match elements.iter().find(|element| !seen.insert(&element.labels)) {
        Some(twice) => Err(EvalError::SameLabels { labels: twice.labels.clone() }),
        None => Ok(elements),
    }
}
