//! What a check depends on: checks that there are, and in no circle.

use std::collections::BTreeMap;

use super::Checker;
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::value::OneOrMany;

impl Checker {
    /// The names of the checks that `name` depends on, all of them known.
    pub(super) fn dependencies(
        &mut self,
        rule: &Key,
        name: &str,
        given: Option<&OneOrMany<String>>,
        rules: &BTreeMap<String, raw::Check>,
    ) -> Option<Vec<String>> {
        let Some(OneOrMany(names)) = given else { return Some(Vec::new()) };
        let key = rule.child("depends_on");
        if let Some(index) = names.iter().position(|other| other == name) {
            let message = format!("`{key}` names the check itself");
            self.refuse(&key.item(index), message, "it would wait for itself for ever");
            return None;
        }
        self.checks_are_known(&key, names, rules).then(|| names.clone())
    }

    /// Checks that depend on one another in a circle would all be victims of each other, and none would be recovered.
    pub(super) fn refuse_circles(&mut self, rules: &BTreeMap<String, raw::Check>) {
        let mut done = Vec::new();
        for name in rules.keys() {
            if let Some(circle) = circle(rules, name, &mut Vec::new(), &mut done) {
                let (from, to) = (circle[circle.len() - 2], circle[circle.len() - 1]);
                let of = |check: &str| Key::of(&["check"]).named(check).child("depends_on");
                let names = |check: &str| rules[check].depends_on.as_ref();
                let place = |check: &str, other: &str| {
                    let names = names(check)?;
                    Some(of(check).item(names.0.iter().position(|name| name == other)?))
                };
                let Some(key) = place(from, to) else { continue };
                let shown = circle.join(" -> ");
                let mut problem =
                    Problem::new(format!("the checks depend on one another in a circle: {shown}"))
                        .key_is(&key)
                        .at(self.tree.place_of_value(&key))
                        .label("this closes the circle")
                        .help("each would wait for the others for ever: take out one of these");
                for pair in circle.windows(2).take(circle.len() - 2) {
                    if let Some(key) = place(pair[0], pair[1]) {
                        let text = format!("`{}` depends on `{}`", pair[0], pair[1]);
                        problem = problem.see(self.tree.place_of_value(&key), text);
                    }
                }
                self.tree.add(&key, problem);
            }
        }
    }
}

/// The first circle that a walk along the dependencies of `name` meets, its first check named again at its end.
fn circle<'a>(
    rules: &'a BTreeMap<String, raw::Check>,
    name: &'a str,
    path: &mut Vec<&'a str>,
    done: &mut Vec<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(start) = path.iter().position(|other| *other == name) {
        return Some(path[start..].iter().copied().chain([name]).collect());
    }
    if done.contains(&name) {
        return None;
    }
    done.push(name);
    path.push(name);
    let next = rules.get(name).and_then(|check| check.depends_on.as_ref());
    let found = next
        .into_iter()
        .flat_map(|names| &names.0)
        // What names itself was refused where it does.
        .filter(|other| *other != name)
        .find_map(|other| circle(rules, other, path, done));
    path.pop();
    found
}
