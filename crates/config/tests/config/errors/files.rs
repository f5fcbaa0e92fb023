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
fn a_cleanup_goes_by_age_or_by_size() {
    let settings = r#"[cleanup.both]
path = "/var/log/app"
match = "*.log"
older_than = "7d"
larger_than = "1GB"
action = "delete"
keep_tail = "1MB"
"#;
    let expected = r#"the settings have 2 problems

error: `cleanup.both` says both `older_than` and `larger_than`
 --> evenkeel.toml:5:1
  |
4 | older_than = "7d"
  | ---------- the other one
5 | larger_than = "1GB"
  | ^^^^^^^^^^^ a rule goes by one of them
  |
  = help: write two rules: one for old files, one for large ones

error: `cleanup.both.keep_tail` is of no use: a deleted file has no tail
 --> evenkeel.toml:7:13
  |
7 | keep_tail = "1MB"
  |             ^^^^^ only with action = "truncate"
"#;
    assert_eq!(refused(settings), expected);
}
