mod network;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Parser, Subcommand};
use evenkeel_cli::{Common, Failure};
use evenkeel_command::CommandSpec;
use evenkeel_config::parse_duration;
use evenkeel_probe::{
    Condition, DiskTarget, ExecTarget, FileTarget, ProcessSelector, ProcessTarget, ProgramGlob,
    SupervisorTarget, SystemdTarget, Target, TmuxTarget,
};
use evenkeel_supervisord::socket_of_url;
use evenkeel_systemd::UnitName;
use evenkeel_tmux::Place;

use crate::args::network::{Dns, Http, Tcp, Unix};
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

Exit: 0 up, 1 down, 2 wrong usage, 3 could not be told; with --nagios 0 up, 2 down, 3 anything else.";

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
    /// Further attempts; the first good one ends the series
    #[arg(long, value_name = "N", global = true, default_value_t = 0)]
    pub(crate) retries: u32,
    /// Wait this long between attempts
    #[arg(long, value_name = "D", global = true, default_value = "200ms", value_parser = duration)]
    pub(crate) retry_delay: Duration,
    /// What must hold, as FIELD=VALUE; also != < <= > >=, and ~ !~ for a regular expression; repeatable
    #[arg(long, value_name = "FIELD=VALUE", global = true)]
    expect: Vec<String>,
    /// One line and an exit code as Nagios plugins give them
    #[arg(long, global = true, conflicts_with = "json")]
    pub(crate) nagios: bool,
}

impl Series {
    /// Whether flags are set that belong to one measurement alone.
    pub(crate) fn is_for_one(&self) -> bool {
        self.nagios || !self.expect.is_empty()
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
    Exec {
        /// Set a variable of its environment; repeatable
        #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
        env: Vec<(OsString, OsString)>,
        /// Run it as this user, by name or number; takes the rights of root
        #[arg(long)]
        user: Option<String>,
        /// The command and its arguments, after `--`
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// A process lives; a zombie does not
    #[command(after_help = help("process"))]
    Process(Process),
    /// A supervisord answers and its programs run
    #[command(after_help = help("supervisor"))]
    Supervisor {
        /// Its socket, such as `unix:///run/supervisor.sock`
        #[arg(long)]
        url: String,
        /// Only these programs; repeatable
        #[arg(long, value_name = "GLOB", default_value = "*")]
        program: Vec<String>,
    },
    /// A unit of systemd runs, unless it was stopped on purpose
    #[command(after_help = help("systemd"))]
    Systemd {
        /// The unit; `.service` may be left out
        unit: String,
        /// Ask the manager of this user, which works for that user alone
        #[arg(long)]
        user: Option<String>,
    },
    /// A tmux server answers, and what runs in its panes lives
    #[command(after_help = help("tmux"))]
    Tmux {
        /// Its socket: a path, or a name as for `tmux -L`
        #[arg(value_name = "TARGET", default_value = "default")]
        socket: String,
        /// Whose socket of that name
        #[arg(long)]
        user: Option<String>,
        /// Only these sessions, and each must be there; repeatable
        #[arg(long, value_name = "GLOB")]
        session: Vec<String>,
        /// A pane in which nothing was written for so long is stalled, if it is alone in its window
        #[arg(long, value_name = "D", value_parser = duration)]
        stalled_after: Option<Duration>,
    },
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

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("selector").required(true).args(SELECTORS))]
struct Process {
    /// The process whose number this file holds
    #[arg(long, value_name = "PATH")]
    pidfile: Option<PathBuf>,
    /// Every process of this name
    #[arg(long)]
    name: Option<String>,
    /// Only those of this user, by name or number
    #[arg(long, requires = "name", conflicts_with_all = ["pidfile", "pid", "unit", "cgroup", "program", "supervisor_socket"])]
    user: Option<String>,
    /// The process of this number
    #[arg(long)]
    pid: Option<u32>,
    /// Every process of this unit of systemd
    #[arg(long)]
    unit: Option<String>,
    /// Every process in this cgroup: a directory, or the place in its hierarchy
    #[arg(long, value_name = "PATH")]
    cgroup: Option<PathBuf>,
    /// The process of this program of the supervisord at `--url`
    #[arg(long, requires = "url")]
    program: Option<String>,
    /// Where supervisord is asked, such as `unix:///run/supervisor.sock`
    #[arg(long, requires = "program", conflicts_with_all = ["pidfile", "name", "pid", "unit", "cgroup", "supervisor_socket"])]
    url: Option<String>,
    /// The supervisord behind this socket
    #[arg(long, value_name = "URL")]
    supervisor_socket: Option<String>,
    /// Count the processes below with it
    #[arg(long)]
    tree: bool,
}

/// The ways to say which process is meant.
const SELECTORS: [&str; 7] =
    ["pidfile", "name", "pid", "unit", "cgroup", "program", "supervisor_socket"];

impl Args {
    /// Where to serve, if that is what is asked for.
    pub(crate) fn serve(&self) -> Option<&Serve> {
        match &self.command {
            Command::Serve(serve) => Some(serve),
            Command::Measure(_) => None,
        }
    }

