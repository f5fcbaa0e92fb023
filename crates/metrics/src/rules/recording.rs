//! Recording rules: figures that Prometheus keeps, and that alerts read.

use super::expr::{Element, EvalError, Expr, Labels, NAME_LABEL, Sample, Samples, Selector};

/// A recording rule: what `expr` gives becomes the series `name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The metric that it writes.
    pub name: String,
    /// Its value.
    pub expr: Expr,
}

/// Samples with what the recording rules made of them at one moment.
///
/// As in a group of rules of Prometheus, what is evaluated at that moment finds what was recorded just before. Of earlier
/// moments nothing recorded is kept: the rules here read recorded series only as they are now.
pub struct Recorded<'a> {
    samples: &'a dyn Samples,
    at_ms: i64,
    series: Vec<(Labels, f64)>,
}

impl<'a> Recorded<'a> {
    /// Evaluates `recordings` at `at_ms`, in their order. Fails where one of them does.
    pub fn new(
        recordings: &[Recording],
        samples: &'a dyn Samples,
        at_ms: i64,
    ) -> Result<Self, EvalError> {
        let mut recorded = Self { samples, at_ms, series: Vec::new() };
        for recording in recordings {
            let elements = recording.expr.eval(&recorded, at_ms)?;
            recorded.series.extend(elements.into_iter().map(|Element { mut labels, value }| {
                labels.set(NAME_LABEL, &recording.name);
                (labels, value)
            }));
        }
        Ok(recorded)
    }
}

impl Samples for Recorded<'_> {
    fn visit(
        &self,
        selector: &Selector,
        from_ms: i64,
        until_ms: i64,
        each: &mut dyn FnMut(&Labels, &mut dyn Iterator<Item = Sample>),
    ) {
        self.samples.visit(selector, from_ms, until_ms, each);
        if !(from_ms..=until_ms).contains(&self.at_ms) {
            return;
        }
        for (labels, value) in self.series.iter().filter(|(labels, _)| selector.matches(labels)) {
            let sample = Sample { at_ms: self.at_ms, value: *value };
            each(labels, &mut std::iter::once(sample));
        }
    }
}

impl std::fmt::Debug for Recorded<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Recorded")
            .field("at_ms", &self.at_ms)
            .field("series", &self.series)
            .finish_non_exhaustive()
    }
}
