//! `tmpfiles.d(5)`.

mod removal;

use crate::rules::{Action, Cleanup, Due, Imported, put};
use crate::target::{Target, absolute, is_glob, names_in, target};
use crate::words::{mode, principal, split};

const EMPTIED: &str =
    "systemd also removes directories that became empty and old; evenkeel removes files";
const BOOT: &str = "`!`: only at boot for systemd; evenkeel keeps to it all the time";
const AT_CREATION: &str =
    "`:`: only for what is created, for systemd; evenkeel keeps to it all the time";
const LINKS: &str = "evenkeel follows no link and changes no file that has a second name";

/// Whether a line could be one of tmpfiles.d.
pub(crate) fn looks_like_one(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let known = kind.starts_with(|char: char| "fFwdDevqQpLcbCxXrRzZtThHaA".contains(char))
        && kind.chars().skip(1).all(|char| "+!-=~^$".contains(char));
    known && words.next().is_some_and(|path| path.starts_with(['/', '%', '"', '\'']))
}

pub(crate) fn import(text: &str) -> Imported {
    let mut imported = Imported::default();
    let mut spared = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let read =
            Line::read(index + 1, line).and_then(|line| line.apply(&mut imported, &mut spared));
        if let Err(reason) = read {
            imported.leave_out(index + 1, line, reason);
        }
    }
    for (line, text, path, contents) in spared {
        if let Err(reason) = spare(&mut imported, &path, contents) {
            imported.leave_out(line, text, reason);
        }
    }
    removal::leave_places_of_others(&mut imported, text);
    imported.finish()
}

/// What `x` and `X` lines spare: line, text, path, and whether its contents too.
type Spared = Vec<(usize, String, String, bool)>;

struct Line<'a> {
    number: usize,
    text: &'a str,
    kind: char,
    modifiers: String,
    path: String,
    mode: Option<(u32, bool)>,
    user: Option<(String, bool)>,
    group: Option<(String, bool)>,
    age: Option<String>,
}

impl<'a> Line<'a> {
    fn read(number: usize, text: &'a str) -> Result<Self, String> {
        let mut words = split(text)?.into_iter().map(|word| word.text);
        let kind = words.next().unwrap_or_default();
        let path = words.next().ok_or("it has no path")?;
        let mut kinds = kind.chars();
        let letter = kinds.next().unwrap_or_default();
        let path = specifiers(&path)?;
        let mut field = || words.next().filter(|word| word != "-" && !word.is_empty());
        let mode_field = field();
        let who = |text: String| {
            let (name, only_new) = at_creation(text);
            principal(&name).map(|name| (name, only_new))
        };
        let user = field().map(who).transpose()?;
        let group = field().map(who).transpose()?;
        let age = field();
        let mode = match mode_field.as_deref() {
            Some(text) if text.starts_with('~') || text.starts_with(":~") => {
                return Err(
                    "`~`: a mode that depends on the one that is there; write the mode".to_owned()
                );
            }
            Some(text) => {
                let (digits, only_new) = at_creation(text.to_owned());
                Some((mode(&digits)?, only_new))
            }
            None => None,
        };
        Ok(Self {
            number,
            text,
            kind: letter,
            modifiers: kinds.collect(),
            path,
            mode,
            user,
            group,
            age,
        })
    }

    fn apply(self, imported: &mut Imported, spared: &mut Spared) -> Result<(), String> {
        if let Some(modifier) = self.modifiers.chars().find(|char| !"!-$+=".contains(*char)) {
            return Err(format!("the modifier `{modifier}` has no equal"));
        }
        let sets_nothing = self.mode.is_none() && self.user.is_none() && self.group.is_none();
        match self.kind {
            'z' | 'Z' if sets_nothing => Err("it sets neither a mode nor an owner".to_owned()),
            'e' if sets_nothing && self.age.is_none() => {
                Err("it sets neither a mode, nor an owner, nor an age".to_owned())
            }
            'd' | 'D' => self.directory(imported, true),
            'e' => self.directory(imported, false),
            'z' => self.existing(imported, false),
            'Z' => self.existing(imported, true),
            'x' | 'X' => {
                let path = absolute(&self.path)?;
                spared.push((self.number, self.text.to_owned(), path, self.kind == 'x'));
                Ok(())
            }
            'r' | 'R' => {
                let trees = self.kind == 'R';
                removal::remove(imported, self.number, &self.path, &self.modifiers, trees)
            }
            'f' | 'F' | 'w' | 'C' | 'L' | 'p' | 'c' | 'b' | 'v' | 'q' | 'Q' => {
                Err(format!("`{}` makes something other than a directory, which evenkeel does not", self.kind))
            }
            'a' | 'A' => Err("access control lists are written as `acl` and `default_acl` of a [permissions.*] rule".to_owned()),
            kind => Err(format!("lines of type `{kind}` have no equal")),
        }
    }

