//! A unit of a real systemd in a host of its own, with an agent there that is a service of that systemd.

use std::sync::Arc;

use evenkeel_tests::{SystemdHost, until};

use crate::history::{History, Source};

const SERVICE: &str = include_str!("../../packaging/systemd/evenkeel.service");
const DROP_IN: &str =
    "[Service]\nExecStart=\nExecStart=/opt/evenkeel/evenkeel run\nRestartSec=300ms\n";
const WEB: &str = "[Service]\nExecStart=sleep 1000000\n";
const SETTINGS: &str = r#"
[agent]
grace = "0s"
[check.web]
systemd = { unit = "web" }
timeout = "1500ms"
interval = "2s"
failure_threshold = { failures = 2, within = 3 }
success_threshold = 1
flap = false
[recovery.web]
when = ["web"]
steps = [{ action = "systemd.restart", unit = "web", timeout = "20s" }]
backoff = { initial = "500ms", multiplier = 2, max = "5s", jitter = 0.1 }
budget = { per_target = "40/10m", per_group = "400/1h", per_host = "400/1h" }
verify_timeout = "20s"
stable_for = "2s"
slow_retry = "20s"
"#;

/// The host, booted, with its agent's history.
#[derive(Debug)]
pub(crate) struct Unit {
    host: Arc<SystemdHost>,
    pub(crate) history: History,
}

impl Unit {
    /// Boots it; `None` where that cannot be done, which is said then.
    pub(crate) fn boot() -> Option<Self> {
        let files = [
            ("etc/systemd/system/web.service", WEB, 0o644),
            ("etc/systemd/system/evenkeel.service", SERVICE, 0o644),
            ("etc/systemd/system/evenkeel.service.d/chaos.conf", DROP_IN, 0o644),
            ("etc/evenkeel/evenkeel.toml", SETTINGS, 0o600),
        ];
        let host = Arc::new(SystemdHost::boot_with(&files)?);
        host.ok("systemctl start web evenkeel");
        until("the agent of the unit answers", evenkeel_tests::LONG, || {
            host.sh("evenkeel status --json").stdout.contains("\"up\"")
        });
        let history =
            History::follow(Source::Within(Arc::clone(&host), "/var/lib/evenkeel/journal.db"));
        Some(Self { host, history })
    }

    /// Which run of the unit is active, and frozen by no signal; `None` if none is.
    pub(crate) fn invocation(&self) -> Option<String> {
        let asked = self.host.sh(
            "systemctl is-active -q web && ! grep -q '^State:.T' /proc/$(systemctl show --value -p MainPID web)/status && \
             systemctl show --value -p InvocationID web",
        );
        (asked.code == Some(0)).then(|| asked.stdout.trim().to_owned())
    }

    pub(crate) fn signal(&self, name: &str) {
        self.host.sh(&format!("systemctl kill --kill-who=main -s {name} web"));
    }
}
