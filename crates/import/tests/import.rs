//! Whole files, as they are imported: compared with what is kept beside them, and accepted as settings.
#![expect(
    clippy::disallowed_methods,
    reason = "reads and, when asked to, writes the fixtures beside it"
)]

use std::fs;
use std::path::Path;

use evenkeel_import::{Format, import};
use proptest::prelude::*;

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    fs::read_to_string(path).unwrap()
}

#[track_caller]
fn check(name: &str, format: Format, left_out: &[usize]) {
    let text = fixture(name);
    assert_eq!(Format::guess(Path::new(name), &text), Some(format));
    let imported = import(format, &text);
    let lines: Vec<_> = imported.left_out.iter().map(|left_out| left_out.line).collect();
    let toml = imported.to_toml();
    assert_eq!(lines, left_out, "{toml}");
    let expected = format!("{name}.toml");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(&expected);
        fs::write(path, &toml).unwrap();
    }
    assert_eq!(toml, fixture(&expected), "UPDATE_EXPECTED=1 takes it over");
    evenkeel_config::load_text(&expected, &toml).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn tmpfiles_become_permissions_and_cleanup() {
    check("app.conf", Format::Tmpfiles, &[4, 6, 8, 12, 14, 15, 16, 17, 18]);
}

#[test]
fn what_is_removed_at_boot_becomes_what_is_from_before_it() {
    let text = fixture("boot.conf");
    let left_out: Vec<_> =
        import(Format::Tmpfiles, &text).left_out.iter().map(|left_out| left_out.line).collect();
    assert_eq!(left_out, [7, 8, 12, 13, 14]);
    check("boot.conf", Format::Tmpfiles, &left_out);
}

#[test]
fn the_plans_script_becomes_the_plans_settings() {
    check("plan.sh", Format::Cron, &[8, 9, 11, 14]);
}

#[test]
fn a_crontab_brings_its_intervals() {
    check("crontab", Format::Cron, &[4, 5]);
}

#[test]
fn logrotate_stanzas_become_truncation_and_age() {
    check("logrotate.conf", Format::Logrotate, &[1, 7, 8, 10, 14, 17, 19, 20]);
}

#[test]
fn whole_days_and_units_mean_what_they_mean_to_find() {
    let imported = import(Format::Cron, "find /srv/a -name x -mtime +7 -delete\n");
    assert!(imported.to_toml().contains("older_than = \"8d\"\nage_by = \"mtime\""));
    let imported = import(Format::Cron, "find /srv/a -size +3 -delete\n");
    assert!(imported.to_toml().contains("larger_than = \"1536B\""));
}

#[test]
fn what_a_file_holds_cannot_become_settings_of_its_own() {
    let text = "d \"/srv/a\\nb\\\"\\n[agent]\\nmode\" 0755 - - -\nd /srv/x 0755 \"a\\\"b\" - -\nx /srv/\u{1b}[2J\r\n";
    let imported = import(Format::Tmpfiles, text);
    let toml = imported.to_toml();
    assert!(toml.lines().all(|line| line != "[agent]"), "{toml}");
    assert!(!toml.contains('\u{1b}') && !toml.contains('\r'), "{toml:?}");
}

fn line() -> impl Strategy<Value = String> {
    let word = "(/[a-z*.\\[{]{0,6}){1,3}|[0-9]{1,4}|[-+!:~%$a-zA-Z0-9*/]{0,8}|find|chmod|chown|-name|-mtime|\\+7|-delete|[dDezZxX]|size|\\{|\\}|['\"\\\\]|.";
    proptest::collection::vec(word, 0..9).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn any_text_gives_settings_that_parse(lines in proptest::collection::vec(line(), 0..12)) {
        let text = lines.join("\n");
        for format in [Format::Tmpfiles, Format::Logrotate, Format::Cron] {
            let toml = import(format, &text).to_toml();
            prop_assert!(toml::from_str::<toml::Table>(&toml).is_ok(), "{}", toml);
        }
        let _ = Format::guess(Path::new("x"), &text);
    }

    #[test]
    fn nothing_is_dropped_without_a_word(lines in proptest::collection::vec(line(), 1..12)) {
        let text = lines.join("\n");
        let imported = import(Format::Tmpfiles, &text);
        let toml = imported.to_toml();
        for (index, line) in lines.iter().enumerate() {
            if line.trim().is_empty() || line.trim().starts_with('#') || line.contains('\n') || line.contains('\r') {
                continue;
            }
            let number = index + 1;
            let told = imported.left_out.iter().any(|left_out| left_out.line == number)
                || toml.contains(&format!("line {number}"))
                || toml.contains(&format!(", {number}"))
                || toml.contains(&format!("lines {number}"))
                || toml.contains("exclude");
            prop_assert!(told, "line {}: {}\n{}", number, line, toml);
        }
    }
}

#[test]
fn variables_that_double_each_other_stay_within_a_words_length() {
    let doubling = (1..40).fold(String::new(), |text, level| {
        format!("{text}a{level}=$a{}$a{}\n", level - 1, level - 1)
    });
    let imported = import(Format::Cron, &format!("a0=/xxxxxxx\n{doubling}chmod 0700 $a2\n"));
    assert!(imported.to_toml().contains("path = \"/xxxxxxx/xxxxxxx/xxxxxxx/xxxxxxx\""));
    assert_eq!(imported.left_out[0].line, 10, "{:?}", imported.left_out[0]);
    let many = import(Format::Cron, &format!("a=\nchmod 0700 /x{}\n", "$a".repeat(100_000)));
    assert_eq!(many.left_out, []);
}

#[test]
fn a_user_or_group_that_no_settings_take_is_left_out() {
    for text in ["d /srv/x 0755 a:b -", "z /srv/x 0755 - a/b", "d /srv/x 0755 4294967295 -"] {
        assert_eq!(import(Format::Tmpfiles, text).left_out.len(), 1, "{text}");
    }
    assert_eq!(import(Format::Cron, "chown app:a/b /srv/x").left_out.len(), 1);
}

#[test]
fn a_glob_of_which_an_earlier_line_takes_every_name_is_no_second_one() {
    let same = import(Format::Cron, "chmod 644 /srv/x/*.hash\nchmod 644 /srv/x/*.hash\n");
    assert_eq!(same.left_out, []);
    assert!(load(&same.to_toml()).is_ok(), "{}", same.to_toml());
    let other = import(Format::Cron, "chmod 644 /srv/x/*\nchmod 600 /srv/x/*.hash\n");
    assert_eq!(other.left_out[0].line, 2, "{:?}", other.left_out);
    assert!(load(&other.to_toml()).is_ok(), "{}", other.to_toml());
}

fn load(toml: &str) -> Result<evenkeel_config::Settings, evenkeel_config::ConfigError> {
    evenkeel_config::load_text("imported.toml", toml)
}
