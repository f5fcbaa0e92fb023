//! What is said of a fault file that is wrong.

use std::time::Duration;

use evenkeel_config::load_text;
use evenkeel_simulator::{Faults, Span, What};

const SETTINGS: &str = "[check.web]\nhttp = { url = \"http://127.0.0.1:1/\" }\n[check.disk]\ndisk = { path = \"/\" }\n\
    [check.supervisor]\nsupervisor = { url = \"unix:///run/s.sock\", programs = [\"api\"] }\n\
    [recovery.web]\nwhen = [\"web\"]\nsteps = [{ action = \"exec\", command = [\"restart\"] }]\n\
    [recovery.programs]\nwhen = [\"supervisor\"]\nsteps = [{ action = \"supervisor.restart-program\" }]\n\
    [permissions.state]\npath = \"/srv/state\"\nfiles = [{ match = \"*\", mode = \"0644\" }]\n\
    [cleanup.old]\npath = \"/srv/old\"\nmatch = [\"*.tmp\"]\nolder_than = \"7d\"\naction = \"delete\"\n";

fn parse(text: &str) -> Result<Faults, evenkeel_simulator::FaultFileError> {
    let settings = load_text("settings.toml", SETTINGS).expect("settings of the test");
    Faults::parse("faults.toml", text, &settings)
}

/// Each problem as line, key and label.
#[track_caller]
fn refused(text: &str, expected: &[(usize, &str, &str)]) {
    let error = parse(text).expect_err("it is wrong");
    let found: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| {
            let line = problem.place().and_then(evenkeel_config::Place::line);
            (line.unwrap_or(0), problem.key().unwrap_or("").to_owned(), problem.label_text())
        })
        .collect();
    let found: Vec<_> =
        found.iter().map(|(line, key, label)| (*line, key.as_str(), *label)).collect();
    assert_eq!(found, expected, "{error}");
}

#[test]
fn each_mistake_is_told_with_its_line_its_key_and_what_was_meant() {
    refused(
        "[fault.a]\nkind = \"crahs\"\nevery = \"7d\"\n",
        &[(2, "fault.a.kind", "did you mean `crash`?")],
    );
    refused(
        "[fault.a]\nkind = \"crash\"\nevery = \"-5s\"\n",
        &[(3, "fault.a.every", "`-5s` is negative: time goes forward")],
    );
    refused("[fault.a]\nkind = \"crash\"\nevery = 5\n", &[(3, "fault.a.every", "`5` has no unit")]);
    refused(
        "[fault.a]\nkind = \"crash\"\nevery = \"0s\"\n",
        &[(3, "fault.a.every", "0 is no time")],
    );
    refused(
        "[fault.a]\nkind = \"flap\"\nat = \"1h\"\ndown = \"0s\"\nup = \"0s\"\n",
        &[(4, "fault.a.down", "0 is no time")],
    );
    refused(
        "[fault.a]\nkind = \"depends\"\ntargets = \"*\"\non = \"web\"\n",
        &[(3, "fault.a.targets[0]", "not known")],
    );
    refused(
        "[fault.a]\nkind = \"crash\"\nat = \"1h\"\ntargets = [\"web\", \"wbe\"]\n",
        &[(4, "fault.a.targets[1]", "did you mean `web`?")],
    );
    refused(
        "[fault.a]\nkind = \"crash\"\nat = \"1h\"\ntargets = \"programs/apo\"\n",
        &[(4, "fault.a.targets[0]", "did you mean `programs/api`?")],
    );
    refused(
        "[fault.a]\nkind = \"crash\"\nat = \"1h\"\nlatency = \"5s\"\n",
        &[(4, "fault.a.latency", "no such key here")],
    );
    refused(
        "[fault.a]\nkind = \"crash\"\nat = \"1h\"\nlast = \"5s\"\n",
        &[(4, "fault.a.last", "did you mean `lasts`?")],
    );
    refused(
        "[fault.a]\nkind = \"crash\"\nat = \"1h\"\nlasts = \"5s..1s\"\n",
        &[(4, "fault.a.lasts", "`5s..1s` ends before it begins")],
    );
    refused("[fault.a]\nkind = \"crash\"\n", &[(1, "fault.a", "needs `every` or `at`")]);
    refused("[fault.a]\nat = \"1h\"\n", &[(1, "fault.a", "what does it do?")]);
    refused("[fault.a]\nkind = \"slow\"\nat = \"1h\"\n", &[(1, "fault.a", "`latency` is missing")]);
    refused(
        "[fault.a]\nkind = \"crash\"\nat = \"1h\"\ncured_by = \"exce\"\n",
        &[(4, "fault.a.cured_by[0]", "did you mean `exec`?")],
    );
    refused(
        "[fault.a]\nkind = \"drift\"\nevery = \"1h\"\nrules = \"stat\"\n",
        &[(4, "fault.a.rules[0]", "did you mean `state`?")],
    );
    refused(
        "[fault.a]\nkind = \"fill\"\nat = \"1h\"\nchecks = \"web\"\nper_hour = 1\n",
        &[(4, "fault.a.checks[0]", "not known")],
    );
    refused(
        "[fault.a]\nkind = \"leak\"\nat = \"1h\"\nfrom = \"3MB\"\nuntil = \"2MB\"\nper_hour = \"1MB\"\n",
        &[(5, "fault.a.until", "not above 3000000")],
    );
    refused("[action.a]\nheals = 1.5\n", &[(2, "action.a.heals", "out of bounds")]);
    refused(
        "[action.a]\ntargets = \"weeb\"\n",
        &[(2, "action.a.targets[0]", "did you mean `web`?")],
    );
    refused("[parts]\nweb = [\"x\"]\n", &[(2, "parts.web", "no such key here")]);
    refused("[fautl.a]\nkind = \"crash\"\n", &[(1, "fautl", "did you mean `fault`?")]);
    refused("[fault.a\n", &[(1, "", "unclosed table, expected `]`")]);
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let text = "[fault.a]\nkind = \"crash\"\nevery = \"-1s\"\n[fault.b]\nkind = \"hang\"\nat = \"1h\"\ntargets = \"nobody\"\n";
    assert_eq!(parse(text).expect_err("it is wrong").problems().len(), 2);
}

#[test]
fn a_file_that_names_no_fault_has_the_usual_ones_and_one_that_does_has_its_own() {
    let usual = parse("").expect("an empty file is one");
    assert!(usual.faults.contains_key("crash") && usual.faults.len() > 3);
    let own = parse("[fault.a]\nkind = \"hang\"\nat = [\"1h\", \"2h\"]\n").expect("a fault file");
    assert_eq!(own.faults.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(own.faults["a"].when.at.len(), 2);
    let both = parse("usual = true\n[fault.a]\nkind = \"hang\"\nat = \"1h\"\n").expect("both");
    assert_eq!(both.faults.len(), usual.faults.len() + 1);
}

#[test]
fn the_example_of_the_documentation_is_read_as_it_says() {
    let page = include_str!("../../../../docs/simulation.md");
    let examples: Vec<_> =
        page.split("```faults\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let read: Vec<_> = examples
        .iter()
        .map(|example| parse(example).unwrap_or_else(|error| panic!("{error}")))
        .collect();
    // The last one stands where the form is explained.
    let faults = read.last().expect("there are examples");
    let What::Crash(strike) = &faults.faults["crash"].what else { panic!("another kind") };
    assert_eq!(strike.targets, ["web"]);
    let What::Slow(_, latency) = &faults.faults["slow"].what else { panic!("another kind") };
    assert_eq!(*latency, Span::between(Duration::from_secs(1), Duration::from_secs(20)));
}