    fn directory(self, imported: &mut Imported, create: bool) -> Result<(), String> {
        if is_glob(&self.path) {
            return Err(
                "a glob for directories: a rule has one directory; write one rule for each"
                    .to_owned(),
            );
        }
        let path = absolute(&self.path)?;
        let due = self.age.as_deref().map(age).transpose()?;
        imported.permissions_of(self.number, &path, false).create |= create;
        self.modes_and_owners(imported, &path, false, None)?;
        if let Some((age, by)) = due {
            imported.cleanup.push(Cleanup {
                path: path.clone(),
                matches: vec!["*".to_owned()],
                exclude: Vec::new(),
                recursive: true,
                unit_directory: false,
                due: Due::OlderThan { age, by },
                action: Action::Delete,
                interval: None,
                notes: vec![EMPTIED.to_owned()],
                lines: vec![self.number],
            });
        }
        if self.kind == 'D' {
            removal::empty(imported, self.number, &path);
        }
        Ok(())
    }

    fn existing(self, imported: &mut Imported, recursive: bool) -> Result<(), String> {
        if recursive {
            let Target { directory, glob: None } = target(&self.path)? else {
                return Err("a glob for trees: a rule has one directory; write one rule for each"
                    .to_owned());
            };
            return self.modes_and_owners(imported, &directory, true, Some("*".to_owned()));
        }
        if !is_glob(&self.path) && self.mode.is_some_and(|(mode, _)| mode & 0o111 != 0) {
            let path = absolute(&self.path)?;
            imported.permissions_of(self.number, &path, false).note(
                "`z` is taken to mean a directory, as its mode has an `x`; \
                of a file write `files` of the directory it is in",
            );
            return self.modes_and_owners(imported, &path, false, None);
        }
        let Target { directory, glob } = names_in(&self.path)?;
        if self.user.is_some() || self.group.is_some() {
            return Err("an owner is that of the directory and of its files together; \
                write a rule with `owner` for the directory that they are in"
                .to_owned());
        }
        let rule = imported.permissions_of(self.number, &directory, false);
        rule.note(
            "`z` is taken to mean files; of a directory write its own path and `directory_mode`",
        );
        self.modes_and_owners(imported, &directory, false, glob)
    }

    /// Puts mode and owners into the rule about `path`; with a glob the mode is that of files.
    fn modes_and_owners(
        &self,
        imported: &mut Imported,
        path: &str,
        recursive: bool,
        glob: Option<String>,
    ) -> Result<(), String> {
        let rule = imported.permissions_of(self.number, path, recursive);
        let differs = |what: &str, old: &str| {
            Err(format!("an earlier line gives `{path}` another {what}, `{old}`, which stays"))
        };
        if let Some((mode, only_new)) = self.mode {
            match glob {
                Some(glob) => {
                    rule.note(LINKS);
                    rule.put_files(&glob, mode)?;
                    if recursive {
                        rule.directory_mode = Some(mode);
                    }
                }
                None => {
                    if let Err(old) = put(&mut rule.directory_mode, mode) {
                        return differs("mode", &format!("{old:04o}"));
                    }
                }
            }
            if only_new {
                rule.note(AT_CREATION);
            }
        }
        for (what, given, place) in
            [("user", &self.user, &mut rule.owner), ("group", &self.group, &mut rule.group)]
        {
            let Some((name, _)) = given else { continue };
            if let Err(old) = put(place, name.clone()) {
                return differs(what, &old);
            }
        }
        if self.user.iter().chain(&self.group).any(|(_, only_new)| *only_new) {
            rule.note(AT_CREATION);
        }
        if self.modifiers.contains('!') {
            rule.note(BOOT);
        }
        if self.modifiers.contains('=') {
            rule.note("`=`: what is there and is no directory is removed by systemd; evenkeel refuses and says so");
        }
        if self.modifiers.contains('$') {
            rule.note("`$`: nothing is purged with a package");
        }
        Ok(())
    }
}

/// A leading `:` means: only when it is created.
fn at_creation(text: String) -> (String, bool) {
    match text.strip_prefix(':') {
        Some(rest) => (rest.to_owned(), true),
        None => (text, false),
    }
}

