//! Keys and values that cannot be read.

use super::refused;

#[test]
fn a_misspelt_key_is_refused_with_the_one_that_was_meant() {
    let settings = r#"[check.web]
http = { url = "http://127.0.0.1/" }
timeuot = "5s"
"#;
    let expected = r#"the settings have a problem

error: unknown key `timeuot` in `check.web`
 --> evenkeel.toml:3:1
  |
3 | timeuot = "5s"
  | ^^^^^^^ did you mean `timeout`?
  |
  = help: accepted: http, tcp, dns, unix, exec, process, supervisor, systemd, tmux, file, disk, conditions, degraded, depends_on, maintenance, flap, timeout, retries, retry_delay, interval, initial_delay, startup_grace, failure_threshold, success_threshold, breaker
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_misspelt_section_is_refused() {
    let settings = r#"[chekc.web]
http = { url = "http://127.0.0.1/" }
"#;
    let expected = "the settings have a problem

error: unknown section `chekc`
 --> evenkeel.toml:1:2
  |
1 | [chekc.web]
  |  ^^^^^ did you mean `check`?
  |
  = help: accepted: agent, permissions, cleanup, check, recovery, slo, module, alerts
";
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_key_that_resembles_none_is_refused_with_those_that_there_are() {
    let settings = r#"[slo.web]
checks = []
colour = "red"
"#;
    let expected = r#"the settings have 2 problems

error: `slo.web.checks` names no check
 --> evenkeel.toml:2:10
  |
2 | checks = []
  |          ^^ an empty list
  |
  = help: accepted: names of checks

error: unknown key `colour` in `slo.web`
 --> evenkeel.toml:3:1
  |
3 | colour = "red"
  | ^^^^^^ no such key
  |
  = help: accepted: checks, objective, window, exclude_unknown_up_to, min_bad
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    let settings = r#"[check.web]
tcp = { address = 5432 }
retries = "three"
[agent]
grace = ["5s"]
[permissions.app]
path = "/srv/app"
create = "yes"
"#;
    let expected = r#"the settings have 4 problems

error: `check.web.tcp.address` must be a text in quotes
 --> evenkeel.toml:2:19
  |
2 | tcp = { address = 5432 }
  |                   ^^^^ this is the number 5432

error: `check.web.retries` must be a whole number from 0 to 4294967295
 --> evenkeel.toml:3:11
  |
3 | retries = "three"
  |           ^^^^^^^ this is the text "three"

error: `agent.grace` must be a duration: a text with a number and a unit, such as "5s"
 --> evenkeel.toml:5:9
  |
5 | grace = ["5s"]
  |         ^^^^^^ this is a list

error: `permissions.app.create` must be true or false
 --> evenkeel.toml:8:10
  |
8 | create = "yes"
  |          ^^^^^ this is the text "yes"
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_number_out_of_range_is_refused() {
    let settings = r#"[check.web]
tcp = { address = "localhost:80" }
retries = -1
success_threshold = 0
"#;
    let expected = "the settings have 2 problems

error: `check.web.retries` must be a whole number from 0 to 4294967295
 --> evenkeel.toml:3:11
  |
3 | retries = -1
  |           ^^ this is the number -1

error: `check.web.success_threshold` cannot be `0`
 --> evenkeel.toml:4:21
  |
4 | success_threshold = 0
  |                     ^ out of bounds
  |
  = help: accepted: 1 to 64
";
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_word_that_is_not_among_the_choices_is_refused() {
    let settings = r#"[agent]
mode = "enforec"
"#;
    let expected = r#"the settings have a problem

error: `agent.mode` cannot be `enforec`
 --> evenkeel.toml:2:8
  |
2 | mode = "enforec"
  |        ^^^^^^^^^ did you mean `enforce`?
  |
  = help: accepted: enforce, observe
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_duration_without_a_unit_and_one_of_the_calendar_are_refused() {
    let settings = r#"[agent]
grace = 5
hold_errors_for = "2 months"
"#;
    let expected = r#"the settings have 2 problems

error: bad value for `agent.grace`
 --> evenkeel.toml:2:9
  |
2 | grace = 5
  |         ^ `5` has no unit
  |
  = help: accepted: a number with a unit, such as `250ms`, `5s`, `10m`, `1h`, `7d`

error: bad value for `agent.hold_errors_for`
 --> evenkeel.toml:3:19
  |
3 | hold_errors_for = "2 months"
  |                   ^^^^^^^^^^ `months` is a unit of the calendar, which has no fixed length
  |
  = help: accepted: a number with a unit, such as `250ms`, `5s`, `10m`, `1h`, `7d`
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_bare_mode_and_one_that_is_not_octal_are_refused() {
    let settings = r#"[permissions.app]
path = "/srv/app"
directory_mode = 755
files = [{ match = "*.key", mode = "0999" }]
"#;
    let expected = r#"the settings have 2 problems

error: bad value for `permissions.app.directory_mode`
 --> evenkeel.toml:3:18
  |
3 | directory_mode = 755
  |                  ^^^ the number `755` is not a mode: write it in quotes
  |
  = help: accepted: octal digits in quotes, from "0000" to "07777", such as "0644"

error: bad value for `permissions.app.files[0].mode`
 --> evenkeel.toml:4:36
  |
4 | files = [{ match = "*.key", mode = "0999" }]
  |                                    ^^^^^^ `0999` is not an octal mode
  |
  = help: accepted: octal digits in quotes, from "0000" to "07777", such as "0644"
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_size_that_is_none_is_refused() {
    let settings = r#"[cleanup.logs]
path = "/var/log/app"
match = "*.log"
larger_than = "100 megs"
action = "delete"
"#;
    let expected = r#"the settings have a problem

error: bad value for `cleanup.logs.larger_than`
 --> evenkeel.toml:4:15
  |
4 | larger_than = "100 megs"
  |               ^^^^^^^^^^ `100 megs` is not a size
  |
  = help: accepted: bytes, such as `4096`, `300MB` (300,000,000) or `100MiB` (104,857,600)
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn addresses_that_cannot_be_asked_are_refused() {
    let settings = r#"[check.a]
http = { url = "ftp://127.0.0.1/" }
[check.b]
tcp = { address = "localhost" }
[check.c]
supervisor = { url = "http://127.0.0.1:9001", programs = ["*"] }
[agent]
listen = "9720"
"#;
    let expected = r#"the settings have 4 problems

error: `check.a.http.url` is not a URL to ask for
 --> evenkeel.toml:2:16
  |
2 | http = { url = "ftp://127.0.0.1/" }
  |                ^^^^^^^^^^^^^^^^^^ `ftp://127.0.0.1/` has a scheme other than `http` and `https`
  |
  = help: accepted: an address such as "http://127.0.0.1:8080/health"

error: `check.b.tcp.address` is not an address
 --> evenkeel.toml:4:19
  |
4 | tcp = { address = "localhost" }
  |                   ^^^^^^^^^^^ `localhost` lacks a port; write `host:port`
  |
  = help: accepted: a host and a port, such as "127.0.0.1:5432"

error: `check.c.supervisor.url` cannot be `http://127.0.0.1:9001`
 --> evenkeel.toml:6:22
  |
6 | supervisor = { url = "http://127.0.0.1:9001", programs = ["*"] }
  |                      ^^^^^^^^^^^^^^^^^^^^^^^ supervisord is asked over its Unix socket
  |
  = help: accepted: the URL of a Unix socket, such as `unix:///var/run/supervisor.sock`

error: `agent.listen` is not an address and port
 --> evenkeel.toml:8:10
  |
8 | listen = "9720"
  |          ^^^^^^ `9720` cannot be listened on
  |
  = help: accepted: an address and a port, such as "127.0.0.1:9720" or "[::1]:9720", or "off"
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_bad_glob_is_refused_at_its_place() {
    let settings = r#"[permissions.app]
path = "/srv/app"
files = [{ match = "*.key", mode = "0600" }, { match = "[a", mode = "0644" }]
[cleanup.logs]
path = "/var/log/app"
match = ["*.log", "old/*"]
older_than = "7d"
action = "delete"
"#;
    let expected = r#"the settings have 2 problems

error: `permissions.app.files[1].match` cannot be `[a`
 --> evenkeel.toml:3:56
  |
3 | files = [{ match = "*.key", mode = "0600" }, { match = "[a", mode = "0644" }]
  |                                                        ^^^^ unclosed character class; missing ']'
  |
  = help: accepted: a glob for one name, such as `*.hash`

error: `cleanup.logs.match[1]` cannot be `old/*`
 --> evenkeel.toml:6:19
  |
6 | match = ["*.log", "old/*"]
  |                   ^^^^^^^ a glob is compared with names, which contain no `/`
  |
  = help: accepted: a glob for one name, such as `*.hash`
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn what_a_rule_cannot_do_without_is_named() {
    let settings = r#"[permissions.app]
owner = "app"
[cleanup.logs]
path = "/var/log/app"
match = "*.log"
[check.web]
http = {}
[recovery.web]
when = ["web"]
"#;
    let expected = r#"the settings have 5 problems

error: `permissions.app` needs `path`
 --> evenkeel.toml:1:14
  |
1 | [permissions.app]
  |              ^^^ `path` is missing
  |
  = help: such as: path = "/srv/app"

error: `cleanup.logs` does not say when an entry is due
 --> evenkeel.toml:3:10
  |
3 | [cleanup.logs]
  |          ^^^^ one of `older_than`, `larger_than`, `max_total`, `max_count`, `watermark` is missing
  |
  = help: such as: older_than = "7d", or max_total = "1GiB"

error: `cleanup.logs` needs `action`
 --> evenkeel.toml:3:10
  |
3 | [cleanup.logs]
  |          ^^^^ `action` is missing
  |
  = help: such as: action = "delete", "truncate", "trash" or "compress"

error: `check.web.http` needs `url`
 --> evenkeel.toml:7:1
  |
7 | http = {}
  | ^^^^ `url` is missing
  |
  = help: such as: url = "http://127.0.0.1:8080/health"

error: `recovery.web` needs `steps`
 --> evenkeel.toml:8:11
  |
8 | [recovery.web]
  |           ^^^ `steps` is missing
  |
  = help: such as: steps = [{ action = "systemd.restart", unit = "app" }]
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn text_that_is_not_toml_is_refused_at_every_place() {
    let settings = r#"[agent]
mode = enforce
grace = "5s
"#;
    let expected = r#"the settings have 2 problems

error: not TOML
 --> evenkeel.toml:2:8
  |
2 | mode = enforce
  |        ^^^^^^^ string values must be quoted, expected literal string

error: not TOML
 --> evenkeel.toml:3:12
  |
3 | grace = "5s
  |            ^ invalid basic string, expected `"`
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_name_that_cannot_be_a_label_is_refused() {
    let settings = r#"[check."a/b"]
tcp = { address = "localhost:80" }
"#;
    let expected = r#"the settings have a problem

error: `check."a/b"` is not a name for a rule
 --> evenkeel.toml:1:8
  |
1 | [check."a/b"]
  |        ^^^^^
  |
  = help: accepted: letters, digits, `-`, `_` and `.`, at most 64 of them
"#;
    assert_eq!(refused(settings), expected);
}
