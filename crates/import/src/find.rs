//! `find(1)` as a rule about age or size.

use crate::rules::{Action, Cleanup, Due, Imported};
use crate::target::absolute;

/// What the tests and actions of one line add up to.
#[derive(Debug, Default)]
struct Query {
    names: Vec<String>,
    depth: Option<u32>,
    directories: bool,
    due: Option<Due>,
    action: Option<Action>,
    /// Whether a directory goes with all that is in it.
    whole: bool,
    notes: Vec<String>,
}

pub(crate) fn find(
    imported: &mut Imported,
    line: usize,
    arguments: &[&str],
    interval: Option<&str>,
) -> Result<(), String> {
    let split = arguments.iter().position(|word| word.starts_with('-')).unwrap_or(arguments.len());
    let (paths, tests) = arguments.split_at(split);
    let mut query = Query::default();
    let mut rest = tests.iter().copied();
    while let Some(test) = rest.next() {
        query.test(test, &mut rest)?;
    }
    let (due, action) = query.check()?;
    if paths.is_empty() {
        return Err("it has no path".to_owned());
    }
    let paths = paths.iter().map(|path| absolute(path)).collect::<Result<Vec<_>, _>>()?;
    for path in paths {
        imported.cleanup.push(Cleanup {
            path,
            matches: query.names.clone(),
            exclude: Vec::new(),
            recursive: query.depth != Some(1),
            unit_directory: query.directories,
            due: due.clone(),
            action,
            interval: interval.map(str::to_owned),
            notes: query.notes.clone(),
            lines: vec![line],
        });
    }
    Ok(())
}

