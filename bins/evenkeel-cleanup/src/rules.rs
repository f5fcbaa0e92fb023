use std::path::Path;

use evenkeel_cleanup::{Action, AgeBy, Draft, Policy, PolicyError, Trigger};
use evenkeel_cli::{Common, Failure};
use evenkeel_config::{ValueError, parse_duration, parse_size};

use crate::args::{self, Rule};

/// One rule to work on.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) policy: Policy,
}

/// The rule that the flags describe, or all of the settings if they name no path.
pub(crate) fn rules(common: &Common, rule: &Rule) -> Result<Vec<Named>, Failure> {
    let Some(path) = &rule.path else { return from_settings(common, rule) };
    let draft = draft(path, rule)?;
    let name = evenkeel_cli::escaped_path(&draft.path);
    let policy = Policy::try_new(draft).map_err(|error| Failure::usage(as_flag(error)))?;
    Ok(vec![Named { name, policy }])
}

fn from_settings(common: &Common, rule: &Rule) -> Result<Vec<Named>, Failure> {
    let flags = rule.older_than.is_some()
        || rule.larger_than.is_some()
        || rule.action.is_some()
        || rule.keep_tail.is_some()
        || rule.max_files.is_some()
        || rule.max_bytes.is_some()
        || rule.recursive
        || rule.skip_in_use
        || !rule.matches.is_empty()
        || !rule.exclude.is_empty();
    if flags {
        return Err(Failure::usage("these flags describe a rule, and no PATH says where"));
    }
    let rules: Vec<_> = common
        .settings()?
        .cleanup
        .into_iter()
        .map(|rule| Named { name: rule.name, policy: rule.policy })
        .collect();
    if rules.is_empty() {
        return Err(Failure::usage("neither a PATH nor a [cleanup.*] rule in the settings"));
    }
    Ok(rules)
}

fn draft(path: &Path, rule: &Rule) -> Result<Draft, Failure> {
    let path =
        std::path::absolute(path).map_err(|error| Failure::usage(format!("PATH: {error}")))?;
    let age = value("--older-than", rule.older_than.as_ref(), parse_duration)?;
    let bytes = value("--larger-than", rule.larger_than.as_ref(), parse_size)?;
    let by = match rule.age_by {
        Some(args::AgeBy::Mtime) => AgeBy::MTIME,
        Some(args::AgeBy::All) | None => AgeBy::ALL,
    };
    let due = match (age, bytes) {
        (Some(age), _) => Trigger::OlderThan(age),
        (None, Some(bytes)) => Trigger::LargerThan(bytes),
        (None, None) => {
            return Err(Failure::usage("one of --older-than and --larger-than is needed"));
        }
    };
    let keep_tail = value("--keep-tail", rule.keep_tail.as_ref(), parse_size)?;
    let action = match (rule.action, keep_tail) {
        (Some(args::Action::Truncate), keep_tail) => {
            Action::Truncate { keep_tail: keep_tail.unwrap_or_default() }
        }
        (_, None) => Action::Delete,
        (_, Some(_)) => return Err(Failure::usage("--keep-tail needs --action truncate")),
    };
    Ok(Draft {
        matches: rule.matches.clone(),
        exclude: rule.exclude.clone(),
        recursive: rule.recursive,
        age_by: by,
        max_files: rule.max_files,
        max_bytes: value("--max-bytes", rule.max_bytes.as_ref(), parse_size)?,
        skip_in_use: rule.skip_in_use,
        allow_system_path: rule.allow_system_path,
        ..Draft::new(path, due, action)
    })
}

fn value<T>(
    flag: &str,
    text: Option<&String>,
    parse: impl Fn(&str) -> Result<T, ValueError>,
) -> Result<Option<T>, Failure> {
    text.map(|text| parse(text).map_err(|error| Failure::usage(format!("{flag}: {error}"))))
        .transpose()
}

/// The error with the flag in the place of the key.
fn as_flag(error: PolicyError) -> PolicyError {
    let key = match error.key.as_str() {
        "path" => "PATH".to_owned(),
        key => format!("--{}", key.replace('_', "-")),
    };
    let accepted = error
        .accepted
        .replace("`allow_system_path = true`", "`--allow-system-path`")
        .replace("`larger_than`", "`--larger-than`");
    PolicyError { key, accepted, ..error }
}
