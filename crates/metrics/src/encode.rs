//! Registries to pages.

use prometheus_client::encoding::{prometheus_protobuf, prometheus_text, text};
use prometheus_client::registry::{Metric, Registry, Unit};

use crate::Format;
use crate::names::{Spec, unit};
use crate::protobuf::joined;

/// Registers `metric` under the name that the page shows; the registry adds `_total` to counters, and the unit, itself.
pub(crate) fn register(registry: &mut Registry, spec: &Spec, metric: impl Metric) {
    let name = spec.name.strip_suffix("_total").unwrap_or(spec.name);
    match unit(name) {
        Some(unit) => {
            let name = name.strip_suffix(unit).unwrap_or(name).trim_end_matches('_');
            registry.register_with_unit(name, spec.help, Unit::Other(unit.to_owned()), metric);
        }
        None => registry.register(name, spec.help, metric),
    }
}

/// The page of `registry` in `format`; histograms in `pairs` have their native buckets where the format has some.
pub(crate) fn encode(registry: &Registry, pairs: &Registry, format: Format) -> Vec<u8> {
    match format {
        Format::Text => encode_text(registry).into_bytes(),
        Format::OpenMetrics => encode_openmetrics(registry).into_bytes(),
        Format::Protobuf => {
            // What the pairs have stands for the whole of its family: a check that is new since then is told with the next page.
            let [pairs, page] = [pairs, registry].map(|registry| {
                prometheus_protobuf::encode_to_vec(registry)
                    .expect("a `Vec` takes everything, and no clock of Linux is before 1970")
            });
            joined(&page, &pairs).expect("what was just encoded can be read")
        }
    }
}

/// The page of `registry` as Prometheus text 0.0.4.
pub(crate) fn encode_text(registry: &Registry) -> String {
    let mut page = String::new();
    prometheus_text::encode(&mut page, registry).expect(TAKES_EVERYTHING);
    page
}

/// The page of `registry` as `OpenMetrics` 1.0.0.
pub(crate) fn encode_openmetrics(registry: &Registry) -> String {
    let mut page = String::new();
    text::encode(&mut page, registry).expect(TAKES_EVERYTHING);
    page
}

const TAKES_EVERYTHING: &str = "a `String` takes everything, and no histogram is native only";
