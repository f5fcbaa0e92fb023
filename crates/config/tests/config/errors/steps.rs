//! Steps that could not do what they are called.

use evenkeel_config::load_text;
use evenkeel_recovery::actions::Action;

use super::refused;

const CHECKS: &str = r#"[check.web]
http = { url = "http://127.0.0.1/" }
[check.workers]
supervisor = { url = "unix:///run/s.sock", programs = ["*"] }
[permissions.state]
path = "/srv/state"
owner = "root"
[cleanup.old]
path = "/srv/old"
match = "*.x"
older_than = "1d"
action = "delete"
[recovery.web]
"#;

#[test]
fn a_step_names_rules_and_signals_that_there_are() {
    let settings = format!(
        r#"{CHECKS}when = ["workers"]
steps = [
  {{ action = "permissions.repair", rule = "stat" }},
  {{ action = "cleanup.run", rule = "state" }},
  {{ action = "cleanup.run" }},
  {{ action = "signal", signal = "sigtrem" }},
  {{ action = "supervisor.signal" }},
]
"#
    );
    let expected = r#"the settings have 5 problems

error: `recovery.web.steps[0].rule` names no rule `permissions.stat`
  --> evenkeel.toml:16:43
   |
16 |   { action = "permissions.repair", rule = "stat" },
   |                                           ^^^^^^ did you mean `state`?
   |
   = help: accepted: state

error: `recovery.web.steps[1].rule` names no rule `cleanup.state`
  --> evenkeel.toml:17:36
   |
17 |   { action = "cleanup.run", rule = "state" },
   |                                    ^^^^^^^ not known
   |
   = help: accepted: old

error: `recovery.web.steps[2]` needs `rule`
  --> evenkeel.toml:18:3
   |
18 |   { action = "cleanup.run" },
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^ `rule` is missing
   |
   = help: such as: rule = "state"

error: `recovery.web.steps[3].signal` cannot be `sigtrem`
  --> evenkeel.toml:19:33
   |
19 |   { action = "signal", signal = "sigtrem" },
   |                                 ^^^^^^^^^ did you mean `TERM`?
   |
   = help: accepted: HUP, INT, QUIT, ILL, TRAP, ABRT, BUS, FPE, KILL, USR1, SEGV, USR2, PIPE, ALRM, TERM, STKFLT, CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, XCPU, XFSZ, VTALRM, PROF, WINCH, IO, PWR, SYS

error: `recovery.web.steps[4]` needs `signal`
  --> evenkeel.toml:20:3
   |
20 |   { action = "supervisor.signal" },
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `signal` is missing
   |
   = help: such as: signal = "HUP"
"#;
    assert_eq!(refused(&settings), expected);
}

#[test]
fn a_step_that_could_reach_nobody_is_refused() {
    let settings = format!(
        r#"{CHECKS}when = ["web"]
steps = [
  {{ action = "signal", signal = "TERM" }},
  {{ action = "supervisor.restart-group", group = "workers" }},
  {{ action = "exec", command = ["supervisord"], end_left_overs = true }},
  {{ action = "exec", command = ["supervisord"], url = "unix:///run/s.sock" }},
  {{ action = "notify", rule = "state" }},
]
"#
    );
    let expected = r#"the settings have 5 problems

error: `recovery.web.steps[0]` has nobody to signal
  --> evenkeel.toml:16:3
   |
14 | when = ["web"]
   |        ------- the checks it listens to
15 | steps = [
16 |   { action = "signal", signal = "TERM" },
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ no check of `when` says which process is meant
   |
   = help: accepted: `when` with a check of a process or a supervisor; or the action `exec`

error: `recovery.web.steps[1]` does not say which supervisor is meant
  --> evenkeel.toml:17:3
   |
14 | when = ["web"]
   |        ------- the checks it listens to
...
17 |   { action = "supervisor.restart-group", group = "workers" },
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `when` names no supervisor check
   |
   = help: such as: url = "unix:///var/run/supervisor.sock"

error: `recovery.web.steps[2]` does not say which supervisor is meant
  --> evenkeel.toml:18:3
   |
14 | when = ["web"]
   |        ------- the checks it listens to
...
18 |   { action = "exec", command = ["supervisord"], end_left_overs = true },
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `when` names no supervisor check
   |
   = help: such as: url = "unix:///var/run/supervisor.sock"

error: `recovery.web.steps[3].url` does not belong to the action `exec`
  --> evenkeel.toml:19:55
   |
19 |   { action = "exec", command = ["supervisord"], url = "unix:///run/s.sock" },
   |                                                       ^^^^^^^^^^^^^^^^^^^^ of no use without `end_left_overs = true`
   |
   = help: accepted with end_left_overs = true: the supervisor whose programs are left over

error: `recovery.web.steps[4].rule` does not belong to the action `notify`
  --> evenkeel.toml:20:31
   |
20 |   { action = "notify", rule = "state" },
   |                               ^^^^^^^ of no use here
   |
   = help: accepted beside `action` and `timeout`: command
"#;
    assert_eq!(refused(&settings), expected);
}

#[test]
fn left_overs_are_ended_by_default_where_supervisord_is_what_is_recovered() {
    let ends = |when: &str, more: &str| {
        let text = format!(
            "{CHECKS}when = [\"{when}\"]\nsteps = [{{ action = \"systemd.restart\", unit = \"x\"{more} }}]\n"
        );
        let settings = load_text("x.toml", &text).unwrap();
        match &settings.recoveries[0].steps[0].action {
            Action::SystemdRestart { end_left_overs, .. } => *end_left_overs,
            other => panic!("{other}"),
        }
    };
    assert!(ends("workers", ""));
    assert!(!ends("workers", ", end_left_overs = false"));
    assert!(!ends("web", ""), "what others leave may be meant to stay");
    assert!(ends("web", ", end_left_overs = true"));
}
