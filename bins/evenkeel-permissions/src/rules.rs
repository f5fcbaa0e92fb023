use std::path::Path;
use std::time::Duration;

use evenkeel_cli::{Common, Failure};
use evenkeel_config::parse_mode;
use evenkeel_permissions::{AclEntry, AclPolicy, Draft, FileRule, Policy, PolicyError, Principal};

use crate::args::Rule;

/// How often a watched rule from flags is looked at without an event.
const INTERVAL: Duration = Duration::from_hours(1);

/// One rule to work on.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) policy: Policy,
    pub(crate) interval: Duration,
}

/// The rule that the flags describe, or all of the settings if they name no path.
pub(crate) fn rules(common: &Common, rule: &Rule) -> Result<Vec<Named>, Failure> {
    let Some(path) = &rule.path else { return from_settings(common, rule) };
    let draft = draft(path, rule)?;
    let name = evenkeel_cli::escaped_path(&draft.path);
    let policy = Policy::try_new(draft).map_err(|error| Failure::usage(as_flag(error)))?;
    Ok(vec![Named { name, policy, interval: INTERVAL }])
}

fn from_settings(common: &Common, rule: &Rule) -> Result<Vec<Named>, Failure> {
    let flags = rule.mode.is_some()
        || rule.dir_mode.is_some()
        || rule.owner.is_some()
        || rule.group.is_some()
        || rule.create
        || rule.recursive
        || !rule.exclude.is_empty()
        || !rule.adopt_from.is_empty()
        || !rule.acl.is_empty()
        || !rule.default_acl.is_empty()
        || rule.run_as.is_some();
    if flags {
        return Err(Failure::usage("these flags describe a rule, and no PATH says where"));
    }
    let rules: Vec<_> = common
        .settings()?
        .permissions
        .into_iter()
        .map(|rule| Named { name: rule.name, policy: rule.policy, interval: rule.interval })
        .collect();
    if rules.is_empty() {
        return Err(Failure::usage("neither a PATH nor a [permissions.*] rule in the settings"));
    }
    Ok(rules)
}

fn draft(path: &Path, rule: &Rule) -> Result<Draft, Failure> {
    let mode = |flag: &str, text: &Option<String>| {
        let parse = |text: &String| {
            parse_mode(text).map_err(|error| Failure::usage(format!("{flag}: {error}")))
        };
        text.as_ref().map(parse).transpose()
    };
    let path =
        std::path::absolute(path).map_err(|error| Failure::usage(format!("PATH: {error}")))?;
    let file_mode = mode("--mode", &rule.mode)?;
    let globs = if rule.matches.is_empty() { vec!["*".to_owned()] } else { rule.matches.clone() };
    let files = file_mode
        .map(|mode| globs.into_iter().map(|glob| FileRule { glob, mode }).collect())
        .unwrap_or_default();
    Ok(Draft {
        path,
        create: rule.create,
        owner: rule.owner.as_deref().map(Principal::from),
        group: rule.group.as_deref().map(Principal::from),
        directory_mode: mode("--dir-mode", &rule.dir_mode)?,
        files,
        exclude: rule.exclude.clone(),
        recursive: rule.recursive,
        adopt_from: rule.adopt_from.iter().map(|user| Principal::from(user.as_str())).collect(),
        acl: acl(rule)?,
        default_acl: match rule.default_acl.as_slice() {
            [] => None,
            texts => Some(entries("--default-acl", texts)?),
        },
        run_as: rule.run_as.as_deref().map(Principal::from),
        max_depth: None,
        allow_system_path: rule.allow_system_path,
    })
}

fn acl(rule: &Rule) -> Result<AclPolicy, Failure> {
    match rule.acl.as_slice() {
        [] => Ok(AclPolicy::Ignore),
        [text] if text == "report" => Ok(AclPolicy::Report),
        texts => entries("--acl", texts).map(AclPolicy::Enforce),
    }
}

fn entries(flag: &str, texts: &[String]) -> Result<Vec<AclEntry>, Failure> {
    if texts == ["none"] {
        return Ok(Vec::new());
    }
    let parse = |text: &String| {
        text.parse().map_err(|error| {
            let accepted = AclEntry::ACCEPTED;
            Failure::usage(format!("{flag} `{text}`: {error}\naccepted: {accepted}"))
        })
    };
    texts.iter().map(parse).collect()
}

/// The error with the flag in the place of the key.
fn as_flag(error: PolicyError) -> PolicyError {
    let key = match error.key.as_str() {
        "path" => "PATH",
        "directory_mode" => "--dir-mode",
        "files.mode" => "--mode",
        "files.match" => "--match",
        "exclude" => "--exclude",
        "owner" => "--owner",
        "group" => "--group",
        "adopt_from" => "--adopt-from",
        "acl" => "--acl",
        "default_acl" => "--default-acl",
        "run_as" => "--run-as",
        _ => return error,
    };
    let accepted = error
        .accepted
        .replace("`allow_system_path = true`", "`--allow-system-path`")
        .replace("`directory_mode`", "`--dir-mode`")
        .replace("`files`", "`--mode`");
    PolicyError { key: key.to_owned(), accepted, ..error }
}
