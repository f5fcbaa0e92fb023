use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::{
    Daemon, LONG, Response, Samples, Scratch, find_bin, free_port, get, get_as, until, until_some,
};

/// A running `evenkeel run`.
#[derive(Debug)]
pub struct Agent {
    /// The process itself.
    pub daemon: Daemon,
    address: SocketAddr,
    config: PathBuf,
}

impl Agent {
    /// Starts an agent with these settings, besides those of `[agent]`, and waits until it answers.
    pub fn start(scratch: &Scratch, settings: &str) -> Self {
        Self::start_with(scratch, "", settings, &[])
    }

    /// As [`Agent::start`], with more lines for `[agent]` and more arguments.
    pub fn start_with(scratch: &Scratch, agent: &str, settings: &str, args: &[&str]) -> Self {
        let (config, port) = Self::settings_with(scratch, agent, settings);
        let mut agent = Self::spawn(scratch, &config, port, args);
        agent.await_answer();
        agent
    }

    /// As [`Agent::start`], without the capability that fanotify takes: it has to watch by inotify. Root's.
    pub fn start_without_fanotify(scratch: &Scratch, settings: &str) -> Self {
        let program = find_bin("evenkeel");
        let drop = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"];
        let by: Vec<_> = drop.iter().map(OsStr::new).chain([program.as_os_str()]).collect();
        let (config, port) = Self::settings_with(scratch, "", settings);
        let mut agent = Self::spawn_by(&by, scratch, &config, port, &[]);
        agent.await_answer();
        agent
    }

    /// Starts an agent with a settings file as it stands, whose `listen` is this port; does not wait.
    pub fn spawn(scratch: &Scratch, config: &Path, port: u16, args: &[&str]) -> Self {
        Self::spawn_by(&[find_bin("evenkeel").as_os_str()], scratch, config, port, args)
    }

    /// As [`Agent::spawn`], by a command that ends in the program, such as `unshare … evenkeel`.
    pub fn spawn_by(
        by: &[&OsStr],
        scratch: &Scratch,
        config: &Path,
        port: u16,
        args: &[&str],
    ) -> Self {
        let log = scratch.join("agent.log");
        let mut all = by[1..].to_vec();
        all.extend(["run".as_ref(), "--config".as_ref(), config.as_os_str()]);
        all.extend(args.iter().map(OsStr::new));
        let daemon = Daemon::start("evenkeel run", by[0], all, &log);
        Self {
            daemon,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            config: config.to_owned(),
        }
    }

    /// Writes the settings file of the agent that [`Agent::start_with`] would start.
    pub fn settings_with(scratch: &Scratch, agent: &str, settings: &str) -> (PathBuf, u16) {
        let port = free_port();
        (write_settings(scratch, port, agent, settings), port)
    }

    /// Waits until it answers on HTTP.
    #[track_caller]
    pub fn await_answer(&mut self) {
        until("the agent answers", LONG, || {
            assert!(self.daemon.ended().is_none(), "the agent ended: {}", self.daemon.log());
            get(self.address, "/health").is_ok()
        });
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its settings file.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// What it answers for `path`.
    #[track_caller]
    pub fn get(&self, path: &str) -> Response {
        get(self.address, path)
            .unwrap_or_else(|error| panic!("GET {path}: {error}\n{}", self.daemon.log()))
    }

    /// What it answers for `path` to whoever thinks that it is `host`.
    #[track_caller]
    pub fn get_as(&self, host: &str, path: &str) -> Response {
        get_as(host, self.address, path).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// `/api/status`.
    #[track_caller]
    pub fn status(&self) -> Value {
        json(&self.get("/api/status"))
    }

    /// One check in `/api/status`.
    #[track_caller]
    pub fn check(&self, name: &str) -> Value {
        named(&self.status()["checks"], "name", name)
    }

    /// One rule in `/api/status`.
    #[track_caller]
    pub fn rule(&self, name: &str) -> Value {
        named(&self.status()["rules"], "name", name)
    }

    /// One recovery in `/api/status`, by its target; null while there is none.
    #[track_caller]
    pub fn recovery(&self, target: &str) -> Value {
        let status = self.status();
        let all = status["recoveries"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|recovery| recovery["target"] == target).unwrap_or(Value::Null)
    }

    /// Waits until a check is in this state and returns it.
    #[track_caller]
    pub fn await_check(&self, name: &str, state: &str, deadline: Duration) -> Value {
        until_some(&format!("check `{name}` is {state}"), deadline, || {
            let check = self.check(name);
            (check["state"] == state).then_some(check)
        })
    }

    /// The newest events first or last, as the agent orders them.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        json(&self.get("/api/events?limit=1000"))["events"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until the history tells so of a target: what is counted is told a little later.
    #[track_caller]
    pub fn await_event(&self, target: &str, kind: &str) {
        until(&format!("the history tells `{kind}` of {target}"), LONG, || {
            let is_it = |event: &Value| event["target"] == target && event["kind"] == kind;
            self.events().iter().any(is_it)
        });
    }

    /// `/metrics`.
    #[track_caller]
    pub fn metrics(&self) -> Samples {
        Samples::parse(&self.get("/metrics").body)
    }

    /// How many recovery actions of this target ended so.
    #[track_caller]
    pub fn actions(&self, target: &str, outcome: &str) -> u64 {
        self.count("evenkeel_recovery_actions_total", &[("target", target), ("outcome", outcome)])
    }

    /// How many recovery actions of any target ended in any way.
    #[track_caller]
    pub fn all_actions(&self) -> u64 {
        self.count("evenkeel_recovery_actions_total", &[])
    }

    /// How often a check has been attempted.
    #[track_caller]
    pub fn attempts(&self, check: &str) -> u64 {
        self.count("evenkeel_check_duration_seconds_count", &[("check", check)])
    }

    /// A counter of `/metrics`.
    #[track_caller]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.metrics().count(name, labels)
    }
}

fn write_settings(scratch: &Scratch, port: u16, agent: &str, settings: &str) -> PathBuf {
    let place = scratch.path().display();
    let text = format!(
        "[agent]\nstate_dir = \"{place}/state\"\nlisten = \"127.0.0.1:{port}\"\nsocket = \"{place}/evenkeel.sock\"\n\
         grace = \"0s\"\n{agent}\n{settings}"
    );
    scratch.file("settings.toml", &text, 0o600)
}

#[track_caller]
fn json(response: &Response) -> Value {
    serde_json::from_str(&response.body)
        .unwrap_or_else(|error| panic!("not JSON: {error}: {response:?}"))
}

#[track_caller]
fn named(list: &Value, key: &str, name: &str) -> Value {
    let found = list.as_array().and_then(|list| list.iter().find(|entry| entry[key] == name));
    found.unwrap_or_else(|| panic!("no `{name}` in {list}")).clone()
}
