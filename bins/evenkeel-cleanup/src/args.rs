use std::path::PathBuf;

use clap::{ArgGroup, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use evenkeel_cli::Common;

const EXAMPLES: &str = "\
Examples:
  evenkeel-cleanup plan /srv/state --match '*.hash' --older-than 7d
  evenkeel-cleanup apply /srv/state --match '*.hash' --older-than 7d --age-by mtime --max-files 1000
  evenkeel-cleanup apply /var/log/app --match '*.log' --larger-than 100MiB --action truncate --keep-tail 1MiB
  evenkeel-cleanup apply --config /etc/evenkeel/evenkeel.toml

Exit: 0 done or nothing to do, 1 some files could not be taken or seen, 2 wrong usage or settings,
3 refused (over a cap) or not permitted.";

/// Removes old files and shortens large ones
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
    /// Say what is due; change nothing
    #[command(after_help = EXAMPLES)]
    Plan(Rule),
    /// Take away what is due
    #[command(after_help = EXAMPLES)]
    Apply(Rule),
}

/// Which times tell the age of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AgeBy {
    /// The last change of the content
    Mtime,
    /// The youngest of mtime, ctime and birth
    All,
}

/// What happens to a file that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Action {
    /// It is deleted
    Delete,
    /// Its head is cut off at the end of a line
    Truncate,
}

/// A rule in flags. Without PATH the rules of the settings are meant, all of them.
#[derive(Debug, ClapArgs)]
#[command(group = ArgGroup::new("due").args(["older_than", "larger_than"]))]
pub(crate) struct Rule {
    /// Directory; without it, the [cleanup.*] rules of the settings
    #[arg(requires = "due", requires = "matches")]
    pub(crate) path: Option<PathBuf>,
    /// Names of files; repeatable
    #[arg(long = "match", value_name = "GLOB")]
    pub(crate) matches: Vec<String>,
    /// Names to leave alone; repeatable
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Files at every level below PATH
    #[arg(long)]
    pub(crate) recursive: bool,
    /// Files older than this; exactly so old ones stay
    #[arg(long, value_name = "DURATION")]
    pub(crate) older_than: Option<String>,
    /// Which times tell the age [default: all]
    #[arg(long, value_name = "TIMES", requires = "older_than")]
    pub(crate) age_by: Option<AgeBy>,
    /// Files larger than this; exactly so large ones stay
    #[arg(long, value_name = "SIZE")]
    pub(crate) larger_than: Option<String>,
    /// What happens to them [default: delete]
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<Action>,
    /// What stays of a truncated file, at its end [default: nothing]
    #[arg(long, value_name = "SIZE")]
    pub(crate) keep_tail: Option<String>,
    /// Refuse to take more files in one run
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_files: Option<u64>,
    /// Refuse to take more bytes in one run
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_bytes: Option<String>,
    /// Leave files alone that a process has open
    #[arg(long)]
    pub(crate) skip_in_use: bool,
    /// PATH may be a directory of the system
    #[arg(long)]
    pub(crate) allow_system_path: bool,
}
