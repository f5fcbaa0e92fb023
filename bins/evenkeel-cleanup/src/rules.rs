use std::path::{Path, PathBuf};

use evenkeel_cleanup::{Action, ActionKind, AgeBy, Draft, Policy, PolicyError, Trigger, Unit};
use evenkeel_cli::{Common, Failure};
use evenkeel_config::{Age, ValueError, parse_age, parse_duration, parse_size};

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
    let Rule {
        path: _,
        matches,
        exclude,
        recursive,
        max_depth,
        unit,
        older_than,
        larger_than,
        max_total,
        max_count,
        watermark,
        keep_newest,
        age_by,
        action,
        keep_tail,
        trash_ttl,
        max_files,
        max_bytes,
        max_ratio,
        skip_in_use,
        run_as,
        allow_system_path,
    } = rule;
    let texts = [older_than, larger_than, max_total, keep_tail, trash_ttl, max_bytes, run_as];
    let numbers = [max_count, keep_newest, max_files];
    let flags = texts.iter().any(|text| text.is_some())
        || numbers.iter().any(|number| number.is_some())
        || [matches, exclude, age_by].iter().any(|list| !list.is_empty())
        || max_depth.is_some()
        || unit.is_some()
        || watermark.is_some()
        || action.is_some()
        || max_ratio.is_some()
        || *recursive
        || *skip_in_use
        || *allow_system_path;
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
    let path = absolute(path)?;
    let kind = rule.action.map_or(ActionKind::Delete, args::Action::kind);
    let keep_tail = value("--keep-tail", rule.keep_tail.as_ref(), parse_size)?;
    let trash_ttl = value("--trash-ttl", rule.trash_ttl.as_ref(), parse_duration)?;
    let action = Action::try_new(kind, keep_tail, trash_ttl)
        .map_err(|error| Failure::usage(as_flag(error)))?;
    let age_by = match rule.age_by.as_slice() {
        [] => AgeBy::ALL,
        texts => AgeBy::parse(texts).map_err(|text| {
            Failure::usage(format!("--age-by: `{text}` is not accepted: {}", AgeBy::ACCEPTED))
        })?,
    };
    Ok(Draft {
        matches: rule.matches.clone(),
        exclude: rule.exclude.clone(),
        recursive: rule.recursive,
        unit: match rule.unit {
            Some(args::Unit::Directory) => Unit::Directory,
            Some(args::Unit::File) | None => Unit::File,
        },
        age_by,
        keep_newest: rule.keep_newest,
        max_files: rule.max_files,
        max_bytes: value("--max-bytes", rule.max_bytes.as_ref(), parse_size)?,
        max_ratio: rule.max_ratio,
        skip_in_use: rule.skip_in_use,
        max_depth: rule.max_depth,
        run_as: rule.run_as.clone(),
        allow_system_path: rule.allow_system_path,
        ..Draft::new(path, trigger(rule)?, action)
    })
}

/// The one that was given: that there is one, and no other, is a matter of the flags.
fn trigger(rule: &Rule) -> Result<Trigger, Failure> {
    let age = value("--older-than", rule.older_than.as_ref(), parse_age)?;
    let size = value("--larger-than", rule.larger_than.as_ref(), parse_size)?;
    let total = value("--max-total", rule.max_total.as_ref(), parse_size)?;
    let given = [
        age.map(|age| match age {
            Age::Lasting(age) => Trigger::OlderThan(age),
            Age::BeforeBoot => Trigger::BeforeBoot,
        }),
        size.map(Trigger::LargerThan),
        total.map(Trigger::MaxTotal),
        rule.max_count.map(Trigger::MaxCount),
        rule.watermark.map(|mark| Trigger::Watermark(mark.0)),
    ];
    given.into_iter().flatten().next().ok_or_else(|| {
        Failure::usage(
            "one of --older-than, --larger-than, --max-total, --max-count, --watermark is needed",
        )
    })
}

/// A path that was typed, from `/` on.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::usage(format!("PATH: {error}")))
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
        "watermark.high" | "watermark.low" => "--watermark".to_owned(),
        key => format!("--{}", key.replace('_', "-")),
    };
    // Keys in backticks become flags; what is not a key stays as it is.
    let as_flags = |text: &str| {
        FLAGS.iter().fold(text.to_owned(), |text, (key, flag)| {
            text.replace(&format!("`{key}`"), &format!("`{flag}`"))
        })
    };
    let (message, accepted) = (as_flags(&error.message), as_flags(&error.accepted));
    PolicyError { key, message, accepted, ..error }
}

/// What a person who wrote flags should read in the place of what stands in settings.
const FLAGS: [(&str, &str); 16] = [
    ("allow_system_path = true", "--allow-system-path"),
    ("unit = \"file\"", "--unit file"),
    ("action = \"delete\"", "--action delete"),
    ("action = \"truncate\"", "--action truncate"),
    ("action = \"trash\"", "--action trash"),
    ("older_than", "--older-than"),
    ("larger_than", "--larger-than"),
    ("max_total", "--max-total"),
    ("max_count", "--max-count"),
    ("watermark", "--watermark"),
    ("keep_newest", "--keep-newest"),
    ("exclude", "--exclude"),
    ("delete", "--action delete"),
    ("truncate", "--action truncate"),
    ("trash", "--action trash"),
    ("compress", "--action compress"),
];
