use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use evenkeel_cli::{Common, Shell};

const EXAMPLES: &str = "\
Examples:
  evenkeel demo --once                              see it heal a scratch host
  evenkeel config init --preset tmux-supervisor > evenkeel.toml
  evenkeel config check --config evenkeel.toml
  evenkeel check --config evenkeel.toml             everything once, nothing is changed
  evenkeel run --config evenkeel.toml --observe     the agent, without its hands
  evenkeel why web                                  what was done about it, and what was not
  evenkeel hold web --for 1h --reason migration     nothing is done to it meanwhile
  evenkeel undo 20261125T072301Z-6204               what that cleanup run put in the trash
  evenkeel run                                      with /etc/evenkeel/evenkeel.toml

Exit: 0 everything holds, 1 something does not, 2 wrong flags or settings, 3 could not be done";

/// Keeps a Linux host on an even keel: permissions, old files, health, recovery, with proof and reasons
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The agent, in the foreground; SIGHUP reloads the settings, SIGTERM ends it once running work is done
    Run(Run),
    /// A scratch host with real files and processes: faults are injected, the real agent heals them
    Demo(Demo),
    /// Everything once, read-only, as a table
    #[command(after_help = CHECK)]
    Check(Names),
    /// One pass: repair, clean up, recover (for cron)
    #[command(after_help = APPLY)]
    Apply(Apply),
    /// What the running agent says of the host
    #[command(after_help = STATUS)]
    Status(Status),
    /// What happened, from the history; no agent need run
    #[command(after_help = EVENTS)]
    Events(Events),
    /// Why something was done, or not done: evidence, rule, budget, refusals, actions, proofs; no agent need run
    #[command(after_help = WHY)]
    Why {
        /// The incident's number; or a recovery's target, a check or a rule for what happened to it last
        #[arg(value_name = "ID|TARGET")]
        what: String,
    },
    /// Let nothing be done to a target for a while, and say why; the running agent's order
    #[command(after_help = HOLD)]
    Hold(Hold),
    /// End a hold before its time
    #[command(after_help = RELEASE)]
    Release(Target),
    /// Give a target that is exhausted or waits a fresh try, now; its budget is not refunded
    #[command(after_help = RESET)]
    Reset(Target),
    /// How available the host was: promises, checks, incidents and what was done, from the history
    #[command(after_help = REPORT)]
    Report(Report),
    /// What would come of these settings: the real engine against a host with faults, in virtual time; nothing is touched
    #[command(after_help = SIMULATE)]
    Simulate(Simulate),
    /// Bring back what a cleanup run kept in the trash, over nothing that is there by now
    Undo(Undo),
    /// Check, show, describe, start or import settings
    Config(Config),
    /// Print what a shell needs to complete these commands
    #[command(after_help = COMPLETIONS)]
    Completions(Completions),
    /// Write manual pages of all programs, and of the settings, into a directory
    #[command(after_help = MAN)]
    Man {
        /// A directory that exists, such as /usr/local/share/man/man1
        dir: PathBuf,
    },
    /// A process of the demo's scratch host
    #[command(hide = true)]
    DemoPart(Part),
}

const COMPLETIONS: &str = "\
Examples:
  evenkeel completions bash > /etc/bash_completion.d/evenkeel
  evenkeel completions bash --for evenkeel-probe > /etc/bash_completion.d/evenkeel-probe
  evenkeel completions zsh > /usr/local/share/zsh/site-functions/_evenkeel
  evenkeel completions fish > ~/.config/fish/completions/evenkeel.fish

Exit: 0 printed, 2 no such shell or program, 3 the program is not there";

const MAN: &str = "\
Examples:
  evenkeel man /usr/local/share/man/man1 && man evenkeel
  mkdir pages && evenkeel man pages && man -l pages/evenkeel.toml.5

The page of the settings, evenkeel.toml(5), goes into the man5 beside a man1.

Exit: 0 all written; 3 the directory cannot be written to, or a program is not there";

/// The programs besides this one.
pub(crate) const OTHERS: [&str; 5] = [
    "evenkeel-permissions",
    "evenkeel-cleanup",
    "evenkeel-probe",
    "evenkeel-recovery",
    "evenkeel-metrics",
];

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// Which shell
    pub(crate) shell: Shell,
    /// Which program
    #[arg(long = "for", value_name = "PROGRAM", value_parser = programs())]
    pub(crate) program: Option<String>,
}

fn programs() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(["evenkeel"].into_iter().chain(OTHERS))
}

const STATUS: &str = "\
Examples:
  evenkeel status                     once, as a table; --json for programs
  evenkeel status --watch             in place, as it changes; q or Ctrl-C ends it

Exit: 0 everything holds, 1 something does not, 2 wrong settings, 3 no agent answers";

