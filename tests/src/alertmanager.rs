use std::net::SocketAddr;

use serde_json::Value;

use crate::{Daemon, LONG, Scratch, free_port, get, until};

/// A real Alertmanager that sends at once what it has to one webhook.
#[derive(Debug)]
pub struct Alertmanager {
    address: SocketAddr,
    // Ends with it.
    _daemon: Daemon,
}

impl Alertmanager {
    /// Starts it and waits until it is ready.
    pub fn start(scratch: &Scratch, webhook: &str) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let config = format!(
            "route: {{ receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s }}\n\
             receivers: [{{ name: hook, webhook_configs: [{{ url: '{webhook}', send_resolved: true }}] }}]\n"
        );
        let config = scratch.file("alertmanager.yml", &config, 0o644);
        let args = [
            format!("--config.file={}", config.display()),
            format!("--storage.path={}", scratch.join("alertmanager").display()),
            format!("--web.listen-address={address}"),
            "--cluster.listen-address=".to_owned(),
        ];
        let log = scratch.join("alertmanager.log");
        let daemon = Daemon::start("Alertmanager", "prometheus-alertmanager", args, &log);
        until("the Alertmanager is ready", LONG, || {
            get(address, "/-/ready").is_ok_and(|answer| answer.status == 200)
        });
        Self { address, _daemon: daemon }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The alerts that it has.
    #[track_caller]
    pub fn alerts(&self) -> Vec<Value> {
        let answer = get(self.address, "/api/v2/alerts").expect("the Alertmanager answers");
        serde_json::from_str(&answer.body).expect("the Alertmanager answers in JSON")
    }
}
