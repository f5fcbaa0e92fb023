//! Conditions that leave no value good: such a check could never be up.

use evenkeel_probe::{Condition, Facts, Test, Value, breaches};

use super::Checker;
use crate::key::Key;
use crate::problem::Problem;

impl Checker {
    /// Whether some value of each field breaks none of the conditions; if not, a problem.
    pub(super) fn something_is_good(&mut self, list: &Key, conditions: &[Condition]) -> bool {
        let mut good = true;
        for (last, condition) in conditions.iter().enumerate() {
            let same: Vec<_> =
                (0..=last).filter(|index| conditions[*index].field == condition.field).collect();
            let all: Vec<_> = same.iter().map(|index| conditions[*index].clone()).collect();
            let [others @ .., _] = same.as_slice() else { continue };
            if leaves_something(&all) || others.is_empty() {
                continue;
            }
            let key = list.item(last);
            let field = &condition.field;
            let mut problem = Problem::new(format!("`{list}` leaves no value of `{field}` good"))
                .key_is(&key)
                .at(self.tree.place_of_value(&key))
                .label(format!("`{field}` {}", condition.test))
                .help("a condition names the fault: the check fails when one of them holds");
            for other in others {
                let text = format!("or `{field}` {}", conditions[*other].test);
                problem = problem.see(self.tree.place_of_value(&list.item(*other)), text);
            }
            self.tree.add(&key, problem);
            good = false;
            // Each further condition on the same field would be found guilty of the same.
            break;
        }
        good
    }
}

/// Whether some value breaks none of these conditions, all of one field. Tests change only at the values that they name, so
/// those, what lies between two of them and what lies outside stand for all values.
fn leaves_something(conditions: &[Condition]) -> bool {
    let mut numbers = Vec::new();
    let mut texts = vec![String::from("\u{0}none of the others")];
    for condition in conditions {
        match &condition.test {
            Test::Above(number)
            | Test::Below(number)
            | Test::AtLeast(number)
            | Test::AtMost(number)
            | Test::Equals(Value::Number(number))
            | Test::Differs(Value::Number(number)) => {
                numbers.push(*number);
            }
            Test::Equals(Value::Text(text)) | Test::Differs(Value::Text(text)) => {
                texts.push(text.clone());
            }
            // What a pattern matches is not for us to enumerate.
            _ => return true,
        }
    }
    numbers.sort_by(f64::total_cmp);
    let between = numbers.windows(2).map(|pair| pair[0].midpoint(pair[1]));
    let outside = numbers.first().map(|first| first - 1.0).into_iter();
    let outside = outside.chain(numbers.last().map(|last| last + 1.0));
    let candidates: Vec<_> = if numbers.is_empty() {
        texts.into_iter().map(Value::Text).collect()
    } else {
        let all = numbers.iter().copied().chain(between).chain(outside);
        all.map(Value::Number).collect()
    };
    candidates.into_iter().any(|value| {
        let mut facts = Facts::default();
        facts.set(conditions[0].field.clone(), value);
        breaches(conditions, &facts).is_empty()
    })
}
