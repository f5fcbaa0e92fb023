use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use evenkeel_cleanup::{ActionKind, Resource, Share, Watermark};
use evenkeel_cli::Common;

const EXAMPLES: &str = "\
Examples:
  evenkeel-cleanup plan /srv/state --match '*.hash' --older-than 7d
  evenkeel-cleanup apply /srv/state --match '*.hash' --older-than 7d --age-by mtime --max-files 1000
  evenkeel-cleanup apply /var/log/app --match '*.log' --larger-than 100MiB --action truncate --keep-tail 1MiB
  evenkeel-cleanup apply /srv/cache --match '*' --recursive --max-total 20GiB --action trash --trash-ttl 2d
  evenkeel-cleanup apply /var/lib/app --match '*.lock' --older-than boot
  evenkeel-cleanup apply /srv/cache --match '*' --recursive --watermark high=90%,low=80%
  evenkeel-cleanup apply /srv/releases --match '20*' --unit directory --max-count 5
  evenkeel-cleanup apply --config /etc/evenkeel/evenkeel.toml
  evenkeel-cleanup trash /srv/cache
  evenkeel-cleanup undo 20261125T072301Z-6204 /srv/cache

Exit: 0 done or nothing to do, 1 some entries could not be taken or seen, or a limit is not met, 2 wrong usage or
settings, 3 refused (over a cap) or not permitted.";

/// Takes away what is too old, too large or too much
#[derive(Debug, Parser)]
#[command(name = "evenkeel-cleanup", version, after_help = EXAMPLES, subcommand_required = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what is due and why; change nothing
    #[command(after_help = EXAMPLES)]
    Plan(Box<Rule>),
    /// Take away what is due; Ctrl-C ends it after the entry in hand
    #[command(after_help = EXAMPLES)]
    Apply(Box<Rule>),
    /// Bring back what a run kept in the trash, over nothing that is there by now
    Undo(Undo),
    /// Say what is kept in the trash, by run
    Trash(Kept),
}

/// Which run is undone, and where.
#[derive(Debug, ClapArgs)]
pub(crate) struct Undo {
    /// The run, as its report and `trash` name it
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) kept: Kept,
    /// Only this entry, or what was below it
    #[arg(long, value_name = "ENTRY")]
    pub(crate) only: Option<PathBuf>,
}

/// Where something may be kept.
#[derive(Debug, ClapArgs)]
pub(crate) struct Kept {
    /// The directory that was cleaned up; without it, those of the [cleanup.*] rules of the settings
    pub(crate) path: Option<PathBuf>,
    /// The user as whom the rule works
    #[arg(long, value_name = "USER", requires = "path")]
    pub(crate) run_as: Option<String>,
}

/// What one entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unit {
    /// A regular file
    File,
    /// A directory with all that is in it
    Directory,
}

/// What happens to an entry that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Action {
    /// It is deleted
    Delete,
    /// Its head is cut off at the end of a line
    Truncate,
    /// It is kept below PATH for a while, from where `undo` brings it back
    Trash,
    /// It becomes NAME.gz
    Compress,
}

impl Action {
    pub(crate) fn kind(self) -> ActionKind {
        match self {
            Self::Delete => ActionKind::Delete,
            Self::Truncate => ActionKind::Truncate,
            Self::Trash => ActionKind::Trash,
            Self::Compress => ActionKind::Compress,
        }
    }
}

/// A watermark as a flag has it: `high=90%,low=80%`, with `,of=inodes` for those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(pub(crate) Watermark);

impl FromStr for Mark {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const ACCEPTED: &str = "such as `high=90%,low=80%`, and `,of=inodes` for those";
        let (mut high, mut low, mut of) = (None, None, Resource::Disk);
        for part in text.split(',') {
            let share = |text: &str| text.parse::<Share>().map_err(|error| error.to_string());
            match part.trim().split_once('=') {
                Some(("high", value)) => high = Some(share(value)?),
                Some(("low", value)) => low = Some(share(value)?),
                Some(("of", "disk")) => of = Resource::Disk,
                Some(("of", "inodes")) => of = Resource::Inodes,
                _ => {
                    return Err(format!(
                        "`{part}` is no part of a watermark; accepted: {ACCEPTED}"
                    ));
                }
            }
        }
        match (high, low) {
            (Some(high), Some(low)) => Ok(Self(Watermark { high, low, of })),
            _ => Err(format!("`high` and `low` are both needed; accepted: {ACCEPTED}")),
        }
    }
}

