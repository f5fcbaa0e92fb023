//! Rules about files that cannot be meant.

use super::refused;

#[test]
fn rules_that_contradict_each_other_are_refused_with_both_places() {
    let settings = r#"[permissions.one]
path = "/srv/app"
owner = "app"
directory_mode = "0755"
files = [{ match = "*.key", mode = "0600" }]
[permissions.two]
path = "/srv/app/"
owner = "app"
directory_mode = "0750"
files = [{ match = "*.key", mode = "0640" }]
"#;
    let expected = r#"the settings have 2 problems

error: `permissions.one.directory_mode` and `permissions.two.directory_mode` contradict each other on `/srv/app`
 --> evenkeel.toml:9:18
  |
4 | directory_mode = "0755"
  |                  ------ and `0755` here
...
9 | directory_mode = "0750"
  |                  ^^^^^^ `0750` here
  |
  = help: each would undo what the other did, for ever: keep one of them

error: `permissions.one.files[0].mode` and `permissions.two.files[0].mode` contradict each other on `/srv/app`
  --> evenkeel.toml:10:36
   |
 5 | files = [{ match = "*.key", mode = "0600" }]
   |                                    ------ and `0600` here
...
10 | files = [{ match = "*.key", mode = "0640" }]
   |                                    ^^^^^^ `0640` here
   |
   = help: each would undo what the other did, for ever: keep one of them
"#;
    assert_eq!(refused(settings), expected);
}

#[test]
fn a_rule_below_a_recursive_one_must_want_the_same() {
    let settings = r#"[permissions.all]
path = "/srv"
allow_system_path = true
recursive = true
directory_mode = "0755"
files = [{ match = "*.key", mode = "0600" }, { match = "*", mode = "0644" }]
[permissions.app]
path = "/srv/web/app"
directory_mode = "0750"
files = [{ match = "tls*", mode = "0644" }]
"#;
    let expected = r#"the settings have 2 problems

error: `permissions.all.directory_mode` and `permissions.app.directory_mode` contradict each other on `/srv/web/app`
 --> evenkeel.toml:9:18
  |
5 | directory_mode = "0755"
  |                  ------ and `0755` here
...
9 | directory_mode = "0750"
  |                  ^^^^^^ `0750` here
  |
  = help: each would undo what the other did, for ever: keep one of them, or give `permissions.all` the line `exclude = ["web"]`

error: `permissions.all.files[0].mode` and `permissions.app.files[0].mode` contradict each other on `/srv/web/app`
  --> evenkeel.toml:10:35
   |
 6 | files = [{ match = "*.key", mode = "0600" }, { match = "*", mode = "0644" }]
   |                                    ------ and `0600` here
...
10 | files = [{ match = "tls*", mode = "0644" }]
   |                                   ^^^^^^ `0644` here
   |
   = help: each would undo what the other did, for ever: keep one of them, or give `permissions.all` the line `exclude = ["web"]`
"#;
    assert_eq!(refused(settings), expected);
    for apart in [
        "recursive = false",
        "recursive = true\nexclude = \"app\"",
        "recursive = true\nmax_depth = 1",
    ] {
        let settings = settings.replace("recursive = true", apart);
        evenkeel_config::load_text("evenkeel.toml", &settings).unwrap();
    }
}

#[test]
fn globs_that_can_never_count_and_lists_beyond_the_mode_are_refused() {
    let settings = r#"[permissions.app]
path = "/srv/app"
directory_mode = "0750"
files = [{ match = "*", mode = "0640" }, { match = "*.key", mode = "0600" }]
[permissions.lists]
path = "/srv/lists"
directory_mode = "0750"
acl = ["user:www:r-X", "group:ops:rwX"]
default_acl = ["www:r"]
"#;
    let expected = r#"the settings have 2 problems

error: `permissions.app.files[1].match` cannot be `*.key`
 --> evenkeel.toml:4:52
  |
4 | files = [{ match = "*", mode = "0640" }, { match = "*.key", mode = "0600" }]
  |                                                    ^^^^^^^ it can never count: `*` before it already takes all of its names
  |
  = help: accepted: the narrower glob first, or names that are left over

error: `permissions.lists.default_acl[0]` cannot be `www:r`
 --> evenkeel.toml:9:16
  |
9 | default_acl = ["www:r"]
  |                ^^^^^^^ not three parts with `:` between them
  |
  = help: accepted: such as `user:alice:r--`, `group:ops:rwX` or `other::r-x`
"#;
    assert_eq!(refused(settings), expected);
    let beyond =
        refused(&settings.replace("www:r\"", "user:www:r--\"").replace("\"*\"", "\"*.x\""));
    let label = "^^^^^^^^^^^^^^^ the group digit of 0750 is the mask of a list and allows less";
    assert!(beyond.contains(label) && beyond.contains("accepted: a mode such as 0770"), "{beyond}");
}
