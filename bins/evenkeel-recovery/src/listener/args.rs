use std::path::PathBuf;

use clap::{ArgAction, Subcommand};

use super::size::Limit;

const EXAMPLES: &str = "\
Examples, as lines of supervisord.conf; each section has `events=TICK_5,PROCESS_STATE` besides:
  [eventlistener:memmon]   command=evenkeel-recovery supervisor-listener memmon -p web=200MB -a 1GB
  [eventlistener:httpok]   command=evenkeel-recovery supervisor-listener httpok -p web -t 2 http://127.0.0.1:8080/health
  [eventlistener:recovery] command=evenkeel-recovery supervisor-listener --config /etc/evenkeel/listener.toml
To see the settings that options mean: evenkeel-recovery supervisor-listener --print-settings memmon …";

/// What `supervisor-listener` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Listener {
    #[command(subcommand)]
    pub(crate) like: Option<Like>,
    #[command(flatten)]
    pub(crate) care: Care,
}

/// Whose options are meant.
#[derive(Debug, Subcommand)]
pub(crate) enum Like {
    /// Restarts programs that hold too much memory, with memmon's options
    Memmon(Memmon),
    /// Restarts programs whose endpoint fails, with httpok's options
    Httpok(Httpok),
}

/// What memmon and httpok lack.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Care {
    /// supervisord's socket [default: what supervisord says in `SUPERVISOR_SERVER_URL`]
    #[arg(long, value_name = "URL", global = true, help_heading = "Care")]
    pub(crate) server_url: Option<String>,
    /// Where budgets and history are kept [default: /var/lib/evenkeel/listener-NAME]
    #[arg(long, value_name = "DIR", global = true, help_heading = "Care")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Where the status page and the metrics are; nowhere by default
    #[arg(long, value_name = "ADDRESS", global = true, help_heading = "Care")]
    pub(crate) listen: Option<String>,
    /// How often to look, whatever the ticks are [default: 5s, and for httpok no less than its timeout]
    #[arg(long, value_name = "DURATION", global = true, help_heading = "Care")]
    pub(crate) interval: Option<String>,
    /// For so long after its start a program, and the listener, is left alone
    #[arg(
        long,
        value_name = "DURATION",
        global = true,
        default_value = "30s",
        help_heading = "Care"
    )]
    pub(crate) grace: String,
    /// Further attempts to recover, each after a longer pause
    #[arg(long, value_name = "NUMBER", global = true, default_value_t = 3, help_heading = "Care")]
    pub(crate) max_retries: u32,
    /// The first pause; each further one is twice as long, up to five minutes
    #[arg(
        long,
        value_name = "DURATION",
        global = true,
        default_value = "10s",
        help_heading = "Care"
    )]
    pub(crate) backoff: String,
    /// Restarts of one program within a window
    #[arg(
        long,
        value_name = "N/TIME",
        global = true,
        default_value = "3/1h",
        help_heading = "Care"
    )]
    pub(crate) budget: String,
    /// Restarts of all programs within a window
    #[arg(
        long,
        value_name = "N/TIME",
        global = true,
        default_value = "10/1h",
        help_heading = "Care"
    )]
    pub(crate) budget_all: String,
    /// How long the same check may take to prove that a restart helped [default: 60s, and for httpok no less than three timeouts]
    #[arg(long, value_name = "DURATION", global = true, help_heading = "Care")]
    pub(crate) verify_timeout: Option<String>,
    /// How long it must hold until the incident is over
    #[arg(
        long,
        value_name = "DURATION",
        global = true,
        default_value = "10m",
        help_heading = "Care"
    )]
    pub(crate) stable_for: String,
    /// Do everything but restart
    #[arg(long, global = true, help_heading = "Care")]
    pub(crate) observe: bool,
    /// Print the settings that these options mean, and end
    #[arg(long, global = true, help_heading = "Care")]
    pub(crate) print_settings: bool,
}

/// memmon's options. KB, MB and GB mean 1024 bytes and so on, as they do there.
#[derive(Debug, Clone, clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Memmon {
    /// Restart this program (or group:program) when it holds more; repeatable
    #[arg(short, long, value_name = "NAME=BYTES")]
    pub(crate) program: Vec<Limit>,
    /// Restart any program of this group when it holds more; repeatable
    #[arg(short, long, value_name = "NAME=BYTES")]
    pub(crate) group: Vec<Limit>,
    /// Restart any program when it holds more; never the listener itself
    #[arg(short, long, value_name = "BYTES", value_parser = super::size::parse)]
    pub(crate) any: Option<u64>,
    /// Count the processes below a program as well, pages that they share once
    #[arg(short, long)]
    pub(crate) cumulative: bool,
    /// Restart only what holds too much for so long without a break
    #[arg(long, value_name = "DURATION", default_value = "15s")]
    pub(crate) r#for: String,
    /// The name of this listener in its log, its history and its metrics
    #[arg(short, long, default_value = "memmon")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) mail: Mail,
    /// Refused, because it is about mail
    #[arg(short, long, value_name = "TIME", hide = true)]
    pub(crate) uptime: Option<String>,
}

/// httpok's options.
#[derive(Debug, Clone, clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Httpok {
    /// Restart this program (or group:program); several are tried one after another; repeatable
    #[arg(short, long, value_name = "NAME")]
    pub(crate) program: Vec<String>,
    /// How long the endpoint may take to answer; a number is in seconds
    #[arg(short, long, value_name = "TIME", default_value = "10")]
    pub(crate) timeout: String,
    /// A status that is good; repeatable
    #[arg(short, long, value_name = "STATUS", default_value = "200")]
    pub(crate) code: Vec<u16>,
    /// A text that the body must have in it
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) body: Option<String>,
    /// Ask also while no program runs, which is always so
    #[arg(short, long, overrides_with = "not_eager")]
    pub(crate) eager: bool,
    /// Taken, and of no effect: nothing is restarted while no program runs, and asking does no harm
    #[arg(short = 'E', long)]
    pub(crate) not_eager: bool,
    /// Restart only after so many failures among the last so many answers
    #[arg(long, value_name = "M/N", default_value = "3/5")]
    pub(crate) failures: String,
    /// The name of this listener in its log, its history and its metrics
    #[arg(short, long, default_value = "httpok")]
    pub(crate) name: String,
    /// The endpoint
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) mail: Mail,
    /// Refused: one endpoint is no reason to restart everything
    #[arg(short, long, hide = true)]
    pub(crate) any: bool,
    /// Refused, because evidence is taken without it
    #[arg(short, long, value_name = "PROGRAM", hide = true)]
    pub(crate) gcore: Option<String>,
    /// Refused, because evidence is taken without it
    #[arg(short = 'd', long, value_name = "DIR", hide = true)]
    pub(crate) coredir: Option<String>,
}

/// What both have for mail; refused by each, so that nobody waits for a mail that never comes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Mail {
    #[arg(short, long = "sendmail_program", value_name = "COMMAND", hide = true)]
    pub(crate) sendmail: Option<String>,
    #[arg(short = 'm', long, value_name = "ADDRESS", hide = true, action = ArgAction::Set)]
    pub(crate) email: Option<String>,
}