fn specifiers(path: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = path.chars();
    while let Some(char) = chars.next() {
        match (char, char == '%') {
            (_, true) => match chars.next() {
                Some('%') => out.push('%'),
                Some('t') => out.push_str("/run"),
                Some('S') => out.push_str("/var/lib"),
                Some('C') => out.push_str("/var/cache"),
                Some('L') => out.push_str("/var/log"),
                Some('T') => out.push_str("/tmp"),
                Some('V') => out.push_str("/var/tmp"),
                other => {
                    let other = other.map(String::from).unwrap_or_default();
                    return Err(format!(
                        "the specifier `%{other}` is known to systemd alone; write the path out"
                    ));
                }
            },
            (char, false) => out.push(char),
        }
    }
    Ok(out)
}

/// An age as a duration, and the times of files that count.
fn age(text: &str) -> Result<(String, Vec<&'static str>), String> {
    if text.starts_with('~') {
        return Err("`~` spares the first level of the directory, which has no equal".to_owned());
    }
    let (by, text) = text.split_once(':').unwrap_or(("abcm", text));
    if let Some(other) = by.chars().find(|char| !"aAbBcCmM".contains(*char)) {
        return Err(format!("`{other}` is no choice of times; accepted: letters of `aAbBcCmM`"));
    }
    let times = [('m', "mtime"), ('c', "ctime"), ('b', "btime"), ('a', "atime")];
    let by: Vec<_> = times
        .into_iter()
        .filter(|(letter, _)| by.contains(*letter))
        .map(|(_, name)| name)
        .collect();
    if by.is_empty() {
        return Err("it goes by times of directories alone; evenkeel removes files".to_owned());
    }
    Ok((duration(text)?, by))
}

/// `1w2d` as the settings write it.
fn duration(text: &str) -> Result<String, String> {
    let mut out = Vec::new();
    let mut rest = text;
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|char: char| char.is_ascii_digit()).len();
        let number: u64 = rest[..digits]
            .parse()
            .map_err(|_| format!("`{text}` is no age; accepted: such as `10d` or `1w2d`"))?;
        let letters = rest[digits..]
            .find(|char: char| char.is_ascii_digit())
            .map_or(rest.len(), |end| digits + end);
        let unit = match rest[digits..letters].trim() {
            "us" | "usec" => "us",
            "ms" | "msec" => "ms",
            "" | "s" | "sec" | "second" | "seconds" => "s",
            "m" | "min" | "minute" | "minutes" => "m",
            "h" | "hr" | "hour" | "hours" => "h",
            "d" | "day" | "days" => "d",
            "w" | "week" | "weeks" => "w",
            "month" | "months" | "M" | "y" | "year" | "years" => {
                return Err(format!("`{text}`: months and years differ in length; write days"));
            }
            unit => return Err(format!("`{unit}` is no unit of time; accepted: us ms s m h d w")),
        };
        sum = sum.saturating_add(number);
        if number > 0 {
            out.push(if unit == "w" {
                format!("{}d", number.saturating_mul(7))
            } else {
                format!("{number}{unit}")
            });
        }
        rest = &rest[letters..];
    }
    if sum == 0 {
        return Err("an age of zero removes everything at each run; write what may stay how long"
            .to_owned());
    }
    Ok(out.join(" "))
}

/// Makes the cleanup rules nearest above `path` spare it.
fn spare(imported: &mut Imported, path: &str, contents: bool) -> Result<(), String> {
    let Target { directory, glob } = names_in(path)?;
    let name = glob.unwrap_or_default();
    let is_above = |rule: &&mut Cleanup| {
        // By tmpfiles.d(5) such a line does not influence what `r` and `R` remove.
        let spares = rule.due != Due::BeforeBoot || rule.recursive;
        let above = directory == rule.path
            || directory.starts_with(&format!("{}/", rule.path.trim_end_matches('/')));
        spares && above
    };
    let above: Vec<_> = imported.cleanup.iter_mut().filter(is_above).collect();
    let nearest = above.iter().map(|rule| rule.path.len()).max();
    let nearest = nearest.ok_or("no line of this file cleans by age above it")?;
    for rule in above.into_iter().filter(|rule| rule.path.len() == nearest) {
        rule.exclude.push(name.clone());
        rule.notes.push(format!("`{name}` is spared at every level below, not only as {path}"));
        if !contents {
            rule.notes.push(format!(
                "`X` spares only {path} itself; evenkeel does not enter what it spares"
            ));
        }
    }
    Ok(())
}
