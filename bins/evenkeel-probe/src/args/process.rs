//! Commands and processes, as they are typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgGroup;
use evenkeel_cli::Failure;
use evenkeel_command::CommandSpec;
use evenkeel_probe::{ExecTarget, ProcessSelector, ProcessTarget};
use evenkeel_supervisord::socket_of_url;

#[derive(Debug, clap::Args)]
pub(super) struct Exec {
    /// Set a variable of its environment; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(OsString, OsString)>,
    /// Run it as this user, by name or number; takes the rights of root
    #[arg(long)]
    user: Option<String>,
    /// The command and its arguments, after `--`
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("selector").required(true).args(SELECTORS))]
pub(super) struct Process {
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

impl Exec {
    pub(super) fn target(&self) -> ExecTarget {
        let command = CommandSpec { env: self.env.clone(), ..CommandSpec::new(&self.command) };
        ExecTarget { user: self.user.clone(), ..ExecTarget::new(command) }
    }
}

impl Process {
    pub(super) fn target(&self) -> Result<ProcessTarget, Failure> {
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

/// The value is not repeated in an error: it may be a secret.
fn variable(text: &str) -> Result<(OsString, OsString), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("a variable is written `NAME=VALUE`".to_owned()),
    }
}
