//! What a cleanup rule cannot mean, alone and beside others.

use evenkeel_config::{ConfigError, Settings};

use super::refused;

fn rule(name: &str, lines: &str) -> String {
    format!("[cleanup.{name}]\npath = \"/srv/app\"\nmatch = \"*.log\"\n{lines}\n")
}

fn load_text(settings: &str) -> Result<Settings, ConfigError> {
    evenkeel_config::load_text("evenkeel.toml", settings)
}

/// The first line about each problem, without the place.
fn titles(settings: &str) -> Vec<String> {
    let error = load_text(settings).unwrap_err();
    error.problems().iter().map(|problem| problem.message().to_owned()).collect()
}

#[test]
fn a_cleanup_goes_by_one_trigger() {
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
  = help: write two rules, one for each

error: `cleanup.both.keep_tail` cannot be `1MB`
 --> evenkeel.toml:7:13
  |
7 | keep_tail = "1MB"
  |             ^^^^^ `delete` leaves no tail
  |
  = help: accepted: only with `action = "truncate"`
"#;
    assert_eq!(refused(settings), expected);
    let none = titles(&rule("none", "action = \"delete\""));
    assert_eq!(none, ["`cleanup.none` does not say when an entry is due"]);
}

#[test]
fn a_watermark_that_cannot_be_is_shown_at_its_place() {
    let settings = r#"[cleanup.full]
path = "/srv/cache"
match = "*"
watermark = { high = "80%", low = "90%", of = "disk" }
action = "delete"
age_by = ["mtime", "dtime"]
max_ratio = 50
"#;
    let expected = r#"the settings have 2 problems

error: `cleanup.full.age_by[1]` cannot be `dtime`
 --> evenkeel.toml:6:20
  |
6 | age_by = ["mtime", "dtime"]
  |                    ^^^^^^^ no time that a filesystem keeps
  |
  = help: accepted: `all` (mtime, ctime and btime), or some of `mtime`, `ctime`, `btime`, `atime`

error: bad value for `cleanup.full.max_ratio`
 --> evenkeel.toml:7:13
  |
7 | max_ratio = 50
  |             ^^ `50` is not a share
  |
  = help: accepted: a share of a whole: a percentage such as `90%`, or a number from 0 to 1
"#;
    assert_eq!(refused(settings), expected);
    let low = rule("full", "watermark = { high = 0.8, low = 0.9 }\naction = \"delete\"");
    assert_eq!(titles(&low), ["`cleanup.full.watermark.low` cannot be `90%`"]);
    let half = rule("full", "watermark = { high = 0.8 }\naction = \"delete\"");
    assert_eq!(titles(&half), ["`cleanup.full.watermark` needs `low`"]);
}

#[test]
fn what_does_not_fit_together_is_named_by_its_key() {
    for (lines, title) in [
        ("older_than = \"boot\"\naction = \"truncate\"", "`cleanup.a.action` cannot be `truncate`"),
        ("max_total = \"1GB\"\naction = \"truncate\"", "`cleanup.a.action` cannot be `truncate`"),
        (
            "older_than = \"7d\"\naction = \"delete\"\ntrash_ttl = \"1d\"",
            "`cleanup.a.trash_ttl` cannot be `1day`",
        ),
        (
            "older_than = \"7d\"\naction = \"compress\"\nunit = \"directory\"",
            "`cleanup.a.action` cannot be `compress`",
        ),
        (
            "max_count = 3\nkeep_newest = 4\naction = \"delete\"",
            "`cleanup.a.keep_newest` cannot be `4`",
        ),
        ("max_total = 0\naction = \"delete\"", "`cleanup.a.max_total` cannot be `0`"),
        (
            "max_count = 3\naction = \"delete\"\nrun_as = \"a:b\"",
            "`cleanup.a.run_as` cannot be `a:b`",
        ),
        (
            "max_count = 3\naction = \"delete\"\nage_by = [\"mtime\", \"all\"]",
            "`cleanup.a.age_by[1]` cannot be `all`",
        ),
    ] {
        assert_eq!(titles(&rule("a", lines)), [title], "{lines}");
    }
}

#[test]
fn all_keys_are_read() {
    let settings = "[cleanup.snapshots]\npath = \"/srv/snapshots\"\nmatch = \"20*\"\nunit = \"directory\"\n\
         watermark = { high = \"90%\", low = 0.8, of = \"inodes\" }\nage_by = [\"mtime\", \"atime\"]\nkeep_newest = 3\n\
         action = \"delete\"\nmax_files = 10\nmax_bytes = \"1TB\"\nmax_ratio = \"50%\"\nrun_as = 1000\n";
    let settings = load_text(settings).unwrap();
    let draft = settings.cleanup[0].policy.draft();
    let evenkeel_cleanup::Trigger::Watermark(mark) = draft.trigger else { panic!("{draft:?}") };
    assert_eq!((mark.high.to_string().as_str(), mark.low.to_string().as_str()), ("90%", "80%"));
    assert_eq!(mark.of, evenkeel_cleanup::Resource::Inodes);
    assert_eq!(draft.age_by.to_string(), "mtime, atime");
    assert_eq!((draft.keep_newest, draft.run_as.as_deref()), (Some(3), Some("1000")));
    assert_eq!(draft.max_ratio, evenkeel_cleanup::Share::from_ratio(0.5));
    assert_eq!(draft.unit, evenkeel_cleanup::Unit::Directory);
    let trash = rule("a", "max_total = \"1GiB\"\naction = \"trash\"");
    let week = std::time::Duration::from_hours(7 * 24);
    let action = load_text(&trash).unwrap().cleanup[0].policy.action();
    assert_eq!(action, evenkeel_cleanup::Action::Trash { ttl: week });
}

