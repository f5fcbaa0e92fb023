//! Tests of one row of the table of burn rates, with windows as long as they are.

use std::time::Duration;

use super::{AGENT, Case};
use crate::availability::{BurnRule, Decimal};
use crate::rules::inputs::Objective;
use crate::rules::scrape::AGENT_JOB;
use crate::{SliceVerdict, names};

/// Slices in one step of a test: `bad` of them, or none, are bad. So many that all figures are whole numbers.
#[derive(Clone, Copy)]
struct Pace {
    bad: u64,
    all: u64,
}

/// Counted for days they are still exact as floating point.
const MOST_SLICES: u64 = 10_000_000_000;

impl Pace {
    /// One and a half times what `limit` allows: over this limit, and below that of the next shorter window.
    fn over(limit: Decimal, min_bad: u64) -> Self {
        let share = limit * Decimal::thousandths(1500);
        let mut pace = Self { bad: 0, all: 10_000 };
        // One step alone must be enough to judge.
        while pace.bad < min_bad.max(10) && pace.all < MOST_SLICES {
            pace.all *= 10;
            pace.bad = (share.of(pace.all) + 1).min(pace.all);
        }
        pace
    }
}

/// `longest`: no other row of the same alert has a longer window.
pub(in crate::rules) fn cases(
    objective: &Objective,
    row: &BurnRule,
    limit: Decimal,
    sustained_for: Duration,
    longest: bool,
) -> Vec<Case> {
    let test = Test {
        objective,
        row,
        step: if row.short.length() <= Duration::from_mins(30) {
            Duration::from_mins(1)
        } else {
            Duration::from_mins(5)
        },
        pace: Pace::over(limit, objective.promise.min_bad),
    };
    let mut cases = vec![test.sustained(sustained_for, longest), test.spike(limit, sustained_for)];
    cases.extend(test.few(sustained_for));
    cases
}

struct Test<'a> {
    objective: &'a Objective,
    row: &'a BurnRule,
    step: Duration,
    pace: Pace,
}

impl Test<'_> {
    fn case(&self, what: &str) -> Case {
        let (long, short) = (self.row.long.as_str(), self.row.short.as_str());
        Case::new(format!("{} over {long} and {short}: {what}", self.objective.name), self.step)
    }

    fn steps(&self, time: Duration) -> u32 {
        u32::try_from(time.as_secs() / self.step.as_secs()).unwrap_or(u32::MAX)
    }

    fn slices(&self, case: Case, instance: &str, verdict: SliceVerdict, values: String) -> Case {
        let labels = [
            ("slo", self.objective.name.as_str()),
            ("verdict", verdict.as_str()),
            ("job", AGENT_JOB),
            ("instance", instance),
        ];
        case.series(names::SLO_SLICES, &labels, values)
    }

    fn both(&self, case: Case, bad: String, good: String) -> Case {
        let [_, (_, instance)] = AGENT;
        let case = self.slices(case, instance, SliceVerdict::Bad, bad);
        self.slices(case, instance, SliceVerdict::Good, good)
    }

    fn labels(&self) -> Vec<(&str, &str)> {
        [&[("slo", self.objective.name.as_str())], &AGENT[..]].concat()
    }

    /// Bad at a pace that is over the limit, for the longer window or more, and then good.
    fn sustained(&self, sustained_for: Duration, longest: bool) -> Case {
        let (long, short) =
            (self.steps(self.row.long.length()), self.steps(self.row.short.length()));
        let pending = self.steps(sustained_for);
        let Pace { bad, all } = self.pace;
        // So many good slices at the start that this is nothing over the longer windows of the same alert, which must stay
        // silent here; for this row's own window it is as if it had just begun once they have left it.
        let before = if longest { 0 } else { u64::from(long) * all * 100 };
        let begins = if longest { 2 } else { long + 1 };
        let fires = begins + pending;
        let ends = fires.max(3 * short + 1);
        let bad_steps = u64::from(ends) - 1;

        let good = all - bad;
        let bad_values = format!("0 0+{bad}x{} {}x{}", ends - 1, bad_steps * bad, 2 * short);
        let then = before + bad_steps * good + all;
        let good_values = format!("0 {before}+{good}x{} {then}+{all}x{}", ends - 1, 2 * short);
        let case = self.case(
            "what goes on fires, and resolves after the shorter window, long before the longer one",
        );
        let case = self.both(case, bad_values, good_values);
        let other = "other.example:9720";
        let case = self.slices(case, other, SliceVerdict::Bad, format!("0x{}", ends + 2 * short));
        let well = format!("0+{all}x{}", ends + 2 * short);
        let case = self.slices(case, other, SliceVerdict::Good, well);
        #[expect(clippy::cast_precision_loss, reason = "so few slices are exact")]
        let share = bad as f64 / all as f64;
        case.quiet(fires - 1)
            .fires(fires, &self.labels(), share)
            .fires(ends, &self.labels(), share)
            .quiet(ends + short + 1)
    }

    /// Twice the limit in the shorter window, all of it in one step, after good times.
    fn spike(&self, limit: Decimal, sustained_for: Duration) -> Case {
        let (long, short) =
            (self.steps(self.row.long.length()), self.steps(self.row.short.length()));
        let pending = self.steps(sustained_for);
        let all = self.pace.all;
        let spike = (limit * Decimal::thousandths(2000)).of(all * u64::from(short)) + 1;
        let before = u64::from(long) * all;
        let after = 2 * short;
        let bad = format!("0x{} {spike}x{after}", short + 2);
        let good = format!("0 {before}+{all}x{}", short + 2 + after);
        let begins = short + 3;
        self.both(self.case("a short spike does not"), bad, good)
            .quiet(begins)
            .quiet(begins + pending + 1)
            .quiet(begins + short)
    }

    /// Nothing but bad slices, and one fewer than are needed.
    fn few(&self, sustained_for: Duration) -> Option<Case> {
        let bad = self.objective.promise.min_bad.checked_sub(1).filter(|bad| *bad > 0)?;
        let fires = 21 + self.steps(sustained_for) + 1;
        let case = self.case("too few slices to judge do not");
        let case = self.both(case, format!("0x20 {bad}x5"), format!("0x{fires}"));
        // By then an alert would fire, and the slices are still in the shorter window.
        Some(case.quiet(21).quiet(fires))
    }
}