    /// What to measure, and what makes it a fault.
    pub(crate) fn target(&self) -> Result<(Target, Vec<Condition>), Failure> {
        let Command::Measure(kind) = &self.command else {
            return Err(Failure::usage("the target comes with each request"));
        };
        let target = kind.target()?;
        let condition = |text: &String| expect::condition(text, &target).map_err(Failure::usage);
        let conditions = self.series.expect.iter().map(condition).collect::<Result<Vec<_>, _>>()?;
        let target = target.judged_by(&conditions);
        Ok((target, conditions))
    }
}

impl Kind {
    fn target(&self) -> Result<Target, Failure> {
        Ok(match self {
            Self::Http(http) => Target::Http(http.target()?),
            Self::Tcp(tcp) => Target::Tcp(tcp.target()?),
            Self::Unix(unix) => Target::Unix(unix.target()?),
            Self::Dns(dns) => Target::Dns(dns.target()?),
            Self::Exec { env, user, command } => {
                let command = CommandSpec { env: env.clone(), ..CommandSpec::new(command) };
                Target::Exec(ExecTarget { user: user.clone(), ..ExecTarget::new(command) })
            }
            Self::Process(process) => Target::Process(process.target()?),
            Self::Supervisor { url, program } => {
                let globs = program.iter().map(|glob| ProgramGlob::try_new(glob));
                let globs = globs.collect::<Result<_, _>>().map_err(Failure::usage)?;
                let socket = socket_of_url(url).map_err(Failure::usage)?;
                Target::Supervisor(SupervisorTarget::new(socket, globs))
            }
            Self::Systemd { unit, user } => {
                let target = SystemdTarget::new(UnitName::try_new(unit).map_err(Failure::usage)?);
                Target::Systemd(SystemdTarget { user: user.clone(), ..target })
            }
            Self::Tmux { socket, user, session, stalled_after } => {
                let globs = session.iter().map(|glob| ProgramGlob::try_new(glob));
                let sessions = globs.collect::<Result<_, _>>().map_err(Failure::usage)?;
                let (place, stalled_after) = (tmux_place(socket, user.as_deref())?, *stalled_after);
                Target::Tmux(TmuxTarget { sessions, stalled_after, ..TmuxTarget::new(place) })
            }
            Self::File { path } => Target::File(FileTarget::new(path)),
            Self::Disk { path } => Target::Disk(DiskTarget::new(path)),
        })
    }
}

fn tmux_place(socket: &str, user: Option<&str>) -> Result<Place, Failure> {
    match (socket.contains('/'), user) {
        (true, None) => Ok(Place::Path(socket.into())),
        (true, Some(_)) => {
            Err(Failure::usage("`--user` goes with the name of a socket, not with a path"))
        }
        (false, user) => {
            Ok(Place::Named { name: socket.to_owned(), user: user.map(str::to_owned) })
        }
    }
}

impl Process {
    fn target(&self) -> Result<ProcessTarget, Failure> {
        let selector = match self {
            Self { pidfile: Some(path), .. } => ProcessSelector::Pidfile(path.clone()),
            Self { name: Some(name), user, .. } => {
                ProcessSelector::Name { name: name.clone(), user: user.clone() }
            }
            Self { pid: Some(pid), .. } => ProcessSelector::Pid(*pid),
            Self { unit: Some(unit), .. } => ProcessSelector::Unit(unit_name(unit)),
            Self { cgroup: Some(path), .. } => ProcessSelector::Cgroup(path.clone()),
            Self { program: Some(program), url: Some(url), .. } => ProcessSelector::Program {
                socket: socket_of_url(url).map_err(Failure::usage)?,
                program: program.clone(),
            },
            Self { supervisor_socket: Some(url), .. } => ProcessSelector::SupervisorDaemon {
                socket: socket_of_url(url).map_err(Failure::usage)?,
            },
            Self { .. } => {
                let flags = SELECTORS.map(|flag| format!("--{}", flag.replace('_', "-")));
                return Err(Failure::usage(format!("say which process: {}", flags.join(", "))));
            }
        };
        Ok(ProcessTarget { tree: self.tree, ..ProcessTarget::new(selector) })
    }
}

/// As systemctl takes it: a service, unless it says otherwise.
fn unit_name(unit: &str) -> String {
    let has_kind = ProcessSelector::UNIT_KINDS.iter().any(|kind| unit.ends_with(kind));
    if has_kind { unit.to_owned() } else { format!("{unit}.service") }
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// The value is not repeated in an error: it may be a secret.
fn variable(text: &str) -> Result<(OsString, OsString), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("a variable is written `NAME=VALUE`".to_owned()),
    }
}

