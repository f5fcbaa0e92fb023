//! What evenkeel saw: of checks and promises as slices of availability, of parts as changes of their state.

use std::collections::BTreeMap;

use evenkeel_config::Settings;
use evenkeel_engine::Slice;
use evenkeel_health::State;
use evenkeel_metrics::availability::Verdict;
use jiff::Timestamp;
use serde::Serialize;

/// How something looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// As it must be.
    Good,
    /// Nobody could tell.
    Unknown,
    /// Nothing was promised of it: it was held.
    Maintenance,
    /// Not as it must be.
    Bad,
}

/// A time over which something looked the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// Its begin.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// How it looked.
    pub look: Look,
}

#[derive(Debug)]
pub(super) struct Seen {
    /// Of each check, by its place in the settings.
    checks: Vec<Vec<Stretch>>,
    /// The places of the checks.
    places: BTreeMap<String, usize>,
    /// Of each part and promise.
    others: BTreeMap<String, Vec<Stretch>>,
    /// How each part looks, since when.
    parts: BTreeMap<String, (Look, Timestamp)>,
    /// The checks and parts of which evenkeel says that they are down.
    down: BTreeMap<String, bool>,
}

impl Seen {
    pub(super) fn new(settings: &Settings) -> Self {
        let names = settings.checks.iter().map(|check| check.name.clone());
        Self {
            checks: vec![Vec::new(); settings.checks.len()],
            places: names.zip(0..).collect(),
            others: BTreeMap::new(),
            parts: BTreeMap::new(),
            down: BTreeMap::new(),
        }
    }

    pub(super) fn slice(&mut self, slice: &Slice) {
        let look = match slice.verdict {
            Verdict::Good => Look::Good,
            Verdict::Bad => Look::Bad,
            Verdict::Unknown => Look::Unknown,
            Verdict::Maintenance => Look::Maintenance,
        };
        let stretch = Stretch { from: slice.from, until: slice.until, look };
        match slice.check.and_then(|check| self.checks.get_mut(check as usize)) {
            Some(known) => add(known, stretch),
            None => self.add_to_other(&slice.subject, stretch),
        }
    }

    fn add_to_other(&mut self, subject: &str, stretch: Stretch) {
        let known = match self.others.get_mut(subject) {
            Some(known) => known,
            None => self.others.entry(subject.to_owned()).or_default(),
        };
        add(known, stretch);
    }

    /// A check or part is in another state. Whether it is down now, if that changed.
    pub(super) fn changed(
        &mut self,
        place: &str,
        is_part: bool,
        to: State,
        now: Timestamp,
    ) -> Option<bool> {
        let look = match to {
            State::Unknown => Look::Unknown,
            State::Up | State::Suspect { .. } | State::Degraded => Look::Good,
            State::Down | State::Recovering { .. } => Look::Bad,
        };
        if is_part && let Some((before, since)) = self.parts.insert(place.to_owned(), (look, now)) {
            self.add_to_other(place, Stretch { from: since, until: now, look: before });
        }
        let down = look == Look::Bad;
        let before = self.down.insert(place.to_owned(), down).unwrap_or(false);
        (before != down).then_some(down)
    }

    /// How one check, part or promise looked until `until`.
    pub(super) fn of(&self, subject: &str, until: Timestamp) -> Vec<Stretch> {
        let of_check = self.places.get(subject).map(|place| &self.checks[*place]);
        let mut all = of_check.or_else(|| self.others.get(subject)).cloned().unwrap_or_default();
        if let Some((look, since)) = self.parts.get(subject).filter(|(_, since)| *since < until) {
            all.push(Stretch { from: *since, until, look: *look });
        }
        all
    }

    /// How a target looked that looks at all of these: at each time the worst.
    pub(super) fn of_places(&self, places: &[String], until: Timestamp) -> Vec<Stretch> {
        let mut looks: Vec<_> = places.iter().flat_map(|place| self.of(place, until)).collect();
        if places.len() > 1 {
            looks = worst_of(&looks);
        }
        looks
    }
}

/// Adds one to those that are known, in their order.
fn add(known: &mut Vec<Stretch>, stretch: Stretch) {
    if stretch.from >= stretch.until {
        return;
    }
    match known.last_mut() {
        Some(last) if last.look == stretch.look && last.until == stretch.from => {
            last.until = stretch.until;
        }
        _ => known.push(stretch),
    }
}

/// At each time the worst of what is told of it.
fn worst_of(all: &[Stretch]) -> Vec<Stretch> {
    // How many stretches of each look begin (or end, below zero) at a time.
    let mut turns: BTreeMap<Timestamp, [i32; 4]> = BTreeMap::new();
    for stretch in all {
        turns.entry(stretch.from).or_default()[stretch.look as usize] += 1;
        turns.entry(stretch.until).or_default()[stretch.look as usize] -= 1;
    }
    let looks = [Look::Good, Look::Unknown, Look::Maintenance, Look::Bad];
    let mut worst: Vec<Stretch> = Vec::new();
    let mut open = [0_i32; 4];
    let mut since = None;
    for (at, change) in turns {
        let look = looks.into_iter().rfind(|look| open[*look as usize] > 0);
        if let (Some(from), Some(look)) = (since, look) {
            match worst.last_mut() {
                Some(last) if last.look == look && last.until == from => last.until = at,
                _ => worst.push(Stretch { from, until: at, look }),
            }
        }
        for (count, change) in open.iter_mut().zip(change) {
            *count += change;
        }
        since = Some(at);
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn stretch(from: i64, until: i64, look: Look) -> Stretch {
        Stretch { from: at(from), until: at(until), look }
    }

    #[test]
    fn of_two_checks_the_worse_one_counts() {
        let all = [
            stretch(0, 100, Look::Good),
            stretch(0, 40, Look::Good),
            stretch(40, 60, Look::Bad),
            stretch(60, 80, Look::Unknown),
        ];
        let expected = [
            stretch(0, 40, Look::Good),
            stretch(40, 60, Look::Bad),
            stretch(60, 80, Look::Unknown),
            stretch(80, 100, Look::Good),
        ];
        assert_eq!(worst_of(&all), expected);
    }

    #[test]
    fn what_nobody_tells_is_no_stretch() {
        let all = [stretch(0, 10, Look::Good), stretch(20, 30, Look::Good)];
        assert_eq!(worst_of(&all), all);
    }
}
