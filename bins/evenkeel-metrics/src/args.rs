use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, Subcommand};
use evenkeel_cli::Common;
use evenkeel_config::{parse_duration, parse_size};

const EXAMPLES: &str = "\
Examples:
  evenkeel-metrics rules > /etc/prometheus/rules/evenkeel.yml
  evenkeel-metrics rules --test                      with promtool
  evenkeel-metrics rules --memory supervisor=300MB:5m --permissions tmux=/tmp/tmux_supervisor_state
  evenkeel-metrics scrape-config --listen 127.0.0.1:9720
  curl -s http://127.0.0.1:9720/metrics | evenkeel-metrics check -
  evenkeel-metrics serve --listen 127.0.0.1:9721 --process supervisor=pidfile:/run/supervisord.pid

Exit: 0 everything holds, 1 something does not, 2 wrong flags or settings, 3 could not be done";

const RULES_EXAMPLES: &str = "\
Examples:
  evenkeel-metrics rules > /etc/prometheus/rules/evenkeel.yml
  evenkeel-metrics rules --config /etc/evenkeel --test
  evenkeel-metrics rules --memory supervisor=300MB:5m --permissions tmux=/tmp/tmux_supervisor_state
  evenkeel-metrics rules --print-tests evenkeel.yml > evenkeel.test.yml && promtool test rules evenkeel.test.yml
  evenkeel-metrics rules --json | jq '.groups[].rules[].alert'

What each alert means, and what to do when it fires: docs/alerts.md, where the annotation `runbook` leads.

Exit: 0 written, or all tests pass; 1 a test fails; 2 wrong flags or settings; 3 promtool is not installed";

/// Serves process metrics, writes and tests alert rules, checks metrics pages
#[derive(Debug, Parser)]
#[command(name = "evenkeel-metrics", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Alert rules for Prometheus, from flags, else from the settings, else those of the preset tmux-supervisor
    #[command(after_help = RULES_EXAMPLES)]
    Rules(Rules),
    /// What Prometheus must scrape for these rules
    ScrapeConfig(ScrapeConfig),
    /// Say line by line what is wrong with a metrics page
    Check(Check),
    /// Serve the metrics of processes, without the agent
    Serve(Serve),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Rules {
    /// Run unit tests of the rules with promtool instead of printing them
    #[arg(long)]
    pub(crate) test: bool,
    /// Print the unit tests for rules that were written to FILE, for promtool test rules
    #[arg(long, value_name = "FILE", conflicts_with = "test")]
    pub(crate) print_tests: Option<String>,
    /// Memory of the process that JOB scrapes: more than SIZE for FOR is too much; repeatable
    #[arg(long, value_name = "JOB=SIZE[:FOR]")]
    pub(crate) memory: Vec<Memory>,
    /// Root of a permission rule; repeatable
    #[arg(long, value_name = "NAME=PATH")]
    pub(crate) permissions: Vec<Root>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ScrapeConfig {
    /// Where the agent or `evenkeel-metrics serve` listens; else as the settings say
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// Scrape job for the process NAME; without NAME both have one name; repeatable
    #[arg(long, value_name = "JOB[=NAME]")]
    pub(crate) process: Vec<Job>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The page; - for standard input
    pub(crate) file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9721")]
    pub(crate) listen: SocketAddr,
    /// A process, at /metrics?process=NAME; repeatable
    #[arg(long, value_name = "NAME=pidfile:PATH|pid:N", required = true)]
    pub(crate) process: Vec<Process>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) job: String,
    pub(crate) above_bytes: u64,
    pub(crate) sustained_for: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) job: String,
    pub(crate) process: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) selector: Selector,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selector {
    Pidfile(PathBuf),
    Pid(u32),
}

/// How long memory must be over its limit if nothing else is said.
const MEMORY_FOR: Duration = Duration::from_mins(5);

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (job, limit) = named(text, "JOB=SIZE[:FOR], such as supervisor=300MB:5m")?;
        let (size, sustained_for) = match limit.split_once(':') {
            Some((size, duration)) => {
                (size, parse_duration(duration).map_err(|error| error.to_string())?)
            }
            None => (limit, MEMORY_FOR),
        };
        let above_bytes = parse_size(size).map_err(|error| error.to_string())?;
        Ok(Self { job: job.to_owned(), above_bytes, sustained_for })
    }
}

impl FromStr for Root {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = named(text, "NAME=PATH, such as tmux=/tmp/tmux_supervisor_state")?;
        Ok(Self { name: name.to_owned(), path: path.into() })
    }
}

impl FromStr for Job {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (job, process) =
            if text.contains('=') { named(text, "JOB[=NAME]")? } else { (text, text) };
        if job.is_empty() {
            return Err("expected JOB[=NAME], such as supervisor=supervisor-memory".to_owned());
        }
        Ok(Self { job: job.to_owned(), process: process.to_owned() })
    }
}

impl FromStr for Process {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str =
            "NAME=pidfile:PATH or NAME=pid:N, such as supervisor=pidfile:/run/supervisord.pid";
        let (name, selector) = named(text, FORM)?;
        let selector = match selector.split_once(':') {
            Some(("pidfile", path)) if !path.is_empty() => Selector::Pidfile(path.into()),
            Some(("pid", pid)) => {
                Selector::Pid(pid.parse().map_err(|_| format!("`{pid}` is no process id"))?)
            }
            _ => return Err(format!("expected {FORM}")),
        };
        Ok(Self { name: name.to_owned(), selector })
    }
}

fn named<'a>(text: &'a str, form: &str) -> Result<(&'a str, &'a str), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name, value)),
        _ => Err(format!("expected {form}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_limit_of_memory_has_a_size_and_perhaps_a_time() {
        let memory = |above_bytes, seconds| Memory {
            job: "supervisor".into(),
            above_bytes,
            sustained_for: Duration::from_secs(seconds),
        };
        assert_eq!("supervisor=300MB".parse(), Ok(memory(300_000_000, 300)));
        assert_eq!("supervisor=1KiB:90s".parse(), Ok(memory(1024, 90)));
        for wrong in ["supervisor", "=1MB", "supervisor=", "supervisor=much", "supervisor=1MB:soon"]
        {
            assert!(wrong.parse::<Memory>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_process_is_found_by_pidfile_or_number() {
        let process = |selector| Process { name: "a".into(), selector };
        assert_eq!(
            "a=pidfile:/run/a=b.pid".parse(),
            Ok(process(Selector::Pidfile("/run/a=b.pid".into())))
        );
        assert_eq!("a=pid:7".parse(), Ok(process(Selector::Pid(7))));
        for wrong in ["a", "a=", "a=7", "a=pid:", "a=pid:-1", "a=pidfile:", "=pid:7", "a=name:x"] {
            assert!(wrong.parse::<Process>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_job_has_the_name_of_its_process_unless_it_says_otherwise() {
        let job = |process: &str| Job { job: "supervisor".into(), process: process.into() };
        assert_eq!("supervisor".parse(), Ok(job("supervisor")));
        assert_eq!("supervisor=daemon".parse(), Ok(job("daemon")));
        assert!("".parse::<Job>().is_err());
    }
}