#[test]
fn rules_that_do_different_things_at_the_same_moment_are_refused_with_both_places() {
    let settings = rule("keep", "older_than = \"7d\"\naction = \"trash\"")
        + &rule("lose", "older_than = \"7d\"\naction = \"delete\"");
    let expected = r#"the settings have a problem

error: `cleanup.keep` and `cleanup.lose` do different things to the same entries, such as `*.log`, at the same older_than
  --> evenkeel.toml:10:10
   |
 5 | action = "trash"
   |          ------- and this one
...
10 | action = "delete"
   |          ^^^^^^^^ this one
   |
   = help: which of them comes first is chance: keep one, or make their names differ
"#;
    assert_eq!(refused(&settings), expected);
}

#[test]
fn rules_about_the_boot_are_at_odds_only_if_they_do_different_things() {
    let rules = |other: &str| {
        let settings = rule("a", "older_than = \"boot\"\naction = \"delete\"") + &rule("b", other);
        load_text(&settings).map(drop).map_err(|error| error.problems()[0].message().to_owned())
    };
    let told = rules("older_than = \"boot\"\naction = \"trash\"").unwrap_err();
    assert!(told.contains("do different things to the same entries"), "{told}");
    assert_eq!(rules("older_than = \"boot\"\naction = \"delete\""), Ok(()));
}

#[test]
fn a_rule_that_another_leaves_nothing_is_refused() {
    for (first, never, refused) in [
        (
            "older_than = \"7d\"\naction = \"delete\"",
            "older_than = \"30d\"\naction = \"trash\"",
            true,
        ),
        (
            "older_than = \"30d\"\naction = \"delete\"",
            "older_than = \"7d\"\naction = \"trash\"",
            true,
        ),
        ("max_count = 3\naction = \"delete\"", "max_count = 5\naction = \"delete\"", true),
        // The host may boot more often, or more seldom.
        (
            "older_than = \"boot\"\naction = \"delete\"",
            "older_than = \"7d\"\naction = \"trash\"",
            false,
        ),
        // What stays after the first is there for the second.
        (
            "older_than = \"7d\"\naction = \"compress\"",
            "older_than = \"30d\"\naction = \"delete\"",
            false,
        ),
        (
            "older_than = \"7d\"\nkeep_newest = 3\naction = \"delete\"",
            "older_than = \"30d\"\naction = \"delete\"",
            false,
        ),
        (
            "older_than = \"7d\"\naction = \"delete\"",
            "older_than = \"30d\"\nage_by = \"mtime\"\naction = \"delete\"",
            false,
        ),
        (
            "larger_than = \"1MB\"\naction = \"truncate\"",
            "larger_than = \"1GB\"\naction = \"delete\"",
            false,
        ),
        (
            "older_than = \"7d\"\naction = \"delete\"",
            "max_total = \"1GB\"\naction = \"trash\"",
            false,
        ),
    ] {
        let settings = rule("a", first) + &rule("b", never);
        let result = load_text(&settings);
        assert_eq!(result.is_err(), refused, "{settings}");
        if let Err(error) = result {
            let title = error.problems()[0].message().to_owned();
            assert!(title.contains("can never take anything"), "{title}");
        }
    }
}

#[test]
fn a_directory_in_which_another_rule_works_is_not_to_be_taken_away() {
    let outer = |recursive: bool, extra: &str| {
        format!(
            "[cleanup.outer]\npath = \"/data\"\nmatch = \"a*\"\nunit = \"directory\"\nrecursive = {recursive}\n\
             older_than = \"7d\"\naction = \"delete\"\n{extra}"
        )
    };
    let inner = |path: &str| {
        format!(
            "[cleanup.inner]\npath = \"{path}\"\nmatch = \"*\"\nolder_than = \"1d\"\naction = \"trash\"\n"
        )
    };
    for (recursive, extra, path, refused) in [
        (false, "", "/data/app", true),
        (false, "", "/data/app/deep/down", true),
        (false, "", "/data/b/app", false),
        (true, "", "/data/b/app", true),
        (true, "exclude = \"b\"\n", "/data/b/app", false),
        (false, "", "/data", false),
        (false, "", "/var/lib/app", false),
    ] {
        let settings = outer(recursive, extra) + &inner(path);
        let result = load_text(&settings);
        assert_eq!(result.is_err(), refused, "{settings}");
        if let Err(error) = result {
            let title = error.problems()[0].message().to_owned();
            assert!(title.contains("takes the directory `app` away"), "{title}");
        }
    }
}

#[test]
fn the_history_of_the_agent_is_not_cleaned_up() {
    for (rule, refused) in [
        ("path = \"/var/lib/evenkeel\"\nmatch = \"*.db\"", true),
        ("path = \"/var/lib/evenkeel/sub\"\nmatch = \"*\"", true),
        ("path = \"/data\"\nmatch = \"*\"", false),
        ("path = \"/var/lib\"\nmatch = \"*\"\nrecursive = true\nallow_system_path = true", true),
        ("path = \"/var/lib\"\nmatch = \"*\"\nallow_system_path = true", false),
        (
            "path = \"/var/lib\"\nmatch = \"even*\"\nunit = \"directory\"\nallow_system_path = true",
            true,
        ),
        (
            "path = \"/var/lib\"\nmatch = \"*\"\nexclude = \"evenkeel\"\nrecursive = true\nallow_system_path = true",
            false,
        ),
    ] {
        let settings = format!("[cleanup.a]\n{rule}\nolder_than = \"7d\"\naction = \"delete\"\n");
        let result = load_text(&settings);
        assert_eq!(result.is_err(), refused, "{settings}");
        if let Err(error) = result {
            assert_eq!(error.problems()[0].message(), "`cleanup.a` reaches `agent.state_dir`");
        }
    }
}