/// The fields that `--expect` takes for a kind of target.
fn help(kind: &str) -> String {
    let fields = Target::fields_of(kind).unwrap_or_default();
    let lines = fields.iter().map(|field| format!("\n  {:<20}{}", field.name, field.help));
    let headers =
        if kind == "http" { "\n  header.NAME         a header of the response" } else { "" };
    format!("Fields for --expect:{}{headers}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn target(words: &[&str]) -> Result<(Target, Vec<Condition>), String> {
        let words = ["evenkeel-probe"].iter().chain(words);
        let args = Args::try_parse_from(words).map_err(|error| error.to_string())?;
        args.target().map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        Args::command().debug_assert();
    }

    #[test]
    fn each_kind_of_target_can_be_typed() {
        for (words, shown) in [
            (&["http", "http://localhost/health"][..], "http://localhost/health"),
            (&["http", "http://localhost/", "--method", "HEAD"], "HEAD http://localhost/"),
            (
                &["http", "http://docker/v1/_ping", "--unix-socket", "/run/docker.sock"],
                "http://docker/v1/_ping over /run/docker.sock",
            ),
            (&["http", "http://x/", "--body", "{}"], "POST http://x/"),
            (&["tcp", "[::1]:22"], "tcp [::1]:22"),
            (&["tcp", "x:443", "--tls", "--expect", "cert_days>14"], "tcp x:443"),
            (&["unix", "/run/x.sock", "--send", r"PING\r\n"], "unix /run/x.sock"),
            (&["dns", "Example.org."], "dns A example.org"),
            (&["dns", "x", "--type", "mx", "--server", "192.0.2.53"], "dns MX x at 192.0.2.53:53"),
            (&["exec", "--", "test", "-e", "/"], "exec test -e /"),
            (&["exec", "--env", "A=b=c", "--user", "root", "--", "env"], "exec env"),
            (&["process", "--name", "sh", "--user", "root"], "process `sh` of user `root`"),
            (
                &["process", "--supervisor-socket", "/run/s.sock"],
                "process of supervisord at /run/s.sock",
            ),
            (
                &["process", "--unit", "cron", "--tree"],
                "processes of `cron.service` and those below it",
            ),
            (&["process", "--cgroup", "/a/b"], "processes in cgroup `/a/b`"),
            (&["process", "--program", "web", "--url", "/run/s.sock"], "process of program `web`"),
            (&["supervisor", "--url", "unix:///run/s.sock"], "supervisord at /run/s.sock"),
            (&["disk", "/", "--expect", "inodes_available>10"], "disk of /"),
            (&["systemd", "nginx", "--expect", "restarts<5"], "unit nginx.service"),
            (&["tmux", "jobs", "--user", "app", "--session", "w*"], "tmux at `jobs` of user `app`"),
            (&["tmux", "/run/t.sock"], "tmux at /run/t.sock"),
            (&["file", "/etc/hosts", "--expect", "mode=0644"], "file /etc/hosts"),
        ] {
            assert_eq!(target(words).map(|(target, _)| target.describe()).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for words in [
            &["tcp", "localhost"][..],
            &["http", "localhost"],
            &["http", "http://localhost/", "--header", "nonsense"],
            &["http", "http://localhost/", "--method", "GET IT"],
            &["http", "http://localhost/", "--client-cert", "/x.pem"],
            &["http", "http://localhost/", "--server-name", "x"],
            &["http", "http://localhost/", "--expect", "cert_days>14"],
            &["http", "http://localhost/", "--expect", "header.a b=c"],
            &["http", "http://localhost/", "--unix-socket", "x.sock"],
            &["http", "http://localhost/", "--body", "x", "--method", "GET"],
            &["tcp", "localhost:1", "--expect", "cert_days>14"],
            &["tcp", "localhost:1", "--ca-file", "/x.pem"],
            &["unix", "relative.sock"],
            &["unix", "/x.sock", "--send", r"\q"],
            &["dns", "a..b"],
            &["dns", "x", "--type", "MX"],
            &["dns", "x", "--type", "Q"],
            &["dns", "x", "--answer", "not an address"],
            &["process"],
            &["process", "--pid", "1", "--name", "sh"],
            &["process", "--pid", "1", "--user", "root"],
            &["process", "--program", "web"],
            &["process", "--unit", "x", "--cgroup", "/y"],
            &["process", "--pid", "1", "--url", "/run/s.sock"],
            &["supervisor", "--url", "http://localhost:9001"],
            &["supervisor", "--url", "/run/s.sock", "--program", "a["],
            &["systemd", "web*"],
            &["tmux", "/run/t.sock", "--user", "app"],
            &["tmux", "jobs", "--session", "w["],
            &["tcp", "localhost:1", "--expect", "status=200"],
            &["tcp", "localhost:1", "--timeout", "soon"],
            &["tcp", "localhost:1", "--json", "--nagios"],
        ] {
            assert!(target(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn a_secret_in_a_header_is_not_repeated() {
        let error =
            target(&["http", "http://localhost/", "--header", "token hunter2"]).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