impl Query {
    fn test<'a>(
        &mut self,
        test: &str,
        rest: &mut impl Iterator<Item = &'a str>,
    ) -> Result<(), String> {
        let mut value = || rest.next().ok_or_else(|| format!("`{test}` has no value"));
        match test {
            "-name" => {
                let name = value()?;
                evenkeel_names::Glob::try_new(name).map_err(|error| error.to_string())?;
                self.names.push(name.to_owned());
            }
            "-type" => match value()? {
                "f" => self.directories = false,
                "d" => self.directories = true,
                other => {
                    return Err(format!("`-type {other}`: evenkeel removes files and directories"));
                }
            },
            "-maxdepth" => {
                self.depth = Some(value()?.parse::<u32>().map_err(|error| error.to_string())?);
            }
            // The root itself never goes.
            "-mindepth" => match value()? {
                "0" | "1" => {}
                other => return Err(format!("`-mindepth {other}` has no equal")),
            },
            "-mtime" => self.days(test, value()?, "mtime")?,
            "-ctime" => self.days(test, value()?, "ctime")?,
            "-atime" => self.days(test, value()?, "atime")?,
            "-mmin" => self.minutes(value()?, "mtime")?,
            "-cmin" => self.minutes(value()?, "ctime")?,
            "-amin" => self.minutes(value()?, "atime")?,
            "-size" => {
                let (size, note) = size(value()?)?;
                self.notes.push(note);
                self.due(Due::LargerThan(size))?;
            }
            "-delete" => self.action = Some(Action::Delete),
            "-exec" | "-execdir" => {
                let words: Vec<_> = rest.take_while(|word| !matches!(*word, ";" | "+")).collect();
                self.exec(&words)?;
            }
            "-print" | "-xdev" | "-mount" => {}
            other => return Err(format!("`{other}` has no equal")),
        }
        Ok(())
    }

    fn exec(&mut self, words: &[&str]) -> Result<(), String> {
        let refuse = || Err(format!("`-exec {}` has no equal", words.join(" ")));
        let [program, options @ .., "{}"] = words else { return refuse() };
        let all = |known: &[&str]| options.iter().all(|option| known.contains(option));
        self.action = Some(match program.rsplit('/').next().unwrap_or_default() {
            "rm" if all(&["-f", "--"]) => Action::Delete,
            "rm" if all(&["-f", "-r", "-R", "-rf", "-fr", "-Rf", "--"]) => {
                self.whole = true;
                Action::Delete
            }
            "truncate" if matches!(options, ["-s" | "--size", "0"] | ["-s0" | "--size=0"]) => {
                Action::Truncate
            }
            "gzip" if all(&["-9", "-6", "-q", "--best", "--"]) => Action::Compress,
            _ => return refuse(),
        });
        Ok(())
    }

    fn due(&mut self, due: Due) -> Result<(), String> {
        match (&mut self.due, due) {
            (place @ None, due) => {
                *place = Some(due);
                Ok(())
            }
            // Several times of the same age must all be so old, to find as well.
            (Some(Due::OlderThan { age, by }), Due::OlderThan { age: same, by: more })
                if *age == same =>
            {
                by.extend(more);
                Ok(())
            }
            (Some(_), _) => Err("a rule goes by one age or one size; write two rules".to_owned()),
        }
    }

    fn days(&mut self, test: &str, value: &str, by: &'static str) -> Result<(), String> {
        let days = more_than(value)?;
        self.notes.push(format!(
            "`{test} +{days}` counts whole days that have passed, so it means {} days or more; \
             for what is older than {days} days write `older_than = \"{days}d\"`",
            days + 1
        ));
        self.due(Due::OlderThan { age: format!("{}d", days + 1), by: vec![by] })
    }

    fn minutes(&mut self, value: &str, by: &'static str) -> Result<(), String> {
        self.due(Due::OlderThan { age: format!("{}m", more_than(value)? + 1), by: vec![by] })
    }

    fn check(&mut self) -> Result<(Due, Action), String> {
        let action = self.action.ok_or("it changes nothing")?;
        let due = self.due.take();
        let due = due.ok_or("it has neither an age nor a size, so everything would go")?;
        let by_size = matches!(due, Due::LargerThan(_));
        match (action, self.directories, self.whole) {
            (Action::Truncate, ..) if !by_size => {
                return Err("shortening goes by size".to_owned());
            }
            (Action::Truncate | Action::Compress, true, _) => {
                return Err("that is for files, not for directories".to_owned());
            }
            (Action::Delete, false, true) => {
                return Err("without `-type d` it takes files and directories alike; \
                    a rule takes one of them"
                    .to_owned());
            }
            (Action::Delete, true, false) => {
                return Err("empty directories alone have no equal".to_owned());
            }
            (Action::Delete, true, true) if by_size => {
                return Err("the size of a directory is that of its list of names to find".to_owned());
            }
            (Action::Delete, true, true) => self.notes.push(
                "a directory is as old as the youngest thing in it; to find it is as old as its list of names".to_owned(),
            ),
            (Action::Truncate, ..) => self.notes.push(
                "a log whose writer does not append is left alone, with the writer named: a cut would leave a hole of NULs".to_owned(),
            ),
            (Action::Compress, ..) => {
                self.notes.push("what is there under the name with `.gz` is never replaced".to_owned());
            }
            (Action::Delete, false, false) => {}
        }
        if self.names.is_empty() {
            self.names.push("*".to_owned());
        }
        Ok((due, action))
    }
}

/// The number in `+7`.
fn more_than(text: &str) -> Result<u64, String> {
    let number = text.strip_prefix('+').and_then(|number| number.parse().ok());
    number
        .filter(|number| *number < 100_000)
        .ok_or_else(|| format!("`{text}`: only `more than` has an equal, such as `+7`"))
}

/// `+100M` of find: in whole units, rounded up.
fn size(text: &str) -> Result<(String, String), String> {
    let refuse = || format!("`{text}`: only `larger than` has an equal, such as `+100M`");
    let number = text.strip_prefix('+').ok_or_else(refuse)?;
    let digits = number.trim_end_matches(|char: char| !char.is_ascii_digit());
    let count: u64 = digits.parse().ok().filter(|count| *count < 1 << 40).ok_or_else(refuse)?;
    let size = match &number[digits.len()..] {
        "c" => format!("{count}B"),
        "w" => format!("{}B", count * 2),
        "" | "b" => format!("{}B", count * 512),
        "k" => format!("{count}KiB"),
        "M" => format!("{count}MiB"),
        "G" => format!("{count}GiB"),
        unit => return Err(format!("`{unit}` is no unit of find; accepted: c w b k M G")),
    };
    let note =
        format!("`-size {text}` counts in units of 1024, rounded up: the same as more than {size}");
    Ok((size, note))
}
