use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use evenkeel_cli::Common;

const EXAMPLES: &str = "\
Examples:
  evenkeel-permissions check /srv/state --match '*.hash' --mode 0644 --dir-mode 0755
  evenkeel-permissions fix /srv/state --dir-mode 0755 --owner supervisor --group supervisor --create
  evenkeel-permissions watch --config /etc/evenkeel/evenkeel.toml

Exit: 0 all holds or was made to hold, 1 drift or a failed repair, 2 wrong usage or settings,
3 refused or not permitted.";

/// Keeps mode, owner and group of a directory and what is in it
#[derive(Debug, Parser)]
#[command(name = "evenkeel-permissions", version, after_help = EXAMPLES, subcommand_required = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what deviates; change nothing
    #[command(after_help = EXAMPLES)]
    Check(Rule),
    /// Put right what deviates, and look again
    #[command(after_help = EXAMPLES)]
    Fix(Rule),
    /// Put right what deviates, whenever something changes, until interrupted
    #[command(after_help = EXAMPLES)]
    Watch(Rule),
}

/// A rule in flags. Without PATH the rules of the settings are meant, all of them.
#[derive(Debug, ClapArgs)]
pub(crate) struct Rule {
    /// Directory; without it, the [permissions.*] rules of the settings
    pub(crate) path: Option<PathBuf>,
    /// Names of files that get --mode; repeatable; `*` if only --mode is given
    #[arg(long = "match", value_name = "GLOB", requires = "mode")]
    pub(crate) matches: Vec<String>,
    /// Mode of matching files, octal
    #[arg(long, value_name = "MODE")]
    pub(crate) mode: Option<String>,
    /// Mode of the directory, octal
    #[arg(long, value_name = "MODE")]
    pub(crate) dir_mode: Option<String>,
    /// Owner of the directory and of matching files, by name or number
    #[arg(long, value_name = "USER")]
    pub(crate) owner: Option<String>,
    /// Group of the same
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Another user whose files may be changed; repeatable
    #[arg(long, value_name = "USER")]
    pub(crate) adopt_from: Vec<String>,
    /// Entry of the access control list of what gets a mode, such as `user:alice:r-X`; repeatable; `report` only tells, `none`: none allowed
    #[arg(long, value_name = "ENTRY")]
    pub(crate) acl: Vec<String>,
    /// Entry of the default list, from which new files get their rights; repeatable; `none`: none allowed
    #[arg(long, value_name = "ENTRY")]
    pub(crate) default_acl: Vec<String>,
    /// Work as this user
    #[arg(long, value_name = "USER")]
    pub(crate) run_as: Option<String>,
    /// Names to leave alone; repeatable
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Make the directory if it is missing
    #[arg(long)]
    pub(crate) create: bool,
    /// The same at every level below PATH
    #[arg(long)]
    pub(crate) recursive: bool,
    /// PATH may be a directory of the system
    #[arg(long)]
    pub(crate) allow_system_path: bool,
}
