//! Series of one metric, sorted by their labels.
//!
//! The family of `prometheus-client` keeps a hash map and cannot be searched. This one prints in the same order each time, so that a whole
//! page can be compared, and forgets every series of a check or target that the settings no longer name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::{MetricType, TypedMetric};

pub(crate) type FloatGauge = Gauge<f64, AtomicU64>;

type Map<const N: usize, M> = BTreeMap<[String; N], M>;

pub(crate) struct Family<const N: usize, M> {
    labels: [&'static str; N],
    make: fn() -> M,
    series: Arc<RwLock<Map<N, M>>>,
}

impl<const N: usize, M> Family<N, M> {
    pub(crate) fn new(labels: [&'static str; N], make: fn() -> M) -> Self {
        Self { labels, make, series: Arc::default() }
    }

    /// Shows the series to `act`, making it first if need be.
    pub(crate) fn with(&self, values: [&str; N], act: impl FnOnce(&M)) {
        act(self.write().entry(values.map(str::to_owned)).or_insert_with(self.make));
    }

    /// Forgets one series.
    pub(crate) fn remove(&self, values: [&str; N]) {
        self.write().remove(&values.map(str::to_owned));
    }

    /// Forgets every series whose label `label` is `value`.
    pub(crate) fn forget(&self, label: &str, value: &str) {
        if let Some(at) = self.labels.iter().position(|name| *name == label) {
            self.write().retain(|values, _| values[at] != value);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Map<N, M>> {
        // A panic elsewhere leaves figures behind, not half-done invariants: keep counting.
        self.series.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Map<N, M>> {
        self.series.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<const N: usize> Family<N, Counter> {
    pub(crate) fn add(&self, values: [&str; N], events: u64) {
        self.with(values, |counter| {
            counter.inc_by(events);
        });
    }
}

impl<const N: usize> Family<N, Gauge> {
    pub(crate) fn set(&self, values: [&str; N], value: i64) {
        self.with(values, |gauge| {
            gauge.set(value);
        });
    }
}

impl<const N: usize> Family<N, FloatGauge> {
    pub(crate) fn set(&self, values: [&str; N], value: f64) {
        self.with(values, |gauge| {
            gauge.set(value);
        });
    }
}

impl Family<2, Gauge> {
    /// Sets the one of `all` that is `current` to 1 and the others to 0, in one step, so that no scrape sees two states or none.
    pub(crate) fn set_state(
        &self,
        subject: &str,
        all: impl Iterator<Item = &'static str>,
        current: &str,
    ) {
        let mut series = self.write();
        for state in all {
            series
                .entry([subject.to_owned(), state.to_owned()])
                .or_insert_with(self.make)
                .set(i64::from(state == current));
        }
    }
}

impl<const N: usize, M> Clone for Family<N, M> {
    fn clone(&self) -> Self {
        Self { labels: self.labels, make: self.make, series: Arc::clone(&self.series) }
    }
}

impl<const N: usize, M> fmt::Debug for Family<N, M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Family")
            .field("labels", &self.labels)
            .field("series", &self.read().len())
            .finish_non_exhaustive()
    }
}

impl<const N: usize, M: EncodeMetric + TypedMetric> EncodeMetric for Family<N, M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (values, metric) in self.read().iter() {
            let labels: [(&str, &str); N] =
                std::array::from_fn(|at| (self.labels[at], values[at].as_str()));
            metric.encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }

    fn is_empty(&self) -> bool {
        self.read().is_empty()
    }
}