#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// Follow it on the whole terminal, also over a restart of the agent; where the output is no terminal, print it once
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Do everything but the writes: no repair, no action, no history on disk
    #[arg(long)]
    pub(crate) observe: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// End when each fault was healed once, with a table; exit 0 only if all were and nothing else was touched
    #[arg(long)]
    pub(crate) once: bool,
    /// Decides the order of the faults and the files they strike
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = seed)]
    pub(crate) seed: u64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Names {
    /// Only these checks, rules and recoveries; a recovery with the checks that it listens to
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

const CHECK: &str = "\
Examples:
  evenkeel check                      all checks and rules, once
  evenkeel check health tmux-state    one check and one rule

Exit: 0 everything holds, 1 something does not, 2 wrong settings or names, 3 something could not be told";

const APPLY: &str = "\
What it does is bound by the same budgets and holds as the agent, and is in the same history; where an agent runs on
these settings there is nothing left to do for it, and it says so.
Examples:
  evenkeel apply --dry-run            what would be done
  evenkeel apply                      all of it; */5 * * * * in a crontab
  evenkeel apply web tmux-state       one recovery and one rule

Exit: 0 everything holds, or was made to hold; 1 something does not; 2 wrong settings or names; 3 it could not be
      done: not permitted, or an agent is at it";

#[derive(Debug, clap::Args)]
pub(crate) struct Apply {
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) names: Names,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Events {
    /// Not older than this
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = told_time)]
    pub(crate) since: Duration,
    /// Only this kind, such as repaired or refused
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only this check, rule or recovery target, and its parts
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// At most so many, the newest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// The time to report, up to now
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = told_time)]
    pub(crate) since: Duration,
    /// Write a page with pictures to this file; it loads nothing and runs nothing
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// The language of the page: en or ja
    #[arg(long, value_name = "LANG", requires = "html", value_parser = ["en", "ja"])]
    pub(crate) lang: Option<String>,
}

const REPORT: &str = "\
Examples:
  evenkeel report                          the last 30 days, as tables
  evenkeel report --since 7d --html week.html
  evenkeel report --json | jq '.slos[] | {name, availability, coverage}'

Exit: 0 told, also if promises were not kept; 3 there is no history to read, or the page cannot be written";

#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    /// What goes wrong, how often and for how long; without it, what usually does
    #[arg(long, value_name = "FILE", conflicts_with = "from_journal")]
    pub(crate) faults: Option<PathBuf>,
    /// How long the simulated time is; at most 3650d
    #[arg(long = "for", value_name = "DURATION", default_value = "30d", value_parser = told_time, conflicts_with = "from_journal")]
    pub(crate) lasts: Duration,
    /// Decides all chance: the same settings, faults and seed give the same output to the last byte
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = seed)]
    pub(crate) seed: u64,
    /// So many runs, with this seed and those that follow: the median of each figure, and how far they lie apart
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) seeds: u32,
    /// What was recorded in this state directory goes wrong again: what would that time have been like with these settings?
    #[arg(long, value_name = "STATE_DIR")]
    pub(crate) from_journal: Option<PathBuf>,
    /// The recorded time to replay, up to the last that the history knows
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = told_time, requires = "from_journal")]
    pub(crate) since: Duration,
    /// Other settings under the same faults and chance: what is better with them, and what is worse
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Option<PathBuf>,
    /// Write a page with pictures to this file; it loads nothing and runs nothing
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// A time that is simulated or told of.
fn told_time(text: &str) -> Result<Duration, String> {
    time_up_to(Duration::from_hours(24 * 3_650), text)
}

fn time_up_to(longest: Duration, text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).ok();
    time.filter(|time| !time.is_zero() && *time <= longest).ok_or_else(|| {
        let longest = evenkeel_config::format_duration(longest);
        format!("accepted is a time above 0 and up to {longest}, such as 12h or 7d")
    })
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("accepted is a whole number from 0 to {}", u64::MAX))
}

const SIMULATE: &str = "\
Nothing of this host is read but the files that are named, and nothing is done to it.
Examples:
  evenkeel simulate --config evenkeel.toml                      a month of what usually goes wrong
  evenkeel simulate --config evenkeel.toml --faults faults.toml --for 90d --html month.html
  evenkeel simulate --config now.toml --compare new.toml        two policies under the same faults
  evenkeel simulate --config now.toml --compare new.toml --seeds 20
  evenkeel simulate --config new.toml --from-journal /var/lib/evenkeel --since 30d
  evenkeel simulate --config evenkeel.toml --json | jq '.policies[0].summary.totals'

Exit: 0 told, whatever came of it; 2 wrong flags, settings or faults; 3 there is no history to replay, the page cannot be
      written, or it was stopped before anything was done";

const EVENTS: &str = "\
Examples:
  evenkeel events                                   the last day, oldest first
  evenkeel events --since 7d --kind refused         what was not done, and why
  evenkeel events --target web --limit 20           web and its parts, such as web/worker
  evenkeel events --json | jq '.events[].message'

