//! Rules about age, size and number.

mod rivals;

use std::collections::BTreeMap;

use evenkeel_cleanup as cleanup;
use evenkeel_cleanup::{ActionKind, AgeBy, PolicyError, Trigger};

use super::Checker;
use super::permissions::list;
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::settings::CleanupRule;
use crate::value::{Age, OneOrMany, format_size};

/// The keys of which a rule has exactly one.
const TRIGGERS: [&str; 5] = ["older_than", "larger_than", "max_total", "max_count", "watermark"];
/// The keys whose values are sizes, which policies know as numbers.
const SIZES: [&str; 4] = ["larger_than", "max_total", "keep_tail", "max_bytes"];

impl Checker {
    pub(super) fn cleanup(&mut self, rules: &BTreeMap<String, raw::Cleanup>) -> Vec<CleanupRule> {
        let checked: Vec<_> =
            rules.iter().filter_map(|(name, raw)| self.cleanup_rule(name, raw)).collect();
        for (index, rule) in checked.iter().enumerate() {
            for earlier in &checked[..index] {
                self.refuse_rivals(earlier, rule);
            }
        }
        checked
    }

    fn cleanup_rule(&mut self, name: &str, raw: &raw::Cleanup) -> Option<CleanupRule> {
        let rule = Key::of(&["cleanup"]).named(name);
        let named = self.name_is_good(&rule);
        let path = self.need(&rule, "path", raw.path.as_ref(), "path = \"/var/log/app\"");
        let matches = self.need(&rule, "match", raw.r#match.as_ref(), "match = [\"*.log\"]");
        let interval = self.above_zero(&rule, "interval", raw.interval);
        let trigger = self.trigger(&rule, raw);
        let action = self.cleanup_action(&rule, raw);
        let age_by = self.age_by(&rule, raw.age_by.as_ref());
        let draft = cleanup::Draft {
            matches: matches?.0,
            exclude: list(raw.exclude.as_ref()),
            recursive: raw.recursive?,
            unit: match raw.unit? {
                raw::Unit::File => cleanup::Unit::File,
                raw::Unit::Directory => cleanup::Unit::Directory,
            },
            age_by: age_by?,
            keep_newest: raw.keep_newest,
            max_files: raw.max_files,
            max_bytes: raw.max_bytes.map(|size| size.0),
            max_ratio: raw.max_ratio.map(|share| share.0),
            skip_in_use: raw.skip_in_use?,
            max_depth: raw.max_depth,
            run_as: raw.run_as.as_ref().map(|user| user.0.clone()),
            allow_system_path: raw.allow_system_path?,
            ..cleanup::Draft::new(path?, trigger?, action?)
        };
        match cleanup::Policy::try_new(draft) {
            Ok(policy) => {
                named.then_some(CleanupRule { name: name.to_owned(), policy, interval: interval? })
            }
            Err(error) => {
                let index = |many: Option<&OneOrMany<String>>| {
                    many?.0.iter().position(|glob| *glob == error.value)
                };
                let item = match error.key.as_str() {
                    "match" => index(raw.r#match.as_ref()),
                    "exclude" => index(raw.exclude.as_ref()),
                    _ => None,
                };
                self.refuse_cleanup(&rule, item, &error);
                None
            }
        }
    }

    /// Refuses what a policy does not take, of a list the item.
    fn refuse_cleanup(&mut self, rule: &Key, item: Option<usize>, error: &PolicyError) {
        let key = rule.child(&error.key);
        let key = item
            .map(|index| key.item(index))
            .filter(|key| self.tree.locate(key).is_some())
            .unwrap_or(key);
        let value = match error.value.parse() {
            Ok(bytes) if SIZES.contains(&error.key.as_str()) => format_size(bytes),
            _ => error.value.clone(),
        };
        self.refuse_policy(&key, &value, &error.message, &error.accepted);
    }

    fn trigger(&mut self, rule: &Key, raw: &raw::Cleanup) -> Option<Trigger> {
        let watermark = raw.watermark.map(|mark| self.watermark(rule, mark));
        let given = [
            raw.older_than.map(|age| {
                Some(match age {
                    Age::Lasting(age) => Trigger::OlderThan(age),
                    Age::BeforeBoot => Trigger::BeforeBoot,
                })
            }),
            raw.larger_than.map(|size| Some(Trigger::LargerThan(size.0))),
            raw.max_total.map(|size| Some(Trigger::MaxTotal(size.0))),
            raw.max_count.map(|count| Some(Trigger::MaxCount(count))),
            watermark.map(|mark| mark.map(Trigger::Watermark)),
        ];
        let mut given =
            TRIGGERS.into_iter().zip(given).filter_map(|(key, value)| Some((key, value?)));
        let Some((name, trigger)) = given.next() else {
            if self.tree.all_sound(rule, &TRIGGERS) {
                let problem = Problem::new(format!("`{rule}` does not say when an entry is due"))
                    .key_is(rule)
                    .at(self.tree.place_of_key(rule))
                    .label(format!("one of `{}` is missing", TRIGGERS.join("`, `")))
                    .help("such as: older_than = \"7d\", or max_total = \"1GiB\"");
                self.tree.add(&rule.child(TRIGGERS[0]), problem);
            }
            return None;
        };
        if let Some((other, _)) = given.next() {
            let (first, second) = (rule.child(name), rule.child(other));
            let problem = Problem::new(format!("`{rule}` says both `{name}` and `{other}`"))
                .key_is(&second)
                .at(self.tree.place_of_key(&second))
                .label("a rule goes by one of them")
                .see(self.tree.place_of_key(&first), "the other one")
                .help("write two rules, one for each");
            self.tree.add(&second, problem);
            return None;
        }
        trigger
    }

    fn watermark(&mut self, rule: &Key, mark: raw::Watermark) -> Option<cleanup::Watermark> {
        let key = rule.child("watermark");
        let high = self.need(&key, "high", mark.high.as_ref(), "high = \"90%\"");
        let low = self.need(&key, "low", mark.low.as_ref(), "low = \"80%\"");
        let of = match mark.of {
            Some(raw::Resource::Inodes) => cleanup::Resource::Inodes,
            Some(raw::Resource::Disk) | None => cleanup::Resource::Disk,
        };
        Some(cleanup::Watermark { high: high?.0, low: low?.0, of })
    }

    fn age_by(&mut self, rule: &Key, raw: Option<&OneOrMany<String>>) -> Option<AgeBy> {
        let texts = &raw?.0;
        match AgeBy::parse(texts) {
            Ok(age_by) => Some(age_by),
            Err(text) => {
                let item = texts.iter().position(|known| known == text);
                let (key, value) = ("age_by".to_owned(), text.to_owned());
                let message = if text == "all" {
                    "it already stands for several times, and goes alone".to_owned()
                } else {
                    "no time that a filesystem keeps".to_owned()
                };
                let accepted = AgeBy::ACCEPTED.to_owned();
                self.refuse_cleanup(rule, item, &PolicyError { key, value, message, accepted });
                None
            }
        }
    }

    fn cleanup_action(&mut self, rule: &Key, raw: &raw::Cleanup) -> Option<cleanup::Action> {
        let example = "action = \"delete\", \"truncate\", \"trash\" or \"compress\"";
        let kind = match self.need(rule, "action", raw.action.as_ref(), example)? {
            raw::CleanupAction::Delete => ActionKind::Delete,
            raw::CleanupAction::Truncate => ActionKind::Truncate,
            raw::CleanupAction::Trash => ActionKind::Trash,
            raw::CleanupAction::Compress => ActionKind::Compress,
        };
        let keep_tail = raw.keep_tail.map(|size| size.0);
        match cleanup::Action::try_new(kind, keep_tail, raw.trash_ttl.map(|ttl| ttl.0)) {
            Ok(action) => Some(action),
            Err(error) => {
                self.refuse_cleanup(rule, None, &error);
                None
            }
        }
    }
}
