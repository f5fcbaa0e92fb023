//! Layers into one tree, the tree into raw settings; every problem on the way is kept, not only the first.

use std::collections::BTreeSet;

use evenkeel_shown::Secrets;
use figment::Figment;
use figment::error::{Actual, Error, Kind};
use figment::value::{Dict, Value};

use crate::key::{Key, nearest};
use crate::layer::{Layer, Origin};
use crate::problem::{Place, Problem};
use crate::raw;
use crate::spans::Found;

/// What each rule of a section starts from, and each check of a kind.
const RULES: &str = include_str!("rules.toml");

/// The kinds of checks, as the keys that choose them.
pub(crate) const KINDS: [&str; 11] = [
    "http",
    "tcp",
    "dns",
    "unix",
    "exec",
    "process",
    "supervisor",
    "systemd",
    "tmux",
    "file",
    "disk",
];

/// Keys whose table is given as a whole: half of it from a default would change its meaning.
const WHOLE: [&str; 1] = ["failure_threshold"];

/// More problems than this in one load are not read by anyone.
const MAX_PROBLEMS: usize = 200;

/// All layers in one tree, and which keys were found wrong so far.
pub(crate) struct Tree {
    pub(crate) layers: Vec<Layer>,
    /// The effective settings, defaults of rules filled in.
    pub(crate) effective: Dict,
    pub(crate) problems: Vec<Problem>,
    bad: BTreeSet<Key>,
}

impl Tree {
    /// Merges the layers; the raw settings lack what was found wrong.
    pub(crate) fn read(layers: Vec<Layer>, problems: Vec<Problem>) -> (Self, raw::Settings) {
        let figment =
            layers.iter().fold(Figment::new(), |figment, layer| layer.merge_into(figment));
        let mut tree = Self { layers, effective: Dict::new(), problems, bad: BTreeSet::new() };
        let mut value = match figment.find_value("") {
            Ok(value) => value,
            Err(error) => {
                for error in error {
                    tree.problems.push(Problem::new(error.to_string()));
                }
                Value::from(Dict::new())
            }
        };
        if let Value::Dict(_, sections) = &mut value {
            fill_in_defaults(sections);
        }
        let raw = tree.extract(&mut value);
        if let Value::Dict(_, sections) = value {
            tree.effective = sections;
        }
        (tree, raw)
    }

    /// Takes out each value that cannot be read, with its problem, until the rest can.
    fn extract(&mut self, value: &mut Value) -> raw::Settings {
        while self.problems.len() < MAX_PROBLEMS {
            let error = match value.deserialize::<raw::Settings>() {
                Ok(settings) => return settings,
                Err(error) => error,
            };
            let key = Key::from_segments(error.path.clone());
            let problem = self.explain(&key, &error, value);
            self.problems.push(problem);
            let mut taken = key.clone();
            // Items of a list are known by their places, so a list goes as a whole.
            while let Some(above) = taken.parent().filter(|_| is_index(&taken)) {
                taken = above;
            }
            self.bad.insert(key);
            if !remove(value, taken.segments()) {
                break;
            }
            self.bad.insert(taken);
        }
        raw::Settings::default()
    }

