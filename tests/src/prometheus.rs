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
        Self::start_with(scratch, config, &[])
    }

    /// As [`Prometheus::start`], with more flags.
    pub fn start_with(scratch: &Scratch, config: &Path, flags: &[&str]) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let args = [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", scratch.join("prometheus").display()),
            format!("--web.listen-address={address}"),
        ];
        let args = args.into_iter().chain(flags.iter().map(|flag| (*flag).to_owned()));
        let daemon =
            Daemon::start("prometheus", "prometheus", args, &scratch.join("prometheus.log"));
        until("Prometheus is ready", LONG, || {
            get(address, "/-/ready").is_ok_and(|answer| answer.status == 200)
        });
        Self { address, _daemon: daemon }
    }

    /// The series that `query` finds now, as Prometheus gives them; `Err`: its words, if it cannot read the query.
    pub fn query(&self, query: &str) -> Result<Vec<Value>, String> {
        let path = format!("/api/v1/query?query={}", encoded(query));
        let answer = self.ask(&path)?;
        Ok(answer["result"].as_array().cloned().unwrap_or_default())
    }

    /// As [`Prometheus::query`], at this moment in milliseconds since 1970.
    pub fn query_at(&self, query: &str, at_ms: i64) -> Result<Vec<Value>, String> {
        let (seconds, millis) = (at_ms / 1000, at_ms % 1000);
        let query = encoded(query);
        let answer =
            self.ask(&format!("/api/v1/query?query={query}&time={seconds}.{millis:03}"))?;
        Ok(answer["result"].as_array().cloned().unwrap_or_default())
    }

    /// The exemplars of the series that `query` selects, each with its labels.
    pub fn exemplars(&self, query: &str, start: u64) -> Result<Vec<Value>, String> {
        let path = format!(
            "/api/v1/query_exemplars?query={}&start={start}&end=9999999999",
            encoded(query)
        );
        let series = self.ask(&path)?.as_array().cloned().unwrap_or_default();
        Ok(series.iter().filter_map(|one| one["exemplars"].as_array()).flatten().cloned().collect())
    }

    fn ask(&self, path: &str) -> Result<Value, String> {
        let answer = get(self.address, path).map_err(|error| error.to_string())?;
        let document: Value = serde_json::from_str(&answer.body)
            .map_err(|error| format!("no JSON: {error}: {}", answer.body))?;
        if document["status"] == "success" {
            Ok(document["data"].clone())
        } else {
            Err(document["error"].as_str().unwrap_or(&answer.body).to_owned())
        }
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

/// As part of a URL's query.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
