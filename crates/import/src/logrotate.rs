//! `logrotate(8)`: what goes by size or age.

use crate::rules::{Action, Cleanup, Due, Imported};
use crate::target::{Target, names_in};
use crate::words::split;

/// Says nothing that evenkeel would do otherwise.
const WITHOUT_EFFECT: [&str; 8] = [
    "missingok",
    "nomissingok",
    "notifempty",
    "ifempty",
    "nocompress",
    "nodateext",
    "sharedscripts",
    "nodelaycompress",
];

pub(crate) fn import(text: &str) -> Imported {
    let mut imported = Imported::default();
    let mut stanza: Option<Stanza> = None;
    let mut waiting: Option<(usize, Vec<String>)> = None;
    let mut script: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        if script.is_some() {
            if let Some((number, name)) = script.take_if(|_| line == "endscript") {
                let reason = "no script is run when a log is shortened: it stays open where it is";
                imported.leave_out(number, name, reason);
            }
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<String> = match split(line) {
            Ok(words) => words.into_iter().map(|word| word.text).collect(),
            Err(reason) => {
                imported.leave_out(number, line, reason);
                continue;
            }
        };
        let first = words.first().map(String::as_str).unwrap_or_default();
        match (&mut stanza, first) {
            (Some(_), "}") => {
                if let Some(stanza) = stanza.take() {
                    stanza.finish(&mut imported);
                }
            }
            (Some(_), "postrotate" | "prerotate" | "firstaction" | "lastaction" | "preremove") => {
                script = Some((number, first.to_owned()));
            }
            (Some(stanza), _) => stanza.directive(&mut imported, number, line, &words),
            (None, "{") => stanza = waiting.take().map(|(line, paths)| Stanza::new(line, paths)),
            (None, first) if first.starts_with('/') => {
                let mut paths = words.clone();
                let opens = paths.last().is_some_and(|word| word.ends_with('{'));
                if let Some(last) = paths.last_mut() {
                    *last = last.trim_end_matches('{').to_owned();
                }
                paths.retain(|path| !path.is_empty());
                let (begun, mut all) = waiting.take().unwrap_or((number, Vec::new()));
                all.extend(paths);
                if opens {
                    stanza = Some(Stanza::new(begun, all));
                } else {
                    waiting = Some((begun, all));
                }
            }
            (None, _) if WITHOUT_EFFECT.contains(&first) => {}
            (None, _) => {
                imported.leave_out(number, line, "a setting for all stanzas: write it into each");
            }
        }
    }
    if let Some((number, name)) = script {
        imported.leave_out(number, name, "the script is not closed by `endscript`");
    }
    if let Some(stanza) = stanza {
        imported.leave_out(stanza.line, stanza.paths.join(" "), "the stanza is not closed by `}`");
    }
    if let Some((number, paths)) = waiting {
        imported.leave_out(number, paths.join(" "), "no stanza follows");
    }
    imported.finish()
}

struct Stanza {
    line: usize,
    paths: Vec<String>,
    size: Option<(usize, String)>,
    max_age: Option<(usize, u64)>,
    copytruncate: bool,
    interval: Option<&'static str>,
}

impl Stanza {
    fn new(line: usize, paths: Vec<String>) -> Self {
        Self { line, paths, size: None, max_age: None, copytruncate: false, interval: None }
    }

    fn directive(&mut self, imported: &mut Imported, number: usize, line: &str, words: &[String]) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let result = match words.as_slice() {
            [word] if WITHOUT_EFFECT.contains(word) => Ok(()),
            ["hourly"] => {
                self.interval = Some("1h");
                Ok(())
            }
            ["daily"] => {
                self.interval = Some("1d");
                Ok(())
            }
            ["weekly", ..] => {
                self.interval = Some("7d");
                Ok(())
            }
            ["monthly"] => {
                self.interval = Some("30d");
                Ok(())
            }
            ["yearly"] => {
                self.interval = Some("365d");
                Ok(())
            }
            ["copytruncate"] => {
                self.copytruncate = true;
                Ok(())
            }
            ["size" | "maxsize", value] => size(value).map(|size| self.size = Some((number, size))),
            ["minsize", _] => {
                Err("smaller logs are not looked at anyway; `size` says what is too large"
                    .to_owned())
            }
            ["maxage", days] => match days.parse() {
                Ok(days) if days > 0 => {
                    self.max_age = Some((number, days));
                    Ok(())
                }
                _ => Err(format!("`{days}` is no number of days above zero")),
            },
            ["rotate", _] => {
                Err("no copies are made: `keep_tail` keeps the end of the log in its place"
                    .to_owned())
            }
            ["compress" | "compresscmd" | "delaycompress", ..] => {
                Err("what is kept stays readable: `keep_tail` in place of compressed copies"
                    .to_owned())
            }
            [name, ..] => {
                Err(format!("`{name}` belongs to rotation by renaming, which has no equal"))
            }
            [] => Ok(()),
        };
        if let Err(reason) = result {
            imported.leave_out(number, line, reason);
        }
    }

    fn finish(self, imported: &mut Imported) {
        for path in &self.paths {
            let Target { directory, glob } = match names_in(path) {
                Ok(target) => target,
                Err(reason) => {
                    imported.leave_out(self.line, path, reason);
                    continue;
                }
            };
            let name = glob.unwrap_or_default();
            let mut push = |line, matches, due, action, note: &str| {
                imported.cleanup.push(Cleanup {
                    path: directory.clone(),
                    matches,
                    exclude: Vec::new(),
                    recursive: false,
                    unit_directory: false,
                    due,
                    action,
                    interval: self.interval.map(str::to_owned),
                    notes: vec![note.to_owned()],
                    lines: vec![line],
                });
            };
            if let Some((line, days)) = self.max_age {
                // As logrotate names what it has rotated: `a.log.1.gz`, and `a.log-20261125` with dateext.
                let matches = vec![format!("{name}.*"), format!("{name}-*")];
                let due = Due::OlderThan { age: format!("{days}d"), by: vec!["mtime"] };
                push(
                    line,
                    matches,
                    due,
                    Action::Delete,
                    "logrotate looks at age only when it rotates; evenkeel at each run",
                );
            }
            match (&self.size, self.copytruncate) {
                (Some((line, size)), true) => {
                    let due = Due::LargerThan(size.clone());
                    push(*line, vec![name.clone()], due, Action::Truncate, "copytruncate loses the lines written between copy and \
                        truncate; evenkeel cuts the head off in place, at a line, and loses none. A log whose writer does \
                        not append is left alone, with the writer named");
                }
                (Some(_), false) => imported.leave_out(
                    self.line,
                    path,
                    "rotation by renaming has no equal: its writer must open a new file; with `copytruncate` it has",
                ),
                (None, _) if self.max_age.is_none() => imported.leave_out(
                    self.line,
                    path,
                    "rotation by time has no equal; `size` with `copytruncate`, and `maxage`, have",
                ),
                (None, _) => {}
            }
        }
    }
}

/// `100k`, `100M`, `100G` of logrotate, in units of 1024.
fn size(text: &str) -> Result<String, String> {
    let digits = text.trim_end_matches(|char: char| !char.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "" => "B",
        "k" => "KiB",
        "M" => "MiB",
        "G" => "GiB",
        _ => return Err(format!("`{text}` is no size; accepted: such as `100k`, `100M` or `1G`")),
    };
    match digits.parse::<u64>() {
        Ok(count) if count > 0 => Ok(format!("{count}{unit}")),
        _ => Err(format!("`{text}` is no size above zero")),
    }
}
