use std::cell::OnceCell;

use evenkeel_agent::fuzzing::drive;
use evenkeel_config::{
    ConfigError, Place, Sources, load_text, process_jobs, reveal, rule_inputs, show,
};
use evenkeel_metrics::rules::{alert_rules, rule_tests, scrape_config};

use crate::{assert_harmless, scratch};

/// The settings of one file.
///
/// What is refused is told with a line that the file has, in words that no terminal obeys. What is accepted can be shown, loads as
/// the same settings when it is, has alert rules, and runs in an engine.
pub fn settings(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match load_text("settings.toml", text) {
        Err(error) => refused(text, &error),
        Ok(settings) => {
            let inputs = rule_inputs(&settings);
            let rules = [
                alert_rules(&inputs),
                rule_tests(&inputs, "rules.yml"),
                scrape_config(&"localhost:9720".into(), &process_jobs(&settings)),
            ];
            for text in &rules {
                assert_harmless(text);
            }
            accepted(text);
            drive(settings);
        }
    }
}

fn refused(text: &str, error: &ConfigError) {
    let lines = text.split('\n').count();
    assert!(!error.problems().is_empty(), "refused without a reason");
    for problem in error.problems() {
        if let Some(line) = problem.place().and_then(Place::line) {
            assert!((1..=lines).contains(&line), "line {line} of {lines}: {problem:?}");
        }
    }
    assert_harmless(&error.to_string());
}

/// Shown and loaded again, it is the same.
fn accepted(text: &str) {
    let shown = with_file(text, |sources| {
        let origins = show(sources).expect("what loads can be shown").to_toml(true);
        assert_harmless(&origins);
        reveal(sources).expect("what loads can be shown").to_toml(false)
    });
    if let Err(error) = load_text("shown.toml", &shown) {
        panic!("what was shown is refused: {error}\n\n{shown}");
    }
    let again = with_file(&shown, |sources| reveal(sources).expect("it loaded").to_toml(false));
    assert_eq!(shown, again);
}

/// Calls `look` with this text as the only file.
fn with_file<T>(text: &str, look: impl FnOnce(&Sources) -> T) -> T {
    thread_local! {
        static SCRATCH: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
    }
    SCRATCH.with(|folder| {
        let folder = folder.get_or_init(scratch);
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, text).expect("a scratch file");
        look(&Sources { files: vec![path], ..Sources::default() })
    })
}
