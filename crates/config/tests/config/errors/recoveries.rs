//! Recoveries that could not do their work, or could do it without end.

use super::refused;

#[test]
fn a_recovery_listens_to_checks_that_there_are() {
    let settings = r#"[check.web]
http = { url = "http://127.0.0.1/" }
[recovery.web]
when = ["wbe", "web", "web"]
steps = [{ action = "systemd.restart", unit = "web" }]
"#;
    let expected = r#"the settings have 2 problems

error: `recovery.web.when` names a check that does not exist: `wbe`
 --> evenkeel.toml:4:9
  |
4 | when = ["wbe", "web", "web"]
  |         ^^^^^ did you mean `web`?
  |
  = help: accepted: web

error: `recovery.web.when` names the check `web` twice
 --> evenkeel.toml:4:23
  |
4 | when = ["wbe", "web", "web"]
  |                       ^^^^^ the second time
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_step_has_an_action_and_its_own_keys() {
    let settings = r#"[check.web]
http = { url = "http://127.0.0.1/" }
[recovery.web]
when = ["web"]
steps = [
  { action = "systemd.restrat", unit = "web" },
  { action = "systemd.restart" },
  { action = "exec", command = ["true"], unit = "web" },
]
"#;
    let expected = r#"the settings have 3 problems

error: `recovery.web.steps[0].action` cannot be `systemd.restrat`
 --> evenkeel.toml:6:14
  |
6 |   { action = "systemd.restrat", unit = "web" },
  |              ^^^^^^^^^^^^^^^^^ did you mean `systemd.restart`?
  |
  = help: accepted: supervisor.restart-program, supervisor.restart-group, supervisor.signal, systemd.restart, systemd.start, systemd.stop, systemd.reload, systemd.reset-failed, tmux.respawn-pane, tmux.recreate-socket, signal, exec, permissions.repair, cleanup.run, notify

error: `recovery.web.steps[1]` needs `unit`
 --> evenkeel.toml:7:3
  |
7 |   { action = "systemd.restart" },
  |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `unit` is missing
  |
  = help: such as: unit = "app"

error: `recovery.web.steps[2].unit` does not belong to the action `exec`
 --> evenkeel.toml:8:49
  |
8 |   { action = "exec", command = ["true"], unit = "web" },
  |                                                 ^^^^^ of no use here
  |
  = help: accepted beside `action` and `timeout`: command, end_left_overs, url
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_supervisor_step_takes_the_socket_of_the_only_supervisor_check() {
    let settings = r#"[check.web]
http = { url = "http://127.0.0.1/" }
[check.one]
supervisor = { url = "unix:///run/one.sock", programs = ["*"] }
[check.two]
supervisor = { url = "unix:///run/two.sock", programs = ["*"] }
[check.memory]
process = { supervisor_daemon = true }
[recovery.none]
when = ["web"]
steps = [{ action = "supervisor.restart-program" }]
[recovery.several]
when = ["one", "two"]
steps = [{ action = "supervisor.restart-program" }]
[recovery.fine]
when = ["one", "web"]
steps = [{ action = "supervisor.restart-program" }]
"#;
    let expected = r#"the settings have 3 problems

error: `check.memory.process` does not say which supervisor is meant
 --> evenkeel.toml:8:11
  |
8 | process = { supervisor_daemon = true }
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ there are several supervisor checks: `one`, `two`
  |
  = help: such as: { supervisor_daemon = true, url = "unix:///var/run/supervisor.sock" }

error: `recovery.none.steps[0]` does not say which supervisor is meant
  --> evenkeel.toml:11:10
   |
10 | when = ["web"]
   |        ------- the checks it listens to
11 | steps = [{ action = "supervisor.restart-program" }]
   |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `when` names no supervisor check
   |
   = help: such as: url = "unix:///var/run/supervisor.sock"

error: `recovery.several.steps[0]` does not say which supervisor is meant
  --> evenkeel.toml:14:10
   |
13 | when = ["one", "two"]
   |        -------------- the checks it listens to
14 | steps = [{ action = "supervisor.restart-program" }]
   |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `when` names several supervisor checks: `one`, `two`
   |
   = help: such as: url = "unix:///var/run/supervisor.sock"
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_program_that_is_watched_twice_is_refused() {
    let settings = r#"[check.one]
supervisor = { url = "unix:///run/s.sock", programs = ["api", "worker"] }
[check.two]
supervisor = { url = "unix:///run/s.sock", programs = ["worker"] }
"#;
    let expected = r#"the settings have a problem

error: the program `worker` is watched twice
 --> evenkeel.toml:4:56
  |
2 | supervisor = { url = "unix:///run/s.sock", programs = ["api", "worker"] }
  |                                                               -------- the first time
3 | [check.two]
4 | supervisor = { url = "unix:///run/s.sock", programs = ["worker"] }
  |                                                        ^^^^^^^^ the second time
  |
  = help: each check judges, and each recovery acts, on its own: name it once
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_budget_that_the_delays_never_use_up_is_refused() {
    let settings = r#"[check.web]
http = { url = "http://127.0.0.1/" }
[recovery.web]
when = ["web"]
steps = [{ action = "systemd.restart", unit = "web" }]
max_retries = 100
backoff = { initial = "60s", multiplier = 1, max = "60s", jitter = 0.0 }
budget = { per_target = "60/10m" }
"#;
    let expected = r#"the settings have a problem

error: `recovery.web.budget.per_target` can never be used up
 --> evenkeel.toml:8:25
  |
7 | backoff = { initial = "60s", multiplier = 1, max = "60s", jitter = 0.0 }
  | ------- the delays between attempts
8 | budget = { per_target = "60/10m" }
  |                         ^^^^^^^^ with these delays at most 10 actions start within 10m
  |
  = help: accepted: a count of less than 10, a longer window, or shorter delays
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn delays_that_cannot_be_are_refused() {
    let settings = r#"[check.web]
http = { url = "http://127.0.0.1/" }
[recovery.web]
when = ["web"]
steps = [{ action = "systemd.restart", unit = "web" }]
backoff = { initial = "10m", max = "5m" }
budget = { per_target = "3 per hour" }
"#;
    let expected = r#"the settings have 2 problems

error: `recovery.web.backoff.initial` cannot be `10m`
 --> evenkeel.toml:6:23
  |
6 | backoff = { initial = "10m", max = "5m" }
  |                       ^^^^^ out of bounds
  |
  = help: accepted: more than 0 and at most `max` (5m)

error: `recovery.web.budget.per_target` cannot be `3 per hour`
 --> evenkeel.toml:7:25
  |
7 | budget = { per_target = "3 per hour" }
  |                         ^^^^^^^^^^^^ not a rate
  |
  = help: accepted: a count from 1, a slash, and a window of at most 31 days, such as "3/1h"
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_proof_that_cannot_be_had_in_time_is_refused() {
    let settings = r#"[check.web]
http = { url = "http://127.0.0.1/" }
timeout = "20s"
success_threshold = 3
[recovery.web]
when = ["web"]
steps = [{ action = "systemd.restart", unit = "web" }]
verify_timeout = "30s"
"#;
    let expected = r#"the settings have a problem

error: `recovery.web.verify_timeout` is too short for the check `web` to prove anything
 --> evenkeel.toml:8:18
  |
1 | [check.web]
  |        --- needs that long at worst
...
8 | verify_timeout = "30s"
  |                  ^^^^^ 3 × (3s + 20s) = 69s, more than 30s
  |
  = help: the proof is `success_threshold` good results, each a pause of a tenth of the interval (100ms to 5s) and at most `timeout`
"#;
    assert_eq!(refused(settings), expected);
}
