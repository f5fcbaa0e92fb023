//! Histograms with classic buckets, which every format has, and native ones, which [`Format::Protobuf`](crate::Format::Protobuf) has.

use std::fmt;
use std::time::SystemTime;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::histogram::{Histogram, NativeHistogramConfig};
use prometheus_client::metrics::{MetricType, TypedMetric};

use super::Exemplar;
use crate::family::Family;

/// A native bucket ends at most a tenth above its begin: by no more is a quantile off. What is made of it is 2^(1/8), 1.09.
const NATIVE_FACTOR: f64 = 1.1;

/// Native buckets that one histogram may have, 1 KiB of them: the 64 places that are made once 32 are not enough.
///
/// With one more, each gets twice as wide; from a nanosecond to hours they then double from one to the next. Nothing is ever
/// counted anew, as the library could do instead: `increase()` would see a restart that was none.
const MOST_NATIVE_BUCKETS: usize = 63;

/// How native buckets are kept.
pub(super) fn native() -> NativeHistogramConfig {
    NativeHistogramConfig::new(NATIVE_FACTOR).max_buckets(MOST_NATIVE_BUCKETS)
}

/// The attempts of one check.
///
/// The library has a histogram with exemplars and one with native buckets, but none with both: so there are two of the same
/// observations, and [`Pairs`] brings them together.
#[derive(Debug)]
pub(super) struct Attempts {
    classic: HistogramWithExemplars<Exemplar>,
    native: Histogram,
}

/// Two messages for each series: the classic one and, behind it, the native one.
///
/// Both are of one moment, for the family is locked; [`crate::protobuf`] makes one of them.
#[derive(Debug)]
pub(super) struct Pairs(pub(super) Family<1, Attempts>);

impl Attempts {
    pub(super) fn new(buckets: &[f64]) -> Self {
        Self {
            classic: HistogramWithExemplars::new(buckets.iter().copied()),
            native: Histogram::new_native(native()),
        }
    }

    pub(super) fn observe(&self, seconds: f64, exemplar: Option<(Exemplar, SystemTime)>) {
        let (exemplar, at) = exemplar.unzip();
        self.classic.observe(seconds, exemplar, at);
        self.native.observe(seconds);
    }
}

/// As text has it: the native buckets are nowhere to be seen.
impl EncodeMetric for Attempts {
    fn encode(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        self.classic.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Attempts {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Pairs {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        self.0.each(|labels, attempts| {
            attempts.classic.encode(encoder.encode_family(labels)?)?;
            attempts.native.encode(encoder.encode_family(labels)?)
        })
    }

    fn metric_type(&self) -> MetricType {
        Attempts::TYPE
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
