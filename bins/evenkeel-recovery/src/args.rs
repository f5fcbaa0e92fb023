use clap::{Parser, Subcommand};
use evenkeel_cli::Common;

use crate::listener::Listener;
use crate::toml::{list, quoted};

const EXAMPLES: &str = "\
Examples:
  evenkeel-recovery once --supervisor unix:///run/supervisor.sock --program 'worker-*'
  evenkeel-recovery once --http http://127.0.0.1:8080/health --unit web.service --dry-run
  evenkeel-recovery run --http http://127.0.0.1:8080/health --exec /usr/local/bin/restart-web
  evenkeel-recovery run --config /etc/evenkeel/evenkeel.toml
  evenkeel-recovery supervisor-listener memmon -p web=200MB -a 1GB    (as `[eventlistener:…]` of supervisord)

Exit: 0 everything is up, 1 something is down, 2 wrong flags or settings, 3 could not be told or done";

/// Recovers what its checks say is down: rarely, within a budget, and proved by the same checks
#[derive(Debug, Parser)]
#[command(name = "evenkeel-recovery", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// One pass: look, recover what is down for sure, prove it, and end (for cron)
    Once(Once),
    /// Keep watch in the foreground
    Run(Run),
    /// What the running agent says
    Status,
    /// Be an event listener of supervisord, in the place of superlance's memmon and httpok
    SupervisorListener(Box<Listener>),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Once {
    /// Say what is down, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Do everything but act
    #[arg(long)]
    pub(crate) observe: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// A target by flags alone; each means what the same key means in a file.
#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// Restart the programs of this supervisord that are down (check.target.supervisor.url)
    #[arg(long, value_name = "URL", conflicts_with = "http")]
    supervisor: Option<String>,
    /// Only these programs (check.target.supervisor.programs); repeatable
    #[arg(long, value_name = "GLOB", requires = "supervisor")]
    program: Vec<String>,
    /// Watch this endpoint (check.target.http.url)
    #[arg(long, value_name = "URL")]
    http: Option<String>,
    /// Recover by restarting this systemd unit
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// Recover by running this program
    #[arg(long, value_name = "PROGRAM", num_args = 1.., value_terminator = ";")]
    exec: Vec<String>,
    /// Where the history is kept, so that no run forgets the budget (`agent.state_dir`)
    #[arg(long, value_name = "DIR")]
    state_dir: Option<String>,
}

impl Target {
    /// `common` with these flags as the settings that they mean, below what `--set` says.
    pub(crate) fn in_words(&self, common: &Common) -> Common {
        let mut sets = Vec::new();
        if let Some(url) = &self.supervisor {
            let programs =
                if self.program.is_empty() { vec!["*".to_owned()] } else { self.program.clone() };
            sets.push(format!("check.target.supervisor.url={}", quoted(url)));
            sets.push(format!("check.target.supervisor.programs={}", list(&programs)));
        }
        if let Some(url) = &self.http {
            sets.push(format!("check.target.http.url={}", quoted(url)));
        }
        if !sets.is_empty() {
            let mut steps = Vec::new();
            if self.supervisor.is_some() {
                steps.push("{ action = \"supervisor.restart-program\" }".to_owned());
            }
            if !self.exec.is_empty() {
                steps.push(format!("{{ action = \"exec\", command = {} }}", list(&self.exec)));
            }
            if let Some(unit) = &self.unit {
                steps.push(format!("{{ action = \"systemd.restart\", unit = {} }}", quoted(unit)));
            }
            sets.push("recovery.target.when=[\"target\"]".to_owned());
            sets.push(format!("recovery.target.steps=[{}]", steps.join(", ")));
        }
        if let Some(dir) = &self.state_dir {
            sets.push(format!("agent.state_dir={}", quoted(dir)));
        }
        sets.extend(common.set.iter().cloned());
        Common { set: sets, ..common.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_mean_what_the_same_keys_mean_in_a_file() {
        let args = [
            "evenkeel-recovery",
            "once",
            "--supervisor",
            "unix:///run/s.sock",
            "--program",
            "a\"b",
            "--set",
            "agent.grace=1s",
        ];
        let Command::Once(once) = Args::parse_from(args).command else {
            panic!("once was asked for")
        };
        let common = once.target.in_words(&Args::parse_from(args).common);
        assert_eq!(
            common.set,
            [
                "check.target.supervisor.url=\"unix:///run/s.sock\"",
                "check.target.supervisor.programs=[\"a\\\"b\"]",
                "recovery.target.when=[\"target\"]",
                "recovery.target.steps=[{ action = \"supervisor.restart-program\" }]",
                "agent.grace=1s",
            ]
        );
    }
}