Exit: 0 told, also if nothing happened; 2 no such kind or target; 3 there is no history to read";

const WHY: &str = "\
Examples:
  evenkeel why 12                   incident 12: from its evidence to its proof
  evenkeel why web                  what was done about web last, what was refused, what its budget has left
  evenkeel why tmux-state           a rule: its last repairs, and who made them needed
  evenkeel why web --json           the same as one document, as /api/why/web gives it

Exit: 0 told, 2 neither settings nor history know it, 3 there is no history to read";

#[derive(Debug, clap::Args)]
pub(crate) struct Hold {
    #[command(flatten)]
    pub(crate) target: Target,
    /// How long; at most 30d
    #[arg(long = "for", value_name = "DURATION", value_parser = hold_time)]
    pub(crate) lasts: Duration,
    /// Why: one line for whoever looks at night and finds that nothing is done
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// A recovery, RECOVERY/PART, a check for all that listen to it, or '*' for the whole host
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,
}

fn hold_time(text: &str) -> Result<Duration, String> {
    time_up_to(evenkeel_agent::LONGEST_HOLD, text)
}

const HOLD: &str = "\
Nothing is done to what is held, and no incident begins; checks go on. A hold outlives the agent, and ends by itself.
Examples:
  evenkeel hold web --for 1h --reason 'migration of the database'
  evenkeel hold web/worker --for 30m --reason 'being debugged by ann'
  evenkeel hold '*' --for 2h --reason 'maintenance window'

Exit: 0 held, and on disk; 2 no such target, or no good reason; 3 no agent answers, or you may not give orders";

const RELEASE: &str = "\
Examples:
  evenkeel release web
  evenkeel release '*'

Exit: 0 released, 2 it is not held, 3 no agent answers, or you may not give orders";

const RESET: &str = "\
Examples:
  evenkeel reset web           after the cause was mended by hand
  evenkeel why web             says what it will be bound by

Exit: 0 reset, 2 no such target, 3 no agent answers, or you may not give orders";

#[derive(Debug, clap::Args)]
pub(crate) struct Undo {
    /// The run, as history and reports name it
    pub(crate) id: String,
    /// Only in the cleanup rules of this directory
    pub(crate) path: Option<PathBuf>,
    /// Only this entry, or what was below it
    #[arg(long, value_name = "ENTRY")]
    pub(crate) only: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read all settings and say what is wrong with them, and what is unwise
    Check,
    /// Print the settings in force
    Show {
        /// Say of each where it comes from
        #[arg(long)]
        origin: bool,
        /// Print secrets in clear: headers and bodies of requests, variables of commands, passwords in URLs
        #[arg(long)]
        reveal: bool,
    },
    /// Print the JSON Schema of a settings file, for editors
    #[command(after_help = SCHEMA)]
    Schema,
    /// Print a preset to start from
    Init {
        /// Which one
        #[arg(long, value_enum, default_value_t = Preset::TmuxSupervisor)]
        preset: Preset,
    },
    /// Turn tmpfiles.d, logrotate or cron rules into settings, and say what they leave out
    #[command(after_help = IMPORT)]
    Import(Import),
}

const SCHEMA: &str = "\
Editors that know TOML (taplo, Even Better TOML) then complete keys, show what they mean and mark what is wrong:
  evenkeel config schema > /etc/evenkeel/schema.json
and as the first line of /etc/evenkeel/evenkeel.toml
  #:schema ./schema.json

It judges each key by itself; `evenkeel config check` also says whether they fit together.";

const IMPORT: &str = "\
Settings go to standard output, what has no equal to standard error with its line. Nothing on the host is changed.
  evenkeel config import /usr/lib/tmpfiles.d/tmp.conf > evenkeel.toml
  crontab -l | evenkeel config import - --from cron

Exit: 0 all of it became settings, 1 something was left out, 2 it cannot be read or recognised";

#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// The file, or - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// What it was written for, if neither its path nor its lines tell
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) from: Option<ImportFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    /// tmpfiles.d(5)
    Tmpfiles,
    /// logrotate(8)
    Logrotate,
    /// crontab(5), or a shell script of plain commands
    Cron,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// A host where supervisord runs tmux workers
    TmuxSupervisor,
    /// A host whose services are systemd units
    Systemd,
    /// The least that is useful
    Minimal,
}

impl Preset {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TmuxSupervisor => "tmux-supervisor",
            Self::Systemd => "systemd",
            Self::Minimal => "minimal",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Part {
    #[command(subcommand)]
    pub(crate) command: PartCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PartCommand {
    /// End the part if it runs, start it, and return when it is there
    Start {
        /// The scratch directory
        dir: PathBuf,
        /// The part
        name: String,
    },
    /// Be the part
    Be {
        /// The scratch directory
        dir: PathBuf,
        /// The part
        name: String,
    },
}
