use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;

use crate::{Daemon, Finished, LONG, Scratch, free_port, get, run, until};

/// Runs promtool to its end.
pub fn promtool<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Finished {
    run("promtool", args, None)
}

/// A real Prometheus with its data in a scratch directory.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    // Ends with it.
    _daemon: Daemon,
}

impl Prometheus {
    /// Starts it with this configuration and waits until it is ready.
    pub fn start(scratch: &Scratch, config: &Path) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let args = [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", scratch.join("prometheus").display()),
            format!("--web.listen-address={address}"),
        ];
        let daemon =
            Daemon::start("prometheus", "prometheus", args, &scratch.join("prometheus.log"));
        until("Prometheus is ready", LONG, || {
            get(address, "/-/ready").is_ok_and(|answer| answer.status == 200)
        });
        Self { address, _daemon: daemon }
    }

    /// The state of an alert rule: `inactive`, `pending` or `firing`.
    #[track_caller]
    pub fn alert_state(&self, name: &str) -> String {
        let answer = get(self.address, "/api/v1/rules?type=alert").expect("Prometheus answers");
        let document: Value =
            serde_json::from_str(&answer.body).expect("Prometheus answers in JSON");
        let groups = document["data"]["groups"].as_array().cloned().unwrap_or_default();
        let mut rules =
            groups.iter().flat_map(|group| group["rules"].as_array().into_iter().flatten());
        let rule = rules.find(|rule| rule["name"] == name);
        rule.and_then(|rule| rule["state"].as_str())
            .unwrap_or_else(|| panic!("no rule `{name}`: {document}"))
            .to_owned()
    }
}
