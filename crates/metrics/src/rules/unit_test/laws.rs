//! What must be true of every rule of one form.

use std::time::Duration;

use super::Case;
use super::render::gcd;

/// The series that a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(in crate::rules) struct Watched<'a> {
    pub(in crate::rules) name: &'a str,
    pub(in crate::rules) labels: &'a [(&'a str, &'a str)],
}

impl Watched<'_> {
    /// Laws of a rule that fires once a gauge was over `limit` for so long.
    pub(in crate::rules) fn over(&self, limit: u64, sustained_for: Duration) -> Vec<Case> {
        self.sustained(limit, limit.saturating_add(2), sustained_for)
    }

    /// Laws of a rule that fires once a gauge was `bad` for so long, and never while it is `good`.
    pub(in crate::rules) fn sustained(
        &self,
        good: u64,
        bad: u64,
        sustained_for: Duration,
    ) -> Vec<Case> {
        self.sustained_as(self.labels, good, bad, sustained_for)
    }

    /// The same of a rule whose elements have other `labels` than the series.
    pub(in crate::rules) fn sustained_as(
        &self,
        labels: &[(&str, &str)],
        good: u64,
        bad: u64,
        sustained_for: Duration,
    ) -> Vec<Case> {
        // Prometheus judges at whole steps: a time between two of them is over at the later one.
        let seconds = sustained_for.as_millis().div_ceil(1000).try_into().unwrap_or(u32::MAX);
        let step = gcd(seconds, 60);
        let steps = seconds / step;
        let case = |what: String, values: String| {
            Case::new(what, Duration::from_secs(step.into())).series(self.name, self.labels, values)
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "Prometheus reads the same number from the digits"
        )]
        let value = bad as f64;

        let stays_good = case(format!("{good} is good"), format!("{good}x{}", 3 * steps + 1));
        let becomes_good = case(
            format!("{bad} for the whole time fires, and {good} resolves it"),
            format!("{bad}x{steps} {good}x{steps}"),
        );
        let becomes_good = if steps > 0 { becomes_good.quiet(steps - 1) } else { becomes_good };
        let mut cases = vec![
            stays_good.quiet(3 * steps),
            becomes_good.fires(steps, labels, value).quiet(steps + 1),
        ];
        if steps > 0 {
            cases.push(
                case(
                    format!("a moment of {good} starts the time again"),
                    format!("{bad}x{} {good} {bad}x{steps}", steps - 1),
                )
                .quiet(steps)
                .quiet(2 * steps)
                .fires(2 * steps + 1, labels, value),
            );
        }
        cases
    }

    /// Laws of a rule that fires at once where a counter grew in the last `range`.
    pub(in crate::rules) fn counted(&self, range: Duration) -> Vec<Case> {
        const MINUTE: Duration = Duration::from_mins(1);
        let minutes = u32::try_from(range.as_secs() / 60).unwrap_or(u32::MAX);
        let case =
            |what: &str, values| Case::new(what, MINUTE).series(self.name, self.labels, values);
        vec![
            case("what was counted before is not told again", format!("7x{}", 2 * minutes))
                .quiet(1)
                .quiet(2 * minutes),
            // Whether a sample at the very start of a range is part of it depends on the version of Prometheus.
            case(
                "one more fires at once, and is forgotten after a while",
                format!("0x4 1x{}", 2 * minutes),
            )
            .quiet(4)
            .fires(5, self.labels, 1.0)
            .fires(5 + minutes - 2, self.labels, 1.0)
            .quiet(5 + minutes),
            case("a counter that begins again is no event", format!("7x4 0x{minutes}"))
                .quiet(5)
                .quiet(10),
        ]
    }
}
