//! Conditions on the parts of a target: each program of a supervisor.

use std::time::Duration;

use evenkeel_config::load_text;
use evenkeel_probe::{ProgramMemory, Target};

#[test]
fn a_condition_is_on_the_whole_or_on_each_program_by_its_field() {
    let text = r#"
[check.workers]
supervisor = { url = "unix:///run/s.sock", programs = ["*"], except = ["watch:*"], judge_states = false }
conditions = [
  { field = "failed", above = 2 },
  { field = "rss_bytes", above = "300MB", for = "5m" },
  { field = "tree_pss_bytes", above = "1GB" },
]
"#;
    let check = load_text("test.toml", text).unwrap().checks.remove(0);
    let names = |conditions: &[evenkeel_probe::Condition]| {
        conditions.iter().map(|condition| condition.field.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&check.conditions), ["failed"]);
    assert_eq!(names(&check.part_conditions), ["rss_bytes", "tree_pss_bytes"]);
    assert_eq!(check.part_conditions[0].sustained_for, Some(Duration::from_mins(5)));
    let Target::Supervisor(target) = check.target else { panic!("another kind") };
    assert_eq!(target.memory, ProgramMemory::TreeProportional);
    assert!(!target.judge_states);
    assert_eq!(target.except[0].as_str(), "watch:*");
}

#[test]
fn a_field_of_programs_is_named_where_another_is_misspelt() {
    let text = "[check.workers]\nsupervisor = { url = \"unix:///s\", programs = [\"*\"] }\nconditions = [{ field = \"rss_byte\", above = 1 }]\n";
    let error = load_text("test.toml", text).unwrap_err();
    assert_eq!(error.problems()[0].label_text(), "did you mean `rss_bytes`?");
}