    fn explain(&self, key: &Key, error: &Error, value: &Value) -> Problem {
        let problem = match &error.kind {
            Kind::UnknownField(name, known) => return self.unknown_key(key, name, known),
            Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
                Problem::new(format!("`{key}` must be {}", in_words(expected)))
                    .label(format!("this is {}", actual_in_words(actual)))
            }
            Kind::UnknownVariant(given, known) => {
                let problem = Problem::new(format!("`{key}` cannot be `{given}`"));
                let problem = match nearest(given, known.iter().copied()) {
                    Some(near) => problem.label(format!("did you mean `{near}`?")),
                    None => problem,
                };
                problem.help(format!("accepted: {}", known.join(", ")))
            }
            Kind::MissingField(name) => Problem::new(format!("`{key}` needs `{name}`")),
            Kind::Message(text) => {
                let mut lines = text.lines();
                let problem = Problem::new(format!("bad value for `{key}`"))
                    .label(lines.next().unwrap_or_default());
                lines.fold(problem, Problem::help)
            }
            other => Problem::new(format!("bad value for `{key}`")).label(other.to_string()),
        };
        // A list's item that stands for the whole list has no place of its own.
        let at = if find(value, key.segments()).is_some() {
            key.clone()
        } else {
            key.parent().unwrap_or_default()
        };
        problem.key_is(key).at(self.place_of_value(&at))
    }

    fn unknown_key(&self, key: &Key, name: &str, known: &[&str]) -> Problem {
        let table = key.parent().filter(|table| !table.segments().is_empty());
        let what = match &table {
            Some(table) => format!("unknown key `{name}` in `{table}`"),
            None => format!("unknown section `{name}`"),
        };
        let problem = Problem::new(what).key_is(key).at(self.place_of_key(key));
        let problem = match nearest(name, known.iter().copied()) {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem.label("no such key"),
        };
        problem.help(format!("accepted: {}", known.join(", ")))
    }

    /// The layer that has the last word on `key`, and where it stands there.
    pub(crate) fn locate(&self, key: &Key) -> Option<(&Layer, Found)> {
        let by = |find: fn(&Layer, &Key) -> Option<Found>| {
            self.layers.iter().rev().find_map(|layer| find(layer, key).map(|found| (layer, found)))
        };
        by(Layer::find).or_else(|| by(Layer::find_below))
    }

    /// Whether some layer other than the built-in one says something about `key`.
    pub(crate) fn is_written(&self, key: &Key) -> bool {
        self.locate(key).is_some_and(|(layer, _)| layer.origin != Origin::Default)
    }

    /// Where the key stands, or the nearest table above it that does.
    pub(crate) fn place_of_key(&self, key: &Key) -> Option<Place> {
        self.place(key, |found| found.key.clone())
    }

    /// Where the value stands, or the key of the nearest table above it.
    pub(crate) fn place_of_value(&self, key: &Key) -> Option<Place> {
        self.place(key, |found| found.value.clone())
    }

    fn place(&self, key: &Key, of: impl Fn(&Found) -> std::ops::Range<usize>) -> Option<Place> {
        if let Some((layer, found)) = self.locate(key) {
            return Some(Place::new(layer, of(&found), found.value.clone()));
        }
        let mut above = key.parent();
        while let Some(table) = above {
            if let Some((layer, found)) =
                self.locate(&table).filter(|(layer, _)| layer.origin != Origin::Default)
            {
                return Some(Place::new(layer, found.key.clone(), found.value));
            }
            above = table.parent();
        }
        None
    }

    /// The secrets of all layers, also of values that another layer overrides: both may have been sent.
    pub(crate) fn secrets(&self) -> Secrets {
        Secrets::new(self.layers.iter().flat_map(|layer| layer.secrets.iter().cloned()))
    }

    /// The problems as one reads the layers: from the lowest to the highest, from top to bottom.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let secrets = self.secrets();
        let hidden = self.problems.into_iter().map(|problem| problem.hide(&secrets));
        let mut problems: Vec<_> = hidden.collect();
        problems.sort_by_key(|problem| {
            let place = problem.place()?;
            let rank = self.layers.iter().position(|layer| place.is_in(layer))?;
            Some((rank, place.start()))
        });
        problems
    }

    /// Keeps a problem about `key`; others about the same key were said already and are more to the point.
    pub(crate) fn add(&mut self, key: &Key, problem: Problem) {
        if self.is_sound(key) && self.problems.len() < MAX_PROBLEMS {
            self.bad.insert(key.clone());
            self.problems.push(problem);
        }
    }

    /// Whether nothing was found wrong with the key, with what is in it, or with what it is in.
    pub(crate) fn is_sound(&self, key: &Key) -> bool {
        !self.bad.iter().any(|bad| bad.starts_with(key) || key.starts_with(bad))
    }

    pub(crate) fn all_sound(&self, rule: &Key, keys: &[&str]) -> bool {
        keys.iter().all(|name| self.is_sound(&rule.child(name)))
    }
}

