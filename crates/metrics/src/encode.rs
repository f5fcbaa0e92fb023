//! Registries to text.

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::{Metric, Registry};

use crate::Format;

/// Registers `metric` under the name that the page shows; the registry adds `_total` to counters itself.
pub(crate) fn register(registry: &mut Registry, name: &str, help: &str, metric: impl Metric) {
    registry.register(name.strip_suffix("_total").unwrap_or(name), help, metric);
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
