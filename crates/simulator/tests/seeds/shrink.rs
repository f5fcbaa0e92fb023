//! A case that breaks a law, made as small as it can be while it breaks the same one.

use std::time::Duration;

use evenkeel_moment::Moment;
use toml::{Table, Value};

use crate::case::Case;
use crate::laws::{Broken, Laws};
use crate::sweep::play;

/// So many runs at most.
const MOST_RUNS: u32 = 4_000;

/// The smallest case that was found to break the same law, and how it does.
pub(crate) fn shrink(case: &Case, broken: &Broken) -> (Case, Broken) {
    let broken = broken.clone();
    let mut shrinking = Shrinking { best: case.clone(), broken, runs: 0 };
    while shrinking.runs < MOST_RUNS && shrinking.round() {}
    (shrinking.best, shrinking.broken)
}

struct Shrinking {
    best: Case,
    broken: Broken,
    runs: u32,
}

/// What is taken out: the key of a table or the place in a list, at each level.
type Path = Vec<String>;

impl Shrinking {
    /// Tries everything once; whether something was left out.
    fn round(&mut self) -> bool {
        let mut smaller = self.shorten();
        // What is above comes first: with a whole fault go all of its keys.
        for path in paths(&self.best.faults) {
            smaller |= self.attempt(|case| remove(&mut case.faults, &path));
        }
        for path in paths(&self.best.reloads) {
            smaller |= self.attempt(|case| remove(&mut case.reloads, &path));
        }
        let checks: Vec<String> = names(&self.best.settings, "check");
        for check in checks {
            smaller |= self.attempt(|case| without_check(&mut case.settings, &check));
        }
        for path in paths(&self.best.settings) {
            smaller |= self.attempt(|case| remove(&mut case.settings, &path));
        }
        smaller
    }

    /// Ends the run right after the law is broken.
    fn shorten(&mut self) -> bool {
        let hour = Moment::ORIGIN + Duration::from_hours(1);
        let until = self.broken.at.saturating_since(hour) + Duration::from_secs(1);
        let until = Duration::from_secs(until.as_secs());
        let mut smaller = until < self.best.lasts
            && self.attempt(|case| {
                case.lasts = until;
                true
            });
        for _ in 0..6 {
            smaller |= self.attempt(|case| {
                case.lasts = Duration::from_secs(case.lasts.as_secs() * 3 / 4);
                !case.lasts.is_zero()
            });
        }
        smaller
    }

    /// Keeps a change if the law is still broken with it.
    fn attempt(&mut self, change: impl FnOnce(&mut Case) -> bool) -> bool {
        let mut case = self.best.clone();
        if self.runs >= MOST_RUNS || !change(&mut case) {
            return false;
        }
        self.runs += 1;
        let Ok(played) = play(&case, Laws::all()) else { return false };
        match played.broken {
            Some(broken) if broken.law == self.broken.law => {
                (self.best, self.broken) = (case, broken);
                true
            }
            _ => false,
        }
    }
}

fn names(settings: &Table, section: &str) -> Vec<String> {
    let table = settings.get(section).and_then(Value::as_table);
    table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

/// Everything that could be taken out, what is above before what is in it.
fn paths(table: &Table) -> Vec<Path> {
    let mut all = Vec::new();
    let mut next: Vec<(Path, &Value)> =
        table.iter().map(|(key, value)| (vec![key.clone()], value)).collect();
    while !next.is_empty() {
        let mut below = Vec::new();
        for (path, value) in next {
            let deeper = |key: String| path.iter().cloned().chain([key]).collect();
            match value {
                Value::Table(table) => {
                    below.extend(table.iter().map(|(key, value)| (deeper(key.clone()), value)));
                }
                Value::Array(items) => {
                    // From behind: the places of those before stay as they are.
                    let items = items.iter().enumerate().rev();
                    below.extend(items.map(|(place, item)| (deeper(place.to_string()), item)));
                }
                _ => {}
            }
            all.push(path);
        }
        next = below;
    }
    all
}

fn remove(table: &mut Table, path: &[String]) -> bool {
    match path {
        [] => false,
        [key] => table.remove(key).is_some(),
        [key, rest @ ..] => table.get_mut(key).is_some_and(|value| remove_in(value, rest)),
    }
}

fn remove_in(value: &mut Value, path: &[String]) -> bool {
    match (value, path) {
        (Value::Table(table), path) => remove(table, path),
        (Value::Array(items), [place, rest @ ..]) => {
            let Some(place) = place.parse().ok().filter(|place| *place < items.len()) else {
                return false;
            };
            if rest.is_empty() {
                items.remove(place);
                return true;
            }
            remove_in(&mut items[place], rest)
        }
        _ => false,
    }
}

/// Takes out a check, and all that names it.
fn without_check(settings: &mut Table, check: &str) -> bool {
    let Some(checks) = settings.get_mut("check").and_then(Value::as_table_mut) else {
        return false;
    };
    if checks.remove(check).is_none() {
        return false;
    }
    for section in ["check", "recovery", "slo"] {
        let Some(table) = settings.get_mut(section).and_then(Value::as_table_mut) else { continue };
        for (_, of) in table.iter_mut() {
            for key in ["depends_on", "when", "checks"] {
                let names = of.as_table_mut().and_then(|of| of.get_mut(key));
                if let Some(names) = names.and_then(Value::as_array_mut) {
                    names.retain(|name| name.as_str() != Some(check));
                }
            }
        }
        let is_left = |of: &Value| {
            ["when", "checks"].iter().all(|key| {
                of.get(key).and_then(Value::as_array).is_none_or(|names| !names.is_empty())
            })
        };
        table.retain(|_, of| is_left(of));
    }
    true
}
