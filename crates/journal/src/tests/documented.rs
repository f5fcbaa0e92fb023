//! What docs/history.md tells people to type.

use std::process::Command;

use super::*;
use crate::{Sample, Stretch};

const PAGE: &str = include_str!("../../../../docs/history.md");
const FILE: &str = "/var/lib/evenkeel/journal.db";

/// The commands of the page, with the comment before each.
fn commands() -> Vec<&'static str> {
    let mut commands = Vec::new();
    let mut rest = PAGE;
    while let Some(begin) = rest.find("sqlite3 -readonly /var") {
        let open = begin + rest[begin..].find('"').expect("a query in quotes");
        let end = open + 1 + rest[open + 1..].find("\"\n").expect("its end") + 1;
        commands.push(&rest[begin..end]);
        rest = &rest[end..];
    }
    commands
}

/// Whether the shell is there; where tests must not be left out, it has to be.
fn installed() -> bool {
    let found = Command::new("sqlite3").arg("--version").output().is_ok();
    let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(found || !in_ci, "`sqlite3` is not installed: run `cargo xtask test` as root");
    #[expect(
        clippy::print_stderr,
        reason = "a test that is left out must not look like one that passed"
    )]
    if !found {
        eprintln!("LEFT OUT: `sqlite3` is not installed");
    }
    found
}

#[test]
fn every_query_of_the_page_finds_something_while_the_agent_writes() {
    if !installed() {
        return;
    }
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let (kind, data) = ("repaired", json!({ "by": { "exe": "/usr/bin/chmod" } }));
    journal.append(at(0), &Entry { kind, data, ..entry("k", "t") }).unwrap();
    journal.append(at(0), &entry("refused", "web")).unwrap();
    let id = journal.intend(&intent("web", at(0), "boot")).unwrap();
    journal.settle(id, at(1), "ended", "").unwrap();
    for second in (0..7_300).step_by(30) {
        let sample = |field| Sample { subject: "web", field, at: at(second), value: 7.5 };
        journal.observe(&[sample("latency_ms"), sample("rss_bytes")]).unwrap();
    }
    journal.roll_up(at(7_260)).unwrap();
    let (subject, verdict) = ("web".to_owned(), "good".to_owned());
    let stretch = Stretch { subject, verdict, from: at(0), until: at(30), slices: 1 };
    journal.extend(&stretch).unwrap();
    journal.begin_run(at(0)).unwrap();
    journal.begin_run(at(60)).unwrap();

    let commands = commands();
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands {
        let typed = command.replace(FILE, &scratch.file().display().to_string());
        let answer = Command::new("bash").args(["-c", &typed]).output().unwrap();
        let said = String::from_utf8(answer.stdout).unwrap();
        assert!(
            answer.status.success() && !said.trim().is_empty(),
            "{command}\n{answer:?}",
            answer = (said, answer.stderr)
        );
    }
}

#[test]
fn every_table_and_column_of_the_page_is_there_and_no_other() {
    let scratch = Scratch::new();
    let journal = scratch.journal();
    let sql = "SELECT m.name, group_concat(c.name, ' ') FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
               WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' GROUP BY m.name ORDER BY m.name";
    let mut statement = journal.connection.prepare(sql).unwrap();
    let tables = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let tables: Vec<(String, String)> = tables.map(Result::unwrap).collect();
    assert_eq!(tables.len(), 15);
    let (_, section) = PAGE.split_once("## Tables").expect("the section");
    for (table, columns) in tables {
        let names = |line: &&str| {
            let cell = line.split('|').nth(1).unwrap_or_default();
            cell.split(',').any(|name| name.trim() == format!("`{table}`"))
        };
        let line =
            section.lines().find(names).unwrap_or_else(|| panic!("`{table}` is not described"));
        let told = line.trim_end_matches([' ', '|']).rsplit('|').next().unwrap_or_default();
        assert_eq!(told.trim(), format!("`{columns}`"), "{table}");
    }
}
