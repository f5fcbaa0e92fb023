//! Rules as the settings have them, with comments.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use crate::rules::{Action, Cleanup, Due, Imported, Permissions};

/// Rules have names of at most 64 characters; room is left for what makes one unique.
const LONGEST_NAME: usize = 56;

impl Imported {
    /// The settings, with a comment on each difference of meaning, and at the end what was left out.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        let mut taken = HashSet::new();
        for rule in &self.permissions {
            permissions(&mut out, &mut taken, rule);
        }
        for rule in &self.cleanup {
            cleanup(&mut out, &mut taken, rule);
        }
        if !self.left_out.is_empty() {
            comment(&mut out, "Left out:");
            for left_out in &self.left_out {
                let text =
                    format!("line {}: {}: {}", left_out.line, left_out.text, left_out.reason);
                comment(&mut out, &text);
            }
        }
        out
    }
}

fn permissions(out: &mut String, taken: &mut HashSet<String>, rule: &Permissions) {
    from_lines(out, &rule.lines);
    rule.notes.iter().for_each(|note| comment(out, note));
    header(out, taken, "permissions", &rule.path);
    key(out, "path", &text(&rule.path));
    allow_system_path(out, &rule.path);
    if rule.create {
        key(out, "create", "true");
    }
    if rule.recursive {
        key(out, "recursive", "true");
    }
    for (name, value) in [("owner", &rule.owner), ("group", &rule.group)] {
        if let Some(value) = value {
            key(out, name, &text(value));
        }
    }
    if let Some(mode) = rule.directory_mode {
        key(out, "directory_mode", &format!("\"{mode:04o}\""));
    }
    if !rule.files.is_empty() {
        let files: Vec<_> = rule
            .files
            .iter()
            .map(|(glob, mode)| format!("{{ match = {}, mode = \"{mode:04o}\" }}", text(glob)))
            .collect();
        key(out, "files", &format!("[{}]", files.join(", ")));
    }
    if let Some(interval) = &rule.interval {
        key(out, "interval", &text(interval));
    }
    out.push('\n');
}

fn cleanup(out: &mut String, taken: &mut HashSet<String>, rule: &Cleanup) {
    from_lines(out, &rule.lines);
    rule.notes.iter().for_each(|note| comment(out, note));
    header(out, taken, "cleanup", &rule.path);
    key(out, "path", &text(&rule.path));
    allow_system_path(out, &rule.path);
    key(out, "match", &list(&rule.matches));
    if !rule.exclude.is_empty() {
        key(out, "exclude", &list(&rule.exclude));
    }
    if rule.recursive {
        key(out, "recursive", "true");
    }
    if rule.unit_directory {
        key(out, "unit", "\"directory\"");
    }
    match &rule.due {
        Due::OlderThan { age, by } => {
            key(out, "older_than", &text(age));
            match by.as_slice() {
                [] => {}
                [one] => key(out, "age_by", &text(one)),
                several => key(out, "age_by", &list(several)),
            }
        }
        Due::BeforeBoot => key(out, "older_than", "\"boot\""),
        Due::LargerThan(size) => key(out, "larger_than", &text(size)),
    }
    key(out, "action", &text(rule.action.as_str()));
    if rule.action == Action::Truncate {
        out.push_str("# keep_tail = \"1MiB\"   # keeps the end of the log, cut at a line\n");
    }
    if let Some(interval) = &rule.interval {
        key(out, "interval", &text(interval));
    }
    if rule.action == Action::Delete {
        out.push_str("# max_files = 10000      # a run that would take more refuses\n");
    }
    out.push('\n');
}

fn from_lines(out: &mut String, lines: &[usize]) {
    let word = if lines.len() == 1 { "line" } else { "lines" };
    let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
    comment(out, &format!("From {word} {}.", lines.join(", ")));
}

fn allow_system_path(out: &mut String, path: &str) {
    if evenkeel_safefs::is_system_path(Path::new(path)) {
        comment(
            out,
            "A directory of the system as a whole: make sure that the names below are meant.",
        );
        key(out, "allow_system_path", "true");
    }
}

fn header(out: &mut String, taken: &mut HashSet<String>, section: &str, path: &str) {
    let mut name = String::new();
    for char in path.chars() {
        if char.is_ascii_alphanumeric() {
            name.push(char.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        if name.len() == LONGEST_NAME {
            break;
        }
    }
    let name = match name.trim_end_matches('-') {
        "" => "root",
        name => name,
    };
    let mut unique = format!("{section}.{name}");
    let mut number = 1;
    while !taken.insert(unique.clone()) {
        number += 1;
        unique = format!("{section}.{name}-{number}");
    }
    let _ = writeln!(out, "[{unique}]");
}

fn key(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "{name} = {value}");
}

fn list(texts: &[impl AsRef<str>]) -> String {
    format!("[{}]", texts.iter().map(|item| text(item.as_ref())).collect::<Vec<_>>().join(", "))
}

fn text(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

/// On one line, whatever the text holds.
fn comment(out: &mut String, text: &str) {
    let _ = writeln!(out, "# {}", evenkeel_safefs::escaped(text));
}
