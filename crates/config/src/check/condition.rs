//! Conditions on what a check finds.

use std::time::Duration;

use evenkeel_probe::{Condition, FieldKind, Pattern, Target, Test, Value};
use evenkeel_shown::Unit;

use super::{Checker, plain};
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::value::{Scalar, parse_duration, parse_size};

/// The field that a condition is about.
struct Judged<'a> {
    name: &'a str,
    kind: FieldKind,
}

/// So many results a trend takes at least.
const LEAST_RESULTS: u32 = 24;

/// Whether a figure comes to its limit from above: what is left of something.
fn falls(field: &str) -> bool {
    field.contains("available") || field == "cert_days"
}

impl Checker {
    /// The conditions, all of them good; else `None`.
    pub(super) fn conditions(
        &mut self,
        list: &Key,
        given: Option<&[raw::Condition]>,
        target: &Target,
    ) -> Option<Vec<Condition>> {
        let given = given.unwrap_or_default();
        let conditions: Vec<_> = given
            .iter()
            .enumerate()
            .filter_map(|(index, raw)| self.condition(&list.item(index), raw, target))
            .collect();
        (conditions.len() == given.len() && self.something_is_good(list, &conditions))
            .then_some(conditions)
    }

    fn condition(&mut self, key: &Key, raw: &raw::Condition, target: &Target) -> Option<Condition> {
        let fields = [target.fields(), target.part_fields()].concat();
        let name = self.need(
            key,
            "field",
            raw.field.as_ref(),
            &format!("field = \"{}\"", fields[0].name),
        )?;
        let of_part =
            || target.part_fields().iter().find(|field| field.name == name).map(|field| field.kind);
        let Some(kind) = target.field_kind(&name).or_else(of_part) else {
            let mut known: Vec<_> = fields.iter().map(|field| field.name).collect();
            if matches!(target, Target::Http(_)) {
                known.push("header.NAME");
            }
            let kind = target.kind();
            self.refuse_unknown(
                &key.child("field"),
                format!("{kind} checks have no field `{name}`"),
                &name,
                &known,
            );
            return None;
        };
        if target.never_has(&name) {
            let key = key.child("field");
            let message = format!("`{name}` is never seen of `{target}`");
            self.refuse_with(&key, message, "no TLS, no certificate", &["accepted with TLS alone"]);
            return None;
        }
        let test = self.test(key, raw, &Judged { name: &name, kind })?;
        if raw.within.is_some() && !matches!(test, Test::Reaches { .. }) {
            let key = key.child("within");
            let message = format!("`{key}` says how far ahead, and only a trend looks ahead");
            self.refuse_with(&key, message, "of no use here", &["accepted: with `reaches`"]);
            return None;
        }
        let sustained_for = match raw.r#for {
            Some(given) => Some(self.above_zero(key, "for", Some(given))?),
            None => None,
        };
        Some(Condition { field: name, test, sustained_for })
    }

    fn test(&mut self, key: &Key, raw: &raw::Condition, field: &Judged<'_>) -> Option<Test> {
        let text = |text: &Option<String>| text.clone().map(Scalar::Text);
        let tests = [
            ("above", raw.above.clone()),
            ("below", raw.below.clone()),
            ("at_least", raw.at_least.clone()),
            ("at_most", raw.at_most.clone()),
            ("equals", raw.equals.clone()),
            ("differs", raw.differs.clone()),
            ("contains", text(&raw.contains)),
            ("matches", text(&raw.matches)),
            ("lacks", text(&raw.lacks)),
            ("reaches", raw.reaches.clone()),
        ];
        let names = tests.each_ref().map(|(name, _)| *name);
        let mut given =
            tests.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
        let (Some((name, value)), None) = (given.next(), given.next()) else {
            if self.tree.is_sound(key) {
                let problem = Problem::new(format!(
                    "`{key}` must say in one way what is wrong with `{}`",
                    field.name
                ))
                .key_is(key)
                .at(self.tree.place_of_value(key))
                .help(format!("one of these is needed: {}", names.join(", ")))
                .help("a condition names the fault: the check fails when it holds");
                self.tree.add(key, problem);
            }
            return None;
        };
        let (condition, key) = (key, key.child(name));
        match name {
            "contains" | "matches" | "lacks" => {
                self.text_test(&key, name, &value.to_string(), field)
            }
            "equals" => self.value(&key, &value, field).map(Test::Equals),
            "differs" => self.value(&key, &value, field).map(Test::Differs),
            _ if field.kind == FieldKind::Text => {
                let message = format!("`{key}` compares numbers, and `{}` is a text", field.name);
                self.refuse_with(
                    &key,
                    message,
                    "of no use here",
                    &["accepted: equals, differs, contains, matches, lacks"],
                );
                None
            }
            "reaches" => {
                let within = self.within(condition, raw);
                let (limit, within) = (self.number(&key, &value, field)?, within?);
                Some(Test::Reaches { limit, within, falling: falls(field.name) })
            }
            _ => {
                let number = self.number(&key, &value, field)?;
                Some(match name {
                    "above" => Test::Above(number),
                    "below" => Test::Below(number),
                    "at_least" => Test::AtLeast(number),
                    _ => Test::AtMost(number),
                })
            }
        }
    }

    /// How far ahead a condition looks that goes by a trend.
    fn within(&mut self, condition: &Key, raw: &raw::Condition) -> Option<Duration> {
        let within = self.need(condition, "within", raw.within.as_ref(), "within = \"2h\"")?;
        self.above_zero(condition, "within", Some(within))
    }

    /// A trend takes enough results in the time that is looked back, which is as long as the one ahead.
    pub(super) fn refuse_short_sight(
        &mut self,
        rule: &Key,
        conditions: &[Condition],
        interval: Duration,
    ) -> bool {
        let mut good = true;
        for (index, condition) in conditions.iter().enumerate() {
            let Test::Reaches { within, .. } = condition.test else { continue };
            let needed = interval.saturating_mul(LEAST_RESULTS);
            if within >= needed {
                continue;
            }
            good = false;
            let key = rule.child("conditions").item(index).child("within");
            let problem = Problem::new(format!("`{key}` is too short for a trend"))
                .key_is(&key)
                .at(self.tree.place_of_value(&key))
                .label(format!(
                    "{LEAST_RESULTS} results of one each {} take {}",
                    plain(interval),
                    plain(needed)
                ))
                .help(format!("accepted: {} or more, or a shorter `interval`", plain(needed)));
            self.tree.add(&key, problem);
        }
        good
    }

    fn text_test(&mut self, key: &Key, name: &str, text: &str, field: &Judged<'_>) -> Option<Test> {
        if field.kind != FieldKind::Text {
            let message = format!("`{key}` looks into a text, and `{}` is a number", field.name);
            self.refuse_with(
                key,
                message,
                "of no use here",
                &["accepted: above, below, at_least, at_most, equals, differs"],
            );
            return None;
        }
        let pattern =
            if name == "contains" { Pattern::literal(text) } else { Pattern::try_new(text) };
        match pattern {
            Ok(pattern) if name == "lacks" => Some(Test::Lacks(pattern)),
            Ok(pattern) => Some(Test::Matches(pattern)),
            Err(error) => {
                self.refuse(key, format!("`{key}` is not a regular expression"), error.to_string());
                None
            }
        }
    }

    fn value(&mut self, key: &Key, value: &Scalar, field: &Judged<'_>) -> Option<Value> {
        match field.kind {
            FieldKind::Number => self.number(key, value, field).map(Value::Number),
            FieldKind::Text => Some(Value::Text(value.to_string())),
        }
    }

    /// A number in the unit that the field's name ends in; a text may give it in another one.
    fn number(&mut self, key: &Key, value: &Scalar, field: &Judged<'_>) -> Option<f64> {
        let unit = Unit::of_field(field.name);
        #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
        let number = match value {
            Scalar::Whole(number) => return Some(*number as f64),
            Scalar::Number(number) if number.is_finite() => return Some(*number),
            Scalar::Text(text) if unit == Unit::Bytes => parse_size(text).map(|bytes| bytes as f64),
            Scalar::Text(text) if unit == Unit::Milliseconds => {
                parse_duration(text).map(|time| time.as_secs_f64() * 1_000.0)
            }
            Scalar::Text(text) if unit == Unit::Seconds => {
                parse_duration(text).map(|time| time.as_secs_f64())
            }
            other => {
                let message = format!("`{key}` must be a number: `{}` is one", field.name);
                self.refuse(key, message, format!("`{other}` is not"));
                return None;
            }
        };
        number
            .map_err(|error| {
                let accepted = format!("accepted: {}", error.accepted);
                self.refuse_with(
                    key,
                    format!("bad value for `{key}`"),
                    error.message,
                    &[&accepted],
                );
            })
            .ok()
    }
}
