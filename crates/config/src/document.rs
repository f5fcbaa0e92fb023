//! Other files of the same form as settings, read by the same reader: what is wrong with them is told in the same way.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::key::{Key, nearest};
use crate::layer::{Layer, Origin};
use crate::problem::Problem;
use crate::read::Tree;

/// One document, and what was found wrong with it so far.
#[derive(Debug)]
pub struct Document(Tree);

impl Document {
    /// Reads `text` as far as it can be read; `name` is for its problems. What cannot be read is a problem of its own and is not
    /// in what is returned: an unknown key, a value of another kind.
    ///
    /// `Raw` denies unknown fields, and takes its default for what is not there.
    pub fn read<Raw: DeserializeOwned + Default>(
        name: impl AsRef<Path>,
        text: &str,
    ) -> (Self, Raw) {
        let origin = Origin::File(name.as_ref().to_owned());
        let (layers, problems) = match Layer::document(origin, text) {
            Ok(layer) => (vec![layer], Vec::new()),
            Err(problems) => (Vec::new(), problems),
        };
        let (tree, raw) = Tree::read_plain(layers, problems);
        (Self(tree), raw)
    }

    /// The keys that a table has, in the order of the alphabet.
    pub fn keys_of(&self, table: &[&str]) -> Vec<String> {
        self.0.keys_of(&Key::of(table))
    }

    /// Refuses the value of `key`: what is wrong, what is wrong with just that place, and lines about what is accepted. Of what
    /// is said about one key only the first counts.
    pub fn refuse(
        &mut self,
        key: &[&str],
        message: impl Into<String>,
        label: impl Into<String>,
        help: &[&str],
    ) {
        let key = Key::of(key);
        let place = self.0.place_of_value(&key);
        self.add(&key, Problem::new(message).key_is(&key).at(place).label(label), help);
    }

    /// Refuses a key that has no place in its table, where these have one.
    pub fn refuse_key(&mut self, key: &[&str], message: impl Into<String>, known: &[&str]) {
        let key = Key::of(key);
        let place = self.0.place_of_key(&key);
        let label = meant(key.last(), known).unwrap_or_else(|| "no such key here".to_owned());
        let problem = Problem::new(message).key_is(&key).at(place).label(label);
        self.add(&key, problem, &[&accepted(known)]);
    }

    /// Refuses a value that names something which is not one of these.
    pub fn refuse_name(
        &mut self,
        key: &[&str],
        message: impl Into<String>,
        given: &str,
        known: &[&str],
    ) {
        let label = meant(given, known).unwrap_or_else(|| "not known".to_owned());
        self.refuse(key, message, label, &[&accepted(known)]);
    }

    fn add(&mut self, key: &Key, problem: Problem, help: &[&str]) {
        let problem = help.iter().fold(problem, |problem, help| problem.help(*help));
        self.0.add(key, problem);
    }

    /// All that was found wrong, from top to bottom.
    pub fn into_problems(self) -> Vec<Problem> {
        self.0.into_problems()
    }
}

fn meant(given: &str, known: &[&str]) -> Option<String> {
    Some(format!("did you mean `{}`?", nearest(given, known.iter().copied())?))
}

/// A line that names what is accepted: of very many only some.
fn accepted(known: &[&str]) -> String {
    const NAMED: usize = 24;
    if known.is_empty() {
        return "accepted: nothing, as there is none".to_owned();
    }
    let more = known.len().saturating_sub(NAMED);
    let named = known.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if more > 0 {
        format!("accepted: {named}, and {more} more")
    } else {
        format!("accepted: {named}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Raw {
        thing: BTreeMap<String, Thing>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Thing {
        size: u32,
        of: Vec<String>,
    }

    #[test]
    fn what_is_right_is_read_and_all_that_is_wrong_is_told_with_its_place() {
        let text = "[thing.a]\nsize = 3\nof = [\"x\", \"colour\"]\n\n[thing.b]\nsiez = 3\n[thing.c]\nsize = -1\n";
        let (mut document, raw) = Document::read::<Raw>("things.toml", text);
        assert_eq!((raw.thing["a"].size, raw.thing["b"].size), (3, 0));
        assert_eq!(document.keys_of(&["thing", "a"]), ["of", "size"]);
        let known = ["color", "shape"];
        document.refuse_name(
            &["thing", "a", "of", "1"],
            "no `colour` here",
            &raw.thing["a"].of[1],
            &known,
        );
        let problems = document.into_problems();
        let told = |problem: &Problem| {
            let line = problem.place().and_then(crate::Place::line);
            format!("{}: {:?}: {}", line.unwrap_or(0), problem.key(), problem.label_text())
        };
        assert_eq!(
            problems.iter().map(told).collect::<Vec<_>>(),
            [
                "3: Some(\"thing.a.of[1]\"): did you mean `color`?",
                "6: Some(\"thing.b.siez\"): did you mean `size`?",
                "8: Some(\"thing.c.size\"): this is the number -1",
            ]
        );
    }

    #[test]
    fn what_is_no_toml_is_told_and_nothing_is_read() {
        let (document, raw) = Document::read::<Raw>("things.toml", "[thing\n");
        assert!(raw.thing.is_empty());
        assert_eq!(document.into_problems()[0].message(), "not TOML");
    }
}
