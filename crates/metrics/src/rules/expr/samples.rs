use super::{Labels, Selector};

/// The value that says: from here on the series is no longer there. Prometheus's own bits.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Whether this value is [`STALE`], and not just some other value that is not a number.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE.to_bits()
}

/// One value of a series at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Milliseconds since 1970, which is Prometheus's own resolution.
    pub at_ms: i64,
    /// The value, or [`STALE`].
    pub value: f64,
}

/// Where an expression finds the series it asks for.
///
/// Series are handed over one sample after the other, so that nothing of a long range is copied.
pub trait Samples {
    /// Calls `each` for every series that `selector` matches, with its samples from `from_ms` to `until_ms`, both included, by time.
    ///
    /// A series without such a sample may be left out. Whatever `each` leaves of the iterator is of no interest.
    fn visit(
        &self,
        selector: &Selector,
        from_ms: i64,
        until_ms: i64,
        each: &mut dyn FnMut(&Labels, &mut dyn Iterator<Item = Sample>),
    );
}

/// A series that is wholly in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its labels, the name of the metric among them.
    pub labels: Labels,
    /// Its samples, by time.
    pub samples: Vec<Sample>,
}

impl Samples for Vec<Series> {
    fn visit(
        &self,
        selector: &Selector,
        from_ms: i64,
        until_ms: i64,
        each: &mut dyn FnMut(&Labels, &mut dyn Iterator<Item = Sample>),
    ) {
        for series in self.iter().filter(|series| selector.matches(&series.labels)) {
            let first = series.samples.partition_point(|sample| sample.at_ms < from_ms);
            let samples = series.samples[first..].iter().copied();
            each(&series.labels, &mut samples.take_while(|sample| sample.at_ms <= until_ms));
        }
    }
}
