//! One plain command of a script or a crontab.

use crate::find::find;
use crate::rules::{Imported, put};
use crate::target::{Target, absolute, target};
use crate::words::{Word, mode, principal};

/// Commands that can be imported.
pub(crate) const KNOWN: [&str; 5] = ["find", "chmod", "chown", "chgrp", "mkdir"];

const LINKS: &str = "chmod and chown follow links in a directory that others can write; evenkeel follows none and \
    changes no file that has a second name";

/// Whether the word is, or leads to, a command that can be imported.
pub(crate) fn is_known(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    KNOWN.contains(&name) || name == "sudo"
}

pub(crate) fn import(
    imported: &mut Imported,
    line: usize,
    words: &[Word],
    interval: Option<&str>,
) -> Result<(), String> {
    let mut words: Vec<&Word> = words.iter().collect();
    strip_redirections(&mut words);
    if words.first().is_some_and(|word| word.text == "sudo") {
        words.remove(0);
    }
    if let Some(word) = words.iter().find(|word| {
        !word.quoted
            && (matches!(
                word.text.as_str(),
                "|" | "||" | "&" | "(" | ")" | "{" | "if" | "for" | "while"
            ) || word.text.contains(['|', '`', '>', '<', ';', '&', '$']) && word.text != ";")
    }) {
        return Err(format!("`{}` makes it more than one plain command", word.text));
    }
    let Some((command, arguments)) = words.split_first() else { return Ok(()) };
    let arguments: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).collect();
    match command.text.rsplit('/').next().unwrap_or_default() {
        "find" => find(imported, line, &arguments, interval),
        "chmod" => chmod(imported, line, &arguments, interval),
        "chown" => chown(imported, line, &arguments, interval, true),
        "chgrp" => chown(imported, line, &arguments, interval, false),
        "mkdir" => mkdir(imported, line, &arguments),
        name => Err(format!("`{name}` is not among what can be imported: {}", KNOWN.join(", "))),
    }
}

/// Where output goes is no part of what is done.
fn strip_redirections(words: &mut Vec<&Word>) {
    let mut index = 0;
    while index < words.len() {
        let word = words[index];
        let place = word.text.trim_start_matches(|char: char| char.is_ascii_digit() || char == '&');
        if word.quoted || !place.starts_with('>') {
            index += 1;
            continue;
        }
        words.remove(index);
        // `> file`: the name is a word of its own.
        if place.trim_start_matches('>').is_empty() && index < words.len() {
            words.remove(index);
        }
    }
}

fn chmod(
    imported: &mut Imported,
    line: usize,
    arguments: &[&str],
    interval: Option<&str>,
) -> Result<(), String> {
    let (recursive, rest) = options(arguments)?;
    let [digits, paths @ ..] = rest.as_slice() else { return Err("it has no mode".to_owned()) };
    let mode = mode(digits).map_err(|error| {
        format!("{error}; what a symbolic mode leads to depends on the one that is there")
    })?;
    let targets = paths.iter().map(|path| target(path)).collect::<Result<Vec<_>, _>>()?;
    if targets.is_empty() {
        return Err("it has no path".to_owned());
    }
    for Target { directory, glob } in targets {
        let rule = imported.permissions_of(line, &directory, recursive && glob.is_none());
        rule.interval = rule.interval.take().or(interval.map(str::to_owned));
        rule.note(LINKS);
        match glob {
            Some(glob) => {
                if recursive {
                    rule.note("`-R` below what the glob matches is not kept to; write a rule for each directory");
                }
                rule.put_files(&glob, mode)?;
            }
            None => {
                if let Err(old) = put(&mut rule.directory_mode, mode) {
                    return Err(format!(
                        "an earlier line gives `{directory}` the mode {old:04o}, which stays"
                    ));
                }
                rule.note("taken for a directory; of a single file write `files` of the directory it is in");
                if recursive {
                    rule.put_files("*", mode)?;
                }
            }
        }
    }
    Ok(())
}

fn chown(
    imported: &mut Imported,
    line: usize,
    arguments: &[&str],
    interval: Option<&str>,
    names_user: bool,
) -> Result<(), String> {
    let (recursive, rest) = options(arguments)?;
    let [names, paths @ ..] = rest.as_slice() else { return Err("it names nobody".to_owned()) };
    let (user, group) = if names_user {
        let (user, group) = names.split_once([':', '.']).unwrap_or((names, ""));
        (user, group)
    } else {
        ("", *names)
    };
    for name in [user, group].into_iter().filter(|name| !name.is_empty()) {
        principal(name)?;
    }
    let targets = paths.iter().map(|path| target(path)).collect::<Result<Vec<_>, _>>()?;
    if targets.is_empty() {
        return Err("it has no path".to_owned());
    }
    for Target { directory, glob } in targets {
        if glob.is_some() {
            return Err("an owner is that of the directory and of its files together; \
                write a rule with `owner` for the directory"
                .to_owned());
        }
        let rule = imported.permissions_of(line, &directory, recursive);
        rule.interval = rule.interval.take().or(interval.map(str::to_owned));
        rule.note(LINKS);
        for (place, name) in [(&mut rule.owner, user), (&mut rule.group, group)] {
            if !name.is_empty()
                && let Err(old) = put(place, name.to_owned())
            {
                return Err(format!("an earlier line gives `{directory}` to `{old}`, which stays"));
            }
        }
        if recursive {
            rule.note(
                "files get an owner where `files` names them; of others only the directories do",
            );
        }
    }
    Ok(())
}

fn mkdir(imported: &mut Imported, line: usize, arguments: &[&str]) -> Result<(), String> {
    let mut given = None;
    let mut paths = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "-p" | "-v" | "--parents" | "--" => {}
            "-m" => given = Some(mode(rest.next().unwrap_or(&""))?),
            option if option.starts_with('-') => return Err(format!("`{option}` has no equal")),
            path => paths.push(absolute(path)?),
        }
    }
    for path in paths {
        let rule = imported.permissions_of(line, &path, false);
        rule.create = true;
        if let Some(mode) = given {
            let _ = put(&mut rule.directory_mode, mode);
        }
    }
    Ok(())
}

/// Whether `-R` is among the options, and what is left.
fn options<'a>(arguments: &[&'a str]) -> Result<(bool, Vec<&'a str>), String> {
    let mut recursive = false;
    let mut rest = Vec::new();
    for argument in arguments {
        match *argument {
            "-R" | "--recursive" => recursive = true,
            "-f" | "-v" | "-c" | "-h" | "--no-dereference" | "--" => {}
            option if option.starts_with('-') => return Err(format!("`{option}` has no equal")),
            other => rest.push(other),
        }
    }
    Ok((recursive, rest))
}
