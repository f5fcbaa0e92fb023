//! Unit tests of the rules, in the form of `promtool test rules`.

pub(super) mod burn;
mod laws;
mod render;

use std::time::Duration;

use super::expr::Element;
use super::scrape::AGENT_JOB;
use super::yaml::quoted;

pub(super) use laws::Watched;
pub(super) use render::render;

/// The agent in the tests.
pub(super) const INSTANCE: &str = "host.example:9720";
/// What every series of its page has.
pub(super) const AGENT: [(&str, &str); 2] = [("job", AGENT_JOB), ("instance", INSTANCE)];

/// One recorded input and what must be said about it when.
#[derive(Debug, Clone)]
pub(super) struct Case {
    what: String,
    /// From one sample to the next.
    step: Duration,
    series: Vec<(String, String)>,
    expected: Vec<(Duration, Option<Element>)>,
}

impl Case {
    pub(super) fn new(what: impl Into<String>, step: Duration) -> Self {
        Self { what: what.into(), step, series: Vec::new(), expected: Vec::new() }
    }

    /// A series, and its samples as promtool writes them.
    pub(super) fn series(
        mut self,
        name: &str,
        labels: &[(&str, &str)],
        values: impl Into<String>,
    ) -> Self {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        self.series.push((format!("{name}{{{}}}", labels.join(",")), values.into()));
        self
    }

    /// At this sample, counted from zero, the alert does not fire.
    pub(super) fn quiet(mut self, at: u32) -> Self {
        self.expected.push((self.step * at, None));
        self
    }

    /// At this sample it fires, and only for an element like this.
    pub(super) fn fires(mut self, at: u32, labels: &[(&str, &str)], value: f64) -> Self {
        let element = Element { labels: labels.iter().copied().collect(), value };
        self.expected.push((self.step * at, Some(element)));
        self
    }
}
