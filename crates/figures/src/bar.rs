use serde::{Deserialize, Serialize};

/// A figure that must be reached, and whether it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// In words, such as `breaker, closed`.
    pub what: String,
    /// What was measured, in `unit`.
    pub measured: f64,
    /// Such as `ms`; empty for a bare number.
    pub unit: String,
    /// What must be reached, in `unit`.
    pub limit: Limit,
    /// Who else was measured in the same run; the best of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Peer>,
    /// Whether it is reached.
    pub verdict: Verdict,
}

/// On which side of a number a figure must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// That, or less.
    AtMost(f64),
    /// That, or more.
    AtLeast(f64),
}

/// Another program, and its figure in the unit of the bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// Its name.
    pub who: String,
    /// Its figure.
    pub measured: f64,
}

/// Whether a figure is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is.
    Met,
    /// It is not.
    Missed,
    /// What was measured says nothing, for this reason.
    NotJudged(String),
}

impl Bar {
    /// A bar that is met if `measured` is within `limit`, or beyond it by at most the factor `tolerance`: 1.1 forgives a tenth.
    pub fn new(
        what: impl Into<String>,
        measured: f64,
        unit: &str,
        limit: Limit,
        tolerance: f64,
    ) -> Self {
        let reached = match limit {
            Limit::AtMost(most) => measured <= most * tolerance,
            Limit::AtLeast(least) => measured >= least / tolerance,
        };
        Self {
            what: what.into(),
            measured,
            unit: unit.to_owned(),
            limit,
            peer: None,
            verdict: if reached { Verdict::Met } else { Verdict::Missed },
        }
    }

    /// Nothing that can be judged was measured, for this reason.
    pub fn unmeasured(what: impl Into<String>, unit: &str, limit: Limit, why: &str) -> Self {
        Self {
            verdict: Verdict::NotJudged(why.to_owned()),
            ..Self::new(what, 0.0, unit, limit, 1.0)
        }
    }

    /// Not judged if there is a reason.
    #[must_use]
    pub fn unless(mut self, reason: Option<String>) -> Self {
        if let Some(reason) = reason {
            self.verdict = Verdict::NotJudged(reason);
        }
        self
    }

    /// With somebody who was measured in the same run.
    #[must_use]
    pub fn beside(mut self, who: &str, measured: f64) -> Self {
        self.peer = Some(Peer { who: who.to_owned(), measured });
        self
    }

    /// How many times ours the peer's figure is.
    pub fn ratio(&self) -> Option<f64> {
        let peer = self.peer.as_ref()?;
        (self.measured != 0.0).then(|| peer.measured / self.measured)
    }

    /// As a row of [`Bar::HEAD`].
    pub fn row(&self) -> String {
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        let limit = match self.limit {
            Limit::AtMost(most) => format!("≤ {}{unit}", short(most)),
            Limit::AtLeast(least) => format!("≥ {}{unit}", short(least)),
        };
        let peer = self.peer.as_ref().map_or_else(String::new, |peer| {
            format!("{} {}{unit}", peer.who, short(peer.measured))
        });
        let ratio = self.ratio().map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let verdict = match &self.verdict {
            Verdict::Met => "met".to_owned(),
            Verdict::Missed => "**MISSED**".to_owned(),
            Verdict::NotJudged(why) => format!("not judged: {why}"),
        };
        let measured = format!("{}{unit}", short(self.measured));
        format!("| {} | {limit} | {measured} | {peer} | {ratio} | {verdict} |", self.what)
    }

    /// The head of a table of bars.
    pub const HEAD: &str =
        "| bar | must be | measured | peer | times ours | |\n|---|---:|---:|---:|---:|---|";
}

/// With as many digits as say something.
fn short(value: f64) -> String {
    match value.abs() {
        whole if whole.fract() == 0.0 => format!("{whole:.0}"),
        large if large >= 100.0 => format!("{value:.0}"),
        large if large >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_judged_by_its_limit_and_what_the_noise_may_add() {
        let bar = |measured, limit| Bar::new("x", measured, "ms", limit, 1.1).verdict;
        assert_eq!(bar(11.0, Limit::AtMost(10.0)), Verdict::Met);
        assert_eq!(bar(11.1, Limit::AtMost(10.0)), Verdict::Missed);
        assert_eq!(bar(9.1, Limit::AtLeast(10.0)), Verdict::Met);
        assert_eq!(bar(9.0, Limit::AtLeast(10.0)), Verdict::Missed);
        assert_eq!(bar(f64::NAN, Limit::AtMost(10.0)), Verdict::Missed);
    }

    #[test]
    fn a_row_tells_the_limit_the_peer_and_the_ratio() {
        let bar = Bar::new("breaker", 4.0, "ns", Limit::AtMost(8.0), 1.0).beside("failsafe", 12.0);
        assert_eq!(bar.row(), "| breaker | ≤ 8 ns | 4 ns | failsafe 12 ns | 3.00 | met |");
        let why = bar.unless(Some("too busy".to_owned()));
        assert!(why.row().ends_with("| not judged: too busy |"), "{}", why.row());
    }
}
