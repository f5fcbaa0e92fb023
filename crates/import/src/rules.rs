use evenkeel_names::Glob;
use serde::Serialize;

/// What became of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    pub(crate) permissions: Vec<Permissions>,
    pub(crate) cleanup: Vec<Cleanup>,
    /// What has no equal, in the order of the lines.
    pub left_out: Vec<LeftOut>,
}

/// A part of the text that is not among the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its line, from 1.
    pub line: usize,
    /// The part, as it was written.
    pub text: String,
    /// Why, and what there is in its place.
    pub reason: String,
}

/// A rule about modes and owners; `None` and empty say nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Permissions {
    pub(crate) path: String,
    pub(crate) create: bool,
    pub(crate) recursive: bool,
    pub(crate) owner: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) directory_mode: Option<u32>,
    pub(crate) files: Vec<(String, u32)>,
    pub(crate) interval: Option<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) lines: Vec<usize>,
}

/// A rule about age or size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cleanup {
    pub(crate) path: String,
    pub(crate) matches: Vec<String>,
    pub(crate) exclude: Vec<String>,
    pub(crate) recursive: bool,
    pub(crate) unit_directory: bool,
    pub(crate) due: Due,
    pub(crate) action: Action,
    pub(crate) interval: Option<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) lines: Vec<usize>,
}

/// When an entry is due, as the settings have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due {
    /// A duration, and the times that must all be so old; none named: those of the default.
    OlderThan { age: String, by: Vec<&'static str> },
    /// It is from before the host booted.
    BeforeBoot,
    /// A size.
    LargerThan(String),
}

/// What happens to what is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Delete,
    Truncate,
    Compress,
}

impl Action {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Truncate => "truncate",
            Self::Compress => "compress",
        }
    }
}

impl Imported {
    pub(crate) fn leave_out(
        &mut self,
        line: usize,
        text: impl Into<String>,
        reason: impl Into<String>,
    ) {
        self.left_out.push(LeftOut { line, text: text.into(), reason: reason.into() });
    }

    /// The rule about this directory: several lines of a text often speak of the same one.
    pub(crate) fn permissions_of(
        &mut self,
        line: usize,
        path: &str,
        recursive: bool,
    ) -> &mut Permissions {
        let index = match self
            .permissions
            .iter()
            .position(|rule| rule.path == path && rule.recursive == recursive)
        {
            Some(index) => index,
            None => {
                let path = path.to_owned();
                self.permissions.push(Permissions { path, recursive, ..Permissions::default() });
                self.permissions.len() - 1
            }
        };
        let rule = &mut self.permissions[index];
        if rule.lines.last() != Some(&line) {
            rule.lines.push(line);
        }
        rule
    }

    /// Lets go of what came to nothing, and puts what is left out in the order of its lines.
    pub(crate) fn finish(mut self) -> Self {
        self.permissions.retain(Permissions::asks_for_something);
        self.left_out.sort_by_key(|left_out| left_out.line);
        self
    }
}

impl Permissions {
    /// Gives files a mode. Fails with why not, where an earlier glob with another one already takes all of their names: the first
    /// that matches decides.
    pub(crate) fn put_files(&mut self, glob: &str, mode: u32) -> Result<(), String> {
        let new = Glob::try_new(glob).map_err(|error| error.to_string())?;
        let takes_all = |known: &str| Glob::try_new(known).is_ok_and(|known| known.covers(&new));
        match self.files.iter().find(|(known, _)| takes_all(known)) {
            Some((_, old)) if *old == mode => Ok(()),
            Some((known, old)) => {
                Err(format!("an earlier line gives `{known}` the mode {old:04o}, which stays"))
            }
            None => {
                self.files.push((glob.to_owned(), mode));
                Ok(())
            }
        }
    }

    /// A note once, however many lines say so.
    pub(crate) fn note(&mut self, note: &str) {
        if self.notes.iter().all(|known| known != note) {
            self.notes.push(note.to_owned());
        }
    }

    fn asks_for_something(&self) -> bool {
        self.create
            || self.owner.is_some()
            || self.group.is_some()
            || self.directory_mode.is_some()
            || !self.files.is_empty()
    }
}

/// Puts `new` where nothing or the same stands; says what stands there otherwise.
pub(crate) fn put<T: PartialEq + Clone>(place: &mut Option<T>, new: T) -> Result<(), T> {
    match place {
        Some(old) if *old != new => Err(old.clone()),
        _ => {
            *place = Some(new);
            Ok(())
        }
    }
}
