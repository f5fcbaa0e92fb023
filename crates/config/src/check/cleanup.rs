//! Rules about age and size.

use std::collections::BTreeMap;

use evenkeel_cleanup as cleanup;

use super::Checker;
use super::permissions::list;
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::settings::CleanupRule;
use crate::value::{OneOrMany, format_size};

impl Checker {
    pub(super) fn cleanup(&mut self, rules: &BTreeMap<String, raw::Cleanup>) -> Vec<CleanupRule> {
        rules.iter().filter_map(|(name, raw)| self.cleanup_rule(name, raw)).collect()
    }

    fn cleanup_rule(&mut self, name: &str, raw: &raw::Cleanup) -> Option<CleanupRule> {
        let rule = Key::of(&["cleanup"]).named(name);
        let named = self.name_is_good(&rule);
        let path = self.need(&rule, "path", raw.path.as_ref(), "path = \"/var/log/app\"");
        let matches = self.need(&rule, "match", raw.r#match.as_ref(), "match = [\"*.log\"]");
        let interval = self.above_zero(&rule, "interval", raw.interval);
        let due = self.due(&rule, raw);
        let action = self.cleanup_action(&rule, raw);
        let draft = cleanup::Draft {
            matches: matches?.0,
            exclude: list(raw.exclude.as_ref()),
            recursive: raw.recursive?,
            age_by: match raw.age_by? {
                raw::AgeBy::Mtime => cleanup::AgeBy::MTIME,
                raw::AgeBy::All => cleanup::AgeBy::ALL,
            },
            max_files: raw.max_files,
            max_bytes: raw.max_bytes.map(|size| size.0),
            skip_in_use: raw.skip_in_use?,
            max_depth: raw.max_depth,
            allow_system_path: raw.allow_system_path?,
            ..cleanup::Draft::new(path?, due?, action?)
        };
        match cleanup::Policy::try_new(draft) {
            Ok(policy) => {
                named.then_some(CleanupRule { name: name.to_owned(), policy, interval: interval? })
            }
            Err(error) => {
                let key = rule.child(&error.key);
                let index = |many: Option<&OneOrMany<String>>| {
                    many?.0.iter().position(|glob| *glob == error.value)
                };
                let item = match error.key.as_str() {
                    "match" => index(raw.r#match.as_ref()),
                    "exclude" => index(raw.exclude.as_ref()),
                    _ => None,
                };
                let key = item
                    .map(|index| key.item(index))
                    .filter(|key| self.tree.locate(key).is_some())
                    .unwrap_or(key);
                let value = match (error.key.as_str(), error.value.parse()) {
                    ("keep_tail", Ok(bytes)) => format_size(bytes),
                    _ => error.value,
                };
                self.refuse_policy(&key, &value, &error.message, &error.accepted);
                None
            }
        }
    }

    fn due(&mut self, rule: &Key, raw: &raw::Cleanup) -> Option<cleanup::Trigger> {
        match (raw.older_than, raw.larger_than) {
            (Some(age), None) => Some(cleanup::Trigger::OlderThan(age.0)),
            (None, Some(size)) => Some(cleanup::Trigger::LargerThan(size.0)),
            (Some(_), Some(_)) => {
                let (age, size) = (rule.child("older_than"), rule.child("larger_than"));
                let problem =
                    Problem::new(format!("`{rule}` says both `older_than` and `larger_than`"))
                        .key_is(&size)
                        .at(self.tree.place_of_key(&size))
                        .label("a rule goes by one of them")
                        .see(self.tree.place_of_key(&age), "the other one")
                        .help("write two rules: one for old files, one for large ones");
                self.tree.add(&size, problem);
                None
            }
            (None, None) => {
                if self.tree.all_sound(rule, &["older_than", "larger_than"]) {
                    let problem = Problem::new(format!("`{rule}` does not say when a file is due"))
                        .key_is(rule)
                        .at(self.tree.place_of_key(rule))
                        .label("`older_than` or `larger_than` is missing")
                        .help("such as: older_than = \"7d\", or larger_than = \"100MiB\"");
                    self.tree.add(&rule.child("older_than"), problem);
                }
                None
            }
        }
    }

    fn cleanup_action(&mut self, rule: &Key, raw: &raw::Cleanup) -> Option<cleanup::Action> {
        let action = self.need(
            rule,
            "action",
            raw.action.as_ref(),
            "action = \"delete\", or action = \"truncate\"",
        )?;
        match (action, raw.keep_tail) {
            (raw::CleanupAction::Delete, None) => Some(cleanup::Action::Delete),
            (raw::CleanupAction::Truncate, tail) => {
                Some(cleanup::Action::Truncate { keep_tail: tail.map_or(0, |size| size.0) })
            }
            (raw::CleanupAction::Delete, Some(_)) => {
                let key = rule.child("keep_tail");
                let message = format!("`{key}` is of no use: a deleted file has no tail");
                self.refuse_with(&key, message, "only with action = \"truncate\"", &[]);
                None
            }
        }
    }
}
