//! Turns tmpfiles.d files, logrotate stanzas and cron snippets into settings, and says what they leave out.
//!
//! For whoever moves to evenkeel and has rules already. [`import`] reads one text; [`Imported::to_toml`] gives ordinary
//! settings with a comment on each difference of meaning. What has no equal is never dropped: it is in
//! [`Imported::left_out`] with its line and the reason, and at the end of the settings.
//!
//! Pure: whether users exist or directories are there is for `evenkeel config check` to say.
//!
//! ```
//! use evenkeel_import::{Format, import};
//!
//! let imported = import(Format::Tmpfiles, "d /run/app 0750 app app 10d\nf /run/app/x\n");
//! assert!(imported.to_toml().contains("[permissions.run-app]"));
//! assert_eq!(imported.left_out[0].line, 2);
//! ```
#![forbid(unsafe_code)]

mod rules;

mod render;

mod words;

mod target;

mod tmpfiles;

mod cron;

mod find;

mod command;

mod logrotate;

use std::path::Path;

pub use rules::{Imported, LeftOut};

/// What wrote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `tmpfiles.d(5)`.
    Tmpfiles,
    /// `logrotate(8)`.
    Logrotate,
    /// `crontab(5)`, or a shell script of plain commands.
    Cron,
}

impl Format {
    /// The name, as it is written in flags and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tmpfiles => "tmpfiles",
            Self::Logrotate => "logrotate",
            Self::Cron => "cron",
        }
    }

    /// What the text looks like, by the path of its file first and by its lines second; `None` if by neither.
    pub fn guess(path: &Path, text: &str) -> Option<Self> {
        let within = |name: &str| path.iter().any(|part| part == name);
        let extension = path.extension().and_then(|extension| extension.to_str());
        if within("tmpfiles.d") {
            return Some(Self::Tmpfiles);
        }
        if within("logrotate.d") || path.file_name().is_some_and(|name| name == "logrotate.conf") {
            return Some(Self::Logrotate);
        }
        let is_cron =
            path.iter().filter_map(|part| part.to_str()).any(|part| part.starts_with("cron"));
        if is_cron || extension == Some("sh") || text.starts_with("#!") {
            return Some(Self::Cron);
        }
        let lines = || {
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
        };
        if lines().any(|line| line.ends_with('{')) && lines().any(|line| line == "}") {
            return Some(Self::Logrotate);
        }
        if lines().any(tmpfiles::looks_like_one) {
            return Some(Self::Tmpfiles);
        }
        lines().any(cron::looks_like_one).then_some(Self::Cron)
    }
}

/// Reads a text of this format. What it cannot turn into settings is among [`Imported::left_out`].
pub fn import(format: Format, text: &str) -> Imported {
    match format {
        Format::Tmpfiles => tmpfiles::import(text),
        Format::Logrotate => logrotate::import(text),
        Format::Cron => cron::import(text),
    }
}
