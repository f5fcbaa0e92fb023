//! Checks and promises that cannot be kept.

use super::refused;

#[test]
fn a_check_measures_one_thing() {
    let settings = r#"[check.none]
timeout = "1s"
[check.two]
http = { url = "http://127.0.0.1/" }
tcp = { address = "127.0.0.1:80" }
"#;
    let expected = r#"the settings have 2 problems

error: `check.none` does not say what is measured
 --> evenkeel.toml:1:8
  |
1 | [check.none]
  |        ^^^^ no target
  |
  = help: one of these is needed: http, tcp, dns, unix, exec, process, supervisor, systemd, tmux, file, disk
  = help: such as: http = { url = "http://127.0.0.1:8080/health" }

error: `check.two` measures two things: `http` and `tcp`
 --> evenkeel.toml:5:1
  |
4 | http = { url = "http://127.0.0.1/" }
  | ---- the first one
5 | tcp = { address = "127.0.0.1:80" }
  | ^^^ the second one
  |
  = help: write two checks
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_run_longer_than_its_interval_is_refused_with_the_arithmetic() {
    let settings = r#"[check.api]
http = { url = "http://127.0.0.1/" }
timeout = "10s"
retries = 2
interval = "30s"
"#;
    let expected = r#"the settings have a problem

error: a run of `check.api` can take longer than its interval
 --> evenkeel.toml:5:12
  |
5 | interval = "30s"
  |            ^^^^^ (1 + 2) × 10s + 2 × 200ms = 30.4s, more than the interval of 30s
  |
  = help: needed: (1 + retries) × timeout + retries × retry_delay ≤ interval
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_breaker_that_can_never_open_is_refused_with_the_arithmetic() {
    let settings = r#"[check.web]
http = { url = "http://127.0.0.1/" }
retries = 3
interval = "30s"
breaker = { request_volume_threshold = 10, window = { kind = "time", length = "10s" } }
[check.api]
http = { url = "http://127.0.0.1/" }
breaker = { request_volume_threshold = 100 }
"#;
    let expected = r#"the settings have 2 problems

error: the breaker of `check.web` can never open
 --> evenkeel.toml:5:79
  |
5 | breaker = { request_volume_threshold = 10, window = { kind = "time", length = "10s" } }
  |                                                                               ^^^^^ 10s / 30s = 0 runs × 4 attempts = 0 results, but it needs 10
  |
  = help: needed: floor(window / interval) × (1 + retries) ≥ request_volume_threshold

error: the breaker of `check.api` can never open
 --> evenkeel.toml:8:40
  |
8 | breaker = { request_volume_threshold = 100 }
  |                                        ^^^ 5m / 30s = 10 runs × 1 attempt = 10 results, but it needs 100
  |
  = help: needed: floor(window / interval) × (1 + retries) ≥ request_volume_threshold
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_breaker_takes_slow_calls_and_the_rules_of_opossum_but_not_both() {
    let accepted = |settings: &str| {
        evenkeel_config::load_text("evenkeel.toml", settings).unwrap();
    };
    let check = |breaker: &str| {
        format!(
            "[check.web]\nhttp = {{ url = \"http://127.0.0.1/\" }}\nbreaker = {{ {breaker} }}\n"
        )
    };
    let window = r#"window = { kind = "time", length = "10m" }"#;
    accepted(&check(r#"slow_call = { threshold = "2s", rate = 50 }"#));
    accepted(&check(&format!(r#"compat = "opossum", {window}"#)));
    let problems = refused(&check(r#"slow_call = { threshold = "2s" }"#));
    assert!(problems.contains("`check.web.breaker.slow_call` needs `rate`"), "{problems}");
    let both =
        format!(r#"compat = "opossum", {window}, slow_call = {{ threshold = "2s", rate = 50 }}"#);
    let problems = refused(&check(&both));
    assert!(problems.contains("accepted: no slow_call with `compat = \"opossum\"`"), "{problems}");
    let problems = refused(&check(r#"compat = "opossum""#));
    assert!(
        problems.contains("accepted: a window by time with `compat = \"opossum\"`"),
        "{problems}"
    );
}

#[test]
fn a_breaker_out_of_bounds_is_refused() {
    let settings = r#"[check.web]
http = { url = "http://127.0.0.1/" }
breaker = { error_threshold = 150, window = { kind = "count", length = "5m" } }
"#;
    let expected = r#"the settings have 2 problems

error: `check.web.breaker.error_threshold` cannot be `150`
 --> evenkeel.toml:3:31
  |
3 | breaker = { error_threshold = 150, window = { kind = "count", length = "5m" } }
  |                               ^^^ out of bounds
  |
  = help: accepted: 1 to 100

error: `check.web.breaker.window.length` does not belong to a window by count
 --> evenkeel.toml:3:72
  |
3 | breaker = { error_threshold = 150, window = { kind = "count", length = "5m" } }
  |                                                                        ^^^^ of no use here
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_threshold_that_cannot_be_met_is_refused() {
    let settings = r#"[check.web]
http = { url = "http://127.0.0.1/" }
failure_threshold = { failures = 5, within = 3 }
"#;
    let expected = "the settings have a problem

error: `check.web.failure_threshold.failures` cannot be `5`
 --> evenkeel.toml:3:34
  |
3 | failure_threshold = { failures = 5, within = 3 }
  |                                  ^ out of bounds
  |
  = help: accepted: 1 to `within` (3)
";
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_condition_names_a_field_of_its_kind_and_one_test() {
    let settings = r#"[check.web]
http = { url = "http://127.0.0.1/" }
conditions = [
  { field = "statsu", above = 499 },
  { field = "body", above = 5 },
  { field = "status", above = 499, below = 600 },
  { field = "body_bytes", above = "1 parsec" },
]
"#;
    let expected = r#"the settings have 4 problems

error: http checks have no field `statsu`
 --> evenkeel.toml:4:13
  |
4 |   { field = "statsu", above = 499 },
  |             ^^^^^^^^ did you mean `status`?
  |
  = help: accepted: status, latency_ms, resolve_ms, connect_ms, tls_ms, processing_ms, transfer_ms, body_bytes, body, content_type, location, redirects, http_version, ip, cert_days, cert_expiry_seconds, cert_subject, header.NAME

error: `check.web.conditions[1].above` compares numbers, and `body` is a text
 --> evenkeel.toml:5:29
  |
5 |   { field = "body", above = 5 },
  |                             ^ of no use here
  |
  = help: accepted: equals, differs, contains, matches, lacks

error: `check.web.conditions[2]` must say in one way what is wrong with `status`
 --> evenkeel.toml:6:3
  |
6 |   { field = "status", above = 499, below = 600 },
  |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: one of these is needed: above, below, at_least, at_most, equals, differs, contains, matches, lacks, reaches
  = help: a condition names the fault: the check fails when it holds

error: bad value for `check.web.conditions[3].above`
 --> evenkeel.toml:7:35
  |
7 |   { field = "body_bytes", above = "1 parsec" },
  |                                   ^^^^^^^^^^ `1 parsec` is not a size
  |
  = help: accepted: bytes, such as `4096`, `300MB` (300,000,000) or `100MiB` (104,857,600)
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_process_is_named_in_one_way_and_with_what_belongs_to_it() {
    for (process, because) in [
        ("{}", "in no way"),
        ("{ unit = \"a\", pidfile = \"/run/a.pid\" }", "in 2 ways: pidfile, unit"),
        ("{ cgroup = \"system.slice\" }", "not an absolute path"),
        ("{ unit = \"a/b\" }", "no unit is called so"),
        (
            "{ program = \"web:*\", url = \"unix:///s\" }",
            "one process is looked at, and not a pattern",
        ),
        ("{ program = \"web\" }", "there is no supervisor check"),
        (
            "{ cgroup = \"/a\", user = \"root\" }",
            "`check.p.process.user` does not belong to `cgroup`",
        ),
        ("{ unti = \"a\" }", "did you mean `unit`?"),
    ] {
        let refusal = refused(&format!("[check.p]\nprocess = {process}\n"));
        assert!(refusal.contains(because), "{process}: {refusal}");
    }
}

#[test]
fn a_variable_that_cannot_be_set_is_refused_without_its_value() {
    let settings =
        "[check.e]\nexec = { command = [\"true\"], environment = { \"A=B\" = \"hunter2\" } }\n";
    let refusal = refused(settings);
    assert!(refusal.contains("no variable is called so"), "{refusal}");
}

#[test]
fn each_way_to_name_what_the_host_has_is_accepted() {
    for (check, shown) in [
        ("disk = { path = \"/var\" }", "disk of /var"),
        (
            "process = { unit = \"cron\", tree = true }",
            "processes of `cron.service` and those below it",
        ),
        ("process = { cgroup = \"/a\" }", "processes in cgroup `/a`"),
        ("process = { program = \"g:web\", url = \"unix:///s\" }", "process of program `g:web`"),
        ("exec = { command = [\"env\"], user = 33, environment = { A = \"b\" } }", "exec env"),
    ] {
        let settings = evenkeel_config::load_text("t.toml", &format!("[check.c]\n{check}\n"));
        let settings = settings.unwrap_or_else(|error| panic!("{check}: {error}"));
        assert_eq!(settings.checks[0].target.describe(), shown);
    }
}
