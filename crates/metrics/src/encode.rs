//! Registries to text.

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::{Metric, Registry, Unit};

use crate::Format;
use crate::names::{Spec, unit};

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

pub(crate) fn encode(registry: &Registry, format: Format) -> String {
    let mut page = String::new();
    let done = match format {
        Format::Text => prometheus_text::encode(&mut page, registry),
        Format::OpenMetrics => text::encode(&mut page, registry),
    };
    done.expect("a `String` takes everything, and no histogram is native only");
    page
}
