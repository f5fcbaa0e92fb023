//! Series of one metric, sorted by their labels.
//!
//! The family of `prometheus-client` keeps a hash map and cannot be searched. This one prints in the same order each time, so that a whole
//! page can be compared, and forgets every series of a check or target that the settings no longer name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::{MetricType, TypedMetric};

pub(crate) type FloatGauge = Gauge<f64, AtomicU64>;

type Map<const N: usize, M> = BTreeMap<[String; N], M>;

/// A value of a label that is longer is cut: names come from settings, and what is of use in a label is short.
const MOST_LABEL_BYTES: usize = 200;

/// How many series a family may have, and who counts what was left out beyond that.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) series: usize,
    pub(crate) left_out: Counter,
}

pub(crate) struct Family<const N: usize, M> {
    labels: [&'static str; N],
    make: fn() -> M,
    limit: Option<Limit>,
    series: Arc<RwLock<Map<N, M>>>,
}

impl<const N: usize, M> Family<N, M> {
    pub(crate) fn new(labels: [&'static str; N], make: fn() -> M) -> Self {
        Self { labels, make, limit: None, series: Arc::default() }
    }

    pub(crate) fn limited(self, limit: Limit) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Shows the series to `act`, making it first if need be and there is room.
    pub(crate) fn with(&self, values: [&str; N], act: impl FnOnce(&M)) {
        let mut series = self.write();
        let full = self.limit.as_ref().filter(|limit| series.len() >= limit.series);
        match (series.entry(values.map(bounded)), full) {
            (Entry::Occupied(there), _) => act(there.get()),
            (Entry::Vacant(_), Some(limit)) => {
                limit.left_out.inc();
            }
            (Entry::Vacant(place), None) => act(place.insert((self.make)())),
        }
    }

    /// Forgets one series.
    pub(crate) fn remove(&self, values: [&str; N]) {
        self.write().remove(&values.map(bounded));
    }

    /// Forgets every series whose label `label` is `value`.
    pub(crate) fn forget(&self, label: &str, value: &str) {
        if let Some(at) = self.labels.iter().position(|name| *name == label) {
            let value = bounded(value);
            self.write().retain(|values, _| values[at] != value);
        }
    }

    /// Gives every series to `act`, with its labels, all of one moment; stops at the first failure.
    pub(crate) fn each(
        &self,
        mut act: impl FnMut(&[(&str, &str); N], &M) -> fmt::Result,
    ) -> fmt::Result {
        self.read().iter().try_for_each(|(values, metric)| {
            act(&std::array::from_fn(|at| (self.labels[at], values[at].as_str())), metric)
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, Map<N, M>> {
        // A panic elsewhere leaves figures behind, not half-done invariants: keep counting.
        self.series.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Map<N, M>> {
        self.series.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The label as it is shown: one that is too long is cut, and ends in a number that tells it from others that begin alike.
fn bounded(value: &str) -> String {
    if value.len() <= MOST_LABEL_BYTES {
        return value.to_owned();
    }
    // FNV-1a, 64 bits: the same in every build, as the name of a series must be.
    let hash = value.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let end = value.floor_char_boundary(MOST_LABEL_BYTES - "…".len() - 16);
    format!("{}…{hash:016x}", &value[..end])
}

impl<const N: usize> Family<N, Counter> {
    /// The counter itself, made first if need be.
    pub(crate) fn get(&self, values: [&str; N]) -> Counter {
        self.write().entry(values.map(bounded)).or_insert_with(self.make).clone()
    }

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
    /// Sets the gauge; what is no number, such as a share of nothing, is absent.
    pub(crate) fn set(&self, values: [&str; N], value: f64) {
        if !value.is_finite() {
            return self.remove(values);
        }
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
        let (mut series, subject) = (self.write(), bounded(subject));
        for state in all {
            series
                .entry([subject.clone(), state.to_owned()])
                .or_insert_with(self.make)
                .set(i64::from(state == current));
        }
    }
}

impl<const N: usize, M> Clone for Family<N, M> {
    fn clone(&self) -> Self {
        let (limit, series) = (self.limit.clone(), Arc::clone(&self.series));
        Self { labels: self.labels, make: self.make, limit, series }
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
        self.each(|labels, metric| metric.encode(encoder.encode_family(labels)?))
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }

    fn is_empty(&self) -> bool {
        self.read().is_empty()
    }
}
