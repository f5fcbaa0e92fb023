//! Rules about files: permissions and cleanup.

use std::collections::BTreeMap;
use std::path::Path;

use evenkeel_cleanup as cleanup;
use evenkeel_permissions as permissions;
use evenkeel_permissions::Principal;

use super::Checker;
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::settings::{CleanupRule, PermissionRule};
use crate::value::{NameOrNumber, OneOrMany, format_mode, format_size};

impl Checker {
    pub(super) fn permissions(
        &mut self,
        rules: &BTreeMap<String, raw::Permissions>,
    ) -> Vec<PermissionRule> {
        let checked: Vec<_> =
            rules.iter().filter_map(|(name, raw)| self.permission_rule(name, raw)).collect();
        for (index, rule) in checked.iter().enumerate() {
            for earlier in &checked[..index] {
                self.refuse_contradiction(earlier, rule);
            }
        }
        checked
    }

    fn permission_rule(&mut self, name: &str, raw: &raw::Permissions) -> Option<PermissionRule> {
        let rule = Key::of(&["permissions"]).named(name);
        let named = self.name_is_good(&rule);
        let path = self.need(&rule, "path", raw.path.as_ref(), "path = \"/srv/app\"");
        let interval = self.above_zero(&rule, "interval", raw.interval);
        let mut files = Vec::new();
        for (index, file) in raw.files.iter().flatten().enumerate() {
            let item = rule.child("files").item(index);
            let glob = self.need(&item, "match", file.r#match.as_ref(), "match = \"*.hash\"");
            let mode = self.need(&item, "mode", file.mode.as_ref(), "mode = \"0644\"");
            files.extend(
                glob.zip(mode).map(|(glob, mode)| permissions::FileRule { glob, mode: mode.0 }),
            );
        }
        let draft = permissions::Draft {
            path: path?,
            create: raw.create?,
            owner: raw.owner.as_ref().map(principal),
            group: raw.group.as_ref().map(principal),
            directory_mode: raw.directory_mode.map(|mode| mode.0),
            files,
            exclude: list(raw.exclude.as_ref()),
            recursive: raw.recursive?,
            adopt: raw.adopt.iter().flat_map(|many| &many.0).map(principal).collect(),
            max_depth: raw.max_depth,
            allow_system_path: raw.allow_system_path?,
        };
        let wanted = |error: &permissions::PolicyError| match error.key.as_str() {
            "files.match" => raw
                .files
                .iter()
                .flatten()
                .position(|file| file.r#match.as_ref() == Some(&error.value)),
            _ => None,
        };
        match permissions::Policy::try_new(draft) {
            Ok(policy) => named.then_some(PermissionRule {
                name: name.to_owned(),
                policy,
                watch: raw.watch?,
                interval: interval?,
            }),
            // A rule asks for nothing once what it asked for was taken out as wrong.
            Err(error) if error.key == "path" && !self.tree.is_sound(&rule) => None,
            Err(error) => {
                let key = match wanted(&error) {
                    Some(index) => rule.child("files").item(index).child("match"),
                    None => rule.child(error.key.split('.').next().unwrap_or_default()),
                };
                self.refuse_policy(&key, &error.value, &error.message, &error.accepted);
                None
            }
        }
    }

    /// Two rules that want different things of one entry would undo each other for ever.
    fn refuse_contradiction(&mut self, one: &PermissionRule, other: &PermissionRule) {
        let (a, b) = (one.policy.draft(), other.policy.draft());
        if !same_path(&a.path, &b.path) {
            return;
        }
        let owner = |of: &Option<Principal>| of.as_ref().map(ToString::to_string);
        let mode = |of: Option<u32>| of.map(format_mode);
        let mut wants = vec![
            ("owner".to_owned(), "owner".to_owned(), owner(&a.owner), owner(&b.owner)),
            ("group".to_owned(), "group".to_owned(), owner(&a.group), owner(&b.group)),
            (
                "directory_mode".to_owned(),
                "directory_mode".to_owned(),
                mode(a.directory_mode),
                mode(b.directory_mode),
            ),
        ];
        for (i, left) in a.files.iter().enumerate() {
            for (j, right) in
                b.files.iter().enumerate().filter(|(_, right)| right.glob == left.glob)
            {
                let key = |index: usize| format!("files.{index}.mode");
                wants.push((
                    key(i),
                    key(j),
                    Some(format_mode(left.mode)),
                    Some(format_mode(right.mode)),
                ));
            }
        }
        let rule = |name: &str| Key::of(&["permissions"]).named(name);
        for (key_a, key_b, want_a, want_b) in wants {
            let (Some(want_a), Some(want_b)) = (want_a, want_b) else { continue };
            if want_a == want_b {
                continue;
            }
            let (key_a, key_b) = (rule(&one.name).child(&key_a), rule(&other.name).child(&key_b));
            let path = a.path.display();
            let problem =
                Problem::new(format!("`{key_a}` and `{key_b}` contradict each other on `{path}`"))
                    .key_is(&key_b)
                    .at(self.tree.place_of_value(&key_b))
                    .label(format!("`{want_b}` here"))
                    .see(self.tree.place_of_value(&key_a), format!("and `{want_a}` here"))
                    .help("each would undo what the other did, for ever: keep one of them");
            self.tree.add(&key_b, problem);
        }
    }

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
            path: path?,
            matches: matches?.0,
            exclude: list(raw.exclude.as_ref()),
            recursive: raw.recursive?,
            rule: due?,
            action: action?,
            max_files: raw.max_files,
            max_bytes: raw.max_bytes.map(|size| size.0),
            skip_in_use: raw.skip_in_use?,
            max_depth: raw.max_depth,
            allow_system_path: raw.allow_system_path?,
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

    fn due(&mut self, rule: &Key, raw: &raw::Cleanup) -> Option<cleanup::Rule> {
        match (raw.older_than, raw.larger_than) {
            (Some(age), None) => {
                let by = match raw.age_by? {
                    raw::AgeBy::Mtime => cleanup::AgeBy::Mtime,
                    raw::AgeBy::All => cleanup::AgeBy::All,
                };
                Some(cleanup::Rule::OlderThan { age: age.0, by })
            }
            (None, Some(size)) => Some(cleanup::Rule::LargerThan { bytes: size.0 }),
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

    pub(super) fn refuse_policy(&mut self, key: &Key, value: &str, message: &str, accepted: &str) {
        let title = if value.is_empty() {
            format!("`{key}` cannot be meant so")
        } else {
            format!("`{key}` cannot be `{value}`")
        };
        self.refuse_with(key, title, message, &[&format!("accepted: {accepted}")]);
    }
}

fn principal(given: &NameOrNumber) -> Principal {
    Principal::from(given.0.as_str())
}

fn list(given: Option<&OneOrMany<String>>) -> Vec<String> {
    given.map(|many| many.0.clone()).unwrap_or_default()
}

/// Equal but for doubled and trailing slashes.
fn same_path(one: &Path, other: &Path) -> bool {
    one.components().eq(other.components())
}
