//! Units of systemd.

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
