//! `crontab(5)`, and shell scripts that are lists of plain commands.

use std::collections::HashMap;

use crate::command;
use crate::rules::Imported;
use crate::words::{Word, split};

const FIELDS: usize = 5;
/// As long as the longest path.
const LONGEST_WORD: usize = 4096;

/// Whether a line has a command that can be imported.
pub(crate) fn looks_like_one(line: &str) -> bool {
    let known = |word: &str| command::KNOWN.contains(&word.rsplit('/').next().unwrap_or(word));
    line.split_whitespace().take(FIELDS + 2).any(known)
}

pub(crate) fn import(text: &str) -> Imported {
    let mut imported = Imported::default();
    let mut variables = HashMap::new();
    for (number, line) in joined(text) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line == "set -e" || line == "set -eu" {
            continue;
        }
        if let Err(reason) = one(&mut imported, &mut variables, number, line) {
            imported.leave_out(number, line, reason);
        }
    }
    imported.finish()
}

/// Lines with those that a backslash continues, and the number of each first one.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut continues = false;
    for (index, line) in text.lines().enumerate() {
        let (part, more) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| continues) {
            Some((_, last)) => last.push_str(part),
            None => lines.push((index + 1, part.to_owned())),
        }
        continues = more;
    }
    lines
}

fn one(
    imported: &mut Imported,
    variables: &mut HashMap<String, String>,
    number: usize,
    line: &str,
) -> Result<(), String> {
    let words = split(line)?;
    let words =
        words.into_iter().map(|word| expand(word, variables)).collect::<Result<Vec<_>, _>>()?;
    if let [word] = words.as_slice()
        && let Some((name, value)) = word.text.split_once('=')
        && is_name(name)
    {
        variables.insert(name.to_owned(), value.to_owned());
        return Ok(());
    }
    let (interval, rest) = schedule(&words)?;
    let mut begun = 0;
    let mut ends: Vec<_> = rest
        .iter()
        .enumerate()
        .filter(|(_, word)| !word.quoted && matches!(word.text.as_str(), "&&" | ";"))
        .map(|(index, _)| index)
        .collect();
    ends.push(rest.len());
    let mut reasons = Vec::new();
    for end in ends {
        let words = rest.get(begun..end).unwrap_or_default();
        if !words.is_empty()
            && let Err(reason) = command::import(imported, number, words, interval.as_deref())
        {
            reasons.push(reason);
        }
        begun = end + 1;
    }
    if reasons.is_empty() { Ok(()) } else { Err(reasons.join("; ")) }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
        && text.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// A word with the variables that the text itself has set.
fn expand(word: Word, variables: &HashMap<String, String>) -> Result<Word, String> {
    if !word.text.contains('$') {
        return Ok(word);
    }
    let mut text = String::new();
    let mut rest = word.text.as_str();
    while let Some((before, after)) = rest.split_once('$') {
        let (name, after) = match after.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some(braced) => braced,
            None => {
                let is_of_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
                after.split_at(after.find(|char| !is_of_name(char)).unwrap_or(after.len()))
            }
        };
        let value = variables
            .get(name)
            .filter(|value| !value.contains('$'))
            .ok_or_else(|| format!("what `${name}` stands for is not in this file"))?;
        text.push_str(before);
        text.push_str(value);
        // A value may be made of others, each twice as long as the one before it.
        if text.len() > LONGEST_WORD {
            return Err(format!("with `${name}` a word has more than {LONGEST_WORD} bytes"));
        }
        rest = after;
    }
    text.push_str(rest);
    Ok(Word { text, quoted: word.quoted })
}

/// How often a line of a crontab runs, and its command; a line without a schedule is all command.
fn schedule(words: &[Word]) -> Result<(Option<String>, &[Word]), String> {
    let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
    let (interval, rest) = match texts.as_slice() {
        ["@hourly", ..] => ("1h", &words[1..]),
        ["@daily" | "@midnight", ..] => ("1d", &words[1..]),
        ["@weekly", ..] => ("7d", &words[1..]),
        ["@monthly", ..] => ("30d", &words[1..]),
        ["@yearly" | "@annually", ..] => ("365d", &words[1..]),
        ["@reboot", ..] => return Err("nothing is done just because the host boots".to_owned()),
        [minute, hour, day, month, weekday, ..]
            if [minute, hour, day, month, weekday].iter().all(|field| is_field(field)) =>
        {
            let every = |field: &str| field.strip_prefix("*/").map(str::to_owned);
            let interval = match (*minute, *hour, *day, *month, *weekday) {
                ("*", "*", "*", "*", "*") => "1m".to_owned(),
                (minute, "*", "*", "*", "*") if minute.starts_with("*/") => {
                    format!("{}m", every(minute).unwrap_or_default())
                }
                (_, "*", "*", "*", "*") => "1h".to_owned(),
                (_, hour, "*", "*", "*") if hour.starts_with("*/") => {
                    format!("{}h", every(hour).unwrap_or_default())
                }
                (_, _, "*", "*", "*") => "1d".to_owned(),
                (_, _, "*", "*", _) => "7d".to_owned(),
                _ => "30d".to_owned(),
            };
            let rest = &words[FIELDS..];
            return Ok((Some(interval), without_user(rest)));
        }
        _ => return Ok((None, words)),
    };
    Ok((Some(interval.to_owned()), without_user(rest)))
}

fn is_field(text: &str) -> bool {
    let parts =
        |text: &str| text.chars().all(|char| char.is_ascii_digit() || "*,-/".contains(char));
    let zero = text
        .strip_prefix("*/")
        .is_some_and(|step| step.parse::<u32>().ok().is_none_or(|step| step == 0));
    !text.is_empty() && parts(text) && !zero
}

/// System crontabs name a user before the command.
fn without_user(words: &[Word]) -> &[Word] {
    match words {
        [user, command, ..]
            if !command::is_known(&user.text) && command::is_known(&command.text) =>
        {
            &words[1..]
        }
        _ => words,
    }
}
