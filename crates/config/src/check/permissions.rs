//! Rules about modes and owners.

use std::collections::BTreeMap;

use evenkeel_permissions as permissions;
use evenkeel_permissions::Principal;

use super::Checker;
use crate::key::Key;
use crate::raw;
use crate::settings::PermissionRule;
use crate::value::{NameOrNumber, OneOrMany};

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
        let acl = self.acl(&rule, raw.acl.as_ref());
        let default_acl = match &raw.default_acl {
            Some(entries) => self.acl_entries(&rule.child("default_acl"), entries).map(Some),
            None => Some(None),
        };
        let draft = permissions::Draft {
            path: path?,
            create: raw.create?,
            owner: raw.owner.as_ref().map(principal),
            group: raw.group.as_ref().map(principal),
            directory_mode: raw.directory_mode.map(|mode| mode.0),
            files,
            exclude: list(raw.exclude.as_ref()),
            recursive: raw.recursive?,
            adopt_from: raw.adopt_from.iter().flat_map(|many| &many.0).map(principal).collect(),
            acl: acl?,
            default_acl: default_acl?,
            run_as: raw.run_as.as_ref().map(principal),
            max_depth: raw.max_depth,
            allow_system_path: raw.allow_system_path?,
        };
        // The last of several alike: an earlier one leaves it nothing to do.
        let item = |error: &permissions::PolicyError| {
            let files = rule.child("files");
            let glob = raw.files.as_ref().and_then(|files| {
                files.iter().rposition(|file| file.r#match.as_ref() == Some(&error.value))
            });
            let of = |many: Option<&OneOrMany<String>>| {
                let meant = |text: &String| {
                    *text == error.value
                        || text.parse::<permissions::AclEntry>().ok().map(|entry| entry.to_string())
                            == Some(error.value.clone())
                };
                many?.0.iter().rposition(meant)
            };
            match error.key.as_str() {
                "files.match" => glob.map(|index| files.item(index).child("match")),
                "exclude" => {
                    of(raw.exclude.as_ref()).map(|index| rule.child("exclude").item(index))
                }
                "acl" => of(raw.acl.as_ref()).map(|index| rule.child("acl").item(index)),
                "default_acl" => {
                    of(raw.default_acl.as_ref()).map(|index| rule.child("default_acl").item(index))
                }
                _ => None,
            }
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
                let key = item(&error)
                    .filter(|key| self.tree.locate(key).is_some())
                    .unwrap_or_else(|| rule.child(error.key.split('.').next().unwrap_or_default()));
                self.refuse_policy(&key, &error.value, &error.message, &error.accepted);
                None
            }
        }
    }

    fn acl(
        &mut self,
        rule: &Key,
        raw: Option<&OneOrMany<String>>,
    ) -> Option<permissions::AclPolicy> {
        let Some(entries) = raw else { return Some(permissions::AclPolicy::Ignore) };
        if entries.0 == ["report"] {
            return Some(permissions::AclPolicy::Report);
        }
        self.acl_entries(&rule.child("acl"), entries).map(permissions::AclPolicy::Enforce)
    }

    fn acl_entries(
        &mut self,
        key: &Key,
        texts: &OneOrMany<String>,
    ) -> Option<Vec<permissions::AclEntry>> {
        let mut entries = Vec::new();
        for (index, text) in texts.0.iter().enumerate() {
            match text.parse::<permissions::AclEntry>() {
                Ok(entry) => entries.push(entry),
                Err(error) => {
                    let item = key.item(index);
                    let place = if self.tree.locate(&item).is_some() { item } else { key.clone() };
                    let accepted = permissions::AclEntry::ACCEPTED;
                    self.refuse_policy(&place, text, &error.to_string(), accepted);
                }
            }
        }
        (entries.len() == texts.0.len()).then_some(entries)
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

pub(super) fn list(given: Option<&OneOrMany<String>>) -> Vec<String> {
    given.map(|many| many.0.clone()).unwrap_or_default()
}
