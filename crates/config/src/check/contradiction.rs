//! Permission rules that want different things of one entry: each would undo what the other did, for ever.

use std::path::{Component, Path};

use evenkeel_permissions::{AclPolicy, Draft, Principal};

use super::Checker;
use crate::key::Key;
use crate::problem::Problem;
use crate::settings::PermissionRule;
use crate::value::format_mode;

/// Something that both rules say, of an entry that is in both: the keys, and what each wants.
type Want = (String, String, String, String);

impl Checker {
    pub(super) fn refuse_contradiction(&mut self, one: &PermissionRule, other: &PermissionRule) {
        let (a, b) = (one.policy.draft(), other.policy.draft());
        // The narrower one second: its root is where both meet.
        let (outer, inner) = if is_within(&b.path, &a.path) { (one, other) } else { (other, one) };
        let (a, b) = if is_within(&b.path, &a.path) { (a, b) } else { (b, a) };
        let Some(below) = below(&a.path, &b.path) else { return };
        if !below.is_empty() && !reaches(a, outer, &below) {
            return;
        }
        let rule = |name: &str| Key::of(&["permissions"]).named(name);
        for (key_a, key_b, want_a, want_b) in wants(a, b, outer, inner) {
            let (key_a, key_b) = (rule(&outer.name).child(&key_a), rule(&inner.name).child(&key_b));
            let path = if below.is_empty() { a.path.display() } else { b.path.display() };
            let help = match below.first() {
                None => "each would undo what the other did, for ever: keep one of them".to_owned(),
                Some(name) => format!(
                    "each would undo what the other did, for ever: keep one of them, or give `{}` the line `exclude = [\"{name}\"]`",
                    rule(&outer.name)
                ),
            };
            // The later one is underlined: the earlier one was there before.
            let (late, early) = if outer.name == one.name {
                ((key_b, want_b), (key_a, want_a))
            } else {
                ((key_a, want_a), (key_b, want_b))
            };
            let problem = Problem::new(format!(
                "`{}` and `{}` contradict each other on `{path}`",
                early.0, late.0
            ))
            .key_is(&late.0)
            .at(self.tree.place_of_value(&late.0))
            .label(format!("`{}` here", late.1))
            .see(self.tree.place_of_value(&early.0), format!("and `{}` here", early.1))
            .help(help);
            self.tree.add(&late.0, problem);
        }
    }
}

/// What both say, and say differently.
fn wants(a: &Draft, b: &Draft, outer: &PermissionRule, inner: &PermissionRule) -> Vec<Want> {
    let mut wants = Vec::new();
    let mut compare = |key_a: String, key_b: String, a: Option<String>, b: Option<String>| {
        if let (Some(a), Some(b)) = (a, b)
            && a != b
        {
            wants.push((key_a, key_b, a, b));
        }
    };
    let mut same = |key: &str, a: Option<String>, b: Option<String>| {
        compare(key.to_owned(), key.to_owned(), a, b);
    };
    for (key, a, b) in [("owner", &a.owner, &b.owner), ("group", &a.group, &b.group)] {
        // Whether a name and a number are the same is for the host to say.
        if let (Some(Principal::Name(_)), Some(Principal::Name(_)))
        | (Some(Principal::Id(_)), Some(Principal::Id(_))) = (a, b)
        {
            same(key, a.as_ref().map(ToString::to_string), b.as_ref().map(ToString::to_string));
        }
    }
    let mode = |of: Option<u32>| of.map(format_mode);
    same("directory_mode", mode(a.directory_mode), mode(b.directory_mode));
    same("acl", list(&a.acl), list(&b.acl));
    let default = |of: &Draft| of.default_acl.as_ref().map(|entries| joined(entries));
    same("default_acl", default(a), default(b));
    let excluded = |by: &PermissionRule, glob: &evenkeel_permissions::Glob| {
        by.policy.excluded().covering(glob).is_some()
    };
    for (i, (glob_a, mode_a)) in outer.policy.file_modes().enumerate() {
        for (j, (glob_b, mode_b)) in inner.policy.file_modes().enumerate() {
            let meet =
                glob_a.overlaps(glob_b) && !excluded(outer, glob_b) && !excluded(inner, glob_a);
            if meet {
                let key = |index: usize| format!("files.{index}.mode");
                compare(key(i), key(j), Some(format_mode(mode_a)), Some(format_mode(mode_b)));
            }
        }
    }
    wants
}

fn list(acl: &AclPolicy) -> Option<String> {
    match acl {
        AclPolicy::Enforce(entries) => Some(joined(entries)),
        AclPolicy::Ignore | AclPolicy::Report => None,
    }
}

fn joined(entries: &[evenkeel_permissions::AclEntry]) -> String {
    let mut texts: Vec<_> = entries.iter().map(ToString::to_string).collect();
    texts.sort();
    texts.join(",")
}

pub(super) fn is_within(inner: &Path, outer: &Path) -> bool {
    below(outer, inner).is_some()
}

/// The names that lead from `outer` to `inner`, none if they are the same but for doubled and trailing slashes.
pub(super) fn below(outer: &Path, inner: &Path) -> Option<Vec<String>> {
    let rest = inner.strip_prefix(outer).ok()?;
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    };
    Some(rest.components().filter_map(name).collect())
}

/// Whether a recursive rule gets as far as the directory at `below`.
fn reaches(draft: &Draft, rule: &PermissionRule, below: &[String]) -> bool {
    let depth = u32::try_from(below.len()).unwrap_or(u32::MAX);
    draft.recursive
        && depth <= rule.policy.max_depth()
        && below.iter().all(|name| !rule.policy.excluded().is_match(name))
}
