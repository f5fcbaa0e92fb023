mod managers;
mod network;
mod process;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use evenkeel_cli::{Common, Failure};
use evenkeel_config::parse_duration;
use evenkeel_probe::{Condition, DiskTarget, FileTarget, Target};

use crate::args::managers::{Supervisor, Systemd, Tmux};
use crate::args::network::{Dns, Http, Tcp, Unix};
use crate::args::process::{Exec, Process};
use crate::expect;

const EXAMPLES: &str = "\
Examples:
  evenkeel-probe http http://127.0.0.1:8080/health --expect 'latency_ms<400' --expect 'body~ok'
  evenkeel-probe http https://example.org/ --max-redirects 3 --expect 'cert_days>14' --expect 'header.server~nginx'
  evenkeel-probe tcp 127.0.0.1:5432 --timeout 1s --retries 2
  evenkeel-probe tcp mail.example.org:25 --expect 'response~^220 '
  evenkeel-probe unix /run/redis.sock --send 'PING\\r\\n' --expect 'response~PONG'
  evenkeel-probe dns example.org --type MX --server 192.0.2.53
  evenkeel-probe process --pidfile /run/app.pid --expect 'rss_bytes<300MB'
  evenkeel-probe supervisor --url unix:///run/supervisor.sock --program 'worker-*'
  evenkeel-probe systemd nginx --expect 'restarts<5'
  evenkeel-probe file /var/lib/app/heartbeat --expect 'age_seconds<5m' --nagios
  evenkeel-probe disk /var/lib --expect 'used_percent<90' --expect 'read_only=false'
  evenkeel-probe exec -- test -s /var/lib/app/index
  evenkeel-probe serve --config /etc/evenkeel/probe.toml

Exit: 0 up or degraded, 1 down, 2 wrong usage, 3 could not be told; with --nagios 0 up, 1 degraded, 2 down, 3 anything else.";

/// Measures one target once and says whether it is up
#[derive(Debug, Parser)]
#[command(name = "evenkeel-probe", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) series: Series,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Measure(Box<Kind>),
    /// Answers /probe?module=&target= as the blackbox exporter does
    Serve(Serve),
}

/// Where to serve.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Address to listen on; whoever reaches it chooses where this host connects to
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9115")]
    pub(crate) listen: SocketAddr,
    /// A name that requests may have in their `Host` header, besides localhost and addresses; repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
}

/// How often to try, and what to expect.
#[derive(Debug, clap::Args)]
pub(crate) struct Series {
    /// Give up an attempt after this long
    #[arg(long, value_name = "D", global = true, default_value = "5s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Further attempts where one is down; the first good one ends the series, also if it is degraded
    #[arg(long, value_name = "N", global = true, default_value_t = 0)]
    pub(crate) retries: u32,
    /// Wait this long between attempts
    #[arg(long, value_name = "D", global = true, default_value = "200ms", value_parser = duration)]
    pub(crate) retry_delay: Duration,
    /// What must hold, as FIELD=VALUE; also != < <= > >=, and ~ !~ for a regular expression; repeatable
    #[arg(long, value_name = "FIELD=VALUE", global = true)]
    expect: Vec<String>,
    /// What should hold, in the same form: where it does not, the target is degraded, and not down; repeatable
    #[arg(long, value_name = "FIELD=VALUE", global = true)]
    prefer: Vec<String>,
    /// One line and an exit code as Nagios plugins give them
    #[arg(long, global = true, conflicts_with = "json")]
    pub(crate) nagios: bool,
}

impl Series {
    /// Whether flags are set that belong to one measurement alone.
    pub(crate) fn is_for_one(&self) -> bool {
        self.nagios || !self.expect.is_empty() || !self.prefer.is_empty()
    }
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// An HTTP endpoint answers with a status of 2xx
    #[command(after_help = help("http"))]
    Http(Http),
    /// A TCP port accepts connections, and answers as expected
    #[command(after_help = help("tcp"))]
    Tcp(Tcp),
    /// A Unix socket accepts connections, and answers as expected
    #[command(after_help = help("unix"))]
    Unix(Unix),
    /// A name resolves
    #[command(after_help = help("dns"))]
    Dns(Dns),
    /// A command exits with 0
    #[command(after_help = help("exec"))]
    Exec(Exec),
    /// A process lives; a zombie does not
    #[command(after_help = help("process"))]
    Process(Process),
    /// A supervisord answers and its programs run
    #[command(after_help = help("supervisor"))]
    Supervisor(Supervisor),
    /// A unit of systemd runs, unless it was stopped on purpose
    #[command(after_help = help("systemd"))]
    Systemd(Systemd),
    /// A tmux server answers, and what runs in its panes lives
    #[command(after_help = help("tmux"))]
    Tmux(Tmux),
    /// A file, directory or other entry exists; a symlink is looked at itself
    #[command(after_help = help("file"))]
    File {
        /// Where it is
        path: PathBuf,
    },
    /// A file system answers; how full it is, is for --expect to judge
    #[command(after_help = help("disk"))]
    Disk {
        /// Any path on it
        path: PathBuf,
    },
}

impl Args {
    /// Where to serve, if that is what is asked for.
    pub(crate) fn serve(&self) -> Option<&Serve> {
        match &self.command {
            Command::Serve(serve) => Some(serve),
            Command::Measure(_) => None,
        }
    }

    /// What to measure, what makes it down, and what makes it degraded.
    pub(crate) fn target(&self) -> Result<(Target, Vec<Condition>, Vec<Condition>), Failure> {
        let Command::Measure(kind) = &self.command else {
            return Err(Failure::usage("the target comes with each request"));
        };
        let target = kind.target()?;
        let condition = |text: &String| expect::condition(text, &target).map_err(Failure::usage);
        let conditions =
            |texts: &[String]| texts.iter().map(condition).collect::<Result<Vec<_>, _>>();
        let down = conditions(&self.series.expect)?;
        let degraded = conditions(&self.series.prefer)?;
        let target = target.judged_by(&down).keeping(&degraded);
        Ok((target, down, degraded))
    }
}

impl Kind {
    fn target(&self) -> Result<Target, Failure> {
        Ok(match self {
            Self::Http(http) => Target::Http(http.target()?),
            Self::Tcp(tcp) => Target::Tcp(tcp.target()?),
            Self::Unix(unix) => Target::Unix(unix.target()?),
            Self::Dns(dns) => Target::Dns(dns.target()?),
            Self::Exec(exec) => Target::Exec(exec.target()),
            Self::Process(process) => Target::Process(process.target()?),
            Self::Supervisor(supervisor) => Target::Supervisor(supervisor.target()?),
            Self::Systemd(systemd) => Target::Systemd(systemd.target()?),
            Self::Tmux(tmux) => Target::Tmux(tmux.target()?),
            Self::File { path } => Target::File(FileTarget::new(path)),
            Self::Disk { path } => Target::Disk(DiskTarget::new(path)),
        })
    }
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// The fields that `--expect` and `--prefer` take for a kind of target.
fn help(kind: &str) -> String {
    let fields = Target::fields_of(kind).unwrap_or_default();
    let lines = fields.iter().map(|field| format!("\n  {:<20}{}", field.name, field.help));
    let headers =
        if kind == "http" { "\n  header.NAME         a header of the response" } else { "" };
    format!("Fields for --expect and --prefer:{}{headers}", lines.collect::<String>())
}

#[cfg(test)]
mod tests;
