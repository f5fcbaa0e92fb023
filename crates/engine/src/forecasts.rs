//! The conditions that look ahead, over time.

use std::time::Duration;

use evenkeel_config::format_duration;
use evenkeel_health::{Direction, Eta, Forecast, Outlook, Trend};
use evenkeel_moment::Moment;
use evenkeel_probe::{Breach, Condition, Facts, FailureClass, Test, Value};
use evenkeel_shown::Unit;
use evenkeel_shown::said::ConditionCode;

/// What tells one life of a target from the next, the better one first.
const LIFE: [&str; 2] = ["incarnation", "pid"];

/// The forecasts of a check, or of one part of it.
#[derive(Debug)]
pub(crate) struct Forecasts {
    /// By the place of their condition.
    forecasts: Vec<(usize, Forecast)>,
    /// The soonest that a limit is reached by a trend.
    eta: Option<Eta>,
}

impl Forecasts {
    pub(crate) fn new(conditions: &[Condition]) -> Self {
        let forecast = |(place, condition): (usize, &Condition)| match condition.test {
            Test::Reaches { limit, within, falling } => {
                let direction = if falling { Direction::Falling } else { Direction::Rising };
                Some((place, Forecast::new(limit, within, direction)))
            }
            _ => None,
        };
        let forecasts = conditions.iter().enumerate().filter_map(forecast).collect();
        Self { forecasts, eta: None }
    }

    /// Takes in what was seen; says which limits will be reached before long. One that is reached is for the condition itself.
    pub(crate) fn observe(
        &mut self,
        now: Moment,
        conditions: &[Condition],
        facts: &Facts,
    ) -> Vec<Breach> {
        self.eta = None;
        if self.forecasts.is_empty() {
            return Vec::new();
        }
        let life = LIFE.iter().find_map(|field| match facts.get(field)? {
            Value::Text(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
        });
        let mut breaches = Vec::new();
        for (place, forecast) in &mut self.forecasts {
            let Some(condition) = conditions.get(*place) else { continue };
            let Some(value) = facts.number(&condition.field) else { continue };
            let outlook = forecast.observe(now, value, life.as_deref());
            if let Some(eta) = outlook.eta() {
                let soonest = self.eta.is_none_or(|other| eta.likely < other.likely);
                self.eta = if soonest { Some(eta) } else { self.eta };
            }
            if let Outlook::Soon(trend, eta) = outlook {
                breaches.push(Breach {
                    condition: *place,
                    class: FailureClass::Leak,
                    detail: detail(now, &condition.field, value, forecast.limit(), trend, eta)
                        .into(),
                });
            }
        }
        breaches
    }

    /// When the first of the limits is reached by its trend, if there is one.
    pub(crate) const fn eta(&self) -> Option<Eta> {
        self.eta
    }
}

fn detail(
    now: Moment,
    field: &str,
    value: f64,
    limit: f64,
    trend: Trend,
    eta: Eta,
) -> ConditionCode {
    let ahead = |moment: Moment| rough(moment.saturating_since(now));
    let unit = Unit::of_field(field);
    let (value, limit) = unit.write_beside(value, limit);
    ConditionCode::Trend {
        field: field.to_owned(),
        value,
        falls: trend.per_second < 0.0,
        per_hour: unit.write(trend.per_second.abs() * 3_600.0),
        seen_for: rough(trend.seen_for),
        limit,
        likely: ahead(eta.likely),
        earliest: ahead(eta.earliest),
        latest: ahead(eta.latest),
    }
}

/// To the minute, or to the second if it is less than ten.
fn rough(duration: Duration) -> String {
    let unit = if duration < Duration::from_mins(10) { 1 } else { 60 };
    format_duration(Duration::from_secs(duration.as_secs() / unit * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(pid: u32, rss: f64) -> Facts {
        let mut facts: Facts = [("rss_bytes", rss)].into_iter().collect();
        facts.set("pid", pid);
        facts
    }

    fn conditions() -> Vec<Condition> {
        let within = Duration::from_hours(2);
        let test = Test::Reaches { limit: 3e8, within, falling: false };
        let reaches = Condition { field: "rss_bytes".to_owned(), test, sustained_for: None };
        let above = Condition { test: Test::Above(3e8), ..reaches.clone() };
        vec![above, reaches]
    }

    #[test]
    fn a_leak_is_a_breach_of_its_condition_and_says_when_the_limit_is_reached() {
        let conditions = conditions();
        let mut forecasts = Forecasts::new(&conditions);
        // 36 MB an hour from 200 MB on: 300 MB after 10,000 s.
        let mut look = |second: u32, pid| {
            let now = Moment::ORIGIN + Duration::from_secs(second.into());
            let found =
                forecasts.observe(now, &conditions, &facts(pid, 2e8 + 1e4 * f64::from(second)));
            (found, forecasts.eta())
        };
        let mut last = (Vec::new(), None);
        for second in (0..=7_200).step_by(30) {
            last = look(second, 7);
        }
        let (breaches, eta) = last;
        assert_eq!((breaches[0].condition, breaches[0].class), (1, FailureClass::Leak));
        assert_eq!(
            breaches[0].detail,
            "rss_bytes is 272 MB and rises by 36 MB an hour, seen for 2h: at 300 MB in 46m (46m to 46m)"
        );
        let likely = eta.unwrap().likely.saturating_since(Moment::ORIGIN).as_secs();
        assert!((9_990..=10_010).contains(&likely), "{likely}");
        // Started anew, it has no past.
        let (breaches, eta) = look(7_230, 8);
        assert!(breaches.is_empty() && eta.is_none());
    }

    #[test]
    fn without_a_condition_that_looks_ahead_there_is_nothing_to_say() {
        let conditions = &conditions()[..1];
        let mut forecasts = Forecasts::new(conditions);
        assert!(forecasts.observe(Moment::ORIGIN, conditions, &facts(1, 4e8)).is_empty());
        assert_eq!(forecasts.eta(), None);
    }
}