/// A rule in flags. Without PATH the rules of the settings are meant, all of them.
#[derive(Debug, Default, ClapArgs)]
#[command(group = ArgGroup::new("due")
    .args(["older_than", "larger_than", "max_total", "max_count", "watermark"]))]
pub(crate) struct Rule {
    /// Directory; without it, the [cleanup.*] rules of the settings
    #[arg(requires = "due", requires = "matches")]
    pub(crate) path: Option<PathBuf>,
    /// Names of entries; repeatable
    #[arg(long = "match", value_name = "GLOB")]
    pub(crate) matches: Vec<String>,
    /// Names to leave alone; repeatable
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Entries at every level below PATH
    #[arg(long)]
    pub(crate) recursive: bool,
    /// Deepest level below PATH; what is deeper is told, not passed over [default: 64]
    #[arg(long, value_name = "LEVELS")]
    pub(crate) max_depth: Option<u32>,
    /// What one entry is [default: file]
    #[arg(long, value_name = "UNIT")]
    pub(crate) unit: Option<Unit>,
    /// Entries older than this, exactly so old ones stay; `boot`: entries from before the host booted
    #[arg(long, value_name = "DURATION|boot", help_heading = "When (one of these)")]
    pub(crate) older_than: Option<String>,
    /// Entries larger than this; exactly so large ones stay
    #[arg(long, value_name = "SIZE", help_heading = "When (one of these)")]
    pub(crate) larger_than: Option<String>,
    /// The oldest, until all that match take no more than this on disk
    #[arg(long, value_name = "SIZE", help_heading = "When (one of these)")]
    pub(crate) max_total: Option<String>,
    /// The oldest, until no more than so many match
    #[arg(long, value_name = "NUMBER", help_heading = "When (one of these)")]
    pub(crate) max_count: Option<u64>,
    /// The oldest, once the filesystem is fuller than high, until it is no fuller than low
    #[arg(
        long,
        value_name = "high=SHARE,low=SHARE[,of=disk|inodes]",
        help_heading = "When (one of these)"
    )]
    pub(crate) watermark: Option<Mark>,
    /// Never take this many of the newest
    #[arg(long, value_name = "NUMBER")]
    pub(crate) keep_newest: Option<u64>,
    /// Which times tell the age, the youngest of them: all, or some of mtime,ctime,btime,atime [default: all]
    #[arg(long, value_name = "TIMES", value_delimiter = ',')]
    pub(crate) age_by: Vec<String>,
    /// What happens to them [default: delete]
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<Action>,
    /// What stays of a truncated file, at its end [default: nothing]
    #[arg(long, value_name = "SIZE")]
    pub(crate) keep_tail: Option<String>,
    /// How long the trash keeps them [default: 7d]
    #[arg(long, value_name = "DURATION")]
    pub(crate) trash_ttl: Option<String>,
    /// Refuse to take more entries in one run
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_files: Option<u64>,
    /// Refuse to take more bytes in one run
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_bytes: Option<String>,
    /// Refuse to take a larger share of those that match in one run
    #[arg(long, value_name = "SHARE")]
    pub(crate) max_ratio: Option<Share>,
    /// Leave alone what a process has open
    #[arg(long)]
    pub(crate) skip_in_use: bool,
    /// Do the work as this user
    #[arg(long, value_name = "USER")]
    pub(crate) run_as: Option<String>,
    /// PATH may be a directory of the system
    #[arg(long)]
    pub(crate) allow_system_path: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_are_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_watermark_needs_both_of_its_marks() {
        let mark: Mark = "high=90%,low=0.8,of=inodes".parse().unwrap();
        assert_eq!(mark.0.low.to_string(), "80%");
        assert_eq!(mark.0.of, Resource::Inodes);
        for text in ["", "high=90%", "90%", "high=90%,low=80", "high=90%,low=80%,of=cpu"] {
            assert!(text.parse::<Mark>().is_err(), "{text}");
        }
    }
}
