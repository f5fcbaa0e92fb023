//! Units of systemd, and servers of tmux.

use evenkeel_config::load_text;

use super::refused;

#[test]
fn all_keys_are_read() {
    let settings = load_text(
        "evenkeel.toml",
        "[check.web]
systemd = { unit = \"web\" }
conditions = [{ field = \"restarts\", above = 10 }]
[check.sync]
systemd = { unit = \"sync@home\", user = \"me\" }
[recovery.web]
when = [\"web\"]
steps = [
  { action = \"systemd.reload\", unit = \"web\" },
  { action = \"systemd.reset-failed\", unit = \"web\" },
  { action = \"systemd.start\", unit = \"web\" },
  { action = \"systemd.stop\", unit = \"/srv/data\" },
]
",
    )
    .unwrap();
    let targets: Vec<_> = settings.checks.iter().map(|check| check.target.describe()).collect();
    assert_eq!(targets, ["unit sync@home.service of user `me`", "unit web.service"]);
    let actions: Vec<_> =
        settings.recoveries[0].steps.iter().map(|step| step.action.describe()).collect();
    assert_eq!(
        actions,
        [
            "systemd.reload web.service",
            "systemd.reset-failed web.service",
            "systemd.start web.service",
            "systemd.stop srv-data.mount"
        ]
    );
}

#[test]
fn what_no_unit_is_called_is_refused() {
    assert_eq!(
        refused(
            "[check.web]
systemd = { unit = \"web*\" }
[check.tty]
systemd = { unit = \"getty@\", user = \"\" }
[recovery.web]
when = [\"web\"]
steps = [{ action = \"systemd.start\", unit = \"--now\" }]
",
        ),
        "the settings have 4 problems

error: `check.web.systemd.unit` is not the name of a unit
 --> evenkeel.toml:2:20
  |
2 | systemd = { unit = \"web*\" }
  |                    ^^^^^^ a unit's name cannot contain '*'
  |
  = help: accepted: the name of a unit, such as \"app\" or \"app.service\", or of an instance, such as \"app@1\"

error: `check.tty.systemd.unit` is not the name of a unit
 --> evenkeel.toml:4:20
  |
4 | systemd = { unit = \"getty@\", user = \"\" }
  |                    ^^^^^^^^ `getty@.service` is a template; name one of its instances, such as `getty@NAME.service`
  |
  = help: accepted: the name of a unit, such as \"app\" or \"app.service\", or of an instance, such as \"app@1\"

error: `check.tty.systemd.user` cannot be meant so
 --> evenkeel.toml:4:37
  |
4 | systemd = { unit = \"getty@\", user = \"\" }
  |                                     ^^ nobody is called so
  |
  = help: accepted: the name or number of a user

error: `recovery.web.steps[0].unit` is not the name of a unit
 --> evenkeel.toml:7:45
  |
7 | steps = [{ action = \"systemd.start\", unit = \"--now\" }]
  |                                             ^^^^^^^ a unit's name cannot contain '-'
  |
  = help: accepted: the name of a unit, such as \"app\" or \"app.service\", or of an instance, such as \"app@1\"
"
    );
}

#[test]
fn a_tmux_check_and_the_steps_about_it_are_read() {
    let settings = load_text(
        "evenkeel.toml",
        "[check.workers]
tmux = { socket_name = \"jobs\", user = \"app\", sessions = [\"worker-*\", \"web\"], stalled_after = \"10m\" }
[check.own]
tmux = { socket_path = \"/run/app/tmux.sock\" }
conditions = [{ field = \"unchanged_seconds\", above = \"1h\" }]
[recovery.workers]
when = \"workers\"
steps = [{ action = \"tmux.recreate-socket\" }, { action = \"tmux.respawn-pane\" }]
[recovery.own]
when = \"own\"
steps = [{ action = \"tmux.respawn-pane\", pane = \"web:0.0\" }]
",
    )
    .unwrap();
    let targets: Vec<_> = settings.checks.iter().map(|check| check.target.describe()).collect();
    assert_eq!(targets, ["tmux at /run/app/tmux.sock", "tmux at `jobs` of user `app`"]);
    assert_eq!(settings.checks[0].part_conditions.len(), 1);
    let actions = settings.recoveries.iter().flat_map(|recovery| &recovery.steps);
    let actions: Vec<_> = actions.map(|step| step.action.describe()).collect();
    assert_eq!(
        actions,
        [
            "tmux.respawn-pane web:0.0",
            "tmux.recreate-socket `jobs` of user `app`",
            "tmux.respawn-pane"
        ]
    );
}

#[test]
fn a_tmux_server_is_named_in_one_way() {
    let text = refused(
        "[check.none]
tmux = { sessions = [\"a\"] }
[check.glob]
tmux = { socket_path = \"/s\", sessions = [\"a[\"] }
[check.two]
tmux = { socket_path = \"/s\", socket_name = \"default\" }
[check.path]
tmux = { socket_path = \"s\" }
[check.user]
tmux = { socket_path = \"/s\", user = \"me\" }
[check.name]
tmux = { socket_name = \"a/b\", stalled_after = \"0s\" }
[recovery.x]
when = \"user\"
steps = [{ action = \"tmux.respawn-pane\", unit = \"x\" }]
",
    );
    for said in [
        "`check.none.tmux` must say in one way which server is meant",
        "in no way",
        "`check.glob.tmux.sessions[0]` names no session",
        "in two ways",
        "`check.path.tmux.socket_path` cannot be `s`",
        "`check.user.tmux.user` does not belong to `socket_path`",
        "`check.name.tmux.socket_name` cannot be `a/b`",
        "`check.name.tmux.stalled_after`",
        "accepted beside `action` and `timeout`: pane",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn a_step_about_tmux_needs_a_check_of_one_server() {
    let text = refused(
        "[check.a]
tmux = { socket_path = \"/a\" }
[check.b]
tmux = { socket_path = \"/b\" }
[check.web]
tcp = { address = \"127.0.0.1:80\" }
[recovery.both]
when = [\"a\", \"b\"]
steps = [{ action = \"tmux.recreate-socket\" }]
[recovery.none]
when = \"web\"
steps = [{ action = \"tmux.respawn-pane\" }]
",
    );
    assert!(text.contains("`when` names checks of several tmux servers: `a`, `b`"), "{text}");
    assert!(text.contains("`when` names no tmux check"), "{text}");
}