fn fill_in_defaults(sections: &mut Dict) {
    let defaults = toml::from_str::<Dict>(RULES).expect("a test reads the defaults of rules");
    if let Some(Value::Dict(_, alerts)) = sections.get_mut("alerts") {
        fill_in_alerts(alerts, &defaults);
    }
    for (section, default) in defaults.iter().filter(|(section, _)| *section != "kinds") {
        let Some(Value::Dict(_, rules)) = sections.get_mut(section) else { continue };
        for rule in rules.values_mut() {
            let Value::Dict(_, rule) = rule else { continue };
            let kind = KINDS.iter().find(|kind| section == "check" && rule.contains_key(**kind));
            let of_kind =
                kind.and_then(|kind| defaults.get("kinds")?.as_dict()?.get(*kind)?.as_dict());
            of_kind.into_iter().chain(default.as_dict()).for_each(|default| fill_in(rule, default));
        }
    }
}

/// Receivers and the dead man stand a level lower than rules.
fn fill_in_alerts(alerts: &mut Dict, defaults: &Dict) {
    let of = |name: &str| defaults.get(name).and_then(Value::as_dict);
    if let (Some(Value::Dict(_, receivers)), Some(default)) =
        (alerts.get_mut("receiver"), of("receiver"))
    {
        for receiver in receivers.values_mut() {
            if let Value::Dict(_, receiver) = receiver {
                fill_in(receiver, default);
            }
        }
    }
    if let (Some(Value::Dict(_, dead_man)), Some(default)) =
        (alerts.get_mut("dead_man"), of("dead_man"))
    {
        fill_in(dead_man, default);
    }
}

fn fill_in(given: &mut Dict, defaults: &Dict) {
    for (key, default) in defaults {
        match (given.get_mut(key), default) {
            (None, _) => {
                given.insert(key.clone(), default.clone());
            }
            (Some(Value::Dict(_, given)), Value::Dict(_, defaults))
                if !WHOLE.contains(&key.as_str()) =>
            {
                fill_in(given, defaults);
            }
            (Some(_), _) => {}
        }
    }
}

fn is_index(key: &Key) -> bool {
    // Rules may be named by digits, but their names stand at the second level.
    key.segments().len() > 2 && key.last().bytes().all(|byte| byte.is_ascii_digit())
}

fn find<'a>(value: &'a Value, segments: &[String]) -> Option<&'a Value> {
    segments.iter().try_fold(value, |value, segment| match value {
        Value::Dict(_, table) => table.get(segment),
        Value::Array(_, items) => items.get(segment.parse::<usize>().ok()?),
        _ => None,
    })
}

fn remove(value: &mut Value, segments: &[String]) -> bool {
    let Some((first, rest)) = segments.split_first() else { return false };
    match value {
        Value::Dict(_, table) if rest.is_empty() => table.remove(first).is_some(),
        Value::Dict(_, table) => table.get_mut(first).is_some_and(|inner| remove(inner, rest)),
        Value::Array(_, items) => {
            let item = first.parse::<usize>().ok().and_then(|index| items.get_mut(index));
            item.is_some_and(|item| remove(item, rest))
        }
        _ => false,
    }
}

/// What serde expects, as a person would say it.
fn in_words(expected: &str) -> String {
    match expected {
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" => "a whole number from 0 on".to_owned(),
        "i64" => "a whole number".to_owned(),
        "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "string or map" | "path string" => "a text in quotes".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other if other.starts_with("enum ") || other.starts_with("variant") => {
            "a text in quotes".to_owned()
        }
        other => other.to_owned(),
    }
}

fn actual_in_words(actual: &Actual) -> String {
    match actual {
        Actual::Bool(value) => format!("`{value}`"),
        Actual::Unsigned(value) => format!("the number {value}"),
        Actual::Signed(value) => format!("the number {value}"),
        Actual::Float(value) => format!("the number {value}"),
        Actual::Char(value) => format!("the text \"{value}\""),
        Actual::Str(value) => format!("the text \"{value}\""),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}
