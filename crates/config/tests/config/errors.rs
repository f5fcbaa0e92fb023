use evenkeel_config::load_text;

#[test]
fn trial() {
    let text = r#"
[agent]
mode = "enforec"
listen = "localhost"
grace = 5
[check.web]
http = { url = "ftp://x" }
timeuot = "5s"
timeout = "10s"
interval = "12s"
retries = 3
breaker = { request_volume_threshold = 100 }
[check.b]
http = { url = "http://x/" }
interval = "10s"
breaker = { window = { kind = "time", length = "10s" } }
failure_threshold = { failures = 9, within = 3 }
conditions = [{ field = "statsu", above = 3 }, { field = "status", above = "x" }]
[check.c]
supervisor = { url = "http://x", programs = ["a", "a"] }
[permissions.a]
path = "/srv/x"
owner = 5
directory_mode = 755
files = [{ match = "*.x", mode = "0999" }, { match = "a/b", mode = "0644" }]
[cleanup.a]
path = "relative"
match = "*.log"
larger_than = "300 parsec"
action = "shred"
[recovery.r]
when = ["webb", "b"]
steps = [{ action = "supervisor.restart-program" }, { action = "systemd.restrat", unit = "x" }, {action="exec", unit="x"}]
backoff = { initial = "10m", max = "5m" }
budget = { per_target = "3 per hour" }
[chekc.q]
x = 1
"#;
    println!("{}", load_text("evenkeel.toml", text).unwrap_err());
    panic!()
}
