//! What of the host stands in the way of valid settings is said with its place, and is no error.

use std::fs;

use evenkeel_config::{Sources, load_for_host};

fn unfit(settings: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("evenkeel.toml");
    let top = dir.path().display().to_string();
    fs::write(dir.path().join("file"), "").unwrap();
    std::os::unix::fs::symlink("/", dir.path().join("link")).unwrap();
    fs::write(&file, settings.replace("DIR", &top)).unwrap();
    let sources = Sources { files: vec![file], ..Sources::default() };
    let (_, problems) = load_for_host(&sources).unwrap();
    problems.iter().map(|problem| problem.to_string().replace(&top, "DIR")).collect()
}

#[test]
fn a_user_that_does_not_exist_is_named_where_the_settings_name_it() {
    let problems = unfit(
        "[permissions.state]
path = \"DIR\"
owner = \"no-such-user-here\"
directory_mode = \"0770\"
acl = [\"group:no-such-group:r-x\"]
",
    );
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert_eq!(
        problems[0],
        "error: this host cannot fulfil `permissions.state.owner` = `no-such-user-here`
 --> DIR/evenkeel.toml:3:9
  |
3 | owner = \"no-such-user-here\"
  |         ^^^^^^^^^^^^^^^^^^^ no user is named `no-such-user-here`
  |
  = help: until that is so, the runs of this rule fail; the other rules run"
    );
    assert!(problems[1].contains("no group is named `no-such-group`"), "{}", problems[1]);
}

#[test]
fn a_root_that_is_none_is_named_where_the_settings_name_it() {
    let problems = unfit(
        "[permissions.file]
path = \"DIR/file\"
create = true
[permissions.made]
path = \"DIR/made\"
create = true
[cleanup.link]
path = \"DIR/link\"
match = \"*.x\"
older_than = \"1d\"
action = \"delete\"
[cleanup.missing]
path = \"DIR/missing\"
match = \"*.x\"
older_than = \"1d\"
action = \"delete\"
",
    );
    assert_eq!(problems.len(), 3, "{problems:#?}");
    for (problem, (line, what)) in problems.iter().zip([
        (":2:8", "`DIR/file` is a regular file, not a directory"),
        (":8:8", "`DIR/link` is a symbolic link; name the directory it leads to"),
        (":13:8", "`DIR/missing` does not exist"),
    ]) {
        assert!(problem.contains(line) && problem.contains(what), "{problem}");
    }
}

#[test]
fn what_a_cleanup_needs_of_the_host_is_named_where_the_settings_name_it() {
    let problems = unfit(
        "[cleanup.other]
path = \"DIR\"
match = \"*.x\"
max_count = 5
action = \"delete\"
run_as = \"no-such-user-here\"
[cleanup.proc]
path = \"/proc/self/fdinfo\"
match = \"*.x\"
watermark = { high = \"90%\", low = \"80%\", of = \"inodes\" }
action = \"delete\"
allow_system_path = true
",
    );
    assert_eq!(problems.len(), 2, "{problems:#?}");
    for (problem, (line, what)) in problems.iter().zip([
        (":6:10", "`cleanup.other.run_as` = `no-such-user-here`"),
        (":10:13", "`cleanup.proc.watermark` = `inodes`"),
    ]) {
        assert!(problem.contains(line) && problem.contains(what), "{problem}");
    }
}
